//! What a handler did, as headers of its response.

use super::session::Session;
use super::{ResponseHeader, ResponseView};
use crate::session::{Cookie, CookieEffect};
use crate::{Auth, User};

/// Writes the effects of a request's session on its response.
pub(crate) fn apply<U: User>(session: &Session<U>, response: &mut dyn ResponseView) {
    let auth = session.auth();
    add_vary(auth, response);
    let (is_somebody, cookie) = {
        let state = session.state();
        let cookie = &state.deeds().cookie;
        let changed = !matches!(cookie, CookieEffect::Keep);
        (state.access.is_some(), changed.then(|| cookie.clone()))
    };
    let cookie = auth.0.http.cookie.as_ref().zip(cookie);
    let has_cookie = cookie.is_some();
    if let Some((name, cookie)) = cookie {
        change_cookie(session, name, &cookie, response);
    }
    if has_cookie || is_somebody {
        forbid_caching(has_cookie, response);
    }
    challenge(auth, response);
}

fn change_cookie<U: User>(
    session: &Session<U>,
    name: &Cookie,
    effect: &CookieEffect,
    response: &mut dyn ResponseView,
) {
    match effect {
        CookieEffect::Keep => {}
        CookieEffect::Set(token, max_age) => {
            response.append(ResponseHeader::SetCookie, name.set(token.text(), *max_age).into());
        }
        CookieEffect::Remove => {
            response.append(ResponseHeader::SetCookie, name.remove().into());
            if name.clear_site {
                response.append(ResponseHeader::ClearSiteData, "\"cache\", \"storage\"".into());
            }
            if session.is_navigation() {
                response.append(ResponseHeader::SetCookie, name.mark_end().into());
            }
        }
    }
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
    let first = settings.challenges.first().map(|offered| &offered.text);
    if let Some(challenge) = settings.cookie_challenge.as_ref().or(first) {
        response.append(ResponseHeader::WwwAuthenticate, challenge.clone().into());
    }
}

/// Says that the response depends on the caller's credentials, keeping what the handler said.
pub(super) fn add_vary<U: User>(auth: &Auth<U>, response: &mut dyn ResponseView) {
    let ours = &auth.0.http.vary;
    if ours.is_empty() || response.set_if_absent(ResponseHeader::Vary, ours.clone()) {
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
