//! What a session does with its user's API keys.

use std::sync::Arc;
use std::time::Duration;

use super::Session;
use crate::User;
use crate::api_keys::{ApiKey, ApiKeyId, ApiKeyOwner, ApiKeyStore, ApiKeys, CreatedApiKey, NewApiKey};
use crate::grant::MadeBy;
use crate::session::{SessionError, SessionErrorKind};

/// Who makes a key.
struct Maker<U> {
    owner: ApiKeyOwner,
    user: Arc<U>,
    made_by: MadeBy,
}

impl<U: User> Session<U> {
    /// Makes an API key of the calling user's. Its text is in the answer and nowhere else: show it once.
    ///
    /// Only a session makes one, and only soon after its user [proved](crate::Access::proven) who they are: neither a key, nor any
    /// other credentials that come with a request.
    ///
    /// # Errors
    /// [`SessionError`] if there is no session or the store is down; of kind [`NotFresh`](SessionErrorKind::NotFresh) if the proof is
    /// older than [`ApiKeys::fresh_within`]: ask for it before, by [`Require::fresh`](crate::Require::fresh), so that people are sent to
    /// the login page; [`CrossOrigin`](SessionErrorKind::CrossOrigin), [`TooManyKeys`](SessionErrorKind::TooManyKeys) or
    /// [`NoSuchOwner`](SessionErrorKind::NoSuchOwner).
    pub async fn create_api_key<S: ApiKeyStore>(
        &self,
        keys: &ApiKeys<S, U>,
        new: NewApiKey,
    ) -> Result<CreatedApiKey, SessionError> {
        let Maker { owner, user, made_by } = self.fresh_owner(keys).await?;
        keys.create(owner, &user, new, made_by).await
    }

    /// The calling user's API keys, those first that were made last: also those that are over.
    ///
    /// # Errors
    /// [`SessionError`] if there is no session or the store is down.
    pub async fn list_api_keys<S: ApiKeyStore>(
        &self,
        keys: &ApiKeys<S, U>,
    ) -> Result<Vec<ApiKey>, SessionError> {
        keys.of_owner(&self.owner_of_keys().await?).await
    }

    /// Revokes one of the calling user's API keys: it is refused from the next request on. `false` if they have none with this id.
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

    /// Makes an API key that takes another's place, with its name, scopes and networks. The old one is good for this long still, so
    /// that whoever uses it can change over. `None` if the calling user has no live one with this id.
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

    /// Of the session, and of nothing that the request says.
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
