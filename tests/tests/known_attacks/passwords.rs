//! Hashes and passwords made to burn time or memory, and hashes that match what they should not.

use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use auth_core::backend::{Accepted, Attempt, Backend, BackendError, DeclineReason, Outcome, UserSource};
use auth_core::password::{Argon2Cost, Format, Verdict};
use auth_core::{Auth, Password, Passwords, RequestFacts, Secret, UserId};
use integration_tests::accounts::Account;
use integration_tests::client::everywhere;
use integration_tests::expected::passed_on;
use integration_tests::site::Request;
use integration_tests::world::{Setup, weak_passwords};

/// A table whose only row holds this hash.
struct Row(Passwords, String);

impl UserSource for Row {
    type User = Account;

    async fn get_user(&self, _: &UserId) -> Result<Option<Account>, BackendError> {
        Ok(Some(Account::new(1, "alice")))
    }
}

impl Backend<Password> for Row {
    async fn authenticate(
        &self,
        attempt: &Attempt<'_, Password>,
    ) -> Result<Outcome<Accepted<Account>>, BackendError> {
        Ok(match attempt.verify(&self.0, Some(&self.1)).await? {
            Verdict::Match { .. } => Outcome::accept(Account::new(1, "alice")),
            Verdict::Mismatch => Outcome::Decline(DeclineReason::WrongSecret),
        })
    }
}

async fn accepts(passwords: &Passwords, stored: &str, password: &str) -> bool {
    let auth =
        Auth::builder().backend::<Password>("row", Row(passwords.clone(), stored.into())).build().unwrap();
    auth.authenticate(Password::new("alice", password), &RequestFacts::none()).await.is_ok()
}

const BOMB: &str = "AUTH_TEST_HASH_BOMB";
const COSTS: [&str; 9] = [
    "m=4294967295,t=2,p=1",
    "m=4294967295,t=4294967295,p=16777215",
    "m=8000000,t=2,p=1",
    "m=2000000,t=1,p=1",
    "m=131073,t=1,p=1",
    "m=64,t=4294967295,p=1",
    "m=64,t=9,p=1",
    "m=524288,t=1,p=65536",
    "m=99999999999999999999,t=1,p=1",
];

/// Of the other formats: 2³² iterations, 2³¹ rounds, and scrypt's N, r and p each made to take the memory.
const FOREIGN: [&str; 15] = [
    "pbkdf2_sha256$4294967295$seasalt$3xmXbyk2QpiyNcnoBbzRPwEBsYPTbDlRdtmLyBvQltA=",
    "pbkdf2_sha1$2147483648$seasalt$9iRYj0as1r5j+cCBxB+HMlxkyr4=",
    "$pbkdf2-sha512$i=4294967295$AAECAwQFBgcICQoLDA0ODw$A6AmFIti7CKlYdoPiV9jf1d9llp37o27Wms8Zx8fwMI",
    "$scrypt$ln=63,r=8,p=1$AAECAwQFBgcICQoLDA0ODw$VbIe1ib8N3AGdHJ/i+4z5gayZwy70BXfZyJXhL3ev0c",
    "$scrypt$ln=23,r=8,p=1$AAECAwQFBgcICQoLDA0ODw$VbIe1ib8N3AGdHJ/i+4z5gayZwy70BXfZyJXhL3ev0c",
    "$scrypt$ln=1,r=4294967295,p=1$AAECAwQFBgcICQoLDA0ODw$VbIe1ib8N3AGdHJ/i+4z5gayZwy70BXfZyJXhL3ev0c",
    "$scrypt$ln=1,r=1,p=16777216$AAECAwQFBgcICQoLDA0ODw$VbIe1ib8N3AGdHJ/i+4z5gayZwy70BXfZyJXhL3ev0c",
    "$scrypt$ln=1,r=65536,p=65536$AAECAwQFBgcICQoLDA0ODw$VbIe1ib8N3AGdHJ/i+4z5gayZwy70BXfZyJXhL3ev0c",
    "scrypt$2147483648$salt$8$1$t/KnbDeVFVeX7lB6I4j+Je83fquZ9dJkcEusK86TZvYsojGv78nuOcoWhpHAWT9LItPZTgogYcK/eDHN7AqDsQ==",
    "$2b$31$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG",
    "$2y$99$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG",
    "bcrypt_sha256$$2b$31$EG2WIvAhoPdgWyGwTGLfs.1NZKjFXgwOQzbZ7Zx9wKlagbuqkHUI6",
    "$5$rounds=999999999$roundstoolow$e7M8/jKxuRGz/B0HBeVmCSxjq8k2V7MGFHnktjeO/t6",
    "$6$rounds=4294967295$saltstring$qvPJY4PeugKzKQqyIJ0gRdJnpS0uaaiZ.X1SaheFedsK/yZPwlluTLS90fJPM41sD5JxCHKgGr1..qt5HqEY8.",
    "argon2$argon2id$v=19$m=4294967295,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHApz8ArZpWF5ACNo",
];

