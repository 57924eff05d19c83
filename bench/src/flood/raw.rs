//! The hash alone: how often threads that own their memory can compute it.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use argon2::{Algorithm, Argon2, Block, Params, Version};

use super::PASSWORD;

pub(crate) struct RawHashes(Arc<AtomicU64>);

impl RawHashes {
    /// Starts threads that hash for as long as the process lives.
    pub(crate) fn start(threads: usize) -> Self {
        let made = Arc::new(AtomicU64::new(0));
        for _ in 0..threads {
            let made = Arc::clone(&made);
            thread::spawn(move || hash_on(&made));
        }
        Self(made)
    }

    /// How many hashes were made so far.
    pub(crate) fn made(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

fn hash_on(made: &AtomicU64) {
    let params = Params::new(19 * 1024, 2, 1, Some(32)).expect("valid costs");
    let mut blocks = vec![Block::default(); params.block_count()];
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let mut out = [0; 32];
    loop {
        argon2
            .hash_password_into_with_memory(PASSWORD.as_bytes(), &[7; 16], &mut out, &mut blocks)
            .expect("a hash");
        black_box(out);
        made.fetch_add(1, Ordering::Relaxed);
    }
}
