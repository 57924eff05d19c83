//! What sessions do, over any store.
//!
//! The engine is given values and returns values: what a request presents, and what became of it. It knows neither requests
//! nor responses, and keeps nothing of them.

mod begin;
mod confirm;
mod current;
mod end;
mod resolve;
mod standing;
mod turns;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::live::{Begun, Live, Renewal, Resolved, UserRecord, Wanted};
use super::record::Patches;
use super::revocation::{Revocations, Shared};
use super::verified::Verified;
use super::{
    Realm, ResolveError, SessionConfig, SessionError, SessionInfo, SessionKey, SessionStore, SessionUser,
    StoreError, UserSessions,
};
use crate::cause::Cause;
use crate::event::{EventKind, SessionEnd};
use crate::grant::Proof;
use crate::guard::{Guarded, guarded};
use crate::second_factor::Enrolled;
use crate::session::Environment;
use crate::{Access, RequestFacts, User};
pub(crate) use begin::Opening;
use resolve::Found;
use turns::Turns;

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The dyn twin of [`Engine`], in which the store's type disappears. Each call boxes one future, whatever
/// the store does in it.
pub(crate) trait SessionEngine<U>: Send + Sync {
    fn resolve(
        self: Arc<Self>,
        wanted: Wanted,
        facts: RequestFacts,
    ) -> BoxFuture<'static, Result<Resolved<U>, ResolveError>>;
    fn login<'a>(
        &'a self,
        opening: Opening<U>,
        facts: &'a RequestFacts,
    ) -> BoxFuture<'a, Result<Begun<U>, SessionError>>;
    /// Ends the session under this key, and goes on trying if the store cannot confirm it.
    fn logout<'a>(
        &'a self,
        key: SessionKey,
        facts: &'a RequestFacts,
    ) -> BoxFuture<'a, Result<(), SessionError>>;
    /// The same for a key that was only presented: it may be nobody's, or another site's.
    fn logout_presented<'a>(
        &'a self,
        key: SessionKey,
        facts: &'a RequestFacts,
    ) -> BoxFuture<'a, Result<(), SessionError>>;
    /// Ends a session that nobody asked to end.
    fn end<'a>(&'a self, live: &'a Live, why: SessionEnd, facts: &'a RequestFacts) -> BoxFuture<'a, ()>;
    fn rotate<'a>(
        &'a self,
        live: Live,
        rebind: Option<U>,
        facts: &'a RequestFacts,
    ) -> BoxFuture<'a, Result<Begun<U>, SessionError>>;
    /// The session with these proofs of its user added, under a new id; without any, what it lacks is looked at again.
    fn add<'a>(
        &'a self,
        live: Live,
        proofs: &'a [Proof],
        facts: &'a RequestFacts,
    ) -> BoxFuture<'a, Result<Begun<U>, SessionError>>;
    /// Notes in all sessions of a user what they have enrolled from now on.
    fn note_enrolled<'a>(
        &'a self,
        of: &'a SessionUser,
        enrolled: Enrolled,
        facts: &'a RequestFacts,
    ) -> BoxFuture<'a, Result<(), SessionError>>;
    /// The session with the values changed; `None` if it is gone.
    fn save<'a>(
        &'a self,
        live: Live,
        patches: Patches,
        facts: &'a RequestFacts,
    ) -> BoxFuture<'a, Result<Option<Live>, SessionError>>;
    /// The session under a new id, if that can be done.
    fn renew<'a>(
        &'a self,
        live: Live,
        renewal: Renewal,
        facts: &'a RequestFacts,
    ) -> BoxFuture<'a, Option<Begun<U>>>;
    /// The key that another request moved the session to.
    fn find_moved<'a>(
        &'a self,
        live: &'a Live,
        facts: &'a RequestFacts,
    ) -> BoxFuture<'a, Result<Option<SessionKey>, SessionError>>;
    fn list<'a>(
        &'a self,
        live: &'a Live,
        facts: &'a RequestFacts,
    ) -> BoxFuture<'a, Result<Vec<SessionInfo>, SessionError>>;
    fn revoke<'a>(
        &'a self,
        live: &'a Live,
        key: SessionKey,
        facts: &'a RequestFacts,
    ) -> BoxFuture<'a, Result<(), SessionError>>;
    fn logout_others<'a>(
        &'a self,
        live: &'a Live,
        facts: &'a RequestFacts,
    ) -> BoxFuture<'a, Result<u64, SessionError>>;
}

/// Sessions over a store.
pub(crate) struct Engine<S, U> {
    environment: Arc<Environment<U>>,
    shared: Arc<Shared<S>>,
    turns: Turns,
    config: SessionConfig,
    realm: Realm,
    verified: Verified,
}

