//! [`check_store`]: tries what keys need from a store, before one is created.

use std::time::Duration;

use super::key::{Parsed, Prefix};
use super::keys::record;
use super::{ApiKey, ApiKeyOwner, ApiKeyStore, KeyEnd, NewApiKey};
use crate::grant::MadeBy;
use crate::random::OsRandom;
use crate::store_error::{StoreError, StoreErrorKind, step};
use crate::time::{Clock, SystemClock, Timestamp};
use crate::{BackendName, UserId};

/// How long the trial key may stay, should this process end before it is removed.
const LIFETIME: Duration = Duration::from_secs(60);

/// Tries on a store all that keys will need: it creates, finds, uses, ends and removes a key of nobody. Call it when
/// the program starts. The stores of this project have a `check` method that tries this and more.
///
/// ```
/// use auth_core::api_keys::{MemoryApiKeys, check_store};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// check_store(&MemoryApiKeys::new(10_000)).await?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`StoreError`] of the first step that failed. Its source names the step, and that one's source the reason.
pub async fn check_store(store: &impl ApiKeyStore) -> Result<(), StoreError> {
    let now = SystemClock.now();
    let key = of_nobody(now).map_err(StoreError::unavailable)?;
    let found = |found: Option<ApiKey>| found.is_some_and(|found| found.details == key.details);
    step("an API key cannot be looked for", store.find(key.id).await, |found| found.is_none())?;
    step("an API key cannot be made", store.add(&key, 10, now).await, |done| done)?;
    step("an API key cannot be read", store.find(key.id).await, found)?;
    step("an owner's API keys cannot be found", store.of_owner(&key.owner, 10).await, |all| all.len() == 1)?;
    step("the use of an API key cannot be noted", store.note_use(key.id, now).await, |()| true)?;
    let ended = store.end(&key.owner, key.id, KeyEnd::Revoked(Timestamp::from_millis(0))).await;
    step("an API key cannot be revoked", ended, |done| done)?;
    // Only the trial key was revoked before 1970.
    step("API keys cannot be removed", store.purge(Timestamp::from_millis(1), 10).await, |_| true)?;
    step("an API key that was removed cannot be looked for", store.find(key.id).await, |found| {
        found.is_none()
    })
}

fn of_nobody(now: Timestamp) -> Result<ApiKey, Box<dyn std::error::Error + Send + Sync>> {
    let (parsed, text) = Parsed::draw(&Prefix::new("check")?, &OsRandom)?;
    let backend = BackendName::new("check").ok_or(StoreErrorKind::Unavailable).map_err(StoreError::new)?;
    let owner = ApiKeyOwner { backend, user: UserId::new(parsed.id.to_string())? };
    Ok(record(
        &parsed,
        &text,
        owner,
        NewApiKey::new("check")?.lifetime(LIFETIME),
        None,
        MadeBy::Application,
        now,
    ))
}

#[cfg(test)]
mod tests {
    use super::super::MemoryApiKeys;
    use super::*;

    #[tokio::test]
    async fn nothing_is_left_of_it() {
        let store = MemoryApiKeys::new(1);
        check_store(&store).await.unwrap();
        check_store(&store).await.unwrap();
    }
}
