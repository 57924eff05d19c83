//! The settings of [`Passwords`].

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use super::algorithm::Limits;
use super::format::{Format, SALT_LEN};
use super::pool::{HashPool, Priority};
use super::registry::Registry;
use super::{Argon2Cost, Inner, Passwords};
use crate::ConfigError;
use crate::random::{OsRandom, Random};

/// Settings of [`Passwords`].
#[must_use]
pub struct PasswordsBuilder {
    preferred: Format,
    accepted: Vec<Format>,
    limits: Limits,
    upgrade: bool,
    weak: bool,
    threads: Option<usize>,
    priority: Priority,
    queue: Option<usize>,
    wait: Duration,
    random: Box<dyn Random>,
}

impl Passwords {
    /// The settings, all at their defaults.
    pub fn builder() -> PasswordsBuilder {
        PasswordsBuilder {
            preferred: Format::argon2(Argon2Cost::MINIMUM),
            accepted: Vec::new(),
            limits: Limits::DEFAULT,
            upgrade: true,
            weak: false,
            threads: None,
            priority: Priority::Normal,
            queue: None,
            wait: Self::WAIT,
            random: Box::new(OsRandom),
        }
    }
}

impl PasswordsBuilder {
    /// The format and costs of new hashes (default: Argon2id at [`Argon2Cost::MINIMUM`]), which is read too.
    pub fn prefer(mut self, format: Format) -> Self {
        self.preferred = format;
        self
    }

    /// The costs of new hashes: [`prefer`](Self::prefer) for Argon2id.
    pub fn cost(self, cost: Argon2Cost) -> Self {
        self.prefer(Format::argon2(cost))
    }

    /// Formats that are read besides the preferred one, each with the highest costs that the table holds.
    ///
    /// An attempt that fails computes one hash of each algorithm that is named, whoever it names: the stored one and
    /// the others for nothing, or all for nothing; and what a stored one of lower costs lacks. Otherwise the time would
    /// tell who has which hash. So name what the table holds, and no more, of each algorithm the highest costs. A hash of
    /// still higher costs is read up to the limit, but takes its time, which is logged once. A login that succeeds
    /// computes the stored hash alone.
    pub fn accept(mut self, formats: impl IntoIterator<Item = Format>) -> Self {
        self.accepted.extend(formats);
        self
    }

    /// Leaves hashes as they are, for a table that another program reads too. Otherwise one of another format, or
    /// with lower costs, is replaced at its owner's next login.
    pub fn without_upgrade(mut self) -> Self {
        self.upgrade = false;
        self
    }

    /// The highest costs of a stored hash that are still computed, for one algorithm in all its spellings; the
    /// defaults are at [`Format`]. A table that an attacker can write to must not decide over this process' memory.
    pub fn stored_limit(mut self, limit: impl Into<Format>) -> Self {
        self.limits.set(limit.into().recipe);
        self
    }

    /// Lets new hashes be weaker than OWASP's Password Storage Cheat Sheet asks for, for tests.
    pub fn dangerous_weak(mut self) -> Self {
        self.weak = true;
        self
    }

    /// The number of threads (default: cores − 1, at least 1; with [`low_priority`](Self::low_priority), all cores).
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = Some(threads);
        self
    }

    /// Gives the threads the lowest priority (niceness 19), and by default one for each core: hashes then take the
    /// processor time that nothing else wants, and a flood of logins slows down no other request.
    ///
    /// For a machine or a container without a limit of processor time. Where there is one (Kubernetes `limits.cpu`, Docker
    /// `--cpus`), hashes at any priority use it up, and the kernel then stops the whole process until the next period: leave
    /// a core to the rest there, as the default does. A neighbour who keeps all cores busy slows logins down.
    ///
    /// Only Linux has priorities of single threads; elsewhere this changes nothing.
    pub fn low_priority(mut self) -> Self {
        self.priority = Priority::Low;
        self
    }

    /// How many attempts may wait for a thread (default: 256 for each).
    pub fn queue(mut self, queue: usize) -> Self {
        self.queue = Some(queue);
        self
    }

    /// How long an attempt may wait for a thread (default: [`Passwords::WAIT`], 1 s but for debug builds).
    pub fn wait(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }

    /// Where salts come from.
    pub fn random(mut self, random: impl Random) -> Self {
        self.random = Box::new(random);
        self
    }

    /// Starts the threads, each with the memory of the costliest Argon2 that was named.
    ///
    /// # Errors
    /// [`ConfigError`] if there are no threads, or nobody may wait for one, the costs of a format are above the limit for stored hashes, the
    /// preferred format is weak or only read, or a thread cannot be started or not be given its priority.
    pub fn build(self) -> Result<Passwords, ConfigError> {
        let threads = self.threads.unwrap_or_else(|| self.priority.threads());
        if threads == 0 {
            return Err(ConfigError::new("the hash pool needs at least one thread"));
        }
        if self.queue == Some(0) || self.wait.is_zero() {
            return Err(ConfigError::new(
                "the hash pool's queue and wait must be above zero, or nobody could sign in",
            ));
        }
        self.check_formats()?;
        let queue = self.queue.unwrap_or(threads * Passwords::QUEUE_PER_THREAD);
        let registry = Registry::new(self.preferred, &self.accepted, self.limits, self.upgrade);
        let pool = HashPool::start(threads, self.priority, queue, self.wait, registry.blocks())?;
        let (registry, random) = (Arc::new(registry), self.random);
        Ok(Passwords(Arc::new(Inner { pool, registry, random, runs: AtomicU64::new(0) })))
    }

    fn check_formats(&self) -> Result<(), ConfigError> {
        let mut formats = self.accepted.iter().chain([&self.preferred]);
        if formats.any(|format| !format.recipe.algorithm().is_within(&self.limits)) {
            return Err(ConfigError::new(
                "the costs of a password format are not valid, or above the limit for stored hashes",
            ));
        }
        let preferred = self.preferred.recipe.algorithm();
        if preferred.encode(self.preferred.django, &[0; SALT_LEN], &[]).is_none() {
            return Err(ConfigError::new(
                "no new hashes are made in this format: prefer another, and accept it",
            ));
        }
        if !preferred.is_strong() && !self.weak {
            return Err(ConfigError::new("the preferred password format is weaker than OWASP asks for"));
        }
        Ok(())
    }
}
