//! Which hashes are to be replaced at the next login.

use auth_core::password::{Argon2Cost, Format, Verdict};

use crate::{ALL, HASHES, PASSWORD, preferring, reading_all, verify, weak_argon2};

const OUTDATED: Verdict = Verdict::Match { outdated: true };
const CURRENT: Verdict = Verdict::Match { outdated: false };

#[tokio::test]
async fn other_formats_are_outdated() {
    let passwords = reading_all();
    for stored in HASHES {
        assert_eq!(verify(&passwords, stored, PASSWORD).await, OUTDATED, "{stored}");
        assert_eq!(verify(&passwords, stored, "wrong").await, Verdict::Mismatch, "{stored}");
    }
}

#[tokio::test]
async fn a_shared_table_is_left_alone() {
    let passwords =
        preferring(Format::django_pbkdf2_sha256(1_000)).accept(ALL).without_upgrade().build().unwrap();
    for stored in HASHES {
        assert_eq!(verify(&passwords, stored, PASSWORD).await, CURRENT, "{stored}");
    }
}

/// Lower costs, a short salt, a short hash.
#[tokio::test]
async fn weaker_ones_of_the_same_format_are_outdated() {
    let short_salt = "pbkdf2_sha256$1000$seasalt$3xmXbyk2QpiyNcnoBbzRPwEBsYPTbDlRdtmLyBvQltA=";
    let cases = [
        (Format::pbkdf2_sha256(1_000), HASHES[5], CURRENT),
        (Format::pbkdf2_sha256(1_001), HASHES[5], OUTDATED),
        (Format::pbkdf2_sha512(1_000), HASHES[7], CURRENT),
        (Format::pbkdf2_sha512(1_000), HASHES[8], OUTDATED),
        (Format::django_pbkdf2_sha256(1_000), short_salt, OUTDATED),
        (Format::django_scrypt(14, 8, 1), HASHES[1], CURRENT),
        (Format::django_scrypt(14, 8, 2), HASHES[1], OUTDATED),
        (Format::bcrypt(4), HASHES[10], CURRENT),
        (Format::bcrypt(5), HASHES[10], OUTDATED),
        (Format::django_bcrypt_sha256(4), HASHES[3], CURRENT),
    ];
    for (format, stored, expected) in cases {
        let passwords = preferring(format).build().unwrap();
        assert_eq!(verify(&passwords, stored, PASSWORD).await, expected, "{format:?} {stored}");
    }
}

/// Argon2 before version 1.3, from the vectors of its authors.
#[tokio::test]
async fn old_argon2_matches_and_is_outdated() {
    let hash = "$argon2i$m=65536,t=2,p=1$c29tZXNhbHQ$9sTbSlTio3Biev89thdrlKKiCaYsjjYVJxGAL3swxpQ";
    let format = Argon2Cost::dangerous_weak(64, 1, 1).map(Format::django_argon2).unwrap();
    let passwords = preferring(weak_argon2()).accept([format]).build().unwrap();
    assert_eq!(verify(&passwords, hash, "password").await, OUTDATED);
    assert_eq!(verify(&passwords, &format!("argon2{hash}"), "password").await, OUTDATED);
}

/// A password that the preferred format would cut stays where it is whole.
#[tokio::test]
async fn what_cannot_be_upgraded_is_not_outdated() {
    let long = "a".repeat(100);
    let old = preferring(Format::django_bcrypt_sha256(4)).build().unwrap();
    let hash = old.hash(&auth_core::Secret::new(long.clone())).await.unwrap();
    let new = preferring(Format::bcrypt(5)).accept([Format::django_bcrypt_sha256(4)]).build().unwrap();
    assert_eq!(verify(&new, hash.as_str(), &long).await, CURRENT);
}
