//! A record as bytes: a version, then fields, each with a tag and its length in front.
//!
//! The tag says whether a build that does not know the field may ignore it. One that it may ignore is kept as it is and
//! written back; with one that it may not, the record is nobody's here, and nothing writes it. So a field can be added
//! without signing anybody out, and builds of different ages can run beside each other.

use std::error::Error;
use std::fmt;

use super::super::StampMac;
use super::{ClientFacts, Owner, Rare, Realm, SessionData, SessionRecord, SessionUser};
use crate::backend::Identity;
use crate::encoding::{Reader, Writer};
use crate::grant::{Factor, Proof};
use crate::second_factor::Enrolled;
use crate::time::Timestamp;
use crate::{BackendName, UserId};

/// The version of the encoding.
const VERSION: u8 = 3;
/// The one before: the same fields in a fixed order, without an owner's kind, realm or proofs.
const V2: u8 = 2;

/// A field whose tag has this bit may be ignored.
const IGNORABLE: u8 = 0x80;

const OWNER: u8 = 1;
const TIMES: u8 = 2;
const REALM: u8 = 3;
const REMOTE_USER: u8 = 4;
const DATA: u8 = 5;
/// A build that does not know it would look for a user who is nowhere.
const IDENTITY: u8 = 6;
/// A build that does not know it would not ask for the factors that are in it.
const ENROLLED: u8 = 7;
const CLIENT: u8 = IGNORABLE | 1;
/// There may be several. One by a factor that this build does not know counts as none.
const PROOF: u8 = IGNORABLE | 2;
/// A build that does not know it asks for the second factor.
const TRUSTED: u8 = IGNORABLE | 3;
#[cfg(feature = "tomorrow")]
const NOTE: u8 = IGNORABLE | 0x7e;
#[cfg(feature = "tomorrow")]
const RESTRICTION: u8 = 0x7e;

const VISITOR: u8 = 0;
const USER: u8 = 1;
const PENDING: u8 = 2;

/// Why a record cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unreadable {
    /// A newer build wrote it, and something in it that must be known to judge it. It is nobody's here, and stays for those
    /// who know: a store answers with [`StoreErrorKind::Newer`](super::super::StoreErrorKind::Newer).
    Newer,
    /// It is no record, or what is left of one: such a session is no session.
    Damaged,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Newer => "a newer version wrote this session",
            Self::Damaged => "the stored session is damaged",
        })
    }
}

impl Error for Unreadable {}

impl SessionRecord {
    /// How many bytes those fields take at most, together, that a newer build wrote and this one may ignore.
    pub const MAX_UNKNOWN_LEN: usize = 4 * 1024;

