//! One request at one layer: who is calling, and what the response is to say of it.
//!
//! An adapter makes one [`Exchange`] for each request and keeps it beside the inner service's future. The same one goes
//! into the request's extensions as [`AnyExchange`], where extractors and guards find it: the caller is found by the
//! request that a piece of code holds, and not by where that code runs.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::session::Session;
use super::{AnyExchange, Refusal, RequestView, ResponseView};
use crate::User;
use crate::session::SessionError;
use crate::unheard::log_warning;

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a response future holds of its request.
pub struct Exchange<U>(pub(super) Session<U>);

impl<U: User> Exchange<U> {
    /// What goes into the request's extensions.
    #[inline]
    pub fn any(&self) -> AnyExchange {
        AnyExchange(self.0.clone().into_any())
    }

    /// The exchange of the layer around this one's: what is in the extensions again when this layer is done, where the
    /// framework shows one request to everybody.
    #[inline]
    pub fn outer(&self) -> Option<&AnyExchange> {
        self.0.outer()
    }

    /// The session handle of the request.
    pub fn session(&self, view: &dyn RequestView) -> Session<U> {
        self.0.ask();
        self.0.describe(view);
        self.0.clone()
    }

    /// What must be answered instead of whatever the handler answered; see [`overrule`](super::adapter::overrule).
    pub fn refusal(&self) -> Option<Refusal> {
        self.0.state().deeds().refusal.clone()
    }

    /// The inner service has answered: whoever still holds the session writes at once from here on. Whether nothing is to
    /// be written on the response, as nothing was presented and nobody asked.
    #[inline]
    pub fn end(&self) -> bool {
        self.0.close();
        !self.0.has_effects()
    }

    /// Values of the session that the handler changed and that are still to be written: await it between
    /// [`end`](Self::end) and [`finish`](Self::finish). The response's status is asked for only then.
    #[inline]
    pub fn save(&self, status: impl FnOnce() -> u16) -> Option<Saving> {
        let session = self.0.has_unsaved().then(|| self.0.clone())?;
        let (status, given_up) = (status(), self.0.clone());
        Some(Saving {
            future: Some(Box::pin(async move { session.save(status).await })),
            give_up: Box::new(move || given_up.give_up_renewal()),
        })
    }

    /// Writes on the response what the handler did. Where a framework makes several responses of one error, it may be
    /// called for each.
    #[inline]
    pub fn finish(&self, response: &mut dyn ResponseView) {
        if self.0.has_effects() {
            self.0.finish(response);
        }
    }

    /// There will be no response to write on: the inner service failed, in a framework whose errors carry no headers.
    ///
    /// A session that began in this request is deleted again with the exchange: nobody was given it. A logout stands.
    pub fn give_up(&self) {
        if self.0.changes_cookie() {
            log_warning(
                &"the session cookie of a response was lost: the service inside the AuthLayer answered an error; turn \
                  errors into responses inside of the AuthLayer (axum: `HandleErrorLayer` after it in the `ServiceBuilder`)",
            );
        }
    }
}

impl<U> Drop for Exchange<U> {
    // Also where there never is an answer, as the client went away while a handler goes on in a task of its own: nobody
    // would save what that one keeps.
    fn drop(&mut self) {
        self.0.close();
    }
}

impl<U: User> fmt::Debug for Exchange<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Exchange").field(&self.0).finish()
    }
}

/// Session values on their way to the store.
///
/// They get there also when it is dropped, since the client has gone: the handler has answered, and what it did was done. A
/// task of its own finishes that, within the time that a write may take.
pub struct Saving {
    /// Until it is done.
    future: Option<BoxFuture<'static, Result<(), SessionError>>>,
    /// Leaves the session its id: nobody would get another.
    give_up: Box<dyn Fn() + Send>,
}

impl Drop for Saving {
    fn drop(&mut self) {
        let Some(future) = self.future.take() else { return };
        (self.give_up)();
        // Without a runtime, as when that is being shut down, nothing can be written any more.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            drop(runtime.spawn(future));
        }
    }
}

impl Future for Saving {
    /// The answer that replaces the handler's if the values could not be written.
    type Output = Result<(), Refusal>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // Polled again after it was done, it has nothing to save; that is an adapter's bug.
        let Some(future) = &mut self.future else { return Poll::Ready(Ok(())) };
        let saved = ready!(future.as_mut().poll(cx));
        self.future = None;
        Poll::Ready(saved.map_err(|error| Refusal::from(&error).told(&error)))
    }
}
