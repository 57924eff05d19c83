//! Sessions as values: what the engine finds, begins and ends, and what becomes of the cookie.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use super::revocation::Undoing;
use super::{ClientFacts, Id, Origin, Owner, SessionKey, SessionRecord, SessionUser, StampMac, Token};
use crate::access::ProvenSession;
use crate::grant::Proof;
use crate::second_factor::Missing;
use crate::time::Timestamp;
use crate::{Access, Authenticated, BackendName, User};

/// A user's session as it was when it was last looked at, or one that they have only begun.
#[derive(Clone)]
pub(crate) struct Live {
    pub(crate) key: SessionKey,
    /// What its next keys begin with.
    pub(crate) origin: Origin,
    pub(crate) version: u64,
    pub(crate) by_alias: bool,
    pub(crate) record: UserRecord,
}

impl Live {
    /// Whether it is a session of this user.
    pub(crate) fn is_of<U: User>(&self, authenticated: &Authenticated<U>) -> bool {
        let user = self.record.user();
        user.backend == authenticated.backend && user.id == authenticated.user.id()
    }

    pub(crate) fn id(&self) -> Id {
        Id { key: self.key, origin: self.origin.clone() }
    }
}

/// The record of a user's session, or of one that is pending. A visitor's does not get beyond the store.
#[derive(Clone)]
pub(crate) struct UserRecord(Arc<SessionRecord>);

impl UserRecord {
    /// The record, if it has a user.
    pub(crate) fn of(record: Arc<SessionRecord>) -> Option<Self> {
        record.owner().named().is_some().then_some(Self(record))
    }

    /// The user, who may be none yet: see [`is_pending`](Self::is_pending).
    pub(crate) fn user(&self) -> &SessionUser {
        match self.0.owner() {
            Owner::User(user) | Owner::Pending(user) => user,
            Owner::Visitor => unreachable!("it has a user: see `of`"),
        }
    }

    /// Whether its user has only begun to sign in.
    pub(crate) fn is_pending(&self) -> bool {
        matches!(self.0.owner(), Owner::Pending(_))
    }

    /// For who is calling by it.
    pub(crate) fn as_proven(&self) -> Arc<dyn ProvenSession> {
        Arc::<SessionRecord>::clone(&self.0)
    }

    /// Notes a use. What else changes is a new record.
    pub(crate) fn touch(&mut self, last_seen: Timestamp, expires: Timestamp) {
        let record = Arc::make_mut(&mut self.0);
        (record.last_seen, record.expires) = (last_seen, expires);
    }
}

impl ProvenSession for SessionRecord {
    fn backend(&self) -> &BackendName {
        match self.owner() {
            Owner::User(user) | Owner::Pending(user) => &user.backend,
            Owner::Visitor => unreachable!("it has a user: see `UserRecord::of`"),
        }
    }

    fn proven(&self) -> Timestamp {
        self.authenticated
    }

    fn proofs(&self) -> &[Proof] {
        self.proofs()
    }
}

impl Deref for UserRecord {
    type Target = SessionRecord;

    fn deref(&self) -> &SessionRecord {
        &self.0
    }
}

/// Which session is asked for, by what a request presents.
pub(crate) struct Wanted {
    pub(crate) id: Id,
    pub(crate) begun_by: BegunBy,
    /// Whether asking counts as use of the session, which keeps it from being idle.
    pub(crate) is_use: bool,
}

/// By what a session must have begun to go on.
pub(crate) enum BegunBy {
    /// Whatever it was.
    Anything,
    /// A login. One that began with a proxy's word ends without it.
    Login,
    /// A proxy's word for this name.
    Name(Box<str>),
}

/// Whose session it is. What is rare is boxed: each request with a session moves one several times.
pub(crate) struct Resolved<U> {
    /// The caller with the session; nobody if it is over.
    pub(crate) caller: Option<(Access<U>, Live)>,
    /// The new id that the session is to get before the response is made.
    pub(crate) renewal: Option<Box<Renewal>>,
    /// A session that has not ended, and that began by something else than it must have: for whoever begins another in
    /// its place.
    pub(crate) other: Option<Box<Live>>,
    /// A session that is nobody's until what it lacks is there.
    pub(crate) pending: Option<Box<Waiting<U>>>,
}

impl<U> Resolved<U> {
    pub(crate) const NOBODY: Self = Self { caller: None, renewal: None, other: None, pending: None };
}

/// A session that lacks something, and whose it would be.
pub(crate) struct Waiting<U> {
    pub(crate) live: Live,
    pub(crate) user: Arc<U>,
    pub(crate) missing: Missing,
}

/// What is due when a session is to get a new id.
pub(crate) struct Renewal {
    /// The id that it has.
    pub(crate) key: SessionKey,
    /// Its user's stamp, by the current key.
    pub(crate) stamp: StampMac,
}

/// A session under a new key, with the token that opens it, which nobody has yet.
///
/// Whatever fails before it is handed out, and a client that goes away, drops it; then the record is deleted again: a
/// session that nobody was given is nobody's.
#[must_use = "a session that is not handed out is deleted"]
pub(crate) struct Begun<U> {
    pub(crate) cookie: CookieEffect,
    pub(crate) live: Live,
    pub(crate) standing: Standing<U>,
    pub(crate) undo: Box<dyn Undoing>,
    /// Whether the record is new, and not one that was moved.
    pub(crate) is_new: bool,
}

impl<U: User> Begun<U> {
    /// Of this user, as far as nothing is missing.
    pub(crate) fn standing(mut self, user: &Arc<U>, missing: Option<Missing>) -> Self {
        self.standing = match missing {
            Some(missing) => Standing::Pending(Arc::clone(user), missing),
            None => Standing::Caller(Access::by_session(Arc::clone(user), self.live.record.as_proven())),
        };
        self
    }
}

/// Who is calling by a session from here on.
pub(crate) enum Standing<U> {
    /// Whoever it was.
    Unchanged,
    /// Its user.
    Caller(Access<U>),
    /// Nobody, until what is missing is there.
    Pending(Arc<U>, Missing),
}

/// What the response does to the session cookie.
#[derive(Clone)]
pub(crate) enum CookieEffect {
    Keep,
    Set(Token, Option<Duration>),
    Remove,
}

/// One session of a user, for a list of devices.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SessionInfo {
    /// Names it in [`Session::revoke`](crate::Session::revoke). It is a hash, and no way into the session.
    pub key: SessionKey,
    /// When it began.
    pub created: Timestamp,
    /// When it was last used, within the touch interval.
    pub last_seen: Timestamp,
    /// The client, if the configuration keeps it.
    pub client: Option<ClientFacts>,
    /// Whether it is the session of this request.
    pub is_current: bool,
}
