//! Response headers that every answer carries, and the one request header that the pages depend on.

/// Nothing but the site's own stylesheet and images is loaded, nothing runs, nobody frames it.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Names and values. The referrer stays within the site rather than being off altogether: browsers send
/// `Origin: null` with forms of pages under `no-referrer`, which looks like another site.
pub const SECURITY_HEADERS: [(&str, &str); 5] = [
    ("content-security-policy", CONTENT_SECURITY_POLICY),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("referrer-policy", "same-origin"),
    ("x-content-type-options", "nosniff"),
];

/// Whether a caller with this `Accept` header would rather see a page than JSON. Browsers name `text/html`
/// when they navigate; programs that name nothing, `*/*` or JSON first get JSON.
pub fn wants_html(accept: Option<&[u8]>) -> bool {
    let ranges = accept.unwrap_or_default().split(|byte| *byte == b',');
    let mut types =
        ranges.filter_map(|range| range.split(|byte| *byte == b';').next()).map(<[u8]>::trim_ascii);
    let is_html = |name: &[u8]| name.eq_ignore_ascii_case(b"text/html");
    let is_json = |name: &[u8]| name.eq_ignore_ascii_case(b"application/json");
    types.find(|name| is_html(name) || is_json(name)).is_some_and(is_html)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_sees_a_page() {
        let table = [
            ("nothing said", None, false),
            ("anything", Some("*/*"), false),
            ("browser", Some("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"), true),
            ("program", Some("application/json"), false),
            ("JSON first", Some("application/json, text/html"), false),
            ("odd spacing and case", Some(" Text/HTML ;q=1 , application/json"), true),
        ];
        for (name, accept, expected) in table {
            assert_eq!(wants_html(accept.map(str::as_bytes)), expected, "{name}");
        }
    }
}
