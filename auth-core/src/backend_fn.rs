//! Backends from closures.

use std::fmt;
use std::future::Future;

use crate::backend::{Accepted, Attempt, Backend, BackendError, Outcome, UserSource};
use crate::{Credentials, User, UserId};

/// Makes a [`Backend`] from two closures: one judges credentials, one finds a user by id.
///
/// What it accepts is worth the [proof that the credentials are](Credentials::FACTOR). Implement the trait to say
/// more.
///
/// ```
/// use auth_core::{Auth, Password, UserId};
/// use auth_core::backend::{backend_fn, DeclineReason, Outcome};
/// # use auth_core::User;
/// # struct Robot;
/// # impl User for Robot {
/// #     fn id(&self) -> UserId { UserId::from(1) }
/// #     fn security_stamp(&self) -> &[u8] { b"stamp" }
/// #     fn is_active(&self) -> bool { true }
/// # }
///
/// let robots = backend_fn(
///     |robot: Password| async move {
///         if robot.username() == "robot" { Ok(Outcome::Accept(Robot)) } else { Ok(Outcome::Decline(DeclineReason::UnknownUser)) }
///     },
///     |id: UserId| async move { Ok((id == UserId::from(1)).then_some(Robot)) },
/// );
/// let auth = Auth::builder().backend::<Password>("robots", robots).build()?;
/// # Ok::<(), auth_core::ConfigError>(())
/// ```
pub fn backend_fn<A, G>(authenticate: A, get_user: G) -> BackendFn<A, G> {
    BackendFn { authenticate, get_user }
}

/// The return type of [`backend_fn`].
#[derive(Clone)]
pub struct BackendFn<A, G> {
    authenticate: A,
    get_user: G,
}

impl<A, G, GF, U> UserSource for BackendFn<A, G>
where
    A: Send + Sync + 'static,
    G: Fn(UserId) -> GF + Send + Sync + 'static,
    GF: Future<Output = Result<Option<U>, BackendError>> + Send,
    U: User,
{
    type User = U;

    async fn get_user(&self, id: &UserId) -> Result<Option<U>, BackendError> {
        (self.get_user)(id.clone()).await
    }
}

impl<C, A, AF, G, GF, U> Backend<C> for BackendFn<A, G>
where
    C: Credentials + Clone,
    A: Fn(C) -> AF + Send + Sync + 'static,
    AF: Future<Output = Result<Outcome<U>, BackendError>> + Send,
    G: Fn(UserId) -> GF + Send + Sync + 'static,
    GF: Future<Output = Result<Option<U>, BackendError>> + Send,
    U: User,
{
    async fn authenticate(&self, attempt: &Attempt<'_, C>) -> Result<Outcome<Accepted<U>>, BackendError> {
        Ok((self.authenticate)(attempt.credentials().clone()).await?.map(Accepted::from))
    }
}

impl<A, G> fmt::Debug for BackendFn<A, G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackendFn").finish_non_exhaustive()
    }
}
