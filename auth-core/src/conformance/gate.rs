//! The suite for [`Gate`]: places are reserved before an attempt and settled after it.

use std::sync::Arc;
use std::time::Duration;

use super::together::together;
use crate::gate::{Admission, AttemptEnd, Gate, GateAttempt};
use crate::{DeniedKind, Password, RequestFacts};

/// A gate under test, and what it allows.
struct Tried<G> {
    gate: Arc<G>,
    limit: usize,
}

const WRONG: AttemptEnd = AttemptEnd::Denied(DeniedKind::WrongSecret);

/// Runs the suite on fresh gates from `make`, which admit `limit` wrong passwords of one name in a row and then make
/// the client wait.
///
/// # Panics
/// If the gate breaks a rule.
pub async fn run<G: Gate>(limit: usize, make: impl Fn() -> G) {
    let new = || Tried { gate: Arc::new(make()), limit };
    new().no_more_at_once_than_there_are_places().await;
    new().who_failed_waits(WRONG).await;
    new().who_failed_waits(AttemptEnd::Denied(DeniedKind::UnknownUser)).await;
    new().who_failed_waits(AttemptEnd::Aborted).await;
    new().others_are_not_concerned().await;
    new().a_success_clears().await;
    new().an_outage_is_nobodys_failure().await;
}

impl<G: Gate> Tried<G> {
    async fn reserve(&self, name: &str) -> Result<G::Permit, Duration> {
        let (password, facts) = (Password::new(name, "guess"), RequestFacts::none());
        match self.gate.reserve(&GateAttempt::of(&password, &facts)).await.expect("the gate decides") {
            Admission::Admitted(permit) => Ok(permit),
            Admission::RetryAfter(time) => Err(time),
        }
    }

    async fn attempt(&self, name: &str, ending: AttemptEnd) -> bool {
        match self.reserve(name).await {
            Ok(permit) => {
                self.gate.report(permit, ending).await;
                true
            }
            Err(time) => {
                assert!(time > Duration::ZERO, "who must wait is told for how long");
                false
            }
        }
    }

    /// None of them is settled: a gate that counts only ended attempts lets all of them through.
    async fn no_more_at_once_than_there_are_places(&self) {
        let knocks = (0..4 * self.limit).map(|_| {
            let tried = Self { gate: Arc::clone(&self.gate), limit: self.limit };
            async move { tried.reserve("alice").await.ok() }
        });
        let places: Vec<_> = together(knocks).await.into_iter().flatten().collect();
        assert_eq!(places.len(), self.limit, "of many at once, as many as there are places");
        for place in places {
            self.gate.report(place, WRONG).await;
        }
        assert!(!self.attempt("alice", WRONG).await, "and each of them counts");
    }

    async fn who_failed_waits(&self, ending: AttemptEnd) {
        for n in 0..self.limit {
            assert!(self.attempt("alice", ending).await, "attempt {n} of {}: {ending:?}", self.limit);
        }
        assert!(!self.attempt("alice", ending).await, "one too many: {ending:?}");
    }

    async fn others_are_not_concerned(&self) {
        self.who_failed_waits(WRONG).await;
        assert!(self.attempt("bob", WRONG).await, "somebody else");
    }

    async fn a_success_clears(&self) {
        for _ in 1..self.limit {
            assert!(self.attempt("alice", WRONG).await);
        }
        assert!(self.attempt("alice", AttemptEnd::Accepted).await);
        self.who_failed_waits(WRONG).await;
    }

    async fn an_outage_is_nobodys_failure(&self) {
        for _ in 0..3 * self.limit {
            let is_admitted = self.attempt("alice", AttemptEnd::Denied(DeniedKind::Unavailable)).await;
            assert!(is_admitted, "a directory that is down must not lock people out");
        }
    }
}
