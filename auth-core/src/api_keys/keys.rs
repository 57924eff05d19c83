//! [`ApiKeys`]: the backend for keys.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use subtle::ConstantTimeEq as _;

use super::key::{Parsed, Prefix};
use super::record::Details;
use super::uses::Uses;
use super::{ApiKey, ApiKeyId, ApiKeyOwner, ApiKeyStore, KeyEnd, NewApiKey};
use crate::backend::{Accepted, Attempt, Backend, BackendError, DenyReason, Health, Outcome, UserSource};
use crate::cause::Cause;
use crate::grant::{Grant, MadeBy};
use crate::random::{OsRandom, Random};
use crate::session::{DynUsers, SessionError, SessionErrorKind};
use crate::store_error::StoreError;
use crate::time::{Clock, SystemClock, Timestamp};
use crate::unheard::log_error;
use crate::{BackendName, BearerToken, ConfigError, Secret, User, UserId, keyed};

/// How many live keys a user may have, unless set.
const MAX_PER_OWNER: usize = 100;
/// How recent the proof must be of a user who creates a key, unless set.
const FRESH_WITHIN: Duration = Duration::from_secs(15 * 60);
/// How many keys a list contains at most.
const MAX_LISTED: usize = 10_000;

/// The API keys of an application: a [`Backend`] for [bearer tokens](BearerToken) over an [`ApiKeyStore`].
/// [`api_keys`](crate::api_keys) has a complete example.
pub struct ApiKeys<S, U> {
    prefix: Prefix,
    store: Arc<S>,
    owners: Vec<(BackendName, Arc<dyn DynUsers<U>>)>,
    max_per_owner: usize,
    fresh_within: Duration,
    are_free: bool,
    uses: Uses,
    clock: Arc<dyn Clock>,
    random: Box<dyn Random>,
}

impl<S: ApiKeyStore, U: User> ApiKeys<S, U> {
    /// Keys that begin with this prefix and `_`: a name of the application that no other application's keys have.
    ///
    /// ```
    /// use auth_core::api_keys::{ApiKeys, MemoryApiKeys};
    ///
    /// # use auth_core::{User, UserId};
    /// # #[derive(Clone)]
    /// # struct Account;
    /// # impl User for Account {
    /// #     fn id(&self) -> UserId { UserId::from(1) }
    /// #     fn security_stamp(&self) -> &[u8] { b"" }
    /// #     fn is_active(&self) -> bool { true }
    /// # }
    /// let keys = ApiKeys::<_, Account>::new("shop", MemoryApiKeys::new(10_000))?;
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// [`ConfigError`] if the prefix is not 2 to 20 lower-case letters and digits.
    pub fn new(prefix: &str, store: S) -> Result<Self, ConfigError> {
        Ok(Self {
            prefix: Prefix::new(prefix)?,
            store: Arc::new(store),
            owners: Vec::new(),
            max_per_owner: MAX_PER_OWNER,
            fresh_within: FRESH_WITHIN,
            are_free: false,
            uses: Uses::new(),
            clock: Arc::new(SystemClock),
            random: Box::new(OsRandom),
        })
    }

    /// Lets the users of a backend have keys: the backend of this name, as in
    /// [`AuthBuilder::backend`](crate::AuthBuilder::backend). Call it for each.
    ///
    /// ```
    /// # use auth_core::api_keys::{ApiKeyOwner, ApiKeys, MemoryApiKeys, NewApiKey};
    /// # use auth_core::grant::Scopes;
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
    /// # let keys = ApiKeys::new("shop", MemoryApiKeys::new(100))?.owners("local", Arc::clone(&users))?;
    /// let keys = ApiKeys::new("shop", MemoryApiKeys::new(10_000))?.owners("local", Arc::clone(&users))?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ConfigError`] if the name is invalid, or is repeated.
    pub fn owners(mut self, backend: &str, users: impl UserSource<User = U>) -> Result<Self, ConfigError> {
        let name = BackendName::new(backend)
            .filter(|name| self.owners.iter().all(|(other, _)| other != name))
            .ok_or_else(|| {
                ConfigError::new(format!(
                    "the users of {backend:?} cannot own API keys: name each backend once"
                ))
            })?;
        self.owners.push((name, Arc::new(users)));
        Ok(self)
    }

