//! How many wrong codes an owner may enter, and how quickly.

use std::time::Duration;

use crate::time::Timestamp;

/// The counter that a store keeps for an owner. It contains all the rules, so that a store only has to replace one
/// value by another in one step.
///
/// ```
/// use std::time::Duration;
/// use auth_core::factors::Tries;
/// use auth_core::time::Timestamp;
///
/// let now = Timestamp::from_secs(1_000);
/// let mut tries = Tries::default();
/// for _ in 0..Tries::FREE {
///     tries = tries.reserve(now).unwrap();
/// }
/// assert_eq!(tries.reserve(now), Err(Duration::from_secs(30)));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tries {
    /// How many codes were wrong, or are being verified, since the last right one.
    pub counted: u32,
    /// No code is verified before this time.
    pub blocked_until: Timestamp,
}

impl Tries {
    /// How many may be wrong before the first delay.
    pub const FREE: u32 = 5;
    /// The delay after the last of those; it doubles with each further one.
    pub const FIRST_DELAY: Duration = Duration::from_secs(30);
    /// The longest delay.
    pub const LONGEST_DELAY: Duration = Duration::from_secs(60 * 60);

    /// The counter after one more code is tried now.
    ///
    /// The code counts as wrong from here on, and for the delay: if many are tried at once, no more are compared than
    /// if they came one after another.
    ///
    /// # Errors
    /// How long to wait before the next try.
    pub fn reserve(self, now: Timestamp) -> Result<Self, Duration> {
        if now < self.blocked_until {
            // Never more than the longest delay: a clock that was set back must not keep people out for longer.
            return Err(self.blocked_until.since(now).min(Self::LONGEST_DELAY));
        }
        let counted = self.counted.saturating_add(1);
        let blocked_until = Self::delay(counted).map_or(Timestamp::default(), |delay| now.plus(delay));
        Ok(Self { counted, blocked_until })
    }

    /// The counter after a try has ended; `None` if it stays the same.
    pub fn settle(self, tried: Try, end: TryEnd) -> Option<Self> {
        match end {
            TryEnd::Right => Some(Self::default()).filter(|new| *new != self),
            TryEnd::Wrong => None,
            // Another one was right meanwhile, which cleared the counter: there is nothing to give back.
            TryEnd::Fault if self.counted < tried.0 => None,
            TryEnd::Fault => {
                // The delay belongs to this try, unless another one began after it. Before this try there was none.
                let is_last = self.counted == tried.0;
                let blocked_until = if is_last { Timestamp::default() } else { self.blocked_until };
                Some(Self { counted: self.counted.saturating_sub(1), blocked_until })
            }
        }
    }

    fn delay(counted: u32) -> Option<Duration> {
        let doubled = counted.checked_sub(Self::FREE)?;
        let factor = 1_u32.checked_shl(doubled.min(31)).unwrap_or(u32::MAX);
        Some(Self::FIRST_DELAY.saturating_mul(factor).min(Self::LONGEST_DELAY))
    }
}

/// A reserved try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Try(u32);

impl Try {
    /// The try that led to this counter.
    pub fn of(reserved: Tries) -> Self {
        Self(reserved.counted)
    }
}

/// Whether a code may be compared: the answer of
/// [`FactorStore::reserve_try`](crate::factors::FactorStore::reserve_try).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reservation {
    /// It may, and counts as wrong until it is settled.
    Allowed(Try),
    /// It may not before this time has passed.
    RetryAfter(Duration),
}

/// How a try ended: see [`Tries::settle`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TryEnd {
    /// The code was right, which clears the counter.
    Right,
    /// The code was wrong, as it was counted.
    Wrong,
    /// Nothing was compared, so it does not count.
    Fault,
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

    #[test]
    fn five_are_free_and_then_delays_double_up_to_an_hour() {
        let (mut tries, mut now, mut delays) = (Tries::default(), NOW, Vec::new());
        for _ in 0..14 {
            while let Err(delay) = tries.reserve(now) {
                delays.push(delay.as_secs());
                now = now.plus(delay);
            }
            tries = tries.reserve(now).unwrap();
        }
        assert_eq!(delays, [30, 60, 120, 240, 480, 960, 1_920, 3_600, 3_600]);
    }

    #[test]
    fn a_fault_gives_back_its_own_and_no_other() {
        let reserve = |tries: Tries, now| tries.reserve(now).map(|new| (new, Try::of(new))).unwrap();
        let (first, try1) = reserve(Tries::default(), NOW);
        assert_eq!(first.settle(try1, TryEnd::Fault), Some(Tries::default()));
        let four = Tries { counted: 4, ..Tries::default() };
        let (five, try5) = reserve(four, NOW);
        assert_eq!(five.settle(try5, TryEnd::Fault), Some(four), "nor is anybody delayed by it");
        let later = NOW.plus(Tries::FIRST_DELAY);
        let (six, _) = reserve(five, later);
        let left = six.settle(try5, TryEnd::Fault).unwrap();
        assert_eq!((left.counted, left.blocked_until), (5, six.blocked_until), "the delay is the sixth's");
        assert_eq!(Tries::default().settle(try5, TryEnd::Fault), None);
        assert_eq!(six.settle(try5, TryEnd::Wrong), None);
        assert_eq!(six.settle(try5, TryEnd::Right), Some(Tries::default()));
    }

    #[test]
    fn a_clock_that_is_set_back_keeps_nobody_out_for_long() {
        let tries = Tries { counted: 5, blocked_until: NOW };
        assert_eq!(tries.reserve(Timestamp::default()), Err(Tries::LONGEST_DELAY));
    }
}
