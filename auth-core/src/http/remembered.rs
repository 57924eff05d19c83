//! Credentials that were accepted lately: a client that sends them with every request does not cost a hash each time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use zeroize::Zeroizing;

use super::RequestView;
use super::view::{HeaderName, Single};
use crate::grant::Grant;
use crate::identity_hasher::IdentityState;
use crate::random::{OsRandom, Random};
use crate::time::Timestamp;
use crate::{Authenticated, BackendName, User, UserId, keyed};

/// A keyed hash of the values of the headers that a scheme reads.
pub(super) type Fingerprint = [u8; 32];

/// Credentials that were accepted lately, as keyed hashes under a key that this process alone knows.
pub(super) struct Memory {
    key: keyed::Key,
    time: Duration,
    entries: Mutex<Entries>,
}

/// Longer values are not remembered, in bytes.
const MAX_REMEMBERED_LEN: usize = 16 * 1024;
/// How many credentials are remembered at a time.
const MAX_REMEMBERED: usize = 10_000;
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
}

impl Remembered {
    /// Whether the user is still as they were accepted.
    pub(super) fn is_of<U: User>(&self, user: &U) -> bool {
        user.security_stamp() == &**self.stamp
    }
}

type Entries = HashMap<Fingerprint, Arc<Remembered>, IdentityState>;

/// Forgets the oldest credentials of a user who has as many as one may have. That walks through all of them, which takes
/// far less than the hash that was just computed.
fn make_room_of_own(entries: &mut Entries, new: &Remembered) {
    let is_theirs = |entry: &Remembered| entry.user == new.user && entry.backend == new.backend;
    let theirs = entries.iter().filter(|(_, entry)| is_theirs(entry));
    let mut theirs: Vec<_> = theirs.map(|(fingerprint, entry)| (entry.until, *fingerprint)).collect();
    if theirs.len() >= MAX_PER_USER {
        theirs.sort_unstable();
        entries.remove(&theirs[0].1);
    }
}

impl Memory {
    /// `None` if nothing is to be remembered, or there is no key for it.
    pub(super) fn new(time: Duration) -> Option<Self> {
        let mut key = keyed::Key::default();
        if time.is_zero() || OsRandom.fill(&mut *key).is_err() {
            return None;
        }
        Some(Self { key, time, entries: Mutex::default() })
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
        let entries = self.lock();
        let entry = entries.get(fingerprint)?;
        // A clock that went back never makes it last longer.
        (entry.since <= now && now < entry.until).then(|| Arc::clone(entry))
    }

    pub(super) fn put<U: User>(&self, fingerprint: Fingerprint, proof: &Authenticated<U>, now: Timestamp) {
        let (user, backend) = (proof.user.id(), proof.backend.clone());
        let stamp = Zeroizing::new(proof.user.security_stamp().into());
        let (grant, since) = (Arc::clone(&proof.grant), proof.at);
        // What is remembered never outlives what was granted.
        let until = now.plus(self.time);
        let until = grant.expires().map_or(until, |expires| until.min(expires));
        let entry = Remembered { user, backend, stamp, grant, since, until };
        let mut entries = self.lock();
        if entries.len() >= MAX_REMEMBERED {
            entries.retain(|_, entry| now < entry.until);
        }
        make_room_of_own(&mut entries, &entry);
        if entries.len() < MAX_REMEMBERED {
            entries.insert(fingerprint, Arc::new(entry));
        }
    }

    pub(super) fn forget(&self, fingerprint: &Fingerprint) {
        self.lock().remove(fingerprint);
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
