//! What an application answered.

use std::fmt;

use bytes::Bytes;
use http::HeaderMap;
use http::header::{self, HeaderValue};
use serde::de::DeserializeOwned;

/// What an application answered to a [`Client`](crate::Client).
///
/// ```
/// # #[cfg(feature = "tower")] {
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use auth_test::Client;
/// use axum::response::Redirect;
/// use axum::routing::get;
/// use axum::{Json, Router};
///
/// let app = Router::new()
///     .route("/old", get(async || Redirect::to("/new")))
///     .route("/new", get(async || Json([1, 2, 3])));
/// let client = Client::new(app);
///
/// let moved = client.get("/old").await;
/// assert_eq!((moved.status(), moved.location()), (303, Some("/new")));
///
/// let numbers: Vec<u8> = client.following_redirects().get("/old").await.assert_status(200).json();
/// assert_eq!(numbers, [1, 2, 3]);
/// # }
/// # main();
/// # }
/// ```
#[derive(Clone)]
#[must_use]
pub struct Response {
    what: String,
    answer: http::Response<Bytes>,
}

impl Response {
    pub(super) fn new(what: String, answer: http::Response<Bytes>) -> Self {
        Self { what, answer }
    }

    /// The status code.
    pub fn status(&self) -> u16 {
        self.answer.status().as_u16()
    }

    /// Fails the test unless the status is this one.
    ///
    /// # Panics
    /// If it is another. The text shows the answer.
    #[track_caller]
    pub fn assert_status(&self, expected: u16) -> &Self {
        assert!(self.status() == expected, "{expected} was expected of {self:?}");
        self
    }

    /// Fails the test unless this is a redirect to there, as written in `Location`.
    ///
    /// # Panics
    /// If it is something else. The text shows the answer.
    #[track_caller]
    pub fn assert_redirect(&self, expected: &str) -> &Self {
        let is_there = self.answer.status().is_redirection() && self.location() == Some(expected);
        assert!(is_there, "a redirect to {expected} was expected of {self:?}");
        self
    }

    /// The headers.
    pub fn headers(&self) -> &HeaderMap {
        self.answer.headers()
    }

    /// The first value of a header, if it is there and text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers().get(name).and_then(|value| HeaderValue::to_str(value).ok())
    }

    /// Where a redirect leads.
    pub fn location(&self) -> Option<&str> {
        self.header(header::LOCATION.as_str())
    }

    /// The body.
    pub fn body(&self) -> &Bytes {
        self.answer.body()
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(self.body()).into_owned()
    }

    /// The value whose JSON the body is.
    ///
    /// # Panics
    /// If it is not. The text shows the answer.
    #[track_caller]
    pub fn json<T: DeserializeOwned>(&self) -> T {
        serde_json::from_slice(self.body()).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }
}

/// The longest part of a body that is shown, in characters.
const SHOWN: usize = 2_000;

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.answer.status())?;
        for name in [header::LOCATION, header::WWW_AUTHENTICATE, header::RETRY_AFTER] {
            if let Some(value) = self.header(name.as_str()) {
                write!(f, "\n{name}: {value}")?;
            }
        }
        let text = self.text();
        let shown: String = text.chars().take(SHOWN).collect();
        let rest = if shown.len() < text.len() { " …" } else { "" };
        write!(f, "\n\n{shown}{rest}\n")
    }
}
