//! Credentials that were accepted lately: a client that sends them with every request does not cost a hash each time.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use zeroize::Zeroizing;

use super::RequestView;
use super::view::{HeaderName, Single};
use crate::grant::Grant;
use crate::identity_hasher::IdentityState;
use crate::random::{OsRandom, Random};
use crate::second_factor::Enrolled;
use crate::time::Timestamp;
use crate::{Authenticated, BackendName, User, UserId, keyed};

/// A keyed hash of the values of the headers that a scheme reads.
pub(super) type Fingerprint = [u8; 32];

/// Credentials that were accepted lately, as keyed hashes under a key that this process alone knows.
///
/// No call looks at more than it changes, and those of different credentials wait for each other only where they share a
/// shard.
pub(super) struct Memory {
    key: keyed::Key,
    time: Duration,
    entries: [Mutex<Entries>; SHARDS],
    /// Locked before any of the entries by whoever adds some.
    owners: [Mutex<Owners>; SHARDS],
    users: RandomState,
}

const SHARDS: usize = 16;
/// Longer values are not remembered, in bytes.
const MAX_REMEMBERED_LEN: usize = 16 * 1024;
/// How many credentials are remembered at a time in a shard: 10,000 in all.
const MAX_REMEMBERED: usize = 10_000 / SHARDS;
/// How many that are over are forgotten when others are added.
const FORGOTTEN_AT_ONCE: usize = 2;
/// How many of them are one user's. The same credentials can be written in many ways: whoever does that takes the places
/// of their own, and not of everybody, whose requests would then cost a hash each.
const MAX_PER_USER: usize = 10;

pub(super) struct Remembered {
    pub(super) user: UserId,
    pub(super) backend: BackendName,
    /// The user's security stamp when they were accepted.
    stamp: Zeroizing<Box<[u8]>>,
    pub(super) grant: Arc<Grant>,
    since: Timestamp,
    until: Timestamp,
    /// What the user had enrolled.
    pub(super) enrolled: Enrolled,
    /// How often factors had been changed.
    pub(super) changes: u64,
}

impl Remembered {
    /// Whether the user is still as they were accepted.
    pub(super) fn is_of<U: User>(&self, user: &U) -> bool {
        user.security_stamp() == &**self.stamp
    }
}

/// The credentials of a shard.
#[derive(Default)]
struct Entries {
    by_fingerprint: HashMap<Fingerprint, Arc<Remembered>, IdentityState>,
    /// In the order in which they were added, which is nearly that of their ends.
    by_age: VecDeque<Fingerprint>,
}

/// For each user, by a hash, their credentials, the oldest first.
type Owners = HashMap<u64, VecDeque<Fingerprint>>;

impl Entries {
    fn remove(&mut self, fingerprint: &Fingerprint) -> Option<Arc<Remembered>> {
        let removed = self.by_fingerprint.remove(fingerprint)?;
        self.by_age.retain(|other| other != fingerprint);
        Some(removed)
    }

    /// Takes out the oldest, if it is over.
    fn pop_over(&mut self, now: Timestamp) -> Option<(Fingerprint, Arc<Remembered>)> {
        let oldest = *self.by_age.front()?;
        let is_over = self.by_fingerprint.get(&oldest).is_none_or(|entry| now >= entry.until);
        is_over.then(|| self.by_age.pop_front())?;
        Some((oldest, self.by_fingerprint.remove(&oldest)?))
    }
}

impl Memory {
    /// `None` if nothing is to be remembered, or there is no key for it.
    pub(super) fn new(time: Duration) -> Option<Self> {
        let mut key = keyed::Key::default();
        if time.is_zero() || OsRandom.fill(&mut *key).is_err() {
            return None;
        }
        let (entries, owners) = Default::default();
        Some(Self { key, time, entries, owners, users: RandomState::new() })
    }

    /// The fingerprint of a request; `None` if nothing of it is worth remembering.
    pub(super) fn fingerprint(&self, headers: &[HeaderName], view: &dyn RequestView) -> Option<Fingerprint> {
        let [header] = headers else { return self.fingerprint_of_many(headers, view) };
        let Single::One(value) = header.single(view) else { return None };
        (value.len() <= MAX_REMEMBERED_LEN).then(|| keyed::hash(&self.key, [value]))
    }

