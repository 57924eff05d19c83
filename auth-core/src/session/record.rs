//! What a store keeps about a session.

mod bytes;
mod owner;
mod rare;
mod v2;

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use super::StampMac;
use super::realm::Realm;
use super::store::UserSessions;
use crate::RequestFacts;
use crate::grant::{Proof, Proofs};
use crate::hidden;
use crate::second_factor::Enrolled;
use crate::time::Timestamp;
pub use bytes::Unreadable;
pub use owner::{Owner, SessionUser};
pub(crate) use rare::Rare;

/// What a store keeps about a session.
///
/// Stores keep its [bytes](Self::encode), and beside them what they search for: whose it is
/// ([`user_sessions`](Self::user_sessions)), when it was last seen, and when it expires.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionRecord {
    pub(crate) owner: Owner,
    /// The site that it belongs to. One that was written before there were realms belongs to whichever site reads it.
    pub realm: Option<Realm>,
    /// When the session began. Rotation keeps it.
    pub created: Timestamp,
    /// When the user last proved who they are.
    pub authenticated: Timestamp,
    /// When the outside system that vouched for the user last confirmed that they may sign in: at login, and
    /// whenever it was asked again since.
    pub confirmed: Timestamp,
    /// When the session last got a new id.
    pub rotated: Timestamp,
    /// When the session was last used, within the touch interval.
    pub last_seen: Timestamp,
    /// When it ends unless it is used: the earlier of the idle and the absolute limit.
    pub expires: Timestamp,
    pub(crate) proofs: Proofs,
    /// What its user had enrolled when that was last looked up; `None` if it never was.
    pub(crate) enrolled: Option<Enrolled>,
    /// Whether the browser's being trusted stands in for the second factor.
    pub(crate) trusted: bool,
    /// The name in the trusted proxy's header that began the session, if one did: it ends when a request comes
    /// with another name, or without. Few do, and a thin pointer is small.
    pub remote_user: Option<Box<Box<str>>>,
    /// The application's own values.
    pub data: SessionData,
    /// The client, for a list of devices; kept only if the configuration says so.
    pub client: Option<Box<ClientFacts>>,
    /// What only the build of tomorrow knows, for tests that run it beside the one of today: this may be ignored.
    #[cfg(feature = "tomorrow")]
    #[doc(hidden)]
    pub note: Option<Box<str>>,
    /// And with this the session must be left alone by who does not know it.
    #[cfg(feature = "tomorrow")]
    #[doc(hidden)]
    pub restriction: Option<Box<str>>,
    pub(crate) rare: Option<Box<Rare>>,
}

impl SessionRecord {
    /// A session of this owner that begins now, and ends then unless it is used.
    pub fn new(owner: Owner, now: Timestamp, expires: Timestamp) -> Self {
        Self {
            owner,
            realm: None,
            created: now,
            authenticated: now,
            confirmed: now,
            rotated: now,
            last_seen: now,
            expires,
            proofs: Proofs::default(),
            enrolled: None,
            trusted: false,
            remote_user: None,
            data: SessionData::default(),
            client: None,
            #[cfg(feature = "tomorrow")]
            note: None,
            #[cfg(feature = "tomorrow")]
            restriction: None,
            rare: None,
        }
    }

    /// Whose session it is.
    pub fn owner(&self) -> &Owner {
        &self.owner
    }

    /// Makes it another's. What a newer build noted of the one before does not go with it, nor does who that one was elsewhere.
    pub fn set_owner(&mut self, owner: Owner) {
        if !self.owner.is_same(&owner) {
            self.rare = None;
        }
        self.owner = owner;
    }

