//! What is known of a request's session, and what was done to it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::http::Refusal;
use crate::session::revocation::Undoing;
use crate::session::{ClientFacts, SessionKey, SessionRecord, StampMac, Token};
use crate::{Access, Authenticated, Timestamp, User};

/// What is known and what was done so far.
pub(crate) struct State<U> {
    pub(crate) access: Option<Access<U>>,
    /// The user whom the layer put into the request's extensions.
    pub(super) put: Option<Arc<U>>,
    pub(crate) live: Option<Live>,
    pub(crate) cookie: CookieEffect,
    pub(crate) patches: BTreeMap<Box<str>, Option<Box<str>>>,
    /// The new id that the session is to get before the response is made.
    pub(crate) renewal: Option<Renewal>,
    /// A session that this request began, which is nobody's before the response is made.
    pub(crate) undelivered: Option<Box<dyn Undoing>>,
    /// Whether a trusted proxy names somebody whom no backend lets in: a login page would not help.
    pub(crate) is_turned_away: bool,
    /// What must be answered instead of whatever the handler answers.
    pub(crate) refusal: Option<Box<Refusal>>,
}

impl<U> State<U> {
    /// Of a request of which nothing is known.
    pub(super) const fn new() -> Self {
        Self {
            access: None,
            put: None,
            live: None,
            cookie: CookieEffect::Keep,
            patches: BTreeMap::new(),
            renewal: None,
            undelivered: None,
            is_turned_away: false,
            refusal: None,
        }
    }
}

/// What is due when a session is to get a new id.
pub(crate) struct Renewal {
    /// The id that it has.
    pub(crate) key: SessionKey,
    /// Its user's stamp, by the current key.
    pub(crate) stamp: StampMac,
}

/// The session record behind this request.
#[derive(Clone)]
pub(crate) struct Live {
    pub(crate) key: SessionKey,
    pub(crate) version: u64,
    pub(crate) by_alias: bool,
    pub(crate) record: Arc<SessionRecord>,
}

impl Live {
    /// Whether it is a session of this user.
    pub(crate) fn is_of<U: User>(&self, authenticated: &Authenticated<U>) -> bool {
        self.record.backend == authenticated.backend && self.record.user == authenticated.user.id()
    }
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
    /// Names it in [`Session::revoke`](super::Session::revoke). It is a hash, and no way into the session.
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
