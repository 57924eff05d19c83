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
    #[must_use]
    pub fn with_page(self, html: impl Into<String>) -> Self {
        Self(self.0.with_page(html.into()))
    }

    /// The answer.
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
