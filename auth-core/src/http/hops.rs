//! What proxies say about the hops of a request, read from the right: the last of them wrote last.

use std::net::IpAddr;

use super::node::node;

/// The longest element that is read, in bytes. Real ones have a tenth of it.
const MAX_LEN: usize = 1024;
/// The most hops that are read: a request that came by more trusted proxies has been in a loop.
const MAX_HOPS: usize = 32;

/// What a proxy says about the connection by which a request came to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hop<'a> {
    /// Who connected, if that can be read.
    pub(super) address: Option<IpAddr>,
    /// By which protocol, where the header says that as well.
    pub(super) proto: Option<&'a str>,
}

impl Hop<'_> {
    /// It says something, and nothing that could be relied on.
    const UNREADABLE: Self = Self { address: None, proto: Some("") };

    pub(super) fn is_https(&self) -> bool {
        self.proto.is_some_and(is_https)
    }
}

/// Whether a proxy's word for a protocol means TLS. A scheme is the same in any case (RFC 3986 §3.1), and `WebSocket` connections have
/// their own.
pub(super) fn is_https(proto: &str) -> bool {
    ["https", "wss"].iter().any(|name| proto.eq_ignore_ascii_case(name))
}

/// How elements are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Syntax {
    /// `192.0.2.7, 10.0.0.7`
    Addresses,
    /// `for=192.0.2.7;proto=https, for=10.0.0.7`: RFC 7239.
    Forwarded,
}

/// The hops in the lines of one header, the last first.
///
/// Nothing is read before it is asked for. So whatever a client wrote to the left of what the proxies added neither costs
/// anything nor changes how theirs is read: a quotation mark that it never closes, for instance, would spoil all of a
/// `Forwarded` that is read from the left.
pub(super) struct Hops<'a> {
    lines: Vec<&'a [u8]>,
    syntax: Syntax,
    left: usize,
}

impl<'a> Hops<'a> {
    pub(super) fn new(lines: Vec<&'a [u8]>, syntax: Syntax) -> Self {
        Self { lines, syntax, left: MAX_HOPS }
    }

    fn read(&self, element: &'a [u8]) -> Hop<'a> {
        let Ok(text) = std::str::from_utf8(element) else { return Hop::UNREADABLE };
        let text = text.trim_matches(is_space);
        match self.syntax {
            Syntax::Addresses => Hop { address: node(text), proto: None },
            Syntax::Forwarded => forwarded(text).unwrap_or(Hop::UNREADABLE),
        }
    }
}

impl<'a> Iterator for Hops<'a> {
    type Item = Hop<'a>;

    fn next(&mut self) -> Option<Hop<'a>> {
        let line = self.lines.pop()?;
        let comma = if self.left == 0 { Err(Unbounded) } else { last_comma(line, self.syntax) };
        self.left = self.left.saturating_sub(1);
        let element = match comma {
            Ok(None) => line,
            Ok(Some(at)) => {
                self.lines.push(&line[..at]);
                &line[at + 1..]
            }
            // Where it begins is not known, so neither is where the one before it ends.
            Err(Unbounded) => {
                self.lines.clear();
                return Some(Hop::UNREADABLE);
            }
        };
        Some(self.read(element))
    }
}

/// An element has no beginning, or none within the limits.
struct Unbounded;

/// Where the comma before the last element of a line is, if there is one.
fn last_comma(line: &[u8], syntax: Syntax) -> Result<Option<usize>, Unbounded> {
    // One more, for the comma.
    let start = line.len().saturating_sub(MAX_LEN + 1);
    let mut is_quoted = false;
    for at in (start..line.len()).rev() {
        match line[at] {
            b',' if !is_quoted => return Ok(Some(at)),
            b'"' if syntax == Syntax::Forwarded => match (is_quoted, is_escaped(&line[start..at])) {
                (true, true) => {}
                (false, true) => return Err(Unbounded),
                (_, false) => is_quoted = !is_quoted,
            },
            _ => {}
        }
    }
    if is_quoted || line.len() > MAX_LEN { Err(Unbounded) } else { Ok(None) }
}

/// Whether what follows is escaped by a backslash that is not escaped itself.
fn is_escaped(before: &[u8]) -> bool {
    before.iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1
}

/// Reads an element of `Forwarded`. No parameter may occur twice (RFC 7239 §4).
fn forwarded(mut rest: &str) -> Option<Hop<'_>> {
    let (mut by_whom, mut proto) = (None, None);
    loop {
        rest = rest.trim_start_matches(is_space);
        if let Some(after) = rest.strip_prefix(';') {
            rest = after;
            continue;
        }
        if rest.is_empty() {
            return Some(Hop { address: by_whom.and_then(node), proto });
        }
        let (name, after) = rest.split_once('=')?;
        let (value, after) = value(after)?;
        let place = match name {
            _ if !name.bytes().all(is_token) => return None,
            _ if name.eq_ignore_ascii_case("for") => &mut by_whom,
            _ if name.eq_ignore_ascii_case("proto") => &mut proto,
            _ => &mut None,
        };
        if place.replace(value).is_some() {
            return None;
        }
        rest = after;
    }
}

