//! [`Auth`]: the configured whole.

mod builder;

use std::any::{Any, TypeId};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use crate::chain::{Chain, News, Source};
use crate::event::{self, Claim, EventKind, MAX_SUBJECT_LEN};
use crate::facts::printable;
use crate::http;
use crate::provisioning::Report;
use crate::session::SessionEngine;
use crate::user_cache::Cache;
use crate::{
    Authenticated, BackendName, Clock, ConfigError, Credentials, Denied, DeniedKind, Event, Observer, Random,
    RequestFacts, Timestamp, User, UserId,
};
pub use builder::AuthBuilder;

/// A configured chain with its sessions and schemes: what an adapter's layer is made of. Cheap to clone.
///
/// ```
/// use auth_core::session::{KeyRing, MemorySessions, SessionConfig};
/// use auth_core::{Auth, MemoryBackend, Password, Passwords};
/// # use auth_core::{User, UserId};
/// # #[derive(Clone)]
/// # struct Member;
/// # impl User for Member {
/// #     fn id(&self) -> UserId { UserId::from(1) }
/// #     fn security_stamp(&self) -> &[u8] { b"stamp" }
/// #     fn is_active(&self) -> bool { true }
/// # }
///
/// let users = MemoryBackend::<Member>::new(Passwords::new()?);
/// let auth: Auth<Member> = Auth::builder()
///     .backend::<Password>("local", users)
///     .sessions(MemorySessions::new(10_000), SessionConfig::new(KeyRing::generate()?))
///     .login_page("/login")
///     .build()?;
/// # Ok::<(), auth_core::ConfigError>(())
/// ```
pub struct Auth<U>(pub(crate) Arc<Inner<U>>);

/// Tells one `Auth` from another: a proof of one is none for another.
static NEXT_ID: AtomicU64 = AtomicU64::new(1);

pub(crate) struct Inner<U> {
    id: u64,
    /// For each type of credentials its `Chain<C, U>`.
    chains: Vec<(TypeId, Box<dyn Any + Send + Sync>)>,
    sources: Vec<Source<U>>,
    sessions: Option<Arc<dyn SessionEngine<U>>>,
    chain_timeout: Duration,
    observer: Box<dyn Observer>,
    clock: Box<dyn Clock>,
    random: Box<dyn Random>,
    pub(crate) http: http::Settings<U>,
}

impl<U: User> Auth<U> {
    /// Starts a configuration.
    pub fn builder() -> AuthBuilder<U> {
        AuthBuilder::new()
    }

    /// Asks the backends for these credentials, in order.
    ///
    /// In a handler use [`Session::authenticate`](crate::session::Session::authenticate), which knows the
    /// request's facts; this is for everything that is no request.
    ///
    /// # Errors
    /// [`Denied`] if nobody accepted them.
    pub async fn authenticate<C: Credentials>(
        &self,
        credentials: C,
        facts: &RequestFacts,
    ) -> Result<Authenticated<U>, Denied> {
        self.judge(&credentials, facts).await
    }

    pub(crate) async fn judge<C: Credentials>(
        &self,
        credentials: &C,
        facts: &RequestFacts,
    ) -> Result<Authenticated<U>, Denied> {
        let subject = credentials.subject().map(|subject| printable(subject, MAX_SUBJECT_LEN));
        let claim = Claim { credentials: C::KIND, subject: subject.as_deref() };
        let mut ending = Ending { auth: self, facts, claim: Some(claim) };
        let answer = self.ask(credentials, facts).await;
        ending.tell(&answer);
        answer
    }

