//! What the layers around a handler leave in a request's extensions.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::{Refusal, RequestView, Require};
use crate::session::ResolveError;

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A request with its extensions: what extractors and guards look into.
pub trait RequestExtensions: RequestView {
    /// What the innermost layer put into the extensions.
    fn exchange(&self) -> Option<AnyExchange>;

    /// Shows the extensions to `look`, which knows their type.
    fn extensions(&self, look: &mut dyn FnMut(&dyn Any));
}

/// Finds the user whom an adapter put into a request's extensions, which are of a type that only the adapter knows.
pub type Shown<U> = fn(&dyn Any) -> Option<Arc<U>>;

/// What an adapter tells of its layer and of the layers around it.
pub struct Layered<U> {
    /// How to find the [`CurrentUser`](Shown) in the request's extensions; `None` for a lazy layer, which puts none there.
    pub shown: Option<Shown<U>>,
    /// What the layer around this one left in the extensions.
    pub outer: Option<AnyExchange>,
}

/// The exchange of the innermost layer, whatever its type of user: what lies in a request's extensions.
///
/// It leads to those of the layers around it. A request without one has passed no layer; one that a handler makes has its
/// own or none.
#[derive(Clone)]
pub struct AnyExchange(pub(super) Arc<dyn AnySession>);

impl AnyExchange {
    /// The layer's answer where somebody must be signed in and nobody is.
    pub(super) fn refuse_nobody(&self, view: &dyn RequestView) -> Refusal {
        Arc::clone(&self.0).refuse_nobody(view)
    }
}

impl fmt::Debug for AnyExchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnyExchange").finish_non_exhaustive()
    }
}

/// A [`Session`](super::Session) whose user type is forgotten.
pub(crate) trait AnySession: Any + Send + Sync {
    fn outer(&self) -> Option<&AnyExchange>;
    /// Notes that somebody asks for the caller.
    fn ask(&self);
    fn is_known(&self) -> bool;
    /// Whether the caller's credentials, which were accepted earlier, would have to be judged again to be fresh.
    fn is_worth_judging(&self, within: Option<Duration>) -> bool;
    /// Finds out who is calling, by a proof that is as fresh as it must be, if the request has one.
    fn resolve_within(
        self: Arc<Self>,
        within: Option<Duration>,
    ) -> BoxFuture<'static, Result<(), ResolveError>>;
    fn check(self: Arc<Self>, require: &Require, view: &dyn RequestExtensions) -> Result<(), Refusal>;
    fn refuse_nobody(self: Arc<Self>, view: &dyn RequestView) -> Refusal;
    fn refuse(self: Arc<Self>, error: &ResolveError, view: &dyn RequestView) -> Refusal;
}
