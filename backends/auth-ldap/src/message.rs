//! Checks the messages of a directory before the LDAP library sees them.
//!
//! The library panics on many malformed messages, recurses without a limit (which exhausts the stack and kills the
//! process), and does not check which operation an answer belongs to.

use crate::ber::{Elements, Header, Malformed, number, tag, text};

/// The longest answer to one operation, with all its entries, in bytes.
pub(crate) const MAX_ANSWER: usize = 1024 * 1024;
/// The longest request that is sent, in bytes.
pub(crate) const MAX_REQUEST: usize = 256 * 1024;

/// The operations (RFC 4511 §4.2 to §4.12) of requests and answers.
mod op {
    pub(super) const BIND_REQUEST: u8 = 0x60;
    pub(super) const BIND_RESPONSE: u8 = 0x61;
    pub(super) const SEARCH_REQUEST: u8 = 0x63;
    pub(super) const SEARCH_ENTRY: u8 = 0x64;
    pub(super) const SEARCH_DONE: u8 = 0x65;
    pub(super) const SEARCH_REFERENCE: u8 = 0x73;
    pub(super) const EXTENDED_REQUEST: u8 = 0x77;
    pub(super) const EXTENDED_RESPONSE: u8 = 0x78;
}

/// A request that is not answered yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pending {
    id: u32,
    kind: Kind,
    /// How many bytes of its answer may still come.
    left: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Bind,
    Search,
    Extended,
}

/// Whether an answer is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Part,
    Whole,
}

/// Why a message is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It is malformed, or may not occur here.
    Malformed,
    /// It would exceed the limit.
    TooLong,
}

impl From<Malformed> for Refused {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

/// The length of the message at the start of `bytes`; `None` if more bytes are needed to tell.
///
/// # Errors
/// [`Refused`] if it is malformed, or longer than `limit`.
pub(crate) fn length(bytes: &[u8], limit: usize) -> Result<Option<usize>, Refused> {
    match Header::read(bytes)? {
        Some(header) if header.tag != tag::SEQUENCE => Err(Refused::Malformed),
        Some(header) if header.whole() > limit => Err(Refused::TooLong),
        header => Ok(header.map(Header::whole)),
    }
}

impl Pending {
    /// What a request of this crate waits for; `None` if it has no answer.
    pub(crate) fn by(request: &[u8]) -> Result<Option<Self>, Malformed> {
        let mut message = Elements::of(Elements::of(request).expect(tag::SEQUENCE)?);
        let id = number(message.expect(tag::INTEGER)?)?;
        let kind = match message.next()?.0 {
            op::BIND_REQUEST => Kind::Bind,
            op::SEARCH_REQUEST => Kind::Search,
            op::EXTENDED_REQUEST => Kind::Extended,
            _ => return Ok(None),
        };
        Ok(Some(Self { id, kind, left: MAX_ANSWER }))
    }

    /// Accepts a message as (a part of) the answer.
    ///
    /// # Errors
    /// [`Refused`] if it is anything else in any detail, or too long together with the previous ones.
    pub(crate) fn take(&mut self, message: &[u8]) -> Result<Answer, Refused> {
        self.left = self.left.checked_sub(message.len()).ok_or(Refused::TooLong)?;
        let mut outer = Elements::of(message);
        let mut message = Elements::of(outer.expect(tag::SEQUENCE)?);
        outer.end()?;
        if number(message.expect(tag::INTEGER)?)? != self.id {
            return Err(Refused::Malformed);
        }
        let (op, content) = message.next()?;
        let answer = self.operation(op, Elements::of(content))?;
        if let Some(controls) = message.optional(0xA0)? {
            check_controls(Elements::of(controls))?;
        }
        message.end()?;
        Ok(answer)
    }

    fn operation(self, op: u8, content: Elements<'_>) -> Result<Answer, Malformed> {
        match (self.kind, op) {
            (Kind::Bind, op::BIND_RESPONSE)
            | (Kind::Search, op::SEARCH_DONE)
            | (Kind::Extended, op::EXTENDED_RESPONSE) => check_result(content).map(|()| Answer::Whole),
            (Kind::Search, op::SEARCH_ENTRY) => check_entry(content).map(|()| Answer::Part),
            (Kind::Search, op::SEARCH_REFERENCE) => check_texts(content).map(|()| Answer::Part),
            _ => Err(Malformed),
        }
    }

