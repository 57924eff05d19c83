//! Reading the session cookie out of `Cookie` lines, and writing `Set-Cookie`.
//!
//! Our own, because the common parsers percent-decode names: with them `__%48ost-session`, which any
//! sub-domain may set, counts as `__Host-session`.

use std::time::Duration;

use super::config::SameSite;

/// The session cookie's name and attributes.
#[derive(Clone, Debug)]
pub(crate) struct Cookie {
    pub(crate) name: String,
    pub(crate) secure: bool,
    pub(crate) same_site: SameSite,
    /// Whether each site that embeds this one has one of its own.
    pub(crate) partitioned: bool,
    /// Whether its removal asks the browser to forget more.
    pub(crate) clear_site: bool,
}

/// Longer `Cookie` lines are not read, in bytes for all lines of a request.
pub(crate) const MAX_COOKIES_LEN: usize = 64 * 1024;

/// What a request's `Cookie` lines hold under our name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CookieMatch<'a> {
    Nothing,
    One(&'a [u8]),
    /// Two different values. The order of cookies means nothing (RFC 6265bis §4.2.2): neither can be trusted.
    Ambiguous,
}

/// Collects the values of one cookie name over all `Cookie` lines of a request.
pub(crate) struct Scan<'a, 'n> {
    name: &'n [u8],
    len: usize,
    found: CookieMatch<'a>,
}

impl<'a, 'n> Scan<'a, 'n> {
    pub(crate) fn new(cookie: &'n Cookie) -> Self {
        Self { name: cookie.name.as_bytes(), len: 0, found: CookieMatch::Nothing }
    }

    /// Reads one line. Names are compared byte for byte; a neighbour that is no valid cookie is passed over.
    // Not inlined: a request without cookies need not pass it by.
    #[inline(never)]
    pub(crate) fn line(&mut self, line: &'a [u8]) {
        self.len = self.len.saturating_add(line.len());
        if self.len > MAX_COOKIES_LEN {
            return;
        }
        each_pair(line, |pair| self.pair(pair));
    }

    fn pair(&mut self, pair: &'a [u8]) {
        let value = pair.strip_prefix(self.name).and_then(|rest| rest.strip_prefix(b"="));
        if let Some(value) = value {
            self.add(value);
        }
    }

    fn add(&mut self, value: &'a [u8]) {
        self.found = match self.found {
            CookieMatch::Nothing => CookieMatch::One(value),
            CookieMatch::One(other) if other == value => CookieMatch::One(value),
            _ => CookieMatch::Ambiguous,
        };
    }

    pub(crate) fn found(self) -> CookieMatch<'a> {
        if self.len > MAX_COOKIES_LEN { CookieMatch::Nothing } else { self.found }
    }
}

/// Calls `each` with every pair of a line, as it stands there: nothing is decoded.
pub(crate) fn each_pair<'a>(line: &'a [u8], mut each: impl FnMut(&'a [u8])) {
    let mut rest = line;
    while let Some(end) = memchr::memchr(b';', rest) {
        each(rest[..end].trim_ascii());
        rest = &rest[end + 1..];
    }
    each(rest.trim_ascii());
}

impl Cookie {
    /// The `Set-Cookie` value that hands out `token`; without `max_age` until the browser closes.
    pub(crate) fn set(&self, token: &str, max_age: Option<Duration>) -> String {
        // Rounded up: a login takes a moment, and a day is a day.
        let age =
            max_age.map(|age| format!("; Max-Age={}", age.as_millis().div_ceil(1000))).unwrap_or_default();
        format!("{}={token}{}{age}", self.name, self.attributes())
    }

    /// The `Set-Cookie` value that removes it. Browsers only accept it with the same attributes.
    pub(crate) fn remove(&self) -> String {
        format!("{}={}; Max-Age=0", self.name, self.attributes())
    }

