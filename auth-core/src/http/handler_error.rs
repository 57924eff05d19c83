//! [`HandlerError`]: what handlers pass on, whichever framework they are written for.

use std::error::Error;
use std::fmt;

use super::refusal::unconfigured;
use super::session::Session;
use super::{AnyExchange, Refusal, RefusalReason, RequestView};
use crate::session::{ResolveError, SessionError, SessionErrorKind};
use crate::{Denied, User};

/// What keeps a handler from its answer: a refused login, a session that cannot be used, a caller who is nobody or cannot be
/// found out, a missing layer.
///
/// An adapter's `Error` is one, and a response of its framework. What lies behind an outage [`source`](Error::source) leads
/// to, down to the driver's error; nothing of it is in the answer.
pub struct HandlerError(Box<Inner>);

/// Boxed: each handler's future has room for an error, and few are given one.
struct Inner {
    kind: Kind,
    page: Option<Box<str>>,
}

#[derive(Debug)]
enum Kind {
    Denied(Denied),
    Session(SessionError),
    /// Something that the handler itself needs is down.
    Unavailable(Box<dyn Error + Send + Sync>),
    /// The caller cannot be found out, or else is nobody.
    Refused(Refusal, Option<ResolveError>),
    NoLayer {
        what: &'static str,
        remedy: &'static str,
    },
}

impl HandlerError {
    fn of(kind: Kind) -> Self {
        Self(Box::new(Inner { kind, page: None }))
    }

    /// Something that the handler itself needs cannot answer: its database, another service.
    pub fn unavailable(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::of(Kind::Unavailable(error.into()))
    }

    /// It cannot be found out who is calling by this session.
    pub fn unresolved<U: User>(session: &Session<U>, error: ResolveError, view: &dyn RequestView) -> Self {
        Self::of(Kind::Refused(session.refuse(&error, view), Some(error)))
    }

    /// Somebody must be signed in, and nobody is.
    pub fn nobody(exchange: &AnyExchange, view: &dyn RequestView) -> Self {
        Self::of(Kind::Refused(exchange.refuse_nobody(view), None))
    }

    /// The caller may not, or not by what they proved.
    pub fn refused(refusal: Refusal) -> Self {
        Self::of(Kind::Refused(refusal, None))
    }

    /// There is no layer around what wants one; `remedy` says in the framework's words where to put it.
    pub fn no_layer(what: &'static str, remedy: &'static str) -> Self {
        Self::of(Kind::NoLayer { what, remedy })
    }

    /// The same answer with this page for its body.
    #[must_use]
    pub fn with_page(mut self, html: impl Into<Box<str>>) -> Self {
        self.0.page = Some(html.into());
        self
    }

    /// The page that takes the place of the answer's body, if there is one.
    pub fn page(&self) -> Option<&str> {
        self.0.page.as_deref()
    }

    /// The answer. Its body is that of [`page`](Self::page), if there is one.
    ///
    /// What only the application can mend is told to the log.
    pub fn refusal(&self) -> Refusal {
        let refusal = match &self.0.kind {
            Kind::Denied(denied) => denied.into(),
            Kind::Session(error) => error.into(),
            Kind::Unavailable(_) => (&SessionError::from(SessionErrorKind::Unavailable)).into(),
            Kind::Refused(refusal, _) => refusal.clone(),
            Kind::NoLayer { .. } => unconfigured(),
        };
        let refusal = refusal.told(self);
        if self.page().is_some() { refusal.of_page() } else { refusal }
    }

    /// The answer, moved out.
    pub fn into_refusal(self) -> Refusal {
        let has_page = self.page().is_some();
        match self.0.kind {
            Kind::Refused(refusal, _) if !has_page => refusal,
            _ => self.refusal(),
        }
    }
}

impl From<Denied> for HandlerError {
    fn from(denied: Denied) -> Self {
        Self::of(Kind::Denied(denied))
    }
}

