//! The error that handlers pass on.

use std::fmt;

use auth_core::Denied;
use auth_core::http::{Refusal, log_error, unconfigured};
use auth_core::session::SessionError;
use axum_core::body::Body;
use axum_core::response::{IntoResponse, Response};
use http::HeaderValue;
use http::header::CONTENT_TYPE;

use crate::respond::{ProblemBody, response};

/// What keeps a handler from its answer: a refused login, a session that cannot be used, a missing layer.
///
/// It answers for itself: 401, 403 or 503 with `Retry-After`, with a body that reveals nothing.
#[derive(Debug)]
pub struct Error(Kind);

#[derive(Debug)]
enum Kind {
    Denied(Denied),
    Session(SessionError),
    Refused(Box<Refusal>),
    Page(Box<(Refusal, String)>),
    NoLayer(&'static str),
}

impl Error {
    pub(crate) fn refused(refusal: Refusal) -> Self {
        Self(Kind::Refused(Box::new(refusal)))
    }

    /// There is no layer around the handler that wants `what`.
    pub(crate) fn no_layer(what: &'static str) -> Self {
        Self(Kind::NoLayer(what))
    }

    /// The same answer with this page for its body: a login form that is shown again, say, with what is wrong.
    #[must_use]
    pub fn with_page(self, html: impl Into<String>) -> Self {
        Self(Kind::Page(Box::new((self.refusal(), html.into()))))
    }

    /// The answer.
    pub fn refusal(&self) -> Refusal {
        match &self.0 {
            Kind::Denied(denied) => denied.into(),
            Kind::Session(error) => error.into(),
            Kind::Refused(refusal) => (**refusal).clone(),
            Kind::Page(page) => page.0.clone(),
            Kind::NoLayer(_) => {
                log_error(self);
                unconfigured()
            }
        }
    }

    fn into_refusal(self) -> Refusal {
        match self.0 {
            Kind::Refused(refusal) => *refusal,
            _ => self.refusal(),
        }
    }
}

impl From<Denied> for Error {
    fn from(denied: Denied) -> Self {
        Self(Kind::Denied(denied))
    }
}

impl From<SessionError> for Error {
    fn from(error: SessionError) -> Self {
        Self(Kind::Session(error))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Denied(denied) => denied.fmt(f),
            Kind::Session(error) => error.fmt(f),
            Kind::Refused(refusal) => write!(f, "the request was refused with status {}", refusal.status()),
            Kind::Page(page) => write!(f, "the request was refused with status {}", page.0.status()),
            Kind::NoLayer(what) => write!(
                f,
                "{what} is used outside an AuthLayer for its user type: add `.layer(AuthLayer::new(auth))` \
                 after the route"
            ),
        }
    }
}

impl std::error::Error for Error {}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let Kind::Page(page) = self.0 else { return response(self.into_refusal(), &ProblemBody) };
        let (refusal, html) = *page;
        let mut response = response(refusal, &ProblemBody).map(|_: Body| Body::from(html));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        response
    }
}
