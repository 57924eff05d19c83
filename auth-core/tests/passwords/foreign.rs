//! Hashes of every format: the right password and no other.

use auth_core::Secret;
use auth_core::password::{Argon2Cost, Format};

use crate::{ALL, HASHES, PASSWORD, matches, preferring, reading_all, weak_argon2};

#[tokio::test]
async fn each_matches_its_password_and_no_other() {
    let passwords = reading_all();
    for stored in HASHES {
        assert!(matches(&passwords, stored, PASSWORD).await, "{stored}");
        for wrong in [
            "x",
            " correct horse battery staple",
            "correct horse battery staple\0",
            "Correct horse battery staple",
        ] {
            assert!(!matches(&passwords, stored, wrong).await, "{stored} {wrong:?}");
        }
    }
}

/// What is not accepted is not read, and what is accepted in one spelling is not in the other.
#[tokio::test]
async fn only_accepted_formats_are_read() {
    let argon2_only = preferring(weak_argon2()).build().unwrap();
    for stored in HASHES {
        assert!(!matches(&argon2_only, stored, PASSWORD).await, "{stored}");
    }
    let plain = preferring(Format::bcrypt(4)).build().unwrap();
    let django = preferring(Format::django_bcrypt(4)).build().unwrap();
    let hash = plain.hash(&Secret::new("x")).await.unwrap();
    assert!(matches(&plain, hash.as_str(), "x").await && !matches(&django, hash.as_str(), "x").await);
    let hash = django.hash(&Secret::new("x")).await.unwrap();
    assert!(matches(&django, hash.as_str(), "x").await && !matches(&plain, hash.as_str(), "x").await);
}

/// What is taken from elsewhere is what can be computed here, and errors do not repeat it.
#[test]
fn hashes_from_elsewhere_are_recognised() {
    let (all, argon2_only) = (reading_all(), preferring(weak_argon2()).build().unwrap());
    for stored in HASHES {
        assert_eq!(all.recognise(stored).unwrap().as_str(), stored);
        let error = argon2_only.recognise(stored).unwrap_err().to_string();
        assert_eq!(error, "the password hash is not usable: its format is not accepted");
        let cut = all.recognise(&stored[..stored.len() / 2]).unwrap_err().to_string();
        assert_eq!(cut, "the password hash is not usable: it cannot be read", "{stored}");
    }
    let hostile = all.recognise("$2b$31$f9bH96g6MXeaMfauQs4Vq.M.VWaq41GldVkWJbZn3QzHE10ilM.u6");
    assert!(hostile.unwrap_err().to_string().ends_with("its costs are beyond the limits"));
    assert_eq!(all.recognise("!abc").unwrap().as_str(), "!abc");
    for none in ["", " ", "plain text", "5f4dcc3b5aa765d61d8327deb882cf99"] {
        assert!(all.recognise(none).is_err(), "{none:?}");
    }
}

#[tokio::test]
async fn what_is_written_is_read() {
    let weak = Argon2Cost::dangerous_weak(64, 1, 1).unwrap();
    let written = ALL
        .into_iter()
        .filter(|format| ![Format::sha256_crypt(1_000), Format::sha512_crypt(1_000)].contains(format));
    for format in written.chain([Format::argon2(weak), Format::django_argon2(weak)]) {
        let passwords = preferring(format).build().unwrap();
        let (one, two) = (Secret::new("p\u{e4}ssword"), Secret::new("p\u{e4}ssword"));
        let (one, two) = (passwords.hash(&one).await.unwrap(), passwords.hash(&two).await.unwrap());
        assert_ne!(one.as_str(), two.as_str(), "salted");
        let verdict = crate::verify(&passwords, one.as_str(), "p\u{e4}ssword").await;
        assert_eq!(verdict, auth_core::password::Verdict::Match { outdated: false }, "{}", one.as_str());
        assert!(!matches(&passwords, one.as_str(), "pa\u{308}ssword").await);
    }
}

