//! The cookies of one purpose among those of a request.

use crate::session::{MAX_COOKIES_LEN, each_pair};

/// How many are looked at: a request with hundreds costs as much as one with these.
pub(super) const MAX_FOUND: usize = 32;

/// The digits at the end of a name.
const ID_LEN: usize = 8;

/// A cookie that is called as those of the purpose are.
pub(super) struct Found<'a> {
    pub(super) name: &'a str,
    /// `None` for two different values, of which neither can be trusted (RFC 6265bis §4.2.2).
    pub(super) value: Option<&'a [u8]>,
}

impl Found<'_> {
    pub(super) fn len(&self) -> usize {
        self.name.len() + self.value.map_or(0, <[u8]>::len)
    }
}

/// The last of them first: browsers send the newest ones last.
pub(super) fn find<'a, L: AsRef<[u8]> + ?Sized + 'a>(
    lines: impl IntoIterator<Item = &'a L>,
    prefix: &str,
) -> Vec<Found<'a>> {
    let mut pairs = Vec::new();
    let mut len = 0_usize;
    for line in lines {
        let line = line.as_ref();
        len = len.saturating_add(line.len());
        // As of a session's: longer ones are not read at all.
        if len > MAX_COOKIES_LEN {
            return Vec::new();
        }
        each_pair(line, |pair| pairs.extend(split(pair, prefix)));
    }
    let mut found: Vec<Found<'a>> = Vec::new();
    for (name, value) in pairs.into_iter().rev() {
        if let Some(same) = found.iter_mut().find(|same| same.name == name) {
            same.value = same.value.filter(|own| *own == value);
        } else if found.len() < MAX_FOUND {
            found.push(Found { name, value: Some(value) });
        }
    }
    found
}

/// Name and value of a pair, if the name is the prefix and digits.
fn split<'a>(pair: &'a [u8], prefix: &str) -> Option<(&'a str, &'a [u8])> {
    pair.strip_prefix(prefix.as_bytes())?;
    let (name, value) = pair.split_at_checked(prefix.len() + ID_LEN)?;
    let is_digit = |byte: &u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte);
    let is_ours = name[prefix.len()..].iter().all(is_digit);
    let name = std::str::from_utf8(name).ok().filter(|_| is_ours)?;
    Some((name, value.strip_prefix(b"=")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PREFIX: &str = "__Host-application-x-";

    /// What is found, as text; two values are `?`.
    fn found(lines: &[&str]) -> Vec<String> {
        let text = |found: &Found<'_>| {
            let id = found.name.strip_prefix(PREFIX).unwrap();
            format!("{id}={}", found.value.map_or("?".into(), String::from_utf8_lossy))
        };
        find(lines.iter().copied(), PREFIX).iter().map(text).collect()
    }

    #[test]
    fn names_are_the_prefix_and_eight_digits() {
        let table: [(&str, &[&str], &[&str]); 16] = [
            ("none", &[], &[]),
            ("alone", &["__Host-application-x-00ff00ff=a"], &["00ff00ff=a"]),
            ("among others", &["x=1;__Host-application-x-00ff00ff=a; y"], &["00ff00ff=a"]),
            (
                "last first",
                &[
                    "__Host-application-x-00000001=a; __Host-application-x-00000002=b",
                    "__Host-application-x-00000003=",
                ],
                &["00000003=", "00000002=b", "00000001=a"],
            ),
            ("with = in the value", &["__Host-application-x-00ff00ff=a=b"], &["00ff00ff=a=b"]),
            ("seven digits", &["__Host-application-x-0ff00ff=a"], &[]),
            ("nine digits", &["__Host-application-x-000ff00ff=a"], &[]),
            ("no value", &["__Host-application-x-00ff00ff"], &[]),
            ("capitals", &["__Host-application-x-00FF00FF=a"], &[]),
            ("not digits", &["__Host-application-x-00ff00f-=a"], &[]),
            ("not ASCII", &["__Host-application-x-00ff00é=a"], &[]),
            ("a longer purpose", &["__Host-application-x-y-00ff00ff=a; __Host-application-x-y=b"], &[]),
            ("without the prefix", &["application-x-00ff00ff=a"], &[]),
            ("percent-encoded", &["__%48ost-application-x-00ff00ff=a"], &[]),
            (
                "twice the same",
                &["__Host-application-x-00ff00ff=a; __Host-application-x-00ff00ff=a"],
                &["00ff00ff=a"],
            ),
            (
                "two values, and a third",
                &[
                    "__Host-application-x-00ff00ff=a; __Host-application-x-00ff00ff=b",
                    "__Host-application-x-00ff00ff=b; __Host-application-x-00000001=c",
                ],
                &["00000001=c", "00ff00ff=?"],
            ),
        ];
        for (name, lines, expected) in table {
            assert_eq!(found(lines), expected, "{name}");
        }
    }

    #[test]
    fn the_last_of_very_many_are_looked_at() {
        let many: Vec<_> = (0..1_000).map(|id| format!("{PREFIX}{id:08x}=a")).collect();
        let expected: Vec<_> = (0..1_000).rev().take(MAX_FOUND).map(|id| format!("{id:08x}=a")).collect();
        assert_eq!(found(&[&many.join("; ")]), expected);
        // Also where another one of the same name is not among them.
        let first = format!("{PREFIX}{:08x}=b", 999);
        assert_eq!(found(&[&first, &many.join("; ")])[0], "000003e7=?");
    }

    #[test]
    fn oversized_lines_are_not_read() {
        let line = format!("{PREFIX}00ff00ff=a");
        let fits = "x".repeat(MAX_COOKIES_LEN - line.len());
        assert_eq!(found(&[&line, &fits]).len(), 1);
        assert_eq!(found(&[&line, &fits, "x"]).len(), 0);
    }
}
