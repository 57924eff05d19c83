//! What a request presents: a session's token, and offers of credentials.

use std::sync::Arc;

use super::client::facts_of;
use super::offer::{DynScheme, Fetched, Offer};
use super::view::Single;
use super::{Header, RequestView};
use crate::cause::Cause;
use crate::event::EventKind;
use crate::guard::caught;
use crate::session::{CookieMatch, Id, ResolveError, ResolveErrorKind, Scan, SessionKey, Token};
use crate::unheard::log_error;
use crate::{Auth, User};

/// A fault of the application's.
const PANICKED: &str = "a scheme panicked while it read a request";

/// What a request presents.
pub(crate) struct Presented<U> {
    cookie: Cookie,
    offers: Vec<Offer<U>>,
}

/// What names a session.
enum Cookie {
    None,
    Token(Token),
    /// The session that the request had, asked about once more.
    Again(Box<Id>),
    /// The same, by a connection that only waits.
    Watched(Box<Id>),
}

impl<U> Presented<U> {
    pub(crate) const NOTHING: Self = Self { cookie: Cookie::None, offers: Vec::new() };

    /// The session that a request had.
    pub(crate) fn again(id: Id) -> Self {
        Self { cookie: Cookie::Again(Box::new(id)), offers: Vec::new() }
    }

    /// The same, where nothing of the session is used.
    pub(crate) fn watched(id: Id) -> Self {
        Self { cookie: Cookie::Watched(Box::new(id)), offers: Vec::new() }
    }

    pub(crate) fn is_nothing(&self) -> bool {
        matches!(self.cookie, Cookie::None) && self.offers.is_empty()
    }

    pub(crate) fn has_token(&self) -> bool {
        matches!(self.cookie, Cookie::Token(_))
    }

    /// The session that is asked for.
    pub(crate) fn id(&self) -> Option<Id> {
        match &self.cookie {
            Cookie::None => None,
            Cookie::Token(token) => Some(token.into()),
            Cookie::Again(id) | Cookie::Watched(id) => Some((**id).clone()),
        }
    }

    /// Its key.
    pub(crate) fn key(&self) -> Option<SessionKey> {
        self.id().map(|id| id.key)
    }

    pub(crate) fn is_asked_again(&self) -> bool {
        matches!(self.cookie, Cookie::Again(_) | Cookie::Watched(_))
    }

    pub(crate) fn is_watched(&self) -> bool {
        matches!(self.cookie, Cookie::Watched(_))
    }

    pub(crate) fn offers(&self) -> &[Offer<U>] {
        &self.offers
    }
}

impl<U: User> Presented<U> {
    /// The offer with which a session is to begin.
    pub(crate) fn begins_session(&self) -> Option<(&Offer<U>, &str)> {
        self.offers.iter().find_map(|offer| Some((offer, offer.begins_session()?)))
    }
}

impl<U: User> Auth<U> {
    #[inline]
    pub(super) fn find_cookie<'a>(&self, view: &'a impl RequestView) -> CookieMatch<'a> {
        let Some(name) = &self.0.http.cookie else { return CookieMatch::Nothing };
        let mut scan = Scan::new(name);
        view.values(Header::Cookie, &mut |line| scan.line(line));
        scan.found()
    }

    /// Reads what a request presents.
    pub(super) fn read(
        &self,
        cookie: CookieMatch<'_>,
        view: &dyn RequestView,
    ) -> Result<Presented<U>, ResolveError> {
        let token = match cookie {
            CookieMatch::Nothing => None,
            CookieMatch::One(value) => Token::parse(value),
            CookieMatch::Ambiguous => {
                self.emit(EventKind::AmbiguousCookie, None, None, &facts_of(&self.0.http.proxies, view));
                None
            }
        };
        let cookie = token.map_or(Cookie::None, Cookie::Token);
        let presented = Presented { cookie, offers: self.read_offers(view)? };
        // A session that begins with an offer is of whom that names: nobody else can be named beside it.
        if presented.offers.len() > 1 && presented.begins_session().is_some() {
            return Err(ResolveErrorKind::Contradiction.into());
        }
        Ok(presented)
    }

    fn read_offers(&self, view: &dyn RequestView) -> Result<Vec<Offer<U>>, ResolveError> {
        let mut offers = Vec::new();
        // Where a scheme reads `Authorization`, one that none takes is an error: it never falls back to the cookie or to
        // nobody.
        let authorization =
            match self.0.http.reads_authorization.then(|| Single::of(view, Header::Authorization)) {
                Some(Single::Several) => return Err(ResolveErrorKind::Malformed.into()),
                Some(Single::One(value)) => Some(value),
                Some(Single::Absent) | None => None,
            };
        let mut is_taken = authorization.is_none();
        let mut has_token = false;
        for scheme in &self.0.http.schemes {
            let is_of_authorization = scheme.reads_authorization();
            if is_of_authorization && (is_taken || !authorization.is_some_and(|value| scheme.takes(value))) {
                continue;
            }
            if let Some(offer) = self.fetch(scheme, view)? {
                is_taken |= is_of_authorization;
                // Whoever reads the request elsewhere may go by the other one (RFC 6750 §2: one way in a request).
                if scheme.reads_tokens() && std::mem::replace(&mut has_token, true) {
                    return Err(self.refuse_header(EventKind::SeveralTokens, view));
                }
                offers.push(offer);
            }
        }
        if !is_taken {
            self.emit(EventKind::UnknownScheme, None, None, &facts_of(&self.0.http.proxies, view));
            return Err(ResolveErrorKind::BadCredentials.into());
        }
        Ok(offers)
    }

    fn fetch(
        &self,
        scheme: &Arc<dyn DynScheme<U>>,
        view: &dyn RequestView,
    ) -> Result<Option<Offer<U>>, ResolveError> {
        // Schemes are the application's code: a panic in one is an outage of this request.
        let fetched = caught(|| Arc::clone(scheme).fetch(view, self.clock())).map_err(|_| {
            log_error(&PANICKED);
            ResolveError::unavailable(Cause::of(PANICKED))
        })?;
        match fetched {
            Fetched::Nothing => Ok(None),
            Fetched::Offer(offer) => {
                let is_allowed = scheme.allows_cleartext() || self.0.http.proxies.is_protected(view);
                if is_allowed { Ok(Some(offer)) } else { Err(ResolveErrorKind::Cleartext.into()) }
            }
            Fetched::Malformed => Err(ResolveErrorKind::BadCredentials.into()),
            Fetched::Untrusted => Err(self.refuse_header(EventKind::UntrustedHeader, view)),
            Fetched::Ambiguous if scheme.reads_tokens() => {
                Err(self.refuse_header(EventKind::SeveralTokens, view))
            }
            Fetched::Ambiguous => Err(self.refuse_header(EventKind::AmbiguousHeader, view)),
        }
    }

    fn refuse_header(&self, kind: EventKind<'_>, view: &dyn RequestView) -> ResolveError {
        self.emit(kind, None, None, &facts_of(&self.0.http.proxies, view));
        ResolveErrorKind::Malformed.into()
    }
}