    /// Sets how many live keys a user may have: 100, unless set. At most 10,000 are listed.
    ///
    /// ```
    /// # use auth_core::api_keys::{ApiKeyOwner, ApiKeys, MemoryApiKeys, NewApiKey};
    /// # use auth_core::grant::Scopes;
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
    /// # let keys = ApiKeys::new("shop", MemoryApiKeys::new(100))?.owners("local", Arc::clone(&users))?;
    /// let keys = keys.max_per_owner(10);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn max_per_owner(mut self, max: usize) -> Self {
        self.max_per_owner = max.min(MAX_LISTED);
        self
    }

    /// Sets how recently a user must have authenticated to create a key: 15 minutes, unless set.
    ///
    /// ```
    /// # use auth_core::api_keys::{ApiKeyOwner, ApiKeys, MemoryApiKeys, NewApiKey};
    /// # use auth_core::grant::Scopes;
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
    /// # let keys = ApiKeys::new("shop", MemoryApiKeys::new(100))?.owners("local", Arc::clone(&users))?;
    /// let keys = keys.fresh_within(std::time::Duration::from_secs(5 * 60));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn fresh_within(mut self, time: Duration) -> Self {
        self.fresh_within = time;
        self
    }

    /// Says that scopes are not permissions: a key keeps the scopes that it was given, whatever its owner may do.
    /// Check both.
    ///
    /// ```
    /// # use auth_core::api_keys::{ApiKeyOwner, ApiKeys, MemoryApiKeys, NewApiKey};
    /// # use auth_core::grant::Scopes;
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
    /// # let keys = ApiKeys::new("shop", MemoryApiKeys::new(100))?.owners("local", Arc::clone(&users))?;
    /// let keys = keys.free_scopes();
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn free_scopes(mut self) -> Self {
        self.are_free = true;
        self
    }

    /// Sets another clock, for tests.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Sets another source of random bytes, for tests.
    #[must_use]
    pub fn random(mut self, random: impl Random) -> Self {
        self.random = Box::new(random);
        self
    }

    /// The store.
    pub fn store(&self) -> &S {
        &self.store
    }

    pub(crate) fn freshness(&self) -> Duration {
        self.fresh_within
    }

    /// Creates a key for a user without asking for any proof: for an administrator's shell, and for machines'
    /// accounts. The application vouches for it, also in place of a [second factor](crate::second_factor). A handler
    /// calls [`Session::create_api_key`](crate::Session::create_api_key), which takes the owner from the session.
    ///
    /// ```
    /// # use auth_core::api_keys::{ApiKeyOwner, ApiKeys, MemoryApiKeys, NewApiKey};
    /// # use auth_core::grant::Scopes;
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
    /// # let keys = ApiKeys::new("shop", MemoryApiKeys::new(100))?.owners("local", Arc::clone(&users))?;
    /// let created = keys.create_for("local", &UserId::from(1), NewApiKey::new("export")?).await?;
    /// println!("{}", created.key().expose()); // shown once
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`SessionError`] of kind [`TooManyKeys`](SessionErrorKind::TooManyKeys), [`NoSuchOwner`](SessionErrorKind::NoSuchOwner), or
    /// [`Unavailable`](SessionErrorKind::Unavailable).
    pub async fn create_for(
        &self,
        backend: &str,
        user: &UserId,
        new: NewApiKey,
    ) -> Result<CreatedApiKey, SessionError> {
        let nobody = || SessionError::from(SessionErrorKind::NoSuchOwner);
        let (backend, users) =
            self.owners.iter().find(|(name, _)| name.as_str() == backend).ok_or_else(nobody)?;
        let found =
            users.get_user(user).await.map_err(|error| SessionError::unavailable(Cause::of(error)))?;
        let owner = ApiKeyOwner { backend: backend.clone(), user: user.clone() };
        self.create(owner, &found.ok_or_else(nobody)?, new, MadeBy::Application).await
    }

    pub(crate) async fn create(
        &self,
        owner: ApiKeyOwner,
        user: &U,
        new: NewApiKey,
        made_by: MadeBy,
    ) -> Result<CreatedApiKey, SessionError> {
        if self.source(&owner.backend).is_none() {
            return Err(SessionErrorKind::NoSuchOwner.into());
        }
        let now = self.clock.now();
        let drawn = Parsed::draw(&self.prefix, &*self.random);
        let (parsed, text) = drawn.map_err(|error| SessionError::unavailable(Cause::of(error)))?;
        let stamp = new.bound_to_stamp.then(|| stamp_hash(parsed.id, user.security_stamp()));
        let key = record(&parsed, &text, owner, new, stamp, made_by, now);
        if self.store.add(&key, self.max_per_owner, now).await.map_err(unavailable)? {
            Ok(CreatedApiKey { key: text, stored: key })
        } else {
            Err(SessionErrorKind::TooManyKeys.into())
        }
    }

    /// The keys of a user, newest first, including those that have ended.
    ///
    /// ```
    /// # use auth_core::api_keys::{ApiKeyOwner, ApiKeys, MemoryApiKeys, NewApiKey};
    /// # use auth_core::grant::Scopes;
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
    /// # let keys = ApiKeys::new("shop", MemoryApiKeys::new(100))?.owners("local", Arc::clone(&users))?;
    /// # keys.create_for("local", &UserId::from(1), NewApiKey::new("export")?).await?;
    /// # let owner = ApiKeyOwner { backend: auth_core::BackendName::new("local").ok_or("not a name")?, user: UserId::from(1) };
    /// let names: Vec<String> = keys.of_owner(&owner).await?.iter().map(|key| key.name().to_owned()).collect();
    /// assert_eq!(names, ["export"]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`SessionError`] if the store is down.
    pub async fn of_owner(&self, owner: &ApiKeyOwner) -> Result<Vec<ApiKey>, SessionError> {
        self.store.of_owner(owner, MAX_LISTED).await.map_err(unavailable)
    }

    /// Revokes a user's key: it is refused from the next request on, on all instances. `false` if they have no key
    /// with this id.
    ///
    /// ```
    /// # use auth_core::api_keys::{ApiKeyOwner, ApiKeys, MemoryApiKeys, NewApiKey};
    /// # use auth_core::grant::Scopes;
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
    /// # let keys = ApiKeys::new("shop", MemoryApiKeys::new(100))?.owners("local", Arc::clone(&users))?;
    /// # let created = keys.create_for("local", &UserId::from(1), NewApiKey::new("export")?).await?;
    /// let stored = created.stored();
    /// assert!(keys.revoke(&stored.owner, stored.id).await?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`SessionError`] if the store is down.
    pub async fn revoke(&self, owner: &ApiKeyOwner, id: ApiKeyId) -> Result<bool, SessionError> {
        self.store.end(owner, id, KeyEnd::Revoked(self.clock.now())).await.map_err(unavailable)
    }

    /// Creates a key that replaces another one, with its name, scopes and networks, and a lifetime as long. The old
    /// key stays good for this time, so that its users can switch. `None` if the user has no live key with this id.
    pub(crate) async fn rotate(
        &self,
        owner: &ApiKeyOwner,
        user: &U,
        id: ApiKeyId,
        overlap: Duration,
        made_by: MadeBy,
    ) -> Result<Option<CreatedApiKey>, SessionError> {
        let now = self.clock.now();
        let old = self.store.find(id).await.map_err(unavailable)?;
        let Some(old) = old.filter(|old| old.owner == *owner && old.is_live(now)) else { return Ok(None) };
        let new = NewApiKey {
            name: old.details.name.clone(),
            scopes: old.details.scopes.clone(),
            lifetime: old.expires.map(|expires| expires.since(old.details.created)),
            networks: old.details.networks.clone(),
            bound_to_stamp: old.details.stamp.is_some(),
        };
        let created = self.create(owner.clone(), user, new, made_by).await?;
        self.store.end(owner, id, KeyEnd::By(now.plus(overlap))).await.map_err(unavailable)?;
        Ok(Some(created))
    }

    fn source(&self, backend: &BackendName) -> Option<&Arc<dyn DynUsers<U>>> {
        self.owners.iter().find(|(name, _)| name == backend).map(|(_, users)| users)
    }

    /// Judges the key by itself, before its owner's rights are known.
    async fn find(
        &self,
        attempt: &Attempt<'_, BearerToken>,
    ) -> Result<Result<ApiKey, DenyReason>, BackendError> {
        let token = attempt.credentials().token().expose();
        let Some(presented) = self.prefix.parse(token) else { return Ok(Err(DenyReason::WrongSecret)) };
        let found = self.store.find(presented.id).await.map_err(BackendError::unavailable)?;
        let Some(key) = found.filter(|key| presented.is(&key.details.hash)) else {
            return Ok(Err(DenyReason::WrongSecret));
        };
        let now = self.clock.now();
        let address = attempt.facts().client();
        let is_near = key.details.networks.is_empty()
            || address.is_some_and(|address| key.details.networks.iter().any(|net| net.contains(&address)));
        Ok(match key {
            key if key.revoked.is_some() => Err(DenyReason::Revoked),
            key if !key.is_live(now) => Err(DenyReason::Expired),
            _ if !is_near => Err(DenyReason::NotPermitted),
            key => Ok(key),
        })
    }

    /// The scopes that a key has now.
    fn grant(&self, key: &ApiKey, user: &U) -> Grant {
        let scopes = key.details.scopes.clone();
        let scopes = if self.are_free { scopes } else { scopes.held_by(|scope| user.has_permission(scope)) };
        let grant = Grant::new().with_scopes(scopes).asked_each_time().made_by(key.details.made_by.clone());
        match key.expires {
            Some(expires) => grant.with_expiry(expires),
            None => grant,
        }
    }

    /// Outside of the request: nobody waits for it, and nothing depends on it.
    fn note_use(&self, key: &ApiKey) {
        let (now, id) = (self.clock.now(), key.id);
        if self.uses.is_to_be_noted(id, now)
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            let store = Arc::clone(&self.store);
            runtime.spawn(async move {
                if let Err(error) = store.note_use(id, now).await {
                    tracing::debug!(target: "auth", %error, "the use of an API key was not noted");
                }
            });
        }
    }
}

