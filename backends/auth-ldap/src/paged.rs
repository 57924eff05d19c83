//! Paged results (RFC 2696): a search that may find many entries asks for some at a time.

use ldap3::controls::{Control, PagedResults, RawControl};

use crate::ber::{Elements, Malformed, tag};
use crate::error::Failure;

/// The control of the request and of the answer.
const OID: &str = "1.2.840.113556.1.4.319";
/// How many empty pages are accepted in a row. Active Directory sends some when a search takes long.
const MAX_EMPTY: usize = 100;

/// How far a search has come. The position is meaningless on another connection.
#[derive(Debug)]
pub(crate) struct Cursor {
    size: i32,
    /// The server's cookie for the position: empty at the start, `None` at the end.
    place: Option<Vec<u8>>,
    seen: usize,
    empty: usize,
}

impl Cursor {
    /// At the start, with pages of this many entries.
    pub(crate) fn new(size: i32) -> Self {
        Self { size, place: Some(Vec::new()), seen: 0, empty: 0 }
    }

    /// How many entries have arrived.
    pub(crate) fn seen(&self) -> usize {
        self.seen
    }

    /// The control that asks for the next page; `None` after the last one.
    ///
    /// It is not critical: a server that does not support pages returns everything at once, up to its limit, and says
    /// so if it reached that. The root entry says whether the server supports them, but it is not readable for
    /// everybody, and takes another request.
    pub(crate) fn request(&self) -> Option<RawControl> {
        let cookie = self.place.clone()?;
        Some(PagedResults { size: self.size, cookie }.into())
    }

    /// Records a page with this many entries, and the position after it.
    ///
    /// # Errors
    /// [`Failure`] if the position is malformed.
    pub(crate) fn turn(&mut self, entries: usize, controls: &[Control]) -> Result<(), Failure> {
        let is_first = self.place.as_ref().is_none_or(Vec::is_empty);
        self.place = place(controls, is_first).map_err(|Malformed| {
            Failure::nonsense("the control with the place of the next page makes no sense")
        })?;
        self.seen += entries;
        self.empty = if entries == 0 { self.empty + 1 } else { 0 };
        if self.place.is_some() && self.empty > MAX_EMPTY {
            return Err(Failure::unclear("the directory keeps returning empty pages"));
        }
        Ok(())
    }
}

/// The position after a page; `None` at the end. Without a control the first page was the whole result; a later one
/// would be the last without having said so.
fn place(controls: &[Control], is_first: bool) -> Result<Option<Vec<u8>>, Malformed> {
    let Some(control) = controls.iter().find(|control| control.1.ctype == OID) else {
        return if is_first { Ok(None) } else { Err(Malformed) };
    };
    let mut outer = Elements::of(control.1.val.as_deref().ok_or(Malformed)?);
    let mut value = Elements::of(outer.expect(tag::SEQUENCE)?);
    outer.end()?;
    // The total number, as far as the server knows it. Many do not.
    value.expect(tag::INTEGER)?;
    let cookie = value.expect(tag::OCTET_STRING)?;
    value.end()?;
    Ok((!cookie.is_empty()).then(|| cookie.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn control(oid: &str, value: Option<&[u8]>) -> Control {
        Control(None, RawControl { ctype: oid.into(), crit: false, val: value.map(<[u8]>::to_vec) })
    }

    /// RFC 2696 §2.
    #[test]
    fn a_page_is_asked_for_by_size_and_place() {
        let mut cursor = Cursor::new(500);
        let first = cursor.request().unwrap();
        assert_eq!((&*first.ctype, first.crit), (OID, false));
        assert_eq!(first.val.as_deref(), Some(&b"\x30\x06\x02\x02\x01\xf4\x04\x00"[..]));
        cursor.turn(500, &[control(OID, Some(b"\x30\x06\x02\x01\x00\x04\x01\xff"))]).unwrap();
        let second = cursor.request().unwrap();
        assert_eq!(second.val.as_deref(), Some(&b"\x30\x07\x02\x02\x01\xf4\x04\x01\xff"[..]));
        cursor.turn(3, &[control(OID, Some(b"\x30\x05\x02\x01\x00\x04\x00"))]).unwrap();
        assert!(cursor.request().is_none() && cursor.seen() == 503);
    }

    #[test]
    fn nothing_but_a_place_is_one() {
        let table: [(&str, &[Control], Result<bool, ()>); 9] = [
            ("no page, but all", &[], Ok(false)),
            ("another control", &[control("1.2", Some(b"x"))], Ok(false)),
            ("the end", &[control(OID, Some(b"\x30\x05\x02\x01\x00\x04\x00"))], Ok(false)),
            ("a place", &[control(OID, Some(b"\x30\x06\x02\x01\x07\x04\x01a"))], Ok(true)),
            ("nothing", &[control(OID, None)], Err(())),
            ("no bytes", &[control(OID, Some(b""))], Err(())),
            ("no place", &[control(OID, Some(b"\x30\x03\x02\x01\x00"))], Err(())),
            ("a number for a place", &[control(OID, Some(b"\x30\x06\x02\x01\x00\x02\x01\x00"))], Err(())),
            ("more behind it", &[control(OID, Some(b"\x30\x05\x02\x01\x00\x04\x00\x00"))], Err(())),
        ];
        for (name, controls, expected) in table {
            let mut cursor = Cursor::new(1);
            let goes_on = cursor.turn(1, controls).map(|()| cursor.request().is_some());
            assert_eq!(goes_on.map_err(drop), expected, "{name}");
        }
    }

    /// A server that gave a page knows how to say that it was the last.
    #[test]
    fn a_later_page_says_whether_it_is_the_last() {
        let (mut cursor, more) = (Cursor::new(1), [control(OID, Some(b"\x30\x06\x02\x01\x00\x04\x01a"))]);
        cursor.turn(1, &more).unwrap();
        assert!(cursor.turn(1, &[]).is_err());
    }

    #[test]
    fn pages_with_nothing_on_them_end() {
        let (mut cursor, more) = (Cursor::new(1), [control(OID, Some(b"\x30\x06\x02\x01\x00\x04\x01a"))]);
        for _ in 0..3 {
            assert!((0..MAX_EMPTY).all(|_| cursor.turn(0, &more).is_ok()));
            cursor.turn(1, &more).unwrap();
        }
        assert!((0..=MAX_EMPTY).any(|_| cursor.turn(0, &more).is_err()));
    }
}
