//! Answers of what both frameworks share: each sends them as they are.

use std::borrow::Cow;

use auth_core::session::SessionError;
use serde::Serialize;

/// What is answered. Whatever it says is somebody's own: nobody keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Names and values.
    pub headers: [(&'static str, Cow<'static, str>); 2],
    /// The body; empty if there is none.
    pub body: String,
}

/// Why there is no answer but the error's own, by status and headers.
#[derive(Debug)]
pub struct Failed {
    /// What went wrong.
    pub error: SessionError,
    /// The page that is made for it, if there is one: see [`Site::page_of`](crate::Site::page_of).
    pub page: Option<String>,
}

/// What becomes of a request.
pub type Answered = Result<Answer, Failed>;

impl Answer {
    fn new(status: u16, name: &'static str, value: impl Into<Cow<'static, str>>, body: String) -> Self {
        Self { status, headers: [(name, value.into()), ("cache-control", "no-store".into())], body }
    }

    pub(crate) fn page(status: u16, html: String) -> Self {
        Self::new(status, "content-type", "text/html; charset=utf-8", html)
    }

    /// What a program reads. Without a body if it cannot be written, which does not happen to what this site says.
    pub(crate) fn json(status: u16, body: &impl Serialize) -> Self {
        Self::new(status, "content-type", "application/json", serde_json::to_string(body).unwrap_or_default())
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

impl From<SessionError> for Failed {
    fn from(error: SessionError) -> Self {
        Self { error, page: None }
    }
}
