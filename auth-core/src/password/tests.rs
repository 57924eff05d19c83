//! What is read, and how much work is done, whatever is stored.

use std::collections::BTreeMap;
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
        Stored::Hash(hash) => Some(registry.compare(&hash, password.as_bytes(), true, &mut Buffer::new(64))),
        Stored::Unusable | Stored::Refused(_) => None,
    }
}

/// Verified exactly as received.
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

/// Hostile costs are refused without being tried.
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

/// Nothing that is no hash verifies.
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

/// Work at lower costs that is not a multiple of anything.
#[cfg(all(feature = "django", feature = "sha-crypt"))]
const CHEAPER: [&str; 14] = [
    "pbkdf2_sha256$1001$seasalt$3xmXbyk2QpiyNcnoBbzRPwEBsYPTbDlRdtmLyBvQltA=",
    "pbkdf2_sha256$5000$seasalt$3xmXbyk2QpiyNcnoBbzRPwEBsYPTbDlRdtmLyBvQltA=",
    "$pbkdf2-sha512$i=4999,l=64$AAECAwQFBgcICQoLDA0ODw$A6AmFIti7CKlYdoPiV9jf1d9llp37o27Wms8Zx8fwMJGCOigJzAthOW3Pg+XF5PnNiYnsQsIz1N5NtynrEm78w",
    "pbkdf2_sha1$1234$seasalt$9iRYj0as1r5j+cCBxB+HMlxkyr4=",
    "$scrypt$ln=4,r=8,p=2$AAECAwQFBgcICQoLDA0ODw$VbIe1ib8N3AGdHJ/i+4z5gayZwy70BXfZyJXhL3ev0c",
    "$scrypt$ln=5,r=7,p=3$AAECAwQFBgcICQoLDA0ODw$VbIe1ib8N3AGdHJ/i+4z5gayZwy70BXfZyJXhL3ev0c",
    "$2b$04$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG",
    "bcrypt_sha256$$2b$05$EG2WIvAhoPdgWyGwTGLfs.1NZKjFXgwOQzbZ7Zx9wKlagbuqkHUI6",
    "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHApz8ArZpWF5ACNo",
    "$argon2i$v=16$m=101,t=3,p=3$c29tZXNhbHRzb21lc2FsdA$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHApz8ArZpWF5ACNo",
    "$5$rounds=1000$roundstoolow$e7M8/jKxuRGz/B0HBeVmCSxjq8k2V7MGFHnktjeO/t6",
    "$5$rounds=1345$s$e7M8/jKxuRGz/B0HBeVmCSxjq8k2V7MGFHnktjeO/t6",
    "$6$rounds=1999$saltstringsaltst$vYfRg0cvt6jqN.cdxF22BORftytx0YPFkovksVubXuGbzxqnymO6iA22anPhq1CcF20s8mxa6wCNxLd21.zwA.",
    "$6$rounds=2000$eightcha$vYfRg0cvt6jqN.cdxF22BORftytx0YPFkovksVubXuGbzxqnymO6iA22anPhq1CcF20s8mxa6wCNxLd21.zwA.",
];

/// Whichever of the formats a hash is of, and whatever its costs, what a failed attempt computes is the same, step
/// by step of each algorithm, whichever format is preferred. That holds for long passwords, too, and for those that
/// some formats do not take.
#[cfg(all(feature = "django", feature = "sha-crypt"))]
#[test]
fn every_failure_is_the_same_work() {
    let costly = [
        Format::django_pbkdf2_sha256(5_000),
        Format::django_pbkdf2_sha1(2_000),
        Format::pbkdf2_sha512(5_000),
        Format::scrypt(8, 8, 2),
        Format::bcrypt(6),
        Format::django_bcrypt_sha256(5),
        weak(256, 3),
        Format::sha256_crypt(2_000),
        Format::sha512_crypt(2_000),
        Format::django_scrypt(6, 8, 1),
    ];
    let long = "x".repeat(100);
    for preferred in [costly[0], costly[6]] {
        let registry = Registry::new(preferred, &costly, Limits::DEFAULT, true);
        for password in ["w", "wrong password", "ends in NUL\0", &long, &"x".repeat(600)] {
            let nobody = failed(&registry, None, password);
            assert_eq!(nobody.len(), 8, "{nobody:?}");
            for stored in CHEAPER {
                assert_eq!(failed(&registry, Some(stored), password), nobody, "{stored} {password}");
            }
        }
    }
}

/// What is computed for an attempt with a wrong password.
#[cfg(all(feature = "django", feature = "sha-crypt"))]
fn failed(registry: &Registry, stored: Option<&str>, password: &str) -> BTreeMap<&'static str, u64> {
    let (before, mut buffer) = (registry.computed(), Buffer::new(64));
    match stored.map(|stored| registry.read(stored, password.as_bytes())) {
        Some(Stored::Hash(hash)) => {
            assert_eq!(registry.compare(&hash, password.as_bytes(), true, &mut buffer), Verdict::Mismatch);
        }
        Some(Stored::Refused(why)) => panic!("{stored:?} is refused: {why}"),
        Some(Stored::Unusable) | None => registry.waste(None, password.as_bytes(), &mut buffer),
    }
    registry.computed().into_iter().map(|(class, work)| (class, work - before[class])).collect()
}

/// One format is one hash, of which nothing is left to do: also where more is accepted that is computed alike.
#[test]
fn the_usual_case_is_one_hash() {
    let registry = registry(weak(64, 2));
    let Stored::Hash(hash) = registry.read(&made("secret"), b"wrong") else { panic!("it is read") };
    assert_eq!(registry.compare(&hash, b"wrong", true, &mut Buffer::new(64)), Verdict::Mismatch);
    assert_eq!(registry.computed(), BTreeMap::from([("argon2", 128)]));
    assert!(registry.is_all(Registry::done(&hash, b"wrong"), b"wrong"));
}

proptest! {
    /// No text panics the reader.
    #[test]
    fn any_text_is_read_without_panic(stored in "\\PC{0,200}") {
        let registry = registry(weak(64, 2));
        registry.read(&stored, b"x");
        registry.read(&format!("$argon2id$v=19$m=64,t=2,p=1${stored}"), b"x");
    }

    /// Nor does a hash cut or altered anywhere.
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
