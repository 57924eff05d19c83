//! What extractors and guards ask: who is calling, and may they?

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::frame::{AnyAuth, Notes, ask};
use super::{Refusal, RequestView};
use crate::session::{AnySession, Failure, Session};
use crate::{Require, User};

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The caller of the request that is handled now.
pub enum Caller<U> {
    /// No layer of an [`Auth`](crate::Auth) for this type of user is around.
    NoLayer,
    /// Known, or known to be nobody.
    Known(Option<Arc<U>>),
    /// To be found out by [`Session::find_caller`].
    Unknown(Session<U>),
}

/// Finds the caller of the request that is handled now.
pub fn caller<U: User>(view: &dyn RequestView) -> Caller<U> {
    ask(Notes::is_of::<U>, view, |notes| match notes {
        None => Caller::NoLayer,
        Some(notes) => match notes.session::<U>() {
            None => Caller::Known(None),
            Some(session) if session.is_resolved() => Caller::Known(session.user()),
            Some(session) => Caller::Unknown(session),
        },
    })
}

/// The session handle of the request that is handled now; `None` without a layer.
pub fn session<U: User>(view: &dyn RequestView) -> Option<Session<U>> {
    ask(Notes::is_of::<U>, view, |notes| {
        let session = notes?.session_or_nobody::<U>(view)?;
        session.describe(view);
        Some(session)
    })
}

/// Makes sure that the request that is handled now is answered by `refusal`, whatever its handler answers.
///
/// For frameworks whose `Option<…>` extractors turn every failure into `None`: an outage must not pass for an
/// anonymous caller.
pub fn overrule<U: User>(session: &Session<U>, refusal: Refusal) {
    session.state().refusal = Some(Box::new(refusal));
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
    let found =
        ask(|_| true, view, |notes| notes.map(|notes| (Arc::clone(&notes.auth), notes.session.clone())));
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

/// What the innermost layer answers to nobody, for an error that becomes a response when its frame may be left.
pub struct Anonymous {
    auth: Arc<dyn AnyAuth>,
    session: Option<Arc<dyn AnySession>>,
}

/// Keeps the innermost layer's answer to a request that nobody is signed in for; `None` without a layer.
pub fn anonymous(view: &dyn RequestView) -> Option<Anonymous> {
    ask(
        |_| true,
        view,
        |notes| {
            notes.map(|notes| Anonymous { auth: Arc::clone(&notes.auth), session: notes.session.clone() })
        },
    )
}

impl Anonymous {
    /// The answer.
    pub fn refusal(&self, view: &dyn RequestView) -> Refusal {
        let require = Require::login();
        let checked = self.session.as_ref().map(|session| Arc::clone(session).check(&require, view));
        match checked {
            Some(Err(refusal)) => refusal,
            // Somebody logged in meanwhile, by an error that was kept: the one who got it was nobody.
            Some(Ok(())) | None => Arc::clone(&self.auth).check_nobody(&require, view),
        }
    }
}

impl fmt::Debug for Anonymous {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Anonymous").finish_non_exhaustive()
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
