//! What a handler did, as headers of its response.

use super::{ResponseHeader, ResponseView};
use crate::session::{CookieEffect, Session};
use crate::{Auth, User};

/// Writes the effects of a request's session on its response.
pub(crate) fn apply<U: User>(session: &Session<U>, response: &mut dyn ResponseView) {
    let auth = session.auth();
    add_vary(auth, response);
    let (cookie, is_somebody) = {
        let state = session.state();
        (state.cookie.clone(), state.access.is_some())
    };
    let settings = &auth.0.http;
    let is_logout = matches!(cookie, CookieEffect::Remove);
    let set_cookie = match (&settings.cookie, cookie) {
        (Some(name), CookieEffect::Set(token, max_age)) => Some(name.set(token.text(), max_age)),
        (Some(name), CookieEffect::Remove) => Some(name.remove()),
        _ => None,
    };
    let has_cookie = set_cookie.is_some();
    if let Some(value) = set_cookie {
        response.append(ResponseHeader::SetCookie, value.into());
    }
    if settings.cookie.as_ref().is_some_and(|cookie| is_logout && cookie.clear_site) {
        response.append(ResponseHeader::ClearSiteData, "\"cache\", \"storage\"".into());
    }
    if let (Some(name), true) = (&settings.cookie, is_logout && session.is_navigation()) {
        response.append(ResponseHeader::SetCookie, name.mark_end().into());
    }
    if has_cookie || is_somebody {
        forbid_caching(has_cookie, response);
    }
    challenge(auth, response);
}

/// A 401 that a handler made itself still names a way in. The cookie's, which browsers pass over: another one
/// would open their own dialog over a login form.
pub(super) fn challenge<U: User>(auth: &Auth<U>, response: &mut dyn ResponseView) {
    if response.status() != 401 {
        return;
    }
    let mut has_one = false;
    response.values(ResponseHeader::WwwAuthenticate, &mut |_| has_one = true);
    if has_one {
        return;
    }
    let settings = &auth.0.http;
    if let Some(challenge) = settings.cookie_challenge.as_ref().or(settings.challenges.first()) {
        response.append(ResponseHeader::WwwAuthenticate, challenge.clone().into());
    }
}

/// Says that the response depends on the caller's credentials, keeping what the handler said.
pub(super) fn add_vary<U: User>(auth: &Auth<U>, response: &mut dyn ResponseView) {
    let ours = auth.vary();
    if ours.is_empty() || response.set_if_absent(ResponseHeader::Vary, ours.into()) {
        return;
    }
    let mut present = Vec::new();
    response.values(ResponseHeader::Vary, &mut |value| {
        present.extend(value.split(|byte| *byte == b',').map(|name| name.trim_ascii().to_ascii_lowercase()));
    });
    if present.iter().any(|name| name == b"*") {
        return;
    }
    let missing = |name: &&str| !present.contains(&name.as_bytes().to_ascii_lowercase());
    let missing: Vec<&str> = ours.split(", ").filter(missing).collect();
    if !missing.is_empty() {
        response.append(ResponseHeader::Vary, missing.join(", ").into());
    }
}

/// Keeps a personal response out of caches. A handler's own `Cache-Control` stands, but next to a session
/// cookie it gains `no-store`: a cached `Set-Cookie` is a session for everybody.
fn forbid_caching(has_cookie: bool, response: &mut dyn ResponseView) {
    if response.set_if_absent(ResponseHeader::CacheControl, "no-store".into()) || !has_cookie {
        return;
    }
    let mut own: Vec<String> = Vec::new();
    response.values(ResponseHeader::CacheControl, &mut |value| {
        own.push(String::from_utf8_lossy(value).into_owned());
    });
    let mut directives = own.iter().flat_map(|value| value.split(','));
    if !directives.any(|directive| directive.trim().eq_ignore_ascii_case("no-store")) {
        response.set(ResponseHeader::CacheControl, format!("{}, no-store", own.join(", ")).into());
    }
}
