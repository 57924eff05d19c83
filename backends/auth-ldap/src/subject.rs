//! The attribute that identifies a person permanently.

use crate::connection::Entry;
use crate::filter::{FilterValue, equals};

/// An attribute that survives renames and moves, and the notation of its values.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    attribute: String,
    /// Whether its values are the 16 bytes of a GUID, as Active Directory stores them.
    is_guid: bool,
}

impl Subject {
    pub(crate) fn new(attribute: &str) -> Self {
        Self { attribute: attribute.into(), is_guid: attribute.eq_ignore_ascii_case("objectGUID") }
    }

    /// The subject of an entry, if it has exactly one.
    pub(crate) fn of(&self, entry: &Entry) -> Option<String> {
        let [value] = entry.values(&self.attribute) else { return None };
        let text = if self.is_guid { guid(value) } else { String::from_utf8(value.clone()).ok() };
        text.filter(|text| (1..=1024).contains(&text.len()) && !text.contains('\0'))
    }

    /// The filter for the entry with this subject; `None` if the text cannot be a subject.
    pub(crate) fn filter(&self, subject: &str) -> Option<String> {
        let value = if self.is_guid {
            FilterValue::of_bytes(&guid_bytes(subject)?)
        } else {
            FilterValue::of(subject)
        };
        Some(equals(&self.attribute, &value))
    }
}

/// The order in which the bytes of a GUID are written: the first three of its five parts are stored in reverse.
const ORDER: [usize; 16] = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];

/// The bytes that follow a hyphen.
const HYPHENS: [usize; 4] = [4, 6, 8, 10];

fn guid(bytes: &[u8]) -> Option<String> {
    let bytes: &[u8; 16] = bytes.try_into().ok()?;
    let mut text = String::with_capacity(36);
    for (place, from) in ORDER.into_iter().enumerate() {
        if HYPHENS.contains(&place) {
            text.push('-');
        }
        for digit in [bytes[from] >> 4, bytes[from] & 15] {
            text.push(char::from_digit(digit.into(), 16)?);
        }
    }
    Some(text)
}

fn guid_bytes(text: &str) -> Option<[u8; 16]> {
    let digits: Vec<_> =
        text.bytes().filter(|byte| *byte != b'-').map(|byte| char::from(byte).to_digit(16)).collect();
    let mut bytes = [0; 16];
    for (place, to) in ORDER.into_iter().enumerate() {
        let [Some(high), Some(low)] = digits.get(2 * place..2 * place + 2)? else { return None };
        bytes[to] = u8::try_from(high << 4 | low).ok()?;
    }
    // A subject has exactly one spelling: any other matches no user.
    (guid(&bytes).as_deref() == Some(text)).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guids_are_written_as_microsoft_does() {
        let bytes = *b"\x33\x22\x11\x00\x55\x44\x77\x66\x88\x99\xaa\xbb\xcc\xdd\xee\xff";
        let text = "00112233-4455-6677-8899-aabbccddeeff";
        assert_eq!(guid(&bytes).as_deref(), Some(text));
        assert_eq!(guid_bytes(text), Some(bytes));
        assert_eq!(guid(b"short"), None);
        for other in
            ["", "00112233", "00112233-4455-6677-8899-AABBCCDDEEFF", "00112233445566778899aabbccddeeff", "ä"]
        {
            assert_eq!(guid_bytes(other), None, "{other}");
        }
        assert!(guid_bytes(&format!("{text}0")).is_none());
    }
}
