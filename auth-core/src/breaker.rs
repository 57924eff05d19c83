//! A circuit breaker: a backend that fails for everybody is not called for a while.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::backend::{BackendError, BackendErrorKind, Health};
use crate::time::Timestamp;

/// How many failures within [`WINDOW`] trigger an inspection.
pub(crate) const FAULTS: usize = 5;
/// See [`FAULTS`].
pub(crate) const WINDOW: Duration = Duration::from_secs(10);
/// How long it is open at first; each failed probe doubles that.
pub(crate) const FIRST_PAUSE: Duration = Duration::from_secs(5);
/// How long it is open at most.
pub(crate) const LAST_PAUSE: Duration = Duration::from_secs(60);

/// The breaker of one backend. Only outages open it: neither wrong passwords nor odd input do.
#[derive(Debug)]
pub(crate) struct Breaker(Mutex<State>);

#[derive(Debug)]
enum State {
    /// All attempts pass. The last failures, oldest first.
    Closed(VecDeque<(Timestamp, Fault)>),
    /// No attempts pass since then, for this long.
    Open(Timestamp, Duration),
    /// One attempt is probing.
    Probing,
}

/// What a failure says about other attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// No input can cause it: the backend cannot be reached.
    Outage,
    /// The attempt may have caused it. Only the backend's health tells.
    Doubtful,
}

impl Fault {
    /// `None` for an answer that says nothing about others.
    pub(crate) fn in_answer<T>(answer: &Result<T, BackendError>) -> Option<Self> {
        answer.as_ref().err().and_then(Self::of)
    }

    /// `None` for an error that says nothing about others.
    pub(crate) fn of(error: &BackendError) -> Option<Self> {
        match error.kind() {
            BackendErrorKind::Unavailable => Some(Self::Outage),
            BackendErrorKind::TimedOut | BackendErrorKind::InvalidData | BackendErrorKind::Panicked => {
                Some(Self::Doubtful)
            }
            BackendErrorKind::Overloaded | BackendErrorKind::Undecided => None,
        }
    }

    fn is_outage(self, health: Health) -> bool {
        match health {
            Health::Serving => false,
            Health::Down => true,
            Health::Unknown => self == Self::Outage,
        }
    }
}

/// The answer of a backend that is not called.
pub(crate) fn left_alone() -> BackendError {
    BackendError::unavailable("its circuit breaker is open")
}

/// A permit to call the backend. If it is dropped without a [`report`](Self::report) (the client went away), nothing
/// is learnt.
#[must_use]
pub(crate) struct Permit<'a> {
    breaker: &'a Breaker,
    /// The pause before this probe; `None` for an ordinary attempt.
    probe: Option<Duration>,
}

impl Breaker {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(State::Closed(VecDeque::new())))
    }

    /// A permit to call the backend now; `None` while the breaker is open.
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

    /// Whether there are now enough failures to call the health check.
    fn note(&self, fault: Fault, now: Timestamp) -> bool {
        let State::Closed(faults) = &mut *self.lock() else { return false };
        faults.retain(|(at, _)| now.since(*at) < WINDOW);
        faults.push_back((now, fault));
        faults.len() >= FAULTS
    }

    /// Opens if the failures are an outage; otherwise forgets them.
    fn judge(&self, health: Health, now: Timestamp) {
        let mut state = self.lock();
        let State::Closed(faults) = &mut *state else { return };
        let enough = if health == Health::Down { 1 } else { FAULTS };
        faults.retain(|(_, fault)| fault.is_outage(health));
        if faults.len() >= enough {
            *state = State::Open(now, FIRST_PAUSE);
        }
    }

    // A panic cannot leave the state torn: it is always replaced as a whole.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A clock that was set back closes the pause, too: an extra probe is better than a backend that is never called
/// again.
fn is_over(since: Timestamp, pause: Duration, now: Timestamp) -> bool {
    now < since || now.since(since) >= pause
}

impl Permit<'_> {
    /// Reports the result. If it may be an outage, `health` is called, and its answer returned.
    ///
    /// If the client goes away meanwhile, the failures stay recorded, and the next attempt calls it.
    pub(crate) async fn report<F: Future<Output = Health>>(
        mut self,
        fault: Option<Fault>,
        now: Timestamp,
        health: impl FnOnce() -> F,
    ) -> Option<Health> {
        let Some(fault) = fault else {
            if self.probe.take().is_some() {
                *self.breaker.lock() = State::Closed(VecDeque::new());
            }
            return None;
        };
        if self.probe.is_some() {
            let health = health().await;
            self.end_probe(fault.is_outage(health), now);
            return Some(health);
        }
        if !self.breaker.note(fault, now) {
            return None;
        }
        let health = health().await;
        self.breaker.judge(health, now);
        Some(health)
    }

    fn end_probe(&mut self, is_outage: bool, now: Timestamp) {
        if let Some(pause) = self.probe.take() {
            *self.breaker.lock() = if is_outage {
                State::Open(now, (pause * 2).min(LAST_PAUSE))
            } else {
                State::Closed(VecDeque::new())
            };
        }
    }
}

