//! Passwords: hashes of several formats, computed by a few threads with their own memory.

mod algorithm;
mod argon2;
#[cfg(feature = "bcrypt")]
mod bcrypt;
mod builder;
mod debt;
#[cfg(feature = "django")]
mod django;
mod encoding;
mod format;
#[cfg(feature = "pbkdf2")]
mod pbkdf2;
#[cfg(feature = "password-policy")]
mod policy;
mod pool;
mod registry;
#[cfg(feature = "scrypt")]
mod scrypt;
#[cfg(feature = "sha-crypt")]
mod sha_crypt;
mod slow;
mod stored;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::backend::{BackendError, BackendErrorKind};
use crate::random::Random;
use crate::unheard;
use crate::{ConfigError, Secret};
pub use argon2::Argon2Cost;
pub use builder::PasswordsBuilder;
use debt::Owed;
pub(crate) use debt::{End, HashDebt};
pub use format::Format;
use format::SALT_LEN;
#[cfg(feature = "password-policy")]
pub use policy::{PasswordPolicy, WeakPassword, Weakness};
use pool::{Buffer, HashPool};
use registry::{Done, Registry};
use stored::StoredHash;

/// The hash of a password as it is stored: text in the preferred [`Format`], or a mark that no password matches.
///
/// ```
/// use auth_core::password::PasswordHash;
///
/// assert!(PasswordHash::unusable().as_str().starts_with('!'));
/// ```
#[derive(Clone)]
pub struct PasswordHash(Box<str>);

impl PasswordHash {
    /// A value that no password matches, for users who sign in elsewhere. Every value that begins with `!` is one.
    ///
    /// ```
    /// use auth_core::password::PasswordHash;
    ///
    /// // For a user who signs in elsewhere.
    /// assert!(PasswordHash::unusable().as_str().starts_with('!'));
    /// ```
    pub fn unusable() -> Self {
        Self("!".into())
    }

    /// A value that no password matches, for users whose password a previous system still knows
    /// ([`Migrating`](crate::provisioning::Migrating)).
    ///
    /// ```
    /// use auth_core::password::PasswordHash;
    ///
    /// assert_ne!(PasswordHash::awaiting_migration().as_str(), PasswordHash::unusable().as_str());
    /// ```
    pub fn awaiting_migration() -> Self {
        Self("!migrate".into())
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

/// Says why nobody could sign in with a stored value. The text does not repeat the value.
///
/// ```
/// let passwords = auth_core::Passwords::new()?;
/// if let Err(error) = passwords.recognise("md5$salt$0123") {
///     eprintln!("line 7: {error}");
/// }
/// # Ok::<(), auth_core::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnusableHash(&'static str);

impl fmt::Display for UnusableHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the password hash is not usable: {}", self.0)
    }
}

impl std::error::Error for UnusableHash {}

/// The result of comparing a password with a stored hash.
///
/// ```
/// use auth_core::password::Verdict;
///
/// fn is_right(verdict: Verdict) -> bool {
///     matches!(verdict, Verdict::Match { .. })
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// The password is right.
    Match {
        /// The hash has another format than the preferred one, or is weaker: store a new one of the same password.
        outdated: bool,
    },
    /// It is wrong, or there is nothing to match.
    Mismatch,
}

/// Hashes and verifies passwords on dedicated threads.
///
/// Each thread owns the memory of the costliest named format, and uses more only while it compares a stored hash that
/// needs more, up to the limit. So a flood of logins uses no more than `threads × memory`. The queue before the
/// threads is limited in length and time: beyond that the answer is an error of kind
/// [`Overloaded`](BackendErrorKind::Overloaded), which becomes 503. Clones share the threads.
///
/// A failed attempt computes one hash of each accepted format, whatever the name, and does so for each backend of the
/// chain that compares passwords: the time of a refusal reveals nothing. With one backend and one format that is one
/// hash. Each further table and format has this price.
///
/// ```
/// # use auth_core::{Passwords, Secret};
/// # use auth_core::password::{Argon2Cost, Format, Verdict};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let passwords = Passwords::new()?;
/// let stored = passwords.hash(&Secret::new("correct horse")).await?;
/// let verdict = passwords.verify(&Secret::new("correct horse"), Some(stored.as_str())).await?;
/// assert_eq!(verdict, Verdict::Match { outdated: false });
/// # Ok(())
/// # }
/// ```
///
/// New hashes are Argon2id, and no other format is accepted, unless the builder says so. Here the users of a Django
/// site keep their passwords, and each gets an Argon2id hash at the next login:
///
/// ```
/// # #[cfg(feature = "django")]
/// # fn main() -> Result<(), auth_core::ConfigError> {
/// use auth_core::Passwords;
/// use auth_core::password::Format;
///
/// let passwords = Passwords::builder().accept([Format::django_pbkdf2_sha256(600_000)]).build()?;
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "django"))]
/// # fn main() {}
/// ```
#[derive(Clone)]
pub struct Passwords(Arc<Inner>);

