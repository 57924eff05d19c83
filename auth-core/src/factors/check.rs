//! [`check_store`]: tries what factors need from a store, before one is enrolled.

use super::{FactorId, FactorKind, FactorOwner, FactorStore, Reservation, StoredFactor, TryEnd};
use crate::random::{OsRandom, Random};
use crate::store_error::{StoreError, StoreErrorKind, step};
use crate::time::{Clock, SystemClock, Timestamp};
use crate::{BackendName, UserId};

/// Tries on a store all that factors will need: it creates, confirms, uses and removes factors of nobody. Call it
/// when the program starts. The stores of this project have a `check` method that tries this and more.
///
/// ```
/// use auth_core::factors::{MemoryFactors, check_store};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// check_store(&MemoryFactors::new(10_000)).await?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`StoreError`] of the first step that failed. Its source names the step, and that one's source the reason.
pub async fn check_store(store: &impl FactorStore) -> Result<(), StoreError> {
    let now = SystemClock.now();
    let factor = of_nobody(FactorKind::Totp, now).map_err(StoreError::unavailable)?;
    let (owner, id) = (&factor.owner, factor.id);
    step("factors cannot be looked for", store.of_owner(owner).await, |all| all.is_empty())?;
    step("a factor cannot be added", store.add(&factor, 10).await, |done| done)?;
    step("a factor cannot be confirmed", store.confirm(owner, id, 1, now).await, |done| done)?;
    step("a code cannot be used", store.use_step(owner, id, 2, now).await, |done| done)?;
    step("a code can be used twice", store.use_step(owner, id, 2, now).await, |done| !done)?;
    step("a factor cannot be renamed", store.rename(owner, id, "checked").await, |done| done)?;
    let replaced = store.replace_secret(owner, id, &factor.secret, &[8; 8]).await;
    step("a secret cannot be sealed again", replaced, |done| done)?;
    check_passkey(store, owner, now).await?;
    let mut codes = of_nobody(FactorKind::RecoveryCodes, now).map_err(StoreError::unavailable)?;
    (codes.owner, codes.codes) = (owner.clone(), vec![[7; 32]]);
    step("recovery codes cannot be made", store.replace_codes(&codes).await, |()| true)?;
    let used = store.use_recovery_code(owner, codes.id, &[7; 32], now).await;
    step("a recovery code cannot be used", used, |done| done)?;
    let reserved = store.reserve_try(owner, now).await;
    if let Ok(Reservation::Allowed(tried)) = reserved {
        let settled = store.settle_try(owner, tried, TryEnd::Fault).await;
        step("a try cannot be settled", settled, |()| true)?;
    }
    step("tries cannot be counted", reserved, |answer| matches!(answer, Reservation::Allowed(_)))?;
    step("a factor cannot be read", store.of_owner(owner).await, |all| all.len() == 2)?;
    step("a factor cannot be removed", store.remove(owner, id).await, |done| done)?;
    step("factors cannot be removed", store.remove_all(owner).await, |count| count == 1)
}

async fn check_passkey(
    store: &impl FactorStore,
    owner: &FactorOwner,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut lookup = [0; 32];
    OsRandom.fill(&mut lookup).map_err(StoreError::unavailable)?;
    let made = || of_nobody(FactorKind::Passkey, now).map_err(StoreError::unavailable);
    let passkey =
        StoredFactor { owner: owner.clone(), confirmed: Some(now), lookup: Some(lookup), ..made()? };
    let again = StoredFactor { id: made()?.id, ..passkey.clone() };
    step("a passkey cannot be added", store.add(&passkey, 10).await, |done| done)?;
    let added = match store.add(&again, 10).await {
        Err(error) if error.kind() == StoreErrorKind::Exists => Ok(false),
        added => added,
    };
    step("a passkey can be added twice", added, |done| !done)?;
    step("a passkey cannot be found", store.by_lookup(&lookup).await, |found| {
        found == Some(passkey.clone())
    })?;
    step("the use of a passkey cannot be noted", store.note_use(owner, passkey.id, now).await, |done| done)?;
    step("a passkey cannot be removed", store.remove(owner, passkey.id).await, |done| done)
}

fn of_nobody(
    kind: FactorKind,
    now: Timestamp,
) -> Result<StoredFactor, Box<dyn std::error::Error + Send + Sync>> {
    let id = FactorId::draw(&OsRandom)?;
    let backend = BackendName::new("check").ok_or(StoreErrorKind::Unavailable).map_err(StoreError::new)?;
    Ok(StoredFactor {
        id,
        owner: FactorOwner { backend, user: UserId::new(id.to_string())? },
        kind,
        name: "check".into(),
        created: now,
        confirmed: None,
        last_used: None,
        last_step: None,
        secret: [7; 8].into(),
        codes: Vec::new(),
        lookup: None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::MemoryFactors;
    use super::*;

    #[tokio::test]
    async fn nothing_is_left_of_it() {
        let store = MemoryFactors::new(1);
        check_store(&store).await.unwrap();
        check_store(&store).await.unwrap();
    }
}