impl<S: ApiKeyStore, U: User> UserSource for ApiKeys<S, U> {
    type User = U;

    /// Asks the owners' backends in order. No session begins with a key, so only code that looks a user up by hand
    /// needs this.
    async fn get_user(&self, id: &UserId) -> Result<Option<U>, BackendError> {
        for (_, users) in &self.owners {
            if let Some(user) = users.get_user(id).await? {
                return Ok(Some(user));
            }
        }
        Ok(None)
    }

    async fn health(&self) -> Health {
        Health::Unknown
    }
}

impl<S: ApiKeyStore, U: User> Backend<BearerToken> for ApiKeys<S, U> {
    fn supports(&self, attempt: &Attempt<'_, BearerToken>) -> bool {
        self.prefix.is_of(attempt.credentials().token().expose())
    }

    /// Clients that support only Basic put a key there, and people paste one into a form.
    fn owns_secret(&self, text: &str) -> bool {
        self.prefix.is_nearly_key(text)
    }

    async fn authenticate(
        &self,
        attempt: &Attempt<'_, BearerToken>,
    ) -> Result<Outcome<Accepted<U>>, BackendError> {
        let key = match self.find(attempt).await? {
            Ok(key) => key,
            Err(reason) => return Ok(Outcome::Deny(reason)),
        };
        let Some(users) = self.source(&key.owner.backend) else {
            log_error(&format_args!(
                "API keys of users of {:?} are refused: add `.owners({:?}, …)` to the keys",
                key.owner.backend.as_str(),
                key.owner.backend.as_str()
            ));
            return Ok(Outcome::Deny(DenyReason::NotPermitted));
        };
        let Some(user) = users.get_user(&key.owner.user).await? else {
            return Ok(Outcome::Deny(DenyReason::Disabled));
        };
        let is_bound = |stamp: [u8; 32]| stamp_hash(key.id, user.security_stamp()).ct_eq(&stamp).into();
        if !key.details.stamp.is_none_or(is_bound) {
            return Ok(Outcome::Deny(DenyReason::Revoked));
        }
        self.note_use(&key);
        let grant = self.grant(&key, &user);
        Ok(Outcome::Accept(Accepted::new(user, grant)))
    }

