//! A backend whose answers the test scripts.

mod answers;
mod verifier;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use auth_core::backend::{Accepted, Attempt, Backend, BackendError, DenyReason, Outcome, UserSource};
use auth_core::{Password, User, UserId};

use crate::switch::{Down, Switch};
use answers::Answers;
pub use verifier::ScriptedVerifier;

/// A backend whose answers the test scripts: it accepts users with their passwords, denies names, fails, hangs, and
/// counts what it was asked. Clones share one state: give one to the [`Auth`](auth_core::Auth) and keep the other.
///
/// It compares passwords as plain text, so logins take no time.
///
/// ```
/// use auth_core::backend::DenyReason;
/// use auth_core::{Auth, DeniedKind, Password, RequestFacts};
/// use auth_test::{Scripted, TestUser};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let directory = Scripted::new()
///     .with_user("alice", "wonderland", TestUser::new("alice"))
///     .denying("mallory", DenyReason::Locked);
/// let auth = Auth::builder().backend::<Password>("ldap", directory.clone()).build()?;
/// let ask = async |name, password| {
///     let answer = auth.authenticate(Password::new(name, password), &RequestFacts::none()).await;
///     answer.map(|proof| proof.user().name().to_owned()).map_err(|denied| denied.kind())
/// };
///
/// assert_eq!(ask("alice", "wonderland").await, Ok("alice".to_owned()));
/// assert_eq!(ask("mallory", "whatever").await, Err(DeniedKind::Denied(DenyReason::Locked)));
/// assert_eq!(directory.attempts(), 2);
///
/// directory.fail();
/// assert_eq!(ask("alice", "wonderland").await, Err(DeniedKind::Unavailable));
/// # Ok(())
/// # }
/// ```
pub struct Scripted<U> {
    users: Arc<Mutex<BTreeMap<UserId, U>>>,
    answers: Arc<Mutex<Answers<UserId>>>,
    judging: Switch,
    loading: Switch,
}

impl<U> Scripted<U> {
    /// A backend without users, which works.
    pub fn new() -> Self {
        Self::default()
    }

    /// Denies this name, whatever the password.
    #[must_use]
    pub fn denying(self, name: impl Into<String>, reason: DenyReason) -> Self {
        lock(&self.answers).deny(name.into(), reason);
        self
    }

    /// From now on it cannot be reached, neither to judge nor to load a user.
    pub fn fail(&self) {
        self.each(Switch::fail);
    }

    /// So many attempts fail from now on, and so many users cannot be loaded.
    pub fn fail_next(&self, times: u64) {
        self.each(|switch| switch.fail_next(times));
    }

    /// From now on it never answers: the chain waits for the timeout
    /// ([`BackendPolicy::timeout`](auth_core::BackendPolicy::timeout)).
    pub fn hang(&self) {
        self.each(Switch::hang);
    }

    /// From now on it works again.
    pub fn recover(&self) {
        self.each(Switch::recover);
    }

    /// How many attempts it was asked to judge, whatever came of them.
    pub fn attempts(&self) -> u64 {
        self.judging.asked()
    }

    /// How often it was asked for a user by the id, whatever came of it.
    pub fn loads(&self) -> u64 {
        self.loading.asked()
    }

    fn each(&self, tell: impl Fn(&Switch)) {
        [&self.judging, &self.loading].into_iter().for_each(tell);
    }
}

impl<U: User + Clone> Scripted<U> {
    /// Accepts this user, by this name and password.
    #[must_use]
    pub fn with_user(self, name: impl Into<String>, password: impl Into<String>, user: U) -> Self {
        lock(&self.answers).accept(name.into(), password.into(), user.id());
        self.set_user(user);
        self
    }

    /// Finds this user by the id, and accepts no password: enough for [`sign_in`](crate::sign_in).
    #[must_use]
    pub fn knowing(self, user: U) -> Self {
        self.set_user(user);
        self
    }

    /// Replaces the user with the same id, or adds one: to disable or promote a user, or to change the stamp.
    pub fn set_user(&self, user: U) {
        lock(&self.users).insert(user.id(), user);
    }

    /// Forgets the user with this id.
    pub fn remove_user(&self, id: &UserId) {
        lock(&self.users).remove(id);
    }
}

impl<U: User + Clone> UserSource for Scripted<U> {
    type User = U;

    async fn get_user(&self, id: &UserId) -> Result<Option<U>, BackendError> {
        self.loading.ask().await.map_err(down)?;
        Ok(lock(&self.users).get(id).cloned())
    }
}

impl<U: User + Clone> Backend<Password> for Scripted<U> {
    async fn authenticate(
        &self,
        attempt: &Attempt<'_, Password>,
    ) -> Result<Outcome<Accepted<U>>, BackendError> {
        self.judging.ask().await.map_err(down)?;
        let answer = lock(&self.answers).judge(attempt.credentials());
        let id = match answer {
            Outcome::Accept(id) => id,
            Outcome::Deny(reason) => return Ok(Outcome::Deny(reason)),
            other => return Ok(other.map(|_| unreachable!("acceptance was handled above"))),
        };
        let user = lock(&self.users).get(&id).cloned();
        Ok(user.map_or(Outcome::Decline(answers::UNKNOWN), Outcome::accept))
    }
}

impl<U> Default for Scripted<U> {
    fn default() -> Self {
        Self {
            users: Arc::default(),
            answers: Arc::default(),
            judging: Switch::default(),
            loading: Switch::default(),
        }
    }
}

impl<U> Clone for Scripted<U> {
    fn clone(&self) -> Self {
        Self {
            users: Arc::clone(&self.users),
            answers: Arc::clone(&self.answers),
            judging: self.judging.clone(),
            loading: self.loading.clone(),
        }
    }
}

impl<U> fmt::Debug for Scripted<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let users: Vec<_> = lock(&self.users).keys().cloned().collect();
        f.debug_struct("Scripted").field("users", &users).finish_non_exhaustive()
    }
}

fn down(Down: Down) -> BackendError {
    BackendError::unavailable("the test told the backend to fail")
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
