//! [`Auth`]: backends, sessions and schemes, configured together.

mod builder;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::settings::Settings;
use crate::authenticator::Authenticator;
use crate::event::EventKind;
use crate::grant::{Grant, Scopes};
use crate::session::{Environment, SessionEngine, Source};
use crate::throttle::{Account, Gatekeeper};
use crate::time::{Clock, Timestamp};
use crate::unheard::log_error;
use crate::user_cache::Cache;
use crate::{Authenticated, BackendName, ConfigError, Credentials, Denied, RequestFacts, User, UserId};
pub use builder::AuthBuilder;

/// The configured backends, sessions and schemes, from which an adapter makes its layer. Cheap to clone.
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

pub(crate) struct Inner<U> {
    authenticator: Authenticator<U>,
    sessions: Option<Arc<dyn SessionEngine<U>>>,
    pub(crate) http: Settings<U>,
}

impl<U: User> Auth<U> {
    /// Begins a configuration.
    ///
    /// ```
    /// # use auth_core::{Auth, MemoryBackend, Password, Passwords, User, UserId};
    /// # #[derive(Clone)]
    /// # struct Member;
    /// # impl User for Member {
    /// #     fn id(&self) -> UserId { UserId::from(1) }
    /// #     fn security_stamp(&self) -> &[u8] { b"stamp" }
    /// #     fn is_active(&self) -> bool { true }
    /// # }
    /// # let users = MemoryBackend::<Member>::new(Passwords::new()?);
    /// let auth = Auth::builder().backend::<Password>("local", users).build()?;
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    pub fn builder() -> AuthBuilder<U> {
        AuthBuilder::new()
    }

    /// Has the backends judge these credentials, in order.
    ///
    /// In a handler, use [`Session::authenticate`](crate::Session::authenticate), which passes the request's facts on. This
    /// method is for code without a request.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/site.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let auth = Site::new().await.auth;
    /// use auth_core::RequestFacts;
    ///
    /// let password = Password::new("alice", "wonderland");
    /// let alice = auth.authenticate(password, &RequestFacts::none()).await?;
    /// assert_eq!(alice.user().name, "Alice");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Denied`] if no backend accepted them.
    pub async fn authenticate<C: Credentials>(
        &self,
        credentials: C,
        facts: &RequestFacts,
    ) -> Result<Authenticated<U>, Denied> {
        self.authenticator().judge(&credentials, facts, false).await
    }

    /// Removes a user from the [`UserCache`](crate::UserCache), so that the next request of each of their sessions asks the
    /// backend. A user who is being loaded at this moment is not cached either.
    ///
    /// An application that changes a user (disables them, removes them from a group) calls this when the change is
    /// committed. Other instances are not told; there, the change takes effect when the ttl has passed. Without a cache it
    /// does nothing.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/site.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let auth = Site::new().await.auth;
    /// let alice = UserId::from(1);
    /// // The application has disabled her in its table.
    /// auth.invalidate_user("local", &alice)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ConfigError`] if no backend has this name.
    pub fn invalidate_user(&self, backend: &str, id: &UserId) -> Result<(), ConfigError> {
        let source = self.named(backend)?;
        source.cache.iter().for_each(|cache| cache.invalidate(id));
        Ok(())
    }

    /// Removes all users of all backends from the cache, as [`invalidate_user`](Self::invalidate_user) does for one: after an
    /// import, or when the permissions of a group change.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/site.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let auth = Site::new().await.auth;
    /// auth.invalidate_users();
    /// # Ok(())
    /// # }
    /// ```
    pub fn invalidate_users(&self) {
        self.environment().sources.iter().filter_map(|source| source.cache.as_ref()).for_each(Cache::clear);
    }

    /// Counts an action of the application against a limit that the throttle [names](crate::Throttle::action). Call it before
    /// the action.
    ///
    /// ```
    /// # use auth_core::{Auth, User};
    /// # async fn example<U: User>(auth: &Auth<U>, address: &str) {
    /// match auth.act("mail", address).await {
    ///     Ok(()) => { /* send it */ }
    ///     Err(later) => { /* answer 429 with `Retry-After: {later.as_secs()}` */ }
    /// }
    /// # }
    /// ```
    ///
    /// # Errors
    /// The time after which the action may be done. Also if there is no throttle, or the throttle does not know the action,
    /// which is logged.
    pub async fn act(&self, action: &str, key: &str) -> Result<(), Duration> {
        if let Some(throttle) = self.throttle() {
            return throttle.act(action, key).await;
        }
        log_error(&"an action is to be limited, and there is no throttle: add `.throttle(…)`");
        Err(Duration::from_secs(60))
    }

