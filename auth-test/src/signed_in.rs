//! A user who is signed in, and the proofs of the login.

use std::time::Duration;

use auth_core::grant::{Factor, Grant, Proof, Scopes};
use auth_core::time::Timestamp;

/// A user who is signed in: by a password and just now, unless the builder says otherwise. See [`SignedIn`].
///
/// ```
/// use auth_test::{TestUser, signed_in_as};
///
/// let alice = signed_in_as(TestUser::new("alice").with_permission("members"));
/// # let _ = alice;
/// ```
pub fn signed_in_as<U>(user: U) -> SignedIn<U> {
    SignedIn { user, backend: None, factors: Vec::new(), proven_ago: None, scopes: None }
}

/// A user who is signed in, and the proofs of the login. Made by [`signed_in_as`].
///
/// | to use it | for |
/// |---|---|
/// | `.layer()` (feature `tower`), `.middleware()` (feature `actix`) | handlers and routers without their `AuthLayer` |
/// | [`sign_in`](crate::sign_in()), [`Client::sign_in`](crate::Client::sign_in) | an application with its own `Auth` |
///
/// Permissions belong to the user, so there is nothing to set here for them.
///
/// ```
/// use std::time::Duration;
/// use auth_core::grant::Factor;
/// use auth_test::{TestUser, signed_in_as};
///
/// let alice = || TestUser::new("alice");
/// let by_directory = signed_in_as(alice()).by_backend("ldap");
/// let by_two_factors = signed_in_as(alice()).with_second_factor(Factor::Totp);
/// let by_passkey = signed_in_as(alice()).with_factor(Factor::Passkey).with_factor(Factor::UserVerification);
/// let an_hour_ago = signed_in_as(alice()).proven_ago(Duration::from_secs(3600));
/// let program = signed_in_as(alice()).with_scopes(["orders:read"]);
/// # let _ = (by_directory, by_two_factors, by_passkey, an_hour_ago, program);
/// ```
#[derive(Clone, Debug)]
#[must_use = "it signs no request in until it becomes a layer or goes to `sign_in`"]
pub struct SignedIn<U> {
    pub(crate) user: U,
    pub(crate) backend: Option<String>,
    factors: Vec<Factor>,
    proven_ago: Option<Duration>,
    scopes: Option<Scopes>,
}

impl<U> SignedIn<U> {
    /// Names the backend that vouched for the user. The default is the first backend of the [`Auth`](auth_core::Auth),
    /// and `test` under [a layer](crate#handlers-and-routers-alone).
    pub fn by_backend(mut self, name: impl Into<String>) -> Self {
        self.backend = Some(name.into());
        self
    }

    /// Adds a factor. The first one replaces the password, which is the default; further ones are proofs beside it.
    pub fn with_factor(mut self, factor: Factor) -> Self {
        self.factors.push(factor);
        self
    }

    /// Adds a factor beside the first, which is the password unless another was named.
    pub fn with_second_factor(mut self, factor: Factor) -> Self {
        if self.factors.is_empty() {
            self.factors.push(Factor::Password);
        }
        self.with_factor(factor)
    }

    /// Dates all proofs back, for tests of [`Require::fresh`](auth_core::Require::fresh) and `FreshUser`.
    pub fn proven_ago(mut self, time: Duration) -> Self {
        self.proven_ago = Some(time);
        self
    }

    /// Makes the caller a program with the user's token, which is good for these scopes and no others. A token proves
    /// no person. If it tells of a login, name the [factors](Self::with_factor) of that.
    ///
    /// For layers only: a session has no scopes, so [`sign_in`](crate::sign_in) refuses it. There, send a real token of
    /// the application ([`Client::with_bearer`](crate::Client::with_bearer)).
    ///
    /// # Panics
    /// If one is no scope (RFC 6749 §3.3).
    #[track_caller]
    pub fn with_scopes<S: AsRef<str>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        let scopes: Vec<String> = scopes.into_iter().map(|scope| scope.as_ref().to_owned()).collect();
        let parsed = Scopes::parse(&scopes.join(" "));
        self.scopes = Some(parsed.unwrap_or_else(|error| panic!("{scopes:?}: {error}")));
        self
    }

    /// Whether it is a program with a token.
    pub(crate) fn is_by_token(&self) -> bool {
        self.scopes.is_some()
    }

    pub(crate) fn age(&self) -> Duration {
        self.proven_ago.unwrap_or_default()
    }

    /// What the acceptance is worth, at this time.
    pub(crate) fn grant(&self, now: Timestamp) -> Grant {
        let age = u64::try_from(self.age().as_millis()).unwrap_or(u64::MAX);
        let at = Timestamp::from_millis(now.as_millis().saturating_sub(age));
        let grant = self
            .factors()
            .iter()
            .fold(Grant::new(), |grant, factor| grant.with_proof(Proof::new(*factor, at)));
        match &self.scopes {
            Some(scopes) => grant.with_scopes(scopes.clone()),
            None => grant,
        }
    }

    /// A token proves no person, unless somebody says so.
    fn factors(&self) -> &[Factor] {
        match self.factors.as_slice() {
            [] if self.is_by_token() && self.proven_ago.is_none() => &[],
            [] => &[Factor::Password],
            named => named,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(10_000);

    fn factors(who: &SignedIn<()>) -> Vec<Factor> {
        who.grant(NOW).proofs().iter().map(|proof| proof.factor).collect()
    }

    #[test]
    fn a_password_is_what_is_not_said() {
        let who = || signed_in_as(());
        let two = [Factor::Password, Factor::Totp];
        let table: [(&str, SignedIn<()>, &[Factor]); 7] = [
            ("nothing", who(), &[Factor::Password]),
            ("one factor", who().with_factor(Factor::Passkey), &[Factor::Passkey]),
            ("a second one", who().with_second_factor(Factor::Totp), &two),
            ("both named", who().with_factor(Factor::Password).with_second_factor(Factor::Totp), &two),
            ("a program", who().with_scopes(["read"]), &[]),
            ("a program, by a login", who().with_scopes(["read"]).with_factor(Factor::Totp), &[Factor::Totp]),
            ("a program, by an old login", who().with_scopes(["read"]).proven_ago(Duration::ZERO), &two[..1]),
        ];
        for (name, who, expected) in table {
            assert_eq!(factors(&who), expected, "{name}");
        }
    }

    #[test]
    fn proofs_are_as_old_as_is_said() {
        let old = signed_in_as(()).proven_ago(Duration::from_secs(60)).with_second_factor(Factor::Totp);
        assert!(old.grant(NOW).proofs().iter().all(|proof| proof.at == Timestamp::from_secs(9_940)));
        let older_than_time = signed_in_as(()).proven_ago(Duration::MAX);
        assert_eq!(older_than_time.grant(NOW).proven(), Some(Timestamp::from_secs(0)));
    }
}
