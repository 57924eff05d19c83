//! Telling by the time of a refusal who exists, where, and with which kind of hash (CVE-2018-15473, CVE-2024-39329): the work of a
//! failed attempt is counted, step by step of each algorithm.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use auth_core::backend::{Accepted, Attempt, Backend, BackendError, DeclineReason, Outcome, UserSource};
use auth_core::password::{Argon2Cost, Format, Verdict};
use auth_core::{Auth, BackendPolicy, Password, Passwords, RequestFacts, UserId};
use integration_tests::accounts::Account;

/// Most of [`RIGHT`], some of what nobody types; the last ones are refused, or no hashes.
const HASHES: [(&str, &str); 9] = [
    ("pbkdf2", "pbkdf2_sha1$1000$seasalt$9iRYj0as1r5j+cCBxB+HMlxkyr4="),
    ("bcrypt", "$2b$04$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG"),
    ("bcrypt-sha256", "bcrypt_sha256$$2b$04$EG2WIvAhoPdgWyGwTGLfs.1NZKjFXgwOQzbZ7Zx9wKlagbuqkHUI6"),
    ("scrypt", "$scrypt$ln=4,r=8,p=2$AAECAwQFBgcICQoLDA0ODw$VbIe1ib8N3AGdHJ/i+4z5gayZwy70BXfZyJXhL3ev0c"),
    ("crypt", "$5$rounds=1000$roundstoolow$e7M8/jKxuRGz/B0HBeVmCSxjq8k2V7MGFHnktjeO/t6"),
    (
        "argon2",
        "argon2$argon2id$v=19$m=64,t=1,p=1$WnI0S3gwYTFUblE4YlZkVzVtTHkycw$UASjcG0JICWRhm/0O6BNJU/uWhy05FWQeyI7oizqQnw",
    ),
    ("bomb", "$2b$31$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG"),
    ("broken", "pbkdf2_sha256$"),
    ("none", "!"),
];
const RIGHT: &str = "correct horse battery staple";

/// A table that verifies with passwords of its own. Whoever has `off` in the name is disabled.
struct Table {
    passwords: Passwords,
    rows: HashMap<String, &'static str>,
}

impl Table {
    /// Three people for each of the hashes: one whom only this table has, one who is disabled, one whom all have.
    fn new(passwords: &Passwords, of: &str) -> Self {
        let names = |name: &str| [format!("{of}-{name}"), format!("{of}-{name}-off"), format!("both-{name}")];
        let rows = HASHES.iter().flat_map(|(name, hash)| names(name).map(|name| (name, *hash))).collect();
        Self { passwords: passwords.clone(), rows }
    }
}

impl UserSource for Table {
    type User = Account;

    async fn get_user(&self, _: &UserId) -> Result<Option<Account>, BackendError> {
        Ok(None)
    }
}

impl Backend<Password> for Table {
    fn passwords(&self) -> Option<&Passwords> {
        Some(&self.passwords)
    }

    async fn authenticate(
        &self,
        attempt: &Attempt<'_, Password>,
    ) -> Result<Outcome<Accepted<Account>>, BackendError> {
        let name = attempt.credentials().username();
        let hash = self.rows.get(name).copied();
        let verdict = attempt.verify(&self.passwords, hash).await?;
        Ok(match (hash, verdict) {
            (None, _) => Outcome::Decline(DeclineReason::UnknownUser),
            (_, Verdict::Mismatch) => Outcome::Decline(DeclineReason::WrongSecret),
            _ => Outcome::accept(Account { active: !name.contains("off"), ..Account::new(1, name) }),
        })
    }
}

fn reading(formats: &[Format]) -> Passwords {
    let cost = Argon2Cost::dangerous_weak(64, 2, 1).unwrap();
    let formats = formats.iter().copied();
    let wait = Duration::from_secs(3_600);
    Passwords::builder().cost(cost).accept(formats).threads(1).wait(wait).build().unwrap()
}

/// All that the hashes are of, at higher costs than most of them have.
fn all_formats() -> [Format; 6] {
    [
        Format::django_pbkdf2_sha1(1_500),
        Format::bcrypt(5),
        Format::django_bcrypt_sha256(4),
        Format::scrypt(5, 8, 2),
        Format::sha256_crypt(1_700),
        Format::django_argon2(Argon2Cost::dangerous_weak(100, 2, 1).unwrap()),
    ]
}

