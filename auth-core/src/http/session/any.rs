//! A session as a request's extensions hold it, and as an adapter's [`Exchange`](crate::http::Exchange) uses it.

use std::any::Any;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::state::Deeds;
use super::{BoxFuture, Inner, Session};
use crate::http::offer::Offer;
use crate::http::require::Lacking;
use crate::http::{AnyExchange, Refusal, RequestView, ResponseView, Shown, apply_effects};
use crate::session::{CookieEffect, Failure};
use crate::{Access, How, Require, User};

/// A [`Session`] whose user type is forgotten: what lies in a request's extensions.
pub(crate) trait AnySession: Any + Send + Sync {
    fn outer(&self) -> Option<&AnyExchange>;
    /// Notes that somebody asks for the caller.
    fn ask(&self);
    fn is_known(&self) -> bool;
    /// Whether the caller's credentials, which were accepted earlier, would have to be judged again to be fresh.
    fn is_worth_judging(&self, within: Option<Duration>) -> bool;
    /// Finds out who is calling, by a proof that is as fresh as it must be, if the request has one.
    fn resolve_within(self: Arc<Self>, within: Option<Duration>) -> BoxFuture<'static, Result<(), Failure>>;
    fn check(self: Arc<Self>, require: &Require, view: &dyn RequestView) -> Result<(), Refusal>;
    fn refuse_nobody(self: Arc<Self>, view: &dyn RequestView) -> Refusal;
    fn refuse(self: Arc<Self>, failure: Failure, view: &dyn RequestView) -> Refusal;
}

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

    fn resolve_within(self: Arc<Self>, within: Option<Duration>) -> BoxFuture<'static, Result<(), Failure>> {
        Box::pin(async move {
            let session = Session(self);
            session.resolve().await?;
            session.judge_again(within).await
        })
    }

    fn check(self: Arc<Self>, require: &Require, view: &dyn RequestView) -> Result<(), Refusal> {
        let session = Session(self);
        let checked = require.check(session.shown(view).as_ref(), session.auth().now());
        checked.map_err(|lacking| session.refuse_lacking(require, lacking, view))
    }

    fn refuse_nobody(self: Arc<Self>, view: &dyn RequestView) -> Refusal {
        Session(self).refuse_lacking(&Require::login(), Lacking::Login, view)
    }

    fn refuse(self: Arc<Self>, failure: Failure, view: &dyn RequestView) -> Refusal {
        self.auth.refuse_failure(failure, view)
    }
}

/// What adapters and extractors ask of a request's session, through [`Exchange`](crate::http::Exchange).
impl<U: User> Session<U> {
    pub(crate) fn into_any(self) -> Arc<dyn AnySession> {
        self.0
    }

    pub(crate) fn from_any(session: &Arc<dyn AnySession>) -> Option<Self> {
        let session: Arc<dyn Any + Send + Sync> = Arc::clone(session) as _;
        session.downcast().ok().map(Self)
    }

    fn refuse_lacking(&self, require: &Require, lacking: Lacking, view: &dyn RequestView) -> Refusal {
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

    /// Whether the response depends on it. A caller that nobody asked for (a lazy layer) has no effect.
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
        apply_effects(self, response);
        let delivered = self.state().done().and_then(|deeds| deeds.undelivered.take());
        if let Some(undo) = delivered {
            undo.disarm();
        }
    }

    /// The caller, whom the adapter puts into the request's extensions.
    pub(crate) fn put_user(&self) -> Option<Arc<U>> {
        let mut state = self.state();
        state.put = state.access.as_ref().map(|access| Arc::clone(access.user()));
        state.put.clone()
    }

    /// The caller as the request shows it. Where the layer put one into the extensions, whoever took it out made nobody of
    /// the caller, and whatever was put in its place is no proof of anything.
    pub(crate) fn shown(&self, view: &dyn RequestView) -> Option<Access<U>> {
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

fn is_shown<U>(put: &Arc<U>, shown: Shown<U>, view: &dyn RequestView) -> bool {
    let mut is_there = false;
    view.extensions(&mut |extensions| {
        is_there = shown(extensions).is_some_and(|user| Arc::ptr_eq(&user, put));
    });
    is_there
}

impl<U> Session<U> {
    /// From here on nobody comes to save what is changed. Before [`has_unsaved`](Self::has_unsaved): whoever changes
    /// something under the lock after that has been looked at finds the exchange closed, and saves it.
    pub(crate) fn close(&self) {
        self.0.closed.store(true, Ordering::Release);
    }
}
