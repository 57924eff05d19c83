//! What everything of one [`Auth`](crate::Auth) shares: where users, time and random numbers come from, and who hears of
//! events.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use super::ResolveError;
use super::StoreError;
use super::source::Source;
use crate::backend::{BackendError, Identity};
use crate::cause::Cause;
use crate::chain::BackendAnswer;
use crate::event::{self, EventKind};
use crate::event::{Event, Observer};
use crate::factors::{FactorError, FactorErrorKind, FactorOwner, StoredFactor};
use crate::grant::Grant;
use crate::guard::guarded;
use crate::random::Random;
use crate::report::Report;
use crate::second_factor::{Enrolled, SecondFactor};
use crate::time::{Clock, Timestamp};
use crate::user_cache::Cache;
use crate::{Access, BackendName, RequestFacts, User, UserId};

pub(crate) struct Environment<U> {
    pub(crate) sources: Vec<Source<U>>,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Box<dyn Random>,
    pub(crate) second: Option<SecondFactor<U>>,
}

/// How long the store of factors may take.
const FACTORS_TIMEOUT: Duration = Duration::from_secs(2);

impl<U: User> Environment<U> {
    pub(crate) fn source(&self, name: &BackendName) -> Option<&Source<U>> {
        self.sources.iter().find(|source| source.name == *name)
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Has the user asked for anew by the next request that needs them.
    pub(crate) fn forget_user(&self, backend: &BackendName, id: &UserId) {
        if let Some(cache) = self.cache(backend) {
            cache.invalidate(id);
        }
    }

    /// Where users of this backend are kept, if they are.
    pub(crate) fn cache(&self, backend: &BackendName) -> Option<&Cache<U>> {
        self.source(backend)?.cache.as_ref()
    }

    /// The user of credentials that were accepted with this grant, as the backend has them now, if they may still be active.
    /// An outage is told, and not "nobody".
    pub(crate) async fn reload(
        &self,
        backend: &BackendName,
        id: &UserId,
        grant: &Grant,
        facts: &RequestFacts,
    ) -> Result<Option<Arc<U>>, ResolveError> {
        let Some(source) = self.source(backend) else { return Ok(None) };
        let kept = grant.identity().and_then(Identity::decode);
        match source.get_user(id, kept.as_ref()).await {
            Ok(user) => Ok(user.filter(User::is_active).map(Arc::new)),
            Err(error) => Err(ResolveError::unavailable(self.failed(error, backend, None, facts))),
        }
    }

    /// Has second factors do something, within its time.
    pub(crate) async fn with_factors<T>(
        &self,
        facts: &RequestFacts,
        work: impl Future<Output = Result<T, FactorError>>,
    ) -> Result<T, FactorError> {
        let done = guarded(FACTORS_TIMEOUT, work).await;
        let done = done.unwrap_or_else(|why| Err(StoreError::from(why).into()));
        if let Err(error) = &done
            && error.kind() == FactorErrorKind::Unavailable
        {
            self.emit(EventKind::FactorsFailed(error), None, None, facts);
        }
        done
    }

    /// The factors of a user, and the browsers that they trust. An outage is told, and not "nothing".
    pub(crate) async fn factors_of(
        &self,
        second: &SecondFactor<U>,
        owner: &FactorOwner,
        facts: &RequestFacts,
    ) -> Result<Vec<StoredFactor>, Cause> {
        self.with_factors(facts, second.factors().all(owner)).await.map_err(Cause::of)
    }

    /// What a user has enrolled now.
    pub(crate) async fn enrolled(
        &self,
        second: &SecondFactor<U>,
        owner: &FactorOwner,
        facts: &RequestFacts,
    ) -> Result<Enrolled, Cause> {
        Ok(StoredFactor::enrolled(&self.factors_of(second, owner, facts).await?))
    }

    /// Whether the proofs of credentials that came with a request are enough for their user, by what that one has enrolled now.
    pub(crate) async fn is_enough(
        &self,
        access: &Access<U>,
        facts: &RequestFacts,
    ) -> Result<bool, ResolveError> {
        let Some(second) = &self.second else { return Ok(true) };
        let grant = access.grant();
        let enrolled = self.enrolled_of(access.backend(), &access.user().id(), grant, facts).await?;
        Ok(!second.refuses(access.user(), grant, enrolled))
    }

    /// What the user of credentials has enrolled, where that matters: of a token its issuer knows.
    pub(crate) async fn enrolled_of(
        &self,
        backend: &BackendName,
        id: &UserId,
        grant: &Grant,
        facts: &RequestFacts,
    ) -> Result<Enrolled, ResolveError> {
        let Some(second) = &self.second else { return Ok(Enrolled::NONE) };
        if grant.is_by_token() {
            return Ok(Enrolled::NONE);
        }
        let owner = FactorOwner { backend: backend.clone(), user: id.clone() };
        self.enrolled(second, &owner, facts).await.map_err(ResolveError::unavailable)
    }

    /// Tells that a backend could not answer. The error lies behind whatever fails by it.
    pub(crate) fn failed(
        &self,
        error: BackendError,
        backend: &BackendName,
        user: Option<&UserId>,
        facts: &RequestFacts,
    ) -> Cause {
        self.emit(EventKind::BackendFailed(&error), Some(backend), user, facts);
        Cause::of(error)
    }

    /// Tells what provisioning did for a user.
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

    /// Tells what a backend answered to an attempt.
    pub(crate) fn trace(&self, backend: &BackendName, answer: BackendAnswer, elapsed: Duration) {
        event::trace(&*self.observer, backend, answer, elapsed);
    }

    pub(crate) fn emit(
        &self,
        kind: EventKind<'_>,
        backend: Option<&BackendName>,
        user: Option<&UserId>,
        facts: &RequestFacts,
    ) {
        event::emit(&*self.observer, &Event { kind, at: self.now(), backend, user, facts });
    }
}