/// Passwords of every format, none of which costs much.
fn all_formats() -> Passwords {
    let weak = Argon2Cost::dangerous_weak(64, 1, 1).unwrap();
    let formats = [
        Format::django_pbkdf2_sha256(1_000),
        Format::django_pbkdf2_sha1(1_000),
        Format::pbkdf2_sha512(1_000),
        Format::scrypt(4, 8, 2),
        Format::django_scrypt(4, 8, 1),
        Format::bcrypt(4),
        Format::django_bcrypt_sha256(4),
        Format::django_argon2(weak),
        Format::sha256_crypt(1_000),
        Format::sha512_crypt(1_000),
    ];
    Passwords::builder().cost(weak).accept(formats).threads(1).wait(Duration::from_secs(120)).build().unwrap()
}

/// A stored hash that asks for 4 TiB, in a process that has 1 GiB: argon2 0.5.3 aborts it.
#[test]
fn a_hash_bomb_does_not_kill_the_process() {
    let this = std::env::current_exe().unwrap();
    let name = "passwords::the_bomb_goes_off_here";
    let child = Command::new(this).args(["--exact", name, "--nocapture"]).env(BOMB, "1").output().unwrap();
    let output = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success() && output.contains("1 passed"), "{child:?}");
    assert!(output.contains("all refused"), "{output}");
}

/// The child of the test above; alone it does nothing.
#[tokio::test]
async fn the_bomb_goes_off_here() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    if std::env::var_os(BOMB).is_none() {
        return;
    }
    let limit = Some(1 << 30);
    setrlimit(Resource::As, Rlimit { current: limit, maximum: limit }).unwrap();
    let passwords = weak_passwords();
    for costs in COSTS {
        let stored = format!(
            "$argon2id$v=19${costs}$c29tZXNhbHRzb21lc2FsdA$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHApz8ArZpWF5ACNo"
        );
        assert!(!accepts(&passwords, &stored, "x").await, "{costs}");
    }
    assert_eq!(passwords.runs(), 9, "each cost one hash at our own costs");
    let passwords = all_formats();
    let start = Instant::now();
    for stored in FOREIGN {
        assert!(!accepts(&passwords, stored, "x").await, "{stored}");
    }
    assert_eq!(passwords.runs(), 15, "each cost one hash at our own costs");
    assert!(start.elapsed() < Duration::from_secs(120), "none was computed: that takes minutes");
    println!("all refused");
}

/// CVE-2019-11272: what is stored is no hash.
#[tokio::test]
async fn nothing_matches_what_is_no_hash() {
    let stored = [
        "",
        "!",
        "!abc",
        "null",
        "None",
        "*0",
        "*1",
        "x",
        "$2y$10$",
        "$2b$31$...",
        "pbkdf2_sha256$0$..",
        "md5$",
        "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$",
        "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$AAAA",
        "$argon2id$v=19$m=0,t=0,p=0$c29tZXNhbHRzb21lc2FsdA$AAAAAAAAAAAAAAAAAAAAAA",
    ];
    let passwords = all_formats();
    for stored in stored {
        for password in ["null", "None", "x", "!", stored, "0"] {
            assert!(!accepts(&passwords, stored, password).await, "{stored:?} {password:?}");
        }
    }
}

