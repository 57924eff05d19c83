//! Keys, times and records that the cases share.

use std::error::Error;

use crate::grant::{Factor, Proof};
use crate::session::{
    ClientFacts, Owner, Realm, SessionData, SessionKey, SessionRecord, SessionStore, SessionUser, StampMac,
    StoreError, StoreErrorKind, Stored, UserSessions,
};
use crate::time::Timestamp;
use crate::{BackendName, UserId};

/// The moment `secs` seconds into the tests.
pub(super) const fn at(secs: u64) -> Timestamp {
    Timestamp::from_secs(4_000_000_000 + secs)
}

/// The time of events, unless a case says otherwise.
pub(super) const NOW: Timestamp = at(10);
/// When a [`sample_record`] expires.
pub(super) const EXPIRES: Timestamp = at(3_600);
/// The last moment before that.
pub(super) const BEFORE_EXPIRY: Timestamp = Timestamp::from_millis(EXPIRES.as_millis() - 1);

/// A session's first key, which looks like a real one: 32 arbitrary bytes.
pub(super) fn key(n: u16) -> SessionKey {
    SessionKey::from_bytes(*blake3::hash(&n.to_be_bytes()).as_bytes())
}

/// The session's key after this many moves.
pub(super) fn later(n: u16, moves: u16) -> SessionKey {
    let mut bytes = *key(n).as_bytes();
    if moves > 0 {
        let turn = blake3::hash(&[n.to_be_bytes(), moves.to_be_bytes()].concat());
        bytes[16..].copy_from_slice(&turn.as_bytes()[..16]);
    }
    SessionKey::from_bytes(bytes)
}

pub(super) fn backend(name: &str) -> BackendName {
    BackendName::new(name).expect("a literal that is a name")
}

pub(super) fn realm(name: &str) -> Realm {
    Realm::new(name).expect("a literal that is a name")
}

pub(super) fn user(id: &str) -> UserId {
    UserId::new(id).expect("a literal that is an id")
}

const STAMP: [u8; StampMac::LEN] = *b"\0\xff'a stamp's keyed hash of 36 bytes\x80";

/// The user whose sessions a case asks for: of the backend `local`.
pub(super) struct Whose {
    realm: Option<Realm>,
    user: SessionUser,
}

impl Whose {
    pub(super) fn sessions(&self) -> UserSessions<'_> {
        UserSessions { realm: self.realm.as_ref(), backend: &self.user.backend, user: &self.user.id }
    }
}

/// A user on the site of the sample records.
pub(super) fn here(id: &str) -> Whose {
    Whose { realm: Some(realm("shop")), user: session_user(id) }
}

pub(super) fn elsewhere(site: &str, id: &str) -> Whose {
    Whose { realm: Some(realm(site)), user: session_user(id) }
}

/// A user on any site.
pub(super) fn everywhere(id: &str) -> Whose {
    Whose { realm: None, user: session_user(id) }
}

/// A record of this user at the backend `local`. All its values differ, so that mixed-up columns show.
///
/// # Panics
/// If `id` is no [`UserId`].
pub fn sample_record(id: &str) -> SessionRecord {
    let mut record = SessionRecord {
        realm: Some(realm("shop")),
        authenticated: at(2),
        confirmed: at(5),
        rotated: at(3),
        last_seen: at(4),
        remote_user: Some(Box::new("CORP\\ann; --".into())),
        data: data([("cart", "[1,2]"), ("näme", "\"O'Brien \\u0000 \u{1f511}\"")]),
        client: Some(Box::new(ClientFacts {
            address: "2001:db8::1".parse().ok(),
            user_agent: Some("Firefox/150.0 ('; --)".into()),
        })),
        ..SessionRecord::new(Owner::User(session_user(id)), at(1), EXPIRES)
    };
    record.add_proof(Proof::new(Factor::Password, at(2)));
    record.add_proof(Proof::new(Factor::Totp, at(6)));
    record
}

pub(super) fn session_user(id: &str) -> SessionUser {
    let stamp = StampMac::from_bytes(&STAMP).expect("the right length");
    SessionUser { backend: backend("local"), id: user(id), stamp }
}

pub(super) fn data<const N: usize>(values: [(&str, &str); N]) -> SessionData {
    values.into_iter().map(|(name, value)| (name.into(), value.into())).collect()
}

/// The answer of a store. A failure where it must answer breaks the suite.
#[track_caller]
pub(super) fn ok<T>(answer: Result<T, StoreError>) -> T {
    answer.unwrap_or_else(|error| {
        let source = error.source().map(ToString::to_string).unwrap_or_default();
        panic!("the store failed where it must answer: {error}: {source}")
    })
}

/// The kind of an expected failure.
pub(super) fn failure<T>(answer: &Result<T, StoreError>) -> Option<StoreErrorKind> {
    answer.as_ref().err().map(StoreError::kind)
}

/// Puts Alice's sample record under `key`.
pub(super) async fn created<S: SessionStore>(store: &S, key: &SessionKey) -> SessionRecord {
    let record = sample_record("alice");
    ok(store.create(key, &record).await);
    record
}

/// What is under `key` now.
pub(super) async fn live<S: SessionStore>(store: &S, key: &SessionKey) -> Option<Stored> {
    ok(store.load(key, NOW).await)
}

/// The expected result of `load`: the record, and its current key.
#[expect(clippy::unnecessary_wraps, reason = "it is compared with what `load` gives")]
pub(super) fn stored(at: SessionKey, record: &SessionRecord, version: u64) -> Option<Stored> {
    Some(Stored { key: at, record: record.clone().into(), version })
}
