//! Where a login may send a browser afterwards.

use std::fmt::Write;

use super::base::is_within;
use super::origin::Origin;

/// The longest accepted target, in bytes.
const MAX_LEN: usize = 2048;

/// The part of `next` that stays on this site; `None` if it does not, or may not.
///
/// A path of this site is taken as it is. With a configured origin, an absolute URL of exactly that origin is
/// accepted too, and its path is taken. Everything else (another host, another scheme, `//`, a backslash, a
/// control character, dot segments, anything that is not visible ASCII) is refused, unless it is an absolute URL
/// of one of the `others`. So is a path of this site that is not below the application's `base`.
pub(crate) fn target<'a>(
    next: &'a str,
    own: Option<&Origin>,
    others: &[Origin],
    base: &str,
) -> Option<&'a str> {
    if next.is_empty() || next.len() > MAX_LEN || !next.bytes().all(is_plain) {
        return None;
    }
    let is_other = |other| Origin::strip(other, next).is_some_and(is_local_path);
    if others.iter().any(is_other) {
        return Some(next);
    }
    let path = own.and_then(|own| own.strip(next)).unwrap_or(next);
    (is_local_path(path) && is_within(base, path)).then_some(path)
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'"' | b'<' | b'>')
}

/// A path that no browser resolves to another host or scheme.
pub(super) fn is_local_path(target: &str) -> bool {
    let path = target.split(['?', '#']).next().unwrap_or_default();
    if path.contains("//") || path.split('/').any(is_dots) {
        return false;
    }
    // A relative path must not read as a scheme: `javascript:…`.
    path.starts_with('/') || path.starts_with(|c: char| c.is_ascii_alphanumeric()) && !path.contains(':')
}

fn is_dots(segment: &str) -> bool {
    let segment = segment.to_ascii_lowercase().replace("%2e", ".");
    segment == "." || segment == ".."
}

/// `text` for a query's value: all but unreserved characters percent-encoded (RFC 3986 §2.3).
pub(crate) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len() + 16);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            encoded.push(byte.into());
        } else {
            // Writing to a `String` cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn own() -> Origin {
        Origin::parse("https://example.com").unwrap()
    }

    /// Django's list, and more.
    #[test]
    fn other_places_are_refused() {
        let long = format!("/{}", "x".repeat(MAX_LEN));
        let bad = [
            "",
            "http://example.org",
            "http:///example.org",
            "https://example.org",
            "ftp://example.com",
            "///example.org",
            "//example.org",
            "//example.org/a",
            "javascript:alert(1)",
            "JaVaScRiPt:alert(1)",
            "data:text/html,x",
            "/\\example.org",
            "\\\\example.org",
            "/\\/example.org",
            "\\/example.org",
            "http:example.org",
            "https:/example.org",
            "/a\r\nSet-Cookie: x",
            "/\t/example.org",
            "/a\0b",
            " /a",
            "/a b",
            "/\u{e4}",
            "/..//example.org",
            "/./",
            "/a/../b",
            "/%2e%2e/b",
            "/a//b",
            "http://example.com",
            "https://example.com.evil.org/",
            "https://example.com:8443/",
            "https://example.com@evil.org/",
            "https://user@example.com/",
            "/<script>",
            "?x",
            "#x",
            "x:y",
            &long,
        ];
        for next in bad {
            assert_eq!(target(next, Some(&own()), &[], ""), None, "{next:?}");
        }
    }

    #[test]
    fn own_places_are_accepted() {
        let table = [
            ("/", "/"),
            ("/view/?param=http://x", "/view/?param=http://x"),
            ("/view/?param=https://x", "/view/?param=https://x"),
            ("/view?param=ftp://x", "/view?param=ftp://x"),
            ("view/?param=//x", "view/?param=//x"),
            ("/url%20with%20spaces/", "/url%20with%20spaces/"),
            ("/a#b", "/a#b"),
            ("https://example.com/", "/"),
            ("https://example.com", "/"),
            ("HTTPS://Example.com/a?b", "/a?b"),
            ("//example.com/", "/"),
            ("https://example.com:443/a", "/a"),
            ("//example.com:443/a", "/a"),
        ];
        for (next, expected) in table {
            assert_eq!(target(next, Some(&own()), &[], ""), Some(expected), "{next}");
            let is_path = !next.to_lowercase().contains("example");
            assert_eq!(target(next, None, &[], "").is_some(), is_path, "{next} without an origin");
        }
    }

    #[test]
    fn paths_of_another_application_are_refused() {
        let to = |next| target(next, Some(&own()), &[], "/app");
        for next in ["/app", "/app/a?b", "https://example.com/app/a", "view/"] {
            assert!(to(next).is_some(), "{next}");
        }
        for next in ["/", "/apple", "/other/app", "https://example.com/", "//example.com/"] {
            assert_eq!(to(next), None, "{next}");
        }
    }

    #[test]
    fn another_origin_is_accepted_if_it_is_listed() {
        let others = [Origin::parse("https://shop.example").unwrap()];
        let to = |next| target(next, Some(&own()), &others, "");
        assert_eq!(to("https://shop.example/cart"), Some("https://shop.example/cart"));
        assert_eq!(to("https://shop.example.evil.org/"), None);
        assert_eq!(to("http://shop.example/"), None);
    }

    proptest! {
        /// What is accepted resolves to this site, by the rules that browsers follow.
        #[test]
        fn what_is_accepted_stays_here(next in "([/\\\\.:?#@%a-z0-9 \\t]|//|https:|javascript:|example\\.com|%2e|\\PC){0,12}") {
            let login = url::Url::parse("https://example.com/accounts/login").unwrap();
            for own in [None, Some(&own())] {
                if let Some(target) = target(&next, own, &[], "") {
                    let resolved = login.join(target).unwrap();
                    prop_assert_eq!(resolved.origin(), login.origin(), "{}", target);
                    prop_assert!(target.bytes().all(|byte| byte.is_ascii_graphic()));
                }
            }
        }
    }
}
