//! Offers: the credentials of one request, on their way from the scheme that read them to the chain.

use std::any::TypeId;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::kept::Kept;
use super::remembered::{Fingerprint, Memory, Remembered};
use super::scheme::{Keeps, Read, Scheme, is_of};
use super::view::HeaderName;
use super::{Challenge, Header, RequestView};
use crate::authenticator::Authenticator;
use crate::second_factor::{Enrolled, SecondFactor};
use crate::session::{ResolveError, ResolveErrorKind};
use crate::time::Clock;
use crate::unheard::log_error;
use crate::{
    Access, Authenticated, BearerToken, ConfigError, Credentials, Denied, DeniedKind, RequestFacts, User,
};

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The dyn twin of [`Scheme`].
pub(crate) trait DynScheme<U>: Send + Sync {
    fn name(&self) -> &'static str;
    fn headers(&self) -> &[HeaderName];
    fn reads_authorization(&self) -> bool;
    fn challenge(&self) -> Option<&Challenge>;
    fn challenge_again(&self) -> Option<&Challenge>;
    fn allows_cleartext(&self) -> bool;
    fn is_ambient(&self) -> bool;
    fn keeps(&self) -> Keeps;
    /// Whether its credentials are bearer tokens.
    fn reads_tokens(&self) -> bool;
    /// Whether its credentials are a person's proof.
    fn is_personal(&self) -> bool;
    fn check(&self) -> Result<(), ConfigError>;
    /// Reads a request; first, whether these very values were accepted lately.
    fn fetch(self: Arc<Self>, view: &dyn RequestView, clock: &dyn Clock) -> Fetched<U>;
    /// Reads what was kept of a request, whatever is remembered of it.
    fn read_again(self: Arc<Self>, recalled: &Recalled) -> Fetched<U>;
    fn forget(&self, fingerprint: &Fingerprint);
}

impl<U> dyn DynScheme<U> {
    /// Whether it is asked about this `Authorization`.
    pub(super) fn takes(&self, authorization: &[u8]) -> bool {
        is_of(authorization, self.name())
    }
}

/// What a scheme found in a request.
pub(crate) enum Fetched<U> {
    Nothing,
    Offer(Offer<U>),
    Malformed,
    Untrusted,
    Ambiguous,
}

/// Credentials of a request, and the scheme that read them.
pub(crate) struct Offer<U> {
    scheme: Arc<dyn DynScheme<U>>,
    credentials: Offered<U>,
}

enum Offered<U> {
    /// To be judged.
    Unjudged(Box<dyn Judge<U>>),
    /// Accepted lately.
    Recalled(Recalled),
}

/// Credentials whose type is forgotten, waiting to be judged.
trait Judge<U>: Send + Sync {
    fn subject(&self) -> Option<&str>;
    fn judge<'a>(
        &'a self,
        authenticator: &'a Authenticator<U>,
        facts: &'a RequestFacts,
    ) -> BoxFuture<'a, Result<(Authenticated<U>, Enrolled), ResolveError>>;
}

/// Credentials that were accepted lately.
pub(crate) struct Recalled {
    entry: Arc<Remembered>,
    fingerprint: Fingerprint,
    /// Read again if the user is not the one that was accepted any more.
    kept: Kept,
}

impl<U: User> Offer<U> {
    pub(super) fn is_ambient(&self) -> bool {
        self.scheme.is_ambient()
    }

    /// Whether it is a person's proof that was accepted earlier: to judge it again makes it fresh.
    pub(super) fn is_recalled_proof(&self) -> bool {
        self.scheme.is_personal() && matches!(self.credentials, Offered::Recalled(_))
    }

    /// Whom it names, if a session is to begin with it.
    pub(super) fn begins_session(&self) -> Option<&str> {
        match (&self.credentials, self.scheme.keeps()) {
            (Offered::Unjudged(credentials), Keeps::Session { .. }) => credentials.subject(),
            _ => None,
        }
    }

    /// Who is calling by this offer.
    pub(super) async fn access(
        &self,
        authenticator: &Authenticator<U>,
        facts: &RequestFacts,
    ) -> Result<Access<U>, ResolveError> {
        if let Offered::Recalled(recalled) = &self.credentials
            && let Some(access) = self.recall(recalled, authenticator, facts).await?
        {
            return enough(authenticator, access, recalled.entry.enrolled);
        }
        self.access_anew(authenticator, facts).await
    }

