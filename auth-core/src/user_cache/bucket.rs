//! A few users of one backend, and the loads under way.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Waiting;
use crate::UserId;
use crate::time::{Clock, Timestamp};

/// A moment on two clocks. The application's may be set back, which must prolong nothing; the monotonic one may stand
/// still while the machine sleeps.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    wall: Timestamp,
    steady: Instant,
}

impl Moment {
    pub(crate) fn now(clock: &dyn Clock) -> Self {
        Self { wall: clock.now(), steady: Instant::now() }
    }

    /// Whether less than `ttl` has passed until `now` on both clocks. A moment in the future counts as over.
    fn is_within(self, ttl: Duration, now: Self) -> bool {
        self.wall <= now.wall && now.wall.since(self.wall) < ttl && !self.is_over(ttl, now)
    }

    /// Whether `ttl` has passed until `now` on the monotonic clock.
    fn is_over(self, ttl: Duration, now: Self) -> bool {
        now.steady.saturating_duration_since(self.steady) >= ttl
    }
}

/// A user, and since when it is cached.
pub(super) struct Kept<U> {
    hash: u64,
    id: UserId,
    user: Arc<U>,
    since: Moment,
}

impl<U> Kept<U> {
    pub(super) fn new(hash: u64, id: UserId, user: Arc<U>, since: Moment) -> Self {
        Self { hash, id, user, since }
    }
}

/// A load under way.
pub(super) struct Load<U> {
    hash: u64,
    id: UserId,
    since: Moment,
    answer: Waiting<U>,
}

/// For each user it contains nothing, the user, or a load. The user that was cached first comes first.
///
/// Removed entries are returned, for the caller to drop.
pub(super) struct Bucket<U> {
    kept: Vec<Kept<U>>,
    /// As many as there are requests that load.
    loads: Vec<Load<U>>,
    places: usize,
}

impl<U> Bucket<U> {
    pub(super) fn new(places: usize) -> Self {
        Self { kept: Vec::new(), loads: Vec::new(), places }
    }

    fn find(&self, hash: u64, id: &UserId) -> Option<usize> {
        self.kept.iter().position(|kept| kept.hash == hash && kept.id == *id)
    }

    pub(super) fn get(&self, hash: u64, id: &UserId, now: Moment, ttl: Duration) -> Option<Arc<U>> {
        let kept = &self.kept[self.find(hash, id)?];
        kept.since.is_within(ttl, now).then(|| Arc::clone(&kept.user))
    }

    /// The answer to wait for, if the user is being loaded. A load that began too long ago may have read data that
    /// are too old.
    pub(super) fn load_of(&self, hash: u64, id: &UserId, now: Moment, ttl: Duration) -> Option<Waiting<U>> {
        let load = self.loads.iter().find(|load| load.hash == hash && load.id == *id)?;
        load.since.is_within(ttl, now).then(|| load.answer.clone())
    }

    /// Registers a load, which replaces whatever there was of the user.
    pub(super) fn begin(
        &mut self,
        hash: u64,
        id: &UserId,
        since: Moment,
        answer: Waiting<U>,
    ) -> (Option<Kept<U>>, Option<Load<U>>) {
        let replaced = self.take(hash, id);
        self.loads.push(Load { hash, id: id.clone(), since, answer });
        replaced
    }

    /// Ends a load. Caches its user, unless it was removed meanwhile.
    pub(super) fn end(&mut self, own: &Waiting<U>, user: Option<Kept<U>>, ttl: Duration) -> Vec<Kept<U>> {
        let Some(at) = self.loads.iter().position(|load| load.answer.same_channel(own)) else {
            return user.into_iter().collect();
        };
        self.loads.swap_remove(at);
        user.map(|user| self.keep(user, ttl)).unwrap_or_default()
    }

    /// Caches a user, in the place of the first one if there is no other.
    fn keep(&mut self, user: Kept<U>, ttl: Duration) -> Vec<Kept<U>> {
        let mut displaced: Vec<_> =
            self.kept.extract_if(.., |kept| kept.since.is_over(ttl, user.since)).collect();
        if self.kept.len() >= self.places {
            displaced.push(self.kept.remove(0));
        }
        self.kept.push(user);
        displaced
    }

    /// Removes whatever there is of a user.
    pub(super) fn take(&mut self, hash: u64, id: &UserId) -> (Option<Kept<U>>, Option<Load<U>>) {
        let kept = self.find(hash, id).map(|at| self.kept.remove(at));
        let load = self.loads.iter().position(|load| load.hash == hash && load.id == *id);
        (kept, load.map(|at| self.loads.swap_remove(at)))
    }

    /// Removes a user, if it is still this one.
    pub(super) fn take_same(&mut self, hash: u64, id: &UserId, seen: &Arc<U>) -> Option<Kept<U>> {
        let at = self.find(hash, id).filter(|at| Arc::ptr_eq(&self.kept[*at].user, seen))?;
        Some(self.kept.remove(at))
    }

    /// Removes everything.
    pub(super) fn take_all(&mut self) -> (Vec<Kept<U>>, Vec<Load<U>>) {
        (std::mem::take(&mut self.kept), std::mem::take(&mut self.loads))
    }
}

#[cfg(test)]
impl<U> Bucket<U> {
    /// How many users are cached, and how many loads are under way.
    pub(super) fn size(&self) -> (usize, usize) {
        (self.kept.len(), self.loads.len())
    }
}
