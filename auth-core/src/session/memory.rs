//! Sessions in this process' memory.

use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::store::{SessionStore, Stored, UserSessions, Written};
use super::token::Turn;
use super::{Lineage, SessionKey, SessionRecord};
use super::{StoreError, StoreErrorKind};
use crate::identity_hasher::IdentityState;
use crate::time::Timestamp;

/// A [`SessionStore`] in memory: for one process, and gone with it.
///
/// It holds at most the given number of sessions. Expired ones are removed, a few at a time, as others are created; if it
/// is full of live ones, a login is refused with [`StoreErrorKind::Full`] rather than somebody else logged out.
/// Readers of different sessions do not wait for each other, and no call looks at more than it changes.
#[derive(Debug)]
pub struct MemorySessions {
    shards: Box<[RwLock<Shard>]>,
    /// Locked before any shard by everything that adds or removes a record, or gives it to another user.
    index: Mutex<Index>,
    max: usize,
    users: RandomState,
}

const SHARDS: usize = 64;
/// How many expired records one `create` removes at most.
const SWEPT_AT_ONCE: usize = 8;
/// How many records a purge removes before it lets others in.
const PURGED_AT_ONCE: usize = 64;

#[derive(Debug, Default)]
struct Shard {
    sessions: HashMap<Lineage, Entry, IdentityState>,
    /// Each of them by its end.
    ends: BTreeSet<End>,
}

/// Small, because a table has room for more entries than it holds.
#[derive(Debug)]
struct Entry {
    turn: Turn,
    version: u64,
    record: Arc<SessionRecord>,
    alias: Option<Box<(Turn, Timestamp)>>,
}

/// When a session expires: 48 bits of milliseconds, which last for 8,900 years.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct End([u8; 6], Lineage);

#[derive(Debug, Default)]
struct Index {
    /// A hash of (backend, user) with each of the user's sessions.
    by_user: BTreeSet<(UserHash, Lineage)>,
    len: usize,
    next_sweep: usize,
}

/// Equal for some users: what is found by it is looked at.
type UserHash = [u8; 4];

impl End {
    fn of(record: &SessionRecord, lineage: Lineage) -> Self {
        Self(Self::millis(record.expires), lineage)
    }

    fn millis(time: Timestamp) -> [u8; 6] {
        let millis = time.as_millis().min((1 << 48) - 1).to_be_bytes();
        [millis[2], millis[3], millis[4], millis[5], millis[6], millis[7]]
    }
}

impl Entry {
    fn is_live(&self, now: Timestamp) -> bool {
        now < self.record.expires
    }

    /// Whether a key of this turn opens it.
    fn is_at(&self, turn: &Turn, now: Timestamp) -> bool {
        self.turn == *turn || self.has_alias(turn, now)
    }

    fn has_alias(&self, turn: &Turn, now: Timestamp) -> bool {
        self.alias.as_ref().is_some_and(|alias| alias.0 == *turn && now < alias.1)
    }
}

impl Shard {
    /// The live record under this key or alias.
    fn find(&mut self, key: &SessionKey, now: Timestamp) -> Option<&mut Entry> {
        self.sessions
            .get_mut(&key.lineage())
            .filter(|entry| entry.is_live(now) && entry.is_at(&key.turn(), now))
    }

    fn is_first_expired(&self, now: Timestamp) -> bool {
        self.ends.first().is_some_and(|end| end.0 <= End::millis(now))
    }

    fn remove(&mut self, lineage: &Lineage) -> Option<Entry> {
        let entry = self.sessions.remove(lineage)?;
        self.ends.remove(&End::of(&entry.record, *lineage));
        Some(entry)
    }

    /// Replaces a record, whose end may be another one now.
    fn put(&mut self, lineage: Lineage, change: impl FnOnce(&mut Entry)) {
        let Some(entry) = self.sessions.get_mut(&lineage) else { return };
        let old = End::of(&entry.record, lineage);
        change(entry);
        let new = End::of(&entry.record, lineage);
        if old != new {
            self.ends.remove(&old);
            self.ends.insert(new);
        }
    }
}

