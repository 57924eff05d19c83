//! Refusals: an answer instead of the handler's.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use super::client::facts_of;
use super::negotiate::Audience;
use super::settings::{Settings, WayIn};
use super::view::Single;
use super::{Header, RequestView, ResponseHeader};
use crate::event::{EventKind, seconds};
use crate::http::require::Lacking;
use crate::session::{ResolveErrorKind, SessionError, SessionErrorKind};
use crate::unheard::log_error;
use crate::{Auth, Denied, DeniedKind, Require, User};

/// An answer instead of the handler's: status, headers and a short body.
#[derive(Clone, PartialEq, Eq)]
pub struct Refusal {
    status: u16,
    headers: Vec<(ResponseHeader, Cow<'static, str>)>,
    body: &'static str,
}

impl fmt::Debug for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<_> = self.headers.iter().map(|(header, _)| header).collect();
        f.debug_struct("Refusal")
            .field("status", &self.status)
            .field("headers", &headers)
            .finish_non_exhaustive()
    }
}

impl Refusal {
    fn new(status: u16) -> Self {
        // As many as a 401 of a site with one scheme has.
        let mut headers = Vec::with_capacity(5);
        headers.push((ResponseHeader::CacheControl, Cow::Borrowed("no-store")));
        Self { status, headers, body: "" }
    }

    /// A redirect to where a GET shows what became of a form.
    pub(super) fn see_other(location: String) -> Self {
        Self::new(303).with(ResponseHeader::Location, location)
    }

    fn with(mut self, header: ResponseHeader, value: impl Into<Cow<'static, str>>) -> Self {
        self.headers.push((header, value.into()));
        self
    }

    fn body(mut self, kind: &'static str, body: &'static str) -> Self {
        self.body = body;
        self.with(ResponseHeader::ContentType, kind)
    }

    /// An answer for a program (RFC 9457).
    fn problem(status: u16) -> Self {
        Self::new(status).body("application/problem+json", problem(status))
    }

    /// The status code.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The headers, in order. A name may occur more than once.
    pub fn headers(&self) -> &[(ResponseHeader, Cow<'static, str>)] {
        &self.headers
    }

    /// The headers, moved out.
    pub fn into_headers(self) -> Vec<(ResponseHeader, Cow<'static, str>)> {
        self.headers
    }

    /// The body; empty if there is none.
    pub fn body_text(&self) -> &'static str {
        self.body
    }
}

const HTML: &str = "text/html; charset=utf-8";

fn problem(status: u16) -> &'static str {
    match status {
        400 => r#"{"type":"about:blank","title":"Bad Request","status":400}"#,
        401 => r#"{"type":"about:blank","title":"Unauthorized","status":401}"#,
        403 => r#"{"type":"about:blank","title":"Forbidden","status":403}"#,
        429 => r#"{"type":"about:blank","title":"Too Many Requests","status":429}"#,
        503 => r#"{"type":"about:blank","title":"Service Unavailable","status":503}"#,
        _ => r#"{"type":"about:blank","title":"Internal Server Error","status":500}"#,
    }
}

const CLEARTEXT_PROBLEM: &str = r#"{"type":"about:blank","title":"Forbidden","status":403,"detail":"Credentials must be sent over https."}"#;
const CLEARTEXT_PAGE: &str =
    "<!doctype html><title>Forbidden</title><h1>Forbidden</h1><p>Please come back over https.";

fn page(status: u16) -> &'static str {
    match status {
        400 => {
            "<!doctype html><title>Bad request</title><h1>Bad request</h1><p>This request cannot be answered."
        }
        401 => {
            "<!doctype html><title>Sign in</title><h1>Sign in</h1><p>You need to sign in to see this page."
        }
        403 => "<!doctype html><title>Forbidden</title><h1>Forbidden</h1><p>You may not see this page.",
        429 => {
            "<!doctype html><title>Too many attempts</title><h1>Too many attempts</h1>\
             <p>Please wait a while before you try again."
        }
        503 => {
            "<!doctype html><title>Unavailable</title><h1>Unavailable</h1>\
             <p>This does not work just now. Please try again in a moment."
        }
        _ => "<!doctype html><title>Error</title><h1>Error</h1><p>Something went wrong.",
    }
}