    /// Among the sessions of which user it is found: those of its owner, whether they have finished to sign in or not.
    /// `None` for a visitor's.
    pub fn user_sessions(&self) -> Option<UserSessions<'_>> {
        let SessionUser { backend, id, .. } = self.owner.named()?;
        Some(UserSessions { realm: self.realm.as_ref(), backend, user: id })
    }

    /// The proofs that its user gave, of each factor the latest.
    pub fn proofs(&self) -> &[Proof] {
        self.proofs.as_slice()
    }

    /// What its user had enrolled when that was last looked up; `None` if it never was.
    pub fn enrolled(&self) -> Option<Enrolled> {
        self.enrolled
    }

    /// Binds it to its user's changed stamp.
    pub(crate) fn set_stamp(&mut self, new: StampMac) {
        if let Owner::User(user) | Owner::Pending(user) = &mut self.owner {
            user.stamp = new;
        }
    }

    /// Makes it one whose user has only begun to sign in.
    pub(crate) fn suspend(&mut self) {
        if let Owner::User(user) = &self.owner {
            self.owner = Owner::Pending(user.clone());
        }
    }

    /// Makes a session of one whose user had only begun to sign in: they are who they were.
    pub(crate) fn finish(&mut self) {
        if let Owner::Pending(user) = &self.owner {
            self.owner = Owner::User(user.clone());
        }
    }

    /// Adds a proof. Beyond [`Grant::MAX_PROOFS`](crate::grant::Grant::MAX_PROOFS) the oldest is dropped.
    pub fn add_proof(&mut self, proof: Proof) {
        self.proofs.add(proof);
    }

    /// What it takes over from the same user's session that it replaces: the application's values, the proofs with their
    /// times, and what a newer build noted. Who they are elsewhere it knows by its own login.
    pub(crate) fn continue_from(&mut self, older: &Self) {
        self.data.clone_from(&older.data);
        for proof in older.proofs() {
            self.add_proof(*proof);
        }
        self.trusted |= older.trusted;
        if self.owner.is_same(&older.owner) {
            self.take_unknown_of(older);
            #[cfg(feature = "tomorrow")]
            self.note.clone_from(&older.note);
        }
    }
}

impl fmt::Debug for SessionRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionRecord")
            .field("owner", &self.owner)
            .field("realm", &self.realm)
            .field("created", &self.created)
            .field("authenticated", &self.authenticated)
            .field("confirmed", &self.confirmed)
            .field("rotated", &self.rotated)
            .field("last_seen", &self.last_seen)
            .field("expires", &self.expires)
            .field("proofs", &self.proofs())
            .field("enrolled", &self.enrolled)
            .field("trusted", &self.trusted)
            .field("remote_user", &hidden::optional(self.remote_user.as_deref().map(AsRef::as_ref)))
            .field("keeps_identity", &self.identity().is_some())
            .field("data", &self.data)
            .field("client", &self.client)
            .field("unknown", &self.unknown().len())
            .finish_non_exhaustive()
    }
}

/// Which client a session belongs to, in the client's own words.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ClientFacts {
    /// The [client's address](RequestFacts::client) at login.
    pub address: Option<IpAddr>,
    /// The `User-Agent` at login.
    pub user_agent: Option<Box<str>>,
}

impl fmt::Debug for ClientFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientFacts")
            .field("has_address", &self.address.is_some())
            .field("user_agent", &hidden::optional(self.user_agent.as_deref()))
            .finish()
    }
}

impl From<&RequestFacts> for ClientFacts {
    fn from(facts: &RequestFacts) -> Self {
        Self { address: facts.client(), user_agent: facts.user_agent().map(Into::into) }
    }
}

/// The application's values in a session: JSON texts by name.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SessionData(
    /// Never an empty map: most sessions have no values, and a thin pointer is small.
    Option<Box<Texts>>,
);

type Texts = BTreeMap<Box<str>, Box<str>>;

/// Values that are replaced, and those that are removed.
pub(crate) type Patches = BTreeMap<Box<str>, Option<Box<str>>>;

impl fmt::Debug for SessionData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hidden::Names(self.0.as_deref().unwrap_or(&Texts::new()), |value| value.len()).fmt(f)
    }
}

impl SessionData {
    /// The most bytes that names and values take together.
    pub const MAX_LEN: usize = 64 * 1024;

    /// Replaces and removes values by name.
    pub(crate) fn apply(&mut self, patches: &Patches) {
        let mut texts = self.0.take().unwrap_or_default();
        for (name, value) in patches {
            match value {
                Some(value) => _ = texts.insert(name.clone(), value.clone()),
                None => _ = texts.remove(name),
            }
        }
        self.0 = (!texts.is_empty()).then_some(texts);
    }

