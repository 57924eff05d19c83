//! Sessions in this process' memory.

use std::collections::{BTreeSet, HashMap, hash_map};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use super::store::{SessionStore, Stored, Written};
use super::{SessionKey, SessionRecord};
use super::{StoreError, StoreErrorKind};
use crate::identity_hasher::IdentityState;
use crate::time::Timestamp;
use crate::{BackendName, UserId};

/// A [`SessionStore`] in memory: for one process, and gone with it.
///
/// It holds at most the given number of sessions. Expired ones are removed as others are created; if it is
/// full of live ones, a login is refused with [`StoreErrorKind::Full`] rather than somebody else logged out.
/// Readers of different sessions do not wait for each other.
#[derive(Debug)]
pub struct MemorySessions {
    shards: Box<[RwLock<Shard>]>,
    /// Locked first by everything that adds, moves or removes a record.
    index: Mutex<Index>,
    max: usize,
    users: RandomState,
}

const SHARDS: usize = 64;
/// How long a shard is left alone before a `create` looks through it for expired records again.
const SWEEP_EVERY: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
struct Shard {
    slots: HashMap<SessionKey, Slot, IdentityState>,
    swept: Timestamp,
}

/// What a key leads to. Small, because a table has room for more slots than it holds.
#[derive(Debug)]
enum Slot {
    Live(Entry),
    Alias(Box<(SessionKey, Timestamp)>),
}

#[derive(Debug)]
struct Entry {
    record: Arc<SessionRecord>,
    version: u64,
    alias: Option<Box<SessionKey>>,
}

#[derive(Debug, Default)]
struct Index {
    /// A hash of (backend, user) with the key of each of the user's records.
    by_user: BTreeSet<(u64, SessionKey)>,
    next_sweep: usize,
}

impl Slot {
    fn is_expired(&self, now: Timestamp) -> bool {
        matches!(self, Self::Live(entry) if !entry.is_live(now))
    }
}

impl Entry {
    fn is_live(&self, now: Timestamp) -> bool {
        now < self.record.expires
    }
}

impl Shard {
    fn entry(&mut self, key: &SessionKey, now: Timestamp) -> Option<&mut Entry> {
        match self.slots.get_mut(key) {
            Some(Slot::Live(entry)) if entry.is_live(now) => Some(entry),
            _ => None,
        }
    }
}

impl MemorySessions {
    /// A store for at most `max` sessions.
    pub fn new(max: usize) -> Self {
        let shards = (0..SHARDS).map(|_| RwLock::default()).collect();
        Self { shards, index: Mutex::default(), max, users: RandomState::new() }
    }

