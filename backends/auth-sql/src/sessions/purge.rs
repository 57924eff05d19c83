//! Removing expired sessions in the background.

use std::time::Duration;

use auth_core::random::{OsRandom, Random};
use auth_core::session::SessionStore;
use auth_core::time::{Clock, SystemClock};

use super::SqlSessions;

/// How many sessions one statement removes at most: others do not wait long for it.
const BATCH: u64 = 1_000;

impl SqlSessions {
    /// Removes expired sessions now and then, for as long as it is polled: give it to a task of its own.
    ///
    /// It rests for `about` this long between two rounds: a quarter more or less, drawn each time, so that
    /// instances that start together do not purge together. What fails is logged, and tried again in the next round.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use auth_sql::SqlSessions;
    /// # async fn start(sessions: &SqlSessions) {
    /// tokio::spawn(sessions.clone().purge_every(Duration::from_mins(10)));
    /// # }
    /// ```
    pub async fn purge_every(self, about: Duration) {
        purge_every(&self, &SystemClock, about).await;
    }
}

async fn purge_every(store: &impl SessionStore, clock: &impl Clock, about: Duration) {
    loop {
        tokio::time::sleep(jittered(about)).await;
        purge(store, clock).await;
    }
}

/// Removes all that is expired, a batch at a time.
async fn purge(store: &impl SessionStore, clock: &impl Clock) {
    loop {
        match store.purge_expired(clock.now(), BATCH).await {
            Ok(BATCH) => tokio::task::yield_now().await,
            Ok(_) => return,
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(target: "auth", error, "expired sessions were not removed");
                return;
            }
        }
    }
}

/// From three to five quarters of a time. Without random numbers, exactly that time.
fn jittered(about: Duration) -> Duration {
    let mut byte = [128];
    let _ = OsRandom.fill(&mut byte);
    about * 3 / 4 + about / 2 * u32::from(byte[0]) / 256
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use auth_core::session::MemorySessions;
    use auth_core::time::Timestamp;

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
        let rounds = tokio::time::timeout(hour * 24, purge_every(&store, &clock, hour)).await;
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