    /// The value of this name.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.as_ref()?.get(name).map(AsRef::as_ref)
    }

    /// Names with their values.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().flat_map(|texts| texts.iter()).map(|(name, value)| (&**name, &**value))
    }

    /// Their length in bytes.
    pub(crate) fn len(&self) -> usize {
        self.iter().map(|(name, value)| name.len() + value.len()).sum()
    }
}

impl FromIterator<(Box<str>, Box<str>)> for SessionData {
    fn from_iter<I: IntoIterator<Item = (Box<str>, Box<str>)>>(values: I) -> Self {
        let texts = Texts::from_iter(values);
        Self((!texts.is_empty()).then(|| Box::new(texts)))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::backend::Identity;
    use crate::grant::Factor;
    use crate::{BackendName, UserId};

    pub(crate) fn user() -> SessionUser {
        SessionUser {
            backend: BackendName::new("local").unwrap(),
            id: UserId::from(7),
            stamp: StampMac::from_bytes(&[9; StampMac::LEN]).unwrap(),
        }
    }

    pub(crate) fn record() -> SessionRecord {
        let at = Timestamp::from_secs(1_700_000_000);
        let mut record = SessionRecord {
            realm: Realm::new("shop"),
            remote_user: Some(Box::new("ann@example.org".into())),
            data: [("cart".into(), "[1,2]".into()), ("theme".into(), "\"dark\"".into())]
                .into_iter()
                .collect(),
            client: Some(Box::new(ClientFacts {
                address: "::1".parse().ok(),
                user_agent: Some("Firefox".into()),
            })),
            ..SessionRecord::new(Owner::User(user()), at, Timestamp::from_secs(1_700_003_600))
        };
        record.add_proof(Proof::new(Factor::Password, at));
        record
    }

    #[test]
    fn what_a_newer_build_noted_stays_with_the_owner() {
        let noted = || SessionRecord { rare: Rare::new(vec![0x90, 0], None), ..record() };
        let mut same = noted();
        same.set_owner(Owner::User(SessionUser {
            stamp: StampMac::from_bytes(&[1; StampMac::LEN]).unwrap(),
            ..user()
        }));
        assert!(!same.unknown().is_empty(), "a changed password makes nobody another");
        let other = || SessionUser { id: UserId::from(8), ..user() };
        for owner in [Owner::Visitor, Owner::User(other()), Owner::Pending(user())] {
            let mut changed = noted();
            changed.set_owner(owner.clone());
            assert_eq!(changed.unknown(), [0; 0], "{owner:?}");
        }
        let mut again = record();
        again.continue_from(&noted());
        assert!(!again.unknown().is_empty());
        let mut others = SessionRecord { owner: Owner::User(other()), ..record() };
        others.continue_from(&noted());
        assert_eq!(others.unknown(), [0; 0]);
    }

    #[test]
    fn who_somebody_is_elsewhere_goes_to_nobody_else() {
        let known = || SessionRecord {
            rare: Rare::new(vec![0x90, 0], Some(Identity::new("issuer", "canary").with_groups(["canary"]))),
            ..record()
        };
        assert!(!format!("{:?}", known()).contains("canary"));
        let mut same = known();
        same.set_owner(Owner::User(user()));
        assert!(same.identity().is_some());
        let other = SessionUser { id: UserId::from(8), ..user() };
        for owner in [Owner::Visitor, Owner::User(other), Owner::Pending(user())] {
            let mut changed = known();
            changed.set_owner(owner.clone());
            assert_eq!(changed.identity(), None, "{owner:?}");
        }
        let mut again = record();
        again.continue_from(&known());
        assert_eq!((again.identity(), again.unknown().len()), (None, 2), "a login says who it is");
        let mut known_again = SessionRecord { rare: known().rare, ..record() };
        known_again.continue_from(&record());
        assert_eq!((known_again.identity().is_some(), known_again.unknown().len()), (true, 0));
    }

    #[cfg(not(feature = "tomorrow"))]
    #[test]
    fn a_record_is_small() {
        assert!(size_of::<SessionRecord>() <= 192, "{} bytes", size_of::<SessionRecord>());
    }
}