/// A password is what was set, to the last byte (CVE-2025-22228: cut at 72; CVE-2024-3096: cut at NUL).
#[tokio::test]
async fn passwords_are_neither_cut_nor_trimmed() {
    let passwords = weak_passwords();
    let set = format!("{}\0tail\u{e4} ", "x".repeat(72));
    let hash = passwords.hash(&Secret::new(set.clone())).await.unwrap();
    assert!(accepts(&passwords, hash.as_str(), &set).await);
    let wrong = [
        "x".repeat(72),
        format!("{}\0", "x".repeat(72)),
        set.trim_end().to_owned(),
        set.to_uppercase(),
        set.replace('\u{e4}', "a\u{308}"),
        format!("{set} "),
        format!(" {set}"),
    ];
    for wrong in wrong {
        assert!(!accepts(&passwords, hash.as_str(), &wrong).await, "{wrong:?}");
    }
}

/// Other formats cut at 72 bytes or at NUL, or fill up with NULs (HMAC). What they would not see is refused.
#[tokio::test]
async fn other_formats_cut_nothing_either() {
    let passwords = all_formats();
    let hashes = [
        (
            "pbkdf2_sha256$1000$seasalt$3xmXbyk2QpiyNcnoBbzRPwEBsYPTbDlRdtmLyBvQltA=",
            "correct horse battery staple",
        ),
        (
            "$scrypt$ln=4,r=8,p=2$AAECAwQFBgcICQoLDA0ODw$VbIe1ib8N3AGdHJ/i+4z5gayZwy70BXfZyJXhL3ev0c",
            "correct horse battery staple",
        ),
        ("$2b$04$abcdefghijklmnopqrstuuBzzIgyKkz7xMWYSzkIjUSnxEQFQ0WNe", &"a".repeat(72)),
    ];
    for (stored, password) in hashes {
        assert!(accepts(&passwords, stored, password).await, "{stored}");
        for tail in ["\0", "\0x", "x"] {
            assert!(!accepts(&passwords, stored, &format!("{password}{tail}")).await, "{stored} {tail:?}");
        }
    }
}

/// CVE-2012-2122: one in 256 was right.
#[tokio::test]
async fn wrong_passwords_are_never_right_by_chance() {
    let passwords = weak_passwords();
    let hash = passwords.hash(&Secret::new("right")).await.unwrap();
    let row = Arc::new(Row(passwords, hash.as_str().into()));
    let auth = Auth::builder().backend::<Password>("row", row).build().unwrap();
    for n in 0..5_000 {
        let wrong = Password::new("alice", format!("wrong{n}"));
        assert!(auth.authenticate(wrong, &RequestFacts::none()).await.is_err(), "{n}");
    }
}

/// CVE-2013-1443: megabytes cost nothing, through the form and through Basic.
#[tokio::test]
async fn a_megabyte_of_password_is_not_hashed() {
    let long = "x".repeat(1 << 20);
    everywhere(Setup::default(), async |mut client| {
        let before = client.world.passwords.runs();
        for (username, password) in [("alice", long.as_str()), (&long, "x")] {
            let got = client.post("/login", &[("username", username), ("password", password)]).await;
            assert_eq!(got, passed_on(401));
            let got = client.bare(Request::get("/who").basic(username, password)).await;
            assert_eq!(got.status, 401);
        }
        assert_eq!(client.world.passwords.runs(), before);
    })
    .await;
}

/// The defaults, and no quiet way below them.
#[test]
fn weak_costs_need_their_name() {
    assert!(Argon2Cost::new(19 * 1024 - 1, 2, 1).is_err());
    assert!(Argon2Cost::new(19 * 1024, 1, 1).is_err());
    assert!(Argon2Cost::new(19 * 1024, 2, 1).is_ok());
}
