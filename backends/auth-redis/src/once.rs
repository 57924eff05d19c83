//! [`RedisOnce`]: used ids, in Redis.

use std::fmt;
use std::sync::Arc;

use auth_core::ConfigError;
use auth_core::once::{OnceId, OnceStore, check_store, kept_until};
use auth_core::random::{OsRandom, Random};
use auth_core::session::StoreError;
use auth_core::time::Timestamp;
use redis::{Client, Value};

use crate::error::unreadable;
use crate::link::Link;
use crate::prefix::Prefix;

/// An [`OnceStore`] in Redis, for all instances that share the server. Cheap to clone.
///
/// Each used id is a key, named by the id's hash and written by one `SET … NX`; it expires by itself. An id can be
/// used again if Redis forgets it, that is, if it
///
/// * evicts: `maxmemory-policy` must be `noeviction`, which [`check`](Self::check) verifies. When memory is used up,
///   no id can be used ([`Full`](auth_core::session::StoreErrorKind::Full)).
/// * dies before it has written its data to disk: see [the crate](crate#what-the-server-must-do).
/// * fails over to a replica that has not received the last writes.
///
/// If that matters more than a round trip to a database (payments, valuable invitations), use `SqlOnce` of auth-sql.
///
/// ```
/// use std::time::Duration;
///
/// use auth_core::once::{OnceId, OnceStore};
/// use auth_core::session::Purpose;
/// use auth_core::time::{Clock, SystemClock};
/// use auth_redis::RedisOnce;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let server = test_servers::Redis::new().start();
/// # let url = server.url();
/// let used = RedisOnce::new(redis::Client::open(url)?)?.with_prefix("shop")?;
/// used.check().await?;
///
/// let (invites, now) = (Purpose::new("shop.invites")?, SystemClock.now());
/// let is_first = used.use_once(OnceId::new(&invites, b"9f1c6a")?, now.plus(Duration::from_secs(600)), now).await?;
/// assert!(is_first);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct RedisOnce {
    link: Arc<Link>,
    prefix: Arc<Prefix>,
}

/// The longest time to live in milliseconds, 146 million years: the server refuses one that overflows its numbers.
const LONGEST: u64 = 1 << 62;

impl RedisOnce {
    /// Keeps used ids on one server, under the prefix `auth`. Call it on a Tokio runtime.
    ///
    /// ```
    /// # use auth_redis::{RedisOnce, RedisSessions, RedisThrottle};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let client = redis::Client::open("redis://127.0.0.1/")?;
    /// let used = RedisOnce::new(client)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ConfigError`] if the client cannot be used.
    pub fn new(client: Client) -> Result<Self, ConfigError> {
        Ok(Self::over(Link::single(client)?))
    }

    /// Keeps used ids on a cluster, under the prefix `auth`.
    ///
    /// ```no_run
    /// # use redis::cluster::ClusterClient;
    /// # use auth_redis::{RedisOnce, RedisSessions, RedisThrottle};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let client = redis::Client::open("redis://127.0.0.1/")?;
    /// let client = ClusterClient::new(["redis://10.0.0.1/", "redis://10.0.0.2/"])?;
    /// let used = RedisOnce::cluster(&client).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`StoreError`] if no node can be reached.
    #[cfg(feature = "cluster")]
    pub async fn cluster(client: &redis::cluster::ClusterClient) -> Result<Self, StoreError> {
        Ok(Self::over(Link::cluster(client).await?))
    }

    fn over(link: Link) -> Self {
        Self { link: Arc::new(link), prefix: Arc::default() }
    }

    /// Keeps used ids under another prefix, as [`RedisSessions::with_prefix`](crate::RedisSessions::with_prefix).
    /// Sessions may use the same one.
    ///
    /// ```
    /// # use auth_redis::{RedisOnce, RedisSessions, RedisThrottle};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let client = redis::Client::open("redis://127.0.0.1/")?;
    /// let used = RedisOnce::new(client)?.with_prefix("shop")?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ConfigError`] if `prefix` is not 1 to 64 ASCII letters, digits, `-`, `_`, `.` or `:`.
    pub fn with_prefix(mut self, prefix: &str) -> Result<Self, ConfigError> {
        self.prefix = Arc::new(Prefix::new(prefix)?);
        Ok(self)
    }

    /// Tries all that will be needed (see [`check_store`]), and asks the server whether it evicts keys. Call it when
    /// the program starts.
    ///
    /// ```no_run
    /// # use auth_redis::{RedisOnce, RedisSessions, RedisThrottle};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let client = redis::Client::open("redis://127.0.0.1/")?;
    /// let used = RedisOnce::new(client)?;
    /// used.check().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`StoreError`] of what failed first. Its sources name the command, the permission or the setting that is missing.
    pub async fn check(&self) -> Result<(), StoreError> {
        self.link.check_memory().await?;
        check_store(self).await
    }
}

impl OnceStore for RedisOnce {
    /// The value is drawn for each call, and the server answers with the one that it has. The link resends a command
    /// whose answer was lost; a call that finds its own value was the first.
    async fn use_once(&self, id: OnceId<'_>, until: Timestamp, now: Timestamp) -> Result<bool, StoreError> {
        let Some(kept) = kept_until(until, now) else { return Ok(false) };
        let left = u64::try_from(kept.since(now).as_millis()).unwrap_or(LONGEST).min(LONGEST);
        let mut own = [0; 16];
        OsRandom.fill(&mut own).map_err(StoreError::unavailable)?;
        let mut command = redis::cmd("SET");
        command.arg(self.prefix.once(&id.key())).arg(&own).arg("NX").arg("GET").arg("PX").arg(left);
        match self.link.ask(&command).await? {
            Value::Nil => Ok(true),
            Value::BulkString(first) => Ok(first == own),
            _ => Err(unreadable()),
        }
    }

    /// Redis does that by itself.
    async fn purge(&self, _: Timestamp, _: u64) -> Result<u64, StoreError> {
        Ok(0)
    }
}

impl fmt::Debug for RedisOnce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisOnce").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}
