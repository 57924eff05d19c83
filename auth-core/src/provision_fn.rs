//! Users without a table.

use std::fmt;
use std::future::Future;

use crate::backend::{BackendError, Identity, Outcome, Provisioner, UserSource};
use crate::report::Reports;
use crate::{User, UserId};

/// Makes a [`Provisioner`] from a closure, for users who exist only in what an outside system says about them: for a
/// service that accepts an issuer's tokens and has no table.
///
/// Such a user lives for one request and cannot be loaded again. Therefore they cannot have sessions:
/// [`build`](crate::AuthBuilder::build) fails if people's credentials lead to them and sessions are configured,
/// unless their sessions [store the identity](ProvisionFn::keep_identity). They own no API keys in either case.
///
/// ```
/// use auth_core::backend::{DenyReason, Groups, Identity, Outcome, Provisioned, Verifier, provision_fn};
/// use auth_core::{Auth, BearerToken, User, UserId};
///
/// struct Caller {
///     id: UserId,
///     roles: Vec<String>,
/// }
///
/// impl User for Caller {
///     fn id(&self) -> UserId {
///         self.id.clone()
///     }
///     fn security_stamp(&self) -> &[u8] {
///         b""
///     }
///     fn is_active(&self) -> bool {
///         true
///     }
///     fn has_permission(&self, permission: &str) -> bool {
///         self.roles.iter().any(|role| role == permission)
///     }
/// }
///
/// fn auth(issuer: impl Verifier<BearerToken>) -> Result<Auth<Caller>, auth_core::ConfigError> {
///     let users = provision_fn(|identity: Identity| async move {
///         let Ok(id) = UserId::new(identity.subject()) else { return Ok(Outcome::Deny(DenyReason::InvalidName)) };
///         let roles = match identity.groups() {
///             Groups::Known(groups) => groups.iter().cloned().collect(),
///             Groups::Unknown => Vec::new(),
///         };
///         Ok(Outcome::Accept(Caller { id, roles }))
///     });
///     Auth::builder().backend::<BearerToken>("issuer", Provisioned { verifier: issuer, users }).build()
/// }
/// ```
pub fn provision_fn<F, FF, U>(provision: F) -> ProvisionFn<F>
where
    F: Fn(Identity) -> FF + Send + Sync + 'static,
    FF: Future<Output = Result<Outcome<U>, BackendError>> + Send,
    U: User,
{
    ProvisionFn { provision, keeps_identity: false }
}

/// The return type of [`provision_fn`].
#[derive(Clone)]
pub struct ProvisionFn<F> {
    provision: F,
    keeps_identity: bool,
}

impl<F> ProvisionFn<F> {
    /// Lets the users have sessions. Each session stores the identity of its login, and the same closure builds the
    /// user from it on each request.
    ///
    /// The closure may refuse the identity later, which ends the session, as for a removed user; an error is an
    /// outage (503), and the session stays. For the same identity it has to return the same id, and the same security
    /// stamp unless sessions should end. It runs on every request, so it should be quick.
    ///
    /// Later changes in the outside system go unnoticed: groups are those of the last login. Set the limits of
    /// [`SessionConfig`](crate::SessionConfig) as short as a demotion may go unnoticed, or keep the users in a table
    /// and [confirm](crate::AuthBuilder::confirm) them. The session store contains the identity as it is, so the
    /// verifier should report no more about a person than is needed. It may have 4 KiB at most: a longer one is an
    /// error of the backend, and nobody is logged in.
    ///
    /// ```
    /// # use auth_core::backend::{Identity, MemoryDirectory, Outcome, Provisioned, Provisioner, provision_fn};
    /// # use auth_core::session::{KeyRing, MemorySessions};
    /// # use auth_core::{Auth, ConfigError, Password, SessionConfig, User};
    /// # fn auth<U: User + From<Identity>>(directory: MemoryDirectory) -> Result<Auth<U>, Box<dyn std::error::Error>> {
    /// let users = provision_fn(|identity: Identity| async move { Ok(Outcome::Accept(U::from(identity))) }).keep_identity();
    /// let auth = Auth::builder()
    ///     .backend::<Password>("directory", Provisioned { verifier: directory, users })
    ///     .sessions(MemorySessions::new(10_000), SessionConfig::new(KeyRing::generate()?))
    ///     .build()?;
    /// # Ok(auth)
    /// # }
    /// ```
    #[must_use]
    pub fn keep_identity(mut self) -> Self {
        self.keeps_identity = true;
        self
    }
}

