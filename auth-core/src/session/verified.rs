//! Stamps that were compared lately.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use siphasher::sip128::{Hash128, Hasher128 as _, SipHasher13};

use super::SessionUser;
use crate::User;
use crate::keys::{KeyRing, StampCheck, join};

/// How many are remembered: of as many users who are active at the same time.
const SLOTS: usize = 16 * 1024;

/// As much as nearly all have that is compared beside the stamp, in bytes.
const SHORT: usize = 128;

/// Which users' stamps were found to be those of their sessions, so that most requests need no BLAKE3 over a whole password hash.
///
/// A mark is a keyed hash of 128 bits over all that is compared: what the session has, and what its user has now. That it was
/// right once is right for ever, so a mark needs no lock: halves that two threads wrote are each of something that was
/// compared. One that is overwritten is compared again.
pub(crate) struct Verified {
    /// Random, and of this process only: nobody outside can look for two things with one mark.
    key: [u64; 2],
    marks: Box<[[AtomicU64; 2]]>,
}

impl Verified {
    pub(crate) fn new() -> Self {
        let random = RandomState::new();
        let marks = (0..SLOTS).map(|_| Default::default()).collect();
        Self { key: [random.hash_one(0), random.hash_one(1)], marks }
    }

    /// Compares a session's stamp with its user's, as [`KeyRing::check`] does.
    pub(crate) fn check<U: User>(&self, keys: &KeyRing, of: &SessionUser, user: &U) -> StampCheck {
        let mark = self.mark(of, user.security_stamp());
        if self.has(mark) {
            return StampCheck::Same;
        }
        let check = keys.check(&of.stamp, &of.backend, &of.id, user);
        if check == StampCheck::Same {
            self.note(mark);
        }
        check
    }

    /// No two things that could be compared make one message: the lengths stand before the parts, of which one has always
    /// the same and the last is what is left.
    fn mark(&self, of: &SessionUser, stamp: &[u8]) -> Hash128 {
        let (backend, id, mac) =
            (of.backend.as_str().as_bytes(), of.id.as_str().as_bytes(), of.stamp.to_bytes());
        let mut hasher = SipHasher13::new_with_keys(self.key[0], self.key[1]);
        hasher.write_usize(backend.len());
        hasher.write_usize(id.len());
        // Told as one: each part that does not fill words costs as much as several that do. But for the stamp, which may be a
        // password hash and is copied nowhere.
        let mut short = [0; SHORT];
        let parts = [&mac[..], backend, id];
        match short.get_mut(..parts.iter().map(|part| part.len()).sum()) {
            Some(joined) => {
                join(joined, parts);
                hasher.write(joined);
            }
            None => parts.iter().for_each(|part| hasher.write(part)),
        }
        hasher.write(stamp);
        hasher.finish128()
    }

    fn slot(&self, mark: Hash128) -> &[AtomicU64; 2] {
        let at = usize::try_from(mark.h1 % SLOTS as u64).unwrap_or_default();
        &self.marks[at]
    }

    fn has(&self, mark: Hash128) -> bool {
        let [one, other] = self.slot(mark);
        one.load(Ordering::Relaxed) == mark.h1 && other.load(Ordering::Relaxed) == mark.h2
    }

    fn note(&self, mark: Hash128) {
        let [one, other] = self.slot(mark);
        one.store(mark.h1, Ordering::Relaxed);
        other.store(mark.h2, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::tests::Stamped;
    use crate::{BackendName, UserId};

    fn session(keys: &KeyRing, backend: &str, id: u64, stamp: &'static [u8]) -> SessionUser {
        let (backend, id) = (BackendName::new(backend).unwrap(), UserId::from(id));
        let stamp = keys.stamp(&backend, &id, &Stamped(stamp));
        SessionUser { backend, id, stamp }
    }

    /// Whatever was compared before, and whoever it was.
    #[test]
    fn it_answers_as_the_keys_do() {
        let old = KeyRing::new(b"the secret that was used before..").unwrap();
        let new = KeyRing::new(b"the secret that is used from today").unwrap();
        let ring = new.clone().with_fallback(b"the secret that was used before..").unwrap();
        let verified = Verified::new();
        let sessions = [
            session(&new, "local", 1, b"one"),
            session(&new, "local", 1, b"two"),
            session(&new, "local", 2, b"one"),
            session(&new, "other", 1, b"one"),
            session(&old, "local", 1, b"one"),
        ];
        for round in 0..3 {
            for of in &sessions {
                for user in [Stamped(b"one"), Stamped(b"two"), Stamped(b"")] {
                    let expected = ring.check(&of.stamp, &of.backend, &of.id, &user);
                    assert_eq!(verified.check(&ring, of, &user), expected, "{of:?} in round {round}");
                }
            }
        }
    }

    /// A stamp that changed ends the session, and one that changed back lets it go on.
    #[test]
    fn what_was_right_once_says_nothing_of_another() {
        let keys = KeyRing::generate().unwrap();
        let (verified, of) = (Verified::new(), session(&keys, "local", 1, b"one"));
        for _ in 0..2 {
            assert_eq!(verified.check(&keys, &of, &Stamped(b"one")), StampCheck::Same);
            assert_eq!(verified.check(&keys, &of, &Stamped(b"two")), StampCheck::Changed);
        }
        let other = SessionUser { id: UserId::from(7), ..of };
        assert_eq!(verified.check(&keys, &other, &Stamped(b"one")), StampCheck::Changed, "another's");
    }

    /// "ab" + "c" is not "a" + "bc".
    #[test]
    fn parts_cannot_be_shifted() {
        let (keys, verified) = (KeyRing::generate().unwrap(), Verified::new());
        let of = session(&keys, "local", 1, b"1x");
        let shifted = SessionUser { id: UserId::from(11), ..of.clone() };
        assert_ne!(verified.mark(&of, b"1x"), verified.mark(&shifted, b"x"));
    }
}
