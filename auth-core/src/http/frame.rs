//! The frame around a handler: how extractors and guards find the request's caller.
//!
//! A request that presents nothing must cost nothing, so nothing is put into its extensions. Instead the
//! adapter's response future carries a [`Frame`] and enters it on its thread for the time of each `poll` (as
//! `tokio::task_local!` does). What runs inside finds it there; what is spawned elsewhere does not.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock, Weak};

use super::{Refusal, RequestView, ResponseView, effects};
use crate::require::Lacking;
use crate::session::{AnySession, Session, SessionError};
use crate::{Auth, Require, User, auth};

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

thread_local! {
    /// The innermost frame. For an anonymous request whose handler does not ask, this is all: a number.
    static CURRENT: Cell<Current> = const { Cell::new(Current::NONE) };
    /// What is known of the frames that have a session, were asked for, or stand around another; innermost last.
    static NOTES: RefCell<Vec<Notes>> = const { RefCell::new(Vec::new()) };
}

/// A frame that is entered on this thread.
#[derive(Clone, Copy)]
struct Current {
    /// The id of its `Auth`; 0 for no frame.
    auth: u64,
    flags: u64,
}

impl Current {
    const NONE: Self = Self { auth: 0, flags: 0 };
    /// The last of the notes are its own.
    const NOTED: u64 = 1;
    /// What the request presents was not read.
    const LAZY: u64 = 2;

    #[inline]
    fn is_noted(self) -> bool {
        self.flags & Self::NOTED != 0
    }

    fn is_lazy(self) -> bool {
        self.flags & Self::LAZY != 0
    }
}

/// Every `Auth` that is alive, by its id: how the innermost frame's number leads back to it.
static ALIVE: RwLock<BTreeMap<u64, Weak<dyn AnyAuth>>> = RwLock::new(BTreeMap::new());

/// Makes a new `Auth` known.
pub(crate) fn register<U: User>(auth: &Arc<auth::Inner<U>>) {
    let known: Weak<dyn AnyAuth> = Arc::downgrade(auth) as _;
    ALIVE.write().unwrap_or_else(PoisonError::into_inner).insert(auth.id(), known);
}

/// Forgets an `Auth` that is dropped.
pub(crate) fn unregister(id: u64) {
    ALIVE.write().unwrap_or_else(PoisonError::into_inner).remove(&id);
}

/// The `Auth` of a frame. It is alive: the frame holds it.
fn alive(id: u64) -> Option<Arc<dyn AnyAuth>> {
    ALIVE.read().unwrap_or_else(PoisonError::into_inner).get(&id)?.upgrade()
}

/// One request's caller, for the time in which its handler runs.
pub struct Frame {
    id: u64,
    auth: Option<Arc<dyn AnyAuth>>,
    session: Option<Arc<dyn AnySession>>,
    /// Whether reading what the request presents is left to the first who asks.
    lazy: bool,
    /// Whether the handler asked for the caller, so that the response depends on it.
    asked: bool,
}

/// Whether what a request presents was read, or is left to the first who asks. Only [`Auth::begin`] and
/// [`Auth::begin_lazy`] know.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    pub(super) is_lazy: bool,
}

/// What a frame knows besides its `Auth`, while it is entered.
pub(super) struct Notes {
    pub(super) auth: Arc<dyn AnyAuth>,
    pub(super) session: Option<Arc<dyn AnySession>>,
    lazy: bool,
    asked: bool,
}

/// An [`Auth`] whose user type is forgotten.
pub(super) trait AnyAuth: Any + Send + Sync {
    fn read_late(self: Arc<Self>, view: &dyn RequestView) -> Option<Arc<dyn AnySession>>;
    fn check_nobody(self: Arc<Self>, require: &Require, view: &dyn RequestView) -> Refusal;
    fn finish_asked(self: Arc<Self>, response: &mut dyn ResponseView);
}

