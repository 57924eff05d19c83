//! Who is calling, and how that is known.

use std::fmt;
use std::sync::Arc;

use crate::grant::{Grant, Proof};
use crate::second_factor::is_two_factor;
use crate::time::Timestamp;
use crate::{BackendName, User};

/// A resolved caller: the user, and how they are known. Adapters hand it to handlers;
/// [`Auth::authenticate`](crate::Auth::authenticate) is for everything else.
///
/// ```
/// use auth_core::{Access, How, User};
///
/// fn describe<U: User>(caller: &Access<U>) -> String {
///     let how = match caller.how() {
///         How::Session => "by a session",
///         How::Scheme(name) => name,
///         _ => "otherwise",
///     };
///     format!("user {} of {} {how}, proven at {:?}", caller.user().id(), caller.backend(), caller.proven())
/// }
/// ```
pub struct Access<U> {
    user: Arc<U>,
    by: By,
}

/// What identifies a caller.
#[derive(Clone)]
enum By {
    /// Shared with the session: each request with a session has an access.
    Session(Arc<dyn ProvenSession>),
    Scheme(&'static str, BackendName, Arc<Grant>),
    Word(BackendName, Arc<Grant>, Timestamp),
}

/// What an access reads from its session.
pub(crate) trait ProvenSession: Send + Sync {
    fn backend(&self) -> &BackendName;
    fn proven(&self) -> Timestamp;
    fn proofs(&self) -> &[Proof];
}

/// How a caller is known: see [`Access::how`].
///
/// ```
/// use auth_core::How;
///
/// assert_eq!(How::Scheme("bearer"), How::Scheme("bearer"));
/// assert_ne!(How::Session, How::ActsAs);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum How {
    /// By the session in a cookie.
    Session,
    /// By credentials of this request, in the named HTTP authentication scheme.
    Scheme(&'static str),
    /// By the application's word alone, without any proof (`dangerous_acts_as` of the adapters).
    ActsAs,
}

impl<U> Access<U> {
    /// From a session.
    pub(crate) fn by_session(user: Arc<U>, record: Arc<dyn ProvenSession>) -> Self {
        Self { user, by: By::Session(record) }
    }

    /// From credentials that were accepted with this grant.
    pub(crate) fn by_scheme(
        user: Arc<U>,
        backend: BackendName,
        scheme: &'static str,
        grant: Arc<Grant>,
    ) -> Self {
        Self { user, by: By::Scheme(scheme, backend, grant) }
    }

    /// From the application's word alone.
    pub(crate) fn by_word(acting: Authenticated<U>) -> Self {
        let Authenticated { user, backend, at, grant, .. } = acting;
        Self { user, by: By::Word(backend, grant, at) }
    }

    /// The same access of the same user, loaded again.
    pub(crate) fn of(self, user: Arc<U>) -> Self {
        Self { user, ..self }
    }

    /// The user.
    pub fn user(&self) -> &Arc<U> {
        &self.user
    }

    /// The backend that vouches for them.
    pub fn backend(&self) -> &BackendName {
        match &self.by {
            By::Session(record) => record.backend(),
            By::Scheme(_, backend, _) | By::Word(backend, ..) => backend,
        }
    }

    /// How the caller is known.
    ///
    /// ```
    /// # use auth_core::{Access, How};
    /// fn is_program<U>(caller: &Access<U>) -> bool {
    ///     matches!(caller.how(), How::Scheme(_)) && caller.proven().is_none()
    /// }
    /// ```
    pub fn how(&self) -> How {
        match &self.by {
            By::Session(_) => How::Session,
            By::Scheme(name, ..) => How::Scheme(name),
            By::Word(..) => How::ActsAs,
        }
    }

    /// When a person last proved to be this user; `None` if only a token identifies the caller.
    ///
    /// Only a proof renews it, not a request, a new session id, or the reuse of accepted credentials.
    /// [`Require::fresh`](crate::Require::fresh) uses it.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use auth_core::Access;
    /// # use auth_core::time::{Clock, SystemClock};
    /// fn is_recent<U>(caller: &Access<U>) -> bool {
    ///     caller.proven().is_some_and(|proven| SystemClock.now().since(proven) < Duration::from_secs(300))
    /// }
    /// ```
    pub fn proven(&self) -> Option<Timestamp> {
        match &self.by {
            By::Session(record) => Some(record.proven()),
            By::Scheme(_, _, grant) => grant.proven(),
            By::Word(_, _, at) => Some(*at),
        }
    }

