//! The suite for [`Backend`] and its [`UserSource`].
//!
//! ```
//! use auth_core::conformance::backend::{Cases, backend};
//! use auth_core::{MemoryBackend, Password, Passwords, Secret};
//! use std::time::Duration;
//! # use auth_core::{User, UserId};
//! # #[derive(Clone)]
//! # struct Member { id: i64, active: bool }
//! # impl User for Member {
//! #     fn id(&self) -> UserId { UserId::from(self.id) }
//! #     fn security_stamp(&self) -> &[u8] { b"stamp" }
//! #     fn is_active(&self) -> bool { self.active }
//! # }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // 16 attempts run concurrently: each may wait for the others' hashes.
//! let passwords = Passwords::builder().wait(Duration::from_secs(300)).build()?;
//! let users = MemoryBackend::new(passwords);
//! users.insert("alice", &Secret::new("wonderland"), Member { id: 1, active: true }).await?;
//! users.insert("mallory", &Secret::new("locked out"), Member { id: 2, active: false }).await?;
//! backend(
//!     users,
//!     Cases::new(Password::new("alice", "wonderland"), Password::new("nobody", "wonderland"))
//!         .wrong_secret(Password::new("alice", "looking-glass"))
//!         .disabled(Password::new("mallory", "locked out")),
//! )
//! .await;
//! # Ok(())
//! # }
//! ```

mod odd;

pub use odd::{odd, odd_passwords};

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use crate::backend::{Backend, DenyReason, UserSource};
use crate::{
    Auth, BackendPolicy, Credentials, Denied, DeniedKind, Password, Passwords, RequestFacts, User, UserId,
};

/// Credentials with known answers, for [`backend`]. The module shows an example.
#[derive(Clone, Debug)]
#[must_use]
pub struct Cases<C> {
    right: C,
    unknown: C,
    wrong_secret: Option<C>,
    disabled: Option<C>,
}

impl<C> Cases<C> {
    /// Right credentials of an active user, and credentials with an unknown name.
    pub fn new(right: C, unknown: C) -> Self {
        Self { right, unknown, wrong_secret: None, disabled: None }
    }

    /// The active user's name with another secret. Leave it out if the kind has no name besides the secret.
    pub fn wrong_secret(mut self, credentials: C) -> Self {
        self.wrong_secret = Some(credentials);
        self
    }

    /// Right credentials of a disabled user.
    pub fn disabled(mut self, credentials: C) -> Self {
        self.disabled = Some(credentials);
        self
    }
}

/// Checks a backend as the only one of a chain. [`odd`] checks its reaction to hostile input. The module has an
/// example.
///
/// # Panics
/// With the rule that the backend breaks.
pub async fn backend<C, B>(backend: B, cases: Cases<C>)
where
    C: Credentials + Clone,
    B: Backend<C>,
{
    let backend = Arc::new(backend);
    let auth = chain(&backend);
    answers(&auth, &cases).await;
    reloads(&auth, &*backend, &cases).await;
    together(&auth, &cases).await;
    interrupted(&auth, &cases).await;
}

/// Checks that every attempt on a password backend costs one hash, whatever the name, and that all failed attempts
/// cost the same.
///
/// # Panics
/// With the case that costs more or less.
pub async fn equal_work<B: Backend<Password>>(backend: B, passwords: &Passwords, cases: Cases<Password>) {
    let auth = chain(&Arc::new(backend));
    let empty = Password::new(cases.right.username(), "");
    let mut table = vec![("right", cases.right, 1), ("unknown", cases.unknown, 1), ("empty", empty, 0)];
    table.extend(cases.wrong_secret.map(|credentials| ("wrong secret", credentials, 1)));
    table.extend(cases.disabled.map(|credentials| ("disabled", credentials, 1)));
    let mut failures = Vec::new();
    for (name, credentials, expected) in table {
        let (runs, work) = (passwords.runs(), passwords.work());
        let answer = ask(&auth, credentials).await;
        assert_eq!(passwords.runs() - runs, expected, "hashes computed for: {name}");
        if answer.is_err() && expected > 0 {
            failures.push((name, difference(&work, &passwords.work())));
        }
    }
    for (name, work) in &failures {
        assert_eq!(*work, failures[0].1, "the work of {name}, and of {}", failures[0].0);
    }
}

fn difference(
    before: &BTreeMap<&'static str, u64>,
    after: &BTreeMap<&'static str, u64>,
) -> BTreeMap<&'static str, u64> {
    after.iter().map(|(name, work)| (*name, work - before.get(name).unwrap_or(&0))).collect()
}

