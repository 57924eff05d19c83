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

/// The settings of [`Passwords`].
///
/// ```
/// use auth_core::Passwords;
///
/// let passwords = Passwords::builder().threads(4).queue(1_000).low_priority().build()?;
/// # Ok::<(), auth_core::ConfigError>(())
/// ```
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
    /// Begins with the default settings.
    ///
    /// ```
    /// # use auth_core::{Passwords, Secret};
    /// # use auth_core::password::{Argon2Cost, Format, Verdict};
    /// let passwords = Passwords::builder().threads(2).build()?;
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
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
    /// Sets the format and costs of new hashes (default: Argon2id at [`Argon2Cost::MINIMUM`]). It is also accepted
    /// for stored ones.
    ///
    /// ```
    /// # use auth_core::{Passwords, Secret};
    /// # use auth_core::password::{Argon2Cost, Format, Verdict};
    /// let passwords = Passwords::builder().prefer(Format::argon2(Argon2Cost::new(64 * 1024, 3, 1)?)).build()?;
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    pub fn prefer(mut self, format: Format) -> Self {
        self.preferred = format;
        self
    }

    /// Sets the costs of new hashes: [`prefer`](Self::prefer) for Argon2id.
    ///
    /// ```
    /// # use auth_core::{Passwords, Secret};
    /// # use auth_core::password::{Argon2Cost, Format, Verdict};
    /// let passwords = Passwords::builder().cost(Argon2Cost::new(64 * 1024, 3, 1)?).build()?;
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    pub fn cost(self, cost: Argon2Cost) -> Self {
        self.prefer(Format::argon2(cost))
    }

    /// Accepts further formats of stored hashes, each with the highest costs in the table.
    ///
    /// A failed attempt computes one hash of each named algorithm, whatever the name: the stored one and the others
    /// without use, or all of them without use, and in addition what a stored hash of lower costs lacks. Otherwise
    /// the time would reveal who has which hash. So name what the table contains, and no more, for each algorithm
    /// with its highest costs. A hash of still higher costs is accepted up to the limit, but its time shows, which is
    /// logged once. A successful login computes only the stored hash.
    ///
    /// ```
    /// # use auth_core::{Passwords, Secret};
    /// # use auth_core::password::{Argon2Cost, Format, Verdict};
    /// let passwords = Passwords::builder().accept([Format::argon2(Argon2Cost::new(64 * 1024, 3, 1)?)]).build()?;
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    pub fn accept(mut self, formats: impl IntoIterator<Item = Format>) -> Self {
        self.accepted.extend(formats);
        self
    }

    /// Leaves hashes as they are, for a table that another program reads, too. Otherwise a hash of another format or
    /// with lower costs is replaced at its owner's next login.
    ///
    /// ```
    /// # use auth_core::{Passwords, Secret};
    /// # use auth_core::password::{Argon2Cost, Format, Verdict};
    /// let passwords = Passwords::builder().without_upgrade().build()?;
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    pub fn without_upgrade(mut self) -> Self {
        self.upgrade = false;
        self
    }

    /// Sets the highest costs of stored hashes that are still computed, for one algorithm in all its notations;
    /// [`Format`] lists the defaults. An attacker who can write to the table must not control this process' memory.
    ///
    /// ```
    /// # use auth_core::{Passwords, Secret};
    /// # use auth_core::password::{Argon2Cost, Format, Verdict};
    /// // A table that an attacker could write to must not cost more than 64 MiB.
    /// let limit = Format::argon2(Argon2Cost::new(64 * 1024, 4, 1)?);
    /// let passwords = Passwords::builder().stored_limit(limit).build()?;
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    pub fn stored_limit(mut self, limit: impl Into<Format>) -> Self {
        self.limits.set(limit.into().recipe);
        self
    }

    /// Permits new hashes that are weaker than OWASP's Password Storage Cheat Sheet requires, for tests.
    ///
    /// ```
    /// # use auth_core::{Passwords, Secret};
    /// # use auth_core::password::{Argon2Cost, Format, Verdict};
    /// // In a test: a hash takes microseconds.
    /// let weak = Argon2Cost::dangerous_weak(8, 1, 1)?;
    /// let passwords = Passwords::builder().cost(weak).dangerous_weak().build()?;
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    pub fn dangerous_weak(mut self) -> Self {
        self.weak = true;
        self
    }

    /// Sets the number of threads (default: cores − 1, at least 1; with [`low_priority`](Self::low_priority), all
    /// cores).
    ///
    /// ```
    /// # use auth_core::{Passwords, Secret};
    /// # use auth_core::password::{Argon2Cost, Format, Verdict};
    /// let passwords = Passwords::builder().threads(2).build()?;
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = Some(threads);
        self
    }

    /// Gives the threads the lowest priority (niceness 19), and by default one for each core: hashing then uses only
    /// the processor time that nothing else wants, and a flood of logins slows down no other request.
    ///
    /// Use it on a machine or in a container without a limit on processor time. With a limit (Kubernetes
    /// `limits.cpu`, Docker `--cpus`), hashes at any priority use it up, and the kernel then stops the whole process
    /// until the next period: leave a core for other work there, as the default does. A neighbour that keeps all
    /// cores busy slows logins down.
    ///
    /// Only Linux has priorities of single threads; elsewhere this changes nothing.
    ///
    /// ```
    /// # use auth_core::{Passwords, Secret};
    /// # use auth_core::password::{Argon2Cost, Format, Verdict};
    /// let passwords = Passwords::builder().low_priority().build()?;
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    pub fn low_priority(mut self) -> Self {
        self.priority = Priority::Low;
        self
    }

    /// Sets how many attempts may wait for a thread (default: 256 for each).
    ///
    /// ```
    /// # use auth_core::{Passwords, Secret};
    /// # use auth_core::password::{Argon2Cost, Format, Verdict};
    /// let passwords = Passwords::builder().queue(100).build()?;
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    pub fn queue(mut self, queue: usize) -> Self {
        self.queue = Some(queue);
        self
    }

    /// Sets how long an attempt may wait for a thread (default: [`Passwords::WAIT`], 1 s except in debug builds).
    ///
    /// ```
    /// # use auth_core::{Passwords, Secret};
    /// # use auth_core::password::{Argon2Cost, Format, Verdict};
    /// let passwords = Passwords::builder().wait(std::time::Duration::from_millis(500)).build()?;
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    pub fn wait(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }

    /// Sets the source of salts.
    pub fn random(mut self, random: impl Random) -> Self {
        self.random = Box::new(random);
        self
    }

    /// Starts the threads, each with the memory of the costliest Argon2 format.
    ///
    /// # Errors
    /// [`ConfigError`] if there are no threads, or no attempt may wait for one; if the costs of a format exceed the
    /// limit for stored hashes; if the preferred format is weak or only read; or if a thread cannot be started or
    /// given its priority.
    pub fn build(self) -> Result<Passwords, ConfigError> {
        let threads = self.threads.unwrap_or_else(|| self.priority.threads());
        if threads == 0 {
            return Err(ConfigError::new("the hash pool needs at least one thread"));
        }
        if self.queue == Some(0) || self.wait.is_zero() {
            return Err(ConfigError::new("the hash pool's queue and wait must be above zero"));
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
            return Err(ConfigError::new("this format is only read: prefer another one, and accept it"));
        }
        if !preferred.is_strong() && !self.weak {
            return Err(ConfigError::new("the preferred password format is weaker than OWASP requires"));
        }
        Ok(())
    }
}
