//! The frame around a handler: how extractors and guards find the request's caller.
//!
//! A request that presents nothing must cost nothing, so nothing is put into its extensions. Instead the
//! adapter's response future carries a [`Frame`] and puts it on a stack of its thread for the time of each
//! `poll` (as `tokio::task_local!` does). What runs inside finds it there; what is spawned elsewhere does not.

use std::any::Any;
use std::cell::RefCell;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;

use super::effects;
use super::flow::facts_of;
use super::{Refusal, RequestView, ResponseView};
use crate::session::{AnySession, Failure, Session, SessionError};
use crate::{Access, Auth, Require, User, auth};

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

thread_local! {
    static FRAMES: RefCell<Vec<Slot>> = const { RefCell::new(Vec::new()) };
}

/// One request's caller, for the time in which its handler runs.
pub struct Frame(Option<Slot>);

struct Slot {
    auth: Arc<dyn AnyAuth>,
    session: Option<Arc<dyn AnySession>>,
    /// Whether the handler asked for the caller, so that the response depends on it.
    asked: bool,
    /// What must be answered instead of whatever the handler answers.
    refusal: Option<Box<Refusal>>,
}

/// An [`Auth`] whose user type is forgotten.
trait AnyAuth: Any + Send + Sync {
    fn check_nobody(self: Arc<Self>, require: &Require, view: &dyn RequestView) -> Refusal;
    fn finish_asked(self: Arc<Self>, response: &mut dyn ResponseView);
}

impl<U: User> AnyAuth for auth::Inner<U> {
    fn check_nobody(self: Arc<Self>, require: &Require, view: &dyn RequestView) -> Refusal {
        Auth(self).refuse_lacking(require, crate::require::Lacking::Login, view)
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
        Self(Some(Slot { auth, session: session.map(Session::into_any), asked: false, refusal: None }))
    }