/// What the first table verifies with, what the second does if there is one, and the policy of the first.
fn chains() -> Vec<(&'static str, Passwords, Option<Passwords>, BackendPolicy)> {
    let all = reading(&all_formats());
    let usual = BackendPolicy::new();
    vec![
        ("one format", reading(&[]), None, usual),
        ("one table", all.clone(), None, usual),
        ("two tables", all.clone(), Some(all.clone()), usual),
        ("two kinds of passwords", reading(&[]), Some(all.clone()), usual),
        ("the other way round", all.clone(), Some(reading(&[Format::bcrypt(6)])), usual),
        ("the first one's word is final", all, Some(reading(&[])), usual.authoritative()),
    ]
}

fn build(
    first: Table,
    policy: BackendPolicy,
    second: Option<impl Backend<Password, User = Account>>,
) -> Auth<Account> {
    let auth = Auth::builder().backend_with::<Password>("first", first, policy);
    let auth = match second {
        Some(second) => auth.backend::<Password>("second", second),
        None => auth,
    };
    auth.build().unwrap()
}

/// Everybody in the tables, and nobody.
fn everybody() -> Vec<String> {
    let names = |name: &str| ["first", "second", "both"].map(|of| format!("{of}-{name}"));
    let enabled: Vec<_> = HASHES.iter().flat_map(|(name, _)| names(name)).collect();
    let disabled = enabled.iter().map(|name| format!("{name}-off"));
    disabled.chain(enabled.clone()).chain(["nobody".to_owned()]).collect()
}

#[tokio::test]
async fn no_refusal_tells_by_its_work_whom_it_was_for() {
    for (chain, first, second, policy) in chains() {
        let tables = second.as_ref().map(|second| Table::new(second, "second"));
        let auth = build(Table::new(&first, "first"), policy, tables);
        let pools: Vec<_> = [first].into_iter().chain(second).collect();
        for password in ["wrong", RIGHT, &"x".repeat(100)] {
            let mut refused = BTreeMap::<_, Vec<String>>::new();
            for name in everybody() {
                let before = counted(&pools);
                let attempt = Password::new(name.as_str(), password);
                if auth.authenticate(attempt, &RequestFacts::none()).await.is_err() {
                    refused.entry(difference(&before, &counted(&pools))).or_default().push(name);
                }
            }
            assert_eq!(refused.len(), 1, "{chain}, {password}: {refused:#?}");
            let work = refused.keys().next().unwrap();
            assert!(work.iter().all(|work| *work > 0), "{chain}: nothing is left out: {work:?}");
        }
    }
}

/// What was computed so far, pool by pool and algorithm by algorithm.
fn counted(pools: &[Passwords]) -> Vec<u64> {
    pools.iter().flat_map(|passwords| passwords.work().into_values()).collect()
}

fn difference(before: &[u64], after: &[u64]) -> Vec<u64> {
    after.iter().zip(before).map(|(after, before)| after - before).collect()
}

/// A table that does not say what it verifies with.
struct Silent(Table);

impl UserSource for Silent {
    type User = Account;

    async fn get_user(&self, id: &UserId) -> Result<Option<Account>, BackendError> {
        self.0.get_user(id).await
    }
}

impl Backend<Password> for Silent {
    async fn authenticate(
        &self,
        attempt: &Attempt<'_, Password>,
    ) -> Result<Outcome<Accepted<Account>>, BackendError> {
        self.0.authenticate(attempt).await
    }
}

/// Whoever is refused without it costs the same, as soon as it showed.
#[tokio::test]
async fn a_backend_that_says_nothing_is_learned_from() {
    let passwords = reading(&[]);
    let second = Silent(Table::new(&passwords, "second"));
    let policy = BackendPolicy::new().authoritative();
    let auth = build(Table::new(&passwords, "first"), policy, Some(second));
    let refuse = async |name: &str| {
        let before = passwords.runs();
        assert!(auth.authenticate(Password::new(name, "wrong"), &RequestFacts::none()).await.is_err());
        passwords.runs() - before
    };
    assert_eq!(refuse("nobody").await, 2);
    assert_eq!(refuse("first-argon2").await, 2, "the second one is not asked, and paid for");
}