impl<U: User> Auth<U> {
    /// The answer to a request whose caller could not be found out.
    pub(crate) fn refuse_unresolved(&self, why: ResolveErrorKind, view: &dyn RequestView) -> Refusal {
        let audience = Audience::of(view);
        match why {
            ResolveErrorKind::Unavailable => self.answer(503, audience),
            ResolveErrorKind::Throttled(time) => self.varied(in_form(429, audience).later(audience, time)),
            ResolveErrorKind::BadCredentials => {
                self.unauthorized(audience, view, Single::of(view, Header::Authorization))
            }
            ResolveErrorKind::Malformed | ResolveErrorKind::Contradiction => self.answer(400, audience),
            ResolveErrorKind::CrossOrigin => self.answer(403, audience),
            ResolveErrorKind::Cleartext => {
                self.emit(EventKind::CleartextCredentials, None, None, &facts_of(&self.0.http.proxies, view));
                self.ask_for_tls(audience)
            }
        }
    }

    /// The answer to a caller who lacks what a route requires.
    pub(crate) fn refuse_lacking(
        &self,
        require: &Require,
        lacking: Lacking,
        view: &dyn RequestView,
    ) -> Refusal {
        let audience = require.audience.unwrap_or_else(|| Audience::of(view));
        match (lacking, audience) {
            (Lacking::Permission, _) => self.answer(403, audience),
            (Lacking::Login | Lacking::Freshness(_), Audience::Page) => self.to_login(require, view),
            (Lacking::Login, _) => self.unauthorized(audience, view, Single::Absent),
            (Lacking::Freshness(within), _) => self.ask_again(within.as_secs(), audience, view),
        }
    }

    fn to_login(&self, require: &Require, view: &dyn RequestView) -> Refusal {
        // Only what a GET shows can be shown again after the login.
        let came_from = (view.method() == "GET").then(|| view.target());
        match self.0.http.login_url(require, came_from) {
            Some(url) => self.varied(Refusal::see_other(url)),
            None => self.unauthorized(Audience::Page, view, Single::Absent),
        }
    }

    /// RFC 9470: the caller is known, but proved it too long ago.
    fn ask_again(&self, max_age: u64, audience: Audience, view: &dyn RequestView) -> Refusal {
        if audience == Audience::Grpc {
            return self.answer(401, audience);
        }
        let mut refusal = Refusal::problem(401);
        for WayIn { text: challenge, .. } in self.challenges(view) {
            let separator = if challenge.contains(' ') { "," } else { "" };
            let text = format!(
                "{challenge}{separator} error=\"insufficient_user_authentication\", max_age=\"{max_age}\""
            );
            refusal = refusal.with(ResponseHeader::WwwAuthenticate, text);
        }
        self.varied(refusal)
    }

    /// A 401 offers every way in (RFC 9110 §11.6.1) that is safe on this connection: a browser that is asked for a
    /// password sends it. `refused` is the `Authorization` that was not accepted.
    fn unauthorized(&self, audience: Audience, view: &dyn RequestView, refused: Single<'_>) -> Refusal {
        if audience == Audience::Grpc {
            return self.answer(401, audience);
        }
        let mut refusal = in_form(401, audience);
        let without = refusal.headers.len();
        let texts = self.challenges(view).map(|offered| offered.after(refused).clone().into());
        refusal.headers.extend(texts.map(|text| (ResponseHeader::WwwAuthenticate, text)));
        if refusal.headers.len() == without && !self.0.http.challenges.is_empty() {
            return self.ask_for_tls(audience);
        }
        self.varied(refusal)
    }

    fn challenges<'a>(&'a self, view: &'a dyn RequestView) -> impl Iterator<Item = &'a WayIn> {
        let Settings { challenges, proxies, .. } = &self.0.http;
        challenges.iter().filter(|offered| offered.allows_cleartext || proxies.is_protected(view))
    }