    /// The result code of a complete answer.
    pub(crate) fn result_code(message: &[u8]) -> Result<u32, Malformed> {
        let mut message = Elements::of(Elements::of(message).expect(tag::SEQUENCE)?);
        message.expect(tag::INTEGER)?;
        number(Elements::of(message.next()?.1).expect(tag::ENUMERATED)?)
    }
}

/// Whether the server announces that it will close the connection (RFC 4511 §4.4.1), or sends anything else unasked.
pub(crate) fn is_farewell(message: &[u8]) -> bool {
    let message = Elements::of(message).expect(tag::SEQUENCE);
    message.and_then(|message| number(Elements::of(message).expect(tag::INTEGER)?)) == Ok(0)
}

/// RFC 4511 §4.1.9, and what operations add to it.
fn check_result(mut result: Elements<'_>) -> Result<(), Malformed> {
    number(result.expect(tag::ENUMERATED)?)?;
    result.text()?;
    result.text()?;
    while !result.is_empty() {
        match result.next()? {
            (0xA3, referrals) => check_texts(Elements::of(referrals))?,
            (0x8A, name) => _ = text(name)?,
            (0x87 | 0x8B, _) => {}
            _ => return Err(Malformed),
        }
    }
    Ok(())
}

fn check_texts(mut texts: Elements<'_>) -> Result<(), Malformed> {
    while !texts.is_empty() {
        texts.text()?;
    }
    Ok(())
}

/// RFC 4511 §4.5.2.
fn check_entry(mut entry: Elements<'_>) -> Result<(), Malformed> {
    entry.text()?;
    let mut attributes = Elements::of(entry.expect(tag::SEQUENCE)?);
    entry.end()?;
    while !attributes.is_empty() {
        let mut attribute = Elements::of(attributes.expect(tag::SEQUENCE)?);
        attribute.text()?;
        let mut values = Elements::of(attribute.expect(tag::SET)?);
        attribute.end()?;
        while !values.is_empty() {
            values.expect(tag::OCTET_STRING)?;
        }
    }
    Ok(())
}

/// RFC 4511 §4.1.11.
fn check_controls(mut controls: Elements<'_>) -> Result<(), Malformed> {
    while !controls.is_empty() {
        let mut control = Elements::of(controls.expect(tag::SEQUENCE)?);
        control.text()?;
        if control.optional(tag::BOOLEAN)?.is_some_and(|critical| critical.len() != 1) {
            return Err(Malformed);
        }
        control.optional(tag::OCTET_STRING)?;
        control.end()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn element(tag: u8, content: &[u8]) -> Vec<u8> {
        let length = u16::try_from(content.len()).unwrap().to_be_bytes();
        [&[tag, 0x82][..], &length, content].concat()
    }

    fn message(id: u8, op: u8, content: &[u8]) -> Vec<u8> {
        element(0x30, &[&[2, 1, id][..], &element(op, content)].concat())
    }

    fn pending(op: u8) -> Pending {
        Pending::by(&message(7, op, &[])).unwrap().unwrap()
    }

    const DONE: &[u8] = &[10, 1, 0, 4, 0, 4, 0];

    #[test]
    fn requests_wait_for_their_own_answers() {
        let answers = [
            op::BIND_RESPONSE,
            op::SEARCH_ENTRY,
            op::SEARCH_DONE,
            op::SEARCH_REFERENCE,
            op::EXTENDED_RESPONSE,
            0x79,
        ];
        let table: [(u8, &[u8]); 3] = [
            (op::BIND_REQUEST, &[op::BIND_RESPONSE]),
            (op::SEARCH_REQUEST, &[op::SEARCH_DONE]),
            (op::EXTENDED_REQUEST, &[op::EXTENDED_RESPONSE]),
        ];
        for (request, own) in table {
            for answer in answers {
                let taken = pending(request).take(&message(7, answer, DONE));
                assert_eq!(taken == Ok(Answer::Whole), own.contains(&answer), "{answer:#x} to {request:#x}");
            }
            assert!(pending(request).take(&message(8, own[0], DONE)).is_err(), "another one's");
            assert!(pending(request).take(&message(0, own[0], DONE)).is_err(), "nobody's");
        }
        assert_eq!(Pending::by(&message(7, 0x42, &[])), Ok(None), "an unbind has no answer");
    }

    /// On each of these the library panics, in the task that asked or in that of the connection.
    #[test]
    fn nothing_but_a_result_is_one() {
        let table: [(&str, &[u8]); 12] = [
            ("nothing", &[]),
            ("no texts", &[10, 1, 0]),
            ("one text", &[10, 1, 0, 4, 0]),
            ("a code that is a text", &[4, 1, 0, 4, 0, 4, 0]),
            ("no code in the code", &[10, 0, 4, 0, 4, 0]),
            ("a code below zero", &[10, 1, 0xFF, 4, 0, 4, 0]),
            ("a long code", &[10, 5, 1, 0, 0, 0, 0, 4, 0, 4, 0]),
            ("a name that is no UTF-8", &[10, 1, 49, 4, 1, 0xE4, 4, 0]),
            ("a message that is no UTF-8", &[10, 1, 49, 4, 0, 4, 1, 0xE4]),
            ("a referral that is no UTF-8", &[10, 1, 10, 4, 0, 4, 0, 0xA3, 3, 4, 1, 0xE4]),
            ("a referral that is no list", &[10, 1, 10, 4, 0, 4, 0, 0xA3, 1, 4]),
            ("something else behind it", &[10, 1, 0, 4, 0, 4, 0, 5, 0]),
        ];
        for (name, content) in table {
            assert!(
                pending(op::BIND_REQUEST).take(&message(7, op::BIND_RESPONSE, content)).is_err(),
                "{name}"
            );
        }
    }

    #[test]
    fn nothing_but_an_entry_is_one() {
        let value = element(0x31, &[4, 1, 0xE4]);
        let attribute = element(0x30, &[&[4, 2, b'c', b'n'][..], &value].concat());
        let entry = |attributes: &[u8]| [&[4, 1, b'a'][..], &element(0x30, attributes)].concat();
        let good = entry(&attribute);
        let taken = pending(op::SEARCH_REQUEST).take(&message(7, op::SEARCH_ENTRY, &good));
        assert_eq!(taken, Ok(Answer::Part), "values may be any bytes");
        let table = [
            ("nothing", vec![]),
            ("a name only", vec![4, 1, b'a']),
            ("a name that is no UTF-8", [&[4, 1, 0xE4][..], &element(0x30, &attribute)].concat()),
            ("more than an entry", [&good[..], &[4, 0]].concat()),
            ("an attribute without values", entry(&[0x30, 2, 4, 0])),
            ("values that are a list", entry(&[0x30, 4, 4, 0, 0x30, 0])),
            ("a value in a value", entry(&[0x30, 6, 4, 0, 0x31, 2, 0x30, 0])),
        ];
        for (name, content) in table {
            let taken = pending(op::SEARCH_REQUEST).take(&message(7, op::SEARCH_ENTRY, &content));
            assert!(taken.is_err(), "{name}");
        }
    }

    #[test]
    fn nothing_but_controls_are_some() {
        let with = |controls: &[u8]| {
            let content = [&[2, 1, 7][..], &element(op::BIND_RESPONSE, DONE), controls].concat();
            pending(op::BIND_REQUEST).take(&element(0x30, &content))
        };
        assert_eq!(with(&[0xA0, 7, 0x30, 5, 4, 1, b'1', 4, 0]), Ok(Answer::Whole));
        assert_eq!(with(&[0xA0, 8, 0x30, 6, 4, 1, b'1', 1, 1, 0xFF]), Ok(Answer::Whole));
        let table: [(&str, &[u8]); 6] = [
            ("no list", &[0x80, 0]),
            ("no control", &[0xA0, 2, 4, 0]),
            ("no name", &[0xA0, 2, 0x30, 0]),
            ("a name that is no UTF-8", &[0xA0, 5, 0x30, 3, 4, 1, 0xE4]),
            ("a mark without a value", &[0xA0, 7, 0x30, 5, 4, 1, b'1', 1, 0]),
            ("as Active Directory says goodbye", &[0x8A, 1, b'1']),
        ];
        for (name, controls) in table {
            assert!(with(controls).is_err(), "{name}");
        }
    }

    #[test]
    fn answers_have_an_end() {
        assert_eq!(
            length(&[0x30, 0x83, 0x10, 0, 0], MAX_ANSWER),
            Err(Refused::TooLong),
            "longer than all of it may be"
        );
        assert_eq!(length(&[0x30, 0x84, 0xFF, 0xFF, 0xFF, 0xFF], MAX_ANSWER), Err(Refused::TooLong));
        assert_eq!(length(&[0x04, 3], MAX_ANSWER), Err(Refused::Malformed), "no message");
        assert_eq!(length(&[0x30, 0x81], MAX_ANSWER), Ok(None));
        let entry = message(7, op::SEARCH_ENTRY, &[4, 0, 0x30, 0]);
        let mut pending = pending(op::SEARCH_REQUEST);
        let taken = (0..MAX_ANSWER).take_while(|_| pending.take(&entry).is_ok()).count();
        assert_eq!(taken, MAX_ANSWER / entry.len(), "entries without end have one");
        assert_eq!(pending.take(&entry), Err(Refused::TooLong));
    }
}
