//! [`Confirmation`]: how often to ask an outside system about the users of sessions.

use std::time::Duration;

use crate::ConfigError;
use crate::time::Timestamp;

/// How often to ask an outside system about the users of sessions, and what happens while it cannot answer: the
/// argument of [`AuthBuilder::confirm`](crate::AuthBuilder::confirm).
///
/// | the outside system says about a session's user | result |
/// |---|---|
/// | they may sign in | the session goes on with current data: rights that were revoked there are gone with this request |
/// | they may not, or are unknown | all their sessions end, on all devices |
/// | nothing | sessions go on until the last confirmation is older than interval and grace together; then requests get a 503, and the session stays |
///
/// A user who is disabled there stays signed in here for at most the interval, or while the system is down, for at
/// most the grace longer. Idle sessions cause no requests: a request of the user asks, and waits for the answer.
///
/// A session is due at three quarters of the interval or later, at a random point: sessions that began together do
/// not ask together. On each instance, concurrent requests of one user share one question. After a failure the user
/// is not asked about for 10 s. After five outages within 10 s the system is not asked at all, for 5 s at first and
/// 60 s at most; requests do not wait for it meanwhile. As for logins, [`BackendError`](crate::backend::BackendError)
/// says what an outage is: odd answers about some users do not affect others.
///
/// ```
/// use std::time::Duration;
///
/// use auth_core::backend::Confirmation;
///
/// let confirmation = Confirmation::every(Duration::from_secs(300)).grace(Duration::from_secs(3600));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Confirmation {
    every: Duration,
    grace: Duration,
}

impl Confirmation {
    /// The shortest interval.
    pub const MIN_INTERVAL: Duration = Duration::from_secs(10);
    /// The grace, unless set: 4 h.
    pub const GRACE: Duration = Duration::from_secs(4 * 60 * 60);

    /// Asks once in this interval, with a grace of 4 h. The interval must be shorter than the lifetime of sessions.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use auth_core::backend::Confirmation;
    ///
    /// let confirmation = Confirmation::every(Duration::from_secs(300));
    /// ```
    pub const fn every(interval: Duration) -> Self {
        Self { every: interval, grace: Self::GRACE }
    }

    /// Sets how much longer than the interval a session goes on unconfirmed while the outside system cannot answer.
    /// Zero ends that at once.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use auth_core::backend::Confirmation;
    ///
    /// // While the directory is down, users stay for a quarter of an hour.
    /// let confirmation = Confirmation::every(Duration::from_secs(300)).grace(Duration::from_secs(900));
    /// ```
    pub const fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Refuses settings that cannot be right for sessions of this lifetime.
    pub(crate) fn check(self, lifetime: Duration) -> Result<(), ConfigError> {
        if self.every < Self::MIN_INTERVAL {
            return Err(ConfigError::new("users can be confirmed every 10 s at most: use a longer interval"));
        }
        if self.every >= lifetime {
            return Err(ConfigError::new(
                "sessions end before they are confirmed: use an interval below the absolute timeout",
            ));
        }
        Ok(())
    }

    /// Whether a session is due that was last confirmed at `confirmed`. `draw` is random: its key, the hash of a
    /// token.
    pub(crate) fn is_due(self, draw: &[u8; 32], confirmed: Timestamp, now: Timestamp) -> bool {
        let age = now.since(confirmed);
        age >= self.every / 4 * 3 && age >= self.due_after(draw)
    }

    /// Between three quarters of the interval and all of it.
    fn due_after(self, draw: &[u8; 32]) -> Duration {
        let [first, second, ..] = *draw;
        let spread = u32::from(u16::from_le_bytes([first, second]));
        self.every / 4 * 3 + self.every / 4 / u32::from(u16::MAX) * spread
    }

    /// Whether an unconfirmed session goes on.
    pub(crate) fn is_in_grace(self, confirmed: Timestamp, now: Timestamp) -> bool {
        now.since(confirmed) < self.every.saturating_add(self.grace)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: Duration = Duration::from_secs(900);
    const START: Timestamp = Timestamp::from_secs(1_800_000_000);

    fn key(n: u64) -> [u8; 32] {
        *blake3::hash(&n.to_le_bytes()).as_bytes()
    }

    /// Sessions that began together fall due spread over a quarter of the interval.
    #[test]
    fn sessions_fall_due_apart() {
        let due = |key: &[u8; 32]| {
            let at = |second: u64| START.plus(Duration::from_secs(second));
            (0..=900).find(|second| Confirmation::every(EVERY).is_due(key, START, at(*second))).unwrap()
        };
        let mut minutes = [0_u32; 16];
        for n in 0..1_000 {
            let after = due(&key(n));
            assert!((675..=900).contains(&after), "{after}");
            assert_eq!(after, due(&key(n)), "the same each time");
            minutes[usize::try_from(after).unwrap() / 60] += 1;
        }
        assert_eq!(minutes.iter().sum::<u32>(), 1_000);
        assert!(minutes.iter().all(|due| *due < 400), "{minutes:?}");
        for (bytes, expected) in [([0; 32], 675), ([255; 32], 900)] {
            assert_eq!(due(&bytes), expected);
        }
    }

    #[test]
    fn grace_is_counted_from_the_interval() {
        for (grace, last) in [(Duration::ZERO, 899), (Confirmation::GRACE, 15_299)] {
            let confirmation = Confirmation::every(EVERY).grace(grace);
            let at = |second: u64| START.plus(Duration::from_secs(second));
            assert!(confirmation.is_in_grace(START, at(last)));
            assert!(!confirmation.is_in_grace(START, at(last + 1)));
        }
        assert!(
            Confirmation::every(EVERY)
                .grace(Duration::MAX)
                .is_in_grace(START, Timestamp::from_millis(u64::MAX))
        );
    }
}