    fn ask_for_tls(&self, audience: Audience) -> Refusal {
        let refusal = self.answer(403, audience);
        let body = match audience {
            Audience::Grpc => return refusal,
            Audience::Page => CLEARTEXT_PAGE,
            Audience::Api | Audience::WebSocket => CLEARTEXT_PROBLEM,
        };
        Refusal { body, ..refusal }
    }

    fn answer(&self, status: u16, audience: Audience) -> Refusal {
        let refusal = in_form(status, audience);
        self.varied(if status == 503 { refusal.later(audience, Denied::RETRY_AFTER) } else { refusal })
    }

    /// Refusals depend on who asks, and on who reads.
    fn varied(&self, refusal: Refusal) -> Refusal {
        refusal.with(ResponseHeader::Vary, self.0.http.vary_of_refusals.clone())
    }
}

/// In the form that the reader understands.
fn in_form(status: u16, audience: Audience) -> Refusal {
    match audience {
        Audience::Grpc => grpc(status),
        Audience::Page => Refusal::new(status).body(HTML, page(status)),
        Audience::Api | Audience::WebSocket => Refusal::problem(status),
    }
}

/// gRPC's own status, in the headers of a response without a body ("trailers only").
fn grpc(status: u16) -> Refusal {
    let (code, message) = match status {
        401 => ("16", "unauthenticated"),
        403 => ("7", "permission denied"),
        429 => ("8", "resource exhausted"),
        503 => ("14", "unavailable"),
        400 => ("3", "invalid argument"),
        _ => ("13", "internal"),
    };
    Refusal::new(200)
        .with(ResponseHeader::ContentType, "application/grpc")
        .with(ResponseHeader::GrpcStatus, code)
        .with(ResponseHeader::GrpcMessage, message)
}

/// The answer where a guard or an extractor runs without the layer it needs.
pub(super) fn unconfigured() -> Refusal {
    Refusal::problem(500)
}

/// The answer where a handler passes an error on.
impl From<&SessionError> for Refusal {
    fn from(error: &SessionError) -> Self {
        let status = match error.kind() {
            SessionErrorKind::Unavailable => 503,
            SessionErrorKind::Throttled => 429,
            SessionErrorKind::CrossOrigin => 403,
            SessionErrorKind::NoSession => 401,
            SessionErrorKind::Gone => 400,
            SessionErrorKind::ForeignProof
            | SessionErrorKind::NotAPerson
            | SessionErrorKind::NotConfigured
            | SessionErrorKind::Answered
            | SessionErrorKind::InvalidValue => 500,
        };
        Self::from_handler(status, error.retry_after())
    }
}

impl From<&Denied> for Refusal {
    /// 503 for an outage, 429 for a gate's, 403 for another site's page, otherwise 401, whatever the reason.
    fn from(denied: &Denied) -> Self {
        let status = match denied.kind() {
            DeniedKind::Unavailable => 503,
            DeniedKind::Throttled => 429,
            DeniedKind::CrossOrigin => 403,
            _ => 401,
        };
        Self::from_handler(status, denied.retry_after())
    }
}

impl Refusal {
    /// The layer adds the challenge to a 401 when the response passes it.
    fn from_handler(status: u16, retry_after: Option<Duration>) -> Self {
        let refusal = Self::problem(status);
        match retry_after {
            Some(time) => refusal.later(Audience::Api, time),
            None => refusal,
        }
    }

    /// Tells the log of the error that it answers, if only the application can mend it.
    pub(super) fn told(self, error: &dyn fmt::Display) -> Self {
        if self.status == 500 {
            log_error(error);
        }
        self
    }

    /// The same for a page of the application's in the place of its body.
    pub(super) fn of_page(mut self) -> Self {
        self.headers.retain(|(header, _)| *header != ResponseHeader::ContentType);
        self.with(ResponseHeader::ContentType, HTML)
    }

    /// Says when to come back. gRPC has its own way.
    fn later(self, audience: Audience, time: Duration) -> Self {
        match audience {
            Audience::Grpc => self,
            _ => self.with(ResponseHeader::RetryAfter, seconds(time).to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_json() {
        for status in [400, 401, 403, 429, 500, 503] {
            let body: serde_json::Value = serde_json::from_str(problem(status)).unwrap();
            assert_eq!(body["status"], status);
        }
    }
}
