//! What sessions do, over any store.

mod confirm;
mod current;
mod handout;
mod login;
mod remote_user;
mod renew;
mod resolve;
mod turns;

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::handle::Renewal;
use super::revocation::Revocations;
use super::{
    Cookie, Failure, Session, SessionConfig, SessionError, SessionErrorKind, SessionInfo, SessionKey,
    SessionRecord, SessionStore, StoreError, StoreErrorKind,
};
use crate::event::EventKind;
use crate::guard::{Interrupted, guarded};
use crate::{Access, Authenticated, How, User};
use turns::Turns;

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
type Patches = BTreeMap<Box<str>, Option<Box<str>>>;

/// The dyn twin of [`Engine`], in which the store's type disappears. Each call boxes one future, whatever
/// the store does in it.
pub(crate) trait SessionEngine<U>: Send + Sync {
    fn cookie(&self) -> &Cookie;
    /// How long a session lives at most.
    fn lifetime(&self) -> Duration;
    fn resolve(self: Arc<Self>, session: Session<U>) -> BoxFuture<'static, Result<(), Failure>>;
    fn resolve_remote_user(self: Arc<Self>, session: Session<U>) -> BoxFuture<'static, Result<(), Failure>>;
    fn login<'a>(
        &'a self,
        session: &'a Session<U>,
        authenticated: Authenticated<U>,
    ) -> BoxFuture<'a, Result<(), SessionError>>;
    fn logout<'a>(&'a self, session: &'a Session<U>) -> BoxFuture<'a, Result<(), SessionError>>;
    fn rotate<'a>(
        &'a self,
        session: &'a Session<U>,
        rebind: Option<U>,
    ) -> BoxFuture<'a, Result<(), SessionError>>;
    fn save<'a>(
        &'a self,
        session: &'a Session<U>,
        patches: Patches,
    ) -> BoxFuture<'a, Result<(), SessionError>>;
    /// Gives the session a new id, if that can be done.
    fn renew<'a>(&'a self, session: &'a Session<U>, renewal: Renewal) -> BoxFuture<'a, ()>;
    fn list<'a>(&'a self, session: &'a Session<U>) -> BoxFuture<'a, Result<Vec<SessionInfo>, SessionError>>;
    fn revoke<'a>(
        &'a self,
        session: &'a Session<U>,
        key: &'a SessionKey,
    ) -> BoxFuture<'a, Result<(), SessionError>>;
    fn logout_others<'a>(&'a self, session: &'a Session<U>) -> BoxFuture<'a, Result<u64, SessionError>>;
}

/// Sessions over a store.
pub(crate) struct Engine<S> {
    shared: Arc<(S, Revocations)>,
    turns: Turns,
    config: SessionConfig,
    cookie: Cookie,
}

impl<U: User, S: SessionStore> SessionEngine<U> for Engine<S> {
    fn cookie(&self) -> &Cookie {
        &self.cookie
    }

    fn lifetime(&self) -> Duration {
        self.config.absolute
    }

    fn resolve(self: Arc<Self>, session: Session<U>) -> BoxFuture<'static, Result<(), Failure>> {
        Box::pin(async move { self.resolve_session(&session).await })
    }

    fn resolve_remote_user(self: Arc<Self>, session: Session<U>) -> BoxFuture<'static, Result<(), Failure>> {
        Box::pin(async move { self.resolve_named(&session).await })
    }

    fn login<'a>(
        &'a self,
        session: &'a Session<U>,
        authenticated: Authenticated<U>,
    ) -> BoxFuture<'a, Result<(), SessionError>> {
        let current = session.state().live.clone();
        Box::pin(self.start_session(session, authenticated, current, None))
    }

    fn logout<'a>(&'a self, session: &'a Session<U>) -> BoxFuture<'a, Result<(), SessionError>> {
        Box::pin(self.end_session(session))
    }

    fn rotate<'a>(
        &'a self,
        session: &'a Session<U>,
        rebind: Option<U>,
    ) -> BoxFuture<'a, Result<(), SessionError>> {
        Box::pin(self.rotate_session(session, rebind))
    }

    fn save<'a>(
        &'a self,
        session: &'a Session<U>,
        patches: Patches,
    ) -> BoxFuture<'a, Result<(), SessionError>> {
        Box::pin(self.save_data(session, patches))
    }

    fn renew<'a>(&'a self, session: &'a Session<U>, renewal: Renewal) -> BoxFuture<'a, ()> {
        Box::pin(self.renew_session(session, renewal))
    }

    fn list<'a>(&'a self, session: &'a Session<U>) -> BoxFuture<'a, Result<Vec<SessionInfo>, SessionError>> {
        Box::pin(self.list_sessions(session))
    }

    fn revoke<'a>(
        &'a self,
        session: &'a Session<U>,
        key: &'a SessionKey,
    ) -> BoxFuture<'a, Result<(), SessionError>> {
        Box::pin(self.revoke_session(session, key))
    }

    fn logout_others<'a>(&'a self, session: &'a Session<U>) -> BoxFuture<'a, Result<u64, SessionError>> {
        Box::pin(self.end_others(session))
    }
}

impl<S: SessionStore> Engine<S> {
    pub(crate) fn new(store: S, config: SessionConfig, cookie: Cookie) -> Self {
        Self { shared: Arc::new((store, Revocations::new())), turns: Turns::default(), config, cookie }
    }

    fn store(&self) -> &S {
        &self.shared.0
    }

    async fn read<U: User, T>(
        &self,
        session: &Session<U>,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, SessionError> {
        Self::within(session, self.config.read_timeout, work).await
    }

    async fn write<U: User, T>(
        &self,
        session: &Session<U>,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, SessionError> {
        Self::within(session, self.config.write_timeout, work).await
    }

    async fn within<U: User, T>(
        session: &Session<U>,
        limit: Duration,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, SessionError> {
        let answer = guarded(limit, work).await.unwrap_or_else(|why| Err(interrupted(why)));
        answer.map_err(|error| Self::failed(session, &error))
    }

    fn failed<U: User>(session: &Session<U>, error: &StoreError) -> SessionError {
        session.auth().emit(EventKind::StoreFailed(error), None, None, session.facts());
        SessionErrorKind::Unavailable.into()
    }

    /// Limits several steps together to the time for a write, however often one of them has to be repeated.
    async fn in_time<U: User, T>(
        &self,
        session: &Session<U>,
        work: impl Future<Output = Result<T, SessionError>>,
    ) -> Result<T, SessionError> {
        let answer = guarded(self.config.write_timeout, work).await;
        answer.unwrap_or_else(|why| Err(Self::failed(session, &interrupted(why))))
    }

    /// Whether a session was logged out here, though the store has not confirmed it yet.
    fn is_revoked(&self, key: &SessionKey) -> bool {
        self.shared.1.contains(key)
    }
}

fn interrupted(why: Interrupted) -> StoreError {
    StoreError::new(match why {
        Interrupted::TimedOut => StoreErrorKind::TimedOut,
        Interrupted::Panicked => StoreErrorKind::Panicked,
    })
}

fn access_of<U: User>(user: Arc<U>, record: &SessionRecord) -> Access<U> {
    Access::new(user, record.backend.clone(), How::Session, record.authenticated)
}
