//! A circuit breaker: a backend that keeps failing is left alone for a while.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::{BackendError, BackendErrorKind, Timestamp};

/// How many outages, within [`WINDOW`], open it.
pub(crate) const FAULTS: usize = 5;
/// See [`FAULTS`].
pub(crate) const WINDOW: Duration = Duration::from_secs(10);
/// For how long it is open at first; each failed probe doubles that.
pub(crate) const FIRST_PAUSE: Duration = Duration::from_secs(5);
/// For how long it is open at most.
pub(crate) const LAST_PAUSE: Duration = Duration::from_secs(60);

/// One backend's breaker. Only outages open it: an attacker's wrong passwords never do.
#[derive(Debug)]
pub(crate) struct Breaker(Mutex<State>);

#[derive(Debug)]
enum State {
    /// Everybody is let through. The last outages, oldest first.
    Closed(VecDeque<Timestamp>),
    /// Nobody is let through since then, for this long.
    Open(Timestamp, Duration),
    /// One attempt probes.
    Probing,
}

/// A permit to ask the backend. Without a [`report`](Self::report) (the client went away) nothing is learnt.
#[must_use]
pub(crate) struct Permit<'a> {
    breaker: &'a Breaker,
    /// The pause before this probe; `None` for an attempt that is none.
    probe: Option<Duration>,
}

impl Breaker {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(State::Closed(VecDeque::new())))
    }

    /// A permit to ask the backend now; `None` while it is left alone.
    pub(crate) fn admit(&self, now: Timestamp) -> Option<Permit<'_>> {
        let mut state = self.lock();
        match *state {
            State::Closed(_) => Some(Permit { breaker: self, probe: None }),
            State::Open(since, pause) if is_over(since, pause, now) => {
                *state = State::Probing;
                Some(Permit { breaker: self, probe: Some(pause) })
            }
            State::Open(..) | State::Probing => None,
        }
    }

    // A panic cannot leave the state torn: it is always replaced as a whole.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A clock that went back opens it too: better a probe too many than a backend that is never asked again.
fn is_over(since: Timestamp, pause: Duration, now: Timestamp) -> bool {
    now < since || now.since(since) >= pause
}

/// Whether the backend could not be reached, or did not answer. That this process has too much to do, or that an
/// answer cannot be understood, says nothing about the next attempt.
fn is_outage(error: &BackendError) -> bool {
    matches!(error.kind(), BackendErrorKind::Unavailable | BackendErrorKind::TimedOut)
}

impl Permit<'_> {
    /// Says how it went.
    pub(crate) fn report<T>(mut self, answer: &Result<T, BackendError>, now: Timestamp) {
        let is_outage = answer.as_ref().err().is_some_and(is_outage);
        let probe = self.probe.take();
        let mut state = self.breaker.lock();
        match (&mut *state, probe, is_outage) {
            (_, Some(pause), true) => *state = State::Open(now, (pause * 2).min(LAST_PAUSE)),
            (_, Some(_), false) => *state = State::Closed(VecDeque::new()),
            (State::Closed(faults), None, true) => {
                faults.retain(|fault| now.since(*fault) < WINDOW);
                faults.push_back(now);
                if faults.len() >= FAULTS {
                    *state = State::Open(now, FIRST_PAUSE);
                }
            }
            // It opened while this attempt was under way, or the attempt was fine.
            _ => {}
        }
    }
}

impl Drop for Permit<'_> {
    /// A probe whose client went away: the next attempt probes at once.
    fn drop(&mut self) {
        if let Some(pause) = self.probe {
            *self.breaker.lock() = State::Open(Timestamp::default(), pause);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_secs(1_000 + seconds)
    }

    fn attempt(breaker: &Breaker, now: Timestamp, kind: Option<BackendErrorKind>) -> bool {
        let Some(permit) = breaker.admit(now) else { return false };
        permit.report(&kind.map_or(Ok(()), |kind| Err(BackendError::of(kind))), now);
        true
    }

    const DOWN: Option<BackendErrorKind> = Some(BackendErrorKind::Unavailable);

    /// C32: after five outages nobody is let through; later one probes, and pauses double.
    #[test]
    fn it_opens_probes_and_closes() {
        let breaker = Breaker::new();
        assert!((0..5).all(|n| attempt(&breaker, at(n), DOWN)));
        assert!(!attempt(&breaker, at(5), None), "open");
        assert!(!attempt(&breaker, at(8), None), "still open");
        let probe = breaker.admit(at(9)).expect("the pause is over");
        assert!(breaker.admit(at(9)).is_none(), "one probe at a time");
        probe.report(&Err::<(), _>(BackendError::of(BackendErrorKind::TimedOut)), at(9));
        assert!(!attempt(&breaker, at(18), None), "the second pause is twice as long");
        assert!(attempt(&breaker, at(19), None), "a probe that succeeds");
        assert!(attempt(&breaker, at(19), None), "closes it");
    }

    #[test]
    fn only_outages_close_together_open_it() {
        let breaker = Breaker::new();
        assert!((0..100).all(|n| attempt(&breaker, at(n * 3), DOWN)), "too far apart");
        for kind in [BackendErrorKind::Overloaded, BackendErrorKind::InvalidData, BackendErrorKind::Panicked]
        {
            let breaker = Breaker::new();
            assert!((0..100).all(|_| attempt(&breaker, at(0), Some(kind))), "{kind:?}");
        }
        let breaker = Breaker::new();
        assert!((0..10_000).all(|_| attempt(&breaker, at(0), None)), "wrong passwords are answers");
    }

    #[test]
    fn a_probe_that_is_dropped_is_no_end() {
        let breaker = Breaker::new();
        (0..5).for_each(|_| _ = attempt(&breaker, at(0), DOWN));
        drop(breaker.admit(at(5)).expect("a probe"));
        assert!(attempt(&breaker, at(5), None), "the next one probes");
    }

    #[test]
    fn pauses_end_even_if_clocks_go_back() {
        let breaker = Breaker::new();
        let mut now = at(0);
        (0..5).for_each(|_| _ = attempt(&breaker, now, DOWN));
        for _ in 0..10 {
            now = now.plus(LAST_PAUSE);
            assert!(attempt(&breaker, now, DOWN), "no pause is longer than the last");
        }
        assert!(attempt(&breaker, at(0), None), "the clock went back");
    }
}
