//! A session store, users and a random source that can be made to fail.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::future::pending;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use auth_core::backend::{Accepted, Attempt, Backend, BackendError, Outcome, UserSource};
use auth_core::factors::{
    CodeHash, FactorId, FactorLookup, FactorOwner, FactorStore, MemoryFactors, Reservation, StoredFactor,
    Try, TryEnd,
};
use auth_core::random::{OsRandom, Random, RandomError};
use auth_core::session::{
    MemorySessions, SessionKey, SessionRecord, SessionStore, StoreError, Stored, UserSessions, Written,
};
use auth_core::time::Timestamp;
use auth_core::{MemoryBackend, Password, RemoteUser, UserId};

use tokio::sync::Semaphore;

use crate::accounts::Account;
use crate::pages::Gate;

/// How something behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Mode {
    /// As it should.
    Works,
    /// It answers with an error.
    Fails,
    /// It never answers.
    Hangs,
    /// It panics.
    Panics,
}

/// A [`Mode`] that can be changed while others use it.
#[derive(Clone, Debug, Default)]
pub struct Switch(Arc<AtomicU8>);

impl Switch {
    /// Changes the mode.
    pub fn set(&self, mode: Mode) {
        self.0.store(mode as u8, Ordering::SeqCst);
    }

    /// Behaves as the mode says; true to go on.
    pub(crate) async fn obey(&self) -> bool {
        const FAILS: u8 = Mode::Fails as u8;
        const HANGS: u8 = Mode::Hangs as u8;
        const PANICS: u8 = Mode::Panics as u8;
        match self.0.load(Ordering::SeqCst) {
            FAILS => false,
            HANGS => pending().await,
            PANICS => panic!("told to panic"),
            _ => true,
        }
    }
}

/// What happens to one call of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It answers with an error, and nothing was done.
    Fails,
    /// It never answers, and nothing was done.
    Hangs,
    /// It is done, and the answer is an error.
    LosesAnswer,
    /// It is done, and there is no answer.
    HangsAfter,
}

/// The call that a [`Fault`] strikes.
#[derive(Debug, Default)]
struct Strike {
    /// How many calls go well before it.
    left: u64,
    fault: Option<Fault>,
}

/// Sessions in memory that count what is asked of them and can be made to fail.
#[derive(Debug)]
pub struct TestStore {
    /// The store behind it.
    pub sessions: MemorySessions,
    /// How it answers reads.
    pub reads: Switch,
    /// How it answers writes.
    pub writes: Switch,
    /// Where calls of the held method wait.
    pub gate: Gate,
    /// Where a call that never answers tells it.
    pub stuck: Semaphore,
    strike: Mutex<Strike>,
    held: Mutex<Option<&'static str>>,
    calls: Mutex<BTreeMap<&'static str, u64>>,
    keys: Mutex<Vec<SessionKey>>,
}

impl Default for TestStore {
    fn default() -> Self {
        Self {
            sessions: MemorySessions::new(100_000),
            reads: Switch::default(),
            writes: Switch::default(),
            gate: Gate::default(),
            stuck: Semaphore::new(0),
            strike: Mutex::default(),
            held: Mutex::default(),
            calls: Mutex::default(),
            keys: Mutex::default(),
        }
    }
}

impl TestStore {
    /// Lets the next call of this method wait at the gate before it is made.
    pub fn hold(&self, method: &'static str) {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = Some(method);
    }

    /// Lets one call fail, after so many others.
    pub fn strike(&self, after: u64, fault: Fault) {
        *self.lock_strike() = Strike { left: after, fault: Some(fault) };
    }

    /// Whether the call that was to fail has come. None will from here on.
    pub fn has_struck(&self) -> bool {
        self.lock_strike().fault.take().is_none()
    }

    fn lock_strike(&self) -> MutexGuard<'_, Strike> {
        self.strike.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The fault that strikes this call, if one does.
    fn struck(&self) -> Option<Fault> {
        let mut strike = self.lock_strike();
        if strike.left == 0 {
            return strike.fault.take();
        }
        strike.left -= 1;
        None
    }

    async fn hang<T>(&self) -> T {
        self.stuck.add_permits(1);
        pending().await
    }

    /// Makes a call as the switches and a strike want it.
    async fn call<T>(
        &self,
        method: &'static str,
        switch: &Switch,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let fault = self.struck();
        match fault {
            Some(Fault::Fails) => return Err(store_down()),
            Some(Fault::Hangs) => self.hang().await,
            _ => {}
        }
        self.pass(method, switch).await?;
        let answer = work.await;
        match fault {
            Some(Fault::LosesAnswer) => Err(store_down()),
            Some(Fault::HangsAfter) => self.hang().await,
            _ => answer,
        }
    }

