//! How much work an attempt is, for the whole chain: the same for every one that fails.

use std::sync::Arc;
#[cfg(debug_assertions)]
use std::time::Duration;

use auth_core::backend::{
    Accepted, Attempt, Backend, BackendError, DeclineReason, DenyReason, Outcome, UserSource,
};
#[cfg(debug_assertions)]
use auth_core::password::Argon2Cost;
use auth_core::{
    Auth, BackendPolicy, DeniedKind, MemoryBackend, OutagePolicy, Password, Passwords, RequestFacts, Secret,
    UserId,
};
use integration_tests::accounts::Account;
use integration_tests::world::weak_passwords;

use crate::scripted::{Says, Scripted};

type Users = Arc<MemoryBackend<Account>>;

/// A table with three people of its own: one who can sign in, one disabled, one without a password.
async fn table(passwords: &Passwords, who: &str) -> Users {
    let users = MemoryBackend::new(passwords.clone());
    let right = Secret::new("right");
    for (id, name) in [(1, who.to_owned()), (2, "both".to_owned())] {
        users.insert(name.clone(), &right, Account::new(id, &name)).await.unwrap();
    }
    let disabled = Account { active: false, ..Account::new(3, "off") };
    users.insert(format!("{who}-off"), &right, disabled).await.unwrap();
    users.insert_without_password(format!("{who}-sso"), Account::new(4, "sso"));
    Arc::new(users)
}

fn chain(first: &Users, second: &Users, policy: BackendPolicy) -> Auth<Account> {
    Auth::builder()
        .backend_with::<Password>("first", Arc::clone(first), policy)
        .backend::<Password>("second", Arc::clone(second))
        .build()
        .unwrap()
}

/// A backend for everybody's passwords, or only for what it supports, that ends as it is told after it compared.
struct AttemptEnd {
    users: Users,
    supports: bool,
    ends: Says,
}

impl UserSource for AttemptEnd {
    type User = Account;

    async fn get_user(&self, id: &UserId) -> Result<Option<Account>, BackendError> {
        self.users.get_user(id).await
    }
}

impl Backend<Password> for AttemptEnd {
    fn supports(&self, _: &Attempt<'_, Password>) -> bool {
        self.supports
    }

    fn passwords(&self) -> Option<&Passwords> {
        Backend::<Password>::passwords(&*self.users)
    }

    async fn authenticate(
        &self,
        attempt: &Attempt<'_, Password>,
    ) -> Result<Outcome<Accepted<Account>>, BackendError> {
        let known = match self.users.authenticate(attempt).await? {
            Outcome::Decline(DeclineReason::UnknownUser) => {
                return Ok(Outcome::Decline(DeclineReason::UnknownUser));
            }
            known => known,
        };
        match self.ends {
            Says::Deny => Ok(Outcome::Deny(DenyReason::Locked)),
            Says::Fails => Err(BackendError::unavailable("it is down")),
            _ => Ok(known),
        }
    }
}

#[tokio::test]
async fn every_backend_costs_one_hash() {
    let (one, two) = (weak_passwords(), weak_passwords());
    let (first, second) = (table(&one, "ann").await, table(&two, "ben").await);
    let auth = chain(&first, &second, BackendPolicy::new());
    let (long_name, long) = ("x".repeat(256), "x".repeat(4097));
    let disabled = Err(DeniedKind::Denied(DenyReason::Disabled));
    let wrong = Err(DeniedKind::WrongSecret);
    let malformed = Err(DeniedKind::Malformed);
    let cases = [
        ("right in the first", "ann", "right", Ok(()), [1, 0]),
        ("right in the second", "ben", "right", Ok(()), [1, 1]),
        ("wrong in the first", "ann", "wrong", wrong, [1, 1]),
        ("wrong in the second", "ben", "wrong", wrong, [1, 1]),
        ("wrong in both", "both", "wrong", wrong, [1, 1]),
        ("unknown", "nobody", "right", Err(DeniedKind::UnknownUser), [1, 1]),
        ("disabled, right, first", "ann-off", "right", disabled, [1, 1]),
        ("disabled, right, second", "ben-off", "right", disabled, [1, 1]),
        ("disabled, wrong", "ben-off", "wrong", wrong, [1, 1]),
        ("unusable, first", "ann-sso", "x", wrong, [1, 1]),
        ("unusable, second", "ben-sso", "!", wrong, [1, 1]),
        ("nothing", "", "", malformed, [0, 0]),
        ("no password", "ann", "", malformed, [0, 0]),
        ("no name", "", "right", malformed, [0, 0]),
        ("long password", "ann", &long, malformed, [0, 0]),
        ("long password, unknown", "nobody", &long, malformed, [0, 0]),
        ("long name", &long_name, "x", malformed, [0, 0]),
    ];
    for (name, username, password, expected, runs) in cases {
        let before = [one.runs(), two.runs()];
        let answer = auth.authenticate(Password::new(username, password), &RequestFacts::none()).await;
        assert_eq!(answer.map(|_| ()).map_err(|denied| denied.kind()), expected, "{name}");
        assert_eq!([one.runs() - before[0], two.runs() - before[1]], runs, "{name}");
    }
}

