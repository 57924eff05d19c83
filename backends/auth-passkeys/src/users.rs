//! The dyn-compatible twin of [`UserSource`]: the users of backends of several types.

use std::future::Future;
use std::pin::Pin;

use auth_core::UserId;
use auth_core::backend::{BackendError, UserSource};

type Found<'a, U> = Pin<Box<dyn Future<Output = Result<Option<U>, BackendError>> + Send + 'a>>;

pub(crate) trait Users<U>: Send + Sync {
    fn find<'a>(&'a self, id: &'a UserId) -> Found<'a, U>;
}

impl<B: UserSource> Users<B::User> for B {
    fn find<'a>(&'a self, id: &'a UserId) -> Found<'a, B::User> {
        Box::pin(self.get_user(id))
    }
}