    /// Attempts use its store and its owners' backends, so these report their health.
    async fn health(&self) -> Health {
        Health::Unknown
    }
}

impl<S, U> fmt::Debug for ApiKeys<S, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKeys").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

/// A key that was just created. Its text is shown once: no store has it.
///
/// ```
/// # use auth_core::api_keys::{ApiKeyOwner, ApiKeys, MemoryApiKeys, NewApiKey};
/// # use auth_core::grant::Scopes;
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
/// # let keys = ApiKeys::new("shop", MemoryApiKeys::new(100))?.owners("local", Arc::clone(&users))?;
/// let created = keys.create_for("local", &UserId::from(1), NewApiKey::new("export")?).await?;
/// assert!(created.key().expose().ends_with(created.stored().tail()));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "nobody will see the key again"]
pub struct CreatedApiKey {
    key: Secret,
    stored: ApiKey,
}

impl CreatedApiKey {
    /// The text of the key.
    pub fn key(&self) -> &Secret {
        &self.key
    }

    /// The stored part of the key.
    pub fn stored(&self) -> &ApiKey {
        &self.stored
    }
}

/// The key as it is stored.
pub(super) fn record(
    parsed: &Parsed,
    text: &Secret,
    owner: ApiKeyOwner,
    new: NewApiKey,
    stamp: Option<[u8; 32]>,
    made_by: MadeBy,
    now: Timestamp,
) -> ApiKey {
    let text = text.expose();
    let details = Details {
        hash: parsed.hash(),
        name: new.name,
        scopes: new.scopes,
        networks: new.networks,
        created: now,
        tail: text[text.len() - 4..].into(),
        stamp,
        made_by,
    };
    let expires = new.lifetime.map(|lifetime| now.plus(lifetime));
    ApiKey { id: parsed.id, owner, expires, revoked: None, last_used: None, details: Arc::new(details) }
}

/// Distinguishes stamps without revealing them.
fn stamp_hash(id: ApiKeyId, stamp: &[u8]) -> [u8; 32] {
    let key = keyed::derive("auth-core 2026 stamps of API keys v1", &id.number().to_le_bytes());
    keyed::hash(&key, [stamp])
}

fn unavailable(error: StoreError) -> SessionError {
    SessionError::unavailable(Cause::of(error))
}
