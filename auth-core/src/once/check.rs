//! [`check_store`]: tries a store before it is needed.

use std::time::Duration;

use super::{OnceId, OnceStore};
use crate::random::{OsRandom, Random};
use crate::session::Purpose;
use crate::store_error::{StoreError, step};
use crate::time::{Clock, SystemClock, Timestamp};

/// The lifetime of the trial id. It is of no use to anybody, and kept for a minute longer, like every entry.
const LIFETIME: Duration = Duration::from_secs(1);

/// Tries on a store all that will be needed: it uses a random id, and tries to use it again. Call it when the program
/// starts. The id stays in the store for a minute, since nothing is removed before that. The stores of this project
/// have a `check` method that tries this and more.
///
/// ```
/// use auth_core::once::{MemoryOnce, check_store};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// check_store(&MemoryOnce::new(1_000)).await?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`StoreError`] of the first step that failed. Its source names the step, and that one's source the reason.
pub async fn check_store(store: &impl OnceStore) -> Result<(), StoreError> {
    let (purpose, mut id) = (Purpose::of_core("check"), [0; 16]);
    OsRandom.fill(&mut id).map_err(StoreError::unavailable)?;
    let id = OnceId::new(&purpose, &id).map_err(StoreError::unavailable)?;
    let now = SystemClock.now();
    let until = now.plus(LIFETIME);
    step("an id cannot be used", store.use_once(id, until, now).await, |first| first)?;
    step("an id can be used twice", store.use_once(id, until, now).await, |first| !first)?;
    // No entry is that old: another instance that runs this check must find its id again.
    let purged = store.purge(Timestamp::from_millis(0), 1).await;
    step("used ids cannot be removed", purged, |_| true)
}

#[cfg(test)]
mod tests {
    use super::super::MemoryOnce;
    use super::*;
    use crate::store_error::StoreErrorKind;

    #[tokio::test]
    async fn instances_may_check_at_once() {
        let store = MemoryOnce::new(2);
        check_store(&store).await.unwrap();
        check_store(&store).await.unwrap();
        assert_eq!(check_store(&store).await.unwrap_err().kind(), StoreErrorKind::Full);
    }

    struct Forgetful;

    impl OnceStore for Forgetful {
        async fn use_once(&self, _: OnceId<'_>, _: Timestamp, _: Timestamp) -> Result<bool, StoreError> {
            Ok(true)
        }

        async fn purge(&self, _: Timestamp, _: u64) -> Result<u64, StoreError> {
            Ok(0)
        }
    }

    #[tokio::test]
    async fn a_store_that_notes_nothing_is_found() {
        let error = check_store(&Forgetful).await.unwrap_err();
        let source = std::error::Error::source(&error).map(ToString::to_string);
        assert_eq!(source.as_deref(), Some("an id can be used twice"));
    }
}
