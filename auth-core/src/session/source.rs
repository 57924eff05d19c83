//! Where a session's user is loaded from.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::confirming::Confirming;
use crate::backend::{BackendError, UserSource};
use crate::guard::{guarded, interrupted};
use crate::time::Clock;
use crate::user_cache::{Cache, Lookup};
use crate::{BackendName, User, UserId};

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The dyn twin of [`UserSource`].
pub(crate) trait DynUsers<U>: Send + Sync {
    fn get_user<'a>(&'a self, id: &'a UserId) -> BoxFuture<'a, Result<Option<U>, BackendError>>;
}

impl<B: UserSource> DynUsers<B::User> for B {
    fn get_user<'a>(&'a self, id: &'a UserId) -> BoxFuture<'a, Result<Option<B::User>, BackendError>> {
        Box::pin(UserSource::get_user(self, id))
    }
}

/// A named source of users: where a session's user is loaded from.
pub(crate) struct Source<U> {
    pub(crate) name: BackendName,
    pub(crate) timeout: Duration,
    pub(crate) users: Arc<dyn DynUsers<U>>,
    /// The users that sessions needed lately, if they are kept.
    pub(crate) cache: Option<Cache<U>>,
    /// Who confirms the users of sessions, if anybody does.
    pub(crate) confirming: Option<Arc<Confirming>>,
}

impl<U: User> Source<U> {
    /// The user, from the backend.
    pub(crate) async fn get_user(&self, id: &UserId) -> Result<Option<U>, BackendError> {
        guarded(self.timeout, async { self.users.get_user(id).await }).await.unwrap_or_else(interrupted)
    }

    /// The user of a session, by the cache. Waiting for another request's load is under the same limit as a load:
    /// no request takes longer than without the cache.
    pub(crate) async fn find_user(
        &self,
        cache: &Cache<U>,
        id: &UserId,
        clock: &dyn Clock,
    ) -> Result<Lookup<U>, BackendError> {
        let load = async { self.users.get_user(id).await };
        guarded(self.timeout, cache.find(id, clock, load)).await.unwrap_or_else(interrupted)
    }
}