    /// The `Set-Cookie` value of a mark that lasts a second, for browsers that navigate.
    ///
    /// Chromium keeps pages for its back button, `no-store` or not, and drops them when `HttpOnly` cookies change.
    /// The page that a login led to survives as many changes as the login made (measured in Chromium 156): one
    /// more is made at logout, so that "back" does not show it again.
    /// As many marks as other cookies changed at the login, and one.
    pub(crate) fn marks_of_end(&self, others: usize) -> impl Iterator<Item = String> {
        let mark = |n| {
            let number = if n == 0 { String::new() } else { format!("-{n}") };
            format!("{}-ended{number}=1{}; Max-Age=1", self.name, self.attributes())
        };
        (0..=others).map(mark)
    }

    fn attributes(&self) -> String {
        let secure = if self.secure { "; Secure" } else { "" };
        let partitioned = if self.partitioned { "; Partitioned" } else { "" };
        format!("; Path=/{secure}; HttpOnly; SameSite={}{partitioned}", self.same_site.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cookie() -> Cookie {
        Cookie {
            name: "__Host-session".into(),
            secure: true,
            same_site: SameSite::Lax,
            partitioned: false,
            clear_site: false,
        }
    }

    fn find<'a>(lines: &[&'a str]) -> CookieMatch<'a> {
        let cookie = cookie();
        let mut scan = Scan::new(&cookie);
        for line in lines {
            scan.line(line.as_bytes());
        }
        scan.found()
    }

    /// Names are compared exactly and never decoded, and a bad neighbour hides nothing.
    #[test]
    fn lines_are_read_byte_for_byte() {
        let one = |value: &'static str| CookieMatch::One(value.as_bytes());
        let table: [(&str, &[&str], CookieMatch<'_>); 16] = [
            ("none", &[], CookieMatch::Nothing),
            ("alone", &["__Host-session=a"], one("a")),
            ("among others", &["x=1; __Host-session=a; y=2"], one("a")),
            ("without blanks", &["x=1;__Host-session=a;y=2"], one("a")),
            ("on a second line", &["x=1", "__Host-session=a"], one("a")),
            ("with = in the value", &["__Host-session=a=b"], one("a=b")),
            ("empty", &["__Host-session="], one("")),
            ("twice the same", &["__Host-session=a; __Host-session=a"], one("a")),
            ("two values", &["__Host-session=a; __Host-session=b"], CookieMatch::Ambiguous),
            ("two values on two lines", &["__Host-session=a", "__Host-session=b"], CookieMatch::Ambiguous),
            (
                "a third does not help",
                &["__Host-session=a; __Host-session=b; __Host-session=a"],
                CookieMatch::Ambiguous,
            ),
            ("percent-encoded name", &["__%48ost-session=evil"], CookieMatch::Nothing),
            ("other case", &["__host-session=evil"], CookieMatch::Nothing),
            ("longer name", &["__Host-session2=a; x__Host-session=b"], CookieMatch::Nothing),
            ("blank before =", &["__Host-session =a"], CookieMatch::Nothing),
            ("bad neighbours", &["\u{1}\u{2}; =; ;;; \"; __Host-session=a; é"], one("a")),
        ];
        for (name, lines, expected) in table {
            assert_eq!(find(lines), expected, "{name}");
        }
    }

    #[test]
    fn oversized_lines_are_not_read() {
        let padding = "x".repeat(MAX_COOKIES_LEN);
        assert_eq!(find(&["__Host-session=a", &padding]), CookieMatch::Nothing);
    }

    /// Removal repeats the attributes of setting.
    #[test]
    fn attributes_are_the_same_when_set_and_removed() {
        let attributes = "; Path=/; Secure; HttpOnly; SameSite=Lax";
        let day = Some(Duration::from_secs(86_400));
        assert_eq!(cookie().set("T", day), format!("__Host-session=T{attributes}; Max-Age=86400"));
        assert_eq!(cookie().set("T", None), format!("__Host-session=T{attributes}"));
        assert_eq!(cookie().remove(), format!("__Host-session={attributes}; Max-Age=0"));
    }
}