/// CVE-2025-22228: bcrypt sees 72 bytes and stops at NUL. What it would cut is refused, not cut.
#[tokio::test]
async fn bcrypt_cuts_nothing_off() {
    let passwords = reading_all();
    let stored = "$2b$04$abcdefghijklmnopqrstuuBzzIgyKkz7xMWYSzkIjUSnxEQFQ0WNe";
    assert!(matches(&passwords, stored, &"a".repeat(72)).await);
    for wrong in ["a".repeat(71), "a".repeat(73), "a".repeat(71) + "\u{e4}", "a".repeat(4096)] {
        assert!(!matches(&passwords, stored, &wrong).await, "{}", wrong.len());
    }
    let stored = "$2b$04$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG";
    assert!(!matches(&passwords, stored, &format!("{PASSWORD}\0")).await);
    assert!(!matches(&passwords, stored, &format!("{PASSWORD}\0x")).await);

    for format in [Format::bcrypt(4), Format::django_bcrypt(4)] {
        let bcrypt = preferring(format).build().unwrap();
        assert!(bcrypt.hash(&Secret::new("a".repeat(72))).await.is_ok());
        for refused in ["a".repeat(73), "\u{e4}".repeat(37), "a\0b".to_owned()] {
            assert!(bcrypt.hash(&Secret::new(refused.clone())).await.is_err(), "{refused:?}");
        }
    }
    let hashed_first = preferring(Format::django_bcrypt_sha256(4)).build().unwrap();
    let long = "a".repeat(100) + "\0b";
    let hash = hashed_first.hash(&Secret::new(long.clone())).await.unwrap();
    assert!(matches(&hashed_first, hash.as_str(), &long).await);
    assert!(!matches(&hashed_first, hash.as_str(), &"a".repeat(100)).await);
}

/// Programs differ in what they leave in bits that do not count.
#[tokio::test]
async fn bits_behind_the_salt_do_not_count() {
    let stored = "$2b$04$abcdefghijklmnopqrstuv7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG";
    assert!(matches(&reading_all(), stored, PASSWORD).await);
}

#[tokio::test]
async fn other_passwords_of_crypt_match() {
    let passwords = reading_all();
    let stored = "$6$rounds=1000$x$hfANcXs6rz.Jg17h48vkrVXK4whDjiudQFpu2KSmiqtfUTZszgo6oNousrD6hpBN.2jRjSPQ12wE0AVynEoOY0";
    assert!(matches(&passwords, stored, "l\u{e8}tmein-\u{43f}").await);
    let stored = "$6$rounds=1000$abc$qZh379Z0XSIDzan.f93E4dxXEGTexG7mrB/Cu.DpCGsMGkzR7wdKnWjptqb/Ryg3c3/HwLqIO7v9Bag/GKYGr0";
    assert!(matches(&passwords, stored, &"b".repeat(200)).await);
    let stored = "$2y$04$abcdefghijklmnopqrstuuSRaPDBxWjwJAKVee6rdVoQkqakiFRQ.";
    assert!(matches(&passwords, stored, "l\u{e8}tmein-\u{43f}").await);
}

/// A preferred format that cannot be right does not build.
#[test]
fn weak_formats_are_not_preferred_by_accident() {
    let weak = [
        Format::django_pbkdf2_sha256(599_999),
        Format::pbkdf2_sha512(209_999),
        Format::django_pbkdf2_sha1(5_000_000),
        Format::django_scrypt(14, 8, 4),
        Format::scrypt(10, 8, 64),
        Format::bcrypt(9),
        Format::sha512_crypt(1_000_000),
    ];
    for format in weak {
        assert!(auth_core::Passwords::builder().prefer(format).build().is_err(), "{format:?}");
    }
    for format in [Format::sha256_crypt(5_000), Format::sha512_crypt(5_000)] {
        assert!(preferring(format).build().is_err(), "{format:?} is only read");
    }
    let strong = [
        Format::django_pbkdf2_sha256(600_000),
        Format::pbkdf2_sha512(210_000),
        Format::django_scrypt(14, 8, 5),
        Format::scrypt(17, 8, 1),
        Format::django_bcrypt_sha256(10),
    ];
    for format in strong {
        assert!(auth_core::Passwords::builder().prefer(format).build().is_ok(), "{format:?}");
    }
}

#[test]
fn costs_above_the_limits_do_not_build() {
    let hostile = [
        Format::pbkdf2_sha256(5_000_001),
        Format::pbkdf2_sha256(999),
        Format::scrypt(18, 8, 1),
        Format::scrypt(17, 8, 5),
        Format::scrypt(0, 8, 1),
        Format::scrypt(64, 8, 1),
        Format::scrypt(10, 0, 1),
        Format::scrypt(1, u32::MAX, u32::MAX),
        Format::bcrypt(15),
        Format::bcrypt(3),
        Format::sha512_crypt(1_000_001),
        Format::sha256_crypt(999),
    ];
    for format in hostile {
        let builder = preferring(weak_argon2()).accept([format]);
        assert!(builder.build().is_err(), "{format:?}");
    }
    assert!(
        preferring(weak_argon2()).prefer(Format::bcrypt(3)).stored_limit(Format::bcrypt(3)).build().is_err()
    );
}
