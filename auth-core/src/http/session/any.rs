//! A session as a request's extensions hold it, and as an adapter's [`Exchange`](crate::http::adapter::Exchange) uses it.

use std::any::Any;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::state::Deeds;
use super::{BoxFuture, Inner, Session};
use crate::http::effects::Effects;
use crate::http::layered::{AnySession, Shown};
use crate::http::offer::Offer;
use crate::http::require::Lacking;
use crate::http::{AnyExchange, Refusal, RequestExtensions, RequestView, ResponseView};
use crate::session::{CookieEffect, ResolveError};
use crate::{Access, How, Require, User};

impl<U: User> AnySession for Inner<U> {
    fn outer(&self) -> Option<&AnyExchange> {
        self.layered.outer.as_ref()
    }

    fn ask(&self) {
        self.asked.store(true, Ordering::Release);
    }

    fn is_known(&self) -> bool {
        self.resolved.load(Ordering::Acquire)
    }

    fn is_worth_judging(&self, within: Option<Duration>) -> bool {
        let Some(within) = within else { return false };
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let is_stale = |access: &Access<U>| {
            matches!(access.how(), How::Scheme(_))
                && access.proven().is_some_and(|proven| self.auth.now().since(proven) > within)
        };
        state.access.as_ref().is_some_and(is_stale)
            && self.presented.offers().iter().any(Offer::is_recalled_proof)
    }

    fn resolve_within(
        self: Arc<Self>,
        within: Option<Duration>,
    ) -> BoxFuture<'static, Result<(), ResolveError>> {
        Box::pin(async move {
            let session = Session(self);
            session.resolve().await?;
            session.judge_again(within).await
        })
    }

    fn check(self: Arc<Self>, require: &Require, view: &dyn RequestExtensions) -> Result<(), Refusal> {
        let session = Session(self);
        let checked = require.check(session.shown(view).as_ref(), session.auth().now());
        checked.map_err(|lacking| session.refuse_lacking(require, lacking, view))
    }

    fn refuse_nobody(self: Arc<Self>, view: &dyn RequestView) -> Refusal {
        Session(self).refuse_lacking(&Require::login(), Lacking::Login, view)
    }

    fn refuse(self: Arc<Self>, error: &ResolveError, view: &dyn RequestView) -> Refusal {
        self.auth.refuse_unresolved(error, view)
    }
}

/// What adapters and extractors ask of a request's session, through [`Exchange`](crate::http::adapter::Exchange).
impl<U: User> Session<U> {
    pub(crate) fn into_any(self) -> Arc<dyn AnySession> {
        self.0
    }

    /// The session of the innermost layer whose users are of this type.
    pub(crate) fn innermost(exchange: &AnyExchange) -> Option<Self> {
        let mut exchange = Some(exchange);
        while let Some(AnyExchange(session)) = exchange {
            if (&**session as &dyn Any).is::<Inner<U>>() {
                let inner: Arc<dyn Any + Send + Sync> = Arc::clone(session) as _;
                return inner.downcast().ok().map(Self);
            }
            exchange = session.outer();
        }
        None
    }

    fn refuse_lacking(&self, require: &Require, lacking: Lacking, view: &dyn RequestView) -> Refusal {
        if lacking == Lacking::Login {
            let missing = self.state().pending.as_ref().map(|waiting| waiting.missing.clone());
            if let Some(missing) = missing {
                return self.auth().refuse_pending(require, &missing, view);
            }
        }
        let is_turned_away = lacking == Lacking::Login && self.state().deeds().is_turned_away;
        let lacking = if is_turned_away { Lacking::Permission } else { lacking };
        self.auth().refuse_lacking(require, lacking, view)
    }

    pub(crate) fn outer(&self) -> Option<&AnyExchange> {
        self.0.layered.outer.as_ref()
    }

    pub(crate) fn ask(&self) {
        AnySession::ask(&*self.0);
    }

    /// Whether the response depends on the session. Under a lazy layer, a caller that no handler or guard asked for has no
    /// effect.
    #[inline]
    pub(crate) fn has_effects(&self) -> bool {
        let presents = || !self.0.presented.is_nothing() && self.is_resolved();
        self.0.asked.load(Ordering::Acquire) || presents()
    }

    pub(crate) fn changes_cookie(&self) -> bool {
        !matches!(self.state().deeds().cookie, CookieEffect::Keep)
    }

    pub(crate) fn has_unsaved(&self) -> bool {
        let unsaved = |deeds: &Deeds| !deeds.patches.is_empty() || deeds.renewal.is_some();
        self.has_effects() && unsaved(self.state().deeds())
    }

    pub(super) fn is_closed(&self) -> bool {
        self.0.closed.load(Ordering::Acquire)
    }

    pub(crate) fn finish(&self, response: &mut dyn ResponseView) {
        let (effects, delivered) = {
            let mut state = self.state();
            let effects = Effects {
                is_somebody: state.access.is_some() || state.pending.is_some(),
                cookie: state.deeds().cookie.clone(),
                device: state.deeds().device.clone(),
                is_navigation: self.reader().is_navigation,
            };
            (effects, state.done().and_then(|deeds| deeds.undelivered.take()))
        };
        effects.write(self.auth(), response);
        if let Some(undo) = delivered {
            undo.disarm();
        }
    }

    /// The caller, for the adapter to put into the request's extensions.
    pub(crate) fn put_user(&self) -> Option<Arc<U>> {
        let mut state = self.state();
        state.put = state.access.as_ref().map(|access| Arc::clone(access.user()));
        state.put.clone()
    }

    /// The caller as the request shows it. If the layer put a user into the extensions and a middleware has removed it, the
    /// request is anonymous; another user put in its place proves nothing.
    pub(crate) fn shown(&self, view: &dyn RequestExtensions) -> Option<Access<U>> {
        let (access, put) = {
            let state = self.state();
            (state.access.clone()?, state.put.clone())
        };
        match (put, self.0.layered.shown) {
            (Some(put), Some(shown)) => is_shown(&put, shown, view).then_some(access),
            _ => Some(access),
        }
    }
}

fn is_shown<U>(put: &Arc<U>, shown: Shown<U>, view: &dyn RequestExtensions) -> bool {
    let mut is_there = false;
    view.extensions(&mut |extensions| {
        is_there = shown(extensions).is_some_and(|user| Arc::ptr_eq(&user, put));
    });
    is_there
}

impl<U> Session<U> {
    /// Notes that the adapter saves nothing from here on. Call it before [`has_unsaved`](Self::has_unsaved): code that changes
    /// a value after that look finds the exchange closed, and saves the value itself.
    pub(crate) fn close(&self) {
        self.0.closed.store(true, Ordering::Release);
    }
}