    /// The same, whatever is remembered.
    pub(super) async fn access_anew(
        &self,
        authenticator: &Authenticator<U>,
        facts: &RequestFacts,
    ) -> Result<Access<U>, ResolveError> {
        let (proof, enrolled) = self.judge_both(authenticator, facts).await?;
        let access = Access::by_scheme(proof.user, proof.backend, self.scheme.name(), proof.grant);
        enough(authenticator, access, enrolled)
    }

    /// Loads the user that the credentials are known to be; `None` if it is not the one that was accepted any more.
    async fn recall(
        &self,
        recalled: &Recalled,
        authenticator: &Authenticator<U>,
        facts: &RequestFacts,
    ) -> Result<Option<Access<U>>, ResolveError> {
        let Recalled { entry, .. } = recalled;
        let second = authenticator.environment.second.as_ref();
        if second.is_some_and(|second| second.changes() != entry.changes) {
            return Ok(None);
        }
        let user = authenticator.environment.reload(&entry.backend, &entry.user, &entry.grant, facts).await;
        let user = user?.filter(|user| entry.is_of(&**user));
        let grant = || Arc::clone(&entry.grant);
        Ok(user.map(|user| Access::by_scheme(user, entry.backend.clone(), self.scheme.name(), grant())))
    }

    /// Asks the chain, whatever is remembered.
    pub(super) async fn judge(
        &self,
        authenticator: &Authenticator<U>,
        facts: &RequestFacts,
    ) -> Result<Authenticated<U>, ResolveError> {
        self.judge_both(authenticator, facts).await.map(|(proof, _)| proof)
    }

    async fn judge_both(
        &self,
        authenticator: &Authenticator<U>,
        facts: &RequestFacts,
    ) -> Result<(Authenticated<U>, Enrolled), ResolveError> {
        let recalled = match &self.credentials {
            Offered::Unjudged(credentials) => return credentials.judge(authenticator, facts).await,
            Offered::Recalled(recalled) => recalled,
        };
        self.scheme.forget(&recalled.fingerprint);
        let Fetched::Offer(offer) = Arc::clone(&self.scheme).read_again(recalled) else {
            return Err(ResolveErrorKind::BadCredentials.into());
        };
        match &offer.credentials {
            Offered::Unjudged(credentials) => credentials.judge(authenticator, facts).await,
            Offered::Recalled(_) => Err(ResolveErrorKind::BadCredentials.into()),
        }
    }
}

/// A scheme that an application accepts, with what it remembers.
pub(crate) struct Configured<S> {
    scheme: S,
    headers: Arc<[HeaderName]>,
    reads_authorization: bool,
    memory: Option<Memory>,
}

impl<S: Scheme> Configured<S> {
    pub(crate) fn new(scheme: S) -> Self {
        let headers: Arc<[_]> = scheme.headers().into_iter().map(HeaderName::new).collect();
        let reads_authorization = headers.contains(&HeaderName::Known(Header::Authorization));
        // What keeps a session begins one, and is not asked for again while that goes on.
        let memory = match scheme.keeps() {
            Keeps::Request => Memory::new(scheme.remember()),
            Keeps::Session { .. } => None,
        };
        Self { scheme, headers, reads_authorization, memory }
    }

    fn keeps_session(&self) -> bool {
        matches!(self.scheme.keeps(), Keeps::Session { .. })
    }

    fn read<U: User>(
        self: Arc<Self>,
        view: &dyn RequestView,
        fingerprint: Option<Fingerprint>,
    ) -> Fetched<U> {
        match self.scheme.read(view) {
            Read::NotMine => Fetched::Nothing,
            Read::Malformed => Fetched::Malformed,
            Read::Untrusted => Fetched::Untrusted,
            Read::Ambiguous => Fetched::Ambiguous,
            // The session would go on for everybody who has no name.
            Read::Present(credentials) if self.keeps_session() && names_nobody(&credentials) => {
                log_error(
                    &"a scheme that keeps a session read credentials without a subject: they were refused",
                );
                Fetched::Malformed
            }
            Read::Present(credentials) => {
                let unjudged = Unjudged { configured: Arc::clone(&self), credentials, fingerprint };
                Fetched::Offer(Offer { scheme: self, credentials: Offered::Unjudged(Box::new(unjudged)) })
            }
        }
    }
}

