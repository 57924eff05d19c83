//! Keys in memory.

use std::collections::{BTreeSet, HashMap};
use std::sync::{PoisonError, RwLock};

use super::{ApiKey, ApiKeyId, ApiKeyOwner, ApiKeyStore, KeyEnd};
use crate::identity_hasher::IdentityState;
use crate::store_error::{StoreError, StoreErrorKind};
use crate::time::Timestamp;

/// An [`ApiKeyStore`] in memory: for tests, and for a program whose keys may end with it.
///
/// ```
/// # use auth_core::{User, UserId};
/// # #[derive(Clone)]
/// # struct Account;
/// # impl User for Account {
/// #     fn id(&self) -> UserId { UserId::from(1) }
/// #     fn security_stamp(&self) -> &[u8] { b"" }
/// #     fn is_active(&self) -> bool { true }
/// # }
/// use auth_core::api_keys::{ApiKeys, MemoryApiKeys};
///
/// let keys = ApiKeys::<_, Account>::new("shop", MemoryApiKeys::new(10_000))?;
/// # Ok::<(), auth_core::ConfigError>(())
/// ```
#[derive(Debug)]
pub struct MemoryApiKeys {
    rows: RwLock<Rows>,
    max: usize,
}

#[derive(Debug, Default)]
struct Rows {
    /// Ids are random and drawn here, so they already serve as hashes.
    by_id: HashMap<ApiKeyId, ApiKey, IdentityState>,
    /// In the order of creation.
    by_owner: HashMap<ApiKeyOwner, BTreeSet<(Timestamp, ApiKeyId)>>,
}

impl MemoryApiKeys {
    /// A store for at most `max` keys.
    pub fn new(max: usize) -> Self {
        Self { rows: RwLock::default(), max }
    }

    // Nothing in here calls foreign code under the lock.
    fn write<T>(&self, change: impl FnOnce(&mut Rows) -> T) -> T {
        change(&mut self.rows.write().unwrap_or_else(PoisonError::into_inner))
    }

    fn read<T>(&self, look: impl FnOnce(&Rows) -> T) -> T {
        look(&self.rows.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Rows {
    fn of_owner(&self, owner: &ApiKeyOwner) -> impl Iterator<Item = &ApiKey> {
        let ids = self.by_owner.get(owner).into_iter().flatten().rev();
        ids.filter_map(|(_, id)| self.by_id.get(id))
    }

    /// An owner with few keys in total has few live ones: they are counted only if there may be too many.
    fn has_room(&self, owner: &ApiKeyOwner, max: usize, now: Timestamp) -> bool {
        let all = self.by_owner.get(owner).map_or(0, BTreeSet::len);
        all < max || self.of_owner(owner).filter(|own| own.is_live(now)).count() < max
    }

    fn remove(&mut self, id: ApiKeyId) {
        let Some(key) = self.by_id.remove(&id) else { return };
        if let Some(theirs) = self.by_owner.get_mut(&key.owner) {
            theirs.remove(&(key.created(), id));
            if theirs.is_empty() {
                self.by_owner.remove(&key.owner);
            }
        }
    }
}

impl ApiKeyStore for MemoryApiKeys {
    async fn add(&self, key: &ApiKey, max: usize, now: Timestamp) -> Result<bool, StoreError> {
        self.write(|rows| {
            if rows.by_id.contains_key(&key.id) {
                return Err(StoreError::new(StoreErrorKind::Exists));
            }
            if rows.by_id.len() >= self.max {
                return Err(StoreError::new(StoreErrorKind::Full));
            }
            if !rows.has_room(&key.owner, max, now) {
                return Ok(false);
            }
            rows.by_owner.entry(key.owner.clone()).or_default().insert((key.created(), key.id));
            rows.by_id.insert(key.id, key.clone());
            Ok(true)
        })
    }

    async fn find(&self, id: ApiKeyId) -> Result<Option<ApiKey>, StoreError> {
        Ok(self.read(|rows| rows.by_id.get(&id).cloned()))
    }

    async fn of_owner(&self, owner: &ApiKeyOwner, limit: usize) -> Result<Vec<ApiKey>, StoreError> {
        Ok(self.read(|rows| rows.of_owner(owner).take(limit).cloned().collect()))
    }

    async fn end(&self, owner: &ApiKeyOwner, id: ApiKeyId, end: KeyEnd) -> Result<bool, StoreError> {
        Ok(self.write(|rows| {
            let Some(key) = rows.by_id.get_mut(&id).filter(|key| key.owner == *owner) else { return false };
            match end {
                KeyEnd::Revoked(at) => _ = key.revoked.get_or_insert(at),
                KeyEnd::By(at) => key.expires = Some(key.expires.map_or(at, |expires| expires.min(at))),
            }
            true
        }))
    }

    async fn note_use(&self, id: ApiKeyId, at: Timestamp) -> Result<(), StoreError> {
        self.write(|rows| {
            if let Some(key) = rows.by_id.get_mut(&id) {
                key.last_used = key.last_used.max(Some(at));
            }
        });
        Ok(())
    }

    async fn purge(&self, before: Timestamp, limit: u64) -> Result<u64, StoreError> {
        Ok(self.write(|rows| {
            let is_over =
                |key: &&ApiKey| [key.expires, key.revoked].into_iter().flatten().any(|at| at < before);
            let limit = usize::try_from(limit).unwrap_or(usize::MAX);
            let over: Vec<_> = rows.by_id.values().filter(is_over).map(|key| key.id).take(limit).collect();
            for id in &over {
                rows.remove(*id);
            }
            over.len() as u64
        }))
    }
}