    /// How often a method was called.
    pub fn count(&self, method: &str) -> u64 {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).get(method).copied().unwrap_or_default()
    }

    /// How many methods were called.
    pub fn count_all(&self) -> u64 {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).values().sum()
    }

    /// Every key under which a record was ever stored.
    pub fn keys(&self) -> Vec<SessionKey> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, key: &SessionKey) {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).push(*key);
    }

    async fn pass(&self, method: &'static str, switch: &Switch) -> Result<(), StoreError> {
        *self.calls.lock().unwrap_or_else(PoisonError::into_inner).entry(method).or_default() += 1;
        let is_held =
            self.held.lock().unwrap_or_else(PoisonError::into_inner).take_if(|held| *held == method);
        if is_held.is_some() {
            self.gate.pass().await;
        }
        if switch.obey().await { Ok(()) } else { Err(store_down()) }
    }
}

impl SessionStore for TestStore {
    async fn create(&self, key: &SessionKey, record: &SessionRecord) -> Result<(), StoreError> {
        let create = async {
            self.note(key);
            self.sessions.create(key, record).await
        };
        self.call("create", &self.writes, create).await
    }

    async fn load(&self, key: &SessionKey, now: Timestamp) -> Result<Option<Stored>, StoreError> {
        self.call("load", &self.reads, self.sessions.load(key, now)).await
    }

    async fn update(
        &self,
        key: &SessionKey,
        version: u64,
        record: &SessionRecord,
        now: Timestamp,
    ) -> Result<Written, StoreError> {
        self.call("update", &self.writes, self.sessions.update(key, version, record, now)).await
    }

    async fn touch(
        &self,
        key: &SessionKey,
        last_seen: Timestamp,
        expires: Timestamp,
    ) -> Result<Written, StoreError> {
        self.call("touch", &self.writes, self.sessions.touch(key, last_seen, expires)).await
    }

    async fn rotate(
        &self,
        old: &SessionKey,
        new: &SessionKey,
        version: u64,
        record: &SessionRecord,
        alias_until: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Written, StoreError> {
        let rotate = async {
            self.note(new);
            self.sessions.rotate(old, new, version, record, alias_until, now).await
        };
        self.call("rotate", &self.writes, rotate).await
    }

    async fn delete(&self, key: &SessionKey) -> Result<(), StoreError> {
        self.call("delete", &self.writes, self.sessions.delete(key)).await
    }

    async fn delete_user(
        &self,
        whose: UserSessions<'_>,
        except: Option<&SessionKey>,
    ) -> Result<u64, StoreError> {
        self.call("delete_user", &self.writes, self.sessions.delete_user(whose, except)).await
    }

    async fn trim_user(
        &self,
        whose: UserSessions<'_>,
        max: u64,
        keep: &SessionKey,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let trim = self.sessions.trim_user(whose, max, keep, now);
        self.call("trim_user", &self.writes, trim).await
    }

    async fn list_user(
        &self,
        whose: UserSessions<'_>,
        now: Timestamp,
    ) -> Result<Vec<(SessionKey, SessionRecord)>, StoreError> {
        self.call("list_user", &self.reads, self.sessions.list_user(whose, now)).await
    }

    async fn purge_expired(&self, now: Timestamp, limit: u64) -> Result<u64, StoreError> {
        self.call("purge_expired", &self.writes, self.sessions.purge_expired(now, limit)).await
    }
}

/// Users in memory that can be made to fail, and count how often one is loaded.
#[derive(Clone, Debug)]
pub struct TestUsers {
    /// The users behind it.
    pub users: Arc<MemoryBackend<Account>>,
    /// How it judges credentials.
    pub judging: Switch,
    /// How it loads users.
    pub loading: Switch,
    /// Where loads wait while they are held, with the user as it was before.
    pub gate: Arc<Gate>,
    is_held: Arc<AtomicBool>,
    loads: Arc<Mutex<u64>>,
}

impl TestUsers {
    /// These users.
    pub fn new(users: Arc<MemoryBackend<Account>>) -> Self {
        Self {
            users,
            judging: Switch::default(),
            loading: Switch::default(),
            gate: Arc::default(),
            is_held: Arc::default(),
            loads: Arc::default(),
        }
    }

    /// Lets each load wait at the gate when it has read the user, or no longer.
    pub fn hold(&self, is_held: bool) {
        self.is_held.store(is_held, Ordering::SeqCst);
    }