    /// How many sessions it holds, expired ones that were not yet removed among them.
    pub fn len(&self) -> usize {
        self.index().by_user.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    // A panic while a lock is held leaves each map whole: poisoning says nothing here.
    fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn at(key: &SessionKey) -> usize {
        usize::from(key.as_bytes()[31]) % SHARDS
    }

    fn read(&self, key: &SessionKey) -> RwLockReadGuard<'_, Shard> {
        self.shards[Self::at(key)].read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, key: &SessionKey) -> RwLockWriteGuard<'_, Shard> {
        self.write_at(Self::at(key))
    }

    fn write_at(&self, at: usize) -> RwLockWriteGuard<'_, Shard> {
        self.shards[at].write().unwrap_or_else(PoisonError::into_inner)
    }

    fn user(&self, backend: &BackendName, user: &UserId) -> u64 {
        self.users.hash_one((backend, user))
    }

    fn user_of(&self, record: &SessionRecord) -> u64 {
        self.user(&record.backend, &record.user)
    }

    /// The record under the key itself.
    fn get(&self, key: &SessionKey, now: Timestamp) -> Result<Stored, Option<SessionKey>> {
        match self.read(key).slots.get(key) {
            Some(Slot::Live(entry)) if entry.is_live(now) => {
                Ok(Stored { key: *key, record: Arc::clone(&entry.record), version: entry.version })
            }
            Some(Slot::Alias(alias)) if now < alias.1 => Err(Some(alias.0)),
            _ => Err(None),
        }
    }

    /// The key of the record that `key` leads to.
    fn target(&self, key: &SessionKey, now: Timestamp) -> SessionKey {
        match self.read(key).slots.get(key) {
            Some(Slot::Alias(alias)) if now < alias.1 => alias.0,
            _ => *key,
        }
    }

    /// Changes the live record that `key` leads to.
    fn change(&self, key: &SessionKey, now: Timestamp, work: impl FnOnce(&mut Entry) -> Written) -> Written {
        let mut target = self.target(key, now);
        loop {
            let mut shard = self.write(&target);
            if let Some(entry) = shard.entry(&target, now) {
                return work(entry);
            }
            drop(shard);
            // It may have been moved since it was looked for: then `key` has become an alias, and is not gone.
            let newer = self.target(key, now);
            if newer == target {
                return Written::Gone;
            }
            target = newer;
        }
    }

    /// Removes a record with its alias.
    fn remove(&self, index: &mut Index, key: &SessionKey) -> bool {
        let removed = self.write(key).slots.remove(key);
        match removed {
            Some(Slot::Live(entry)) => {
                self.forget(index, key, entry);
                true
            }
            Some(Slot::Alias(alias)) => self.remove(index, &alias.0),
            None => false,
        }
    }

    /// Removes a record that has expired. Looked at again under the lock that removes it: a touch or an update
    /// may have renewed it since it was found.
    fn remove_expired(&self, index: &mut Index, key: &SessionKey, now: Timestamp) -> bool {
        let removed = {
            let mut shard = self.write(key);
            match shard.slots.entry(*key) {
                hash_map::Entry::Occupied(found) if found.get().is_expired(now) => Some(found.remove()),
                _ => None,
            }
        };
        let Some(Slot::Live(entry)) = removed else { return false };
        self.forget(index, key, entry);
        true
    }

    /// Takes what belonged to a removed record out of the rest.
    fn forget(&self, index: &mut Index, key: &SessionKey, entry: Entry) {
        index.by_user.remove(&(self.user_of(&entry.record), *key));
        if let Some(alias) = entry.alias {
            self.write(&alias).slots.remove(&*alias);
        }
    }

    /// Removes up to `limit` expired records of a shard.
    fn sweep(&self, index: &mut Index, at: usize, now: Timestamp, limit: usize) -> usize {
        let expired: Vec<SessionKey> = {
            let mut shard = self.write_at(at);
            shard.swept = now;
            let expired = shard.slots.iter().filter(|(_, slot)| slot.is_expired(now));
            expired.map(|(key, _)| *key).take(limit).collect()
        };
        expired.iter().filter(|key| self.remove_expired(index, key, now)).count()
    }

    /// Removes what has expired, a little with every login, all of it when there is no room.
    fn make_room(&self, index: &mut Index, now: Timestamp) -> Result<(), StoreError> {
        let at = index.next_sweep % SHARDS;
        index.next_sweep = at + 1;
        if now.since(self.shards[at].read().unwrap_or_else(PoisonError::into_inner).swept) >= SWEEP_EVERY {
            self.sweep(index, at, now, usize::MAX);
        }
        if index.by_user.len() >= self.max {
            (0..SHARDS).for_each(|at| _ = self.sweep(index, at, now, usize::MAX));
        }
        if index.by_user.len() >= self.max { Err(StoreError::new(StoreErrorKind::Full)) } else { Ok(()) }
    }

    fn insert(&self, index: &mut Index, key: &SessionKey, record: &SessionRecord) -> Result<(), StoreError> {
        self.remove_expired(index, key, record.last_seen);
        let mut shard = self.write(key);
        if shard.slots.contains_key(key) {
            return Err(StoreError::new(StoreErrorKind::Exists));
        }
        let entry = Entry { record: Arc::new(record.clone()), version: 1, alias: None };
        shard.slots.insert(*key, Slot::Live(entry));
        index.by_user.insert((self.user_of(record), *key));
        Ok(())
    }

    /// Both keys' shards, locked in one order whatever the keys.
    fn two<T>(&self, old: &SessionKey, new: &SessionKey, work: impl FnOnce(Two<'_>) -> T) -> T {
        let (old, new) = (Self::at(old), Self::at(new));
        if old == new {
            return work(Two::Same(&mut self.write_at(old)));
        }
        let mut first = self.write_at(old.min(new));
        let mut second = self.write_at(old.max(new));
        let (old, new) = if old < new { (&mut *first, &mut *second) } else { (&mut *second, &mut *first) };
        work(Two::Apart { old, new })
    }
}

