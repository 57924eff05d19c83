//! Keys that are fetched, and fetched again.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use auth_core::backend::BackendError;
use auth_core::time::Timestamp;
use auth_http::Document;
use auth_jws::{Algorithm, JwkSet};
use tokio::sync::watch;

use crate::keys::told;
use crate::unknown::Unknown;

/// When keys are fetched, and for how long they are good.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// Older ones are fetched again.
    pub(crate) every: Duration,
    /// The least time between two fetches.
    pub(crate) interval: Duration,
    /// Older ones are good for nothing.
    pub(crate) keep: Duration,
}

/// The keys at an address.
pub(crate) struct Remote {
    issuer: String,
    document: Document,
    /// Those that the issuer signs by: keys for others are left out.
    algorithms: Vec<Algorithm>,
    pace: Pace,
    state: Mutex<State>,
}

struct State {
    keys: Arc<JwkSet>,
    /// When they were asked for.
    fetched: Timestamp,
    /// When keys were last asked for, whatever came of it.
    asked: Timestamp,
    flight: Option<Flight>,
    unknown: Unknown,
}

/// A fetch, for whoever needs it.
pub(crate) enum Fetch {
    UnderWay(Flight),
    /// There was one a moment ago; the next can be after this.
    TooSoon(Duration),
}

/// A fetch that is under way.
#[derive(Clone)]
pub(crate) struct Flight(watch::Receiver<Option<bool>>);

impl Flight {
    /// Waits for it, and says whether there are new keys.
    pub(crate) async fn has_landed(mut self) -> bool {
        self.0.wait_for(Option::is_some).await.is_ok_and(|done| *done == Some(true))
    }

    fn is_over(&self) -> bool {
        self.0.borrow().is_some() || self.0.has_changed().is_err()
    }
}

impl Remote {
    /// Fetches the keys for the first time.
    pub(crate) async fn start(
        issuer: &str,
        document: Document,
        algorithms: Vec<Algorithm>,
        pace: Pace,
        now: Timestamp,
    ) -> Result<Arc<Self>, BackendError> {
        let keys = Arc::new(load(issuer, &document, &algorithms).await?);
        let state = State { keys, fetched: now, asked: now, flight: None, unknown: Unknown::default() };
        Ok(Arc::new(Self { issuer: issuer.into(), document, algorithms, pace, state: Mutex::new(state) }))
    }

    /// The keys that are good now. Where they are to be fetched again, that begins.
    pub(crate) fn current(self: &Arc<Self>, now: Timestamp) -> Option<Arc<JwkSet>> {
        let mut state = self.lock();
        let age = apart(now, state.fetched);
        if age >= self.pace.every {
            let _ = self.fetch_by(&mut state, now);
        }
        (age < self.pace.keep).then(|| Arc::clone(&state.keys))
    }

    /// Joins the fetch that is under way, or begins one, unless there was one a moment ago.
    pub(crate) fn fetch(self: &Arc<Self>, now: Timestamp) -> Fetch {
        self.fetch_by(&mut self.lock(), now)
    }

    fn fetch_by(self: &Arc<Self>, state: &mut State, now: Timestamp) -> Fetch {
        if let Some(flight) = state.flight.as_ref().filter(|flight| !flight.is_over()) {
            return Fetch::UnderWay(flight.clone());
        }
        let rest = self.pace.interval.saturating_sub(apart(now, state.asked));
        if !rest.is_zero() {
            return Fetch::TooSoon(rest);
        }
        let (landing, flight) = watch::channel(None);
        let flight = Flight(flight);
        state.asked = now;
        state.flight = Some(flight.clone());
        let remote = Arc::clone(self);
        // On its own: whoever began it may go away.
        tokio::spawn(async move { landing.send_replace(Some(remote.refresh(now).await)) });
        Fetch::UnderWay(flight)
    }

    /// Replaces the keys. Those that are no longer there are good for nothing from now on; if nothing is there, nothing
    /// changes.
    async fn refresh(&self, asked: Timestamp) -> bool {
        match load(&self.issuer, &self.document, &self.algorithms).await {
            Ok(keys) => {
                let mut state = self.lock();
                state.keys = Arc::new(keys);
                state.fetched = asked;
                true
            }
            Err(error) => {
                let why = told(&error);
                tracing::warn!(target: "auth", issuer = self.issuer, "keys could not be fetched: {why}");
                false
            }
        }
    }

    /// Whether the issuer had no key of this name lately.
    pub(crate) fn is_unknown(&self, id: &str, now: Timestamp) -> bool {
        self.lock().unknown.contains(id, now)
    }

    /// Notes that the issuer has no key of this name.
    pub(crate) fn note_unknown(&self, id: &str, now: Timestamp) {
        self.lock().unknown.insert(id, now);
    }

    // Nothing in here can panic half-way: a poisoned lock is as good as any.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How far apart two times are, whichever is first: a clock that went back makes no key younger, and no pause longer.
fn apart(one: Timestamp, other: Timestamp) -> Duration {
    one.since(other).max(other.since(one))
}

/// The keys that can be used; none are an error.
async fn load(issuer: &str, document: &Document, algorithms: &[Algorithm]) -> Result<JwkSet, BackendError> {
    let text = document.fetch().await?;
    let set = JwkSet::parse(&text).map_err(BackendError::invalid_data)?;
    for ignored in set.ignored() {
        let (position, why) = (ignored.position, ignored.reason);
        tracing::debug!(target: "auth", issuer, position, "a key is not used: {why}");
    }
    let is_used = |key: &&auth_jws::VerifyingKey| key.algorithms().iter().any(|own| algorithms.contains(own));
    let keys: JwkSet = set.keys().iter().filter(is_used).cloned().collect();
    if keys.is_empty() {
        return Err(BackendError::invalid_data("none of the issuer's keys can be used"));
    }
    Ok(keys)
}
