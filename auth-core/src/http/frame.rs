//! The frame around a handler: how extractors and guards find the request's caller.
//!
//! A request that presents nothing must cost nothing, so nothing is put into its extensions. Instead the
//! adapter's response future carries a [`Frame`] and puts it on a stack of its thread for the time of each
//! `poll` (as `tokio::task_local!` does). What runs inside finds it there; what is spawned elsewhere does not.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::{Refusal, RequestView, ResponseView, effects};
use crate::require::Lacking;
use crate::session::{AnySession, Session, SessionError};
use crate::{Auth, Require, User, auth};

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

thread_local! {
    /// The innermost frame's `Auth`. For an anonymous request whose handler does not ask, this is all.
    static AUTH: Cell<Option<Arc<dyn AnyAuth>>> = const { Cell::new(None) };
    /// Whether the innermost frame has notes.
    static NOTED: Cell<bool> = const { Cell::new(false) };
    /// What is known of the frames that have a session, were asked for, or stand around another; innermost last.
    static NOTES: RefCell<Vec<Notes>> = const { RefCell::new(Vec::new()) };
}

/// One request's caller, for the time in which its handler runs.
pub struct Frame {
    /// Here, or in [`AUTH`] while the frame is entered.
    auth: Option<Arc<dyn AnyAuth>>,
    session: Option<Arc<dyn AnySession>>,
    /// Whether the handler asked for the caller, so that the response depends on it.
    asked: bool,
}

/// What a frame knows besides its `Auth`, while it is entered.
pub(super) struct Notes {
    pub(super) auth: Arc<dyn AnyAuth>,
    pub(super) session: Option<Arc<dyn AnySession>>,
    pub(super) asked: bool,
}

/// An [`Auth`] whose user type is forgotten.
pub(super) trait AnyAuth: Any + Send + Sync {
    fn check_nobody(self: Arc<Self>, require: &Require, view: &dyn RequestView) -> Refusal;
    fn finish_asked(self: Arc<Self>, response: &mut dyn ResponseView);
}

impl<U: User> AnyAuth for auth::Inner<U> {
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
    pub(super) fn new<U: User>(auth: &Auth<U>, session: Option<Session<U>>) -> Self {
        let auth: Arc<dyn AnyAuth> = Arc::clone(&auth.0) as _;
        Self { auth: Some(auth), session: session.map(Session::into_any), asked: false }
    }

    /// Runs a part of the request's handling inside this frame.
    #[inline]
    pub fn enter<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let mut outer = Outer { auth: AUTH.replace(self.auth.take()), noted: NOTED.replace(false) };
        if self.session.is_some() || self.asked || outer.auth.is_some() {
            self.write_notes(&mut outer);
        }
        let _leave = Leave { frame: self, outer };
        work()
    }

    #[cold]
    #[inline(never)]
    fn write_notes(&mut self, outer: &mut Outer) {
        NOTES.with_borrow_mut(|notes| {
            if let Some(auth) = outer.auth.as_ref().filter(|_| !outer.noted) {
                notes.push(Notes { auth: Arc::clone(auth), session: None, asked: false });
                outer.noted = true;
            }
            if let Some(auth) = innermost().filter(|_| self.session.is_some() || self.asked) {
                notes.push(Notes { auth, session: self.session.take(), asked: self.asked });
                NOTED.set(true);
            }
        });
    }

    fn read_notes(&mut self) {
        if let Some(notes) = NOTES.with_borrow_mut(Vec::pop) {
            self.session = notes.session;
            self.asked = notes.asked;
        }
    }

    /// Moves it out; what stays behind is no frame around anything.
    #[must_use]
    pub fn take(&mut self) -> Self {
        Self { auth: self.auth.take(), session: self.session.take(), asked: self.asked }
    }

    /// What must be answered instead of whatever the handler answered; see [`overrule`](super::overrule).
    #[inline]
    pub fn refusal(&self) -> Option<Refusal> {
        self.session.as_ref()?.refusal()
    }

    /// Values of the session that the handler changed and that are still to be written: await it before
    /// [`finish`](Self::finish).
    #[inline]
    pub fn save(&self, status: u16) -> Option<Saving> {
        let session = self.session.as_ref()?;
        session.has_unsaved().then(|| Saving(Arc::clone(session).save(status)))
    }

    /// Writes on the response what the handler did.
    #[inline]
    pub fn finish(&mut self, response: &mut dyn ResponseView) {
        if self.session.is_some() || self.asked {
            self.write_effects(response);
        }
    }

    fn write_effects(&mut self, response: &mut dyn ResponseView) {
        match (self.session.take(), &self.auth) {
            (Some(session), _) if session.has_effects() => session.finish(response),
            (_, Some(auth)) if self.asked => Arc::clone(auth).finish_asked(response),
            _ => {}
        }
    }
}

/// What was innermost before a frame was entered.
struct Outer {
    auth: Option<Arc<dyn AnyAuth>>,
    noted: bool,
}

/// Leaves a frame, also when a handler panics.
struct Leave<'a> {
    frame: &'a mut Frame,
    outer: Outer,
}

impl Drop for Leave<'_> {
    #[inline]
    fn drop(&mut self) {
        if NOTED.replace(self.outer.noted) {
            self.frame.read_notes();
        }
        self.frame.auth = AUTH.replace(self.outer.auth.take());
    }
}

fn innermost() -> Option<Arc<dyn AnyAuth>> {
    let auth = AUTH.take();
    AUTH.set(auth.clone());
    auth
}

/// Calls `work` with the notes of the innermost frame that `fits`.
pub(super) fn with_notes<T>(fits: impl Fn(&Notes) -> bool, work: impl FnOnce(Option<&mut Notes>) -> T) -> T {
    NOTES.with_borrow_mut(|notes| {
        if let Some(auth) = innermost().filter(|_| !NOTED.replace(true)) {
            notes.push(Notes { auth, session: None, asked: false });
        }
        work(notes.iter_mut().rev().find(|notes| fits(notes)))
    })
}

impl Notes {
    pub(super) fn is_of<U: User>(&self) -> bool {
        (&*self.auth as &dyn Any).is::<auth::Inner<U>>()
    }

    pub(super) fn auth<U: User>(&self) -> Option<Auth<U>> {
        let auth: Arc<dyn Any + Send + Sync> = Arc::clone(&self.auth) as _;
        auth.downcast().ok().map(Auth)
    }

    pub(super) fn session<U: User>(&self) -> Option<Session<U>> {
        Session::from_any(Arc::clone(self.session.as_ref()?))
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