struct Inner {
    pool: HashPool,
    registry: Arc<Registry>,
    random: Box<dyn Random>,
    runs: AtomicU64,
}

/// Hashed if there is no usable password.
const SAMPLE: &str = "password";

/// What a stored value means for a certain password.
enum Stored {
    Hash(StoredHash),
    /// No password matches it, intentionally.
    Unusable,
    /// It cannot or must not be computed; the text says why.
    Refused(&'static str),
}

impl Passwords {
    /// How many attempts may wait for each thread, unless set.
    ///
    /// It is more than a thread can serve within [`WAIT`](Self::WAIT), so that the wait turns most of a crowd away.
    /// Clients that are refused at once would retry at once, thousands of times a second, and take both the processor
    /// from the hashes and every free place from clients that ask once.
    pub const QUEUE_PER_THREAD: usize = 256;
    /// How long an attempt may wait for a thread, unless set: 1 s, or 30 s in a build with debug assertions, where an
    /// unoptimised hash takes about a second.
    pub const WAIT: Duration = Duration::from_secs(if cfg!(debug_assertions) { 30 } else { 1 });

    /// Uses Argon2id with 19 MiB and two passes, on one thread fewer than there are cores.
    ///
    /// ```
    /// let passwords = auth_core::Passwords::new()?;
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// [`ConfigError`] if the threads cannot be started.
    pub fn new() -> Result<Self, ConfigError> {
        Self::builder().build()
    }

    /// Hashes a new password.
    ///
    /// ```
    /// # use auth_core::{Passwords, Secret};
    /// # use auth_core::password::{Argon2Cost, Format, Verdict};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let hash = Passwords::new()?.hash(&Secret::new("correct horse")).await?;
    /// assert!(hash.as_str().starts_with("$argon2id$"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`BackendError`] if the password is empty, longer than 4096 bytes, or would be truncated by the preferred
    /// format ([`InvalidData`](BackendErrorKind::InvalidData)), if the pool is overloaded, or if the random source
    /// failed.
    pub async fn hash(&self, password: &Secret) -> Result<PasswordHash, BackendError> {
        if !Self::is_bearable(password) {
            return Err(BackendError::invalid_data("a password has 1 to 4096 bytes"));
        }
        if !self.0.registry.preferred().recipe.algorithm().takes(password.expose().as_bytes()) {
            return Err(BackendError::invalid_data("the format of new hashes would cut this password"));
        }
        let mut salt = [0; SALT_LEN];
        self.0.random.fill(&mut salt).map_err(BackendError::unavailable)?;
        self.0.runs.fetch_add(1, Ordering::Relaxed);
        self.run(password, move |registry, password, buffer| registry.hash(password, &salt, buffer))
            .await?
            .map(|text| PasswordHash(text.into()))
            .ok_or_else(|| BackendError::of(BackendErrorKind::InvalidData))
    }

    /// Compares a password with a stored hash. If it does not match, whatever is stored (nothing, an unusable mark,
    /// an unreadable value, one with too high costs, a hash), one hash of each format is computed.
    ///
    /// Backends call [`Attempt::verify`](crate::backend::Attempt::verify) instead, which keeps that promise for the
    /// whole chain. The type shows an example.
    ///
    /// # Errors
    /// [`BackendError`] if the pool is overloaded.
    pub async fn verify(&self, password: &Secret, stored: Option<&str>) -> Result<Verdict, BackendError> {
        if !Self::is_bearable(password) {
            return Ok(Verdict::Mismatch);
        }
        match self.usable(password, stored) {
            Some(hash) => self.compare(password, hash, true).await,
            None => self.pay(password, Owed::All).await.map(|()| Verdict::Mismatch),
        }
    }

