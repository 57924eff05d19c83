//! Hash maps whose keys are already hashes.

use std::hash::{BuildHasherDefault, Hasher};

/// For keys that are cryptographic hashes over values that only this process draws or keys, or random numbers that it
/// draws: any eight bytes of such a key are a hash that nobody can choose.
pub(crate) type IdentityState = BuildHasherDefault<IdentityHasher>;

#[derive(Default)]
pub(crate) struct IdentityHasher(u64);

impl Hasher for IdentityHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk() {
            self.0 = u64::from_le_bytes(*first);
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }

    fn write_usize(&mut self, _len: usize) {}
}
