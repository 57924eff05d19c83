//! The answers that core is expected to give, written down once.

use crate::site::Answer;

/// What answers depend on, at a site with Basic and sessions.
pub const VARY: &str = "Authorization, Cookie";
/// What refusals depend on there.
pub const VARY_REFUSED: &str =
    "Authorization, Cookie, Accept, Sec-Fetch-Dest, Sec-Fetch-Mode, X-Requested-With";
/// The test sites' two challenges.
pub const BASIC: &str = r#"Basic realm="tests", charset="UTF-8""#;
/// The second.
pub const COOKIE: &str = r#"Cookie form-action="/login", cookie-name="__Host-session""#;
/// A new session cookie.
pub const SET_COOKIE: &str = "__Host-session=TOKEN; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=86400";
/// The removal of one: the same attributes.
pub const REMOVE_COOKIE: &str = "__Host-session=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0";
const TEXT: (&str, &str) = ("content-type", "text/plain; charset=utf-8");
const NO_STORE: (&str, &str) = ("cache-control", "no-store");

/// An answer with these headers.
pub fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Answer {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Answer::new(status, headers, body.into())
}

/// A page that never asks who is calling.
pub fn public(body: &str) -> Answer {
    answer(200, &[TEXT], body)
}

/// A page that asked, for nobody.
pub fn anonymous(body: &str) -> Answer {
    answer(200, &[TEXT, ("vary", VARY)], body)
}

/// A page for somebody.
pub fn personal(body: &str) -> Answer {
    answer(200, &[TEXT, NO_STORE, ("vary", VARY)], body)
}

/// Sent on after a login or a logout.
pub fn sent_to(location: &str, cookie: &str) -> Answer {
    let headers = [NO_STORE, ("location", location), ("set-cookie", cookie), ("vary", VARY)];
    answer(303, &headers, "")
}

/// Sent to the login page.
pub fn to_login(location: &str) -> Answer {
    answer(303, &[NO_STORE, ("location", location), ("vary", VARY_REFUSED)], "")
}

/// The body of a problem.
pub fn problem_body(status: u16) -> String {
    let title = match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        429 => "Too Many Requests",
        503 => "Service Unavailable",
        _ => "Internal Server Error",
    };
    format!(r#"{{"type":"about:blank","title":"{title}","status":{status}}}"#)
}

/// A refusal of the layer or a guard, for a program.
pub fn problem(status: u16) -> Answer {
    let mut headers = vec![NO_STORE, ("content-type", "application/problem+json"), ("vary", VARY_REFUSED)];
    headers.extend(extra(status, &[BASIC, COOKIE]));
    answer(status, &headers, &problem_body(status))
}

/// An error that a handler passed on.
pub fn passed_on(status: u16) -> Answer {
    let mut headers = vec![NO_STORE, ("content-type", "application/problem+json"), ("vary", VARY)];
    headers.extend(extra(status, &[COOKIE]));
    answer(status, &headers, &problem_body(status))
}

/// A refusal in front of a person.
pub fn page(status: u16) -> Answer {
    let mut headers = vec![NO_STORE, ("content-type", "text/html; charset=utf-8"), ("vary", VARY_REFUSED)];
    headers.extend(extra(status, &[BASIC, COOKIE]));
    let body = match status {
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
        _ => {
            "<!doctype html><title>Bad request</title><h1>Bad request</h1><p>This request cannot be answered."
        }
    };
    answer(status, &headers, body)
}

/// A refusal for a gRPC client.
pub fn grpc(code: &str, message: &str) -> Answer {
    let headers = [
        NO_STORE,
        ("content-type", "application/grpc"),
        ("grpc-message", message),
        ("grpc-status", code),
        ("vary", VARY_REFUSED),
    ];
    answer(200, &headers, "")
}

fn extra(status: u16, challenges: &[&'static str]) -> Vec<(&'static str, &'static str)> {
    match status {
        401 => challenges.iter().map(|challenge| ("www-authenticate", *challenge)).collect(),
        503 => vec![("retry-after", "5")],
        _ => Vec::new(),
    }
}
