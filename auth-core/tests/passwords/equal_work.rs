//! A failed attempt computes the same, whoever it names.

use std::collections::BTreeMap;

use auth_core::password::{Argon2Cost, Format, Verdict};
use auth_core::{Passwords, Secret};

use crate::{ALL, HASHES, preferring};

/// What an attempt with a wrong password computes.
async fn work(passwords: &Passwords, password: &str, stored: Option<&str>) -> BTreeMap<&'static str, u64> {
    let before = passwords.work();
    let verdict = passwords.verify(&Secret::new(password), stored).await.unwrap();
    assert_eq!(verdict, Verdict::Mismatch, "{stored:?}");
    passwords.work().into_iter().map(|(class, work)| (class, work - before[class])).collect()
}

async fn assert_alike(passwords: &Passwords, stored: &[&str]) {
    for password in ["wrong", &"a".repeat(100), "ends in NUL\0"] {
        let unknown = work(passwords, password, None).await;
        assert!(unknown.values().all(|work| *work > 0), "{unknown:?}");
        for stored in stored {
            assert_eq!(work(passwords, password, Some(stored)).await, unknown, "{stored} {password:?}");
        }
    }
}

fn argon2(memory_kib: u32) -> Format {
    Format::argon2(Argon2Cost::dangerous_weak(memory_kib, 2, 1).unwrap())
}

const NO_HASHES: [&str; 4] = ["!", "", "md5$x$y", "$2b$31$x"];

#[tokio::test]
async fn cheap_hashes_are_no_quicker() {
    let cheap = [Format::django_pbkdf2_sha1(1_000), Format::bcrypt(4), Format::sha256_crypt(5_000)];
    let passwords = preferring(argon2(1024)).accept(cheap).build().unwrap();
    assert_alike(&passwords, &[HASHES[0], HASHES[12], HASHES[13], HASHES[14]]).await;
    assert_alike(&passwords, &NO_HASHES).await;
}

/// Where old hashes are costlier than new ones, an unknown user must be as costly as they are.
#[tokio::test]
async fn costly_hashes_are_no_slower() {
    let costly = "$2b$08$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG";
    let passwords = preferring(argon2(256)).accept([Format::bcrypt(8), argon2(1024)]).build().unwrap();
    let new = passwords.hash(&Secret::new("right")).await.unwrap();
    assert_alike(&passwords, &[costly, HASHES[12], new.as_str(), "!"]).await;
}

/// Whichever format is preferred, and with all of them in the table.
#[tokio::test]
async fn any_preferred_format_is_one_of_them() {
    let high = [Format::scrypt(5, 8, 2), Format::sha256_crypt(5_000), Format::sha512_crypt(5_000)];
    let cheap: Vec<_> =
        HASHES.into_iter().filter(|hash| !hash.contains("$16384$") && !hash.contains("10000")).collect();
    let weak = [Format::django_argon2(Argon2Cost::dangerous_weak(64, 2, 1).unwrap())];
    let costly = Format::django_argon2(Argon2Cost::MINIMUM);
    for preferred in [Format::bcrypt(5), Format::scrypt(6, 8, 1), Format::pbkdf2_sha512(2_000)] {
        let others = ALL.into_iter().filter(|format| *format != costly);
        let passwords = preferring(preferred).accept(others.chain(high).chain(weak)).build().unwrap();
        assert_alike(&passwords, &cheap).await;
        assert_alike(&passwords, &NO_HASHES).await;
    }
}

/// A password that matches computes its own hash alone.
#[tokio::test]
async fn a_right_password_costs_its_own_hash() {
    let passwords = preferring(argon2(64)).accept([Format::bcrypt(4)]).build().unwrap();
    let stored = passwords.hash(&Secret::new("right")).await.unwrap();
    let before = passwords.work();
    let verdict = passwords.verify(&Secret::new("right"), Some(stored.as_str())).await.unwrap();
    assert_eq!(verdict, Verdict::Match { outdated: false });
    let after = passwords.work();
    assert_eq!((after["argon2"] - before["argon2"], after["bcrypt"] - before["bcrypt"]), (128, 0));
}