impl Index {
    fn enlist(&mut self, user: Option<UserHash>, lineage: Lineage) {
        self.by_user.extend(user.map(|user| (user, lineage)));
    }

    fn unlist(&mut self, user: Option<UserHash>, lineage: Lineage) {
        user.map(|user| self.by_user.remove(&(user, lineage)));
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
        self.index().len
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    // A panic while a lock is held leaves each map whole: poisoning says nothing here.
    fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn at(lineage: &Lineage) -> usize {
        // Of other bytes than the hash in the shard's table.
        usize::from(lineage.as_bytes()[15]) % SHARDS
    }

    fn read(&self, lineage: &Lineage) -> RwLockReadGuard<'_, Shard> {
        self.read_at(Self::at(lineage))
    }

    fn read_at(&self, at: usize) -> RwLockReadGuard<'_, Shard> {
        self.shards[at].read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, lineage: &Lineage) -> RwLockWriteGuard<'_, Shard> {
        self.write_at(Self::at(lineage))
    }

    fn write_at(&self, at: usize) -> RwLockWriteGuard<'_, Shard> {
        self.shards[at].write().unwrap_or_else(PoisonError::into_inner)
    }

    fn user_hash(&self, whose: UserSessions<'_>) -> UserHash {
        let [a, b, c, d, ..] = self.users.hash_one((whose.backend, whose.user)).to_ne_bytes();
        [a, b, c, d]
    }

    fn user_of(&self, record: &SessionRecord) -> Option<UserHash> {
        record.user_sessions().map(|whose| self.user_hash(whose))
    }

    fn remove(&self, index: &mut Index, lineage: &Lineage) -> bool {
        let Some(entry) = self.write(lineage).remove(lineage) else { return false };
        self.forget(index, *lineage, &entry);
        true
    }

    /// Takes what belonged to a removed record out of the index.
    fn forget(&self, index: &mut Index, lineage: Lineage, entry: &Entry) {
        index.unlist(self.user_of(&entry.record), lineage);
        index.len -= 1;
    }

    /// Removes up to `limit` expired records of a shard, those first that ended first.
    fn sweep(&self, index: &mut Index, at: usize, now: Timestamp, limit: usize) -> usize {
        if limit == 0 || !self.read_at(at).is_first_expired(now) {
            return 0;
        }
        let mut shard = self.write_at(at);
        for swept in 0..limit {
            // Looked at under the lock that removes it: a touch or an update may have renewed it.
            let Some(End(_, lineage)) = shard.ends.first().copied().filter(|end| end.0 <= End::millis(now))
            else {
                return swept;
            };
            if let Some(entry) = shard.remove(&lineage) {
                self.forget(index, lineage, &entry);
            }
        }
        limit
    }

    /// Removes what has expired: a little with every login, and as much as it needs when there is no room.
    fn make_room(&self, index: &mut Index, now: Timestamp) -> Result<(), StoreError> {
        let at = index.next_sweep % SHARDS;
        index.next_sweep = at + 1;
        self.sweep(index, at, now, SWEPT_AT_ONCE);
        let is_full = |index: &Index| index.len >= self.max;
        if is_full(index) && !(0..SHARDS).any(|at| self.sweep(index, at, now, 1) > 0) || is_full(index) {
            return Err(StoreError::new(StoreErrorKind::Full));
        }
        Ok(())
    }

    /// Replaces the live record under this key, which may be an alias if `is_at` says so.
    fn replace(
        &self,
        (key, version): (&SessionKey, u64),
        record: &SessionRecord,
        change: impl FnOnce(&mut Entry),
        find: impl Fn(&mut Shard) -> Option<Result<u64, StoreError>>,
    ) -> Result<Written, StoreError> {
        let (lineage, user) = (key.lineage(), self.user_of(record));
        // Whose a record is changes rarely. Only then the index is needed, and it is locked before the shard.
        let mut index = None;
        loop {
            let mut shard = self.write(&lineage);
            match find(&mut shard) {
                None => return Ok(Written::Gone),
                Some(Err(error)) => return Err(error),
                Some(Ok(found)) if found != version => return Ok(Written::Conflict),
                Some(Ok(_)) => {}
            }
            let before = shard.sessions.get(&lineage).and_then(|entry| self.user_of(&entry.record));
            if before != user {
                let Some(index) = &mut index else {
                    drop(shard);
                    index = Some(self.index());
                    continue;
                };
                index.unlist(before, lineage);
                index.enlist(user, lineage);
            }
            shard.put(lineage, |entry| {
                entry.record = Arc::new(record.clone());
                entry.version += 1;
                change(entry);
            });
            return Ok(Written::Done);
        }
    }

    /// The sessions of a user, with the present key of each.
    fn sessions_of(&self, index: &Index, whose: UserSessions<'_>) -> Vec<(SessionKey, Arc<SessionRecord>)> {
        let theirs = |lineage: &Lineage| {
            let shard = self.read(lineage);
            let entry = shard.sessions.get(lineage).filter(|entry| whose.contains(&entry.record))?;
            Some((lineage.key(&entry.turn), Arc::clone(&entry.record)))
        };
        index.by_user.range(self.where_of(whose)).filter_map(|(_, lineage)| theirs(lineage)).collect()
    }

    /// Where in the index a user's sessions are, on all sites.
    fn where_of(&self, whose: UserSessions<'_>) -> RangeInclusive<(UserHash, Lineage)> {
        let hash = self.user_hash(whose);
        let [first, last] = [0, 0xff].map(|byte| (hash, SessionKey::from_bytes([byte; 32]).lineage()));
        first..=last
    }
}

