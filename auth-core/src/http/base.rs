//! The path under which a proxy publishes an application, and which it takes off.

use super::RequestView;
use super::next::is_local_path;
use super::proxies::Proxies;
use super::view::{HeaderName, is_plain_name};
use crate::ConfigError;

/// The longest base path, in bytes.
const MAX_LEN: usize = 256;

/// Where the application's root is, as browsers see it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum BasePath {
    /// At the site's.
    #[default]
    Root,
    /// Under this path, without a slash at its end.
    Fixed(Box<str>),
    /// Under the path that trusted proxies say in this header.
    Said(HeaderName),
}

impl BasePath {
    pub(crate) fn build(
        path: Option<&str>,
        header: Option<&str>,
        has_proxies: bool,
    ) -> Result<Self, ConfigError> {
        match (path, header) {
            (None, None) => Ok(Self::Root),
            (Some(_), Some(_)) => Err(ConfigError::new(
                "a path and a header are both to say where the application is; keep `.base_path(…)` or \
                 `.base_path_header(…)`",
            )),
            (Some(path), None) => match trimmed(path) {
                Some("") => Ok(Self::Root),
                Some(path) => Ok(Self::Fixed(path.into())),
                None => Err(ConfigError::new(format!(
                    "a base path is a path like /app, as browsers see it, and not {path:?}"
                ))),
            },
            (None, Some(name)) if !has_proxies => Err(ConfigError::new(format!(
                "the base path is read from {name}, but from nobody: name the proxies that set it by \
                 `.trusted_proxy(\"10.0.0.7\")`"
            ))),
            (None, Some(name)) => {
                let lower = name.to_ascii_lowercase();
                let name = HeaderName::new(&lower);
                if !is_plain_name(&lower) || matches!(name, HeaderName::Known(_)) {
                    return Err(ConfigError::new(format!(
                        "the header {lower:?} cannot say the base path; name one that only proxies set, like \
                         X-Forwarded-Prefix"
                    )));
                }
                Ok(Self::Said(name))
            }
        }
    }

    /// The base path that is the same for every request.
    pub(crate) fn fixed(&self) -> Option<&str> {
        match self {
            Self::Root => Some(""),
            Self::Fixed(path) => Some(path),
            Self::Said(_) => None,
        }
    }

    /// The base path of a request. What is no path is none, and neither is what somebody says who is not trusted: whoever
    /// chooses it chooses where logins lead.
    pub(crate) fn of<'a>(&'a self, proxies: &Proxies, view: &'a dyn RequestView) -> &'a str {
        let Self::Said(header) = self else { return self.fixed().unwrap_or_default() };
        if !proxies.peers.trust(view) {
            return "";
        }
        header.single(view).text().and_then(trimmed).unwrap_or_default()
    }
}

/// A path without the slash at its end; `None` if it is no path of this site.
fn trimmed(path: &str) -> Option<&str> {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"\\\"<>?#;,".contains(&byte);
    let is_path =
        path.starts_with('/') && path.len() <= MAX_LEN && path.bytes().all(is_plain) && is_local_path(path);
    is_path.then(|| path.strip_suffix('/').unwrap_or(path))
}

/// Whether a path is one of the application's, as browsers see it. One that is relative stays where it is.
pub(crate) fn is_within(base: &str, path: &str) -> bool {
    let below = |rest: &str| rest.is_empty() || rest.starts_with(['/', '?', '#']);
    base.is_empty() || !path.starts_with('/') || path.strip_prefix(base).is_some_and(below)
}

#[cfg(test)]
mod tests {
    use super::super::proxies::tests::builder;
    use super::super::view::TestRequest;
    use super::*;

    #[test]
    fn a_base_path_is_a_path_of_this_site() {
        let fixed = |path| BasePath::build(Some(path), None, false);
        for (path, expected) in [("/app", "/app"), ("/app/", "/app"), ("/a/b.c~d", "/a/b.c~d"), ("/", "")] {
            assert_eq!(fixed(path).unwrap().fixed(), Some(expected), "{path}");
        }
        let long = format!("/{}", "x".repeat(MAX_LEN));
        for path in [
            "",
            "app",
            "//app",
            "/a//b",
            "/../b",
            "/a/%2e%2e",
            "/a b",
            "/a?b",
            "/a#b",
            "/\\a",
            "/a\r\n",
            &long,
        ] {
            assert!(fixed(path).is_err(), "{path:?}");
        }
    }

    #[test]
    fn a_header_is_named_for_it_once_and_from_somebody() {
        let header = |name, has_proxies| BasePath::build(None, Some(name), has_proxies);
        assert!(header("X-Forwarded-Prefix", true).is_ok());
        let nobody = header("X-Forwarded-Prefix", false).unwrap_err().to_string();
        assert!(nobody.contains("trusted_proxy"), "{nobody}");
        for name in ["", "x_prefix", "Cookie", "X-Forwarded-Proto"] {
            assert!(header(name, true).is_err(), "{name:?}");
        }
        assert!(BasePath::build(Some("/app"), Some("X-Forwarded-Prefix"), true).is_err());
    }

    /// Who could choose it could send logins to another site.
    #[test]
    fn only_trusted_proxies_say_it() {
        let proxies = builder(&["10.0.0.0/8"], "", "").build().unwrap();
        let base = BasePath::build(None, Some("X-Forwarded-Prefix"), true).unwrap();
        let said = |peer: &str, values: &[&str]| {
            let request = TestRequest {
                peer: peer.parse().ok(),
                others: values
                    .iter()
                    .map(|value| ("x-forwarded-prefix", value.as_bytes().to_vec()))
                    .collect(),
                ..TestRequest::get(&[])
            };
            base.of(&proxies, &request).to_owned()
        };
        assert_eq!(said("10.0.0.7", &["/app/"]), "/app");
        for (peer, values) in [
            ("192.0.2.1", &["/app"][..]),
            ("127.0.0.1", &["/app"]),
            ("10.0.0.7", &[]),
            ("10.0.0.7", &["/app", "/app"]),
            ("10.0.0.7", &["/app, /other"]),
            ("10.0.0.7", &["//evil.example"]),
            ("10.0.0.7", &["https://evil.example"]),
            ("10.0.0.7", &["/\\evil.example"]),
        ] {
            assert_eq!(said(peer, values), "", "{peer} {values:?}");
        }
    }

    #[test]
    fn paths_are_within_by_whole_segments() {
        for (path, expected) in [
            ("/app", true),
            ("/app/x", true),
            ("/app?x", true),
            ("/app#x", true),
            ("x/y", true),
            ("/apple", false),
            ("/", false),
            ("/other/app", false),
            ("/APP/x", false),
        ] {
            assert_eq!(is_within("/app", path), expected, "{path}");
            assert!(is_within("", path), "{path}");
        }
    }
}