/// Generous, however busy the machine is: only a backend that hangs exceeds it.
const PATIENCE: Duration = Duration::from_secs(300);

fn chain<C: Credentials, B: Backend<C>>(backend: &Arc<B>) -> Auth<B::User> {
    let policy = BackendPolicy::new().timeout(PATIENCE);
    let auth =
        Auth::builder().chain_timeout(PATIENCE).backend_with::<C>("suite", Arc::clone(backend), policy);
    let auth = auth.build();
    auth.expect("a chain of one backend can be built")
}

async fn ask<C: Credentials, U: User>(auth: &Auth<U>, credentials: C) -> Result<UserId, Denied> {
    let answer = auth.authenticate(credentials, &RequestFacts::none()).await;
    answer.map(|authenticated| authenticated.user().id())
}

async fn answers<C: Credentials + Clone, U: User>(auth: &Auth<U>, cases: &Cases<C>) {
    let first = ask(auth, cases.right.clone()).await.expect("the right credentials are accepted");
    let second = ask(auth, cases.right.clone()).await.expect("and accepted again");
    assert_eq!(first, second, "the same credentials are the same user");

    let expected = [
        ("unknown", Some(&cases.unknown), DeniedKind::UnknownUser),
        ("wrong secret", cases.wrong_secret.as_ref(), DeniedKind::WrongSecret),
        ("disabled", cases.disabled.as_ref(), DeniedKind::Denied(DenyReason::Disabled)),
    ];
    for (name, credentials, kind) in expected {
        let Some(credentials) = credentials else { continue };
        let denied = ask(auth, credentials.clone()).await.expect_err(name);
        // If the secret is the name, a wrong one is an unknown one; a backend may also not distinguish them.
        let is_declined =
            |kind| matches!(kind, DeniedKind::UnknownUser | DeniedKind::WrongSecret | DeniedKind::NoBackend);
        let fits = denied.kind() == kind || is_declined(kind) && is_declined(denied.kind());
        assert!(fits, "{name}: {:?} instead of {kind:?}", denied.kind());
    }
}

async fn reloads<C, B>(auth: &Auth<B::User>, backend: &B, cases: &Cases<C>)
where
    C: Credentials + Clone,
    B: UserSource,
{
    let id = ask(auth, cases.right.clone()).await.expect("the right credentials are accepted");
    let load = async || backend.get_user(&id).await.expect("the user is reloaded").expect("the user exists");
    let (first, second) = (load().await, load().await);
    assert_eq!(first.id(), id, "a reloaded user has the id it was loaded by");
    assert!(first.is_active(), "a user who may log in is active");
    assert_eq!(first.security_stamp(), second.security_stamp(), "the stamp of an unchanged user stays");
    for nobody in ["no such user", "-1", "0", "' OR 1=1 --", "\u{0}", "٣"] {
        let nobody = UserId::new(nobody).expect("a valid id");
        let found = backend.get_user(&nobody).await;
        assert!(matches!(found, Ok(None)), "the id {nobody:?} is nobody's: that is an answer, and no error");
    }
}

/// Concurrent attempts do not affect each other.
async fn together<C: Credentials + Clone, U: User>(auth: &Auth<U>, cases: &Cases<C>) {
    let right = ask(auth, cases.right.clone()).await.expect("the right credentials are accepted");
    let attempts: Vec<_> = (0..16)
        .map(|n| {
            let credentials = if n % 2 == 0 { &cases.right } else { &cases.unknown };
            let (auth, credentials) = (auth.clone(), credentials.clone());
            (n, tokio::spawn(async move { ask(&auth, credentials).await }))
        })
        .collect();
    for (n, attempt) in attempts {
        let answer = attempt.await.expect("no attempt panics");
        match n % 2 {
            0 => assert_eq!(answer.expect("accepted beside others"), right),
            _ => assert!(answer.is_err(), "nobody is accepted beside others"),
        }
    }
}

/// A client that goes away at any point leaves nothing behind that hinders the next one.
async fn interrupted<C: Credentials + Clone, U: User>(auth: &Auth<U>, cases: &Cases<C>) {
    for polls in 0..32 {
        let mut attempt = pin!(ask(auth, cases.right.clone()));
        for _ in 0..polls {
            if attempt.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
                break;
            }
            tokio::task::yield_now().await;
        }
    }
    assert!(ask(auth, cases.right.clone()).await.is_ok(), "accepted after clients went away");
}
