//! One attempt to authenticate, as a backend sees it.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::backend::BackendError;
use crate::gate::{GateAccount, Place};
use crate::password::{HashDebt, Passwords, Verdict};
use crate::report::Reports;
use crate::{BackendName, Password, RequestFacts, Secret};

/// Credentials on their way through the chain, with the facts of the request that carried them.
///
/// Only a chain makes one: a backend is never asked outside the chain's timeouts, bounds and accounting.
pub struct Attempt<'a, C> {
    credentials: &'a C,
    facts: &'a RequestFacts,
    debt: &'a HashDebt,
    reports: &'a Reports,
    backend: &'a BackendName,
    place: Option<&'a Place>,
    is_exhausted: AtomicBool,
}

/// What an attempt is made with, whichever backend is asked.
pub(crate) struct Asking<'a, C> {
    pub(crate) credentials: &'a C,
    pub(crate) facts: &'a RequestFacts,
    pub(crate) debt: &'a HashDebt,
    pub(crate) reports: &'a Reports,
    pub(crate) place: Option<&'a Place>,
}

impl<'a, C> Asking<'a, C> {
    /// The attempt as this backend sees it.
    pub(crate) fn of(&self, backend: &'a BackendName) -> Attempt<'a, C> {
        let Self { credentials, facts, debt, reports, place } = *self;
        Attempt { credentials, facts, debt, reports, backend, place, is_exhausted: AtomicBool::new(false) }
    }
}

impl<'a, C> Attempt<'a, C> {
    pub(crate) fn debt(&self) -> &'a HashDebt {
        self.debt
    }

    /// What the client presented.
    pub fn credentials(&self) -> &'a C {
        self.credentials
    }

    /// What is known of the request.
    pub fn facts(&self) -> &'a RequestFacts {
        self.facts
    }

    /// Where a [`Provisioner`](crate::backend::Provisioner) tells what it did.
    pub fn reports(&self) -> &'a Reports {
        self.reports
    }
}

impl<C> Attempt<'_, C> {
    /// Tells which account a look-up found, before any secret is compared with its own: what limits the tries of one account,
    /// whatever it is called ([`Throttle`](crate::throttle::Throttle)). `id` is what the backend knows it by for good: a user's
    /// id, an entry's name.
    ///
    /// `false` if no more may be tried: answer as if the secret were wrong, after the same work, and compare nothing.
    /// [`verify`](Self::verify) and [`verify_secret`](Self::verify_secret) see to that by themselves; whoever asks another
    /// system must not ask it.
    ///
    /// # Errors
    /// [`BackendError`] if it cannot be decided.
    pub async fn account(&self, id: &str) -> Result<bool, BackendError> {
        self.tell_account(id, None).await
    }

    /// The same, where no more than so many tries of the account may fail within this time, whoever makes them: for a system
    /// that would lock it. Known devices count there, too.
    ///
    /// # Errors
    /// As [`account`](Self::account).
    pub async fn account_at_most(
        &self,
        id: &str,
        failures: u32,
        within: Duration,
    ) -> Result<bool, BackendError> {
        self.tell_account(id, Some((failures, within))).await
    }

    async fn tell_account(&self, id: &str, at_most: Option<(u32, Duration)>) -> Result<bool, BackendError> {
        let Some(place) = self.place else { return Ok(true) };
        let account = GateAccount { backend: self.backend, id, at_most, facts: self.facts };
        let may_compare = place.account(&account).await?;
        if !may_compare {
            self.is_exhausted.store(true, Ordering::Relaxed);
        }
        Ok(may_compare)
    }

    /// Whether [`account`](Self::account) answered that no more may be tried: for a backend that asks another one.
    pub fn is_exhausted(&self) -> bool {
        self.is_exhausted.load(Ordering::Relaxed)
    }

    /// Compares a presented secret (a PIN, a key) with a stored hash, as every backend of a kind of credentials
    /// with a slow hash should.
    ///
    /// `None` stands for a user that is unknown or has no secret. The answer is then [`Verdict::Mismatch`] at
    /// once, and the chain makes up for the missing work: an attempt that fails has cost each backend of the chain
    /// exactly one hash, whichever of them knew the user, so its duration tells nothing. That holds for backends that
    /// compare with one hash at most in an attempt.
    ///
    /// # Errors
    /// [`BackendError`] if the hash pool is overloaded.
    pub async fn verify_secret(
        &self,
        passwords: &Passwords,
        secret: &Secret,
        stored: Option<&str>,
    ) -> Result<Verdict, BackendError> {
        let stored = stored.filter(|_| !self.is_exhausted());
        self.debt.verify(passwords, secret, stored).await
    }
}

impl Attempt<'_, Password> {
    /// Compares the presented password with a stored hash: [`verify_secret`](Self::verify_secret) for passwords.
    ///
    /// # Errors
    /// [`BackendError`] if the hash pool is overloaded.
    pub async fn verify(&self, passwords: &Passwords, stored: Option<&str>) -> Result<Verdict, BackendError> {
        self.verify_secret(passwords, self.credentials.password(), stored).await
    }
}

impl<C> fmt::Debug for Attempt<'_, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attempt").field("facts", self.facts).finish_non_exhaustive()
    }
}