impl<U: User> AnyAuth for auth::Inner<U> {
    fn read_late(self: Arc<Self>, view: &dyn RequestView) -> Option<Arc<dyn AnySession>> {
        Auth(self).read_late(view).map(Session::into_any)
    }

    fn check_nobody(self: Arc<Self>, require: &Require, view: &dyn RequestView) -> Refusal {
        Auth(self).refuse_lacking(require, Lacking::Login, view)
    }

    fn finish_asked(self: Arc<Self>, response: &mut dyn ResponseView) {
        let auth = Auth(self);
        effects::add_vary(&auth, response);
        effects::challenge(&auth, response);
    }
}

impl Frame {
    #[inline]
    pub(super) fn new<U: User>(auth: Auth<U>, session: Option<Session<U>>, lazy: bool) -> Self {
        let session = session.map(Session::into_any);
        Self { id: auth.id(), auth: Some(auth.0), session, lazy, asked: false }
    }

    /// A place for the frame that a request will have.
    #[must_use]
    pub fn none() -> Self {
        Self { id: 0, auth: None, session: None, lazy: false, asked: false }
    }

    /// Runs a part of the request's handling inside this frame.
    #[inline]
    pub fn enter<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let mut outer = CURRENT.get();
        CURRENT.set(Current { auth: self.id, flags: if self.lazy { Current::LAZY } else { 0 } });
        if !self.is_idle() || outer.auth != 0 {
            self.write_notes(&mut outer);
        }
        let _leave = Leave { frame: self, outer };
        work()
    }

    #[inline(never)]
    fn write_notes(&mut self, outer: &mut Current) {
        NOTES.with_borrow_mut(|notes| {
            outer.write(notes);
            if self.is_idle() {
                return;
            }
            if let Some(auth) = self.auth.take() {
                let session = self.session.take();
                notes.push(Notes { auth, session, lazy: self.lazy, asked: self.asked });
                CURRENT.set(Current { auth: self.id, flags: Current::NOTED });
            }
        });
    }

    fn read_notes(&mut self) {
        if let Some(notes) = NOTES.with_borrow_mut(Vec::pop) {
            *self = Self {
                id: self.id,
                auth: Some(notes.auth),
                session: notes.session,
                lazy: notes.lazy,
                asked: notes.asked,
            };
        }
    }

    /// Whether nothing is to be written on the response: nothing was presented, and nobody asked.
    #[inline]
    pub fn is_idle(&self) -> bool {
        self.session.is_none() && !self.asked
    }

    /// What must be answered instead of whatever the handler answered; see [`overrule`](super::overrule).
    #[inline]
    pub fn refusal(&self) -> Option<Refusal> {
        self.session.as_ref()?.refusal()
    }

    /// Values of the session that the handler changed and that are still to be written: await it before
    /// [`finish`](Self::finish). The response's status is asked for only then.
    #[inline]
    pub fn save(&self, status: impl FnOnce() -> u16) -> Option<Saving> {
        let session = self.session.as_ref()?;
        session.has_unsaved().then(|| Saving(Arc::clone(session).save(status())))
    }

    /// Writes on the response what the handler did. Where a framework makes several responses of one error, it may be
    /// called for each.
    #[inline]
    pub fn finish(&self, response: &mut dyn ResponseView) {
        if !self.is_idle() {
            self.write_effects(response);
        }
    }

    /// There will be no response to write on: the inner service failed, in a framework whose errors carry no headers.
    ///
    /// A session that began in this request is deleted again with the frame: nobody was given it. A logout stands.
    pub fn give_up(&self) {
        if self.session.as_ref().is_some_and(|session| session.changes_cookie()) {
            tracing::warn!(
                target: "auth",
                "the session cookie of a response was lost: the service inside the AuthLayer answered an error; turn \
                 errors into responses inside of the AuthLayer (axum: `HandleErrorLayer` after it in the `ServiceBuilder`)"
            );
        }
    }

    fn write_effects(&self, response: &mut dyn ResponseView) {
        match (&self.session, &self.auth) {
            (Some(session), _) if session.has_effects() => Arc::clone(session).finish(response),
            (_, Some(auth)) if self.asked => Arc::clone(auth).finish_asked(response),
            _ => {}
        }
    }
}