    /// Makes the [throttle](crate::throttle) forget the devices on which a user has signed in: for an application that has set
    /// a user's password, or has ended all their sessions. Without a throttle it does nothing.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/site.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let auth = Site::new().await.auth;
    /// let alice = UserId::from(1);
    /// auth.forget_devices("local", &alice).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ConfigError`] if no backend has this name.
    pub async fn forget_devices(&self, backend: &str, id: &UserId) -> Result<(), ConfigError> {
        let account = Account::of(&self.named(backend)?.name, id);
        if let Some(throttle) = self.throttle() {
            throttle.forget_devices(&account).await;
        }
        Ok(())
    }

    /// Vouches for a user without any proof: for impersonation by an administrator, and for tests. The
    /// backend must be one that can load the user by their id.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/site.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let site = Site::new().await;
    /// # let session = site.request();
    /// # let alice = Member { id: 1, name: "Alice".into(), stamp: b"1".to_vec() };
    /// let proof = site.auth.dangerous_authenticated(alice, "local")?;
    /// let login = session.login(proof).await?;
    /// # assert!(login.user().is_some());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ConfigError`] if no backend has this name.
    pub fn dangerous_authenticated(&self, user: U, backend: &str) -> Result<Authenticated<U>, ConfigError> {
        let (user, backend) = (Arc::new(user), self.named(backend)?.name.clone());
        let grant = Arc::new(Grant::new().with_scopes(Scopes::all()));
        Ok(Authenticated { user, backend, at: self.now(), by: self.id(), grant, name: None })
    }

