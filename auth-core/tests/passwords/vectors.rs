//! What Django 6.1 made of its hashes, and what becomes of those that it fails on.

use auth_core::password::{Argon2Cost, Format, Verdict};
use auth_core::{Passwords, Secret};
use serde::Deserialize;

use crate::{preferring, reading_all, verify};

#[derive(Deserialize)]
struct File {
    vectors: Vec<Vector>,
    bcrypt_over_72_bytes: Long,
    malformed_but_known_algorithm: Malformed,
}

#[derive(Deserialize)]
struct Vector {
    name: String,
    /// `None` for bytes that are not text, which no password here can be.
    password: Option<String>,
    encoded: String,
    algorithm: Option<String>,
    verifies: bool,
    must_update_same_algorithm: Option<bool>,
}

#[derive(Deserialize)]
struct Long {
    encoded: String,
    password: String,
}

#[derive(Deserialize)]
struct Malformed {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    encoded: String,
}

fn file() -> File {
    serde_json::from_str(include_str!("django_hashes.json")).unwrap()
}

/// Django's own settings, with one hasher preferred. Only that one is read.
fn as_django(algorithm: &str) -> Passwords {
    let format = match algorithm {
        "pbkdf2_sha256" => Format::django_pbkdf2_sha256(1_500_000),
        "argon2" => Format::django_argon2(Argon2Cost::new(100 * 1024, 2, 8).unwrap()),
        "bcrypt_sha256" => Format::django_bcrypt_sha256(12),
        "bcrypt" => Format::django_bcrypt(12),
        "scrypt" => Format::django_scrypt(14, 8, 5),
        other => panic!("the file has a new algorithm: {other}"),
    };
    preferring(format).build().unwrap()
}

#[tokio::test]
async fn right_passwords_match_and_are_updated_when_django_would() {
    let mut seen = 0;
    for vector in file().vectors.iter().filter(|vector| vector.verifies) {
        // Django would take the empty password; nothing here does.
        let Some(password) = vector.password.as_ref().filter(|password| !password.is_empty()) else {
            continue;
        };
        let passwords = as_django(vector.algorithm.as_deref().unwrap());
        let outdated = vector.must_update_same_algorithm.unwrap();
        let expected = Verdict::Match { outdated };
        assert_eq!(verify(&passwords, &vector.encoded, password).await, expected, "{}", vector.name);
        seen += 1;
    }
    assert_eq!(seen, 13);
}

#[tokio::test]
async fn everything_else_matches_nothing() {
    let (file, passwords) = (file(), reading_all());
    for vector in file.vectors.iter().filter(|vector| !vector.verifies) {
        let password = vector.password.as_deref().unwrap();
        assert_eq!(verify(&passwords, &vector.encoded, password).await, Verdict::Mismatch, "{}", vector.name);
    }
    for vector in file.vectors.iter().filter(|vector| vector.password.as_deref() == Some("")) {
        assert_eq!(verify(&passwords, &vector.encoded, "").await, Verdict::Mismatch, "{}", vector.name);
    }
    let long = file.bcrypt_over_72_bytes;
    assert_eq!(verify(&passwords, &long.encoded, &long.password).await, Verdict::Mismatch);
    for case in file.malformed_but_known_algorithm.cases {
        let before = passwords.runs();
        assert_eq!(verify(&passwords, &case.encoded, "x").await, Verdict::Mismatch, "{}", case.encoded);
        assert_eq!(passwords.runs() - before, 1, "{}: the work is done all the same", case.encoded);
    }
}

/// Django reads what is written here: each part is where it looks for it.
#[tokio::test]
async fn new_hashes_are_spelled_as_django_spells_them() {
    let weak = Argon2Cost::dangerous_weak(64, 1, 1).unwrap();
    let spellings = [
        (Format::django_pbkdf2_sha256(1_000), "pbkdf2_sha256$1000$S22$B44"),
        (Format::django_pbkdf2_sha1(1_000), "pbkdf2_sha1$1000$S22$B28"),
        (Format::django_scrypt(4, 8, 1), "scrypt$16$S22$8$1$B88"),
        (Format::django_bcrypt(4), "bcrypt$$2b$04$C53"),
        (Format::django_bcrypt_sha256(4), "bcrypt_sha256$$2b$04$C53"),
        (Format::django_argon2(weak), "argon2$argon2id$v=19$m=64,t=1,p=1$B22$B43"),
    ];
    for (format, spelling) in spellings {
        let passwords = preferring(format).build().unwrap();
        let hash = passwords.hash(&Secret::new("secret")).await.unwrap();
        let (fields, expected): (Vec<_>, Vec<_>) =
            (hash.as_str().split('$').collect(), spelling.split('$').collect());
        assert_eq!(fields.len(), expected.len(), "{}", hash.as_str());
        for (field, expected) in fields.iter().zip(expected) {
            match expected.strip_prefix(['S', 'B', 'C']) {
                Some(len) => assert_eq!(field.len().to_string(), len, "{}", hash.as_str()),
                None => assert_eq!(*field, expected, "{}", hash.as_str()),
            }
        }
    }
}