/// Who ends the chain early tells nothing by it, not even the first time that anybody is asked about.
#[tokio::test]
async fn whoever_ends_the_chain_costs_what_nobody_costs() {
    let passwords = weak_passwords();
    let (first, second) = (table(&passwords, "ann").await, table(&passwords, "ben").await);
    let ending = |supports, ends| AttemptEnd { users: Arc::clone(&first), supports, ends };
    let cases = [
        ("the first one's word is final", ending(true, Says::Wrong), BackendPolicy::new().authoritative()),
        ("the first one denies", ending(true, Says::Deny), BackendPolicy::new()),
        ("the first one is not asked", ending(false, Says::Wrong), BackendPolicy::new()),
        ("the first one fails, and the next is asked", ending(true, Says::Fails), {
            BackendPolicy::new().outage(OutagePolicy::Continue).without_breaker()
        }),
    ];
    for (name, ending, policy) in cases {
        let auth = Auth::builder()
            .backend_with::<Password>("first", ending, policy)
            .backend::<Password>("second", Arc::clone(&second))
            .build()
            .unwrap();
        for username in ["ann", "ben", "both", "ann-off", "ben-sso", "nobody"] {
            let before = passwords.runs();
            let wrong = Password::new(username, "wrong");
            assert!(auth.authenticate(wrong, &RequestFacts::none()).await.is_err(), "{name}: {username}");
            assert_eq!(passwords.runs() - before, 2, "{name}: {username}");
        }
    }
}

/// A 503 tells of itself that nobody else was asked. It costs what was asked for before.
#[tokio::test]
async fn an_outage_costs_what_was_asked_before_it() {
    let passwords = weak_passwords();
    let (first, last) = (table(&passwords, "ann").await, table(&passwords, "ben").await);
    let auth = Auth::builder()
        .backend::<Password>("first", first)
        .backend_with::<Password>("down", Scripted::new(Says::Fails), BackendPolicy::new().without_breaker())
        .backend::<Password>("last", last)
        .build()
        .unwrap();
    for username in ["ann", "ben", "ann-sso", "nobody"] {
        let before = passwords.runs();
        let denied = auth.authenticate(Password::new(username, "wrong"), &RequestFacts::none()).await;
        assert_eq!(denied.unwrap_err().kind(), DeniedKind::Unavailable);
        assert_eq!(passwords.runs() - before, 1, "{username}");
    }
}

/// In a debug build an unoptimised hash takes about a second. No limit ends it, and many may wait for a thread: here
/// all have long passed when the hash is there.
#[cfg(debug_assertions)]
#[tokio::test]
async fn a_debug_build_waits_for_hashes() {
    let cost = Argon2Cost::dangerous_weak(32 * 1024, 4, 1).unwrap();
    let passwords = Passwords::builder().cost(cost).threads(1).build().unwrap();
    let limit = Duration::from_millis(1);
    let auth = Auth::builder()
        .backend_with::<Password>("only", table(&passwords, "ann").await, BackendPolicy::new().timeout(limit))
        .chain_timeout(limit)
        .build()
        .unwrap();
    for (name, expected) in [("ann", None), ("ann-sso", Some(DeniedKind::WrongSecret))] {
        let answer = auth.authenticate(Password::new(name, "right"), &RequestFacts::none()).await;
        assert_eq!(answer.err().map(|denied| denied.kind()), expected, "{name}");
    }
    assert_eq!(Passwords::WAIT, Duration::from_secs(30));
}
