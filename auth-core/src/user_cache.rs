//! Users that sessions need again: loaded once, and kept for a short while.
//!
//! Written here and not taken from a crate, because of what must not happen: a load that was under way when a user
//! was invalidated must neither be kept nor joined afterwards, an age must count from the start of the load and by
//! the application's clock, and those who wait for a load that fails must not try one after the other.

mod bucket;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::backend::BackendError;
use crate::time::Clock;
use crate::{ConfigError, User, UserId};
pub(crate) use bucket::Moment;
use bucket::{Bucket, Kept};

/// How sessions keep users in this process' memory instead of asking their backend on every request: see
/// [`AuthBuilder::cache_users`](crate::AuthBuilder::cache_users).
///
/// # How old an answer may be
///
/// **A user who was disabled, demoted, removed, or whose security stamp was changed in the backend may be served as
/// before for up to the [`ttl`](Self::ttl), on each instance.** It counts from the moment the load started, and no
/// use extends it.
///
/// | at once | |
/// |---|---|
/// | on every instance | what ends a session in the session store: logout, [`revoke`](crate::Session::revoke), [`logout_others`](crate::Session::logout_others), timeouts |
/// | on this instance | what this [`Auth`](crate::Auth) knows of: credentials of the user that a backend accepts, [`login`](crate::Session::login), [`rotate`](crate::Session::rotate), [`rebind`](crate::Session::rebind), [`logout_others`](crate::Session::logout_others), a [confirmation](crate::AuthBuilder::confirm), [`Auth::invalidate_user`](crate::Auth::invalidate_user), [`Auth::invalidate_users`](crate::Auth::invalidate_users) |
///
/// Other instances learn of the second row only when the ttl is over. An application that changes a user by itself
/// calls [`Auth::invalidate_user`](crate::Auth::invalidate_user) after the change is committed.
///
/// A kept user never ends a session: where it would (it is not active, or its stamp is not the session's), it is
/// loaded afresh, and that decides. So the cache can delay a refusal, and never cause one.
///
/// # What is kept
///
/// Active users that a session needed. Not those who are disabled: they end their session and are not needed
/// again. Not that there is no such user, and not that a backend could not answer. Logins and credentials that come
/// with each request neither read the cache nor fill it.
///
/// Requests that need one user at the same time share one load and, if the backend says that it is down, that
/// answer; each waits for at most the backend's timeout. They also share one `Arc` of the user: what a handler
/// changes inside of it (a `Mutex`, an atomic) others see.
#[derive(Clone, Debug)]
#[must_use]
pub struct UserCache {
    capacity: usize,
    ttl: Duration,
}

impl UserCache {
    /// How many users of each backend are kept, unless set.
    pub const CAPACITY: usize = 10_000;
    /// The largest [`capacity`](Self::capacity).
    pub const MAX_CAPACITY: usize = 10_000_000;
    /// For how long a user is kept, unless set.
    pub const TTL: Duration = Duration::from_secs(30);
    /// The longest [`ttl`](Self::ttl), so that whatever is configured a disabled user is out within a minute.
    pub const MAX_TTL: Duration = Duration::from_secs(60);

    /// 10,000 users of each backend, for 30 s.
    pub const fn new() -> Self {
        Self { capacity: Self::CAPACITY, ttl: Self::TTL }
    }

    /// How many users of each backend are kept at most: 1 to [`MAX_CAPACITY`](Self::MAX_CAPACITY).
    ///
    /// The oldest give way to new ones, some before all places are taken. An empty place costs 4 bytes, a user some
    /// 60 bytes and its own.
    pub const fn capacity(mut self, users: usize) -> Self {
        self.capacity = users;
        self
    }

    /// For how long after the start of its load a user is kept: above zero, at most [`MAX_TTL`](Self::MAX_TTL).
    pub const fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl;
        self
    }

    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        if !(1..=Self::MAX_CAPACITY).contains(&self.capacity) {
            return Err(ConfigError::new("the user cache needs a capacity of 1 to 10,000,000 users"));
        }
        if self.ttl.is_zero() || self.ttl > Self::MAX_TTL {
            return Err(ConfigError::new(
                "the user cache needs a ttl above zero and of at most 60 s: so long may a disabled user stay",
            ));
        }
        Ok(())
    }
}

impl Default for UserCache {
    fn default() -> Self {
        Self::new()
    }
}

/// What a load ended in, for those who waited for it.
type Answer<U> = Result<Option<Arc<U>>, BackendError>;
/// Where they wait; closed without an answer when the load is given up.
type Waiting<U> = watch::Receiver<Option<Answer<U>>>;

/// A user as it was found.
pub(crate) struct Lookup<U> {
    pub(crate) user: Option<Arc<U>>,
    /// Whether it was asked for no earlier than by this request.
    pub(crate) is_own: bool,
}

impl<U> Lookup<U> {
    fn own(user: Option<Arc<U>>) -> Self {
        Self { user, is_own: true }
    }

    fn shared(user: Option<Arc<U>>) -> Self {
        Self { user, is_own: false }
    }
}

/// The kept users of one backend. That each backend has its own is what keeps equal ids of two apart.
///
/// A hash table of fixed buckets, each under its own lock, which is held for a look through some twenty places.
pub(crate) struct Cache<U> {
    buckets: Box<[Mutex<Bucket<U>>]>,
    hasher: RandomState,
    ttl: Duration,
}