    /// The record as bytes, for stores that keep bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer(Vec::with_capacity(160));
        out.0.push(VERSION);
        out.field(OWNER, |out| out.owner(&self.owner));
        out.field(TIMES, |out| {
            let Self { created, authenticated, confirmed, rotated, last_seen, expires, .. } = self;
            for time in [created, authenticated, confirmed, rotated, last_seen, expires] {
                out.number(time.as_millis());
            }
        });
        if let Some(realm) = &self.realm {
            out.field(REALM, |out| out.raw(realm.as_str()));
        }
        if let Some(name) = &self.remote_user {
            out.field(REMOTE_USER, |out| out.raw(name));
        }
        if let Some(identity) = self.identity() {
            out.field(IDENTITY, |out| out.0.extend_from_slice(identity.encode().all()));
        }
        self.encode_proofs(&mut out);
        if let Some(client) = &self.client {
            out.field(CLIENT, |out| {
                out.text(&client.address.map(|address| address.to_string()).unwrap_or_default());
                out.text(client.user_agent.as_deref().unwrap_or_default());
            });
        }
        if self.data != SessionData::default() {
            out.field(DATA, |out| {
                for (name, value) in self.data.iter() {
                    out.text(name);
                    out.text(value);
                }
            });
        }
        #[cfg(feature = "tomorrow")]
        for (tag, value) in [(NOTE, &self.note), (RESTRICTION, &self.restriction)] {
            if let Some(value) = value {
                out.field(tag, |out| out.raw(value));
            }
        }
        out.0.extend_from_slice(self.unknown());
        out.0
    }

    fn encode_proofs(&self, out: &mut Writer) {
        if let Some(enrolled) = self.enrolled {
            out.field(ENROLLED, |out| out.number(enrolled.bits()));
        }
        if self.trusted {
            out.field(TRUSTED, |_| {});
        }
        for proof in self.proofs() {
            out.field(PROOF, |out| {
                out.0.push(proof.factor.code());
                out.number(proof.at.as_millis());
            });
        }
    }

    /// Reads what [`encode`](Self::encode) wrote, here or in another version from 2 on.
    ///
    /// # Errors
    /// [`Unreadable`] if it cannot be read here: as bytes of a newer version, or as anything else that is no record.
    pub fn decode(bytes: &[u8]) -> Result<Self, Unreadable> {
        match bytes.split_first() {
            Some((&VERSION, fields)) => Fields::read(fields)?.into_record(),
            Some((&V2, rest)) => super::v2::read(Reader(rest)).ok_or(Unreadable::Damaged),
            Some((version, _)) if *version > VERSION => Err(Unreadable::Newer),
            _ => Err(Unreadable::Damaged),
        }
    }
}

/// What was read of a record.
#[derive(Default)]
struct Fields {
    owner: Option<Owner>,
    times: Option<[Timestamp; 6]>,
    realm: Option<Realm>,
    remote_user: Option<Box<Box<str>>>,
    identity: Option<Identity>,
    data: Option<SessionData>,
    client: Option<Box<ClientFacts>>,
    proofs: Vec<Proof>,
    enrolled: Option<Enrolled>,
    trusted: Option<()>,
    #[cfg(feature = "tomorrow")]
    note: Option<Box<str>>,
    #[cfg(feature = "tomorrow")]
    restriction: Option<Box<str>>,
    unknown: Vec<u8>,
    /// Whether there is something in it that must be known, and is not.
    is_newer: bool,
}

impl Fields {
    /// Damage is told apart from what is newer also behind the field that is: the record must be whole.
    fn read(bytes: &[u8]) -> Result<Self, Unreadable> {
        let (mut fields, mut rest) = (Self::default(), Reader(bytes));
        while !rest.0.is_empty() {
            let whole = rest.0;
            let (tag, value) = rest.byte().zip(rest.bytes()).ok_or(Unreadable::Damaged)?;
            let field = &whole[..whole.len() - rest.0.len()];
            fields.take(tag, Reader(value), field).ok_or(Unreadable::Damaged)?;
        }
        Ok(fields)
    }

    /// Takes one field; `None` if it is not what its tag says, or there already.
    fn take(&mut self, tag: u8, mut value: Reader<'_>, field: &[u8]) -> Option<()> {
        match tag {
            OWNER => match value.owner()? {
                Ok(owner) => once(&mut self.owner, owner)?,
                Err(UnknownKind) => self.must_know(&mut value),
            },
            TIMES => once(&mut self.times, value.times()?)?,
            REALM => once(&mut self.realm, Realm::new(value.rest()?)?)?,
            REMOTE_USER => once(&mut self.remote_user, Box::new(value.rest()?.into()))?,
            IDENTITY if Identity::is_newer(value.0) => self.must_know(&mut value),
            IDENTITY => {
                let identity = Identity::decode(std::mem::take(&mut value.0))?;
                once(&mut self.identity, identity)?;
            }
            ENROLLED => match Enrolled::from_bits(value.number()?) {
                Some(enrolled) => once(&mut self.enrolled, enrolled)?,
                None => self.must_know(&mut value),
            },
            TRUSTED => once(&mut self.trusted, ())?,
            DATA => once(&mut self.data, value.data()?)?,
            CLIENT => once(&mut self.client, Box::new(value.client()?))?,
            PROOF => match Factor::from_code(value.byte()?) {
                Some(factor) => self.proofs.push(Proof::new(factor, value.time()?)),
                None => self.keep(field, &mut value),
            },
            #[cfg(feature = "tomorrow")]
            NOTE => once(&mut self.note, value.rest()?.into())?,
            #[cfg(feature = "tomorrow")]
            RESTRICTION => once(&mut self.restriction, value.rest()?.into())?,
            unknown if unknown & IGNORABLE != 0 => self.keep(field, &mut value),
            _ => self.must_know(&mut value),
        }
        value.0.is_empty().then_some(())
    }

