//! The identity for a name in a header.

use std::fmt;

use super::RemoteUser;
use crate::backend::{Attempt, BackendError, DeclineReason, Groups, Identity, Outcome, Verifier};

type Clean = Box<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// Trusts a proxy: the name in its header becomes an [`Identity`].
///
/// Combine it with the application's users by [`Provisioned`](crate::backend::Provisioned). The
/// [policy](crate::Provisioning) decides what becomes of people without a user, and of groups. Existing users are not
/// handed over by their names: if the proxy's names are those of local users, use a
/// [`backend_fn`](crate::backend::backend_fn) that finds them by name.
///
/// ```
/// use auth_core::remote_user::RemoteUsers;
///
/// // `alice@EXAMPLE.COM` is `alice` here, and users of other realms are nobody.
/// let proxy = RemoteUsers::new("https://sso.example")
///     .clean(|name| name.strip_suffix("@EXAMPLE.COM").map(str::to_lowercase));
/// ```
pub struct RemoteUsers {
    issuer: String,
    clean: Option<Clean>,
}

impl RemoteUsers {
    /// Trusts the proxy of this name. It is part of every user's key, so it must stay the same: the address of the
    /// proxy's login is a good choice.
    ///
    /// ```
    /// # use auth_core::remote_user::RemoteUsers;
    /// let proxy = RemoteUsers::new("https://sso.example");
    /// ```
    pub fn new(issuer: impl Into<String>) -> Self {
        Self { issuer: issuer.into(), clean: None }
    }

    /// Converts the proxy's name to a local one; `None` if it is not a user here.
    ///
    /// Strip one realm, and refuse the others: if the closure drops anything after the `@`, `alice` of another realm
    /// is the same person.
    ///
    /// ```
    /// # use auth_core::remote_user::RemoteUsers;
    /// let proxy = RemoteUsers::new("https://sso.example")
    ///     .clean(|name| name.strip_suffix("@EXAMPLE.COM").map(str::to_lowercase));
    /// ```
    #[must_use]
    pub fn clean(mut self, clean: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        self.clean = Some(Box::new(clean));
        self
    }

    fn identity(&self, user: &RemoteUser) -> Option<Identity> {
        let username = match &self.clean {
            Some(clean) => clean(user.username()).filter(|name| !name.is_empty())?,
            None => user.username().to_owned(),
        };
        let mut identity = Identity::new(&self.issuer, username);
        if let Some(email) = user.email() {
            identity = identity.with_unverified_email(email);
        }
        if let Some(name) = user.name() {
            identity = identity.with_name(name);
        }
        if let Groups::Known(groups) = user.groups() {
            identity = identity.with_groups(groups.iter().cloned());
        }
        Some(identity)
    }
}

impl Verifier<RemoteUser> for RemoteUsers {
    async fn verify(&self, attempt: &Attempt<'_, RemoteUser>) -> Result<Outcome<Identity>, BackendError> {
        let identity = self.identity(attempt.credentials());
        Ok(identity.map_or(Outcome::Decline(DeclineReason::UnknownUser), Outcome::Accept))
    }
}

impl fmt::Debug for RemoteUsers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteUsers").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cleaned() {
        let own_realm = |name: &str| name.strip_suffix("@EXAMPLE.COM").map(str::to_lowercase);
        let (plain, cleaned) = (RemoteUsers::new("sso"), RemoteUsers::new("sso").clean(own_realm));
        let table = [
            ("own realm", "Alice@EXAMPLE.COM", Some("alice")),
            ("another realm", "alice@EVIL.EXAMPLE", None),
            ("no realm", "alice", None),
            ("nothing left", "@EXAMPLE.COM", None),
        ];
        for (name, sent, expected) in table {
            let user = RemoteUser::dangerous_new(sent);
            let found = cleaned.identity(&user);
            assert_eq!(found.as_ref().map(Identity::subject), expected, "{name}");
            assert_eq!(found.as_ref().map(Identity::username), expected, "{name}");
            assert_eq!(plain.identity(&user), Some(Identity::new("sso", sent)), "{name}, as it is");
        }
    }

    #[test]
    fn what_else_is_known_goes_along() {
        let user = RemoteUser {
            email: Some("alice@example.com".into()),
            name: Some("Alice Liddell".into()),
            groups: Groups::Known(["staff".into()].into()),
            ..RemoteUser::dangerous_new("alice")
        };
        let expected = Identity::new("sso", "alice")
            .with_unverified_email("alice@example.com")
            .with_name("Alice Liddell")
            .with_groups(["staff"]);
        assert_eq!(RemoteUsers::new("sso").identity(&user), Some(expected));
    }
}
