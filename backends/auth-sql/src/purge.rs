//! Removing expired rows in the background.

use std::future::Future;
use std::time::Duration;

use auth_core::random::{OsRandom, Random};
use auth_core::session::StoreError;
use auth_core::time::{Clock, Timestamp};

/// How many rows one statement removes at most, so that other statements do not wait long for it.
const BATCH: u64 = 1_000;

/// Removes expired rows now and then, for as long as it is polled. `what` describes them in the log.
pub(crate) async fn purge_every<F: Future<Output = Result<u64, StoreError>>>(
    clock: &impl Clock,
    about: Duration,
    what: &str,
    purge: impl Fn(Timestamp, u64) -> F,
) {
    loop {
        tokio::time::sleep(jittered(about)).await;
        purge_all(clock, what, &purge).await;
    }
}

/// Removes all expired rows, one batch at a time.
async fn purge_all<F: Future<Output = Result<u64, StoreError>>>(
    clock: &impl Clock,
    what: &str,
    purge: &impl Fn(Timestamp, u64) -> F,
) {
    loop {
        match purge(clock.now(), BATCH).await {
            Ok(BATCH) => tokio::task::yield_now().await,
            Ok(_) => return,
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(target: "auth", error, "{what} were not removed");
                return;
            }
        }
    }
}

/// A random time between three and five quarters of this one. Without random numbers, exactly this time.
fn jittered(about: Duration) -> Duration {
    let mut byte = [128];
    let _ = OsRandom.fill(&mut byte);
    about * 3 / 4 + about / 2 * u32::from(byte[0]) / 256
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use auth_core::session::{MemorySessions, SessionStore};

    use super::*;

    /// A clock that counts how often it was asked.
    #[derive(Default)]
    struct Asked(AtomicU64);

    impl Clock for Asked {
        fn now(&self) -> Timestamp {
            Timestamp::from_secs(self.0.fetch_add(1, Ordering::Relaxed))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_purges_again_and_again() {
        let (store, clock) = (MemorySessions::new(10), Asked::default());
        let hour = Duration::from_hours(1);
        let rounds = tokio::time::timeout(
            hour * 24,
            purge_every(&clock, hour, "sessions", |now, limit| store.purge_expired(now, limit)),
        )
        .await;
        assert!(rounds.is_err(), "it never ends");
        let rounds = clock.0.into_inner();
        assert!((19..=32).contains(&rounds), "{rounds}");
    }

    #[test]
    fn instances_drift_apart() {
        let (about, range) = (Duration::from_secs(100), Duration::from_secs(75)..Duration::from_secs(125));
        let times: Vec<_> = (0..100).map(|_| jittered(about)).collect();
        assert!(times.iter().all(|time| range.contains(time)));
        assert!(times.iter().any(|time| *time != times[0]));
    }
}
