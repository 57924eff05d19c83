//! [`Confirmation`]: how often an outside system is asked about the users of sessions.

use std::time::Duration;

use crate::ConfigError;
use crate::time::Timestamp;

/// How often an outside system is asked about the users of sessions, and what happens while it cannot answer: see
/// [`AuthBuilder::confirm`](crate::AuthBuilder::confirm).
///
/// | the outside system says of a session's user | |
/// |---|---|
/// | they may sign in | they go on, with what is known of them now: rights that it took away are gone with this request |
/// | they may not, or nobody there is them | all their sessions end, on all devices |
/// | nothing | they go on until the last confirmation is the interval and the grace old; then requests get a 503, and the session is kept |
///
/// So whoever is disabled there stays signed in here for at most the interval, and while it is down for at most the
/// grace longer. Sessions that are not used ask nothing: the question comes with a request, which waits for it.
///
/// Sessions fall due at three quarters of the interval or later, each at a point of its own: those that began together
/// do not ask together. Requests of one user at the same time share one question on each instance. After a
/// failure the user is left alone for 10 s, and after five outages within 10 s so is the outside system, for 5 s at
/// first and 60 s at most: requests do not wait for it meanwhile. What is an outage is told as for logins, at
/// [`BackendError`](crate::backend::BackendError): users about whom it says odd things, or nothing, keep no others from being
/// confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Confirmation {
    every: Duration,
    grace: Duration,
}

impl Confirmation {
    /// The shortest interval.
    pub const MIN_INTERVAL: Duration = Duration::from_secs(10);
    /// The grace unless it is set: 4 h.
    pub const GRACE: Duration = Duration::from_secs(4 * 60 * 60);

    /// Once in this interval, with a grace of 4 h. It must be shorter than sessions live.
    pub const fn every(interval: Duration) -> Self {
        Self { every: interval, grace: Self::GRACE }
    }

    /// How much longer than the interval a session goes on unconfirmed, while the outside system cannot answer. With zero
    /// nobody does.
    pub const fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Refuses what cannot be right for sessions that live this long.
    pub(crate) fn check(self, lifetime: Duration) -> Result<(), ConfigError> {
        if self.every < Self::MIN_INTERVAL {
            return Err(ConfigError::new("users are confirmed every 10 s at most: use a longer interval"));
        }
        if self.every >= lifetime {
            return Err(ConfigError::new(
                "no session lives long enough to be confirmed: use an interval below its absolute timeout",
            ));
        }
        Ok(())
    }

    /// Whether a session is to be confirmed that was at `confirmed`. `draw` is what nobody chose: its key, the hash of a token.
    pub(crate) fn is_due(self, draw: &[u8; 32], confirmed: Timestamp, now: Timestamp) -> bool {
        let age = now.since(confirmed);
        age >= self.every / 4 * 3 && age >= self.due_after(draw)
    }

    /// Between three quarters of the interval and the whole.
    fn due_after(self, draw: &[u8; 32]) -> Duration {
        let [first, second, ..] = *draw;
        let spread = u32::from(u16::from_le_bytes([first, second]));
        self.every / 4 * 3 + self.every / 4 / u32::from(u16::MAX) * spread
    }

    /// Whether a session goes on that could not be confirmed.
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