/// The shards of an old and a new key.
enum Two<'a> {
    Same(&'a mut Shard),
    Apart { old: &'a mut Shard, new: &'a mut Shard },
}

impl Two<'_> {
    fn source(&mut self) -> &mut Shard {
        match self {
            Self::Same(shard) => shard,
            Self::Apart { old, .. } => old,
        }
    }

    fn target(&mut self) -> &mut Shard {
        match self {
            Self::Same(shard) => shard,
            Self::Apart { new, .. } => new,
        }
    }

    /// Moves the entry; `Ok` holds the alias that dies with the move.
    fn rotate(
        &mut self,
        keys: (&SessionKey, &SessionKey),
        version: u64,
        record: &SessionRecord,
        alias_until: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Option<Box<SessionKey>>, Result<Written, StoreError>> {
        let (old, new) = keys;
        match self.source().entry(old, now) {
            None => return Err(Ok(Written::Gone)),
            Some(entry) if entry.version != version => return Err(Ok(Written::Conflict)),
            Some(_) => {}
        }
        if self.target().slots.contains_key(new) {
            return Err(Err(StoreError::new(StoreErrorKind::Exists)));
        }
        let Some(Slot::Live(mut entry)) = self.source().slots.remove(old) else {
            return Err(Ok(Written::Gone));
        };
        let dead_alias = entry.alias.take();
        entry.record = Arc::new(record.clone());
        entry.version += 1;
        if let Some(until) = alias_until {
            entry.alias = Some(Box::new(*old));
            self.source().slots.insert(*old, Slot::Alias(Box::new((*new, until))));
        }
        self.target().slots.insert(*new, Slot::Live(entry));
        Ok(dead_alias)
    }
}

impl SessionStore for MemorySessions {
    async fn create(&self, key: &SessionKey, record: &SessionRecord) -> Result<(), StoreError> {
        let mut index = self.index();
        self.make_room(&mut index, record.last_seen)?;
        self.insert(&mut index, key, record)
    }

    async fn load(&self, key: &SessionKey, now: Timestamp) -> Result<Option<Stored>, StoreError> {
        Ok(match self.get(key, now) {
            Ok(stored) => Some(stored),
            Err(Some(target)) => self.get(&target, now).ok(),
            Err(None) => None,
        })
    }

    async fn update(
        &self,
        key: &SessionKey,
        version: u64,
        record: &SessionRecord,
        now: Timestamp,
    ) -> Result<Written, StoreError> {
        Ok(self.change(key, now, |entry| {
            if entry.version != version {
                return Written::Conflict;
            }
            entry.record = Arc::new(record.clone());
            entry.version += 1;
            Written::Done
        }))
    }

    async fn touch(
        &self,
        key: &SessionKey,
        last_seen: Timestamp,
        expires: Timestamp,
    ) -> Result<Written, StoreError> {
        Ok(self.change(key, last_seen, |entry| {
            let record = Arc::make_mut(&mut entry.record);
            record.last_seen = record.last_seen.max(last_seen);
            record.expires = record.expires.max(expires);
            Written::Done
        }))
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
        let mut index = self.index();
        let moved = self.two(old, new, |mut two| two.rotate((old, new), version, record, alias_until, now));
        let dead_alias = match moved {
            Ok(dead_alias) => dead_alias,
            Err(answer) => return answer,
        };
        if let Some(alias) = dead_alias {
            self.write(&alias).slots.remove(&*alias);
        }
        let user = self.user_of(record);
        index.by_user.remove(&(user, *old));
        index.by_user.insert((user, *new));
        Ok(Written::Done)
    }

    async fn delete(&self, key: &SessionKey) -> Result<(), StoreError> {
        self.remove(&mut self.index(), key);
        Ok(())
    }

