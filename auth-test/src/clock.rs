//! A clock that stands still until it is told to move, shared between a test and its `Auth`.

use std::sync::Arc;
use std::time::Duration;

use auth_core::time::{Clock, ManualClock, SystemClock, Timestamp};

/// A clock that a test moves: clones are the same clock, so one goes into the [`Auth`](auth_core::Auth) and one stays.
///
/// ```
/// use std::time::Duration;
/// use auth_core::session::{KeyRing, MemorySessions, SessionConfig};
/// use auth_core::{Auth, Password};
/// use auth_test::{Scripted, TestClock, TestUser};
///
/// let clock = TestClock::new();
/// let auth: Auth<TestUser> = Auth::builder()
///     .backend::<Password>("local", Scripted::new())
///     .sessions(MemorySessions::new(100), SessionConfig::new(KeyRing::generate()?))
///     .clock(clock.clone())
///     .build()?;
///
/// let before = auth.now();
/// clock.advance(Duration::from_secs(3600));
/// assert_eq!(auth.now().since(before), Duration::from_secs(3600));
/// # Ok::<(), auth_core::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct TestClock(Arc<ManualClock>);

impl TestClock {
    /// A clock that shows the present, and stays there.
    pub fn new() -> Self {
        Self::at(SystemClock.now())
    }

    /// A clock that shows this time.
    pub fn at(now: Timestamp) -> Self {
        Self(Arc::new(ManualClock::at(now)))
    }

    /// Moves it forward.
    pub fn advance(&self, by: Duration) {
        self.0.advance(by);
    }

    /// Sets it, forward or backward.
    pub fn set(&self, now: Timestamp) {
        self.0.set(now);
    }
}

impl Default for TestClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        self.0.now()
    }
}