impl<S: Scheme, U: User> DynScheme<U> for Configured<S> {
    fn name(&self) -> &'static str {
        self.scheme.name()
    }

    fn headers(&self) -> &[HeaderName] {
        &self.headers
    }

    fn reads_authorization(&self) -> bool {
        self.reads_authorization
    }

    fn challenge(&self) -> Option<&Challenge> {
        self.scheme.challenge()
    }

    fn reads_tokens(&self) -> bool {
        TypeId::of::<S::Credentials>() == TypeId::of::<BearerToken>()
    }

    fn challenge_again(&self) -> Option<&Challenge> {
        self.scheme.challenge_again()
    }

    fn allows_cleartext(&self) -> bool {
        self.scheme.allows_cleartext()
    }

    fn is_ambient(&self) -> bool {
        self.scheme.is_ambient()
    }

    fn keeps(&self) -> Keeps {
        self.scheme.keeps()
    }

    fn is_personal(&self) -> bool {
        <S::Credentials as Credentials>::FACTOR.is_personal()
    }

    fn check(&self) -> Result<(), ConfigError> {
        self.scheme.check()
    }

    fn fetch(self: Arc<Self>, view: &dyn RequestView, clock: &dyn Clock) -> Fetched<U> {
        let Some(memory) = &self.memory else { return self.read(view, None) };
        let Some(fingerprint) = memory.fingerprint(&self.headers, view) else { return self.read(view, None) };
        let Some(entry) = memory.get(&fingerprint, clock.now()) else {
            return self.read(view, Some(fingerprint));
        };
        let recalled = Recalled { entry, fingerprint, kept: Kept::of(&self.headers, view) };
        Fetched::Offer(Offer { scheme: self, credentials: Offered::Recalled(recalled) })
    }

    fn read_again(self: Arc<Self>, recalled: &Recalled) -> Fetched<U> {
        self.read(&recalled.kept, Some(recalled.fingerprint))
    }

    fn forget(&self, fingerprint: &Fingerprint) {
        if let Some(memory) = &self.memory {
            memory.forget(fingerprint);
        }
    }
}

/// Credentials that are to be judged.
struct Unjudged<S: Scheme> {
    configured: Arc<Configured<S>>,
    credentials: S::Credentials,
    /// Under which to remember them.
    fingerprint: Option<Fingerprint>,
}

impl<S: Scheme, U: User> Judge<U> for Unjudged<S> {
    fn subject(&self) -> Option<&str> {
        self.credentials.subject()
    }

    fn judge<'a>(
        &'a self,
        authenticator: &'a Authenticator<U>,
        facts: &'a RequestFacts,
    ) -> BoxFuture<'a, Result<(Authenticated<U>, Enrolled), ResolveError>> {
        Box::pin(async move {
            let environment = &authenticator.environment;
            // Before the look: a change that comes in between makes what is remembered older than it is.
            let changes = environment.second.as_ref().map_or(0, SecondFactor::changes);
            let proof = authenticator.judge(&self.credentials, facts, !self.configured.keeps_session()).await;
            let proof = proof.map_err(unresolved)?;
            // What begins a session is asked about there.
            let enrolled = if self.configured.keeps_session() || environment.second.is_none() {
                Enrolled::NONE
            } else {
                Box::pin(environment.enrolled_of(&proof.backend, &proof.user.id(), &proof.grant, facts))
                    .await?
            };
            if let (Some(memory), Some(fingerprint)) = (&self.configured.memory, self.fingerprint)
                && !proof.grant.is_asked_each_time()
            {
                memory.put(fingerprint, &proof, (enrolled, changes), environment.now());
            }
            Ok((proof, enrolled))
        })
    }
}

/// The access, if what was proven is enough for its user.
fn enough<U: User>(
    authenticator: &Authenticator<U>,
    access: Access<U>,
    enrolled: Enrolled,
) -> Result<Access<U>, ResolveError> {
    match &authenticator.environment.second {
        Some(second) if second.refuses(access.user(), access.grant(), enrolled) => {
            Err(ResolveErrorKind::NotEnough.into())
        }
        _ => Ok(access),
    }
}

fn names_nobody(credentials: &impl Credentials) -> bool {
    credentials.subject().is_none_or(str::is_empty)
}

fn unresolved(denied: Denied) -> ResolveError {
    match (denied.kind(), denied.retry_after()) {
        (DeniedKind::Unavailable, time) => {
            ResolveError::unavailable(denied.into_cause()).with_retry_after(time)
        }
        (DeniedKind::Throttled, Some(time)) => ResolveErrorKind::Throttled(time).into(),
        _ => ResolveErrorKind::BadCredentials.into(),
    }
}
