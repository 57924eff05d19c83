//! Second factors at the login: which users need one, and logins that still lack it.
//!
//! ```
//! use std::sync::Arc;
//!
//! use auth_core::factors::{Factors, MemoryFactors};
//! use auth_core::second_factor::{Needs, SecondFactor};
//! use auth_core::session::{KeyRing, MemorySessions, SessionConfig};
//! use auth_core::{Auth, MemoryBackend, Password, Passwords};
//! # use auth_core::{User, UserId};
//! # #[derive(Clone)]
//! # struct Member { is_staff: bool }
//! # impl User for Member {
//! #     fn id(&self) -> UserId { UserId::from(1) }
//! #     fn security_stamp(&self) -> &[u8] { b"stamp" }
//! #     fn is_active(&self) -> bool { true }
//! # }
//!
//! let users = MemoryBackend::<Member>::new(Passwords::new()?);
//! let keys = KeyRing::new(b"a secret of at least 32 bytes....")?;
//! let factors = Factors::new("Shop", MemoryFactors::new(10_000), &keys)?;
//! let auth: Auth<Member> = Auth::builder()
//!     .backend::<Password>("local", users)
//!     .sessions(MemorySessions::new(10_000), SessionConfig::new(keys))
//!     .login_page("/login")
//!     .second_factor(SecondFactor::new(factors).page("/login/factor").policy(|member: &Member, enrolled| {
//!         if member.is_staff { Needs::second_factor() } else { Needs::second_factor_if(enrolled) }
//!     }))
//!     .build()?;
//! # Ok::<(), auth_core::ConfigError>(())
//! ```
//!
//! # Pending logins
//!
//! A login without sufficient proofs begins a *pending* session. Every extractor, guard and extension treats its
//! caller as anonymous, including an `Option<…>` of them, so no route can forget to ask. Only
//! [`Session::pending`](crate::Session::pending) shows it, to the page that asks for the code. A pending session ends
//! after ten minutes, stores no values, and becomes a full session with a new id once the missing proof is there
//! ([`Session::add_code`](crate::Session::add_code), [`Session::add`](crate::Session::add),
//! [`Session::finish_login`](crate::Session::finish_login)). A refused login begins nothing.
//!
//! The policy is evaluated on every request, with the session's proofs and its user as they are now. A session that
//! satisfied an earlier policy keeps its values and limits, but is anonymous until the factor is added.
//!
//! # All ways to sign in
//!
//! | way | its proofs | if a factor is missing |
//! |---|---|---|
//! | [`Session::login`](crate::Session::login), with any credentials | those of the [grant](crate::grant::Grant) | a pending session |
//! | a [trusted proxy](crate::remote_user) | one, unless the backend says more | a pending session |
//! | [`Basic`](crate::http::Basic), a scheme of your own, for one request | those of the grant | 401 `insufficient_user_authentication` (RFC 9470) |
//! | an [API key](crate::api_keys) | those of the session that created it | 401, as above |
//! | a token of another issuer | those that it names, if the issuer is trusted with that | 401, as above |
//! | `dangerous_acts_as` | none required | |
//!
//! A [remembered](crate::http::Scheme::remember) acceptance includes the factors that its user had enrolled. If
//! factors change in this process, it is judged again; other instances notice when their memory expires.

mod erased;
mod needs;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::factors::{FactorStore, Factors};
pub use crate::grant::Enrolled;
use crate::grant::{Grant, MadeBy, Proof};
use crate::{ConfigError, User};
pub(crate) use erased::DynFactors;
pub(crate) use needs::{Missing, is_second, is_two_factor};
pub use needs::{Need, Needs};

/// How recent the proof must be of a user who changes their factors, unless set.
const FRESH_WITHIN: Duration = Duration::from_secs(15 * 60);

/// Which users need a second factor, and where factors are stored: the argument of
/// [`AuthBuilder::second_factor`](crate::AuthBuilder::second_factor).
///
/// ```
/// use auth_core::factors::{Factors, MemoryFactors};
/// use auth_core::second_factor::SecondFactor;
/// use auth_core::session::KeyRing;
///
/// # #[derive(Clone)]
/// # struct Account;
/// # impl auth_core::User for Account {
/// #     fn id(&self) -> auth_core::UserId { 1.into() }
/// #     fn security_stamp(&self) -> &[u8] { b"" }
/// #     fn is_active(&self) -> bool { true }
/// # }
/// let factors = Factors::new("Shop", MemoryFactors::new(10_000), &KeyRing::generate()?)?;
/// let second_factor = SecondFactor::<Account>::new(factors).page("/login/factor");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "nobody is asked for a second factor until it is given to `AuthBuilder::second_factor`"]
pub struct SecondFactor<U> {
    factors: Arc<dyn DynFactors>,
    policy: Box<Policy<U>>,
    page: Option<String>,
    fresh_within: Duration,
    trusted_for: Option<Duration>,
    changes: AtomicU64,
}

