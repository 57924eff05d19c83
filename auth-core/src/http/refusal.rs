//! Refusals: an answer instead of the handler's.

mod rpc;

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use super::client::facts_of;
use super::negotiate::Audience;
use super::settings::{Settings, WayIn, below};
use super::view::Single;
use super::{Header, RequestView, ResponseHeader};
use crate::event::{EventKind, seconds};
use crate::grant::Scopes;
use crate::http::require::Lacking;
use crate::second_factor::Missing;
use crate::session::{ResolveError, ResolveErrorKind, SessionError, SessionErrorKind};
use crate::unheard::log_error;
use crate::{Auth, Denied, DeniedKind, Require, User};
use rpc::{CONNECT_STREAM, GRPC_WEB, Rpc, same_type};

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RefusalReason {
    /// Nobody is signed in.
    NotSignedIn,
    /// The caller proved who they are too long ago for this route.
    NotFresh,
    /// The caller has to add a proof: the login is not [finished](crate::second_factor), or the route asks for another factor.
    NotEnough,
    /// There is no such thing of the caller's.
    NotFound,
    /// It cannot be done as things are.
    Conflict,
    /// The caller may not.
    NotAllowed,
    /// The caller's token is not good for this (RFC 6750 §3.1).
    InsufficientScope,
    /// Credentials were not accepted.
    BadCredentials,
    /// What the request presents cannot be read, or contradicts itself.
    Malformed,
    /// A page of another site sent it.
    CrossOrigin,
    /// Credentials would be, or were, sent in the clear.
    Cleartext,
    /// There were too many attempts.
    Throttled,
    /// Nobody could decide: a backend or a store is down.
    Unavailable,
    /// The application must be mended: the log says how.
    Misconfigured,
}

impl RefusalReason {
    /// The status code of an answer in plain HTTP.
    fn status(self) -> u16 {
        match self {
            Self::NotSignedIn | Self::NotFresh | Self::NotEnough | Self::BadCredentials => 401,
            Self::NotAllowed | Self::InsufficientScope | Self::CrossOrigin | Self::Cleartext => 403,
            Self::Malformed => 400,
            Self::NotFound => 404,
            Self::Conflict => 409,
            Self::Throttled => 429,
            Self::Unavailable => 503,
            Self::Misconfigured => 500,
        }
    }
}

/// An answer instead of the handler's: status, headers and a short body.
#[derive(Clone, PartialEq, Eq)]
pub struct Refusal {
    status: u16,
    reason: Option<RefusalReason>,
    audience: Audience,
    headers: Vec<(ResponseHeader, Cow<'static, str>)>,
    body: &'static str,
}

impl fmt::Debug for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<_> = self.headers.iter().map(|(header, _)| header).collect();
        f.debug_struct("Refusal")
            .field("status", &self.status)
            .field("reason", &self.reason)
            .field("audience", &self.audience)
            .field("headers", &headers)
            .finish_non_exhaustive()
    }
}

impl Refusal {
    fn new(status: u16, reason: Option<RefusalReason>, audience: Audience) -> Self {
        // As many as a 401 of a site with one scheme has.
        let mut headers = Vec::with_capacity(5);
        headers.push((ResponseHeader::CacheControl, Cow::Borrowed("no-store")));
        Self { status, reason, audience, headers, body: "" }
    }

