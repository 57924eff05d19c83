//! What a handler did, as headers of its response.

use super::caching::forbid_caching;
use super::{ResponseHeader, ResponseView};
use crate::session::{Cookie, CookieEffect};
use crate::{Auth, User};

/// What a request did, as far as its response tells.
pub(super) struct Effects {
    /// Whether somebody is calling: the response is theirs.
    pub(super) is_somebody: bool,
    pub(super) cookie: CookieEffect,
    /// `Set-Cookie` values of the browser's device.
    pub(super) device: Vec<String>,
    /// Whether a browser navigates: its next page may be shown from its memory later.
    pub(super) is_navigation: bool,
}

impl Effects {
    /// Writes them on the response.
    pub(super) fn write<U: User>(&self, auth: &Auth<U>, response: &mut dyn ResponseView) {
        add_vary(auth, response);
        let changed = !matches!(self.cookie, CookieEffect::Keep);
        let cookie = auth.0.http.cookie.as_ref().filter(|_| changed);
        if let Some(name) = cookie {
            self.change_cookie(name, auth.0.http.devices.is_some(), response);
        }
        for value in &self.device {
            response.append(ResponseHeader::SetCookie, value.clone().into());
        }
        if cookie.is_some() || self.is_somebody {
            forbid_caching(cookie.is_some(), response);
        }
        challenge(auth, response);
    }

    /// `names_devices` if a login sets another cookie besides.
    fn change_cookie(&self, name: &Cookie, names_devices: bool, response: &mut dyn ResponseView) {
        match &self.cookie {
            CookieEffect::Keep => {}
            CookieEffect::Set(token, max_age) => {
                response.append(ResponseHeader::SetCookie, name.set(&token.text(), *max_age).into());
            }
            CookieEffect::Remove => {
                response.append(ResponseHeader::SetCookie, name.remove().into());
                if name.clear_site {
                    response.append(ResponseHeader::ClearSiteData, "\"cache\", \"storage\"".into());
                }
                if self.is_navigation {
                    for mark in name.marks_of_end(usize::from(names_devices)) {
                        response.append(ResponseHeader::SetCookie, mark.into());
                    }
                }
            }
        }
    }
}

/// A 401 that a handler made itself still names a way in. The cookie's, which browsers pass over: another one
/// would open their own dialog over a login form.
fn challenge<U: User>(auth: &Auth<U>, response: &mut dyn ResponseView) {
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
fn add_vary<U: User>(auth: &Auth<U>, response: &mut dyn ResponseView) {
    let ours = &auth.0.http.vary;
    if ours.is_empty() || response.set_if_absent(ResponseHeader::Vary, ours.clone()) {
        return;
    }
    // A refusal of this layer names them all already.
    let (refusals, mut is_refusal) = (auth.0.http.vary_of_refusals.as_bytes(), false);
    response.values(ResponseHeader::Vary, &mut |value| is_refusal |= value == refusals);
    if is_refusal {
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
