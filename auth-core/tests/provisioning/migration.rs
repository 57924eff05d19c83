//! Passwords that move from an old authority.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use auth_core::backend::{
    Accepted, Attempt, Backend, BackendError, DeclineReason, Identity, Outcome, UserSource, Verifier,
};
use auth_core::password::{PasswordHash, Verdict};
use auth_core::provisioning::{Account, Awaits, Migrating, MigrationStore};
use auth_core::{Auth, DeniedKind, Password, Passwords, RequestFacts, Secret, User, UserId};

use crate::events::{Heard, passwords};
use crate::memory::Person;

/// An authority that calls Alice by several names.
#[derive(Clone, Default)]
struct Old {
    down: Arc<AtomicBool>,
    asked: Arc<AtomicU32>,
}

const OLD: &str = "old password";

impl Verifier<Password> for Old {
    async fn verify(&self, attempt: &Attempt<'_, Password>) -> Result<Outcome<Identity>, BackendError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        if self.down.load(Ordering::Relaxed) {
            return Err(BackendError::unavailable("down"));
        }
        let name = match attempt.credentials().username() {
            "alice" | "alias" => "alice",
            "bob" => "bob",
            _ => return Ok(Outcome::Decline(DeclineReason::UnknownUser)),
        };
        if attempt.credentials().password().expose() != OLD {
            return Ok(Outcome::Decline(DeclineReason::WrongSecret));
        }
        Ok(Outcome::accept(Identity::new("old", name)))
    }
}

#[derive(Clone)]
struct Table {
    passwords: Passwords,
    rows: Arc<Mutex<HashMap<String, PasswordHash>>>,
    /// What another login keeps for Alice, right after an attempt was judged.
    kept_meanwhile: Arc<Mutex<Option<PasswordHash>>>,
}

fn person(username: &str) -> Person {
    Person { account: Account::new(UserId::new(username).unwrap(), username), stamp: 0 }
}

impl UserSource for Table {
    type User = Person;

    async fn get_user(&self, id: &UserId) -> Result<Option<Person>, BackendError> {
        Ok(self.rows.lock().unwrap().contains_key(id.as_str()).then(|| person(id.as_str())))
    }
}

impl Backend<Password> for Table {
    async fn authenticate(
        &self,
        attempt: &Attempt<'_, Password>,
    ) -> Result<Outcome<Accepted<Person>>, BackendError> {
        let username = attempt.credentials().username();
        let hash = self.rows.lock().unwrap().get(username).cloned();
        let verdict = attempt.verify(&self.passwords, hash.as_ref().map(PasswordHash::as_str)).await?;
        if let Some(kept) = self.kept_meanwhile.lock().unwrap().take() {
            self.rows.lock().unwrap().insert("alice".into(), kept);
        }
        Ok(match (verdict, hash) {
            (Verdict::Match { .. }, _) => Outcome::accept(person(username)),
            (Verdict::Mismatch, Some(_)) => Outcome::Decline(DeclineReason::WrongSecret),
            (Verdict::Mismatch, None) => Outcome::Decline(DeclineReason::UnknownUser),
        })
    }
}

impl MigrationStore for Table {
    async fn awaits(&self, username: &str) -> Result<Awaits, BackendError> {
        let rows = self.rows.lock().unwrap();
        Ok(match rows.get(username) {
            None => Awaits::Unknown,
            Some(hash) if hash.as_str() == PasswordHash::awaiting_migration().as_str() => {
                Awaits::Migration(UserId::new(username).unwrap())
            }
            Some(_) => Awaits::Nothing,
        })
    }

    async fn adopt(&self, id: &UserId, password: &Secret) -> Result<bool, BackendError> {
        let new = self.passwords.hash(password).await?;
        let mut rows = self.rows.lock().unwrap();
        let waits = |hash: &&mut PasswordHash| hash.as_str() == PasswordHash::awaiting_migration().as_str();
        Ok(rows.get_mut(id.as_str()).filter(waits).map(|hash| *hash = new).is_some())
    }

    async fn enroll(&self, username: &str, password: &Secret) -> Result<Option<Person>, BackendError> {
        let new = self.passwords.hash(password).await?;
        let mut rows = self.rows.lock().unwrap();
        if rows.contains_key(username) {
            return Ok(None);
        }
        rows.insert(username.to_owned(), new);
        Ok(Some(person(username)))
    }
}

struct Site {
    auth: Auth<Person>,
    old: Old,
    table: Table,
    heard: Heard,
}

impl Site {
    fn new(creates: bool) -> Self {
        let (old, table) = (
            Old::default(),
            Table { passwords: passwords(), rows: Arc::default(), kept_meanwhile: Arc::default() },
        );
        let migrating = Migrating::new(old.clone(), table.clone());
        let migrating = if creates { migrating } else { migrating.without_creation() };
        let heard = Heard::default();
        let auth = Auth::builder().backend::<Password>("local", migrating).observer(heard.clone());
        Self { auth: auth.build().unwrap(), old, table, heard }
    }