type Policy<U> = dyn Fn(&U, Enrolled) -> Needs + Send + Sync;

impl<U: User> SecondFactor<U> {
    /// Asks every user who has enrolled a factor for it, unless a [policy](Self::policy) says otherwise.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use auth_core::factors::{Factors, MemoryFactors};
    /// use auth_core::second_factor::SecondFactor;
    /// use auth_core::session::KeyRing;
    /// # use auth_core::{User, UserId};
    /// # #[derive(Clone)]
    /// # struct Account;
    /// # impl User for Account {
    /// #     fn id(&self) -> UserId { UserId::from(1) }
    /// #     fn security_stamp(&self) -> &[u8] { b"" }
    /// #     fn is_active(&self) -> bool { true }
    /// # }
    ///
    /// // Shared with the handlers that enrol factors.
    /// let factors = Arc::new(Factors::new("Shop", MemoryFactors::new(10_000), &KeyRing::generate()?)?);
    /// let second_factor = SecondFactor::<Account>::new(Arc::clone(&factors));
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    pub fn new<S: FactorStore>(factors: impl Into<Arc<Factors<S>>>) -> Self {
        let factors: Arc<Factors<S>> = factors.into();
        Self {
            factors,
            policy: Box::new(|_, enrolled| Needs::second_factor_if(enrolled)),
            page: None,
            fresh_within: FRESH_WITHIN,
            trusted_for: None,
            changes: AtomicU64::new(0),
        }
    }

