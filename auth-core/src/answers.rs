//! [`Answers`]: answers that are reused for a while.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::ConfigError;
use crate::identity_hasher::IdentityState;
use crate::keyed;
use crate::random::{OsRandom, Random};
use crate::time::Timestamp;

/// Answers of an outside system, or of a costly check, stored by the credentials that they are about: for a
/// [`Verifier`](crate::backend::Verifier) that would otherwise ask on every request.
///
/// The key is a keyed hash of the credentials with a random key of this process: neither passwords nor tokens are
/// stored. The cost of a call does not depend on how many answers are stored.
///
/// ```
/// # use std::sync::Arc;
/// # use std::time::Duration;
/// # use auth_core::backend::Answers;
/// # use auth_core::time::Timestamp;
/// # fn main() -> Result<(), auth_core::ConfigError> {
/// let answers = Answers::<str>::new(10_000)?;
/// let (name, now) = (answers.name(&["alice", "wonderland"]), Timestamp::from_secs(1_700_000_000));
/// answers.put(name, Arc::from("staff"), now, now.plus(Duration::from_secs(30)));
/// assert_eq!(answers.get(&name, now).as_deref(), Some("staff"));
/// # Ok(())
/// # }
/// ```
pub struct Answers<T: ?Sized> {
    key: keyed::Key,
    capacity: usize,
    entries: Mutex<Entries<T>>,
}

/// The key of an answer: a keyed hash of credentials, with a key that only one [`Answers`] has.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AnswerName([u8; 32]);

struct Entries<T: ?Sized> {
    by_name: HashMap<AnswerName, Entry<T>, IdentityState>,
    by_end: BTreeSet<(Timestamp, AnswerName)>,
}

struct Entry<T: ?Sized> {
    answer: Arc<T>,
    since: Timestamp,
    until: Timestamp,
}

/// How many expired answers are removed when one is added: each makes room for more than itself.
const FORGOTTEN_AT_ONCE: usize = 2;

impl<T: ?Sized> Entries<T> {
    fn remove(&mut self, name: &AnswerName) {
        if let Some(entry) = self.by_name.remove(name) {
            self.by_end.remove(&(entry.until, *name));
        }
    }

    fn forget_what_is_over(&mut self, now: Timestamp) {
        for _ in 0..FORGOTTEN_AT_ONCE {
            let Some((_, name)) = self.by_end.first().copied().filter(|(until, _)| *until <= now) else {
                return;
            };
            self.remove(&name);
        }
    }
}

impl<T: ?Sized> Answers<T> {
    /// Holds this many answers.
    ///
    /// # Errors
    /// [`ConfigError`] if the system cannot provide a random key.
    pub fn new(capacity: usize) -> Result<Self, ConfigError> {
        let mut key = keyed::Key::default();
        OsRandom.fill(&mut *key).map_err(|error| ConfigError::new(format!("no key for a cache: {error}")))?;
        let entries = Entries { by_name: HashMap::default(), by_end: BTreeSet::new() };
        Ok(Self { key, capacity, entries: Mutex::new(entries) })
    }

    /// The key for credentials with these parts. Each part is preceded by its length, so that different parts never
    /// have the same key.
    pub fn name(&self, parts: &[&str]) -> AnswerName {
        AnswerName(keyed::hash_parts(&self.key, parts.iter().map(|part| part.as_bytes())))
    }

    /// The answer, if it is good at this time. A clock that was set back never prolongs one.
    pub fn get(&self, name: &AnswerName, now: Timestamp) -> Option<Arc<T>> {
        let entries = self.lock();
        let entry = entries.by_name.get(name).filter(|entry| entry.since <= now && now < entry.until)?;
        Some(Arc::clone(&entry.answer))
    }

