//! An identity as bytes: what is said about a person, but not what the proof is worth.

use std::collections::{BTreeMap, BTreeSet};

use super::{Email, Groups, Identity, Said};
use crate::encoding::{Reader, Writer};

/// The version of the encoding.
const VERSION: u8 = 1;

const NOTHING: u8 = 0;
const SOMETHING: u8 = 1;
const VERIFIED: u8 = 2;

/// An identity as bytes.
pub(crate) struct Encoded {
    bytes: Vec<u8>,
    whose: usize,
}

impl Encoded {
    /// Everything that is said about the person.
    pub(crate) fn all(&self) -> &[u8] {
        &self.bytes
    }

    /// The same, to be stored.
    pub(crate) fn into_bytes(self) -> Box<[u8]> {
        self.bytes.into()
    }

    /// What identifies the person: the issuer and the subject.
    pub(crate) fn whose(&self) -> &[u8] {
        &self.bytes[..self.whose]
    }
}

impl Identity {
    /// Two identities have the same bytes only if the same issuer says the same about the same person.
    pub(crate) fn encode(&self) -> Encoded {
        let Said { issuer, subject, username, email, name, groups, attributes } = &*self.said;
        let mut out = Writer(Vec::with_capacity(256));
        out.0.push(VERSION);
        out.text(issuer);
        out.text(subject);
        let whose = out.0.len();
        out.text(username);
        let is_verified = email.as_ref().is_some_and(|email| email.verified);
        out.optional(
            email.as_ref().map(|email| &*email.address),
            if is_verified { VERIFIED } else { SOMETHING },
        );
        out.optional(name.as_deref(), SOMETHING);
        match groups {
            Groups::Unknown => out.0.push(NOTHING),
            Groups::Known(groups) => {
                out.0.push(SOMETHING);
                out.texts(groups.iter());
            }
        }
        out.number(attributes.len() as u64);
        for (name, values) in attributes {
            out.text(name);
            out.texts(values.iter());
        }
        Encoded { bytes: out.0, whose }
    }

    /// Whether the bytes have a version that this build does not know.
    pub(crate) fn is_newer(bytes: &[u8]) -> bool {
        bytes.first().is_some_and(|version| *version > VERSION)
    }

    /// The identity that was [encoded](Self::encode); `None` for any other bytes. Its proof is worth nothing.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut input = Reader(bytes);
        if input.byte()? != VERSION {
            return None;
        }
        let mut identity = Self::new(input.text()?, input.text()?).with_username(input.text()?);
        let said = identity.said();
        said.email = match input.byte()? {
            NOTHING => None,
            kind @ (SOMETHING | VERIFIED) => {
                Some(Email { address: input.text()?.to_owned(), verified: kind == VERIFIED })
            }
            _ => return None,
        };
        said.name = match input.byte()? {
            NOTHING => None,
            SOMETHING => Some(input.text()?.to_owned()),
            _ => return None,
        };
        said.groups = match input.byte()? {
            NOTHING => Groups::Unknown,
            SOMETHING => Groups::Known(input.texts::<BTreeSet<_>>()?),
            _ => return None,
        };
        let attributes = (0..input.number()?).map(|_| Some((input.text()?.to_owned(), input.texts()?)));
        said.attributes = attributes.collect::<Option<BTreeMap<_, _>>>()?;
        input.0.is_empty().then_some(identity)
    }
}

impl Reader<'_> {
    fn texts<T: FromIterator<String>>(&mut self) -> Option<T> {
        (0..self.number()?).map(|_| self.text().map(str::to_owned)).collect()
    }
}

impl Writer {
    fn optional(&mut self, text: Option<&str>, kind: u8) {
        let Some(text) = text else { return self.0.push(NOTHING) };
        self.0.push(kind);
        self.text(text);
    }

    fn texts<'a>(&mut self, texts: impl ExactSizeIterator<Item = &'a String>) {
        self.number(texts.len() as u64);
        texts.for_each(|text| self.text(text));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grant::{Grant, Scopes};

    /// Whatever moves from one text to the next, or is not the same: the bytes tell.
    #[test]
    fn nothing_is_said_twice_in_the_same_bytes() {
        let someone = || Identity::new("ab", "c").with_username("u");
        let none: [&str; 0] = [];
        let different = [
            someone(),
            Identity::new("a", "bc").with_username("u"),
            Identity::new("abc", "").with_username("u"),
            Identity::new("ab", "cu").with_username(""),
            Identity::new("ab", "c").with_username("U"),
            someone().with_unverified_email("e"),
            someone().with_verified_email("e"),
            someone().with_name("e"),
            someone().with_name(""),
            someone().with_groups(none),
            someone().with_groups([""]),
            someone().with_groups(["a", "b"]),
            someone().with_groups(["ab"]),
            someone().with_groups(["a"]).with_attribute("b", "c"),
            someone().with_attribute("a", "b"),
            someone().with_attribute("a", "b").with_attribute("c", "d"),
            someone().with_attribute("a", "b").with_attribute("a", "c"),
            someone().with_attribute("a", "c").with_attribute("a", "b"),
            someone().with_attribute("a", "bc"),
            someone().with_attribute("ab", "c"),
        ];
        let bytes: BTreeSet<_> = different.iter().map(|identity| identity.encode().bytes).collect();
        assert_eq!(bytes.len(), different.len());
        let whose: BTreeSet<_> =
            different.iter().map(|identity| identity.encode().whose().to_vec()).collect();
        assert_eq!(whose.len(), 4, "issuers and subjects");
        for identity in different {
            assert_eq!(Identity::decode(identity.encode().all()), Some(identity));
        }
    }

    #[test]
    fn what_is_not_an_identity_is_none() {
        let whole = Identity::new("i", "s")
            .with_verified_email("e")
            .with_name("n")
            .with_groups(["g", "h"])
            .with_attribute("a", "b");
        let good = whole.encode().into_bytes();
        for end in 0..good.len() {
            assert_eq!(Identity::decode(&good[..end]), None, "cut at {end}");
        }
        assert_eq!(Identity::decode(&[&good[..], &[0]].concat()), None, "longer");
        let newer = [&[VERSION + 1], &good[1..]].concat();
        assert_eq!((Identity::decode(&newer), Identity::is_newer(&newer)), (None, true));
        assert!(!Identity::is_newer(&good) && !Identity::is_newer(&[]));
        // As many texts as nobody has room for.
        let many =
            [&Identity::new("i", "s").encode().bytes[..9], &[1, 0xff, 0xff, 0xff, 0xff, 0x7f]].concat();
        assert_eq!(Identity::decode(&many), None);
    }

    #[test]
    fn what_the_proof_is_worth_is_no_part_of_it() {
        let plain = Identity::new("i", "s").with_groups(["b", "a"]);
        let granted =
            plain.clone().with_groups(["a", "b"]).with_grant(Grant::new().with_scopes(Scopes::all()));
        assert_eq!(granted.encode().all(), plain.encode().all());
    }
}
