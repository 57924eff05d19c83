//! [`Denied`]: no backend accepted the credentials.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use crate::BackendName;
use crate::backend::{BackendError, DeclineReason, DenyReason};
use crate::cause::Cause;

/// No backend accepted the credentials.
///
/// Its text is always the same sentence, which the client may see. [`kind`](Self::kind) says what happened, for logs,
/// events and [the status code](Self::is_unavailable) only; so does [`source`](Error::source), which leads to the
/// cause of an outage.
///
/// ```
/// # use std::sync::Arc;
/// # use auth_core::{Auth, MemoryBackend, Password, Passwords, RequestFacts, Secret, User, UserId};
/// # #[derive(Clone)]
/// # struct Account;
/// # impl User for Account {
/// #     fn id(&self) -> UserId { UserId::from(1) }
/// #     fn security_stamp(&self) -> &[u8] { b"" }
/// #     fn is_active(&self) -> bool { true }
/// # }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let users = Arc::new(MemoryBackend::new(Passwords::new()?));
/// # users.insert("alice", &Secret::new("wonderland"), Account).await?;
/// # let auth = Auth::builder().backend::<Password>("local", users).build()?;
/// let wrong = auth.authenticate(Password::new("alice", "wrong"), &RequestFacts::none()).await;
/// let Err(denied) = wrong else { unreachable!() };
/// assert_eq!(denied.to_string(), "the credentials were not accepted");
/// let status = if denied.is_unavailable() { 503 } else { 401 };
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denied {
    kind: DeniedKind,
    backend: Option<BackendName>,
    retry_after: Option<Duration>,
    cause: Cause,
}

/// What happened, strongest first: if several backends answered, the strongest answer counts.
///
/// ```
/// # use std::sync::Arc;
/// # use auth_core::{Auth, MemoryBackend, Password, Passwords, RequestFacts, Secret, User, UserId};
/// # #[derive(Clone)]
/// # struct Account;
/// # impl User for Account {
/// #     fn id(&self) -> UserId { UserId::from(1) }
/// #     fn security_stamp(&self) -> &[u8] { b"" }
/// #     fn is_active(&self) -> bool { true }
/// # }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let users = Arc::new(MemoryBackend::new(Passwords::new()?));
/// # users.insert("alice", &Secret::new("wonderland"), Account).await?;
/// # let auth = Auth::builder().backend::<Password>("local", users).build()?;
/// use auth_core::DeniedKind;
///
/// let unknown = auth.authenticate(Password::new("mallory", "wonderland"), &RequestFacts::none()).await;
/// assert_eq!(unknown.err().map(|denied| denied.kind()), Some(DeniedKind::UnknownUser));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DeniedKind {
    /// A backend knows the user and refused them.
    Denied(DenyReason),
    /// A backend that might know the user could not decide. Answer 503 and not 401: clients delete saved passwords on
    /// 401.
    Unavailable,
    /// A [gate](crate::gate::Gate) admits no more attempts for now; no backend was asked. Answer 429.
    Throttled,
    /// A backend knows the user, but the secret is wrong.
    WrongSecret,
    /// No backend knows the user.
    UnknownUser,
    /// The credentials exceed a limit (empty, too long); no backend was asked.
    Malformed,
    /// No backend accepts credentials of this kind.
    NoBackend,
    /// The request came from a page of another site; no backend was asked.
    CrossOrigin,
}

impl DeniedKind {
    fn strength(self) -> u8 {
        match self {
            Self::Denied(_) => 5,
            Self::Unavailable | Self::Throttled => 4,
            Self::WrongSecret => 3,
            Self::UnknownUser => 2,
            Self::Malformed => 1,
            Self::NoBackend | Self::CrossOrigin => 0,
        }
    }
}

impl Denied {
    /// How long a client should wait after an outage before it tries again (RFC 9110 §10.2.3).
    pub const RETRY_AFTER: Duration = Duration::from_secs(5);

    pub(crate) fn nobody() -> Self {
        Self { kind: DeniedKind::NoBackend, backend: None, retry_after: None, cause: Cause::NONE }
    }

    pub(crate) fn by(backend: &BackendName, kind: DeniedKind) -> Self {
        Self { kind, backend: Some(backend.clone()), retry_after: None, cause: Cause::NONE }
    }

    pub(crate) fn unasked(reason: DeclineReason) -> Self {
        Self { kind: Self::kind_of(reason), backend: None, retry_after: None, cause: Cause::NONE }
    }

    pub(crate) fn cross_origin() -> Self {
        Self { kind: DeniedKind::CrossOrigin, backend: None, retry_after: None, cause: Cause::NONE }
    }

    /// The gate admits no more.
    pub(crate) fn throttled(retry_after: Duration) -> Self {
        Self {
            kind: DeniedKind::Throttled,
            backend: None,
            retry_after: Some(retry_after),
            cause: Cause::NONE,
        }
    }

    /// This backend could not decide.
    pub(crate) fn failed(backend: &BackendName, error: BackendError) -> Self {
        Self { backend: Some(backend.clone()), ..Self::interrupted(error) }
    }