impl Drop for Permit<'_> {
    /// The client of a probe went away: the next attempt probes at once.
    fn drop(&mut self) {
        if let Some(pause) = self.probe {
            *self.breaker.lock() = State::Open(Timestamp::default(), pause);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::ready;

    use super::Health::{Down, Serving, Unknown};
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_secs(1_000 + seconds)
    }

    /// Whether the backend was asked, of whose health this is known.
    async fn attempt_while(
        health: Health,
        breaker: &Breaker,
        now: Timestamp,
        kind: Option<BackendErrorKind>,
    ) -> bool {
        let Some(permit) = breaker.admit(now) else { return false };
        let fault = kind.and_then(|kind| Fault::of(&BackendError::of(kind)));
        permit.report(fault, now, || ready(health)).await;
        true
    }

    async fn attempt(breaker: &Breaker, now: Timestamp, kind: Option<BackendErrorKind>) -> bool {
        attempt_while(Unknown, breaker, now, kind).await
    }

    const DOWN: Option<BackendErrorKind> = Some(BackendErrorKind::Unavailable);
    const LATE: Option<BackendErrorKind> = Some(BackendErrorKind::TimedOut);

    async fn opened() -> Breaker {
        let breaker = Breaker::new();
        for _ in 0..5 {
            assert!(attempt(&breaker, at(0), DOWN).await);
        }
        breaker
    }

    /// After five outages nobody is let through; later one probes, and pauses double.
    #[tokio::test]
    async fn it_opens_probes_and_closes() {
        let breaker = opened().await;
        assert!(!attempt(&breaker, at(0), None).await, "open");
        assert!(!attempt(&breaker, at(4), None).await, "still open");
        let probe = breaker.admit(at(5)).expect("the pause is over");
        assert!(breaker.admit(at(5)).is_none(), "one probe at a time");
        probe.report(Some(Fault::Outage), at(5), || ready(Down)).await;
        assert!(!attempt(&breaker, at(14), None).await, "the second pause is twice as long");
        assert!(attempt(&breaker, at(15), None).await, "a probe that succeeds");
        assert!(attempt(&breaker, at(15), None).await, "closes it");
    }

    #[tokio::test]
    async fn faults_count_that_are_close_together() {
        let breaker = Breaker::new();
        for n in 0..100 {
            assert!(attempt(&breaker, at(n * 3), DOWN).await, "too far apart");
        }
        for _ in 0..10_000 {
            assert!(attempt(&breaker, at(0), None).await, "wrong passwords are answers");
        }
    }

    /// What the input may have caused opens it only if the backend is down for everybody.
    #[tokio::test]
    async fn faults_are_outages_by_the_backends_health() {
        use BackendErrorKind::{InvalidData, Overloaded, Panicked, TimedOut, Unavailable, Undecided};
        let table = [
            (Unavailable, [true, true, false]),
            (TimedOut, [true, false, false]),
            (InvalidData, [true, false, false]),
            (Panicked, [true, false, false]),
            (Overloaded, [false; 3]),
            (Undecided, [false; 3]),
        ];
        for (kind, opens) in table {
            for (health, opens) in [Down, Unknown, Serving].into_iter().zip(opens) {
                let breaker = Breaker::new();
                let mut asked = 0;
                for _ in 0..50 {
                    asked += usize::from(attempt_while(health, &breaker, at(0), Some(kind)).await);
                }
                assert_eq!(asked, if opens { 5 } else { 50 }, "{kind:?}, {health:?}");
            }
        }
    }

    /// Whoever sends odd input does not bring others' single faults to five.
    #[tokio::test]
    async fn doubtful_faults_do_not_add_to_outages() {
        let breaker = Breaker::new();
        for _ in 0..4 {
            assert!(attempt(&breaker, at(0), DOWN).await);
            assert!(attempt(&breaker, at(0), LATE).await);
        }
        assert!(attempt(&breaker, at(0), DOWN).await);
        assert!(!attempt(&breaker, at(0), None).await, "five outages are five outages");
    }

    /// Whoever sends odd input does not keep it open either.
    #[tokio::test]
    async fn a_doubtful_probe_closes_it_unless_the_backend_is_down() {
        for (health, kind, closes) in [
            (Serving, LATE, true),
            (Unknown, LATE, true),
            (Down, LATE, false),
            (Serving, DOWN, true),
            (Unknown, DOWN, false),
            (Unknown, Some(BackendErrorKind::Undecided), true),
        ] {
            let breaker = opened().await;
            assert!(attempt_while(health, &breaker, at(5), kind).await, "it probes");
            assert_eq!(attempt(&breaker, at(5), None).await, closes, "{health:?}, {kind:?}");
        }
    }

    #[tokio::test]
    async fn a_probe_that_is_dropped_is_no_end() {
        let breaker = opened().await;
        drop(breaker.admit(at(5)).expect("a probe"));
        assert!(attempt(&breaker, at(5), None).await, "the next one probes");
    }

    /// Nor is a client that goes away while the backend's health is asked for.
    #[tokio::test]
    async fn a_question_that_is_dropped_is_asked_again() {
        for seconds in [0, 5] {
            let breaker = if seconds == 0 { Breaker::new() } else { opened().await };
            for _ in 0..4 {
                _ = attempt(&breaker, at(0), LATE).await;
            }
            let permit = breaker.admit(at(seconds)).expect("a permit");
            let report = permit.report(Some(Fault::Doubtful), at(seconds), std::future::pending::<Health>);
            assert!(tokio::time::timeout(Duration::ZERO, report).await.is_err());
            assert!(attempt_while(Down, &breaker, at(seconds), LATE).await);
            assert!(!attempt(&breaker, at(seconds), None).await, "it is open now");
        }
    }

    #[tokio::test]
    async fn pauses_end_even_if_clocks_go_back() {
        let breaker = opened().await;
        let mut now = at(0);
        for _ in 0..10 {
            now = now.plus(LAST_PAUSE);
            assert!(attempt(&breaker, now, DOWN).await, "no pause is longer than the last");
        }
        assert!(attempt(&breaker, at(0), None).await, "the clock went back");
    }
}
