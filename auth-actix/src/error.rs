//! The error that handlers pass on.

use std::fmt;

use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use auth_core::http::{AnyExchange, Refusal, exchange_of, log_error, unconfigured};
use auth_core::session::SessionError;
use auth_core::{Denied, User};

use crate::respond::{ProblemBody, response};
use crate::view::Head;

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
    /// An optional extractor drops this: what it would answer is made up only if it is asked. That may be outside the
    /// layer, where a middleware passed the error on: by then the request shows the outer layer's exchange.
    Anonymous(AnyExchange, HttpRequest),
    NoLayer(&'static str),
}

impl Error {
    pub(crate) fn refused(refusal: Refusal) -> Self {
        Self(Kind::Refused(Box::new(refusal)))
    }

    /// Nobody is signed in, and somebody must be.
    pub(crate) fn anonymous<U: User>(request: &HttpRequest) -> Self {
        match exchange_of::<U>(&Head(request)) {
            Some(exchange) => Self(Kind::Anonymous(exchange, request.clone())),
            None => Self::no_layer("CurrentUser"),
        }
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
            Kind::Anonymous(exchange, request) => exchange.refuse_nobody(&Head(request)),
            Kind::NoLayer(_) => {
                log_error(self);
                unconfigured()
            }
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
            Kind::Anonymous(..) => f.write_str("nobody is signed in"),
            Kind::NoLayer(what) => write!(
                f,
                "{what} is used outside an AuthLayer for its user type: add `.wrap(AuthLayer::new(auth))` \
                 around the route"
            ),
        }
    }
}

impl std::error::Error for Error {}

impl ResponseError for Error {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.refusal().status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse<BoxBody> {
        let Kind::Page(page) = &self.0 else { return response(self.refusal(), &ProblemBody) };
        let mut response = response(page.0.clone(), &ProblemBody);
        let kind = HeaderValue::from_static("text/html; charset=utf-8");
        response.headers_mut().insert(CONTENT_TYPE, kind);
        response.set_body(BoxBody::new(page.1.clone()))
    }
}
