//! Response headers that every answer carries.

/// Nothing but the site's own files is loaded; nothing runs but the script for passkeys, which asks this site alone; nobody
/// frames it.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; connect-src 'self'; \
     style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Names and values. The referrer stays within the site rather than being off altogether: browsers send
/// `Origin: null` with forms of pages under `no-referrer`, which looks like another site.
pub const SECURITY_HEADERS: [(&str, &str); 5] = [
    ("content-security-policy", CONTENT_SECURITY_POLICY),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("referrer-policy", "same-origin"),
    ("x-content-type-options", "nosniff"),
];
