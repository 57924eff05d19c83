//! One attempt to authenticate, as a backend sees it.

use std::fmt;

use crate::backend::BackendError;
use crate::password::{HashDebt, Passwords, Verdict};
use crate::report::Reports;
use crate::{Password, RequestFacts, Secret};

/// Credentials on their way through the chain, with the facts of the request that carried them.
///
/// Only a chain makes one: a backend is never asked outside the chain's timeouts, bounds and accounting.
pub struct Attempt<'a, C> {
    credentials: &'a C,
    facts: &'a RequestFacts,
    debt: &'a HashDebt,
    reports: &'a Reports,
}

impl<'a, C> Attempt<'a, C> {
    pub(crate) fn new(
        credentials: &'a C,
        facts: &'a RequestFacts,
        debt: &'a HashDebt,
        reports: &'a Reports,
    ) -> Self {
        Self { credentials, facts, debt, reports }
    }

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
