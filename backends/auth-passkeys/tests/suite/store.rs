//! A store of factors that takes its time, and at which things happen meanwhile.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use auth_core::factors::{
    CodeHash, FactorId, FactorLookup, FactorOwner, FactorStore, MemoryFactors, Reservation, StoredFactor,
    Try, TryEnd,
};
use auth_core::session::{StoreError, StoreErrorKind};
use auth_core::time::Timestamp;
use tokio::task::yield_now;

#[derive(Debug)]
pub(crate) struct Store {
    inner: MemoryFactors,
    /// Whether nothing can be written.
    pub(crate) is_read_only: AtomicBool,
    /// Whether nothing can be done.
    pub(crate) is_down: AtomicBool,
    /// Whether what is found by its lookup is removed right after that.
    pub(crate) removes_what_is_found: AtomicBool,
    /// What takes the place of a factor when something is to be written into it.
    pub(crate) successor: Mutex<Option<StoredFactor>>,
}

impl Default for Store {
    fn default() -> Self {
        let [is_read_only, is_down, removes_what_is_found] = [(); 3].map(|()| AtomicBool::new(false));
        Self {
            inner: MemoryFactors::new(1_000),
            is_read_only,
            is_down,
            removes_what_is_found,
            successor: Mutex::default(),
        }
    }
}

impl Store {
    fn read(&self) -> Result<(), StoreError> {
        let is_down = self.is_down.load(Ordering::SeqCst);
        if is_down { Err(StoreError::new(StoreErrorKind::Unavailable)) } else { Ok(()) }
    }

    fn write(&self) -> Result<(), StoreError> {
        let is_refused = self.is_read_only.load(Ordering::SeqCst);
        if is_refused { Err(StoreError::new(StoreErrorKind::Unavailable)) } else { self.read() }
    }
}

impl FactorStore for Store {
    async fn add(&self, factor: &StoredFactor, max: usize) -> Result<bool, StoreError> {
        self.write()?;
        yield_now().await;
        self.inner.add(factor, max).await
    }

    async fn replace_codes(&self, factor: &StoredFactor) -> Result<(), StoreError> {
        self.inner.replace_codes(factor).await
    }

    async fn of_owner(&self, owner: &FactorOwner) -> Result<Vec<StoredFactor>, StoreError> {
        self.read()?;
        self.inner.of_owner(owner).await
    }

    /// Everybody reads before anybody writes.
    async fn by_lookup(&self, lookup: &FactorLookup) -> Result<Option<StoredFactor>, StoreError> {
        self.read()?;
        let found = self.inner.by_lookup(lookup).await?;
        if let Some(found) = found.as_ref().filter(|_| self.removes_what_is_found.load(Ordering::SeqCst)) {
            self.inner.remove(&found.owner, found.id).await?;
        }
        for _ in 0..100 {
            yield_now().await;
        }
        Ok(found)
    }

    async fn note_use(&self, owner: &FactorOwner, id: FactorId, now: Timestamp) -> Result<bool, StoreError> {
        self.write()?;
        self.inner.note_use(owner, id, now).await
    }

    async fn confirm(
        &self,
        owner: &FactorOwner,
        id: FactorId,
        step: u64,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.inner.confirm(owner, id, step, now).await
    }

    async fn use_step(
        &self,
        owner: &FactorOwner,
        id: FactorId,
        step: u64,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.inner.use_step(owner, id, step, now).await
    }

    async fn use_recovery_code(
        &self,
        owner: &FactorOwner,
        id: FactorId,
        code: &CodeHash,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.inner.use_recovery_code(owner, id, code, now).await
    }

    async fn replace_secret(
        &self,
        owner: &FactorOwner,
        id: FactorId,
        old: &[u8],
        new: &[u8],
    ) -> Result<bool, StoreError> {
        self.write()?;
        let successor = self.successor.lock().unwrap().take();
        if let Some(successor) = successor {
            self.inner.remove(owner, id).await?;
            self.inner.add(&successor, 10).await?;
        }
        self.inner.replace_secret(owner, id, old, new).await
    }

    async fn rename(&self, owner: &FactorOwner, id: FactorId, name: &str) -> Result<bool, StoreError> {
        self.inner.rename(owner, id, name).await
    }

    async fn remove(&self, owner: &FactorOwner, id: FactorId) -> Result<bool, StoreError> {
        self.inner.remove(owner, id).await
    }

    async fn remove_all(&self, owner: &FactorOwner) -> Result<u64, StoreError> {
        self.inner.remove_all(owner).await
    }

    async fn reserve_try(&self, owner: &FactorOwner, now: Timestamp) -> Result<Reservation, StoreError> {
        self.inner.reserve_try(owner, now).await
    }

    async fn settle_try(&self, owner: &FactorOwner, tried: Try, end: TryEnd) -> Result<(), StoreError> {
        self.inner.settle_try(owner, tried, end).await
    }
}