    /// The whole chain took too long, or the gate could not decide.
    pub(crate) fn interrupted(error: BackendError) -> Self {
        let retry_after = error.retry_after();
        Self { kind: DeniedKind::Unavailable, backend: None, retry_after, cause: Cause::of(error) }
    }

    pub(crate) fn kind_of(reason: DeclineReason) -> DeniedKind {
        match reason {
            DeclineReason::Malformed => DeniedKind::Malformed,
            DeclineReason::NotMine => DeniedKind::NoBackend,
            DeclineReason::UnknownUser => DeniedKind::UnknownUser,
            DeclineReason::WrongSecret => DeniedKind::WrongSecret,
        }
    }

    /// The stronger of two answers; the earlier one if they are equally strong.
    pub(crate) fn or_stronger(self, other: Self) -> Self {
        if other.kind.strength() > self.kind.strength() { other } else { self }
    }

    /// The cause, without its own text.
    pub(crate) fn into_cause(self) -> Cause {
        self.cause
    }

    /// What happened. Not for the client.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use auth_core::{Auth, MemoryBackend, Password, Passwords, RequestFacts, Secret, User, UserId};
    /// # #[derive(Clone)]
    /// # struct Account;
    /// # impl User for Account {
    /// #     fn id(&self) -> UserId { UserId::from(1) }
    /// #     fn security_stamp(&self) -> &[u8] { b"" }
    /// #     fn is_active(&self) -> bool { true }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let users = Arc::new(MemoryBackend::new(Passwords::new()?));
    /// # users.insert("alice", &Secret::new("wonderland"), Account).await?;
    /// # let auth = Auth::builder().backend::<Password>("local", users).build()?;
    /// use auth_core::DeniedKind;
    ///
    /// let wrong = auth.authenticate(Password::new("alice", "wrong"), &RequestFacts::none()).await;
    /// assert_eq!(wrong.err().map(|denied| denied.kind()), Some(DeniedKind::WrongSecret));
    /// # Ok(())
    /// # }
    /// ```
    pub fn kind(&self) -> DeniedKind {
        self.kind
    }

    /// The backend whose answer this is; `None` if no backend answered.
    pub fn backend(&self) -> Option<&BackendName> {
        self.backend.as_ref()
    }

    /// When to try again: after an outage ([`RETRY_AFTER`](Self::RETRY_AFTER), unless the backend knows better), or
    /// when the gate admits more. `None` for a refusal, which will not change.
    ///
    /// ```
    /// # use auth_core::Denied;
    /// fn header(denied: &Denied) -> Option<String> {
    ///     denied.retry_after().map(|time| format!("Retry-After: {}", time.as_secs()))
    /// }
    /// ```
    pub fn retry_after(&self) -> Option<Duration> {
        match self.kind {
            DeniedKind::Unavailable => Some(self.retry_after.unwrap_or(Self::RETRY_AFTER)),
            _ => self.retry_after,
        }
    }

    /// Whether this is an outage (503 with [`RETRY_AFTER`](Self::RETRY_AFTER)) and not a refusal (401).
    ///
    /// ```
    /// # use auth_core::Denied;
    /// fn status(denied: &Denied) -> u16 {
    ///     if denied.is_unavailable() { 503 } else { 401 }
    /// }
    /// ```
    pub fn is_unavailable(&self) -> bool {
        self.kind == DeniedKind::Unavailable
    }
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the credentials were not accepted")
    }
}

impl Error for Denied {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.source()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cause::chain;

    fn down(why: &'static str) -> Denied {
        Denied::failed(&BackendName::new("local").unwrap(), BackendError::unavailable(why))
    }

    /// The client's sentence is the same whatever lies behind it, and so is what two of them say.
    #[test]
    fn an_outage_leads_to_what_caused_it() {
        let denied = down("no route to the directory");
        let said =
            ["the credentials were not accepted", "the backend is unavailable", "no route to the directory"];
        assert_eq!(chain(&denied), said);
        assert_eq!(chain(&denied.clone()), said);
        assert_eq!(chain(&Denied::nobody()), said[..1]);
        let other = BackendError::overloaded("too many");
        assert_eq!(Denied::interrupted(other.clone()), Denied::interrupted(BackendError::timed_out("late")));
        assert_eq!(chain(&Denied::interrupted(other)).last().unwrap(), "too many");
    }

    #[test]
    fn a_backend_may_know_when_to_come_back() {
        let time = Duration::from_secs(17);
        let error = BackendError::undecided("a key that cannot be fetched yet");
        assert_eq!(Denied::interrupted(error.clone()).retry_after(), Some(Denied::RETRY_AFTER));
        assert_eq!(Denied::interrupted(error.with_retry_after(time)).retry_after(), Some(time));
    }

    /// Of several outages it is the first, and of a refusal none.
    #[test]
    fn the_cause_is_that_of_the_answer() {
        let answer = down("first").or_stronger(down("second"));
        assert_eq!(chain(&answer).last().unwrap(), "first");
        assert_eq!(chain(&Denied::nobody().or_stronger(answer)).last().unwrap(), "first");
        let refused =
            Denied::by(&BackendName::new("third").unwrap(), DeniedKind::Denied(DenyReason::Disabled));
        assert_eq!(chain(&down("first").or_stronger(refused)).len(), 1);
    }
}
