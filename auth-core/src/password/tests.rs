//! What is read, and how much work is done, whatever is stored.

use std::time::Duration;

use proptest::prelude::*;
use tokio::task::JoinSet;

use super::algorithm::Limits;
use super::format::SALT_LEN;
use super::registry::Registry;
use super::{Argon2Cost, Buffer, Format, Passwords, Secret, Stored, Verdict};

fn weak(memory_kib: u32, passes: u32) -> Format {
    Format::argon2(Argon2Cost::dangerous_weak(memory_kib, passes, 1).unwrap())
}

fn registry(preferred: Format) -> Registry {
    Registry::new(preferred, &[], Limits::DEFAULT, true)
}

fn made(password: &str) -> String {
    registry(weak(64, 2)).hash(password.as_bytes(), &[7; SALT_LEN], &mut Buffer::new(64)).unwrap()
}

/// `None` if the stored value is refused.
fn verdict(registry: &Registry, stored: &str, password: &str) -> Option<Verdict> {
    match registry.read(stored, password.as_bytes()) {
        Stored::Hash(hash) => Some(registry.compare(&hash, password.as_bytes(), &mut Buffer::new(64))),
        Stored::Unusable | Stored::Refused(_) => None,
    }
}

/// PW-2, H10: verified exactly as received.
#[test]
fn passwords_are_taken_as_they_are() {
    let (stored, registry) = (made(" p\u{e4}ss\0word "), registry(weak(64, 2)));
    let right = Some(Verdict::Match { outdated: false });
    assert_eq!(verdict(&registry, &stored, " p\u{e4}ss\0word "), right);
    for wrong in ["p\u{e4}ss\0word", " p\u{e4}ss", " P\u{c4}SS\0WORD ", " pa\u{308}ss\0word ", ""] {
        assert_eq!(verdict(&registry, &stored, wrong), Some(Verdict::Mismatch), "{wrong:?}");
    }
}

#[test]
fn weaker_hashes_are_outdated() {
    let stored = made("secret");
    for (current, outdated) in [(weak(64, 3), true), (weak(64, 1), false), (weak(65, 2), true)] {
        let verdict = verdict(&registry(current), &stored, "secret");
        assert_eq!(verdict, Some(Verdict::Match { outdated }), "{current:?}");
    }
}

/// PW-5, H12: hostile costs are refused without being tried.
#[test]
fn hostile_costs_are_refused() {
    for costs in [
        "m=4294967295,t=2,p=1",
        "m=8000000,t=2,p=1",
        "m=131073,t=2,p=1",
        "m=19456,t=4294967295,p=1",
        "m=19456,t=9,p=1",
        "m=19456,t=2,p=16777215",
        "m=19456,t=2,p=9",
    ] {
        let stored = format!(
            "$argon2id$v=19${costs}$c29tZXNhbHRzb21lc2FsdA$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHApz8ArZpWF5ACNo"
        );
        assert!(matches!(registry(weak(64, 2)).read(&stored, b"x"), Stored::Refused(_)), "{costs}");
    }
}

/// PW-7: nothing that is no hash verifies.
#[test]
fn what_is_no_hash_never_verifies() {
    let registry = registry(weak(64, 2));
    for stored in [
        "",
        "!",
        "!abc",
        "null",
        "*0",
        "*1",
        "$2y$10$",
        "$2b$31$...",
        "pbkdf2_sha256$0$..",
        "md5$",
        "plain",
        "$argon2",
        "$argon2id$",
        "$argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHQ",
        "$argon2id$v=19$m=64,t=2,p=1$$",
        "$argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$AAAA",
        "$argon2id$v=99$m=64,t=2,p=1$c29tZXNhbHQ$AA",
    ] {
        for password in ["", "null", "x", stored] {
            assert!(!matches!(verdict(&registry, stored, password), Some(Verdict::Match { .. })), "{stored}");
        }
    }
}

/// H07: whichever of the formats a hash is of, and whatever its costs, the rest of the work is made up for.
#[cfg(feature = "django")]
#[test]
fn every_failure_is_the_same_work() {
    let costly = [
        Format::django_pbkdf2_sha256(50_000),
        Format::pbkdf2_sha512(9_000),
        Format::scrypt(10, 8, 1),
        Format::bcrypt(7),
        weak(1024, 2),
    ];
    for preferred in costly {
        let registry = Registry::new(preferred, &costly, Limits::DEFAULT, true);
        let whole = registry.work(8);
        for format in costly {
            for share in [1, 2, 3, 5, 10] {
                let algorithm = format.recipe.algorithm();
                let Some(recipe) = algorithm.part(algorithm.units(8) / share) else { continue };
                let stored = registry.work_of(&Format { recipe, ..format }, 8);
                let padding = registry.missing(stored, 8).map(|recipe| Format { recipe, ..preferred });
                let done = stored + padding.map(|format| registry.work_of(&format, 8)).sum::<u64>();
                // What is left out is less than the smallest hash of the preferred format.
                assert!(done <= whole && done >= whole / 10 * 8, "{recipe:?} {done} of {whole}");
            }
        }
    }
}

/// SHA-crypt's work grows with the password: up to the longest that it takes, and not to what a client may send.
#[cfg(feature = "sha-crypt")]
#[test]
fn long_passwords_do_not_multiply_the_work() {
    let registry = Registry::new(weak(64, 2), &[Format::sha512_crypt(1_000)], Limits::DEFAULT, true);
    assert!(registry.work(512) > registry.work(8));
    assert_eq!(registry.work(4096), registry.work(512));
}

proptest! {
    /// PW-6: no text panics the reader.
    #[test]
    fn any_text_is_read_without_panic(stored in "\\PC{0,200}") {
        let registry = registry(weak(64, 2));
        registry.read(&stored, b"x");
        registry.read(&format!("$argon2id$v=19$m=64,t=2,p=1${stored}"), b"x");
    }

    /// PW-6: nor does a hash cut or altered anywhere.
    #[test]
    fn damaged_hashes_are_read_without_panic(at in 0_usize..90, what in "\\PC") {
        let (good, registry) = (made("secret"), registry(weak(64, 2)));
        let at = at.min(good.len());
        registry.read(&good[..at], b"x");
        registry.read(&format!("{}{what}{}", &good[..at], &good[at..]), b"x");
    }
}

/// With one thread per pool, a crowd as large as the queue: each waits its turn, none is told to ask again.
#[tokio::test]
async fn a_crowd_waits_its_turn() {
    let cost = Argon2Cost::dangerous_weak(64, 1, 1).unwrap();
    let passwords = Passwords::builder().cost(cost).threads(1).wait(Duration::from_secs(60)).build().unwrap();
    let mut crowd = JoinSet::new();
    for _ in 0..Passwords::QUEUE_PER_THREAD {
        let passwords = passwords.clone();
        crowd.spawn(async move { passwords.verify(&Secret::new("wonderland"), None).await });
    }
    assert!(crowd.join_all().await.into_iter().all(|verdict| verdict.is_ok()));
    assert_eq!(passwords.runs(), Passwords::QUEUE_PER_THREAD as u64);
}
