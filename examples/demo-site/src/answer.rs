//! Answers of what both frameworks share: each sends them as they are.

use std::borrow::Cow;

use auth_core::Denied;
use auth_core::session::SessionError;
use auth_passkeys::Begun;
use serde::Serialize;

/// What is answered. Whatever it says is somebody's own: nobody keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Names and values.
    pub headers: Vec<(&'static str, Cow<'static, str>)>,
    /// The body; empty if there is none.
    pub body: String,
}

/// Why there is no answer but the error's own, by status and headers.
#[derive(Debug)]
pub struct Failed {
    /// What went wrong.
    pub error: Refused,
    /// The page that is made for it, if there is one: see [`Site::page_of`](crate::Site::page_of).
    pub page: Option<String>,
}

/// What the layer's error is made of.
#[derive(Debug)]
pub enum Refused {
    /// What proves who somebody is was not accepted.
    Denied(Denied),
    /// The session cannot do it.
    Session(SessionError),
}

/// What becomes of a request.
pub type Answered = Result<Answer, Failed>;

impl Answer {
    fn new(status: u16, name: &'static str, value: impl Into<Cow<'static, str>>, body: String) -> Self {
        Self { status, headers: vec![(name, value.into()), ("cache-control", "no-store".into())], body }
    }

    pub(crate) fn page(status: u16, html: String) -> Self {
        Self::new(status, "content-type", "text/html; charset=utf-8", html)
    }

    /// What a program reads. Without a body if it cannot be written, which does not happen to what this site says.
    pub(crate) fn json(status: u16, body: &impl Serialize) -> Self {
        Self::new(status, "content-type", "application/json", serde_json::to_string(body).unwrap_or_default())
    }

    /// What is wrong, for a program.
    pub(crate) fn problem(status: u16, body: &impl Serialize) -> Self {
        let body = serde_json::to_string(body).unwrap_or_default();
        Self::new(status, "content-type", "application/problem+json", body)
    }

    /// A challenge for the page's script, with the cookies by which the browser remembers it.
    pub(crate) fn challenge(begun: Begun) -> Self {
        let mut answer = Self::new(200, "content-type", "application/json", begun.options);
        answer.headers.extend(begun.cookies.into_iter().map(|cookie| ("set-cookie", cookie.into())));
        answer
    }

    /// A redirect to where a GET shows what became of a form.
    pub(crate) fn see_other(path: impl Into<Cow<'static, str>>) -> Self {
        Self::new(303, "location", path, String::new())
    }

    /// A status and no more.
    pub(crate) fn bare(status: u16) -> Self {
        Self::new(status, "content-type", "text/plain; charset=utf-8", String::new())
    }
}

impl Failed {
    /// With a page for browsers.
    pub(crate) fn new(error: impl Into<Refused>, page: impl Into<Option<String>>) -> Self {
        Self { error: error.into(), page: page.into() }
    }
}

impl<E: Into<Refused>> From<E> for Failed {
    fn from(error: E) -> Self {
        Self::new(error, None)
    }
}

impl From<Denied> for Refused {
    fn from(denied: Denied) -> Self {
        Self::Denied(denied)
    }
}

impl From<SessionError> for Refused {
    fn from(error: SessionError) -> Self {
        Self::Session(error)
    }
}
