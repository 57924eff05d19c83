//! What a login or a rotation hands out, in one place and at the end.

use std::sync::Arc;

use super::Engine;
use crate::session::handle::{CookieEffect, Live};
use crate::session::revocation::{Undo, Undoing};
use crate::session::{Session, SessionRecord, SessionStore, Token};
use crate::{Access, User};

/// A session under a new key, with the token that opens it, which nobody has yet.
///
/// Whatever fails before it is [handed out](Engine::hand_out), and a client that goes away, drops it; then the record
/// is deleted again: a session that nobody was given is nobody's.
#[must_use = "a session that is not handed out is deleted"]
pub(super) struct Begun<S: SessionStore> {
    token: Token,
    pub(super) live: Live,
    undo: Undo<S>,
    /// Whether the record is new, and not one that was moved.
    is_new: bool,
}

impl<S: SessionStore> Begun<S> {
    pub(super) fn new(
        token: Token,
        version: u64,
        record: SessionRecord,
        undo: Undo<S>,
        is_new: bool,
    ) -> Self {
        let live = Live { key: token.key(), version, by_alias: false, record: Arc::new(record) };
        Self { token, live, undo, is_new }
    }
}

impl<S: SessionStore> Engine<S> {
    /// Gives a session to the response and to the request, where everything that could fail has gone well.
    ///
    /// One that was moved is the caller's from here on, whatever becomes of the response: its old id is dead. A new one
    /// is undone if no response is ever made.
    pub(super) fn hand_out<U: User>(&self, session: &Session<U>, begun: Begun<S>, access: Option<Access<U>>) {
        let Begun { token, live, undo, is_new } = begun;
        let left = live.record.authenticated.plus(self.config.absolute).since(live.record.rotated);
        let max_age = (!self.config.browser_session).then_some(left);
        let mut state = session.state();
        state.cookie = CookieEffect::Set(token, max_age);
        state.live = Some(live);
        if access.is_some() {
            state.access = access;
        }
        let is_first_seen = is_new || state.undelivered.is_some();
        let done: Option<Box<dyn Undoing>> = if is_first_seen {
            // The second session of one request: the first has been deleted or moved.
            state.undelivered.replace(Box::new(undo))
        } else {
            Some(Box::new(undo))
        };
        drop(state);
        if let Some(done) = done {
            done.disarm();
        }
    }
}