impl<F, FF, U> UserSource for ProvisionFn<F>
where
    F: Fn(Identity) -> FF + Send + Sync + 'static,
    FF: Future<Output = Result<Outcome<U>, BackendError>> + Send,
    U: User,
{
    type User = U;

    async fn get_user(&self, _: &UserId) -> Result<Option<U>, BackendError> {
        Ok(None)
    }

    async fn restore(&self, _: &UserId, identity: &Identity) -> Result<Option<U>, BackendError> {
        if !self.keeps_identity {
            return Ok(None);
        }
        match (self.provision)(identity.clone()).await? {
            Outcome::Accept(user) => Ok(Some(user)),
            Outcome::Decline(_) | Outcome::Deny(_) => Ok(None),
        }
    }

    fn reloads(&self) -> bool {
        self.keeps_identity
    }
}

impl<F, FF, U> Provisioner for ProvisionFn<F>
where
    F: Fn(Identity) -> FF + Send + Sync + 'static,
    FF: Future<Output = Result<Outcome<U>, BackendError>> + Send,
    U: User,
{
    async fn provision(&self, identity: Identity, _: &Reports) -> Result<Outcome<U>, BackendError> {
        (self.provision)(identity).await
    }

    fn keeps_identity(&self) -> bool {
        self.keeps_identity
    }
}

impl<F> fmt::Debug for ProvisionFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProvisionFn").field("keeps_identity", &self.keeps_identity).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::{Attempt, MemoryDirectory, Provisioned, Verifier};
    use crate::password::Argon2Cost;
    use crate::session::{KeyRing, MemorySessions};
    use crate::{Auth, BearerToken, Password, Passwords, RequestFacts, Secret, SessionConfig};

    struct Caller(UserId);

    impl User for Caller {
        fn id(&self) -> UserId {
            self.0.clone()
        }

        fn security_stamp(&self) -> &[u8] {
            b""
        }

        fn is_active(&self) -> bool {
            true
        }
    }

    struct Issuer;

    impl Verifier<BearerToken> for Issuer {
        async fn verify(
            &self,
            attempt: &Attempt<'_, BearerToken>,
        ) -> Result<Outcome<Identity>, BackendError> {
            Ok(Outcome::Accept(Identity::new("issuer", attempt.credentials().token().expose())))
        }
    }

    fn users() -> impl Provisioner<User = Caller> {
        provision_fn(|identity: Identity| async move {
            Ok(Outcome::Accept(Caller(UserId::new(identity.subject()).expect("it is short"))))
        })
    }

    fn sessions() -> (MemorySessions, SessionConfig) {
        (MemorySessions::new(10), SessionConfig::new(KeyRing::generate().unwrap()))
    }

    #[tokio::test]
    async fn they_live_for_one_request() {
        let (store, config) = sessions();
        let auth = Auth::builder()
            .backend::<BearerToken>("issuer", Provisioned { verifier: Issuer, users: users() })
            .sessions(store, config)
            .build()
            .unwrap();
        let caller = auth.authenticate(BearerToken::new("alice"), &RequestFacts::none()).await.unwrap();
        assert_eq!(caller.user().0, UserId::new("alice").unwrap());
    }

    #[tokio::test]
    async fn they_have_no_sessions() {
        let cost = Argon2Cost::dangerous_weak(16, 1, 1).unwrap();
        let directory = || async {
            let directory = MemoryDirectory::new(Passwords::builder().cost(cost).threads(1).build().unwrap());
            directory.insert(Identity::new("directory", "alice"), &Secret::new("wonderland")).await.unwrap();
            Provisioned { verifier: directory, users: users() }
        };
        let (store, config) = sessions();
        let built = Auth::builder()
            .backend::<Password>("directory", directory().await)
            .sessions(store, config)
            .build();
        let told = built.map(|_| ()).unwrap_err().to_string();
        assert!(told.contains("\"directory\"") && told.contains("cannot be loaded again"), "{told}");
        assert!(told.contains("keep_identity"), "{told}");
        let auth = Auth::builder().backend::<Password>("directory", directory().await).build().unwrap();
        let alice = Password::new("alice", "wonderland");
        assert!(
            auth.authenticate(alice, &RequestFacts::none()).await.is_ok(),
            "without sessions they are fine"
        );
    }
}