    /// Runs a part of the request's handling inside this frame.
    pub fn enter<T>(&mut self, work: impl FnOnce() -> T) -> T {
        struct Leave<'a>(&'a mut Option<Slot>);
        impl Drop for Leave<'_> {
            fn drop(&mut self) {
                let slot = FRAMES.with_borrow_mut(Vec::pop);
                // What is replaced was taken on the way in: there is nothing to drop.
                mem::forget(mem::replace(self.0, slot));
            }
        }
        if let Some(slot) = self.0.take() {
            FRAMES.with_borrow_mut(|frames| frames.push(slot));
        }
        let _leave = Leave(&mut self.0);
        work()
    }

    /// Moves it out; what stays behind is no frame around anything.
    #[must_use]
    pub fn take(&mut self) -> Self {
        Self(self.0.take())
    }

    /// What must be answered instead of whatever the handler answered; see [`overrule`].
    pub fn refusal(&self) -> Option<&Refusal> {
        self.0.as_ref()?.refusal.as_deref()
    }

    /// Values of the session that the handler changed and that are still to be written: await it before
    /// [`finish`](Self::finish).
    pub fn save(&self, status: u16) -> Option<Saving> {
        let session = self.0.as_ref()?.session.as_ref()?;
        session.has_unsaved().then(|| Saving(Arc::clone(session).save(status)))
    }

    /// Writes on the response what the handler did.
    pub fn finish(&mut self, response: &mut dyn ResponseView) {
        let Some(slot) = &mut self.0 else { return };
        match slot.session.take() {
            Some(session) if session.has_effects() => session.finish(response),
            _ if slot.asked => Arc::clone(&slot.auth).finish_asked(response),
            _ => {}
        }
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

/// The caller of the request that is handled now.
pub enum Caller<U> {
    /// No layer of an [`Auth`] for this type of user is around.
    NoLayer,
    /// Known, or known to be nobody.
    Known(Option<Access<U>>),
    /// To be found out by [`Session::find_caller`].
    Unknown(Session<U>),
}

/// Finds the caller of the request that is handled now.
pub fn caller<U: User>() -> Caller<U> {
    with_slot::<U, _>(|slot| match slot {
        None => Caller::NoLayer,
        Some(slot) => {
            slot.asked = true;
            match slot.session::<U>() {
                None => Caller::Known(None),
                Some(session) if session.is_resolved() => Caller::Known(session.access()),
                Some(session) => Caller::Unknown(session),
            }
        }
    })
}

/// The session handle of the request that is handled now; `None` without a layer.
pub fn session<U: User>(view: &dyn RequestView) -> Option<Session<U>> {
    with_slot::<U, _>(|slot| {
        let slot = slot?;
        slot.asked = true;
        let session =
            slot.session::<U>().or_else(|| slot.auth().map(|auth: Auth<U>| auth.anonymous(view)))?;
        slot.session.get_or_insert_with(|| session.clone().into_any());
        session.describe(|| facts_of(view));
        Some(session)
    })
}

/// Makes sure that the request that is handled now is answered by `refusal`, whatever its handler answers.
///
/// For frameworks whose `Option<…>` extractors turn every failure into `None`: an outage must not pass for an
/// anonymous caller.
pub fn overrule<U: User>(refusal: Refusal) {
    with_slot::<U, _>(|slot| slot.map(|slot| slot.refusal = Some(Box::new(refusal))));
}

/// Calls `work` with the innermost frame of an `Auth<U>`.
fn with_slot<U: User, T>(work: impl FnOnce(Option<&mut Slot>) -> T) -> T {
    FRAMES.with_borrow_mut(|frames| work(frames.iter_mut().rev().find(|slot| slot.is_of::<U>())))
}

impl Slot {
    fn is_of<U: User>(&self) -> bool {
        (&*self.auth as &dyn Any).is::<auth::Inner<U>>()
    }

    fn auth<U: User>(&self) -> Option<Auth<U>> {
        let auth: Arc<dyn Any + Send + Sync> = Arc::clone(&self.auth) as _;
        auth.downcast().ok().map(Auth)
    }

    fn session<U: User>(&self) -> Option<Session<U>> {
        Session::from_any(Arc::clone(self.session.as_ref()?))
    }
}

/// A guard's answer.
pub enum Guarded {
    /// The request may pass.
    Pass,
    /// It may not.
    Refuse(Refusal),
    /// The caller is not known yet (a lazy layer): await, then ask [`Resolved::check`].
    Resolve(BoxFuture<'static, Resolved>),
    /// No layer is around.
    NoLayer,
}

/// Checks a rule against the caller of the request that is handled now, by the innermost layer.
pub fn guard(require: &Require, view: &dyn RequestView) -> Guarded {
    let found = FRAMES.with_borrow_mut(|frames| {
        let slot = frames.last_mut()?;
        slot.asked = true;
        Some((Arc::clone(&slot.auth), slot.session.clone()))
    });
    match found {
        None => Guarded::NoLayer,
        Some((auth, None)) => Guarded::Refuse(auth.check_nobody(require, view)),
        Some((_, Some(session))) if session.is_known() => match session.check(require, view) {
            Ok(()) => Guarded::Pass,
            Err(refusal) => Guarded::Refuse(refusal),
        },
        Some((_, Some(session))) => Guarded::Resolve(Box::pin(async move {
            let outcome = Arc::clone(&session).resolve().await;
            Resolved { session, outcome }
        })),
    }
}

/// A caller that a guard waited for.
pub struct Resolved {
    session: Arc<dyn AnySession>,
    outcome: Result<(), Failure>,
}

impl Resolved {
    /// Checks the rule.
    ///
    /// # Errors
    /// The [`Refusal`] to answer with.
    pub fn check(self, require: &Require, view: &dyn RequestView) -> Result<(), Refusal> {
        match self.outcome {
            Ok(()) => self.session.check(require, view),
            Err(failure) => Err(self.session.refuse(failure, view)),
        }
    }
}
