//! The error that handlers pass on.

use std::error;
use std::fmt;

use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use auth_core::http::Refusal;
use auth_core::http::adapter::{AnyExchange, HandlerError, exchange_of};
use auth_core::session::SessionError;
use auth_core::{Denied, User};

use crate::respond::{ProblemBody, response};
use crate::view::Head;

/// The error of a handler: a refused login, a session that cannot be used, a missing layer.
///
/// It becomes a response by itself: 401, 403 or 503 with `Retry-After`, with a body that reveals nothing.
/// [`source`](error::Error::source) leads to the cause of an outage, down to the driver's error.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/site.rs"));
/// # use site::*;
/// # #[actix_web::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let auth = auth().await;
/// # use auth_actix::AuthLayer;
/// use actix_web::post;
/// use auth_actix::auth_core::Password;
/// use auth_actix::{Error, Session};
///
/// #[post("/check")]
/// async fn check(session: Session<Member>) -> Result<&'static str, Error> {
///     session.authenticate(Password::new("alice", "a guess")).await?;
///     Ok("this is Alice's password")
/// }
/// # let app = actix_web::App::new().wrap(AuthLayer::new(auth)).service(check);
/// # assert_eq!(send!(app, form("/check", "")).0, 401);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Error(Kind);

#[derive(Debug)]
enum Kind {
    Made(HandlerError),
    /// An optional extractor drops this: what it would answer is made up only if it is asked. That may be outside the
    /// layer, where a middleware passed the error on: by then the request shows the outer layer's exchange.
    Anonymous(AnyExchange, HttpRequest),
}

impl Error {
    pub(crate) fn of(error: impl Into<HandlerError>) -> Self {
        Self(Kind::Made(error.into()))
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
        Self::of(HandlerError::no_layer(what, "add `.wrap(AuthLayer::new(auth))` around the route"))
    }

    /// A 503 with `Retry-After`, for what the handler itself needs and cannot reach: its database, another service. The error is
    /// the [`source`](error::Error::source), and nothing of it is in the answer.
    ///
    /// ```
    /// use auth_actix::Error;
    ///
    /// async fn price() -> Result<String, Error> {
    ///     std::fs::read_to_string("price.txt").map_err(Error::unavailable)
    /// }
    /// ```
    pub fn unavailable(error: impl Into<Box<dyn error::Error + Send + Sync>>) -> Self {
        Self::of(HandlerError::unavailable(error))
    }

    /// The same answer with this page for its body: a login form that is shown again, say, with what is wrong.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/site.rs"));
    /// # use site::*;
    /// # #[actix_web::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let auth = auth().await;
    /// # use actix_web::{HttpResponse, post};
    /// # use auth_actix::AuthLayer;
    /// # use auth_actix::auth_core::Password;
    /// use auth_actix::{Error, Session};
    ///
    /// # #[post("/login")]
    /// # async fn log_in(session: Session<Member>) -> Result<HttpResponse, Error> {
    /// # let password = Password::new("alice", "a guess");
    /// let member = session.authenticate(password).await;
    /// let member = member.map_err(|denied| Error::from(denied).with_page("<p>Wrong name or password.</p>"))?;
    /// # Ok(session.login(member).await?.answer(None))
    /// # }
    /// # let app = actix_web::App::new().wrap(AuthLayer::new(auth)).service(log_in);
    /// # let (status, _, text) = send!(app, form("/login", ""));
    /// # assert_eq!((status.as_u16(), text.as_str()), (401, "<p>Wrong name or password.</p>"));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with_page(self, html: impl Into<String>) -> Self {
        let error = match self.0 {
            Kind::Made(error) => error,
            Kind::Anonymous(exchange, request) => HandlerError::nobody(&exchange, &Head(&request)),
        };
        Self::of(error.with_page(html.into()))
    }

    /// The answer.
    ///
    /// ```
    /// use auth_actix::Error;
    ///
    /// let error = Error::unavailable("the database does not answer");
    /// assert_eq!(error.refusal().status(), 503);
    /// assert!(!error.refusal().body_text().contains("database"));
    /// ```
    pub fn refusal(&self) -> Refusal {
        match &self.0 {
            Kind::Made(error) => error.refusal(),
            Kind::Anonymous(exchange, request) => {
                HandlerError::nobody(exchange, &Head(request)).into_refusal()
            }
        }
    }

    fn made(&self) -> Option<&HandlerError> {
        match &self.0 {
            Kind::Made(error) => Some(error),
            Kind::Anonymous(..) => None,
        }
    }
}

impl From<Denied> for Error {
    fn from(denied: Denied) -> Self {
        Self::of(denied)
    }
}

impl From<SessionError> for Error {
    fn from(error: SessionError) -> Self {
        Self::of(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.made() {
            Some(error) => error.fmt(f),
            None => f.write_str("nobody is signed in"),
        }
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        self.made()?.source()
    }
}

impl ResponseError for Error {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.refusal().status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse<BoxBody> {
        let response = response(self.refusal(), &ProblemBody);
        match self.made().and_then(HandlerError::page) {
            Some(html) => response.set_body(BoxBody::new(html.to_owned())),
            None => response,
        }
    }
}
