//! Wall-clock time as a value that is passed in.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A moment, in milliseconds since 1970-01-01 00:00 UTC. Arithmetic saturates: no clock can make it panic.
///
/// ```
/// use std::time::Duration;
///
/// use auth_core::time::Timestamp;
///
/// let start = Timestamp::from_secs(1_000);
/// assert_eq!(start.plus(Duration::from_secs(5)).since(start), Duration::from_secs(5));
/// assert_eq!(start.since(start.plus(Duration::from_secs(5))), Duration::ZERO);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The moment `millis` milliseconds after the Unix epoch.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// The moment `secs` seconds after the Unix epoch.
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(1000))
    }

    /// Milliseconds since the Unix epoch.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// Time from `earlier` to `self`; zero if `earlier` is later.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use auth_core::time::Timestamp;
    /// assert_eq!(Timestamp::from_secs(5).since(Timestamp::from_secs(2)), Duration::from_secs(3));
    /// ```
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// `self` + `duration`.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use auth_core::time::Timestamp;
    /// assert_eq!(Timestamp::from_secs(1).plus(Duration::from_secs(2)), Timestamp::from_secs(3));
    /// ```
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(millis))
    }
}

/// A source of time: [`SystemClock`] in production, [`ManualClock`] in tests.
///
/// ```
/// use auth_core::time::{Clock, SystemClock, Timestamp};
///
/// /// Runs five minutes ahead.
/// struct Ahead;
///
/// impl Clock for Ahead {
///     fn now(&self) -> Timestamp {
///         SystemClock.now().plus(std::time::Duration::from_secs(300))
///     }
/// }
/// ```
pub trait Clock: Send + Sync + 'static {
    /// The present moment.
    fn now(&self) -> Timestamp;
}

/// The operating system's clock.
///
/// ```
/// use auth_core::time::{Clock, SystemClock};
///
/// let before = SystemClock.now();
/// assert!(SystemClock.now() >= before);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        // A system clock before 1970 reads as 1970: every session is then from the future, and refused.
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::default().plus(since_epoch)
    }
}

/// A clock that stands still until it is moved.
///
/// ```
/// use std::time::Duration;
/// use auth_core::time::{Clock, ManualClock, Timestamp};
///
/// let clock = ManualClock::at(Timestamp::from_secs(1_000));
/// clock.advance(Duration::from_secs(5));
/// assert_eq!(clock.now(), Timestamp::from_secs(1_005));
/// ```
#[derive(Debug)]
pub struct ManualClock(AtomicU64);

impl ManualClock {
    /// Shows `now`.
    pub fn at(now: Timestamp) -> Self {
        Self(AtomicU64::new(now.0))
    }

    /// Moves the clock forward.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use auth_core::time::{Clock, ManualClock, Timestamp};
    /// let clock = ManualClock::at(Timestamp::from_secs(1_000));
    /// clock.advance(Duration::from_secs(5));
    /// assert_eq!(clock.now(), Timestamp::from_secs(1_005));
    /// ```
    pub fn advance(&self, by: Duration) {
        self.set(self.now().plus(by));
    }

    /// Sets the clock, forward or backward.
    ///
    /// ```
    /// # use auth_core::time::{Clock, ManualClock, Timestamp};
    /// let clock = ManualClock::at(Timestamp::from_secs(1_000));
    /// clock.set(Timestamp::from_secs(900));
    /// assert_eq!(clock.now(), Timestamp::from_secs(900));
    /// ```
    pub fn set(&self, now: Timestamp) {
        self.0.store(now.0, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

impl<T: Clock + ?Sized> Clock for std::sync::Arc<T> {
    fn now(&self) -> Timestamp {
        (**self).now()
    }
}