    /// Accepts a hash that another program computed, for instance the one whose users are moved here. Nothing is
    /// computed. A value that begins with `!` is accepted as the mark that no password matches.
    ///
    /// ```
    /// # fn main() -> Result<(), auth_core::ConfigError> {
    /// let passwords = auth_core::Passwords::new()?;
    /// let error = passwords.recognise("5f4dcc3b5aa765d61d8327deb882cf99").unwrap_err();
    /// assert_eq!(error.to_string(), "the password hash is not usable: it cannot be read");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`UnusableHash`] for values that [`verify`](Self::verify) would never compute: a format that is not accepted,
    /// or costs beyond the limits.
    pub fn recognise(&self, stored: &str) -> Result<PasswordHash, UnusableHash> {
        if !stored.starts_with('!') {
            self.0.registry.parse(stored).map_err(UnusableHash)?;
        }
        Ok(PasswordHash(stored.into()))
    }

    /// How many hashes were computed since the start: tests of equal work use it. What is computed in addition to a
    /// hash, for other formats or because of its lower costs, is counted with it.
    pub fn runs(&self) -> u64 {
        self.0.runs.load(Ordering::Relaxed)
    }

    /// What was computed since the start: for each algorithm the number of its steps, such as PBKDF2's iterations,
    /// 2^cost of bcrypt, and blocks filled by Argon2. Failed attempts do not differ in this, whatever the name.
    pub fn work(&self) -> BTreeMap<&'static str, u64> {
        self.0.registry.computed()
    }

    /// Whether a password is worth any work: neither empty nor over the limit.
    fn is_bearable(password: &Secret) -> bool {
        (1..=crate::Password::MAX_PASSWORD_LEN).contains(&password.len())
    }

    /// The stored hash, if the password can match it and its costs are within the limits.
    fn usable(&self, password: &Secret, stored: Option<&str>) -> Option<StoredHash> {
        match self.0.registry.read(stored?, password.expose().as_bytes()) {
            Stored::Hash(hash) => Some(hash),
            Stored::Unusable => None,
            Stored::Refused(why) => {
                unheard::log_warning(&format_args!("a stored password hash was refused: {why}"));
                None
            }
        }
    }

    fn done(hash: &StoredHash, password: &Secret) -> Done {
        Registry::done(hash, password.expose().as_bytes())
    }

    /// Compares, and does all of a failed attempt's work in the same turn of the thread if this is all of it: an
    /// attempt on a known name must not wait in the queue twice.
    async fn compare(
        &self,
        password: &Secret,
        hash: StoredHash,
        is_all: bool,
    ) -> Result<Verdict, BackendError> {
        self.0.runs.fetch_add(1, Ordering::Relaxed);
        self.run(password, move |registry, password, buffer| {
            registry.compare(&hash, password, is_all, buffer)
        })
        .await
    }

    /// Computes what an attempt owes.
    async fn pay(&self, password: &Secret, owed: Owed) -> Result<(), BackendError> {
        let done = match owed {
            Owed::All => None,
            Owed::AllBut(done) if self.0.registry.is_all(done, password.expose().as_bytes()) => return Ok(()),
            Owed::AllBut(done) => Some(done),
        };
        if done.is_none() {
            self.0.runs.fetch_add(1, Ordering::Relaxed);
        }
        self.run(password, move |registry, password, buffer| registry.waste(done, password, buffer)).await
    }

    /// Whether these are clones of each other.
    fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    async fn run<T: Send + 'static>(
        &self,
        password: &Secret,
        work: impl FnOnce(&Registry, &[u8], &mut Buffer) -> T + Send + 'static,
    ) -> Result<T, BackendError> {
        let (registry, password) = (Arc::clone(&self.0.registry), password.clone());
        self.0.pool.run(move |buffer| work(&registry, password.expose().as_bytes(), buffer)).await
    }
}

impl fmt::Debug for Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passwords").field("preferred", &self.0.registry.preferred()).finish_non_exhaustive()
    }
}