    /// How often a user was loaded by id.
    pub fn loads(&self) -> u64 {
        *self.loads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl UserSource for TestUsers {
    type User = Account;

    async fn get_user(&self, id: &UserId) -> Result<Option<Account>, BackendError> {
        *self.loads.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        let user = if self.loading.obey().await { self.users.get_user(id).await } else { Err(down()) };
        if self.is_held.load(Ordering::SeqCst) {
            self.gate.pass().await;
        }
        user
    }
}

impl Backend<Password> for TestUsers {
    async fn authenticate(
        &self,
        attempt: &Attempt<'_, Password>,
    ) -> Result<Outcome<Accepted<Account>>, BackendError> {
        if self.judging.obey().await { self.users.authenticate(attempt).await } else { Err(down()) }
    }
}

impl Backend<RemoteUser> for TestUsers {
    async fn authenticate(
        &self,
        attempt: &Attempt<'_, RemoteUser>,
    ) -> Result<Outcome<Accepted<Account>>, BackendError> {
        if self.judging.obey().await { self.users.authenticate(attempt).await } else { Err(down()) }
    }
}

fn down() -> BackendError {
    BackendError::unavailable(DriverError("the users are down"))
}

fn store_down() -> StoreError {
    StoreError::unavailable(DriverError("the store is down"))
}

/// What a driver says when it fails: it lies behind all else that is said of that.
#[derive(Debug)]
pub struct DriverError(pub &'static str);

impl fmt::Display for DriverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Error for DriverError {}

/// The operating system's generator, until it is told to fail.
#[derive(Clone, Debug, Default)]
pub struct TestRandom {
    /// Whether it fails.
    pub fails: Arc<AtomicBool>,
}

impl Random for TestRandom {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomError> {
        if self.fails.load(Ordering::SeqCst) { Err(RandomError) } else { OsRandom.fill(bytes) }
    }
}

/// Second factors in memory that can be made to fail.
#[derive(Debug)]
pub struct SwitchedFactors {
    factors: MemoryFactors,
    /// How it answers.
    pub mode: Switch,
}

impl Default for SwitchedFactors {
    fn default() -> Self {
        Self { factors: MemoryFactors::new(100_000), mode: Switch::default() }
    }
}

impl SwitchedFactors {
    async fn obey(&self) -> Result<&MemoryFactors, StoreError> {
        if self.mode.obey().await { Ok(&self.factors) } else { Err(StoreError::unavailable("told to fail")) }
    }
}

impl FactorStore for SwitchedFactors {
    async fn add(&self, factor: &StoredFactor, max: usize) -> Result<bool, StoreError> {
        self.obey().await?.add(factor, max).await
    }

    async fn replace_codes(&self, factor: &StoredFactor) -> Result<(), StoreError> {
        self.obey().await?.replace_codes(factor).await
    }

    async fn of_owner(&self, owner: &FactorOwner) -> Result<Vec<StoredFactor>, StoreError> {
        self.obey().await?.of_owner(owner).await
    }

    async fn confirm(
        &self,
        owner: &FactorOwner,
        id: FactorId,
        step: u64,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.obey().await?.confirm(owner, id, step, now).await
    }

    async fn use_step(
        &self,
        owner: &FactorOwner,
        id: FactorId,
        step: u64,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.obey().await?.use_step(owner, id, step, now).await
    }

    async fn use_recovery_code(
        &self,
        owner: &FactorOwner,
        id: FactorId,
        code: &CodeHash,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.obey().await?.use_recovery_code(owner, id, code, now).await
    }

    async fn replace_secret(
        &self,
        owner: &FactorOwner,
        id: FactorId,
        old: &[u8],
        new: &[u8],
    ) -> Result<bool, StoreError> {
        self.obey().await?.replace_secret(owner, id, old, new).await
    }

    async fn by_lookup(&self, lookup: &FactorLookup) -> Result<Option<StoredFactor>, StoreError> {
        self.obey().await?.by_lookup(lookup).await
    }

    async fn note_use(&self, owner: &FactorOwner, id: FactorId, now: Timestamp) -> Result<bool, StoreError> {
        self.obey().await?.note_use(owner, id, now).await
    }

    async fn rename(&self, owner: &FactorOwner, id: FactorId, name: &str) -> Result<bool, StoreError> {
        self.obey().await?.rename(owner, id, name).await
    }

    async fn remove(&self, owner: &FactorOwner, id: FactorId) -> Result<bool, StoreError> {
        self.obey().await?.remove(owner, id).await
    }

    async fn remove_all(&self, owner: &FactorOwner) -> Result<u64, StoreError> {
        self.obey().await?.remove_all(owner).await
    }

    async fn reserve_try(&self, owner: &FactorOwner, now: Timestamp) -> Result<Reservation, StoreError> {
        self.obey().await?.reserve_try(owner, now).await
    }

    async fn settle_try(&self, owner: &FactorOwner, tried: Try, end: TryEnd) -> Result<(), StoreError> {
        self.obey().await?.settle_try(owner, tried, end).await
    }
}