    /// What is in it is not looked at, in these two.
    fn must_know(&mut self, value: &mut Reader<'_>) {
        *value = Reader(&[]);
        self.is_newer = true;
    }

    fn keep(&mut self, field: &[u8], value: &mut Reader<'_>) {
        *value = Reader(&[]);
        self.unknown.extend_from_slice(field);
        // What cannot be kept cannot be written back: then nothing is written.
        self.is_newer |= self.unknown.len() > SessionRecord::MAX_UNKNOWN_LEN;
    }

    fn into_record(self) -> Result<SessionRecord, Unreadable> {
        if self.is_newer {
            return Err(Unreadable::Newer);
        }
        let (owner, times) = self.owner.zip(self.times).ok_or(Unreadable::Damaged)?;
        let [created, authenticated, confirmed, rotated, last_seen, expires] = times;
        let mut record = SessionRecord {
            realm: self.realm,
            authenticated,
            confirmed,
            rotated,
            last_seen,
            remote_user: self.remote_user,
            enrolled: self.enrolled,
            trusted: self.trusted.is_some(),
            data: self.data.unwrap_or_default(),
            client: self.client,
            #[cfg(feature = "tomorrow")]
            note: self.note,
            #[cfg(feature = "tomorrow")]
            restriction: self.restriction,
            rare: Rare::new(self.unknown, self.identity),
            ..SessionRecord::new(owner, created, expires)
        };
        self.proofs.into_iter().for_each(|proof| record.add_proof(proof));
        Ok(record)
    }
}

fn once<T>(place: &mut Option<T>, value: T) -> Option<()> {
    if place.is_some() {
        return None;
    }
    *place = Some(value);
    Some(())
}

/// What a record is made of.
impl Writer {
    fn owner(&mut self, owner: &Owner) {
        let (kind, user) = match owner {
            Owner::Visitor => (VISITOR, None),
            Owner::User(user) => (USER, Some(user)),
            Owner::Pending(user) => (PENDING, Some(user)),
        };
        self.0.push(kind);
        if let Some(user) = user {
            self.text(user.backend.as_str());
            self.text(user.id.as_str());
            self.0.extend_from_slice(&user.stamp.to_bytes());
        }
    }

    /// Writes a field: nearly always its length takes one byte.
    fn field(&mut self, tag: u8, write: impl FnOnce(&mut Self)) {
        self.0.extend([tag, 0]);
        let start = self.0.len();
        write(self);
        let len = self.0.len() - start;
        if let Ok(short @ 0..=0x7f) = u8::try_from(len) {
            self.0[start - 1] = short;
            return;
        }
        let value = self.0.split_off(start);
        self.0.truncate(start - 1);
        self.bytes(&value);
    }
}

/// An owner of a kind that this build does not know.
struct UnknownKind;

