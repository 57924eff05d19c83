//! When keys were last used.

use std::sync::atomic::{AtomicU64, Ordering};

use super::ApiKeyId;
use crate::time::Timestamp;

/// Remembers which uses this process has recorded, so that a key in constant use is recorded once a minute.
///
/// Keys share slots: one that takes another's slot is recorded more often, never less.
pub(super) struct Uses {
    slots: Box<[AtomicU64]>,
}

const SLOTS: u64 = 1_024;
const MINUTE: u64 = 60_000;
/// Spreads the minutes over all bits.
const ODD: u64 = 0x9e37_79b9_7f4a_7c15;

impl Uses {
    pub(super) fn new() -> Self {
        Self { slots: (0..SLOTS).map(|_| AtomicU64::new(0)).collect() }
    }

    /// Whether this is the first use of the key within its minute. Of several concurrent uses one is.
    pub(super) fn is_to_be_noted(&self, id: ApiKeyId, now: Timestamp) -> bool {
        // Ids are random and drawn here: nobody can choose a slot, and no two of them have one mark in a minute.
        let slot = &self.slots[usize::try_from(id.number() % SLOTS).unwrap_or_default()];
        let mark = id.number().wrapping_add((now.as_millis() / MINUTE).wrapping_mul(ODD));
        slot.load(Ordering::Relaxed) != mark && slot.swap(mark, Ordering::Relaxed) != mark
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
