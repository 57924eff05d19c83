//! Passwords: Argon2id on a few threads that own their memory.

mod debt;
mod pool;
mod stored;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::available_parallelism;
use std::time::Duration;

use crate::random::{OsRandom, Random};
use crate::{BackendError, BackendErrorKind, ConfigError, Secret};
pub(crate) use debt::HashDebt;
use pool::{Buffer, HashPool};
use stored::{Argon2Hash, Stored};

/// Argon2's three costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Argon2Cost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

impl Argon2Cost {
    /// What OWASP's Password Storage Cheat Sheet asks for at least: 19 MiB, two passes, one lane.
    pub const MINIMUM: Self = Self { memory_kib: 19 * 1024, passes: 2, lanes: 1 };

    /// Costs of at least [`Self::MINIMUM`]'s memory and passes.
    ///
    /// # Errors
    /// [`ConfigError`] if they are weaker, or not valid for Argon2.
    pub fn new(memory_kib: u32, passes: u32, lanes: u32) -> Result<Self, ConfigError> {
        if memory_kib < Self::MINIMUM.memory_kib || passes < Self::MINIMUM.passes {
            return Err(ConfigError::new(
                "password hashing needs at least 19456 KiB and 2 passes (OWASP); \
                 only tests may use Argon2Cost::dangerous_weak",
            ));
        }
        Self::checked(memory_kib, passes, lanes)
    }

    /// Costs of any strength, for tests.
    ///
    /// # Errors
    /// [`ConfigError`] if they are not valid for Argon2.
    pub fn dangerous_weak(memory_kib: u32, passes: u32, lanes: u32) -> Result<Self, ConfigError> {
        Self::checked(memory_kib, passes, lanes)
    }

    fn checked(memory_kib: u32, passes: u32, lanes: u32) -> Result<Self, ConfigError> {
        let cost = Self { memory_kib, passes, lanes };
        cost.params().map(|_| cost).map_err(|error| ConfigError::new(format!("Argon2 costs: {error}")))
    }

    fn params(self) -> Result<argon2::Params, argon2::Error> {
        argon2::Params::new(self.memory_kib, self.passes, self.lanes, Some(stored::HASH_LEN))
    }

    /// The number of blocks filled, which is what the time goes into.
    fn work(self) -> u64 {
        u64::from(self.memory_kib) * u64::from(self.passes)
    }
}

/// A password's hash as it is stored: a PHC string, or a mark that no password fits.
#[derive(Clone)]
pub struct PasswordHash(Box<str>);

impl PasswordHash {
    /// A value that no password matches, for users who sign in elsewhere. Any value that begins with `!` is one.
    pub fn unusable() -> Self {
        Self("!".into())
    }

    /// The text to store.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

/// What comparing a password with a stored hash showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// The password is right.
    Match {
        /// The hash was made with weaker costs than those in use: store a new one of the same password.
        outdated: bool,
    },
    /// It is wrong, or there is nothing that it could match.
    Mismatch,
}

/// Hashes and verifies passwords on dedicated threads.
///
/// Each thread owns the memory that one hash needs, so a flood of logins takes no more than
/// `threads × memory`, and a queue in front of them is bounded in length and time: beyond it the answer is
/// an error of kind [`Overloaded`](BackendErrorKind::Overloaded), which becomes 503. Clones share the threads.
#[derive(Clone)]
pub struct Passwords(Arc<Inner>);

struct Inner {
    pool: HashPool,
    cost: Argon2Cost,
    limit: Argon2Cost,
    random: Box<dyn Random>,
    runs: AtomicU64,
}

/// Settings of [`Passwords`].
#[must_use]
pub struct PasswordsBuilder {
    cost: Argon2Cost,
    limit: Argon2Cost,
    threads: usize,
    queue: Option<usize>,
    wait: Duration,
    random: Box<dyn Random>,
}

impl Passwords {
    /// How many attempts may wait for each thread, unless set.
    ///
    /// More than a thread can serve within [`WAIT`](Self::WAIT): so it is the wait that turns most of a crowd away.
    /// Clients that were turned away at once would ask again at once, thousands of times a second, take the
    /// processor from the hash, and every free place from those who ask once.
    pub const QUEUE_PER_THREAD: usize = 256;
    /// How long an attempt may wait for a thread, unless set.
    pub const WAIT: Duration = Duration::from_secs(1);

    /// The settings, all at their defaults.
    pub fn builder() -> PasswordsBuilder {
        let cores = available_parallelism().map_or(1, usize::from);
        PasswordsBuilder {
            cost: Argon2Cost::MINIMUM,
            limit: Argon2Cost { memory_kib: 128 * 1024, passes: 8, lanes: 8 },
            threads: cores.saturating_sub(1).max(1),
            queue: None,
            wait: Self::WAIT,
            random: Box::new(OsRandom),
        }
    }

    /// Argon2id with 19 MiB and two passes, on one thread fewer than there are cores.
    ///
    /// # Errors
    /// [`ConfigError`] if the threads cannot be started.
    pub fn new() -> Result<Self, ConfigError> {
        Self::builder().build()
    }

    /// Hashes a new password.
    ///
    /// # Errors
    /// [`BackendError`] if the password is empty or over 4096 bytes
    /// ([`InvalidData`](BackendErrorKind::InvalidData)), the pool is overloaded, or the random source failed.
    pub async fn hash(&self, password: &Secret) -> Result<PasswordHash, BackendError> {
        if !Self::is_bearable(password) {
            return Err(BackendError::invalid_data("a password has 1 to 4096 bytes"));
        }
        let mut salt = [0; stored::SALT_LEN];
        self.0.random.fill(&mut salt).map_err(BackendError::unavailable)?;
        let (cost, password) = (self.0.cost, password.clone());
        self.run(move |buffer| stored::hash(cost, &password, &salt, buffer))
            .await?
            .map(|phc| PasswordHash(phc.into()))
            .ok_or_else(|| BackendError::of(BackendErrorKind::InvalidData))
    }

