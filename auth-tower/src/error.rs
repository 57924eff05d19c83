//! The error that handlers pass on.

use std::error;
use std::fmt;

use auth_core::Denied;
use auth_core::http::Refusal;
use auth_core::http::adapter::HandlerError;
use auth_core::session::SessionError;
use axum_core::body::Body;
use axum_core::response::{IntoResponse, Response};

use crate::respond::{ProblemBody, response};

/// The error of a handler: a refused login, a session that cannot be used, a missing layer.
///
/// It becomes a response by itself: 401, 403 or 503 with `Retry-After`, with a body that reveals nothing.
/// [`source`](error::Error::source) leads to the cause of an outage, down to the driver's error.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/site.rs"));
/// # use site::*;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let auth = auth().await;
/// # use auth_tower::AuthLayer;
/// use auth_tower::auth_core::Password;
/// use auth_tower::{Error, Session};
/// # use axum::{Router, routing::post};
///
/// async fn check(session: Session<Member>) -> Result<&'static str, Error> {
///     session.authenticate(Password::new("alice", "a guess")).await?;
///     Ok("this is Alice's password")
/// }
/// # let app = Router::new().route("/check", post(check)).layer(AuthLayer::new(auth));
/// # assert_eq!(send(&app, form("/check", "")).await.status(), 401);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Error(pub(crate) HandlerError);

impl Error {
    /// There is no layer around the handler that wants `what`.
    pub(crate) fn no_layer(what: &'static str) -> Self {
        Self(HandlerError::no_layer(what, "add `.layer(AuthLayer::new(auth))` after the route"))
    }

    /// A 503 with `Retry-After`, for what the handler itself needs and cannot reach: its database, another service. The error is
    /// the [`source`](error::Error::source), and nothing of it is in the answer.
    ///
    /// ```
    /// use auth_tower::Error;
    ///
    /// async fn price() -> Result<String, Error> {
    ///     std::fs::read_to_string("price.txt").map_err(Error::unavailable)
    /// }
    /// ```
    pub fn unavailable(error: impl Into<Box<dyn error::Error + Send + Sync>>) -> Self {
        Self(HandlerError::unavailable(error))
    }

    /// The same answer with this page for its body: a login form that is shown again, say, with what is wrong.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/site.rs"));
    /// # use site::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let auth = auth().await;
    /// # use auth_tower::AuthLayer;
    /// # use auth_tower::auth_core::Password;
    /// use auth_tower::{Error, Session};
    /// # use axum::{Router, response::Response, routing::post};
    ///
    /// # async fn log_in(session: Session<Member>) -> Result<Response, Error> {
    /// # let password = Password::new("alice", "a guess");
    /// let member = session.authenticate(password).await;
    /// let member = member.map_err(|denied| Error::from(denied).with_page("<p>Wrong name or password.</p>"))?;
    /// # Ok(session.login(member).await?.answer(None))
    /// # }
    /// # let app = Router::new().route("/login", post(log_in)).layer(AuthLayer::new(auth));
    /// # let answer = send(&app, form("/login", "")).await;
    /// # assert_eq!(answer.status(), 401);
    /// # assert_eq!(text(answer).await, "<p>Wrong name or password.</p>");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with_page(self, html: impl Into<String>) -> Self {
        Self(self.0.with_page(html.into()))
    }

    /// The answer.
    ///
    /// ```
    /// use auth_tower::Error;
    ///
    /// let error = Error::unavailable("the database does not answer");
    /// assert_eq!(error.refusal().status(), 503);
    /// assert!(!error.refusal().body_text().contains("database"));
    /// ```
    pub fn refusal(&self) -> Refusal {
        self.0.refusal()
    }
}

impl From<Denied> for Error {
    fn from(denied: Denied) -> Self {
        Self(denied.into())
    }
}

impl From<SessionError> for Error {
    fn from(error: SessionError) -> Self {
        Self(error.into())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        self.0.source()
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let page = self.0.page().map(|html| Body::from(html.to_owned()));
        let response = response(self.0.into_refusal(), &ProblemBody);
        response.map(|body| page.unwrap_or(body))
    }
}
