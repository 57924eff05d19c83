//! The way of a request: read what it presents, find out who is calling.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::client::facts_of;
use super::exchange::Exchange;
use super::offer::Offer;
use super::origin::OtherSite;
use super::presented::Presented;
use super::resolve::{Finding, Resolution};
use super::session::Session;
use super::{Layered, Refusal, RequestView};
use crate::event::EventKind;
use crate::session::{CookieMatch, ResolveError, ResolveErrorKind};
use crate::{Auth, RequestFacts, User};

/// What an adapter does with a request.
pub enum Begin<U> {
    /// Put the exchange into the request's extensions and call the service now.
    Call(Exchange<U>),
    /// Await who is calling, then call the service or answer the refusal.
    Resolve(Resolving<U>),
    /// Answer this.
    Refuse(Refusal),
}

impl<U: User> Auth<U> {
    /// Reads what a request presents: what is changed on the request later changes nobody. Nothing is awaited for one that
    /// presents nothing, or by a lazy layer, which leaves finding out who is calling to the first who asks.
    #[inline]
    pub fn begin(&self, view: &impl RequestView, layered: Layered<U>) -> Begin<U> {
        let cookie = self.find_cookie(view);
        if self.0.http.schemes.is_empty() && matches!(cookie, CookieMatch::Nothing) {
            return Begin::Call(self.nobody(view, layered));
        }
        self.begin_presented(cookie, view, layered)
    }

    // Kept out of the way of all other requests.
    #[inline(never)]
    fn begin_presented(
        &self,
        cookie: CookieMatch<'_>,
        view: &impl RequestView,
        layered: Layered<U>,
    ) -> Begin<U> {
        let presented = match self.read(cookie, view) {
            Ok(presented) if presented.is_nothing() => return Begin::Call(self.nobody(view, layered)),
            Ok(presented) => presented,
            Err(error) => return Begin::Refuse(self.refuse_unresolved(&error, view)),
        };
        let other_site = self.0.http.origins.other_site(view);
        // Cookies and Basic credentials are sent by the browser, whoever's page made the request, and so is what a proxy
        // knows its user by. A token is not, but next to a cookie it does not show who wanted the request.
        let is_ambient = || presented.has_token() || presented.offers().iter().any(Offer::is_ambient);
        if let Some(other) = other_site.as_ref().filter(|_| is_ambient()) {
            self.tell_cross_origin(other, &facts_of(&self.0.http.proxies, view));
            return Begin::Refuse(self.refuse_unresolved(&ResolveErrorKind::CrossOrigin.into(), view));
        }
        // Whatever is offered may be judged, also what is remembered: its events and the gate are told of the client.
        let (is_lazy, is_judged) = (layered.shown.is_none(), !presented.offers().is_empty());
        let session = Session::new(self.clone(), presented, other_site, layered);
        if is_judged {
            session.describe_client(view);
        }
        if is_lazy {
            return Begin::Call(Exchange(session));
        }
        let finding = Finding::of(&session);
        Begin::Resolve(Resolving { session: Some(session), finding })
    }

    pub(super) fn tell_cross_origin(&self, OtherSite(origin): &OtherSite, facts: &RequestFacts) {
        self.emit(EventKind::CrossOrigin(origin.as_deref()), None, None, facts);
    }

    /// The exchange of a request that presents nothing: nobody's, until a login.
    fn nobody(&self, view: &impl RequestView, layered: Layered<U>) -> Exchange<U> {
        let other_site = self.0.http.origins.other_site(view);
        Exchange(Session::new(self.clone(), Presented::NOTHING, other_site, layered))
    }
}

/// Finding out who is calling.
#[must_use = "futures do nothing unless polled"]
pub struct Resolving<U> {
    session: Option<Session<U>>,
    finding: Finding<U>,
}

impl<U: User> Future for Resolving<U> {
    type Output = FoundCaller<U>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<FoundCaller<U>> {
        let outcome = ready!(Pin::new(&mut self.finding).poll(cx));
        // Polled again after it was ready, it has nobody to tell about; that is an adapter's bug.
        let Some(session) = self.session.take() else { return Poll::Pending };
        Poll::Ready(FoundCaller { session, outcome })
    }
}

/// Who is calling, or why that cannot be found out.
pub struct FoundCaller<U> {
    session: Session<U>,
    outcome: Result<Resolution<U>, ResolveError>,
}

impl<U: User> FoundCaller<U> {
    /// The exchange, and the caller: both go into the request's extensions.
    ///
    /// # Errors
    /// The [`Refusal`] to answer with.
    pub fn caller(self, view: &dyn RequestView) -> Result<(Exchange<U>, Option<Arc<U>>), Refusal> {
        let Self { session, outcome } = self;
        match outcome {
            Ok(resolution) => {
                session.settle(resolution);
                let user = session.put_user();
                Ok((Exchange(session), user))
            }
            Err(error) => Err(session.auth().refuse_unresolved(&error, view)),
        }
    }
}