    /// Each value with its header and its length, so that no two requests are one text.
    fn fingerprint_of_many(&self, headers: &[HeaderName], view: &dyn RequestView) -> Option<Fingerprint> {
        let mut text = Zeroizing::new(Vec::new());
        for (place, header) in headers.iter().enumerate() {
            header.values(view, &mut |value| {
                text.extend_from_slice(&place.to_le_bytes());
                text.extend_from_slice(&value.len().to_le_bytes());
                text.extend_from_slice(value);
            });
        }
        (1..=MAX_REMEMBERED_LEN).contains(&text.len()).then(|| keyed::hash(&self.key, [&text[..]]))
    }

    pub(super) fn get(&self, fingerprint: &Fingerprint, now: Timestamp) -> Option<Arc<Remembered>> {
        let entries = self.entries(fingerprint);
        let entry = entries.by_fingerprint.get(fingerprint)?;
        // A clock that went back never makes it last longer.
        (entry.since <= now && now < entry.until).then(|| Arc::clone(entry))
    }

    /// `enrolled` is what the user has enrolled, and how often factors had been changed before that was looked up.
    pub(super) fn put<U: User>(
        &self,
        fingerprint: Fingerprint,
        proof: &Authenticated<U>,
        (enrolled, changes): (Enrolled, u64),
        now: Timestamp,
    ) {
        let (user, backend) = (proof.user.id(), proof.backend.clone());
        let stamp = Zeroizing::new(proof.user.security_stamp().into());
        let (grant, since) = (Arc::clone(&proof.grant), proof.at);
        // What is remembered never outlives what was granted.
        let until = now.plus(self.time);
        let until = grant.expires().map_or(until, |expires| until.min(expires));
        let entry = Arc::new(Remembered { user, backend, stamp, grant, since, until, enrolled, changes });
        // They may have been somebody else's, whose they are no more.
        self.forget(&fingerprint);
        self.forget_what_is_over(&fingerprint, now);
        let owner = self.owner(&entry);
        let mut owners = self.owners(owner);
        let theirs = owners.entry(owner).or_default();
        if self.add(fingerprint, entry) && !theirs.contains(&fingerprint) {
            theirs.push_back(fingerprint);
        }
        if theirs.len() > MAX_PER_USER
            && let Some(oldest) = theirs.pop_front()
        {
            self.entries(&oldest).remove(&oldest);
        }
        if theirs.is_empty() {
            owners.remove(&owner);
        }
    }

    /// Adds credentials, or those that were accepted anew; `false` if there is no room.
    fn add(&self, fingerprint: Fingerprint, entry: Arc<Remembered>) -> bool {
        let mut entries = self.entries(&fingerprint);
        entries.remove(&fingerprint);
        let has_room = entries.by_age.len() < MAX_REMEMBERED;
        if has_room {
            entries.by_age.push_back(fingerprint);
            entries.by_fingerprint.insert(fingerprint, entry);
        }
        has_room
    }

    /// Makes room in the shard of these credentials. Each that is added finds room for more than itself, if any are over.
    fn forget_what_is_over(&self, beside: &Fingerprint, now: Timestamp) {
        for _ in 0..FORGOTTEN_AT_ONCE {
            let over = self.entries(beside).pop_over(now);
            let Some((fingerprint, entry)) = over else { return };
            self.disown(&fingerprint, &entry);
        }
    }

    pub(super) fn forget(&self, fingerprint: &Fingerprint) {
        let removed = self.entries(fingerprint).remove(fingerprint);
        if let Some(entry) = removed {
            self.disown(fingerprint, &entry);
        }
    }

    fn disown(&self, fingerprint: &Fingerprint, entry: &Remembered) {
        let owner = self.owner(entry);
        let mut owners = self.owners(owner);
        let Some(theirs) = owners.get_mut(&owner) else { return };
        theirs.retain(|other| other != fingerprint);
        if theirs.is_empty() {
            owners.remove(&owner);
        }
    }

    fn owner(&self, entry: &Remembered) -> u64 {
        self.users.hash_one((&entry.backend, &entry.user))
    }