    /// The latest proof of each factor, given in the session or with the credentials of this request.
    ///
    /// ```
    /// # use auth_core::Access;
    /// # use auth_core::grant::Factor;
    /// fn signed_in_by_passkey<U>(caller: &Access<U>) -> bool {
    ///     caller.proofs().iter().any(|proof| proof.factor == Factor::Passkey)
    /// }
    /// ```
    pub fn proofs(&self) -> &[Proof] {
        match &self.by {
            By::Session(record) => record.proofs(),
            By::Scheme(_, _, grant) | By::Word(_, grant, _) => grant.proofs(),
        }
    }

    /// Whether the proofs are of two factors: a password and a second factor, for instance, or a passkey whose device
    /// verified its user. A trusted browser is not a proof.
    ///
    /// ```
    /// # use auth_core::Access;
    /// fn may_transfer_money<U>(caller: &Access<U>) -> bool {
    ///     caller.is_two_factor()
    /// }
    /// ```
    pub fn is_two_factor(&self) -> bool {
        is_two_factor(self.proofs(), false)
    }

    /// What the caller's credentials allow. A session may do everything that its user may; [`proofs`](Self::proofs)
    /// says by which factors it was proven.
    ///
    /// ```
    /// # use auth_core::Access;
    /// fn may_export<U>(caller: &Access<U>) -> bool {
    ///     caller.grant().scopes().contains("orders:export")
    /// }
    /// ```
    pub fn grant(&self) -> &Grant {
        static OF_SESSIONS: Grant = Grant::OF_SESSIONS;
        match &self.by {
            By::Session(_) => &OF_SESSIONS,
            By::Scheme(_, _, grant) | By::Word(_, grant, _) => grant,
        }
    }
}

impl<U> Clone for Access<U> {
    fn clone(&self) -> Self {
        Self { user: Arc::clone(&self.user), by: self.by.clone() }
    }
}

impl<U: User> fmt::Debug for Access<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access")
            .field("user", &self.user.id())
            .field("backend", self.backend())
            .field("how", &self.how())
            .finish_non_exhaustive()
    }
}

/// Proof that a backend of one [`Auth`](crate::Auth) just accepted credentials: the argument of
/// [`Session::login`](crate::Session::login).
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
/// let proof = auth.authenticate(Password::new("alice", "wonderland"), &RequestFacts::none()).await?;
/// assert_eq!(proof.user().id(), UserId::from(1));
/// assert_eq!(proof.backend().as_str(), "local");
/// # Ok(())
/// # }
/// ```
///
/// Only a chain creates one, so a user who was merely looked up cannot be logged in:
///
/// ```compile_fail
/// # use auth_core::{Authenticated, User};
/// fn forged<U: User>(user: U) -> Authenticated<U> {
///     Authenticated { user, backend: "local" }
/// }
/// ```
#[must_use = "nobody is logged in until this is passed to `login`"]
pub struct Authenticated<U> {
    pub(crate) user: Arc<U>,
    pub(crate) backend: BackendName,
    pub(crate) at: Timestamp,
    /// The `Auth` whose chain created it.
    pub(crate) by: u64,
    pub(crate) grant: Arc<Grant>,
    /// The name that was typed with a secret, if any.
    pub(crate) name: Option<Box<str>>,
}

impl<U> Authenticated<U> {
    /// For another request that presented the same at the same time.
    pub(crate) fn another(&self) -> Self {
        Self {
            user: Arc::clone(&self.user),
            backend: self.backend.clone(),
            at: self.at,
            by: self.by,
            grant: Arc::clone(&self.grant),
            name: self.name.clone(),
        }
    }

    /// The user.
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
    /// # let alice = auth.authenticate(Password::new("alice", "wonderland"), &RequestFacts::none()).await?;
    /// assert_eq!(alice.user().id(), UserId::from(1));
    /// # Ok(())
    /// # }
    /// ```
    pub fn user(&self) -> &U {
        &self.user
    }

    /// The backend that vouches for them.
    pub fn backend(&self) -> &BackendName {
        &self.backend
    }

    /// When the credentials were accepted.
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// What the acceptance is worth: at least the proof that the credentials are.
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
    /// # let alice = auth.authenticate(Password::new("alice", "wonderland"), &RequestFacts::none()).await?;
    /// assert!(alice.grant().scopes().is_all(), "a person's own proof is unlimited");
    /// # Ok(())
    /// # }
    /// ```
    pub fn grant(&self) -> &Grant {
        &self.grant
    }
}

impl<U: User> fmt::Debug for Authenticated<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticated")
            .field("user", &self.user.id())
            .field("backend", &self.backend)
            .finish_non_exhaustive()
    }
}
