//! The accounts that names turned out to belong to.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::{Account, BucketKey};

/// The subject of an attempt, besides the typed name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// An account that a backend found, and how many attempts on it may fail within what time.
    Account(Account, Option<(u32, Duration)>),
    /// No backend knows the name: it costs what an account does.
    Nobody,
}

impl Subject {
    pub(super) fn account(&self) -> Option<&Account> {
        match self {
            Self::Account(account, _) => Some(account),
            Self::Nobody => None,
        }
    }
}

/// What recently used names turned out to be, so that an attempt takes all its places at once. It may be outdated: a
/// subject that the attempt does not find is returned, and one that it finds instead takes a place then.
pub(super) struct Whose {
    /// Each name has a slot, which it shares with others: the last one is kept.
    slots: Box<[Mutex<Option<Box<Entry>>>]>,
    /// Outsiders cannot choose names that share a slot.
    hasher: RandomState,
}

type Entry = (BucketKey, Vec<Subject>);

const SLOTS: u64 = 4_096;
/// How many backends may each have found an account.
const MAX_SUBJECTS: usize = 2;

impl Whose {
    pub(super) fn new() -> Self {
        Self { slots: (0..SLOTS).map(|_| Mutex::default()).collect(), hasher: RandomState::new() }
    }

    fn slot(&self, name: &BucketKey) -> &Mutex<Option<Box<Entry>>> {
        let at = self.hasher.hash_one(name) % SLOTS;
        &self.slots[usize::try_from(at).unwrap_or_default()]
    }

    /// What the name was when it was last used; empty if unknown.
    pub(super) fn of(&self, name: &BucketKey) -> Vec<Subject> {
        let slot = self.slot(name).lock().unwrap_or_else(PoisonError::into_inner);
        slot.as_ref().filter(|entry| entry.0 == *name).map(|entry| entry.1.clone()).unwrap_or_default()
    }

    pub(super) fn note(&self, name: BucketKey, mut subjects: Vec<Subject>) {
        if subjects.iter().any(|subject| subject.account().is_some()) {
            subjects.retain(|subject| subject.account().is_some());
        }
        subjects.truncate(MAX_SUBJECTS);
        let mut slot = self.slot(&name).lock().unwrap_or_else(PoisonError::into_inner);
        if slot.as_ref().is_none_or(|entry| (entry.0, &entry.1) != (name, &subjects)) {
            *slot = Some(Box::new((name, subjects)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::BackendName;

    #[test]
    fn the_last_names_are_remembered() {
        let (whose, name) = (Whose::new(), |n| BucketKey::from_bytes([n; 16]));
        let local = BackendName::new("local").unwrap();
        let alice = Subject::Account(Account::new(&local, "1"), None);
        assert_eq!(whose.of(&name(1)), []);
        whose.note(name(1), vec![Subject::Nobody, alice.clone()]);
        assert_eq!(whose.of(&name(1)), [alice], "somebody's is not nobody's");
        whose.note(name(1), vec![Subject::Nobody]);
        assert_eq!(whose.of(&name(1)), [Subject::Nobody]);
        for n in 0..=u8::MAX {
            for more in 0..=u8::MAX {
                whose
                    .note(BucketKey::from_bytes([n, more, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]), vec![]);
            }
        }
        let kept = whose.slots.iter().filter(|slot| slot.lock().unwrap().is_some()).count();
        assert!((4_000..=4_096).contains(&kept), "{kept}: its bound, and nearly all of it");
    }
}