    /// Compares a password with a stored hash. Whatever is stored (nothing, an unusable mark, a value that
    /// cannot be read, or one with costs above the cap) exactly one hash is computed.
    ///
    /// Backends call [`Attempt::verify`](crate::Attempt::verify) instead, which keeps that promise for the whole chain.
    ///
    /// # Errors
    /// [`BackendError`] if the pool is overloaded.
    pub async fn verify(&self, password: &Secret, stored: Option<&str>) -> Result<Verdict, BackendError> {
        if !Self::is_bearable(password) {
            return Ok(Verdict::Mismatch);
        }
        match self.usable(stored) {
            Some(hash) => self.compare(password, hash).await,
            None => self.dummy(password).await.map(|()| Verdict::Mismatch),
        }
    }

    /// How many hashes were computed since the start: what tests of equal work count.
    pub fn runs(&self) -> u64 {
        self.0.runs.load(Ordering::Relaxed)
    }

    /// Whether a password is worth any work: neither empty nor over the bound.
    fn is_bearable(password: &Secret) -> bool {
        (1..=crate::Password::MAX_PASSWORD_LEN).contains(&password.len())
    }

    /// The stored hash, if a password can match it and its costs are bearable.
    fn usable(&self, stored: Option<&str>) -> Option<Argon2Hash> {
        match Stored::parse(stored?, self.0.limit) {
            Stored::Argon2(hash) => Some(hash),
            Stored::Unusable => None,
            Stored::Refused(why) => {
                tracing::warn!(target: "auth", "a stored password hash was refused: {why}");
                None
            }
        }
    }

    async fn compare(&self, password: &Secret, hash: Argon2Hash) -> Result<Verdict, BackendError> {
        let (cost, password) = (self.0.cost, password.clone());
        self.run(move |buffer| hash.compare(&password, cost, buffer)).await
    }

    /// The work of one hash, for nothing.
    async fn dummy(&self, password: &Secret) -> Result<(), BackendError> {
        let (cost, password) = (self.0.cost, password.clone());
        self.run(move |buffer| stored::waste(cost, &password, buffer)).await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Buffer) -> T + Send + 'static,
    ) -> Result<T, BackendError> {
        self.0.runs.fetch_add(1, Ordering::Relaxed);
        self.0.pool.run(work).await
    }
}

impl fmt::Debug for Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passwords").field("cost", &self.0.cost).finish_non_exhaustive()
    }
}

impl PasswordsBuilder {
    /// The costs of new hashes.
    pub fn cost(mut self, cost: Argon2Cost) -> Self {
        self.cost = cost;
        self
    }

    /// The highest costs of a stored hash that are still computed (default 128 MiB, 8 passes, 8 lanes). A
    /// table that an attacker can write to must not decide over this process' memory.
    pub fn stored_limit(mut self, limit: Argon2Cost) -> Self {
        self.limit = limit;
        self
    }

    /// The number of threads (default: cores − 1, at least 1).
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// How many attempts may wait for a thread (default: 256 for each).
    pub fn queue(mut self, queue: usize) -> Self {
        self.queue = Some(queue);
        self
    }

    /// How long an attempt may wait for a thread (default: 1 s).
    pub fn wait(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }

    /// Where salts come from.
    pub fn random(mut self, random: impl Random) -> Self {
        self.random = Box::new(random);
        self
    }

    /// Starts the threads.
    ///
    /// # Errors
    /// [`ConfigError`] if there are no threads, the cost is above the limit for stored hashes, or a thread
    /// cannot be started.
    pub fn build(self) -> Result<Passwords, ConfigError> {
        if self.threads == 0 {
            return Err(ConfigError::new("the hash pool needs at least one thread"));
        }
        if self.cost.memory_kib > self.limit.memory_kib || self.cost.passes > self.limit.passes {
            return Err(ConfigError::new("the cost of new hashes is above the limit for stored ones"));
        }
        let queue = self.queue.unwrap_or(self.threads * Passwords::QUEUE_PER_THREAD);
        let blocks = stored::blocks(self.cost);
        let pool = HashPool::start(self.threads, queue, self.wait, blocks)?;
        let (cost, limit, random) = (self.cost, self.limit, self.random);
        Ok(Passwords(Arc::new(Inner { pool, cost, limit, random, runs: AtomicU64::new(0) })))
    }
}

#[cfg(test)]
mod tests {
    use tokio::task::JoinSet;

    use super::*;

    /// With one thread per pool, a crowd as large as the queue: each waits its turn, none is told to ask again.
    #[tokio::test]
    async fn a_crowd_waits_its_turn() {
        let cost = Argon2Cost::dangerous_weak(64, 1, 1).unwrap();
        let passwords =
            Passwords::builder().cost(cost).threads(1).wait(Duration::from_secs(60)).build().unwrap();
        let mut crowd = JoinSet::new();
        for _ in 0..Passwords::QUEUE_PER_THREAD {
            let passwords = passwords.clone();
            crowd.spawn(async move { passwords.verify(&Secret::new("wonderland"), None).await });
        }
        assert!(crowd.join_all().await.into_iter().all(|verdict| verdict.is_ok()));
        assert_eq!(passwords.runs(), Passwords::QUEUE_PER_THREAD as u64);
    }
}
