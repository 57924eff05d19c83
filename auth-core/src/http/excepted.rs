//! Paths that a rule leaves open.

use super::next::is_local_path;
use crate::ConfigError;

/// The paths that a rule does not apply to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Excepted(Vec<Path>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Path {
    Exact(Box<str>),
    /// All below this path, which ends with a slash.
    Below(Box<str>),
}

impl Excepted {
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn add(&mut self, path: &str) -> Result<(), ConfigError> {
        self.0.push(Path::parse(path)?);
        Ok(())
    }

    /// Whether the rule does not apply to this request target.
    pub(crate) fn contains(&self, target: &str) -> bool {
        // Almost every rule: nothing to compare.
        if self.0.is_empty() {
            return false;
        }
        let path = target.split('?').next().unwrap_or_default();
        self.0.iter().any(|excepted| excepted.covers(path))
    }
}

impl Path {
    fn parse(path: &str) -> Result<Self, ConfigError> {
        let (base, is_below) = match path.strip_suffix("/*") {
            Some("") => {
                return Err(ConfigError::new(
                    "`except` of \"/*\" would leave every path open: name the ones that are, such as \"/login\" or \"/static/*\"",
                ));
            }
            Some(_) => (path.strip_suffix('*').unwrap_or(path), true),
            None => (path, false),
        };
        let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"\\\"<>?#;*{}".contains(&byte);
        if !(base.starts_with('/') && base.bytes().all(is_plain) && is_local_path(base)) {
            return Err(ConfigError::new(format!(
                "`except` takes whole paths as requests name them, such as \"/login\", or all below one, such as \"/static/*\", \
                 and not {path:?}"
            )));
        }
        Ok(if is_below { Self::Below(base.into()) } else { Self::Exact(base.into()) })
    }

    fn covers(&self, path: &str) -> bool {
        match self {
            Self::Exact(exact) => path == &**exact,
            Self::Below(base) => path.strip_prefix(&**base).is_some_and(is_straight),
        }
    }
}

/// Whether no router, file server or proxy could read the rest of a path as leading elsewhere: by `..`, an encoded slash or dot, a
/// backslash, or an empty segment that is merged away. Then the rule applies: an exception is never guessed.
fn is_straight(rest: &str) -> bool {
    const ODD: [&str; 6] = ["%2e", "%2f", "%5c", "%00", "\\", ";"];
    let lower = rest.to_ascii_lowercase();
    !ODD.iter().any(|odd| lower.contains(odd))
        && !rest.starts_with('/')
        && !rest.contains("//")
        && !rest.split('/').any(|segment| matches!(segment, "." | ".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excepted(paths: &[&str]) -> Excepted {
        let mut excepted = Excepted::new();
        for path in paths {
            excepted.add(path).unwrap();
        }
        excepted
    }

    #[test]
    fn exact_paths_and_all_below_one() {
        let open = excepted(&["/", "/login", "/static/*", "/a%20b"]);
        for target in
            ["/", "/?x=/private", "/login", "/login?next=/x", "/static/", "/static/a/b.css?v=1", "/a%20b"]
        {
            assert!(open.contains(target), "{target}");
        }
        for target in [
            "",
            "*",
            "/login/",
            "/login/x",
            "/loginx",
            "/LOGIN",
            "//login",
            "/static",
            "/statics/x",
            "/private",
            "/%6cogin",
        ] {
            assert!(!open.contains(target), "{target}");
        }
        assert!(!Excepted::new().contains("/"));
    }

    /// What a router or file server behind the rule could read as another path.
    #[test]
    fn what_could_lead_elsewhere_is_never_open() {
        let open = excepted(&["/static/*"]);
        for rest in [
            "../private",
            "a/../../private",
            "..",
            ".",
            "a/./b",
            "%2e%2e/private",
            "%2E%2e/private",
            ".%2e/private",
            "..%2fprivate",
            "..%5Cprivate",
            "..\\private",
            "/private",
            "a//b",
            "..;/private",
            "a%00.css",
        ] {
            assert!(!open.contains(&format!("/static/{rest}")), "{rest}");
        }
    }

    #[test]
    fn only_whole_paths_can_be_named() {
        for path in [
            "",
            "login",
            "*",
            "/*",
            "//x",
            "/a/../b",
            "/a/%2e%2e",
            "/a b",
            "/a?b",
            "/a#b",
            "/a;b",
            "/a*",
            "/a/*/b",
            "/a/{id}",
            "/\u{e4}",
            "https://example.com/login",
            "/..",
        ] {
            assert!(Excepted::new().add(path).is_err(), "{path:?}");
        }
        let everything = Excepted::new().add("/*").unwrap_err().to_string();
        assert!(everything.contains("every path"), "{everything}");
    }
}