impl SessionStore for MemorySessions {
    async fn create(&self, key: &SessionKey, record: &SessionRecord) -> Result<(), StoreError> {
        let (lineage, now) = (key.lineage(), record.last_seen);
        let mut index = self.index();
        self.make_room(&mut index, now)?;
        let mut shard = self.write(&lineage);
        match shard.sessions.get(&lineage) {
            Some(entry) if entry.is_live(now) => return Err(StoreError::new(StoreErrorKind::Exists)),
            Some(_) => {
                if let Some(over) = shard.remove(&lineage) {
                    self.forget(&mut index, lineage, &over);
                }
            }
            None => {}
        }
        let entry = Entry { turn: key.turn(), version: 1, record: Arc::new(record.clone()), alias: None };
        shard.sessions.insert(lineage, entry);
        shard.ends.insert(End::of(record, lineage));
        index.enlist(self.user_of(record), lineage);
        index.len += 1;
        Ok(())
    }

    async fn load(&self, key: &SessionKey, now: Timestamp) -> Result<Option<Stored>, StoreError> {
        let lineage = key.lineage();
        let shard = self.read(&lineage);
        let entry = shard.sessions.get(&lineage);
        let entry = entry.filter(|entry| entry.is_live(now) && entry.is_at(&key.turn(), now));
        Ok(entry.map(|Entry { turn, version, record, .. }| Stored {
            key: lineage.key(turn),
            record: Arc::clone(record),
            version: *version,
        }))
    }

    async fn update(
        &self,
        key: &SessionKey,
        version: u64,
        record: &SessionRecord,
        now: Timestamp,
    ) -> Result<Written, StoreError> {
        self.replace(
            (key, version),
            record,
            |_| {},
            |shard| shard.find(key, now).map(|entry| Ok(entry.version)),
        )
    }

    async fn touch(
        &self,
        key: &SessionKey,
        last_seen: Timestamp,
        expires: Timestamp,
    ) -> Result<Written, StoreError> {
        let lineage = key.lineage();
        let mut shard = self.write(&lineage);
        if shard.find(key, last_seen).is_none() {
            return Ok(Written::Gone);
        }
        shard.put(lineage, |entry| {
            let record = Arc::make_mut(&mut entry.record);
            record.last_seen = record.last_seen.max(last_seen);
            record.expires = record.expires.max(expires);
        });
        Ok(Written::Done)
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
        if new.lineage() != old.lineage() {
            return Err(StoreError::unavailable("a session can only be moved to a key of its lineage"));
        }
        let (from, to) = (old.turn(), new.turn());
        let change = |entry: &mut Entry| {
            entry.turn = to;
            entry.alias = alias_until.map(|until| Box::new((from, until)));
        };
        let find = |shard: &mut Shard| {
            // An alias cannot be rotated.
            let entry = shard.find(old, now).filter(|entry| entry.turn == from)?;
            let is_taken = entry.version == version && entry.is_at(&to, now);
            Some(if is_taken { Err(StoreError::new(StoreErrorKind::Exists)) } else { Ok(entry.version) })
        };
        self.replace((old, version), record, change, find)
    }