impl Reader<'_> {
    pub(super) fn time(&mut self) -> Option<Timestamp> {
        self.number().map(Timestamp::from_millis)
    }

    pub(super) fn times(&mut self) -> Option<[Timestamp; 6]> {
        let mut times = [Timestamp::default(); 6];
        for time in &mut times {
            *time = self.time()?;
        }
        Some(times)
    }

    fn owner(&mut self) -> Option<Result<Owner, UnknownKind>> {
        let kind = match self.byte()? {
            VISITOR => return Some(Ok(Owner::Visitor)),
            USER => Owner::User,
            PENDING => Owner::Pending,
            _ => return Some(Err(UnknownKind)),
        };
        let backend = BackendName::new(self.text()?)?;
        let id = UserId::new(self.text()?).ok()?;
        let stamp = StampMac::from_bytes(self.take(StampMac::LEN)?)?;
        Some(Ok(kind(SessionUser { backend, id, stamp })))
    }

    pub(super) fn client(&mut self) -> Option<ClientFacts> {
        let address = self.text()?;
        let address = if address.is_empty() { None } else { Some(address.parse().ok()?) };
        let user_agent = Some(self.text()?).filter(|agent| !agent.is_empty()).map(Into::into);
        Some(ClientFacts { address, user_agent })
    }

    /// Names and values, until nothing is left.
    fn data(&mut self) -> Option<SessionData> {
        let mut data = Vec::new();
        while !self.0.is_empty() {
            data.push((self.text()?.into(), self.text()?.into()));
        }
        Some(data.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::{record, user};
    use super::*;
    use crate::grant::FactorKind;

    fn survives(record: &SessionRecord) {
        assert_eq!(SessionRecord::decode(&record.encode()).as_ref(), Ok(record));
    }

    /// The bytes of a record with a field behind them.
    fn with_field(tag: u8, value: &[u8]) -> Vec<u8> {
        let mut out = Writer(record().encode());
        out.0.push(tag);
        out.bytes(value);
        out.0
    }

    #[test]
    fn a_record_survives_its_bytes() {
        survives(&record());
        for owner in [Owner::Visitor, Owner::Pending(user())] {
            let mut record = record();
            record.set_owner(owner);
            survives(&record);
        }
        let mut long = record();
        long.remote_user = Some(Box::new("n".repeat(300).into()));
        long.data.apply(&[("x".into(), Some("y".repeat(60_000).into()))].into());
        survives(&long);
        let bare = SessionRecord::new(Owner::User(user()), Timestamp::from_secs(5), Timestamp::from_secs(9));
        survives(&bare);
        assert!(bare.encode().len() < 100, "{} bytes", bare.encode().len());
    }

    /// Nobody who does not know the field may take the session for one of a user in a table.
    #[test]
    fn an_identity_survives_and_must_be_known() {
        let whole = Identity::new("issuer", "s")
            .with_username("n")
            .with_verified_email("e")
            .with_groups(["a", "b"])
            .with_attribute("phone", "x".repeat(500));
        survives(&SessionRecord { rare: Rare::new(vec![0x90, 0], Some(whole.clone())), ..record() });
        assert_eq!(IDENTITY & IGNORABLE, 0);
        let bytes = whole.encode().into_bytes();
        let read = SessionRecord::decode(&with_field(IDENTITY, &bytes)).unwrap();
        assert_eq!(read.identity(), Some(&whole));
        let newer = [&[bytes[0] + 1], &bytes[1..]].concat();
        assert_eq!(SessionRecord::decode(&with_field(IDENTITY, &newer)), Err(Unreadable::Newer));
        for damaged in [&bytes[..bytes.len() - 1], b""] {
            assert_eq!(SessionRecord::decode(&with_field(IDENTITY, damaged)), Err(Unreadable::Damaged));
        }
        let twice = [with_field(IDENTITY, &bytes), vec![IDENTITY, 0]].concat();
        assert_eq!(SessionRecord::decode(&twice), Err(Unreadable::Damaged));
    }

    /// A build that ignored what is enrolled would let in whoever lacks it; one that ignores trust asks once more.
    #[test]
    fn what_is_enrolled_must_be_known_and_trust_need_not() {
        let all: Enrolled = FactorKind::ALL.into_iter().collect();
        for enrolled in [Some(Enrolled::NONE), Some(all), None] {
            for trusted in [false, true] {
                survives(&SessionRecord { enrolled, trusted, ..record() });
            }
        }
        assert_eq!((ENROLLED & IGNORABLE, TRUSTED & IGNORABLE), (0, IGNORABLE));
        let unknown = with_field(ENROLLED, &[0x40]);
        assert_eq!(SessionRecord::decode(&unknown), Err(Unreadable::Newer), "a kind that is not known here");
        for (tag, damaged) in [(ENROLLED, &[][..]), (ENROLLED, &[1, 1]), (TRUSTED, &[0])] {
            let bytes = with_field(tag, damaged);
            assert_eq!(SessionRecord::decode(&bytes), Err(Unreadable::Damaged), "{tag}: {damaged:?}");
        }
    }

    /// Damage anywhere is no session, and never a panic.
    #[test]
    fn damage_is_no_session() {
        let good = record().encode();
        let damaged = |bytes: &[u8], what: &str| {
            assert_eq!(SessionRecord::decode(bytes), Err(Unreadable::Damaged), "{what}");
        };
        // Where a field ends, the record may lack the rest; without owner and times it is none.
        for end in 0..good.len() {
            if let Ok(read) = SessionRecord::decode(&good[..end]) {
                assert_eq!(read.owner(), record().owner(), "cut at {end}");
            }
        }
        damaged(&good[..40], "cut");
        damaged(&[&good[..], &[0]].concat(), "longer");
        damaged(&[&good[..], &good[1..]].concat(), "twice");
        let (mut longer, end) = (good.clone(), 3 + usize::from(good[2]));
        longer[2] += 1;
        longer.insert(end, 0);
        damaged(&longer, "a field that is longer");
        for old in [0, 1] {
            damaged(&[&[old][..], &good[1..]].concat(), "of a version that nobody writes any more");
        }
        damaged(&[&with_field(0x55, b"?")[..], &[0x55]].concat(), "damaged behind what is unknown");
    }

    #[test]
    fn what_may_be_ignored_is_written_back() {
        let bytes = with_field(0xf0, b"of tomorrow");
        let mut read = SessionRecord::decode(&bytes).unwrap();
        assert_eq!(read.encode(), bytes);
        read.data = SessionData::default();
        let again = SessionRecord::decode(&read.encode()).unwrap();
        assert_eq!(again.unknown(), read.unknown(), "also when something else changes");
        let mut others = read.clone();
        others.set_owner(Owner::Visitor);
        assert_eq!(
            SessionRecord::decode(&others.encode()).unwrap().unknown(),
            [0; 0],
            "but not to another owner"
        );
        let by_an_unknown_factor = with_field(PROOF, &[0xee, 5]);
        let read = SessionRecord::decode(&by_an_unknown_factor).unwrap();
        assert_eq!((read.proofs().len(), read.encode()), (1, by_an_unknown_factor));
    }

    #[test]
    fn what_must_be_known_makes_a_record_newer() {
        let newer = |bytes: &[u8], what: &str| {
            assert_eq!(SessionRecord::decode(bytes), Err(Unreadable::Newer), "{what}");
        };
        newer(&with_field(0x10, b""), "a field");
        let mut kind = record().encode();
        kind[3] = 9;
        newer(&kind, "a kind of owner");
        newer(&[&[VERSION + 1][..], b"anything"].concat(), "a version");
        newer(&with_field(0xf0, &[0; SessionRecord::MAX_UNKNOWN_LEN]), "more than can be kept");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), at in 0_usize..120) {
            let _ = SessionRecord::decode(&bytes);
            let mut damaged = record().encode();
            let at = at.min(damaged.len());
            damaged.splice(at..at, bytes);
            if let Ok(read) = SessionRecord::decode(&damaged) {
                survives(&read);
            }
        }
    }
}
