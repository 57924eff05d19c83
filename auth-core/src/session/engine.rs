//! What sessions do, over any store.

mod confirm;
mod current;
mod login;
mod remote_user;
mod resolve;

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::revocation::Revocations;
use super::{
    Cookie, Failure, Session, SessionConfig, SessionError, SessionErrorKind, SessionInfo, SessionKey,
    SessionRecord, SessionStore, StoreError, StoreErrorKind,
};
use crate::event::EventKind;
use crate::guard::{Interrupted, guarded};
use crate::{Access, Authenticated, How, User};

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
type Patches = BTreeMap<Box<str>, Option<Box<str>>>;

/// How often a write is tried again when another request was faster.
const RETRIES: usize = 8;

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
        Self { shared: Arc::new((store, Revocations::new())), config, cookie }
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
        let answer = guarded(limit, work).await.unwrap_or_else(|why| {
            Err(StoreError::new(match why {
                Interrupted::TimedOut => StoreErrorKind::TimedOut,
                Interrupted::Panicked => StoreErrorKind::Panicked,
            }))
        });
        answer.map_err(|error| {
            session.auth().emit(EventKind::StoreFailed(&error), None, None, session.facts());
            SessionErrorKind::Unavailable.into()
        })
    }
}

fn access_of<U: User>(user: Arc<U>, record: &SessionRecord) -> Access<U> {
    Access::new(user, record.backend.clone(), How::Session, record.authenticated)
}
