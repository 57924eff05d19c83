//! The state of a request's session: what was resolved, and what the handler did.

use std::sync::Arc;

use super::Session;
use crate::http::Refusal;
use crate::http::resolve::Resolution;
use crate::session::{Begun, CookieEffect, Live, Patches, Renewal, Standing, Undoing, Waiting};
use crate::{Access, User};

/// What was resolved and done so far.
pub(crate) struct State<U> {
    pub(crate) access: Option<Access<U>>,
    /// The user whom the layer put into the request's extensions.
    pub(super) put: Option<Arc<U>>,
    pub(crate) live: Option<Live>,
    /// A pending session, which has no caller yet. Kept apart, so that code that asks for the caller cannot find it.
    pub(crate) pending: Option<Box<Waiting<U>>>,
    /// Boxed, because every request has a state, and most do nothing to their session.
    deeds: Option<Box<Deeds>>,
}

/// What a request did to its session, and what follows for the response.
pub(crate) struct Deeds {
    pub(crate) cookie: CookieEffect,
    /// Further `Set-Cookie` values, for the browser's device.
    pub(crate) device: Vec<String>,
    pub(crate) patches: Patches,
    /// The new id that the session is to get before the response is made.
    pub(crate) renewal: Option<Box<Renewal>>,
    /// A session that this request began: it is undone if no response delivers its cookie.
    pub(crate) undelivered: Option<Box<dyn Undoing>>,
    /// Whether a trusted proxy names a user whom no backend accepts: a login page would not help.
    pub(crate) is_turned_away: bool,
    /// The answer that must replace the handler's.
    pub(crate) refusal: Option<Refusal>,
}

impl Deeds {
    const NONE: Self = Self {
        cookie: CookieEffect::Keep,
        device: Vec::new(),
        patches: Patches::new(),
        renewal: None,
        undelivered: None,
        is_turned_away: false,
        refusal: None,
    };
}

impl<U> State<U> {
    /// The state of a request of which nothing is known.
    pub(super) const fn new() -> Self {
        Self { access: None, put: None, live: None, pending: None, deeds: None }
    }

    /// The session, finished or pending.
    pub(crate) fn any_live(&self) -> Option<&Live> {
        self.live.as_ref().or(self.pending.as_ref().map(|waiting| &waiting.live))
    }

    pub(crate) fn deeds(&self) -> &Deeds {
        static NONE: Deeds = Deeds::NONE;
        self.deeds.as_deref().unwrap_or(&NONE)
    }

    pub(crate) fn deeds_mut(&mut self) -> &mut Deeds {
        self.deeds.get_or_insert_with(|| Box::new(Deeds::NONE))
    }

    /// What was done, to take from; `None` if nothing was.
    pub(crate) fn done(&mut self) -> Option<&mut Deeds> {
        self.deeds.as_deref_mut()
    }
}

impl<U: User> Session<U> {
    /// Takes over what was resolved from the request.
    pub(crate) fn settle(&self, resolution: Resolution<U>) {
        let Resolution { access, live, pending, renewal, begun, is_turned_away } = resolution;
        {
            let mut state = self.state();
            (state.access, state.live, state.pending) = (access, live, pending);
            if renewal.is_some() || is_turned_away {
                let deeds = state.deeds_mut();
                (deeds.renewal, deeds.is_turned_away) = (renewal, is_turned_away);
            }
        }
        if let Some(begun) = begun {
            self.hand_out(*begun);
        }
        self.mark_resolved();
    }

    /// Hands a session to the response and to the request. No other function does, and nothing can fail after it.
    ///
    /// A session that got a new id keeps it, even if no response is made: the old id no longer works. A new session is
    /// undone if no response is made.
    pub(super) fn hand_out(&self, begun: Begun<U>) {
        let Begun { cookie, live, standing, undo, is_new } = begun;
        let mut state = self.state();
        match standing {
            Standing::Unchanged => state.live = Some(live),
            Standing::Caller(access) => {
                (state.access, state.live, state.pending) = (Some(access), Some(live), None);
            }
            Standing::Pending(user, missing) => {
                (state.access, state.live) = (None, None);
                state.pending = Some(Box::new(Waiting { live, user, missing }));
            }
        }
        let deeds = state.deeds_mut();
        deeds.cookie = cookie;
        let is_first_seen = is_new || deeds.undelivered.is_some();
        let done = if is_first_seen {
            // The second session of one request: the first was deleted or got a new id.
            deeds.undelivered.replace(undo)
        } else {
            Some(undo)
        };
        drop(state);
        if let Some(done) = done {
            done.disarm();
        }
    }
}