    fn owners(&self, owner: u64) -> MutexGuard<'_, Owners> {
        let at = usize::try_from(owner % SHARDS as u64).unwrap_or_default();
        self.owners[at].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn entries(&self, fingerprint: &Fingerprint) -> MutexGuard<'_, Entries> {
        // Of another byte than the hash in the shard's table.
        let at = usize::from(fingerprint[31]) % SHARDS;
        self.entries[at].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grant::Scopes;

    struct Named(u64);

    impl User for Named {
        fn id(&self) -> UserId {
            UserId::from(self.0)
        }
        fn security_stamp(&self) -> &[u8] {
            b"stamp"
        }
        fn is_active(&self) -> bool {
            true
        }
    }

    const TIME: Duration = Duration::from_secs(60);
    const NOW: Timestamp = Timestamp::from_secs(1_000);

    fn memory() -> Memory {
        Memory::new(TIME).unwrap()
    }

    fn fingerprint(memory: &Memory, n: u64) -> Fingerprint {
        keyed::hash(&memory.key, [&n.to_le_bytes()])
    }

    fn proof(user: u64) -> Authenticated<Named> {
        let grant = Arc::new(Grant::new().with_scopes(Scopes::all()));
        let backend = BackendName::new("local").unwrap();
        Authenticated { user: Arc::new(Named(user)), backend, at: NOW, by: 0, grant, name: None }
    }

    /// How many are kept, by both books.
    fn kept(memory: &Memory) -> [usize; 3] {
        let entries = memory.entries.iter().map(|shard| shard.lock().unwrap());
        let sizes: Vec<_> = entries.map(|shard| (shard.by_fingerprint.len(), shard.by_age.len())).collect();
        let owners = memory.owners.iter().map(|shard| shard.lock().unwrap());
        let owned = owners.map(|shard| shard.values().map(VecDeque::len).sum::<usize>()).sum();
        [sizes.iter().map(|(one, _)| one).sum(), sizes.iter().map(|(_, other)| other).sum(), owned]
    }

    /// Whatever comes: who is remembered stays so, until it is over, and then there is room again.
    #[test]
    fn there_is_room_for_so_many_and_again_when_they_are_over() {
        let memory = memory();
        for n in 0..30_000 {
            memory.put(fingerprint(&memory, n), &proof(n), (Enrolled::NONE, 0), NOW);
        }
        let full = MAX_REMEMBERED * SHARDS;
        assert_eq!(kept(&memory), [full; 3]);
        assert!(memory.get(&fingerprint(&memory, 0), NOW).is_some(), "the first of all");
        let later = NOW.plus(TIME);
        for n in 30_000..60_000 {
            memory.put(fingerprint(&memory, n), &proof(n), (Enrolled::NONE, 0), later);
        }
        assert_eq!(kept(&memory), [full; 3]);
        assert!(memory.get(&fingerprint(&memory, 0), later).is_none());
        assert!(memory.get(&fingerprint(&memory, 30_000), later).is_some());
    }

    #[test]
    fn a_user_has_places_of_their_own() {
        let memory = memory();
        memory.put(fingerprint(&memory, 0), &proof(1), (Enrolled::NONE, 0), NOW);
        for n in 1..100 {
            memory.put(fingerprint(&memory, n), &proof(2), (Enrolled::NONE, 0), NOW);
            memory.put(fingerprint(&memory, n), &proof(2), (Enrolled::NONE, 0), NOW);
        }
        assert_eq!(kept(&memory), [MAX_PER_USER + 1; 3]);
        assert!(memory.get(&fingerprint(&memory, 0), NOW).is_some(), "another's");
        assert!(memory.get(&fingerprint(&memory, 99), NOW).is_some(), "the newest");
        assert!(memory.get(&fingerprint(&memory, 89), NOW).is_none(), "the oldest");
        for n in 0..100 {
            memory.forget(&fingerprint(&memory, n));
        }
        assert_eq!(kept(&memory), [0; 3]);
    }

    /// One who got another's password, and the other's name.
    #[test]
    fn credentials_that_became_anothers_are_one_users() {
        let memory = memory();
        for user in [1, 2, 1, 2] {
            memory.put(fingerprint(&memory, 0), &proof(user), (Enrolled::NONE, 0), NOW);
            assert_eq!(kept(&memory), [1; 3]);
            let entry = memory.get(&fingerprint(&memory, 0), NOW).unwrap();
            assert_eq!(entry.user, UserId::from(user));
        }
    }
}