    /// As [`dangerous_authenticated`](Self::dangerous_authenticated), with a [`Grant`]: by which factors the user signed
    /// in, and when. For tests of routes that ask for a second factor or a fresh login; `auth-test` is built on it.
    ///
    /// A session that begins with it counts as proven at the time of the latest personal proof, or now if there is none.
    /// Proofs of the future count as given now. A grant without scopes is good for everything that the user may do.
    ///
    /// ```
    /// # use auth_core::{Auth, Authenticated, ConfigError, User};
    /// use std::time::Duration;
    /// use auth_core::grant::{Factor, Grant, Proof};
    /// use auth_core::time::Timestamp;
    ///
    /// # fn example<U: User>(auth: &Auth<U>, alice: U) -> Result<Authenticated<U>, ConfigError> {
    /// let hour_ago = Timestamp::from_millis(auth.now().as_millis() - 3_600_000);
    /// let grant = Grant::new()
    ///     .with_proof(Proof::new(Factor::Password, hour_ago))
    ///     .with_proof(Proof::new(Factor::Totp, hour_ago));
    /// let alice = auth.dangerous_authenticated_with(alice, "local", grant)?;
    /// # Ok(alice)
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ConfigError`] if no backend has this name.
    pub fn dangerous_authenticated_with(
        &self,
        user: U,
        backend: &str,
        grant: Grant,
    ) -> Result<Authenticated<U>, ConfigError> {
        let now = self.now();
        let grant = grant.by_word(now);
        let at = grant.proven().unwrap_or(now);
        let authenticated = self.dangerous_authenticated(user, backend)?;
        Ok(Authenticated { at, grant: Arc::new(grant), ..authenticated })
    }

    /// The names of the backends, in the order in which they were added.
    pub fn backends(&self) -> impl Iterator<Item = &BackendName> {
        self.environment().sources.iter().map(|source| &source.name)
    }

    /// The present moment, by this configuration's clock.
    pub fn now(&self) -> Timestamp {
        self.environment().now()
    }

    fn named(&self, backend: &str) -> Result<&Source<U>, ConfigError> {
        let source = self.environment().sources.iter().find(|source| source.name.as_str() == backend);
        source.ok_or_else(|| ConfigError::new(format!("no backend is named {backend:?}")))
    }

    pub(crate) fn id(&self) -> u64 {
        self.0.authenticator.id
    }

    pub(crate) fn authenticator(&self) -> &Authenticator<U> {
        &self.0.authenticator
    }

    pub(crate) fn throttle(&self) -> Option<&Gatekeeper> {
        self.authenticator().throttle.as_deref()
    }

    pub(crate) fn environment(&self) -> &Environment<U> {
        &self.0.authenticator.environment
    }

    pub(crate) fn sessions(&self) -> Option<&Arc<dyn SessionEngine<U>>> {
        self.0.sessions.as_ref()
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.environment().clock
    }

    pub(crate) fn emit(
        &self,
        kind: EventKind<'_>,
        backend: Option<&BackendName>,
        user: Option<&UserId>,
        facts: &RequestFacts,
    ) {
        self.environment().emit(kind, backend, user, facts);
    }
}

impl<U> Clone for Auth<U> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<U> fmt::Debug for Auth<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sources = &self.0.authenticator.environment.sources;
        let backends: Vec<_> = sources.iter().map(|source| &source.name).collect();
        f.debug_struct("Auth").field("backends", &backends).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Password;
    use crate::backend::{DeclineReason, Outcome, backend_fn};
    use crate::grant::{Factor, Proof};
    use crate::time::ManualClock;

    struct Robot;

    impl User for Robot {
        fn id(&self) -> UserId {
            UserId::from(7)
        }

        fn security_stamp(&self) -> &[u8] {
            b"stamp"
        }

        fn is_active(&self) -> bool {
            true
        }
    }

    const NOW: Timestamp = Timestamp::from_secs(1_000);

    fn auth() -> Auth<Robot> {
        let robots = || {
            backend_fn(
                |_: Password| async { Ok(Outcome::Decline(DeclineReason::UnknownUser)) },
                |_: UserId| async { Ok(Some(Robot)) },
            )
        };
        let builder = Auth::builder().clock(ManualClock::at(NOW));
        builder.backend::<Password>("ldap", robots()).backend::<Password>("local", robots()).build().unwrap()
    }

    #[test]
    fn a_word_is_as_old_as_its_proofs_and_no_younger_than_now() {
        let at = Timestamp::from_secs;
        let by = |proofs: &[(Factor, u64)]| {
            let each = proofs.iter().map(|(factor, secs)| Proof::new(*factor, at(*secs)));
            each.fold(Grant::new(), Grant::with_proof)
        };
        let table = [
            ("no proof", by(&[]), NOW),
            ("an old one", by(&[(Factor::Password, 900)]), at(900)),
            ("the later of two", by(&[(Factor::Password, 900), (Factor::Totp, 950)]), at(950)),
            ("one of the future", by(&[(Factor::Password, 2_000)]), NOW),
            ("a token, which proves no person", by(&[(Factor::Token, 900)]), NOW),
        ];
        for (name, grant, expected) in table {
            let authenticated = auth().dangerous_authenticated_with(Robot, "local", grant).unwrap();
            assert_eq!(authenticated.at(), expected, "{name}");
            assert!(authenticated.grant().proofs().iter().all(|proof| proof.at <= NOW), "{name}");
            assert!(authenticated.grant().scopes().is_all(), "{name}");
        }
    }

    #[test]
    fn a_word_is_good_for_what_it_says() {
        let read = Grant::new().with_scopes(Scopes::parse("read").unwrap());
        let authenticated = auth().dangerous_authenticated_with(Robot, "ldap", read).unwrap();
        assert_eq!(authenticated.backend().as_str(), "ldap");
        assert!(!authenticated.grant().begins_session(), "no session is good for less than everything");
        let elsewhere = auth().dangerous_authenticated_with(Robot, "elsewhere", Grant::new());
        assert_eq!(elsewhere.unwrap_err().to_string(), "no backend is named \"elsewhere\"");
    }

    #[test]
    fn backends_are_named_in_their_order() {
        let auth = auth();
        assert_eq!(auth.backends().map(BackendName::as_str).collect::<Vec<_>>(), ["ldap", "local"]);
    }
}
