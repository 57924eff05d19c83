//! Backends that say what they are told.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use auth_core::backend::{
    Accepted, Attempt, Backend, BackendError, DeclineReason, DenyReason, Outcome, UserSource,
};
use auth_core::{
    Auth, AuthBuilder, Authenticated, BackendPolicy, Credentials, Denied, Password, RequestFacts, UserId,
};
use integration_tests::accounts::Account;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Says {
    Accept,
    AcceptDisabled,
    Unknown,
    Wrong,
    NotMine,
    Deny,
    Fails,
    Panics,
    PanicsBefore,
    Hangs,
}

pub(crate) const FIVE: [Says; 5] = [Says::Accept, Says::Unknown, Says::Wrong, Says::Deny, Says::Fails];

/// A backend that says one thing, and counts how often it is asked.
#[derive(Clone, Debug)]
pub(crate) struct Scripted {
    pub says: Says,
    pub asked: Arc<AtomicU64>,
}

impl Scripted {
    pub(crate) fn new(says: Says) -> Self {
        Self { says, asked: Arc::default() }
    }

    pub(crate) fn asked(&self) -> u64 {
        self.asked.load(Ordering::SeqCst)
    }
}

impl UserSource for Scripted {
    type User = Account;

    async fn get_user(&self, id: &UserId) -> Result<Option<Account>, BackendError> {
        let number = id.parse().unwrap_or_default();
        Ok(Some(Account::new(number, "reloaded")))
    }
}

impl<C: Credentials> Backend<C> for Scripted {
    fn supports(&self, _: &Attempt<'_, C>) -> bool {
        assert!(self.says != Says::PanicsBefore, "canary-panic");
        self.says != Says::NotMine
    }

    async fn authenticate(&self, _: &Attempt<'_, C>) -> Result<Outcome<Accepted<Account>>, BackendError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let user = Account::new(7, "somebody");
        Ok(match self.says {
            Says::Accept => Outcome::accept(user),
            Says::AcceptDisabled => Outcome::accept(Account { active: false, ..user }),
            Says::Unknown => Outcome::Decline(DeclineReason::UnknownUser),
            Says::Wrong => Outcome::Decline(DeclineReason::WrongSecret),
            Says::NotMine => Outcome::Decline(DeclineReason::NotMine),
            Says::Deny => Outcome::Deny(DenyReason::Locked),
            Says::Fails => return Err(BackendError::unavailable("it is down")),
            Says::Hangs => pending().await,
            Says::Panics | Says::PanicsBefore => panic!("canary-panic"),
        })
    }
}

pub(crate) const NAMES: [&str; 6] = ["first", "second", "third", "fourth", "fifth", "sixth"];

/// A chain of these, in order, under [`NAMES`].
pub(crate) fn chain(
    backends: &[(Scripted, BackendPolicy)],
    events: &(impl auth_core::event::Observer + Clone),
) -> Auth<Account> {
    let add = |auth: AuthBuilder<Account>, (name, (backend, policy)): (&&str, &(Scripted, BackendPolicy))| {
        auth.backend_with::<Password>(name, backend.clone(), *policy)
    };
    let auth = NAMES.iter().zip(backends).fold(Auth::builder().observer(events.clone()), add);
    auth.build().unwrap()
}

/// A chain with the usual policy.
pub(crate) fn plain(
    says: &[Says],
    events: &(impl auth_core::event::Observer + Clone),
) -> (Auth<Account>, Vec<Scripted>) {
    let backends: Vec<_> = says.iter().map(|says| Scripted::new(*says)).collect();
    let with_policy: Vec<_> =
        backends.iter().map(|backend| (backend.clone(), BackendPolicy::new())).collect();
    (chain(&with_policy, events), backends)
}

pub(crate) async fn attempt(auth: &Auth<Account>) -> Result<Authenticated<Account>, Denied> {
    auth.authenticate(Password::new("somebody", "canary-password"), &RequestFacts::none()).await
}
