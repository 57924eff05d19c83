//! [`Permissions`]: the permissions of a user, in few allocations.

use std::fmt;
use std::sync::OnceLock;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, SeqAccess, Visitor};

use crate::error::DbError;

/// Permissions, in one text. Every request with a session reads its user again, and some users hold hundreds.
#[derive(Default)]
pub(crate) struct Permissions {
    texts: String,
    /// The position of each permission in the text, in the order in which they were added.
    places: Vec<Place>,
    /// The same positions, sorted. Built on first use, since most requests do not need it.
    sorted: OnceLock<Box<[Place]>>,
}

/// Start and end.
type Place = (u32, u32);

impl Permissions {
    /// Adds a permission.
    pub(crate) fn push(&mut self, permission: &str) -> Result<(), DbError> {
        let (start, end) = (self.texts.len(), self.texts.len() + permission.len());
        let place = u32::try_from(start).ok().zip(u32::try_from(end).ok());
        self.places.push(place.ok_or_else(|| DbError::unreadable("a user's permissions are too long"))?);
        self.texts += permission;
        Ok(())
    }

    /// Adds the permissions of a JSON array of texts, in which null means none.
    pub(crate) fn push_json(&mut self, array: &str) -> Result<(), DbError> {
        self.texts.reserve(array.len());
        let mut json = serde_json::Deserializer::from_str(array);
        let read = json.deserialize_seq(Each(self)).and_then(|()| json.end());
        read.map_err(|_| DbError::unreadable("a permission is not a text"))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Scans all of them, which costs a hundredth of sorting them.
    pub(crate) fn contains(&self, permission: &str) -> bool {
        let len = u32::try_from(permission.len());
        let may_be = |place: &&Place| len == Ok(place.1 - place.0);
        self.places.iter().filter(may_be).any(|place| text(&self.texts, *place) == permission)
    }

    /// All of them, sorted.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        let sorted = self.sorted.get_or_init(|| {
            let mut places = self.places.clone();
            places.sort_unstable_by(|one, other| text(&self.texts, *one).cmp(text(&self.texts, *other)));
            places.into()
        });
        sorted.iter().map(|place| text(&self.texts, *place))
    }
}

fn text(texts: &str, (start, end): Place) -> &str {
    texts.get(start as usize..end as usize).unwrap_or_default()
}

impl fmt::Debug for Permissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// Takes the elements of an array.
struct Each<'a>(&'a mut Permissions);

impl<'de> Visitor<'de> for Each<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of texts")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<(), A::Error> {
        while array.next_element_seed(One(self.0))?.is_some() {}
        Ok(())
    }
}

/// Takes a text or null without an intermediate copy.
struct One<'a>(&'a mut Permissions);

impl<'de> DeserializeSeed<'de> for One<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for One<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or null")
    }

    fn visit_none<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_some<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_str(self)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.0.push(text).map_err(E::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(json: &str) -> Result<Vec<String>, DbError> {
        let mut permissions = Permissions::default();
        permissions.push_json(json)?;
        for held in permissions.iter() {
            assert!(permissions.contains(held), "{held:?}");
        }
        assert!(!permissions.contains("none"));
        Ok(permissions.iter().map(ToOwned::to_owned).collect())
    }

    #[test]
    fn arrays_of_texts_are_read() {
        let table: [(&str, &[&str]); 6] = [
            ("[]", &[]),
            ("[null]", &[]),
            (r#"["b", "a", null, "ab"]"#, &["a", "ab", "b"]),
            (r#"["a.b","a.a"]"#, &["a.a", "a.b"]),
            (r#"["","\u00e4\n\"","🔑"]"#, &["", "ä\n\"", "🔑"]),
            (r#"["none of these"]"#, &["none of these"]),
        ];
        for (json, held) in table {
            assert_eq!(of(json).unwrap(), held, "{json}");
        }
    }

    /// What is cut off or no text is an error, and never less than all.
    #[test]
    fn anything_else_is_unreadable() {
        for bad in
            ["", "[", r#"["a""#, r#"["a", "#, "[7]", "[[]]", r#"{"a":1}"#, "null", r#"["a"] x"#, "\"a\""]
        {
            assert!(of(bad).is_err(), "{bad}");
        }
    }
}