    async fn delete(&self, key: &SessionKey) -> Result<(), StoreError> {
        self.remove(&mut self.index(), &key.lineage());
        Ok(())
    }

    async fn delete_user(
        &self,
        whose: UserSessions<'_>,
        except: Option<&SessionKey>,
    ) -> Result<u64, StoreError> {
        let mut index = self.index();
        let theirs = self.sessions_of(&index, whose).into_iter().map(|(key, _)| key.lineage());
        let doomed = theirs.filter(|lineage| except.is_none_or(|except| except.lineage() != *lineage));
        Ok(doomed.filter(|lineage| self.remove(&mut index, lineage)).count() as u64)
    }

    async fn trim_user(
        &self,
        whose: UserSessions<'_>,
        max: u64,
        keep: &SessionKey,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let mut index = self.index();
        let max = usize::try_from(max).unwrap_or(usize::MAX);
        let theirs = self.where_of(whose);
        // Nearly always there are not too many, which shows without a look at any of them.
        if index.by_user.range(theirs.clone()).nth(max).is_none() {
            return Ok(0);
        }
        let keep = keep.lineage();
        let seen = |lineage: &Lineage| {
            let shard = self.read(lineage);
            let record = &shard.sessions.get(lineage)?.record;
            let counts = *lineage != keep && now < record.expires && whose.contains(record);
            counts.then_some((record.last_seen, *lineage))
        };
        let mut others: Vec<_> =
            index.by_user.range(theirs).filter_map(|(_, lineage)| seen(lineage)).collect();
        let doomed = others.len().saturating_sub(max.saturating_sub(1));
        if doomed == 0 {
            return Ok(0);
        }
        // Which ones, and not in which order.
        others.select_nth_unstable(doomed - 1);
        Ok(others[..doomed].iter().filter(|(_, lineage)| self.remove(&mut index, lineage)).count() as u64)
    }

    async fn list_user(
        &self,
        whose: UserSessions<'_>,
        now: Timestamp,
    ) -> Result<Vec<(SessionKey, SessionRecord)>, StoreError> {
        let theirs = self.sessions_of(&self.index(), whose);
        let live = theirs.into_iter().filter(|(_, record)| now < record.expires);
        let mut records: Vec<_> = live.map(|(key, record)| (key, Arc::unwrap_or_clone(record))).collect();
        records.sort_by_key(|(_, record)| record.created);
        Ok(records)
    }

    async fn purge_expired(&self, now: Timestamp, limit: u64) -> Result<u64, StoreError> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut purged = 0;
        for at in 0..SHARDS {
            loop {
                let most = (limit - purged).min(PURGED_AT_ONCE);
                let swept = self.sweep(&mut self.index(), at, now, most);
                purged += swept;
                if swept < most || most == 0 {
                    break;
                }
                // Whoever signs in meanwhile waits for a few removals, and not for all.
                tokio::task::yield_now().await;
            }
        }
        Ok(purged as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::tests::record;
    use super::*;

    fn key(n: u8) -> SessionKey {
        SessionKey::from_bytes([n; 32])
    }

    fn record_until(last_seen: u64, expires: u64) -> SessionRecord {
        SessionRecord {
            last_seen: Timestamp::from_secs(last_seen),
            expires: Timestamp::from_secs(expires),
            ..record()
        }
    }

    #[tokio::test]
    async fn a_full_store_refuses_and_makes_room_when_others_expire() {
        let store = MemorySessions::new(2);
        store.create(&key(1), &record_until(0, 10)).await.unwrap();
        store.create(&key(2), &record_until(0, 20)).await.unwrap();
        let error = store.create(&key(3), &record_until(0, 30)).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Full);
        store.create(&key(3), &record_until(10, 30)).await.unwrap();
        assert_eq!(store.len(), 2);
        assert!(store.load(&key(2), Timestamp::from_secs(10)).await.unwrap().is_some());
    }