    async fn delete_user(
        &self,
        backend: &BackendName,
        user: &UserId,
        except: Option<&SessionKey>,
    ) -> Result<u64, StoreError> {
        let mut index = self.index();
        let keys = self.keys_of(&index, backend, user);
        let doomed = keys.into_iter().filter(|key| Some(key) != except);
        Ok(doomed.filter(|key| self.remove(&mut index, key)).count() as u64)
    }

    async fn trim_user(
        &self,
        backend: &BackendName,
        user: &UserId,
        max: u64,
        keep: &SessionKey,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let mut index = self.index();
        let max = usize::try_from(max).unwrap_or(usize::MAX);
        let keys = self.keys_of(&index, backend, user);
        if keys.len() <= max {
            return Ok(0);
        }
        let seen = |key| self.get(&key, now).ok().map(|stored| (stored.record.last_seen, key));
        let mut others: Vec<_> = keys.into_iter().filter(|key| key != keep).filter_map(seen).collect();
        others.sort_unstable();
        let doomed = others.len().saturating_sub(max.saturating_sub(1));
        Ok(others[..doomed].iter().filter(|(_, key)| self.remove(&mut index, key)).count() as u64)
    }

    async fn list_user(
        &self,
        backend: &BackendName,
        user: &UserId,
        now: Timestamp,
    ) -> Result<Vec<(SessionKey, SessionRecord)>, StoreError> {
        let keys = self.keys_of(&self.index(), backend, user);
        let record = |key: SessionKey| {
            self.get(&key, now).ok().map(|stored| (key, Arc::unwrap_or_clone(stored.record)))
        };
        let mut records: Vec<_> = keys.into_iter().filter_map(record).collect();
        records.sort_by_key(|(_, record)| record.created);
        Ok(records)
    }

    async fn purge_expired(&self, now: Timestamp, limit: u64) -> Result<u64, StoreError> {
        let mut index = self.index();
        let mut left = usize::try_from(limit).unwrap_or(usize::MAX);
        for at in 0..SHARDS {
            left -= self.sweep(&mut index, at, now, left);
        }
        Ok(limit - left as u64)
    }
}

impl MemorySessions {
    /// The keys of a user's records, expired ones among them.
    fn keys_of(&self, index: &Index, backend: &BackendName, user: &UserId) -> Vec<SessionKey> {
        let hash = self.user(backend, user);
        let first = (hash, SessionKey::from_bytes([0; 32]));
        let last = (hash, SessionKey::from_bytes([0xff; 32]));
        let is_theirs = |key: &SessionKey| match self.read(key).slots.get(key) {
            Some(Slot::Live(entry)) => entry.record.backend == *backend && entry.record.user == *user,
            _ => false,
        };
        index.by_user.range(first..=last).map(|(_, key)| *key).filter(is_theirs).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::tests::record;
    use super::*;

    fn key(n: u8) -> SessionKey {
        SessionKey::from_bytes([n; 32])
    }

    fn record_until(expires: u64) -> SessionRecord {
        SessionRecord {
            last_seen: Timestamp::from_secs(0),
            expires: Timestamp::from_secs(expires),
            ..record()
        }
    }

    #[tokio::test]
    async fn a_full_store_refuses_and_makes_room_when_others_expire() {
        let store = MemorySessions::new(2);
        store.create(&key(1), &record_until(10)).await.unwrap();
        store.create(&key(2), &record_until(20)).await.unwrap();
        let error = store.create(&key(3), &record_until(30)).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Full);
        let later = SessionRecord { last_seen: Timestamp::from_secs(10), ..record_until(30) };
        store.create(&key(3), &later).await.unwrap();
        assert_eq!(store.len(), 2);
        assert!(store.load(&key(2), Timestamp::from_secs(10)).await.unwrap().is_some());
    }

    #[tokio::test]
    async fn expired_records_leave_memory_without_being_asked_for() {
        let store = MemorySessions::new(1_000_000);
        for n in 0..200 {
            store.create(&key(n), &record_until(10)).await.unwrap();
        }
        let later = SessionRecord { last_seen: Timestamp::from_secs(3_600), ..record_until(7_200) };
        for n in 0..64_u8 {
            let mut bytes = [250; 32];
            bytes[0] = n;
            store.create(&SessionKey::from_bytes(bytes), &later).await.unwrap();
        }
        assert_eq!(store.len(), 64);
    }
}
