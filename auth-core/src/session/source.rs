//! Where a session's user is loaded from.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::confirming::Confirming;
use crate::backend::{BackendError, Identity, UserSource};
use crate::guard::{guarded, interrupted};
use crate::time::Clock;
use crate::user_cache::{Cache, Lookup};
use crate::{BackendName, User, UserId};

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The dyn twin of [`UserSource`].
pub(crate) trait DynUsers<U>: Send + Sync {
    fn get_user<'a>(&'a self, id: &'a UserId) -> BoxFuture<'a, Result<Option<U>, BackendError>>;
    fn restore<'a>(
        &'a self,
        id: &'a UserId,
        identity: &'a Identity,
    ) -> BoxFuture<'a, Result<Option<U>, BackendError>>;
}

impl<B: UserSource> DynUsers<B::User> for B {
    fn get_user<'a>(&'a self, id: &'a UserId) -> BoxFuture<'a, Result<Option<B::User>, BackendError>> {
        Box::pin(UserSource::get_user(self, id))
    }

    fn restore<'a>(
        &'a self,
        id: &'a UserId,
        identity: &'a Identity,
    ) -> BoxFuture<'a, Result<Option<B::User>, BackendError>> {
        Box::pin(UserSource::restore(self, id, identity))
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
    /// The user, from the backend; with an identity that was kept, made of that.
    pub(crate) async fn get_user(
        &self,
        id: &UserId,
        kept: Option<&Identity>,
    ) -> Result<Option<U>, BackendError> {
        let asked = async {
            let user = match kept {
                None => self.users.get_user(id),
                Some(identity) => self.users.restore(id, identity),
            };
            user.await
        };
        let user = guarded(self.timeout, asked).await.unwrap_or_else(interrupted)?;
        // What is made of an identity could be anybody, if the application means another one by it now.
        Ok(user.filter(|user| kept.is_none() || user.id() == *id))
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