/// The value at the beginning of a text, and what follows. What is escaped in it stays so: no address and no protocol
/// needs that.
fn value(text: &str) -> Option<(&str, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let (value, _) = text.split_once(';').unwrap_or((text, ""));
        let value = value.trim_end_matches(is_space);
        // Addresses with ports and brackets should be quoted, and often are not.
        let is_plain =
            !value.is_empty() && value.bytes().all(|byte| is_token(byte) || b":[]".contains(&byte));
        return is_plain.then(|| (value, &text[value.len()..]));
    };
    let ends = |at: &usize| quoted.as_bytes()[*at] == b'"' && !is_escaped(&quoted.as_bytes()[..*at]);
    let end = (0..quoted.len()).find(ends)?;
    let after = quoted[end + 1..].trim_start_matches(is_space);
    (after.is_empty() || after.starts_with(';')).then(|| (&quoted[..end], after))
}

/// RFC 9110 §5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn is_space(c: char) -> bool {
    c == ' ' || c == '\t'
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The hops as `address proto`, with `-` for what is not said and `?` for what cannot be relied on.
    fn read(lines: &[&str], syntax: Syntax) -> String {
        let hops = Hops::new(lines.iter().map(|line| line.as_bytes()).collect(), syntax);
        let shown = hops.map(|hop| {
            let address = hop.address.map_or("-".to_owned(), |address| address.to_string());
            match (hop, syntax) {
                (Hop::UNREADABLE, _) => "?".to_owned(),
                (_, Syntax::Addresses) => address,
                (_, Syntax::Forwarded) => format!("{address} {}", hop.proto.unwrap_or("-")),
            }
        });
        shown.collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn lists_are_read_from_the_right() {
        let table: [(&str, &[&str], &str); 12] = [
            ("no header", &[], ""),
            ("one", &["192.0.2.7"], "192.0.2.7"),
            ("two", &["192.0.2.7, 10.0.0.7"], "10.0.0.7, 192.0.2.7"),
            ("without spaces", &["192.0.2.7,10.0.0.7"], "10.0.0.7, 192.0.2.7"),
            ("spaces and tabs", &[" \t192.0.2.7\t ,\t10.0.0.7 "], "10.0.0.7, 192.0.2.7"),
            ("other spaces", &["192.0.2.7\u{a0}, \u{b}10.0.0.7"], "-, -"),
            ("two lines", &["192.0.2.7, 192.0.2.8", "10.0.0.7"], "10.0.0.7, 192.0.2.8, 192.0.2.7"),
            ("an empty line", &[""], "-"),
            ("an empty line after another", &["192.0.2.7", ""], "-, 192.0.2.7"),
            ("empty elements", &[", ,192.0.2.7,"], "-, 192.0.2.7, -, -"),
            ("no separator", &["192.0.2.7;10.0.0.7"], "-"),
            ("quotes mean nothing", &["\"192.0.2.7, 10.0.0.7\""], "-, -"),
        ];
        for (name, lines, expected) in table {
            assert_eq!(read(lines, Syntax::Addresses), expected, "{name}");
        }
    }

    #[test]
    fn forwarded_is_read_from_the_right() {
        let table: [(&str, &[&str], &str); 38] = [
            ("no header", &[], ""),
            ("one", &["for=192.0.2.7"], "192.0.2.7 -"),
            ("with a protocol", &["for=192.0.2.7;proto=https;by=10.0.0.7"], "192.0.2.7 https"),
            ("in any order and case", &["BY=x;Proto=HTTPS;FOR=192.0.2.7"], "192.0.2.7 HTTPS"),
            ("two", &["for=192.0.2.7, for=10.0.0.7;proto=http"], "10.0.0.7 http, 192.0.2.7 -"),
            ("two lines", &["for=192.0.2.7", "for=10.0.0.7"], "10.0.0.7 -, 192.0.2.7 -"),
            ("IPv6", &["for=\"[2001:db8::7]:443\""], "2001:db8::7 -"),
            ("IPv6 without quotes", &["for=[2001:db8::7]:443"], "2001:db8::7 -"),
            ("IPv6 without brackets", &["for=\"2001:db8::7\""], "2001:db8::7 -"),
            ("a port", &["for=\"192.0.2.7:80\""], "192.0.2.7 -"),
            ("a port without quotes", &["for=192.0.2.7:80"], "192.0.2.7 -"),
            ("quoted protocol", &["for=192.0.2.7;proto=\"https\""], "192.0.2.7 https"),
            ("unknown", &["for=unknown;proto=https"], "- https"),
            ("hidden", &["for=_hidden;proto=https"], "- https"),
            ("no address", &["proto=https"], "- https"),
            ("extensions", &["for=192.0.2.7;secret=\"a\\\"b, c;d\\\\\";x=1"], "192.0.2.7 -"),
            (
                "a comma in quotes",
                &["for=192.0.2.8, for=192.0.2.7;host=\"a, for=192.0.2.9\""],
                "192.0.2.7 -, 192.0.2.8 -",
            ),
            ("an escaped quote", &["for=192.0.2.7;host=\"a\\\", for=192.0.2.9\""], "192.0.2.7 -"),
            ("spaces", &[" for=192.0.2.7 ; proto=https ;, ;for=10.0.0.7;; "], "10.0.0.7 -, 192.0.2.7 https"),
            ("an empty value", &["for="], "?"),
            ("an empty quoted value", &["for=\"\""], "- -"),
            ("nothing", &[""], "- -"),
            ("empty elements", &["for=192.0.2.7, , "], "- -, - -, 192.0.2.7 -"),
            ("an address twice", &["for=192.0.2.7;for=192.0.2.8"], "?"),
            ("a protocol twice", &["for=192.0.2.7;proto=https;proto=https"], "?"),
            ("no parameter", &["192.0.2.7"], "?"),
            ("no parameter after one", &["for=192.0.2.7;x"], "?"),
            ("spaces around the sign", &["for = 192.0.2.7"], "?"),
            ("spaces in a value", &["for=192.0.2.7 192.0.2.8"], "?"),
            ("an escaped address", &["for=\"192\\.0.2.7\""], "- -"),
            ("a quote in a name", &["f\"or=192.0.2.7\""], "?"),
            ("a quote in a value", &["for=192.0.2.\"7\""], "?"),
            ("more after the quotes", &["for=\"192.0.2.7\"8"], "?"),
            ("a quote that is not closed", &["for=\"192.0.2.7"], "?"),
            ("only a quote", &["\""], "?"),
            ("what another left open", &["for=\", for=192.0.2.7"], "192.0.2.7 -, ?"),
            ("what another left escaped", &["for=x\\, for=\"192.0.2.7\""], "192.0.2.7 -, ?"),
            ("an escaped quote outside", &["for=192.0.2.8, for=\"192.0.2.7\\\""], "?"),
        ];
        for (name, lines, expected) in table {
            assert_eq!(read(lines, Syntax::Forwarded), expected, "{name}");
        }
    }

    #[test]
    fn raw_bytes_are_no_address() {
        for syntax in [Syntax::Addresses, Syntax::Forwarded] {
            let hops: Vec<_> = Hops::new(vec![b"192.0.2.7\xff", b"for=\xff"], syntax).collect();
            assert_eq!(hops, [Hop::UNREADABLE; 2]);
        }
    }

    #[test]
    fn work_is_bounded() {
        for (syntax, element) in [(Syntax::Addresses, "192.0.2.7"), (Syntax::Forwarded, "for=192.0.2.7")] {
            let longest = format!("{element:>MAX_LEN$}");
            let hop = |line: &str| read(&[element, line], syntax);
            assert!(hop(&longest).starts_with("192.0.2.7"), "{MAX_LEN} bytes are read");
            assert!(hop(&format!("x,{longest}")).starts_with("192.0.2.7"), "whatever stands before them");
            assert_eq!(hop(&format!(" {longest}")), "?", "a byte more is not, nor what is left of it");
            assert_eq!(hop(&"\\\"".repeat(50_000)), "?");
            let many = vec!["for=10.0.0.1, for=10.0.0.1".as_bytes(); 100_000];
            assert_eq!(Hops::new(many, syntax).count(), MAX_HOPS + 1);
            let last = Hops::new(vec![b"10.0.0.1"; MAX_HOPS + 2], syntax).last();
            assert_eq!(last, Some(Hop::UNREADABLE));
        }
    }

    proptest! {
        /// What a proxy adds is read as it wrote it, whatever the client sent: before it on the line, or on lines of its own.
        #[test]
        fn nothing_on_the_left_changes_what_is_read(
            sent in proptest::collection::vec(any::<u8>(), 0..200),
            marks in "[\",;=\\\\ for0-9.]{0,60}",
        ) {
            for sent in [sent.as_slice(), marks.as_bytes()] {
                for (syntax, added) in [
                    (Syntax::Addresses, "192.0.2.7"),
                    (Syntax::Forwarded, "for=192.0.2.7;proto=http"),
                    (Syntax::Forwarded, "for=\"192.0.2.7\";host=\"a, b\\\"\""),
                ] {
                    let line = [sent, b", ", added.as_bytes()].concat();
                    for lines in [vec![line.as_slice()], vec![sent, added.as_bytes()]] {
                        let hop = Hops::new(lines, syntax).next();
                        prop_assert_eq!(hop.and_then(|hop| hop.address), "192.0.2.7".parse().ok());
                    }
                }
            }
        }

        #[test]
        fn any_bytes_are_read_without_panic(line in proptest::collection::vec(any::<u8>(), 0..300)) {
            for syntax in [Syntax::Addresses, Syntax::Forwarded] {
                prop_assert!(Hops::new(vec![line.as_slice(); 2], syntax).count() <= MAX_HOPS + 1);
            }
        }
    }
}
