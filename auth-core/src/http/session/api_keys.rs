//! How users manage their own API keys.

use std::sync::Arc;
use std::time::Duration;

use super::Session;
use crate::User;
use crate::api_keys::{ApiKey, ApiKeyId, ApiKeyOwner, ApiKeyStore, ApiKeys, CreatedApiKey, NewApiKey};
use crate::grant::MadeBy;
use crate::session::{SessionError, SessionErrorKind};

/// The user who makes a key.
struct Maker<U> {
    owner: ApiKeyOwner,
    user: Arc<U>,
    made_by: MadeBy,
}

impl<U: User> Session<U> {
    /// Makes an API key for the calling user. Its text is in the returned value and nowhere else: show it once.
    ///
    /// The caller must be signed in by a session, and must have [proved](crate::Access::proven) who they are a short while
    /// ago. Another key, or other credentials that come with a request, cannot make one.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/site.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use auth_core::api_keys::{ApiKeys, MemoryApiKeys, NewApiKey};
    /// # let site = Site::new().await;
    /// # let session = site.request_of_alice().await;
    /// # let keys = ApiKeys::new("shop", MemoryApiKeys::new(1_000))?.owners("local", Arc::clone(&site.users))?;
    /// let new = NewApiKey::new("deploy script")?;
    /// let created = session.create_api_key(&keys, new).await?;
    /// println!("your key, which is shown once: {}", created.key().expose());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`SessionError`] if there is no session or the store is down; of kind [`NotFresh`](SessionErrorKind::NotFresh) if the proof is
    /// older than [`ApiKeys::fresh_within`] (guard the route by [`Require::fresh`](crate::Require::fresh), which sends people to
    /// the login page first); [`CrossOrigin`](SessionErrorKind::CrossOrigin), [`TooManyKeys`](SessionErrorKind::TooManyKeys) or
    /// [`NoSuchOwner`](SessionErrorKind::NoSuchOwner).
    pub async fn create_api_key<S: ApiKeyStore>(
        &self,
        keys: &ApiKeys<S, U>,
        new: NewApiKey,
    ) -> Result<CreatedApiKey, SessionError> {
        let Maker { owner, user, made_by } = self.fresh_owner(keys).await?;
        keys.create(owner, &user, new, made_by).await
    }

    /// Lists the calling user's API keys, newest first, including those that have ended.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/site.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use auth_core::api_keys::{ApiKeys, MemoryApiKeys};
    /// # let site = Site::new().await;
    /// # let session = site.request_of_alice().await;
    /// # let keys = ApiKeys::new("shop", MemoryApiKeys::new(1_000))?.owners("local", Arc::clone(&site.users))?;
    /// for key in session.list_api_keys(&keys).await? {
    ///     println!("{} …{}", key.name(), key.tail());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`SessionError`] if there is no session or the store is down.
    pub async fn list_api_keys<S: ApiKeyStore>(
        &self,
        keys: &ApiKeys<S, U>,
    ) -> Result<Vec<ApiKey>, SessionError> {
        keys.of_owner(&self.owner_of_keys().await?).await
    }

    /// Revokes one of the calling user's API keys, which is refused from the next request on. Returns `false` if the user
    /// has no key with this id.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/site.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use auth_core::api_keys::{ApiKeys, MemoryApiKeys, NewApiKey};
    /// # let site = Site::new().await;
    /// # let session = site.request_of_alice().await;
    /// # let keys = ApiKeys::new("shop", MemoryApiKeys::new(1_000))?.owners("local", Arc::clone(&site.users))?;
    /// # let id = session.create_api_key(&keys, NewApiKey::new("deploy script")?).await?.stored().id;
    /// // `id` comes from a form.
    /// assert!(session.revoke_api_key(&keys, id).await?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`SessionError`] if there is no session or the store is down, or the request comes from another site.
    pub async fn revoke_api_key<S: ApiKeyStore>(
        &self,
        keys: &ApiKeys<S, U>,
        id: ApiKeyId,
    ) -> Result<bool, SessionError> {
        if self.refuses_other_site() {
            return Err(SessionErrorKind::CrossOrigin.into());
        }
        keys.revoke(&self.owner_of_keys().await?, id).await
    }

    /// Makes an API key that replaces another one, with the same name, scopes and networks. The old key keeps working for
    /// `overlap`, so that programs can change over. `None` if the calling user has no live key with this id.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/site.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use auth_core::api_keys::{ApiKeys, MemoryApiKeys, NewApiKey};
    /// # let site = Site::new().await;
    /// # let session = site.request_of_alice().await;
    /// # let keys = ApiKeys::new("shop", MemoryApiKeys::new(1_000))?.owners("local", Arc::clone(&site.users))?;
    /// use std::time::Duration;
    ///
    /// # let id = session.create_api_key(&keys, NewApiKey::new("deploy script")?).await?.stored().id;
    /// let a_day = Duration::from_secs(24 * 60 * 60);
    /// let replacement = session.rotate_api_key(&keys, id, a_day).await?;
    /// assert!(replacement.is_some());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`create_api_key`](Self::create_api_key).
    pub async fn rotate_api_key<S: ApiKeyStore>(
        &self,
        keys: &ApiKeys<S, U>,
        id: ApiKeyId,
        overlap: Duration,
    ) -> Result<Option<CreatedApiKey>, SessionError> {
        let Maker { owner, user, made_by } = self.fresh_owner(keys).await?;
        keys.rotate(&owner, &user, id, overlap, made_by).await
    }

    /// The session's user, and not one whom other credentials of the request name.
    async fn owner_of_keys(&self) -> Result<ApiKeyOwner, SessionError> {
        let live = self.current().await?;
        let user = live.record.user();
        Ok(ApiKeyOwner { backend: user.backend.clone(), user: user.id.clone() })
    }

    async fn fresh_owner<S: ApiKeyStore>(&self, keys: &ApiKeys<S, U>) -> Result<Maker<U>, SessionError> {
        if self.refuses_other_site() {
            return Err(SessionErrorKind::CrossOrigin.into());
        }
        let owner = self.owner_of_keys().await?;
        let access = self.access().ok_or(SessionErrorKind::NoSession)?;
        let now = self.auth().now();
        if access.proven().is_none_or(|proven| now.since(proven) > keys.freshness()) {
            return Err(SessionErrorKind::NotFresh.into());
        }
        let enrolled = self.current().await?.record.enrolled().unwrap_or_default();
        let proofs = access.proofs().iter().copied().collect();
        Ok(Maker { owner, user: Arc::clone(access.user()), made_by: MadeBy::Session(proofs, enrolled) })
    }
}