    /// Sets which users need what. It runs at each login and on each request with a session: it should decide by the
    /// user alone, without asking a store.
    ///
    /// ```
    /// # use auth_core::factors::{Factors, MemoryFactors};
    /// # use auth_core::second_factor::SecondFactor;
    /// # use auth_core::session::KeyRing;
    /// # #[derive(Clone)]
    /// # struct Account { is_staff: bool }
    /// # impl auth_core::User for Account {
    /// #     fn id(&self) -> auth_core::UserId { 1.into() }
    /// #     fn security_stamp(&self) -> &[u8] { b"" }
    /// #     fn is_active(&self) -> bool { true }
    /// # }
    /// # let factors = Factors::new("Shop", MemoryFactors::new(100), &KeyRing::generate()?)?;
    /// # let second_factor = SecondFactor::<Account>::new(factors);
    /// use auth_core::second_factor::Needs;
    ///
    /// let second_factor = second_factor.policy(|user: &Account, enrolled| {
    ///     if user.is_staff { Needs::second_factor() } else { Needs::second_factor_if(enrolled) }
    /// });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn policy(mut self, policy: impl Fn(&U, Enrolled) -> Needs + Send + Sync + 'static) -> Self {
        self.policy = Box::new(policy);
        self
    }

    /// Sets the page that asks for what is missing: a path of the application. Browsers with a pending session are
    /// sent there instead of to the login page, with their destination in the same field.
    ///
    /// ```
    /// # use auth_core::factors::{Factors, MemoryFactors};
    /// # use auth_core::second_factor::SecondFactor;
    /// # use auth_core::session::KeyRing;
    /// # #[derive(Clone)]
    /// # struct Account { is_staff: bool }
    /// # impl auth_core::User for Account {
    /// #     fn id(&self) -> auth_core::UserId { 1.into() }
    /// #     fn security_stamp(&self) -> &[u8] { b"" }
    /// #     fn is_active(&self) -> bool { true }
    /// # }
    /// # let factors = Factors::new("Shop", MemoryFactors::new(100), &KeyRing::generate()?)?;
    /// # let second_factor = SecondFactor::<Account>::new(factors);
    /// let second_factor = second_factor.page("/login/factor");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn page(mut self, page: impl Into<String>) -> Self {
        self.page = Some(page.into());
        self
    }

    /// Sets how recently a user must have authenticated to change their factors: 15 minutes, unless set.
    ///
    /// ```
    /// # use auth_core::factors::{Factors, MemoryFactors};
    /// # use auth_core::second_factor::SecondFactor;
    /// # use auth_core::session::KeyRing;
    /// # #[derive(Clone)]
    /// # struct Account { is_staff: bool }
    /// # impl auth_core::User for Account {
    /// #     fn id(&self) -> auth_core::UserId { 1.into() }
    /// #     fn security_stamp(&self) -> &[u8] { b"" }
    /// #     fn is_active(&self) -> bool { true }
    /// # }
    /// # let factors = Factors::new("Shop", MemoryFactors::new(100), &KeyRing::generate()?)?;
    /// # let second_factor = SecondFactor::<Account>::new(factors);
    /// let second_factor = second_factor.fresh_within(std::time::Duration::from_secs(5 * 60));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn fresh_within(mut self, time: Duration) -> Self {
        self.fresh_within = time;
        self
    }

    /// Lets users [trust a browser](crate::Session::trust_browser) for this long (default: not at all). It does not
    /// ask for the second factor again. The trust ends with any change of the password or the factors. 30 days are
    /// usual.
    ///
    /// ```
    /// # use auth_core::factors::{Factors, MemoryFactors};
    /// # use auth_core::second_factor::SecondFactor;
    /// # use auth_core::session::KeyRing;
    /// # #[derive(Clone)]
    /// # struct Account { is_staff: bool }
    /// # impl auth_core::User for Account {
    /// #     fn id(&self) -> auth_core::UserId { 1.into() }
    /// #     fn security_stamp(&self) -> &[u8] { b"" }
    /// #     fn is_active(&self) -> bool { true }
    /// # }
    /// # let factors = Factors::new("Shop", MemoryFactors::new(100), &KeyRing::generate()?)?;
    /// # let second_factor = SecondFactor::<Account>::new(factors);
    /// let second_factor = second_factor.trust_browsers(std::time::Duration::from_secs(30 * 24 * 3600));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn trust_browsers(mut self, lifetime: Duration) -> Self {
        self.trusted_for = Some(lifetime);
        self
    }

    pub(crate) fn trusted_for(&self) -> Option<Duration> {
        self.trusted_for
    }

    pub(crate) fn check(&self, has_sessions: bool, has_login_page: bool) -> Result<(), ConfigError> {
        if !has_sessions {
            return Err(ConfigError::new(
                "second factors need sessions; add `.sessions(…)` or drop `.second_factor(…)`",
            ));
        }
        let is_path = |page: &str| {
            let plain = page.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\' && byte != b'#');
            page.starts_with('/') && !page.starts_with("//") && plain
        };
        match &self.page {
            Some(page) if !is_path(page) => Err(ConfigError::new(format!(
                "the page of the second factor must be a path like /login/factor, and not {page:?}"
            ))),
            None if has_login_page => Err(ConfigError::new(
                "there is a login page, but no page for the second factor: add `.page(\"/login/factor\")` to it",
            )),
            _ => Ok(()),
        }
    }

    pub(crate) fn page_path(&self) -> Option<&str> {
        self.page.as_deref()
    }

    pub(crate) fn factors(&self) -> &dyn DynFactors {
        &*self.factors
    }

    pub(crate) fn freshness(&self) -> Duration {
        self.fresh_within
    }

    /// What the policy requires of this user.
    pub(crate) fn needs(&self, user: &U, enrolled: Enrolled) -> Needs {
        (self.policy)(user, enrolled)
    }

    /// What a user with these proofs and factors still lacks. This function alone decides, however the user signs in.
    pub(crate) fn missing(
        &self,
        user: &U,
        proofs: &[Proof],
        enrolled: Enrolled,
        is_trusted: bool,
    ) -> Option<Missing> {
        self.needs(user, enrolled).missing(proofs, enrolled, is_trusted)
    }

    /// Whether the proofs of a request's credentials are insufficient.
    pub(crate) fn refuses(&self, user: &U, grant: &Grant, enrolled: Enrolled) -> bool {
        let (proofs, enrolled) = match grant.maker() {
            // Only what its owner has to do meanwhile can stop it.
            Some(MadeBy::Application) => return self.missing(user, &[], enrolled, true).is_some(),
            Some(MadeBy::Session(proofs, enrolled)) => (proofs.as_slice(), *enrolled),
            None => (grant.proofs(), enrolled),
        };
        self.missing(user, proofs, enrolled, false).is_some()
    }

    /// How often factors were changed in this process: what was remembered before the last change is judged again.
    pub(crate) fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    pub(crate) fn note_change(&self) {
        self.changes.fetch_add(1, Ordering::AcqRel);
    }
}

impl<U> fmt::Debug for SecondFactor<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecondFactor").field("page", &self.page).finish_non_exhaustive()
    }
}
