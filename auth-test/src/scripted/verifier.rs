//! An outside system whose answers the test scripts.

use std::fmt;
use std::sync::{Arc, Mutex};

use auth_core::Password;
use auth_core::backend::{Attempt, BackendError, DenyReason, Identity, Outcome, Verifier};

use super::answers::Answers;
use super::{down, lock};
use crate::switch::Switch;

/// An outside system whose answers the test scripts: a directory or a service, which proves an identity and has no
/// users. It is a [`Verifier`], as [`Scripted`](crate::Scripted) is a [`Backend`](auth_core::backend::Backend): for
/// tests of what the application makes of an identity.
///
/// ```
/// use auth_core::backend::{DenyReason, Groups, Identity, Outcome, Provisioned, provision_fn};
/// use auth_core::{Auth, Password, RequestFacts};
/// use auth_test::{ScriptedVerifier, TestUser};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let alice = Identity::new("ldap", "cn=alice").with_username("alice").with_groups(["staff"]);
/// let directory = ScriptedVerifier::new().with_identity("alice", "wonderland", alice);
/// // The application's own, which is under test:
/// let users = provision_fn(|who: Identity| async move {
///     let Groups::Known(groups) = who.groups() else { return Ok(Outcome::Deny(DenyReason::NotPermitted)) };
///     Ok(Outcome::Accept(TestUser::new(who.username()).with_permissions(groups)))
/// })
/// .keep_identity();
/// let backend = Provisioned { verifier: directory.clone(), users };
/// let auth = Auth::builder().backend::<Password>("ldap", backend).build()?;
///
/// let proof = auth.authenticate(Password::new("alice", "wonderland"), &RequestFacts::none()).await?;
/// assert_eq!(proof.user(), &TestUser::new("alice").with_permission("staff"));
/// assert_eq!(directory.attempts(), 1);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct ScriptedVerifier {
    answers: Arc<Mutex<Answers<Identity>>>,
    judging: Switch,
}

impl ScriptedVerifier {
    /// A system that knows no identity, and works.
    pub fn new() -> Self {
        Self::default()
    }

    /// Vouches for this identity, by this name and password.
    #[must_use]
    pub fn with_identity(
        self,
        name: impl Into<String>,
        password: impl Into<String>,
        identity: Identity,
    ) -> Self {
        lock(&self.answers).accept(name.into(), password.into(), identity);
        self
    }

    /// Denies this name, whatever the password.
    #[must_use]
    pub fn denying(self, name: impl Into<String>, reason: DenyReason) -> Self {
        lock(&self.answers).deny(name.into(), reason);
        self
    }

    /// From now on it cannot be reached.
    pub fn fail(&self) {
        self.judging.fail();
    }

    /// So many attempts fail from now on.
    pub fn fail_next(&self, times: u64) {
        self.judging.fail_next(times);
    }

    /// From now on it never answers: the chain waits for the timeout.
    pub fn hang(&self) {
        self.judging.hang();
    }

    /// From now on it works again.
    pub fn recover(&self) {
        self.judging.recover();
    }

    /// How many attempts it was asked to judge, whatever came of them.
    pub fn attempts(&self) -> u64 {
        self.judging.asked()
    }
}

impl Verifier<Password> for ScriptedVerifier {
    async fn verify(&self, attempt: &Attempt<'_, Password>) -> Result<Outcome<Identity>, BackendError> {
        self.judging.ask().await.map_err(down)?;
        Ok(lock(&self.answers).judge(attempt.credentials()))
    }
}

/// Not the passwords.
impl fmt::Debug for ScriptedVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptedVerifier").finish_non_exhaustive()
    }
}