    /// Stores an answer from one time to another. While all places hold answers that are still good, new ones are not
    /// stored.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use std::time::Duration;
    /// # use auth_core::backend::Answers;
    /// # use auth_core::time::Timestamp;
    /// let (answers, now) = (Answers::<str>::new(100)?, Timestamp::from_secs(1_700_000_000));
    /// let name = answers.name(&["alice", "wonderland"]);
    /// answers.put(name, Arc::from("staff"), now, now.plus(Duration::from_secs(30)));
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    pub fn put(&self, name: AnswerName, answer: Arc<T>, since: Timestamp, until: Timestamp) {
        if until <= since {
            return;
        }
        let mut entries = self.lock();
        entries.remove(&name);
        entries.forget_what_is_over(since);
        if entries.by_name.len() < self.capacity {
            entries.by_end.insert((until, name));
            entries.by_name.insert(name, Entry { answer, since, until });
        }
    }

    // Nothing in here can panic half-way: the data behind a poisoned lock is valid.
    fn lock(&self) -> MutexGuard<'_, Entries<T>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: ?Sized> fmt::Debug for Answers<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answers").field("capacity", &self.capacity).finish_non_exhaustive()
    }
}

impl fmt::Debug for AnswerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AnswerName(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> Timestamp {
        Timestamp::from_secs(1_000 + secs)
    }

    fn kept<T: ?Sized>(answers: &Answers<T>) -> (usize, usize) {
        let entries = answers.lock();
        (entries.by_name.len(), entries.by_end.len())
    }

    #[test]
    fn answers_end() {
        let answers = Answers::<str>::new(10).unwrap();
        let name = answers.name(&["token"]);
        answers.put(name, "yes".into(), at(10), at(40));
        let is_kept = |secs| answers.get(&name, at(secs)).is_some();
        assert!(is_kept(10) && is_kept(39) && !is_kept(40), "its end");
        assert!(!is_kept(9), "a clock that went back");
        answers.put(name, "no".into(), at(10), at(15));
        assert!(is_kept(14) && !is_kept(15), "a new answer has an end of its own");
        assert_eq!(kept(&answers), (1, 1));
        answers.put(name, "never".into(), at(10), at(10));
        assert_eq!(answers.get(&name, at(10)).as_deref(), Some("no"), "what is over is not kept");
    }

    #[test]
    fn places_are_bounded_and_found_again() {
        let answers = Answers::<str>::new(2).unwrap();
        let names = ["a", "b", "c"].map(|token| answers.name(&[token]));
        for name in names {
            answers.put(name, "yes".into(), at(0), at(10));
        }
        let is_kept = |place: usize, secs| answers.get(&names[place], at(secs)).is_some();
        assert!(is_kept(0, 1) && is_kept(1, 1) && !is_kept(2, 1), "those who are in stay in");
        answers.put(names[0], "yes".into(), at(2), at(30));
        assert!(is_kept(0, 29), "its own place it has");
        answers.put(names[2], "yes".into(), at(10), at(20));
        assert!(is_kept(2, 10) && !is_kept(1, 9), "what is over makes room");
        assert_eq!(kept(&answers), (2, 2));
    }

    /// However many are over: no request pays for all of them.
    #[test]
    fn a_few_are_forgotten_at_a_time() {
        let answers = Answers::<str>::new(1_000).unwrap();
        for n in 0..1_000 {
            answers.put(answers.name(&[&n.to_string()]), "yes".into(), at(0), at(10));
        }
        answers.put(answers.name(&["one more"]), "yes".into(), at(10), at(20));
        assert_eq!(kept(&answers), (999, 999));
    }

    /// Two users whose name and password read alike when written together, and the same at another instance.
    #[test]
    fn names_do_not_meet() {
        let (one, other) = (Answers::<str>::new(1).unwrap(), Answers::<str>::new(1).unwrap());
        assert_ne!(one.name(&["ab", "c"]), one.name(&["a", "bc"]));
        assert_ne!(one.name(&["ab"]), one.name(&["ab", ""]));
        assert_ne!(one.name(&["a"]), other.name(&["a"]), "the key is random");
        assert_eq!(one.name(&["a", "b"]), one.name(&["a", "b"]));
    }
}
