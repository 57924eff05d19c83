//! Who is calling, by all that a request presents.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::offer::Offer;
use super::session::Session;
use crate::cause::Cause;
use crate::event::SessionEnd;
use crate::session::{
    Begun, BegunBy, Live, Opening, Renewal, ResolveError, ResolveErrorKind, Resolved, SessionEngine,
    SessionError, SessionErrorKind, Waiting, Wanted,
};
use crate::{Access, User};

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Who is calling, and by which session. What is rare is boxed, as in [`Resolved`].
pub(crate) struct Resolution<U> {
    pub(crate) access: Option<Access<U>>,
    pub(crate) live: Option<Live>,
    pub(crate) pending: Option<Box<Waiting<U>>>,
    pub(crate) renewal: Option<Box<Renewal>>,
    /// A session that began with the request.
    pub(crate) begun: Option<Box<Begun<U>>>,
    /// Whether somebody is named whom no backend lets in: a login page would not help.
    pub(crate) is_turned_away: bool,
}

impl<U> Resolution<U> {
    const NOBODY: Self =
        Self { access: None, live: None, pending: None, renewal: None, begun: None, is_turned_away: false };
}

impl<U> Resolution<U> {
    /// Whether no session was found, not even one that waits.
    pub(crate) fn is_nobody(&self) -> bool {
        self.access.is_none() && self.pending.is_none()
    }
}

impl<U> From<Resolved<U>> for Resolution<U> {
    fn from(resolved: Resolved<U>) -> Self {
        let (access, live) = resolved.caller.unzip();
        Self { access, live, pending: resolved.pending, renewal: resolved.renewal, ..Self::NOBODY }
    }
}

/// Finding out who is calling. One box, whatever is asked, for a request that presents a session only.
pub(crate) enum Finding<U> {
    Nobody,
    Session(BoxFuture<'static, Result<Resolved<U>, ResolveError>>),
    Offers(BoxFuture<'static, Result<Resolution<U>, ResolveError>>),
}

impl<U: User> Finding<U> {
    pub(crate) fn of(session: &Session<U>) -> Self {
        if !session.presented().offers().is_empty() {
            return Self::Offers(Box::pin(by_offers(session.clone())));
        }
        match wanted(session) {
            Some((sessions, wanted)) => {
                Self::Session(Arc::clone(sessions).resolve(wanted, session.facts().clone()))
            }
            None => Self::Nobody,
        }
    }
}

impl<U> Future for Finding<U> {
    type Output = Result<Resolution<U>, ResolveError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut *self {
            Self::Nobody => Poll::Ready(Ok(Resolution::NOBODY)),
            Self::Session(future) => future.as_mut().poll(cx).map_ok(Resolution::from),
            Self::Offers(future) => future.as_mut().poll(cx),
        }
    }
}

/// The session that the request presents, and where it is. Without sessions no token is read.
fn wanted<U: User>(session: &Session<U>) -> Option<(&Arc<dyn SessionEngine<U>>, Wanted)> {
    let sessions = session.auth().sessions()?;
    let id = session.presented().id()?;
    let goes_on = session.presented().is_asked_again() || session.auth().0.http.is_persistent;
    let begun_by = if goes_on { BegunBy::Anything } else { BegunBy::Login };
    Some((sessions, Wanted { id, begun_by, is_use: !session.presented().is_watched() }))
}

async fn by_offers<U: User>(session: Session<U>) -> Result<Resolution<U>, ResolveError> {
    if let Some((offer, name)) = session.presented().begins_session() {
        return by_session_of(&session, offer, name).await;
    }
    let access = all_agree(&session).await?;
    let Some((sessions, wanted)) = wanted(&session) else {
        return Ok(Resolution { access, ..Resolution::NOBODY });
    };
    let resolved = Arc::clone(sessions).resolve(wanted, session.facts().clone()).await?;
    let mut resolution = Resolution::from(resolved);
    if resolution.access.as_ref().zip(access.as_ref()).is_some_and(|(one, other)| !is_same(one, other)) {
        return Err(ResolveErrorKind::Contradiction.into());
    }
    resolution.access = access;
    Ok(resolution)
}

/// The user whom all offers name. Two that name two users are a contradiction.
async fn all_agree<U: User>(session: &Session<U>) -> Result<Option<Access<U>>, ResolveError> {
    let mut agreed: Option<Access<U>> = None;
    for offer in session.presented().offers() {
        let access = offer.access(session.auth().authenticator(), session.facts()).await?;
        match &agreed {
            Some(one) if !is_same(one, &access) => return Err(ResolveErrorKind::Contradiction.into()),
            Some(_) => {}
            None => agreed = Some(access),
        }
    }
    Ok(agreed)
}

pub(super) fn is_same<U: User>(one: &Access<U>, other: &Access<U>) -> bool {
    one.backend() == other.backend() && one.user().id() == other.user().id()
}

/// The session goes on if this very name began it. Otherwise the backends say who that is, a new session begins, and
/// whatever there was ends: nobody goes on as somebody else (CVE-2014-0482).
async fn by_session_of<U: User>(
    session: &Session<U>,
    offer: &Offer<U>,
    name: &str,
) -> Result<Resolution<U>, ResolveError> {
    // What keeps a session is accepted only where there are sessions.
    let Some(sessions) = session.auth().sessions() else {
        let cause = SessionError::from(SessionErrorKind::NotConfigured);
        return Err(ResolveError::unavailable(Cause::of(cause)));
    };
    let mut current = None;
    if let Some(id) = session.presented().id() {
        let wanted = Wanted { id, begun_by: BegunBy::Name(name.into()), is_use: true };
        let resolved = Arc::clone(sessions).resolve(wanted, session.facts().clone()).await?;
        if resolved.caller.is_some() || resolved.pending.is_some() {
            return Ok(resolved.into());
        }
        current = resolved.other.map(|live| *live);
    }
    let opening = match offer.judge(session.auth().authenticator(), session.facts()).await {
        Ok(proof) => Opening::new(proof, current.clone(), session.presented().key()).ok(),
        Err(error) if error.kind() == ResolveErrorKind::BadCredentials => None,
        Err(error) => return Err(error),
    };
    let Some(opening) = opening else {
        if let Some(live) = &current {
            sessions.end(live, SessionEnd::RemoteUserChanged, session.facts()).await;
        }
        return Ok(Resolution { is_turned_away: true, ..Resolution::NOBODY });
    };
    let begun = sessions.login(opening.by_name(name), session.facts()).await;
    let begun = begun.map_err(SessionError::into_unresolved)?;
    Ok(Resolution { begun: Some(Box::new(begun)), ..Resolution::NOBODY })
}
