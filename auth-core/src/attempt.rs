//! One attempt to authenticate, as a backend sees it.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::backend::BackendError;
use crate::gate::{GateAccount, Place};
use crate::password::{HashDebt, Passwords, Verdict};
use crate::report::Reports;
use crate::{BackendName, Password, RequestFacts, Secret};

/// The credentials of one attempt, with the facts of the request that carried them: the argument of
/// [`Backend::authenticate`](crate::backend::Backend::authenticate).
///
/// Only a chain creates one: a backend is never called outside of the chain's timeouts, limits and accounting.
///
/// ```
/// use auth_core::Password;
/// use auth_core::backend::{Attempt, DeclineReason};
///
/// /// The part of a user name before `@partner.example`.
/// fn partner<'a>(attempt: &Attempt<'a, Password>) -> Result<&'a str, DeclineReason> {
///     let name = attempt.credentials().username();
///     name.strip_suffix("@partner.example").ok_or(DeclineReason::NotMine)
/// }
/// ```
pub struct Attempt<'a, C> {
    credentials: &'a C,
    facts: &'a RequestFacts,
    debt: &'a HashDebt,
    reports: &'a Reports,
    backend: &'a BackendName,
    place: Option<&'a Place>,
    is_exhausted: AtomicBool,
}

/// The parts of an attempt that are the same for every backend.
pub(crate) struct Asking<'a, C> {
    pub(crate) credentials: &'a C,
    pub(crate) facts: &'a RequestFacts,
    pub(crate) debt: &'a HashDebt,
    pub(crate) reports: &'a Reports,
    pub(crate) place: Option<&'a Place>,
}

impl<'a, C> Asking<'a, C> {
    /// The attempt as this backend gets it.
    pub(crate) fn of(&self, backend: &'a BackendName) -> Attempt<'a, C> {
        let Self { credentials, facts, debt, reports, place } = *self;
        Attempt { credentials, facts, debt, reports, backend, place, is_exhausted: AtomicBool::new(false) }
    }
}

impl<'a, C> Attempt<'a, C> {
    pub(crate) fn debt(&self) -> &'a HashDebt {
        self.debt
    }

    /// The credentials that the client presented.
    pub fn credentials(&self) -> &'a C {
        self.credentials
    }

    /// The facts of the request.
    pub fn facts(&self) -> &'a RequestFacts {
        self.facts
    }

    /// Collects what a [`Provisioner`](crate::backend::Provisioner) does.
    pub fn reports(&self) -> &'a Reports {
        self.reports
    }
}

impl<C> Attempt<'_, C> {
    /// Reports which account a look-up found, before any secret is compared. A
    /// [`Throttle`](crate::throttle::Throttle) limits the attempts on an account by it, whichever name was typed.
    /// `id` is the backend's permanent name of the account: a user's id, an entry's name.
    ///
    /// `false` if no more attempts are allowed: answer as if the secret were wrong, after the same work, and compare
    /// nothing. [`verify`](Self::verify) and [`verify_secret`](Self::verify_secret) take care of that. A backend that
    /// asks another system must not ask it.
    ///
    /// ```
    /// use auth_core::Password;
    /// use auth_core::backend::{Attempt, BackendError};
    ///
    /// async fn may_ask(attempt: &Attempt<'_, Password>, entry: &str) -> Result<bool, BackendError> {
    ///     attempt.account(entry).await
    /// }
    /// ```
    ///
    /// # Errors
    /// [`BackendError`] if it cannot be decided.
    pub async fn account(&self, id: &str) -> Result<bool, BackendError> {
        self.tell_account(id, None).await
    }

    /// The same, with a limit on failed attempts within a time, from all places and devices together: for a system
    /// that would otherwise lock the account. Known devices count as well.
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

    /// Whether [`account`](Self::account) answered that no more attempts are allowed: for a backend that calls
    /// another one.
    pub fn is_exhausted(&self) -> bool {
        self.is_exhausted.load(Ordering::Relaxed)
    }

    /// Compares the presented secret (a PIN, a key) with a stored hash. Every backend for credentials with a slow
    /// hash should call it.
    ///
    /// `None` stands for a user who is unknown or has no secret. The answer is then [`Verdict::Mismatch`] at once,
    /// and the chain makes up for the missing work: a failed attempt costs each backend of the chain exactly one
    /// hash, whichever of them knew the user, so its duration reveals nothing. This holds for backends that compare
    /// at most one hash in an attempt.
    ///
    /// ```
    /// use auth_core::backend::{Attempt, BackendError};
    /// use auth_core::password::Verdict;
    /// use auth_core::{Credentials, Passwords, Secret};
    ///
    /// /// A PIN, in credentials of the application.
    /// async fn has_pin<C: Credentials>(
    ///     attempt: &Attempt<'_, C>,
    ///     pins: &Passwords,
    ///     presented: &Secret,
    ///     stored: Option<&str>,
    /// ) -> Result<bool, BackendError> {
    ///     Ok(attempt.verify_secret(pins, presented, stored).await? != Verdict::Mismatch)
    /// }
    /// ```
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
    /// ```
    /// use auth_core::backend::{Attempt, BackendError, DeclineReason, Outcome};
    /// use auth_core::password::Verdict;
    /// use auth_core::{Password, Passwords};
    ///
    /// # struct Row { id: i64, hash: String }
    /// async fn judge(attempt: &Attempt<'_, Password>, passwords: &Passwords, row: Option<Row>) -> Result<Outcome<i64>, BackendError> {
    ///     let verdict = attempt.verify(passwords, row.as_ref().map(|row| row.hash.as_str())).await?;
    ///     Ok(match (verdict, row) {
    ///         (Verdict::Match { .. }, Some(row)) => Outcome::Accept(row.id),
    ///         (_, Some(_)) => Outcome::Decline(DeclineReason::WrongSecret),
    ///         (_, None) => Outcome::Decline(DeclineReason::UnknownUser),
    ///     })
    /// }
    /// ```
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
