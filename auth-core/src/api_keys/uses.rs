//! When keys were last used.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use super::ApiKeyId;
use crate::time::Timestamp;

/// Which uses have been noted in this process, so that a key that is used all the time is noted once a minute.
///
/// Keys share slots: one that takes another's is noted more often, never less.
pub(super) struct Uses {
    slots: Box<[AtomicU64]>,
    hasher: RandomState,
}

const SLOTS: u64 = 1_024;
const MINUTE: u64 = 60_000;

impl Uses {
    pub(super) fn new() -> Self {
        Self { slots: (0..SLOTS).map(|_| AtomicU64::new(0)).collect(), hasher: RandomState::new() }
    }

    /// Whether this use is the first in its minute. Of several at once one is.
    pub(super) fn is_to_be_noted(&self, id: ApiKeyId, now: Timestamp) -> bool {
        let slot = self.hasher.hash_one(id) % SLOTS;
        let slot = &self.slots[usize::try_from(slot).unwrap_or_default()];
        let mark = self.hasher.hash_one((id, now.as_millis() / MINUTE));
        slot.swap(mark, Ordering::Relaxed) != mark
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_use_is_noted_once_a_minute() {
        let (uses, one) = (Uses::new(), ApiKeyId::from_number(1));
        let at = |millis: u64| Timestamp::from_millis(1_800_000_000_000 + millis);
        let noted = |millis| uses.is_to_be_noted(one, at(millis));
        assert_eq!([0, 1, 59_999, 60_000, 60_001].map(noted), [true, false, false, true, false]);
    }
}