impl<U: User, S: SessionStore> SessionEngine<U> for Engine<S, U> {
    fn resolve(
        self: Arc<Self>,
        wanted: Wanted,
        facts: RequestFacts,
    ) -> BoxFuture<'static, Result<Resolved<U>, ResolveError>> {
        Box::pin(async move { self.resolve_session(&wanted, &facts).await })
    }

    fn login<'a>(
        &'a self,
        opening: Opening<U>,
        facts: &'a RequestFacts,
    ) -> BoxFuture<'a, Result<Begun<U>, SessionError>> {
        Box::pin(self.begin(opening, facts))
    }

    fn logout<'a>(
        &'a self,
        key: SessionKey,
        facts: &'a RequestFacts,
    ) -> BoxFuture<'a, Result<(), SessionError>> {
        Box::pin(self.end_now(key, facts))
    }

    fn logout_presented<'a>(
        &'a self,
        key: SessionKey,
        facts: &'a RequestFacts,
    ) -> BoxFuture<'a, Result<(), SessionError>> {
        Box::pin(self.end_presented(key, facts))
    }

    fn end<'a>(&'a self, live: &'a Live, why: SessionEnd, facts: &'a RequestFacts) -> BoxFuture<'a, ()> {
        Box::pin(self.end_unasked(live, why, facts))
    }

    fn rotate<'a>(
        &'a self,
        live: Live,
        rebind: Option<U>,
        facts: &'a RequestFacts,
    ) -> BoxFuture<'a, Result<Begun<U>, SessionError>> {
        Box::pin(self.move_session(live, rebind, facts))
    }

    fn add<'a>(
        &'a self,
        live: Live,
        proofs: &'a [Proof],
        facts: &'a RequestFacts,
    ) -> BoxFuture<'a, Result<Begun<U>, SessionError>> {
        Box::pin(self.add_proofs(live, proofs, facts))
    }

    fn note_enrolled<'a>(
        &'a self,
        of: &'a SessionUser,
        enrolled: Enrolled,
        facts: &'a RequestFacts,
    ) -> BoxFuture<'a, Result<(), SessionError>> {
        Box::pin(self.write_enrolled(of, enrolled, facts))
    }

    fn save<'a>(
        &'a self,
        live: Live,
        patches: Patches,
        facts: &'a RequestFacts,
    ) -> BoxFuture<'a, Result<Option<Live>, SessionError>> {
        Box::pin(self.save_data(live, patches, facts))
    }

    fn renew<'a>(
        &'a self,
        live: Live,
        renewal: Renewal,
        facts: &'a RequestFacts,
    ) -> BoxFuture<'a, Option<Begun<U>>> {
        Box::pin(self.renew_session(live, renewal, facts))
    }

    fn find_moved<'a>(
        &'a self,
        live: &'a Live,
        facts: &'a RequestFacts,
    ) -> BoxFuture<'a, Result<Option<SessionKey>, SessionError>> {
        Box::pin(self.find_lineage(live.record.user(), &live.key, facts))
    }

    fn list<'a>(
        &'a self,
        live: &'a Live,
        facts: &'a RequestFacts,
    ) -> BoxFuture<'a, Result<Vec<SessionInfo>, SessionError>> {
        Box::pin(self.list_sessions(live, facts))
    }

    fn revoke<'a>(
        &'a self,
        live: &'a Live,
        key: SessionKey,
        facts: &'a RequestFacts,
    ) -> BoxFuture<'a, Result<(), SessionError>> {
        Box::pin(self.revoke_session(live, key, facts))
    }

    fn logout_others<'a>(
        &'a self,
        live: &'a Live,
        facts: &'a RequestFacts,
    ) -> BoxFuture<'a, Result<u64, SessionError>> {
        Box::pin(self.end_others(live, facts))
    }
}

impl<S: SessionStore, U: User> Engine<S, U> {
    pub(crate) fn new(
        environment: Arc<Environment<U>>,
        store: S,
        config: SessionConfig,
        realm: Realm,
    ) -> Self {
        let shared = Arc::new(Shared { store, revocations: Revocations::new() });
        Self { environment, shared, turns: Turns::default(), config, realm, verified: Verified::new() }
    }

    fn store(&self) -> &S {
        &self.shared.store
    }

    fn read<'a, T, F>(&'a self, facts: &'a RequestFacts, work: F) -> Within<'a, S, U, F>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        Within { work: guarded(self.config.read_timeout, work), engine: self, facts }
    }

    fn write<'a, T, F>(&'a self, facts: &'a RequestFacts, work: F) -> Within<'a, S, U, F>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        Within { work: guarded(self.config.write_timeout, work), engine: self, facts }
    }

    fn failed(&self, error: StoreError, facts: &RequestFacts) -> SessionError {
        self.environment.emit(EventKind::StoreFailed(&error), None, None, facts);
        SessionError::unavailable(Cause::of(error))
    }

    /// Limits several steps together to the time for a write, however often one of them has to be repeated.
    async fn in_time<T>(
        &self,
        facts: &RequestFacts,
        work: impl Future<Output = Result<T, SessionError>>,
    ) -> Result<T, SessionError> {
        let answer = guarded(self.config.write_timeout, work).await;
        answer.unwrap_or_else(|why| Err(self.failed(why.into(), facts)))
    }

    /// Whether a session was logged out here, though the store has not confirmed it yet.
    fn is_revoked(&self, key: &SessionKey) -> bool {
        self.shared.revocations.contains(key)
    }

    /// Tells what happened to a session.
    fn tell(&self, kind: EventKind<'_>, user: &SessionUser, facts: &RequestFacts) {
        self.environment.emit(kind, Some(&user.backend), Some(&user.id), facts);
    }

    /// All sessions that this user has on this site.
    fn sessions_of<'a>(&'a self, user: &'a SessionUser) -> UserSessions<'a> {
        UserSessions::on(&self.realm, &user.backend, &user.id)
    }
}

pin_project! {
    /// What is asked of the store, within its time. Written out, as [`Guarded`] is: it is in each request's future.
    #[must_use = "futures do nothing unless polled"]
    struct Within<'a, S, U, F> {
        #[pin]
        work: Guarded<F, fn() -> bool>,
        engine: &'a Engine<S, U>,
        facts: &'a RequestFacts,
    }
}

impl<S: SessionStore, U: User, T, F: Future<Output = Result<T, StoreError>>> Future for Within<'_, S, U, F> {
    type Output = Result<T, SessionError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let answer = ready!(this.work.poll(cx)).unwrap_or_else(|why| Err(why.into()));
        Poll::Ready(answer.map_err(|error| this.engine.failed(error, this.facts)))
    }
}

fn access_of<U: User>(user: Arc<U>, record: &UserRecord) -> Access<U> {
    Access::by_session(user, record.as_proven())
}