    async fn log_in(&self, username: &str, password: &str) -> Result<UserId, DeniedKind> {
        let answer = self.auth.authenticate(Password::new(username, password), &RequestFacts::none()).await;
        answer.map(|done| done.user().id()).map_err(|denied| denied.kind())
    }

    fn store(&self, username: &str, hash: PasswordHash) {
        self.table.rows.lock().unwrap().insert(username.into(), hash);
    }

    /// How often the old authority was asked since the last time.
    fn asked(&self) -> u32 {
        self.old.asked.swap(0, Ordering::Relaxed)
    }
}

/// Asked once, then never again.
#[tokio::test]
async fn a_password_moves_once() {
    for waits in [false, true] {
        let site = Site::new(!waits);
        if waits {
            site.store("alice", PasswordHash::awaiting_migration());
        }
        assert_eq!(site.log_in("alice", "wrong").await, Err(DeniedKind::WrongSecret));
        assert_eq!(site.asked(), 1);
        site.heard.take();
        let alice = site.log_in("alice", OLD).await.unwrap();
        assert_eq!(site.asked(), 1);
        let what = if waits { "alice user updated: password" } else { "alice user created" };
        assert_eq!(site.heard.take(), [what, "alice login succeeded: password of \"alice\""]);
        assert_eq!(site.log_in("alice", OLD).await, Ok(alice));
        assert_eq!(site.log_in("alice", "wrong").await, Err(DeniedKind::WrongSecret));
        assert_eq!(site.asked(), 0, "who has migrated is judged here");
    }
}

/// The attack: the old password of somebody who changed it, or whose password was removed, by any name.
#[tokio::test]
async fn an_old_password_never_comes_back() {
    let site = Site::new(true);
    site.log_in("alice", OLD).await.unwrap();
    let new = site.table.passwords.hash(&Secret::new("new password")).await.unwrap();
    for hash in [new, PasswordHash::unusable()] {
        site.store("alice", hash);
        for name in ["alice", "alias"] {
            assert!(site.log_in(name, OLD).await.is_err(), "{name}");
        }
    }
    site.store("alice", site.table.passwords.hash(&Secret::new("new password")).await.unwrap());
    site.log_in("alice", "new password").await.unwrap();
}

#[tokio::test]
async fn an_outage_is_no_wrong_password() {
    let site = Site::new(true);
    site.log_in("bob", OLD).await.unwrap();
    site.old.down.store(true, Ordering::Relaxed);
    for password in [OLD, "wrong"] {
        assert_eq!(site.log_in("alice", password).await, Err(DeniedKind::Unavailable));
    }
    assert!(!site.table.rows.lock().unwrap().contains_key("alice"));
    site.log_in("bob", OLD).await.unwrap();
    assert_eq!(
        site.log_in("bob", "wrong").await,
        Err(DeniedKind::WrongSecret),
        "who has migrated is not concerned"
    );
    site.old.down.store(false, Ordering::Relaxed);
    site.log_in("alice", OLD).await.unwrap();
}

#[tokio::test]
async fn only_those_who_wait_are_asked_for() {
    let site = Site::new(false);
    site.store("alice", PasswordHash::awaiting_migration());
    assert_eq!(site.log_in("bob", OLD).await, Err(DeniedKind::UnknownUser));
    assert_eq!(site.asked(), 0);
    site.log_in("alice", OLD).await.unwrap();
    assert_eq!(site.log_in("nobody", OLD).await, Err(DeniedKind::UnknownUser));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_first_logins_all_succeed() {
    for waits in [false, true] {
        let site = Arc::new(Site::new(true));
        if waits {
            site.store("alice", PasswordHash::awaiting_migration());
        }
        let logins: Vec<_> = (0..50)
            .map(|_| {
                let site = Arc::clone(&site);
                tokio::spawn(async move { site.log_in("alice", OLD).await })
            })
            .collect();
        for login in logins {
            assert_eq!(login.await.unwrap(), Ok(UserId::new("alice").unwrap()));
        }
        let mut heard = site.heard.take();
        heard.retain(|event| !event.contains("login succeeded"));
        assert_eq!(heard.len(), 1, "one moved the password: {heard:?}");
    }
}

/// Of two logins at once, the one that was judged before the other kept the password.
#[tokio::test]
async fn a_login_that_is_overtaken_succeeds() {
    for waits in [false, true] {
        let site = Site::new(true);
        if waits {
            site.store("alice", PasswordHash::awaiting_migration());
        }
        let kept = site.table.passwords.hash(&Secret::new(OLD)).await.unwrap();
        *site.table.kept_meanwhile.lock().unwrap() = Some(kept);
        assert!(site.log_in("alice", OLD).await.is_ok(), "waits: {waits}");
    }
}

/// Whoever judges, a failed attempt costs one hash.
#[tokio::test]
async fn every_failure_costs_one_hash() {
    let site = Site::new(true);
    site.log_in("bob", OLD).await.unwrap();
    site.store("alice", PasswordHash::awaiting_migration());
    for name in ["alice", "bob", "nobody"] {
        let before = site.table.passwords.runs();
        assert!(site.log_in(name, "wrong").await.is_err());
        assert_eq!(site.table.passwords.runs() - before, 1, "{name}");
    }
}
