//! Who may keep a response.

use super::{ResponseHeader, ResponseView};

/// Keeps a personal response out of caches. A handler's own `Cache-Control` stands, but next to a session
/// cookie it gains `no-store`: a cached `Set-Cookie` is a session for everybody.
pub(super) fn forbid_caching(has_cookie: bool, response: &mut dyn ResponseView) {
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
