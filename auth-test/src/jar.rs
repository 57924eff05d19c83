//! Cookies as a browser keeps them (RFC 6265bis §5.7), of one host over TLS.

use cookie::Cookie;
use cookie::time::OffsetDateTime;

/// A cookie jar of one host. `Secure` and `__Host-` cookies are kept and sent: tests speak TLS in memory.
///
/// Of an age only "over" counts: a cookie that is to live for a second is there for the whole test.
#[derive(Clone, Debug, Default)]
pub(crate) struct Jar(Vec<Cookie<'static>>);

impl Jar {
    /// Takes up a `Set-Cookie` line, unless a browser would refuse it.
    pub(crate) fn take(&mut self, line: &str) {
        let Ok(cookie) = Cookie::parse(line.to_owned()) else { return };
        if !keeps_its_prefix(&cookie) {
            return;
        }
        self.0.retain(|own| (own.name(), path(own)) != (cookie.name(), path(&cookie)));
        if !is_over(&cookie) {
            self.0.push(cookie);
        }
    }

    /// The `Cookie` line for this path.
    pub(crate) fn line(&self, path: &str) -> Option<String> {
        let pairs: Vec<_> = self.on(path).map(|cookie| cookie.stripped().to_string()).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    /// The value of a cookie, whatever its path.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|cookie| cookie.name() == name).map(Cookie::value)
    }

    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(Cookie::name_value)
    }

    /// Those that go to this path, the longest paths first (§5.8.3).
    fn on(&self, target: &str) -> impl Iterator<Item = &Cookie<'static>> {
        let mut found: Vec<_> = self.0.iter().filter(|cookie| is_below(target, path(cookie))).collect();
        found.sort_by_key(|cookie| std::cmp::Reverse(path(cookie).len()));
        found.into_iter()
    }
}

fn path<'a>(cookie: &'a Cookie<'_>) -> &'a str {
    cookie.path().filter(|path| path.starts_with('/')).unwrap_or("/")
}

/// RFC 6265bis §5.1.4
fn is_below(target: &str, path: &str) -> bool {
    let target = target.split(['?', '#']).next().unwrap_or(target);
    target
        .strip_prefix(path)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || path.ends_with('/'))
}

/// RFC 6265bis §4.1.3: names whose prefix promises what the attributes do not keep are refused.
fn keeps_its_prefix(cookie: &Cookie<'_>) -> bool {
    let is_secure = cookie.secure() == Some(true);
    let name = cookie.name().to_ascii_lowercase();
    if name.starts_with("__host-") {
        return is_secure && cookie.path() == Some("/") && cookie.domain().is_none();
    }
    is_secure || !name.starts_with("__secure-")
}

fn is_over(cookie: &Cookie<'_>) -> bool {
    match (cookie.max_age(), cookie.expires_datetime()) {
        (Some(age), _) => !age.is_positive(),
        (None, Some(expires)) => expires <= OffsetDateTime::now_utc(),
        (None, None) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jar(lines: &[&str]) -> Jar {
        let mut jar = Jar::default();
        for line in lines {
            jar.take(line);
        }
        jar
    }

    #[test]
    fn cookies_are_kept_as_browsers_keep_them() {
        let host = "__Host-session=a; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=60";
        let gone = "__Host-session=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0";
        let past = "theme=dark; Expires=Thu, 01 Jan 1970 00:00:00 GMT";
        let table: [(&str, &[&str], Option<&str>); 10] = [
            ("none", &[], None),
            ("kept", &[host], Some("__Host-session=a")),
            ("replaced", &[host, "__Host-session=b; Path=/; Secure"], Some("__Host-session=b")),
            ("removed", &[host, gone], None),
            ("in the past", &["theme=light", past], None),
            ("two", &["theme=light", host], Some("theme=light; __Host-session=a")),
            ("a prefix without TLS", &["__Host-session=a; Path=/"], None),
            ("a prefix with a path", &["__Host-session=a; Path=/app; Secure"], None),
            ("a prefix with a domain", &["__Host-session=a; Path=/; Secure; Domain=example.com"], None),
            ("no cookie", &["=; ;;", "\u{1}"], None),
        ];
        for (name, lines, expected) in table {
            assert_eq!(jar(lines).line("/members").as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn paths_are_heeded() {
        let jar = jar(&["a=1; Path=/app", "b=2; Path=/app/x/", "c=3"]);
        for (path, expected) in [
            ("/", "c=3"),
            ("/application", "c=3"),
            ("/app?x=/app/x/", "a=1; c=3"),
            ("/app/x/y", "b=2; a=1; c=3"),
        ] {
            assert_eq!(jar.line(path).as_deref(), Some(expected), "{path}");
        }
    }
}