    async fn ask<C: Credentials>(
        &self,
        credentials: &C,
        facts: &RequestFacts,
    ) -> Result<Authenticated<U>, Denied> {
        let chain = self.chain::<C>().ok_or_else(Denied::nobody)?;
        let hears = |backend: &BackendName, news: News<'_>| match news {
            News::Failed(error) => self.emit(EventKind::BackendFailed(error), Some(backend), None, facts),
            News::Provisioned(report) => self.tell_of(report, backend, facts),
        };
        let (user, backend) =
            chain.authenticate(credentials, facts, self.0.chain_timeout, &*self.0.clock, hears).await?;
        // Who comes from an outside system may just have been created or updated.
        if let Some(cache) = self.cache(backend) {
            cache.invalidate(&user.id());
        }
        Ok(Authenticated { user: Arc::new(user), backend: backend.clone(), at: self.now(), by: self.0.id })
    }

    pub(crate) fn tell_of(&self, report: &Report, backend: &BackendName, facts: &RequestFacts) {
        let emit = |kind| self.emit(kind, Some(backend), Some(&report.user), facts);
        if report.created {
            emit(EventKind::UserCreated(&report.changed));
        } else if !report.changed.is_empty() {
            emit(EventKind::UserUpdated(&report.changed));
        }
        if !report.kept.is_empty() {
            emit(EventKind::UserKept(&report.kept));
        }
    }

    /// Forgets what the [`UserCache`](crate::UserCache) knows of a user, so that the next request of each of its
    /// sessions asks the backend. Also what is being loaded now is not kept.
    ///
    /// For an application that changes a user by itself (disables it, takes it out of a group): call this when the
    /// change is committed. Other instances are not told; there the change counts when the ttl is over. Without a
    /// cache it does nothing.
    ///
    /// # Errors
    /// [`ConfigError`] if no backend has this name.
    pub fn invalidate_user(&self, backend: &str, id: &UserId) -> Result<(), ConfigError> {
        let source = self.named(backend)?;
        source.cache.iter().for_each(|cache| cache.invalidate(id));
        Ok(())
    }

    /// As [`invalidate_user`](Self::invalidate_user), for all users of all backends: after an import, or a change of
    /// what a group may do.
    pub fn invalidate_users(&self) {
        self.0.sources.iter().filter_map(|source| source.cache.as_ref()).for_each(Cache::clear);
    }

    pub(crate) fn forget_user(&self, backend: &BackendName, id: &UserId) {
        if let Some(cache) = self.cache(backend) {
            cache.invalidate(id);
        }
    }

    fn cache(&self, backend: &BackendName) -> Option<&Cache<U>> {
        self.source(backend)?.cache.as_ref()
    }

    /// Vouches for a user without any proof: for impersonation by an administrator, and for tests. The
    /// backend must be one that reloads the user by its id.
    ///
    /// # Errors
    /// [`ConfigError`] if no backend has this name.
    pub fn dangerous_authenticated(&self, user: U, backend: &str) -> Result<Authenticated<U>, ConfigError> {
        let (user, backend) = (Arc::new(user), self.named(backend)?.name.clone());
        Ok(Authenticated { user, backend, at: self.now(), by: self.0.id })
    }

    fn named(&self, backend: &str) -> Result<&Source<U>, ConfigError> {
        let source = self.0.sources.iter().find(|source| source.name.as_str() == backend);
        source.ok_or_else(|| ConfigError::new(format!("no backend is named {backend:?}")))
    }

    /// `next`, if it may be followed after a login.
    pub(crate) fn next<'a>(&self, next: &'a str) -> Option<&'a str> {
        self.0.http.next(next)
    }

    fn chain<C: Credentials>(&self) -> Option<&Chain<C, U>> {
        let (_, chain) = self.0.chains.iter().find(|(kind, _)| *kind == TypeId::of::<C>())?;
        chain.downcast_ref()
    }

    pub(crate) fn id(&self) -> u64 {
        self.0.id
    }

    pub(crate) fn source(&self, name: &BackendName) -> Option<&Source<U>> {
        self.0.sources.iter().find(|source| source.name == *name)
    }

    pub(crate) fn sessions(&self) -> Option<&Arc<dyn SessionEngine<U>>> {
        self.0.sessions.as_ref()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.0.clock
    }

    pub(crate) fn random(&self) -> &dyn Random {
        &*self.0.random
    }

    pub(crate) fn emit(
        &self,
        kind: EventKind<'_>,
        backend: Option<&BackendName>,
        user: Option<&UserId>,
        facts: &RequestFacts,
    ) {
        event::emit(&*self.0.observer, &Event { kind, at: self.now(), backend, user, facts });
    }
}

/// Makes sure that an attempt ends in exactly one event, even if its client goes away.
struct Ending<'a, U: User> {
    auth: &'a Auth<U>,
    facts: &'a RequestFacts,
    claim: Option<Claim<'a>>,
}

impl<U: User> Ending<'_, U> {
    fn tell(&mut self, answer: &Result<Authenticated<U>, Denied>) {
        let Some(claim) = self.claim.take() else { return };
        let (kind, backend, user) = match answer {
            Ok(done) => (EventKind::LoginSucceeded(claim), Some(&done.backend), Some(done.user.id())),
            Err(denied) if denied.kind() == DeniedKind::Unavailable => {
                (EventKind::LoginUnavailable(claim), denied.backend(), None)
            }
            Err(denied) => (EventKind::LoginFailed(claim, denied.kind()), denied.backend(), None),
        };
        self.auth.emit(kind, backend, user.as_ref(), self.facts);
    }
}

impl<U: User> Drop for Ending<'_, U> {
    fn drop(&mut self) {
        if let Some(claim) = self.claim.take() {
            self.auth.emit(EventKind::LoginAborted(claim), None, None, self.facts);
        }
    }
}

impl<U> Clone for Auth<U> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<U> fmt::Debug for Auth<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let backends: Vec<_> = self.0.sources.iter().map(|source| &source.name).collect();
        f.debug_struct("Auth").field("backends", &backends).finish_non_exhaustive()
    }
}
