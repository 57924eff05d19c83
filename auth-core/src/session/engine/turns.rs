//! Turns: requests of one session that write it do so one after the other.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};
use tokio::time::sleep;

use super::Engine;
use crate::random::Random;
use crate::session::live::{Live, UserRecord};
use crate::session::{SessionError, SessionKey, SessionRecord, SessionStore, Written};
use crate::time::Timestamp;
use crate::{RequestFacts, User};

/// Who writes which session now, in this process.
///
/// A conditional write among many fails for all but one. In turn, none fails but for other instances.
#[derive(Default)]
pub(super) struct Turns(Mutex<HashMap<SessionKey, Queue>>);

#[derive(Default)]
struct Queue {
    /// How many hold the turn or wait for it; without any, there is no queue.
    len: usize,
    turn: Arc<AsyncMutex<Option<Live>>>,
}

impl Turns {
    // Nothing can panic half-way under the lock.
    fn lock(&self) -> MutexGuard<'_, HashMap<SessionKey, Queue>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, key: SessionKey) -> (Place<'_>, Arc<AsyncMutex<Option<Live>>>) {
        let mut queues = self.lock();
        let queue = queues.entry(key).or_default();
        queue.len += 1;
        (Place { turns: self, key }, Arc::clone(&queue.turn))
    }
}

/// A place in a session's queue, also while waiting: a client that goes away leaves it.
struct Place<'a> {
    turns: &'a Turns,
    key: SessionKey,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut queues = self.turns.lock();
        let Some(queue) = queues.get_mut(&self.key) else { return };
        queue.len -= 1;
        if queue.len == 0 {
            queues.remove(&self.key);
        }
    }
}

/// A request's turn to write a session, with what it writes to.
pub(super) struct Turn<'a> {
    /// What is known of the session now.
    pub(super) live: Live,
    pause: Duration,
    // Dropped in this order: whoever is next takes the turn before its place is given up.
    newest: OwnedMutexGuard<Option<Live>>,
    _place: Place<'a>,
}

/// How long a request waits before it tries again, at first and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LAST_PAUSE: Duration = Duration::from_millis(64);

impl Turn<'_> {
    /// Tells whoever is next what the session is now.
    pub(super) fn leave(&mut self, live: &Live) {
        *self.newest = Some(live.clone());
    }
}

impl<S: SessionStore, U: User> Engine<S, U> {
    /// Changes the session as it is now. `None` if it is gone, and only then.
    pub(super) async fn change(
        &self,
        live: Live,
        facts: &RequestFacts,
        now: Timestamp,
        change: impl Fn(&mut SessionRecord) -> Result<(), SessionError>,
    ) -> Result<Option<Live>, SessionError> {
        let mut turn = self.turn(live).await;
        while !self.is_revoked(&turn.live.key) {
            let Live { key, version, .. } = turn.live;
            let mut record = SessionRecord::clone(&turn.live.record);
            record.realm.get_or_insert_with(|| self.realm.clone());
            change(&mut record)?;
            match self.write(facts, self.store().update(&key, version, &record, now)).await? {
                Written::Done => {
                    let Some(record) = UserRecord::of(Arc::new(record)) else { break };
                    let live = Live { version: version + 1, record, ..turn.live.clone() };
                    turn.leave(&live);
                    return Ok(Some(live));
                }
                Written::Gone => break,
                Written::Conflict => {}
            }
            if !self.catch_up(&mut turn, facts, now).await? {
                break;
            }
        }
        Ok(None)
    }

    /// Waits until nobody else in this process writes the session. The time for it is that of the
    /// [whole](Self::in_time).
    pub(super) async fn turn(&self, live: Live) -> Turn<'_> {
        let (place, turn) = self.turns.enter(live.key);
        let newest = turn.lock_owned().await;
        // Nobody's older knowledge counts.
        let newer = newest.as_ref().filter(|newer| newer.key == live.key && newer.version > live.version);
        let live = newer.cloned().unwrap_or(live);
        Turn { live, pause: Duration::ZERO, newest, _place: place }
    }

    /// Looks at the session again when another instance was faster; false if it is gone.
    ///
    /// How often is not counted: who was overtaken a hundred times has a session all the same.
    pub(super) async fn catch_up(
        &self,
        turn: &mut Turn<'_>,
        facts: &RequestFacts,
        now: Timestamp,
    ) -> Result<bool, SessionError> {
        if !turn.pause.is_zero() {
            sleep(jittered(turn.pause, &*self.environment.random)).await;
        }
        turn.pause = (turn.pause * 2).clamp(FIRST_PAUSE, LAST_PAUSE);
        let found = self.load(&turn.live.id(), facts, now).await?;
        let Some(newer) = Self::any_live(found) else { return Ok(false) };
        turn.live = newer;
        Ok(true)
    }
}

/// Between half of it and one and a half, so that two instances do not meet again. Without random numbers it is just
/// that long.
fn jittered(pause: Duration, random: &dyn Random) -> Duration {
    let mut byte = [128];
    let _ = random.fill(&mut byte);
    pause / 2 + pause * u32::from(byte[0]) / 256
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::SessionKey;

    #[test]
    fn a_queue_ends_with_the_last_who_leaves_it() {
        let turns = Turns::default();
        let key = SessionKey::from_bytes([7; 32]);
        let (one, first) = turns.enter(key);
        let (two, second) = turns.enter(key);
        assert!(Arc::ptr_eq(&first, &second), "one queue");
        drop(one);
        assert_eq!(turns.lock().len(), 1);
        drop(two);
        assert!(turns.lock().is_empty());
    }
}
