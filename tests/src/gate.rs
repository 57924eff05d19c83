//! A gate as small as one can be: so many failures for each name, within a time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use auth_core::DeniedKind;
use auth_core::backend::BackendError;
use auth_core::gate::{Admission, AttemptEnd, Gate, GateAttempt};
use auth_core::time::{Clock, Timestamp};

/// So many attempts for each name within [`FixedWindow::TIME`], reserved before they are made.
#[derive(Debug)]
pub struct FixedWindow<C> {
    limit: usize,
    clock: C,
    taken: Arc<Mutex<HashMap<String, Vec<Timestamp>>>>,
}

impl<C: Clock> FixedWindow<C> {
    /// For how long an attempt counts.
    pub const TIME: Duration = Duration::from_secs(60);

    /// A gate that has not seen anybody.
    pub fn new(limit: usize, clock: C) -> Self {
        Self { limit, clock, taken: Arc::default() }
    }

    fn change<T>(&self, name: &str, change: impl FnOnce(&mut Vec<Timestamp>) -> T) -> T {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        change(taken.entry(name.to_owned()).or_default())
    }
}

impl<C: Clock> Gate for FixedWindow<C> {
    type Permit = (String, Timestamp);

    async fn reserve(&self, attempt: &GateAttempt<'_>) -> Result<Admission<Self::Permit>, BackendError> {
        let (name, now) = (attempt.subject.unwrap_or_default().to_lowercase(), self.clock.now());
        let is_admitted = self.change(&name, |taken| {
            taken.retain(|at| now.since(*at) < Self::TIME);
            let is_free = !attempt.is_guessable || taken.len() < self.limit;
            is_free.then(|| taken.push(now)).is_some()
        });
        Ok(if is_admitted { Admission::Admitted((name, now)) } else { Admission::RetryAfter(Self::TIME) })
    }

    async fn report(&self, (name, at): Self::Permit, ending: AttemptEnd) {
        self.change(&name, |taken| match ending {
            AttemptEnd::Accepted => taken.clear(),
            AttemptEnd::Denied(DeniedKind::Unavailable) => {
                let place = taken.iter().position(|taken| *taken == at);
                if let Some(place) = place {
                    taken.remove(place);
                }
            }
            _ => {}
        });
    }
}
