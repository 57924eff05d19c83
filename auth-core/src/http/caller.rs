//! What extractors and guards ask: who is calling, and may they?

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::layered::AnySession;
use super::session::Session;
use super::{AnyExchange, Refusal, RequestExtensions};
use crate::session::{ResolveError, SessionError};
use crate::{Authenticated, Require, User};

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The caller of a request.
pub enum Caller<U> {
    /// The request has passed no layer of an [`Auth`](crate::Auth) for this type of user.
    NoLayer,
    /// Known, or known to be nobody.
    Known(Option<Arc<U>>),
    /// To be found out by [`Session::find_caller`].
    Unknown(Session<U>),
}

/// Finds the caller of a request, by the innermost layer of this type of user.
pub fn caller<U: User>(view: &dyn RequestExtensions) -> Caller<U> {
    match innermost(view) {
        None => Caller::NoLayer,
        Some(session) => {
            session.ask();
            if session.is_resolved() {
                Caller::Known(session.shown(view).map(|access| Arc::clone(access.user())))
            } else {
                Caller::Unknown(session)
            }
        }
    }
}

fn innermost<U: User>(view: &dyn RequestExtensions) -> Option<Session<U>> {
    Session::innermost(&view.exchange()?)
}

/// The exchange of the innermost layer of this type of user: what answers in its name. `None` without one.
pub fn exchange_of<U: User>(view: &dyn RequestExtensions) -> Option<AnyExchange> {
    Some(AnyExchange(innermost::<U>(view)?.into_any()))
}

/// The session handle of a request, by the innermost layer of this type of user; `None` without one.
pub fn session_of<U: User>(view: &dyn RequestExtensions) -> Option<Session<U>> {
    let session = innermost(view)?;
    session.ask();
    session.describe(view);
    Some(session)
}

/// Makes somebody the caller of a request without any proof, by the innermost layer of this type of user, and answers whom
/// the adapter is to put into the request's extensions.
///
/// # Errors
/// [`SessionError`] if `acting` is of another [`Auth`](crate::Auth) than the layer. `None` without a layer.
pub fn act_as<U: User>(
    acting: Authenticated<U>,
    view: &dyn RequestExtensions,
) -> Option<Result<Arc<U>, SessionError>> {
    let session = innermost(view)?;
    session.describe_client(view);
    Some(session.act_as(acting))
}

/// Makes sure that the request of this session is answered by `refusal`, whatever its handler answers.
///
/// For frameworks whose `Option<…>` extractors turn every failure into `None`: an outage must not pass for an
/// anonymous caller.
pub fn overrule<U: User>(session: &Session<U>, refusal: Refusal) {
    session.state().deeds_mut().refusal = Some(refusal);
}

/// A guard's answer.
pub enum Guarded {
    /// The request may pass.
    Pass,
    /// It may not.
    Refuse(Refusal),
    /// The caller is not known yet (a lazy layer): await, then ask [`Resolved::check`].
    Resolve(BoxFuture<'static, Resolved>),
    /// The request has passed no layer.
    NoLayer,
}

/// Checks a rule against the caller of a request, by the innermost layer.
pub fn guard(require: &Require, view: &dyn RequestExtensions) -> Guarded {
    match view.exchange() {
        Some(exchange) => guard_by(exchange, require, view),
        None => Guarded::NoLayer,
    }
}

/// The same by the innermost layer of this type of user: for extractors of users of whom more is asked.
pub fn guard_of<U: User>(require: &Require, view: &dyn RequestExtensions) -> Guarded {
    match exchange_of::<U>(view) {
        Some(exchange) => guard_by(exchange, require, view),
        None => Guarded::NoLayer,
    }
}

fn guard_by(AnyExchange(session): AnyExchange, require: &Require, view: &dyn RequestExtensions) -> Guarded {
    // Before the caller is asked for: an open page costs no look-up, and an outage does not close it.
    if require.excepts(view.target()) {
        return Guarded::Pass;
    }
    session.ask();
    let within = require.freshness();
    if session.is_known() && !session.is_worth_judging(within) {
        return match session.check(require, view) {
            Ok(()) => Guarded::Pass,
            Err(refusal) => Guarded::Refuse(refusal),
        };
    }
    Guarded::Resolve(Box::pin(async move {
        let outcome = Arc::clone(&session).resolve_within(within).await;
        Resolved { session, outcome }
    }))
}

/// A caller that a guard waited for.
pub struct Resolved {
    session: Arc<dyn AnySession>,
    outcome: Result<(), ResolveError>,
}

impl Resolved {
    /// Checks the rule.
    ///
    /// # Errors
    /// The [`Refusal`] to answer with.
    pub fn check(self, require: &Require, view: &dyn RequestExtensions) -> Result<(), Refusal> {
        match self.outcome {
            Ok(()) => self.session.check(require, view),
            Err(error) => Err(self.session.refuse(&error, view)),
        }
    }
}