    #[tokio::test]
    async fn expired_records_leave_memory_without_being_asked_for() {
        let store = MemorySessions::new(1_000_000);
        for n in 0..200 {
            store.create(&key(n), &record_until(0, 10)).await.unwrap();
        }
        for n in 0..64_u8 {
            let mut bytes = [250; 32];
            bytes[0] = n;
            store.create(&SessionKey::from_bytes(bytes), &record_until(3_600, 7_200)).await.unwrap();
        }
        assert_eq!(store.len(), 64);
    }

    async fn with_expired(count: u32) -> MemorySessions {
        let store = MemorySessions::new(1_000_000);
        for n in 0..count {
            let key = SessionKey::from_bytes(*blake3::hash(&n.to_be_bytes()).as_bytes());
            store.create(&key, &record_until(0, 10)).await.unwrap();
        }
        store
    }

    /// However many have expired, whoever signs in next does not pay for all of them.
    #[tokio::test]
    async fn a_login_removes_a_few() {
        let store = with_expired(10_000).await;
        for n in 0..64 {
            let before = store.len();
            store.create(&key(n), &record_until(3_600, 7_200)).await.unwrap();
            assert!(before + 1 - store.len() <= SWEPT_AT_ONCE, "{before} to {}", store.len());
        }
    }

    /// A purge of everything keeps nobody waiting until it is done, also on the only thread that there is.
    #[tokio::test]
    async fn a_purge_lets_others_in() {
        let store = Arc::new(with_expired(10_000).await);
        let (purged, others) = (Arc::clone(&store), Arc::new(std::sync::atomic::AtomicUsize::new(0)));
        let purge =
            tokio::spawn(
                async move { purged.purge_expired(Timestamp::from_secs(10), u64::MAX).await.unwrap() },
            );
        let counted = Arc::clone(&others);
        let other = tokio::spawn(async move {
            loop {
                counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                tokio::task::yield_now().await;
            }
        });
        assert_eq!(purge.await.unwrap(), 10_000);
        other.abort();
        assert!(others.load(std::sync::atomic::Ordering::Relaxed) >= 10_000 / PURGED_AT_ONCE / 2);
        assert!(store.is_empty());
    }

    /// Whatever happens to sessions, what finds them by user and by end knows them all and no others.
    #[tokio::test]
    async fn the_indices_follow() {
        let store = MemorySessions::new(100);
        let (old, new) = (key(1), key(1).lineage().key(&[2; 16]));
        let (mut record, now) = (record_until(0, 10), Timestamp::from_secs(5));
        store.create(&old, &record).await.unwrap();
        let visitor = SessionRecord::new(super::super::Owner::Visitor, now, Timestamp::from_secs(9));
        store.create(&key(2), &visitor).await.unwrap();
        let counts = || {
            let ends: usize = store.shards.iter().map(|shard| shard.read().unwrap().ends.len()).sum();
            (store.len(), ends, store.index().by_user.len())
        };
        assert_eq!(counts(), (2, 2, 1));
        assert_eq!(store.touch(&old, now, Timestamp::from_secs(20)).await.unwrap(), Written::Done);
        record.expires = Timestamp::from_secs(15);
        assert_eq!(store.rotate(&old, &new, 1, &record, None, now).await.unwrap(), Written::Done);
        assert_eq!(counts(), (2, 2, 1));
        record.set_owner(super::super::Owner::Visitor);
        assert_eq!(store.update(&new, 2, &record, now).await.unwrap(), Written::Done);
        assert_eq!(counts(), (2, 2, 0));
        assert_eq!(store.purge_expired(Timestamp::from_secs(15), 100).await.unwrap(), 2);
        assert_eq!(counts(), (0, 0, 0));
    }
}