/// How many users a bucket holds at least, if the capacity is not less.
const PLACES: usize = 16;

impl<U> Cache<U> {
    pub(crate) fn new(config: &UserCache) -> Self {
        let buckets = (config.capacity / PLACES).max(1);
        let places = config.capacity / buckets;
        let buckets = (0..buckets).map(|_| Mutex::new(Bucket::new(places))).collect();
        Self { buckets, hasher: RandomState::new(), ttl: config.ttl }
    }

    /// The user, if it is kept.
    pub(crate) fn get(&self, id: &UserId, now: Moment) -> Option<Arc<U>> {
        let hash = self.hash(id);
        self.bucket(hash).get(hash, id, now, self.ttl)
    }

    /// Forgets a user: what is kept, and what is being loaded.
    pub(crate) fn invalidate(&self, id: &UserId) {
        let hash = self.hash(id);
        let forgotten = self.bucket(hash).take(hash, id);
        // Here and below: dropped when the lock is released, since a user's drop is the application's code.
        drop(forgotten);
    }

    /// Forgets all users.
    pub(crate) fn clear(&self) {
        for bucket in &self.buckets {
            let forgotten = lock(bucket).take_all();
            drop(forgotten);
        }
    }

    /// Forgets a user, if the one that is kept is still `seen`.
    ///
    /// Nothing is kept of a user who is being loaded. So whatever is found after this was asked for later than
    /// `seen` was found.
    pub(crate) fn forget(&self, id: &UserId, seen: Option<&Arc<U>>) {
        let hash = self.hash(id);
        let forgotten = seen.and_then(|seen| self.bucket(hash).take_same(hash, id, seen));
        drop(forgotten);
    }

    fn hash(&self, id: &UserId) -> u64 {
        self.hasher.hash_one(id)
    }

    fn bucket(&self, hash: u64) -> MutexGuard<'_, Bucket<U>> {
        let at = hash % self.buckets.len() as u64;
        lock(&self.buckets[usize::try_from(at).unwrap_or_default()])
    }
}

// No foreign code runs under the lock, and nothing in a bucket can panic half-way.
fn lock<U>(bucket: &Mutex<Bucket<U>>) -> MutexGuard<'_, Bucket<U>> {
    bucket.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<U: User> Cache<U> {
    /// The user: kept, or loaded by somebody else right now, or else by `load`.
    ///
    /// Whoever loads is a request, which may go away at any time. Then one of those who wait takes its place.
    pub(crate) async fn find(
        &self,
        id: &UserId,
        clock: &dyn Clock,
        load: impl Future<Output = Result<Option<U>, BackendError>>,
    ) -> Result<Lookup<U>, BackendError> {
        loop {
            match self.enter(id, Moment::now(clock)) {
                Entered::Kept(user) => return Ok(Lookup::shared(Some(user))),
                Entered::Lead(leader) => return leader.load(load).await.map(Lookup::own),
                Entered::Follow(mut answer) => {
                    let told = answer.wait_for(Option::is_some).await.ok().and_then(|told| told.clone());
                    if let Some(told) = told {
                        return told.map(Lookup::shared);
                    }
                }
            }
        }
    }

    fn enter<'a>(&'a self, id: &'a UserId, now: Moment) -> Entered<'a, U> {
        let hash = self.hash(id);
        let mut bucket = self.bucket(hash);
        if let Some(user) = bucket.get(hash, id, now, self.ttl) {
            return Entered::Kept(user);
        }
        if let Some(answer) = bucket.load_of(hash, id, now, self.ttl) {
            return Entered::Follow(answer);
        }
        let (answer, follow) = watch::channel(None);
        let replaced = bucket.begin(hash, id, now, follow);
        drop(bucket);
        drop(replaced);
        Entered::Lead(Leader { cache: self, hash, id, since: now, answer })
    }
}

enum Entered<'a, U> {
    Kept(Arc<U>),
    Follow(Waiting<U>),
    Lead(Leader<'a, U>),
}

/// The one request that loads a user. When it is dropped, others may.
struct Leader<'a, U> {
    cache: &'a Cache<U>,
    hash: u64,
    id: &'a UserId,
    /// Taken before the load started.
    since: Moment,
    answer: watch::Sender<Option<Answer<U>>>,
}

impl<U: User> Leader<'_, U> {
    async fn load(
        self,
        load: impl Future<Output = Result<Option<U>, BackendError>>,
    ) -> Result<Option<Arc<U>>, BackendError> {
        let answer = load.await.map(|user| user.map(Arc::new));
        let active = answer.iter().flatten().find(|user| user.is_active());
        self.end(active.cloned());
        self.answer.send_replace(Some(answer.clone()));
        answer
    }
}

impl<U> Leader<'_, U> {
    /// Ends the load, and keeps `user` unless it was invalidated since the load began.
    fn end(&self, user: Option<Arc<U>>) {
        let user = user.map(|user| Kept::new(self.hash, self.id.clone(), user, self.since));
        let own = self.answer.subscribe();
        let displaced = self.cache.bucket(self.hash).end(&own, user, self.cache.ttl);
        drop(displaced);
    }
}

impl<U> Drop for Leader<'_, U> {
    fn drop(&mut self) {
        self.end(None);
    }
}