/// Leaves a frame, also when a handler panics.
struct Leave<'a> {
    frame: &'a mut Frame,
    outer: Current,
}

impl Drop for Leave<'_> {
    #[inline]
    fn drop(&mut self) {
        if CURRENT.replace(self.outer).is_noted() {
            self.frame.read_notes();
        }
    }
}

/// Calls `work` with the notes of the innermost frame that `fits`, after what its request presents was read.
pub(super) fn ask<T>(
    fits: impl Fn(&Notes) -> bool,
    view: &dyn RequestView,
    work: impl FnOnce(Option<&mut Notes>) -> T,
) -> T {
    let found = with_notes(&fits, |notes| match notes {
        Some(notes) if notes.lazy => {
            notes.lazy = false;
            Err((Arc::clone(&notes.auth), work))
        }
        notes => Ok(asked(notes, work)),
    });
    let (auth, work) = match found {
        Ok(answer) => return answer,
        Err(unread) => unread,
    };
    // While no notes are borrowed: schemes and observers are the application's code.
    let session = auth.read_late(view);
    with_notes(&fits, |mut notes| {
        if let Some(notes) = &mut notes {
            notes.session = session;
        }
        asked(notes, work)
    })
}

fn asked<T>(mut notes: Option<&mut Notes>, work: impl FnOnce(Option<&mut Notes>) -> T) -> T {
    if let Some(notes) = &mut notes {
        notes.asked = true;
    }
    work(notes)
}

fn with_notes<T>(fits: impl Fn(&Notes) -> bool, work: impl FnOnce(Option<&mut Notes>) -> T) -> T {
    NOTES.with_borrow_mut(|notes| {
        let mut current = CURRENT.get();
        current.write(notes);
        CURRENT.set(current);
        work(notes.iter_mut().rev().find(|notes| fits(notes)))
    })
}

impl Current {
    /// Makes sure that the last of the notes are its own, if it is a frame.
    #[inline]
    fn write(&mut self, notes: &mut Vec<Notes>) {
        if self.auth == 0 || self.is_noted() {
            return;
        }
        let written = |auth| Notes { auth, session: None, lazy: self.is_lazy(), asked: false };
        notes.extend(alive(self.auth).map(written));
        self.flags |= Current::NOTED;
    }
}

impl Notes {
    pub(super) fn is_of<U: User>(&self) -> bool {
        (&*self.auth as &dyn Any).is::<auth::Inner<U>>()
    }

    fn auth<U: User>(&self) -> Option<Auth<U>> {
        let auth: Arc<dyn Any + Send + Sync> = Arc::clone(&self.auth) as _;
        auth.downcast().ok().map(Auth)
    }

    /// The session handle, if the request presents anything.
    pub(super) fn session<U: User>(&self) -> Option<Session<U>> {
        Session::from_any(Arc::clone(self.session.as_ref()?))
    }

    /// The session handle, also if the request presents nothing.
    pub(super) fn session_or_nobody<U: User>(&mut self, view: &dyn RequestView) -> Option<Session<U>> {
        if let Some(session) = self.session() {
            return Some(session);
        }
        let session = self.auth::<U>()?.anonymous(view);
        self.session = Some(session.clone().into_any());
        Some(session)
    }
}

/// Session values on their way to the store.
pub struct Saving(BoxFuture<'static, Result<(), SessionError>>);

impl Future for Saving {
    /// The answer that replaces the handler's if the values could not be written.
    type Output = Result<(), Refusal>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> std::task::Poll<Self::Output> {
        self.0.as_mut().poll(cx).map_err(|error| Refusal::from(&error))
    }
}
