//! Keys that are fetched, and fetched again.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use auth_core::backend::BackendError;
use auth_core::time::Timestamp;
use auth_http::Document;
use auth_jws::{Algorithm, JwkSet};
use tokio::sync::watch;

use crate::keys::describe;
use crate::unknown::Unknown;

/// When keys are fetched, and how long they are good.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// The age at which keys are fetched again.
    pub(crate) every: Duration,
    /// The minimum time between two fetches.
    pub(crate) interval: Duration,
    /// The age at which keys are no longer good.
    pub(crate) keep: Duration,
}

/// The keys at an address.
pub(crate) struct Remote {
    issuer: String,
    document: Document,
    /// The algorithms of the issuer: keys for others are left out.
    algorithms: Vec<Algorithm>,
    pace: Pace,
    state: Mutex<State>,
}

struct State {
    keys: Arc<JwkSet>,
    /// When these keys were requested.
    fetched: Timestamp,
    /// When keys were last requested, with or without success.
    asked: Timestamp,
    flight: Option<Flight>,
    unknown: Unknown,
}

/// A fetch that is needed.
pub(crate) enum Fetch {
    UnderWay(Flight),
    /// The last fetch was a moment ago; the next is possible after this.
    TooSoon(Duration),
}

/// A fetch that is under way.
#[derive(Clone)]
pub(crate) struct Flight(watch::Receiver<Option<bool>>);

impl Flight {
    /// Waits for it, and returns whether there are new keys.
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

    /// The keys that are good now. Starts a fetch if they are too old.
    pub(crate) fn current(self: &Arc<Self>, now: Timestamp) -> Option<Arc<JwkSet>> {
        let mut state = self.lock();
        let age = apart(now, state.fetched);
        if age >= self.pace.every {
            let _ = self.fetch_by(&mut state, now);
        }
        (age < self.pace.keep).then(|| Arc::clone(&state.keys))
    }

    /// Joins the running fetch, or starts one unless the last was a moment ago.
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
        // In a separate task: the request that started it may be cancelled.
        tokio::spawn(async move { landing.send_replace(Some(remote.refresh(now).await)) });
        Fetch::UnderWay(flight)
    }

    /// Replaces the keys. Keys that are no longer published are not good from now on. If no usable key is published,
    /// nothing changes.
    async fn refresh(&self, asked: Timestamp) -> bool {
        match load(&self.issuer, &self.document, &self.algorithms).await {
            Ok(keys) => {
                let mut state = self.lock();
                state.keys = Arc::new(keys);
                state.fetched = asked;
                true
            }
            Err(error) => {
                let why = describe(&error);
                tracing::warn!(target: "auth", issuer = self.issuer, "keys could not be fetched: {why}");
                false
            }
        }
    }

    /// Whether the issuer recently had no key of this name.
    pub(crate) fn is_unknown(&self, id: &str, now: Timestamp) -> bool {
        self.lock().unknown.contains(id, now)
    }

    /// Records that the issuer has no key of this name.
    pub(crate) fn note_unknown(&self, id: &str, now: Timestamp) {
        self.lock().unknown.insert(id, now);
    }

    // Nothing in here can panic half-way: the data behind a poisoned lock is valid.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The distance between two times, in either order: a clock that was set back makes no key younger and no pause
/// longer.
fn apart(one: Timestamp, other: Timestamp) -> Duration {
    one.since(other).max(other.since(one))
}

/// The usable keys; an error if there are none.
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
