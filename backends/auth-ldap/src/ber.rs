//! Reads BER as LDAP uses it (RFC 4511 §5.1): definite lengths, tags of one byte. It never panics and never recurses.

/// The tags that are read here, with class and form.
pub(crate) mod tag {
    pub(crate) const BOOLEAN: u8 = 0x01;
    pub(crate) const INTEGER: u8 = 0x02;
    pub(crate) const OCTET_STRING: u8 = 0x04;
    pub(crate) const ENUMERATED: u8 = 0x0A;
    pub(crate) const SEQUENCE: u8 = 0x30;
    pub(crate) const SET: u8 = 0x31;
}

/// The header of an element: its tag, the header's length, and the content's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) tag: u8,
    pub(crate) len: usize,
    pub(crate) content: usize,
}

/// Bytes that are not BER of that kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

impl Header {
    /// The header at the start of `bytes`; `None` if more bytes are needed.
    ///
    /// # Errors
    /// [`Malformed`] for tags of several bytes, indefinite lengths, and lengths of more than four bytes.
    pub(crate) fn read(bytes: &[u8]) -> Result<Option<Self>, Malformed> {
        let [tag, rest @ ..] = bytes else { return Ok(None) };
        if tag & 0x1F == 0x1F {
            return Err(Malformed);
        }
        let [first, rest @ ..] = rest else { return Ok(None) };
        let digits = match *first {
            short @ 0..=0x7F => {
                return Ok(Some(Self { tag: *tag, len: 2, content: short.into() }));
            }
            0x81..=0x84 => usize::from(first & 0x7F),
            _ => return Err(Malformed),
        };
        let Some(digits) = rest.get(..digits) else { return Ok(None) };
        let content = digits.iter().fold(0, |number, digit| number << 8 | usize::from(*digit));
        Ok(Some(Self { tag: *tag, len: 2 + digits.len(), content }))
    }

    /// The length of the whole element.
    pub(crate) fn whole(self) -> usize {
        self.len.saturating_add(self.content)
    }
}

/// The elements of a content, one after another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Elements<'a>(&'a [u8]);

impl<'a> Elements<'a> {
    pub(crate) fn of(content: &'a [u8]) -> Self {
        Self(content)
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// The tag of the next element, if there is one.
    pub(crate) fn peek(self) -> Option<u8> {
        self.0.first().copied()
    }

    /// The next element: its tag and content.
    pub(crate) fn next(&mut self) -> Result<(u8, &'a [u8]), Malformed> {
        let header = Header::read(self.0)?.ok_or(Malformed)?;
        let element = self.0.get(header.len..header.whole()).ok_or(Malformed)?;
        self.0 = &self.0[header.whole()..];
        Ok((header.tag, element))
    }

    /// The content of the next element, which must have this tag.
    pub(crate) fn expect(&mut self, tag: u8) -> Result<&'a [u8], Malformed> {
        match self.next()? {
            (found, content) if found == tag => Ok(content),
            _ => Err(Malformed),
        }
    }

    /// The next element, if it has this tag.
    pub(crate) fn optional(&mut self, tag: u8) -> Result<Option<&'a [u8]>, Malformed> {
        if self.peek() == Some(tag) { self.expect(tag).map(Some) } else { Ok(None) }
    }

    /// The next element as text.
    pub(crate) fn text(&mut self) -> Result<&'a str, Malformed> {
        text(self.expect(tag::OCTET_STRING)?)
    }

    /// Checks that no element is left.
    pub(crate) fn end(self) -> Result<(), Malformed> {
        if self.is_empty() { Ok(()) } else { Err(Malformed) }
    }
}

pub(crate) fn text(content: &[u8]) -> Result<&str, Malformed> {
    str::from_utf8(content).map_err(|_| Malformed)
}

/// A number that is not negative, of at most four bytes.
pub(crate) fn number(content: &[u8]) -> Result<u32, Malformed> {
    match content {
        [first, ..] if *first < 0x80 && content.len() <= 4 => {
            Ok(content.iter().fold(0, |number, digit| number << 8 | u32::from(*digit)))
        }
        _ => Err(Malformed),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn headers_are_definite_and_short() {
        let header = |tag, len, content| Ok(Some(Header { tag, len, content }));
        let table: [(&str, &[u8], _); 10] = [
            ("nothing", &[], Ok(None)),
            ("a tag", &[0x30], Ok(None)),
            ("short", &[0x30, 5], header(0x30, 2, 5)),
            ("long", &[0x30, 0x82, 1, 0], header(0x30, 4, 256)),
            ("as long as they get", &[0x04, 0x84, 0xFF, 0xFF, 0xFF, 0xFF], header(4, 6, 0xFFFF_FFFF)),
            ("cut off in the length", &[0x30, 0x82, 1], Ok(None)),
            ("longer", &[0x30, 0x85, 1, 1, 1, 1, 1], Err(Malformed)),
            ("indefinite", &[0x30, 0x80, 0, 0], Err(Malformed)),
            ("reserved", &[0x30, 0xFF, 0], Err(Malformed)),
            ("a tag of several bytes", &[0x3F, 0x81, 1, 0], Err(Malformed)),
        ];
        for (name, bytes, expected) in table {
            assert_eq!(Header::read(bytes), expected, "{name}");
        }
    }

    #[test]
    fn numbers_are_small_and_not_negative() {
        let table: [(&[u8], _); 6] = [
            (&[], Err(Malformed)),
            (&[0], Ok(0)),
            (&[0x7F, 0xFF, 0xFF, 0xFF], Ok(0x7FFF_FFFF)),
            (&[0x80], Err(Malformed)),
            (&[0, 0, 0, 0, 1], Err(Malformed)),
            (&[1, 0], Ok(256)),
        ];
        for (bytes, expected) in table {
            assert_eq!(number(bytes), expected, "{bytes:?}");
        }
    }

    proptest! {
        /// Whatever the bytes, reading them ends, and takes nothing that is not there.
        #[test]
        fn any_bytes_are_read_to_an_end(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut elements = Elements::of(&bytes);
            let mut seen = 0;
            while let Ok((_, content)) = elements.next() {
                seen += content.len() + 2;
            }
            prop_assert!(seen <= bytes.len());
        }
    }
}
