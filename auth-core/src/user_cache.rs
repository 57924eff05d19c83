//! Users that sessions need again: loaded once, and cached for a short while.
//!
//! It is not taken from a crate because of what must not happen: a load that was under way when a user was
//! invalidated must be neither cached nor joined afterwards, an age must count from the start of the load and by the
//! application's clock, and requests that wait for a failing load must not retry one after the other.

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

/// How sessions cache users in memory instead of asking their backend on every request: the argument of
/// [`AuthBuilder::cache_users`](crate::AuthBuilder::cache_users).
///
/// ```
/// use std::time::Duration;
///
/// use auth_core::UserCache;
///
/// const CACHE: UserCache = UserCache::new().ttl(Duration::from_secs(10)).capacity(50_000);
/// ```
///
/// # How old an answer may be
///
/// **A user who was disabled, demoted, removed, or whose security stamp was changed in the backend may be served as
/// before for up to the [`ttl`](Self::ttl), on each instance.** It counts from the start of the load, and no use
/// extends it.
///
/// | at once | |
/// |---|---|
/// | on every instance | what ends a session in the session store: logout, [`revoke`](crate::Session::revoke), [`logout_others`](crate::Session::logout_others), timeouts |
/// | on this instance | what this [`Auth`](crate::Auth) knows of: credentials of the user that a backend accepts, [`login`](crate::Session::login), [`rotate`](crate::Session::rotate), [`rebind`](crate::Session::rebind), [`logout_others`](crate::Session::logout_others), a [confirmation](crate::AuthBuilder::confirm), [`Auth::invalidate_user`](crate::Auth::invalidate_user), [`Auth::invalidate_users`](crate::Auth::invalidate_users) |
///
/// Other instances notice what the second row lists only when the ttl is over. An application that changes a user by
/// itself calls [`Auth::invalidate_user`](crate::Auth::invalidate_user) after the change is committed.
///
/// A cached user never ends a session: if it would (it is not active, or its stamp differs from the session's), it is
/// loaded again, and that decides. So the cache can delay a refusal, but never cause one.
///
/// # What is cached
///
/// Active users that a session needed. Not cached are disabled users (they end their session and are not needed
/// again), missing users, and failures of a backend. Logins and credentials of single requests neither read the cache
/// nor fill it.
///
/// Concurrent requests for one user share one load and, if the backend says that it is down, that answer; each waits
/// for at most the backend's timeout. They also share one `Arc` of the user: changes that a handler makes inside (by
/// a `Mutex`, an atomic) are visible to others.
#[derive(Clone, Debug)]
#[must_use]
pub struct UserCache {
    capacity: usize,
    ttl: Duration,
}

impl UserCache {
    /// How many users of each backend are cached, unless set.
    pub const CAPACITY: usize = 10_000;
    /// The largest [`capacity`](Self::capacity).
    pub const MAX_CAPACITY: usize = 10_000_000;
    /// How long a user is cached, unless set.
    pub const TTL: Duration = Duration::from_secs(30);
    /// The longest [`ttl`](Self::ttl): whatever is configured, a disabled user is out within a minute.
    pub const MAX_TTL: Duration = Duration::from_secs(60);

    /// Caches 10,000 users of each backend, for 30 s.
    pub const fn new() -> Self {
        Self { capacity: Self::CAPACITY, ttl: Self::TTL }
    }

    /// Sets how many users of each backend are cached at most: 1 to [`MAX_CAPACITY`](Self::MAX_CAPACITY).
    ///
    /// The oldest give way to new ones, some before all places are taken. An empty place costs 4 bytes, a user some
    /// 60 bytes and its own size.
    ///
    /// ```
    /// const CACHE: auth_core::UserCache = auth_core::UserCache::new().capacity(100_000);
    /// ```
    pub const fn capacity(mut self, users: usize) -> Self {
        self.capacity = users;
        self
    }

    /// Sets how long a user is cached, from the start of its load: above zero, at most [`MAX_TTL`](Self::MAX_TTL).
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// const CACHE: auth_core::UserCache = auth_core::UserCache::new().ttl(Duration::from_secs(5));
    /// ```
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

/// The result of a load, for requests that waited for it.
type Answer<U> = Result<Option<Arc<U>>, BackendError>;
/// Where they wait; closed without an answer if the load is given up.
type Waiting<U> = watch::Receiver<Option<Answer<U>>>;

/// A user as it was found.
pub(crate) struct Lookup<U> {
    pub(crate) user: Option<Arc<U>>,
    /// Whether it was loaded no earlier than for this request.
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

/// The cached users of one backend. Separate caches keep equal ids of two backends apart.
///
/// A hash table of fixed buckets, each under a separate lock, which is held while some twenty places are searched.
pub(crate) struct Cache<U> {
    buckets: Box<[Mutex<Bucket<U>>]>,
    hasher: RandomState,
    ttl: Duration,
}

/// How many users a bucket holds at least, unless the capacity is smaller.
const PLACES: usize = 16;

impl<U> Cache<U> {
    pub(crate) fn new(config: &UserCache) -> Self {
        let buckets = (config.capacity / PLACES).max(1);
        let places = config.capacity / buckets;
        let buckets = (0..buckets).map(|_| Mutex::new(Bucket::new(places))).collect();
        Self { buckets, hasher: RandomState::new(), ttl: config.ttl }
    }

    /// The user, if it is cached.
    pub(crate) fn get(&self, id: &UserId, now: Moment) -> Option<Arc<U>> {
        let hash = self.hash(id);
        self.bucket(hash).get(hash, id, now, self.ttl)
    }

    /// Forgets a user: the cached one, and a load under way.
    pub(crate) fn invalidate(&self, id: &UserId) {
        let hash = self.hash(id);
        let forgotten = self.bucket(hash).take(hash, id);
        // Here and below: dropped after the lock is released, because a user's drop is the application's code.
        drop(forgotten);
    }

    /// Forgets all users.
    pub(crate) fn clear(&self) {
        for bucket in &self.buckets {
            let forgotten = lock(bucket).take_all();
            drop(forgotten);
        }
    }

    /// Forgets a user, if the cached one is still `seen`.
    ///
    /// Nothing is cached of a user who is being loaded. So whatever is found after this was loaded later than `seen`.
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
    /// The user: cached, being loaded by another request, or loaded by `load`.
    ///
    /// A request that loads may be cancelled at any time. Then one of the waiting requests takes over.
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
    /// Ends the load, and caches `user` unless it was invalidated since the load began.
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