    /// A redirect to where a GET shows what became of a form.
    pub(super) fn see_other(location: String, reason: Option<RefusalReason>) -> Self {
        Self::new(303, reason, Audience::Page).with(ResponseHeader::Location, location)
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
    fn problem(reason: RefusalReason, audience: Audience) -> Self {
        let status = reason.status();
        Self::new(status, Some(reason), audience).body("application/problem+json", problem(status))
    }

    /// The status code.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Why the request is refused; `None` for what is no refusal, as the [answer to a login](super::Login::answer).
    pub fn reason(&self) -> Option<RefusalReason> {
        self.reason
    }

    /// Who reads it, by what the request says of itself.
    pub fn audience(&self) -> Audience {
        self.audience
    }

    /// The headers, in order. A name may occur more than once.
    pub fn headers(&self) -> &[(ResponseHeader, Cow<'static, str>)] {
        &self.headers
    }

    /// The headers, moved out: onto a response.
    pub fn take_headers(&mut self) -> Vec<(ResponseHeader, Cow<'static, str>)> {
        std::mem::take(&mut self.headers)
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
        404 => r#"{"type":"about:blank","title":"Not Found","status":404}"#,
        409 => r#"{"type":"about:blank","title":"Conflict","status":409}"#,
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
        404 => "<!doctype html><title>Not found</title><h1>Not found</h1><p>There is no such thing.",
        409 => "<!doctype html><title>Conflict</title><h1>Conflict</h1><p>This cannot be done as things are.",
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
    pub(crate) fn refuse_unresolved(&self, error: &ResolveError, view: &dyn RequestView) -> Refusal {
        let refused = |reason| self.refused(reason, Audience::of(view), view);
        match error.kind() {
            ResolveErrorKind::Unavailable => {
                refused(RefusalReason::Unavailable).later(error.retry_after().unwrap_or(Denied::RETRY_AFTER))
            }
            ResolveErrorKind::Throttled(time) => refused(RefusalReason::Throttled).later(time),
            ResolveErrorKind::BadCredentials => {
                let presented = Single::of(view, Header::Authorization);
                self.unauthorized(RefusalReason::BadCredentials, Audience::of(view), view, presented)
            }
            ResolveErrorKind::NotEnough => {
                let presented = Single::of(view, Header::Authorization);
                self.insufficient(RefusalReason::NotEnough, None, Audience::of(view), view, presented)
            }
            ResolveErrorKind::Malformed | ResolveErrorKind::Contradiction => {
                refused(RefusalReason::Malformed)
            }
            ResolveErrorKind::CrossOrigin => refused(RefusalReason::CrossOrigin),
            ResolveErrorKind::Cleartext => {
                self.emit(EventKind::CleartextCredentials, None, None, &facts_of(&self.0.http.proxies, view));
                self.ask_for_tls(Audience::of(view), view)
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
            (Lacking::Permission, _) => self.refused(RefusalReason::NotAllowed, audience, view),
            (Lacking::Scope, _) => self.ask_for_scopes(&require.scopes_needed(), audience, view),
            (Lacking::Login, Audience::Page) => self.to_login(RefusalReason::NotSignedIn, require, view),
            (Lacking::Freshness(_), Audience::Page) => self.to_login(RefusalReason::NotFresh, require, view),
            (Lacking::Factor, Audience::Page) => self.to_factor(require, view),
            (Lacking::Login, _) => {
                self.unauthorized(RefusalReason::NotSignedIn, audience, view, Single::Absent)
            }
            (Lacking::Freshness(within), _) => {
                self.insufficient(RefusalReason::NotFresh, Some(within), audience, view, Single::Absent)
            }
            (Lacking::Factor, _) => {
                self.insufficient(RefusalReason::NotEnough, None, audience, view, Single::Absent)
            }
        }
    }

    fn to_login(&self, reason: RefusalReason, require: &Require, view: &dyn RequestView) -> Refusal {
        // Only what a GET shows can be shown again after the login.
        let came_from = (view.method() == "GET").then(|| view.target());
        let Settings { base, proxies, .. } = &self.0.http;
        let base = base.of(proxies, view);
        match self.0.http.login_url(require, came_from, base) {
            // A browser would be sent here again, without end.
            Some(url) if path_of(&url) == below(base, path_of(view.target())) => {
                log_error(&format_args!(
                    "the login page is guarded itself, and nobody can sign in: leave it open, by `.except([{:?}])`",
                    path_of(view.target())
                ));
                self.unauthorized(reason, Audience::Page, view, Single::Absent)
            }
            Some(url) => self.varied(Refusal::see_other(url, Some(reason))),
            None => self.unauthorized(reason, Audience::Page, view, Single::Absent),
        }
    }

    /// A browser whose session lacks a factor. Where no page asks for it, the login page would not do either: it led here.
    fn to_factor(&self, require: &Require, view: &dyn RequestView) -> Refusal {
        let came_from = (view.method() == "GET").then(|| view.target());
        let Settings { base, proxies, .. } = &self.0.http;
        match self.0.http.factor_url(require, came_from, base.of(proxies, view)) {
            Some(url) => self.varied(Refusal::see_other(url, Some(RefusalReason::NotEnough))),
            None => self.insufficient(RefusalReason::NotEnough, None, Audience::Page, view, Single::Absent),
        }
    }

    /// The answer to a caller whose login waits for what it lacks: nobody, where somebody must be signed in.
    pub(super) fn refuse_pending(
        &self,
        require: &Require,
        missing: &Missing,
        view: &dyn RequestView,
    ) -> Refusal {
        let audience = require.audience.unwrap_or_else(|| Audience::of(view));
        let refusal = self.refuse_lacking(require, Lacking::Factor, view);
        match audience {
            Audience::Api | Audience::WebSocket => Refusal { body: missing.problem(), ..refusal },
            _ => refusal,
        }
    }

    /// What a login is answered that lacks something.
    pub(super) fn ask_for_missing(
        &self,
        missing: &Missing,
        audience: Audience,
        base: &str,
        next: Option<&str>,
    ) -> Refusal {
        let (http, reason) = (&self.0.http, RefusalReason::NotEnough);
        if audience == Audience::Page
            && let Some(url) = http.factor_url_of(next, base)
        {
            return Refusal::see_other(url, Some(reason));
        }
        let refusal = Refusal { body: missing.problem(), ..Refusal::problem(reason, audience) };
        match &http.cookie_challenge {
            Some(challenge) => refusal.with(ResponseHeader::WwwAuthenticate, insufficient(challenge, None)),
            None => refusal,
        }
    }

    /// RFC 6750 §3.1: the token is good, and not for this.
    fn ask_for_scopes(&self, scopes: &str, audience: Audience, view: &dyn RequestView) -> Refusal {
        let mut refusal = in_form(RefusalReason::InsufficientScope, audience, view);
        if refusal.status == 403 {
            for WayIn { text: challenge, .. } in self.challenges(view).filter(|way| way.takes_tokens()) {
                let separator = if challenge.contains(' ') { "," } else { "" };
                // What is no scope has no place between the quotes.
                let text = match Scopes::parse(scopes) {
                    Ok(_) => {
                        format!("{challenge}{separator} error=\"insufficient_scope\", scope=\"{scopes}\"")
                    }
                    Err(_) => format!("{challenge}{separator} error=\"insufficient_scope\""),
                };
                refusal = refusal.with(ResponseHeader::WwwAuthenticate, text);
            }
        }
        self.varied(refusal)
    }

    /// RFC 9470 §3: the caller is known, but proved it too long ago, or by too little.
    fn insufficient(
        &self,
        reason: RefusalReason,
        max_age: Option<Duration>,
        audience: Audience,
        view: &dyn RequestView,
        presented: Single<'_>,
    ) -> Refusal {
        let mut refusal = in_form(reason, audience, view);
        if refusal.status == 401 {
            for offered in self.challenges(view) {
                let text = insufficient(offered.after(presented), max_age);
                refusal = refusal.with(ResponseHeader::WwwAuthenticate, text);
            }
        }
        self.varied(refusal)
    }

    /// A 401 offers every way in (RFC 9110 §11.6.1) that is safe on this connection: a browser that is asked for a
    /// password sends it. `presented` is the `Authorization` that was not accepted.
    fn unauthorized(
        &self,
        reason: RefusalReason,
        audience: Audience,
        view: &dyn RequestView,
        presented: Single<'_>,
    ) -> Refusal {
        let mut refusal = in_form(reason, audience, view);
        // What is no 401 to HTTP has no room for a challenge.
        if refusal.status == 401 {
            let without = refusal.headers.len();
            let texts = self.challenges(view).map(|offered| offered.after(presented).clone().into());
            refusal.headers.extend(texts.map(|text| (ResponseHeader::WwwAuthenticate, text)));
            if refusal.headers.len() == without && !self.0.http.challenges.is_empty() {
                self.emit(EventKind::ChallengeWithheld, None, None, &facts_of(&self.0.http.proxies, view));
                return self.ask_for_tls(audience, view);
            }
        }
        self.varied(refusal)
    }

    fn challenges<'a>(&'a self, view: &'a dyn RequestView) -> impl Iterator<Item = &'a WayIn> {
        let Settings { challenges, proxies, .. } = &self.0.http;
        challenges.iter().filter(|offered| offered.allows_cleartext || proxies.is_protected(view))
    }

    fn ask_for_tls(&self, audience: Audience, view: &dyn RequestView) -> Refusal {
        let refusal = self.refused(RefusalReason::Cleartext, audience, view);
        match audience {
            Audience::Page => Refusal { body: CLEARTEXT_PAGE, ..refusal },
            Audience::Api | Audience::WebSocket => Refusal { body: CLEARTEXT_PROBLEM, ..refusal },
            Audience::Grpc | Audience::GrpcWeb | Audience::Connect | Audience::ConnectStream => refusal,
        }
    }

    fn refused(&self, reason: RefusalReason, audience: Audience, view: &dyn RequestView) -> Refusal {
        self.varied(in_form(reason, audience, view))
    }

    /// Refusals depend on who asks, and on who reads.
    fn varied(&self, refusal: Refusal) -> Refusal {
        refusal.with(ResponseHeader::Vary, self.0.http.vary_of_refusals.clone())
    }
}

/// A challenge that says that more is asked for than was proven.
fn insufficient(challenge: &str, max_age: Option<Duration>) -> String {
    let separator = if challenge.contains(' ') { "," } else { "" };
    let max_age = max_age.map(|time| format!(", max_age=\"{}\"", time.as_secs())).unwrap_or_default();
    format!("{challenge}{separator} error=\"insufficient_user_authentication\"{max_age}")
}

/// In the form that the reader understands.
fn in_form(reason: RefusalReason, audience: Audience, view: &dyn RequestView) -> Refusal {
    let status = reason.status();
    let new = |status| Refusal::new(status, Some(reason), audience);
    match audience {
        Audience::Grpc => new(200).grpc("application/grpc", reason),
        Audience::GrpcWeb => new(200).grpc(same_type(view, &GRPC_WEB), reason),
        Audience::Connect => new(status).body("application/json", Rpc::of(reason).connect),
        Audience::ConnectStream => {
            new(200).body(same_type(view, &CONNECT_STREAM), Rpc::of(reason).end_of_stream)
        }
        Audience::Page => new(status).body(HTML, page(status)),
        Audience::Api | Audience::WebSocket => Refusal::problem(reason, audience),
    }
}

/// The answer where a guard or an extractor runs without the layer it needs.
pub(super) fn unconfigured() -> Refusal {
    Refusal::problem(RefusalReason::Misconfigured, Audience::Api)
}

/// The answer where a handler passes an error on.
impl From<&SessionError> for Refusal {
    fn from(error: &SessionError) -> Self {
        let reason = match error.kind() {
            SessionErrorKind::Unavailable => RefusalReason::Unavailable,
            SessionErrorKind::Throttled => RefusalReason::Throttled,
            SessionErrorKind::CrossOrigin => RefusalReason::CrossOrigin,
            SessionErrorKind::NoSession => RefusalReason::NotSignedIn,
            SessionErrorKind::Gone | SessionErrorKind::InvalidName => RefusalReason::Malformed,
            SessionErrorKind::NotFresh => RefusalReason::NotFresh,
            SessionErrorKind::WrongCode => RefusalReason::BadCredentials,
            SessionErrorKind::NotFinished => RefusalReason::NotEnough,
            SessionErrorKind::TooManyKeys | SessionErrorKind::OtherUser => RefusalReason::NotAllowed,
            SessionErrorKind::NoSuchFactor => RefusalReason::NotFound,
            SessionErrorKind::LastFactor
            | SessionErrorKind::TooManyFactors
            | SessionErrorKind::AlreadyEnrolled => RefusalReason::Conflict,
            SessionErrorKind::ForeignProof
            | SessionErrorKind::NotAPerson
            | SessionErrorKind::NotConfigured
            | SessionErrorKind::NoSecondFactor
            | SessionErrorKind::Answered
            | SessionErrorKind::InvalidValue
            | SessionErrorKind::NoSuchOwner
            | SessionErrorKind::NotRegistered => RefusalReason::Misconfigured,
        };
        Self::from_handler(reason, error.retry_after())
    }
}

impl From<&Denied> for Refusal {
    /// 503 for an outage, 429 for a gate's, 403 for another site's page, otherwise 401, whatever the reason.
    fn from(denied: &Denied) -> Self {
        let reason = match denied.kind() {
            DeniedKind::Unavailable => RefusalReason::Unavailable,
            DeniedKind::Throttled => RefusalReason::Throttled,
            DeniedKind::CrossOrigin => RefusalReason::CrossOrigin,
            _ => RefusalReason::BadCredentials,
        };
        Self::from_handler(reason, denied.retry_after())
    }
}

impl Refusal {
    /// The layer adds the challenge to a 401 when the response passes it.
    fn from_handler(reason: RefusalReason, retry_after: Option<Duration>) -> Self {
        let refusal = Self::problem(reason, Audience::Api);
        match retry_after {
            Some(time) => refusal.later(time),
            None => refusal,
        }
    }

    /// Tells the log of the error that it answers, if only the application can mend it.
    pub(super) fn told(self, error: &dyn fmt::Display) -> Self {
        if self.reason == Some(RefusalReason::Misconfigured) {
            log_error(error);
        }
        self
    }

    /// The same for a page of the application's in the place of its body.
    pub(super) fn of_page(mut self) -> Self {
        self.headers.retain(|(header, _)| *header != ResponseHeader::ContentType);
        self.with(ResponseHeader::ContentType, HTML)
    }

    /// gRPC's own status, in the headers of a response without a body ("trailers only").
    fn grpc(self, kind: &'static str, reason: RefusalReason) -> Self {
        let Rpc { status, message, .. } = Rpc::of(reason);
        self.with(ResponseHeader::ContentType, kind)
            .with(ResponseHeader::GrpcStatus, status)
            .with(ResponseHeader::GrpcMessage, message)
    }

    /// Says when to come back. What is no refusal to HTTP has its own way.
    fn later(self, time: Duration) -> Self {
        match self.status {
            200 => self,
            _ => self.with(ResponseHeader::RetryAfter, seconds(time).to_string()),
        }
    }
}

/// A target without its query.
fn path_of(target: &str) -> &str {
    target.split('?').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) const ONE_OF_EACH_STATUS: [RefusalReason; 8] = [
        RefusalReason::NotFound,
        RefusalReason::Conflict,
        RefusalReason::Malformed,
        RefusalReason::NotSignedIn,
        RefusalReason::NotAllowed,
        RefusalReason::Throttled,
        RefusalReason::Misconfigured,
        RefusalReason::Unavailable,
    ];

    #[test]
    fn bodies_are_json() {
        for reason in ONE_OF_EACH_STATUS {
            let status = reason.status();
            let body: serde_json::Value = serde_json::from_str(problem(status)).unwrap();
            assert_eq!(body["status"], status);
        }
    }
}