impl From<SessionError> for HandlerError {
    fn from(error: SessionError) -> Self {
        Self::of(Kind::Session(error))
    }
}

impl fmt::Display for HandlerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.kind {
            Kind::Denied(denied) => denied.fmt(f),
            Kind::Session(error) => error.fmt(f),
            Kind::Unavailable(_) => f.write_str("what the handler needs is unavailable"),
            Kind::Refused(_, Some(error)) => error.fmt(f),
            Kind::Refused(refusal, None) if refusal.reason() != Some(RefusalReason::NotSignedIn) => {
                f.write_str("the caller has not proven enough for this")
            }
            Kind::Refused(_, None) => f.write_str("nobody is signed in"),
            Kind::NoLayer { what, remedy } => {
                write!(f, "{what} is used outside an AuthLayer for its user type: {remedy}")
            }
        }
    }
}

/// Not the page: it shows what somebody typed.
impl fmt::Debug for HandlerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HandlerError").field(&self.0.kind).finish()
    }
}

/// It says what the error says that it is made of: what lies behind it lies behind that one.
impl Error for HandlerError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.0.kind {
            Kind::Denied(denied) => denied.source(),
            Kind::Session(error) => error.source(),
            Kind::Unavailable(error) => Some(&**error),
            Kind::Refused(_, Some(error)) => error.source(),
            Kind::Refused(_, None) | Kind::NoLayer { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::BackendError;
    use crate::cause::{Cause, chain};
    use crate::http::ResponseHeader;
    use crate::session::StoreError;

    fn denied() -> Denied {
        Denied::interrupted(BackendError::unavailable("canary"))
    }

    fn broken() -> SessionError {
        SessionError::unavailable(Cause::of(StoreError::unavailable("canary")))
    }

    /// Each says its own words once, and then what lies behind it; a page changes nothing of that.
    #[test]
    fn it_leads_to_what_caused_it() {
        let table = [
            (HandlerError::from(denied()), HandlerError::from(denied()), chain(&denied())),
            (HandlerError::from(broken()), HandlerError::from(broken()), chain(&broken())),
        ];
        for (plain, paged, said) in table {
            assert_eq!((said.len(), said.last().unwrap().as_str()), (3, "canary"));
            assert_eq!((chain(&plain), chain(&paged.with_page("sorry"))), (said.clone(), said));
        }
        assert_eq!(chain(&HandlerError::no_layer("Session", "add one")).len(), 1);
    }

    /// Whatever lies behind it: the answer has none of it.
    #[test]
    fn its_answer_tells_nothing() {
        let error = HandlerError::from(denied());
        assert_eq!(error.refusal().status(), 503);
        let answer = format!("{error}{:?}{}", error.refusal().headers(), error.refusal().body_text());
        assert!(!answer.contains("canary"), "{answer}");
    }

    #[test]
    fn what_a_handler_needs_may_be_down() {
        let error = HandlerError::unavailable(StoreError::unavailable("canary"));
        assert_eq!(error.refusal(), HandlerError::from(broken()).refusal());
        assert_eq!(error.refusal().status(), 503);
        assert_eq!(chain(&error).first().unwrap(), "what the handler needs is unavailable");
        assert_eq!(chain(&error).last().unwrap(), "canary");
    }

    #[test]
    fn a_page_is_html_and_in_no_log() {
        let error = HandlerError::from(denied()).with_page("typed");
        let refusal = error.refusal();
        let kinds: Vec<_> =
            refusal.headers().iter().filter(|(name, _)| *name == ResponseHeader::ContentType).collect();
        assert_eq!(kinds, [&(ResponseHeader::ContentType, "text/html; charset=utf-8".into())]);
        assert_eq!(error.page(), Some("typed"));
        assert!(!format!("{error:?}{error}").contains("typed"));
        assert_eq!(error.into_refusal(), refusal);
    }
}
