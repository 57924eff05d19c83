//! [`RedisThrottle`]: a throttle's counters, in Redis.

use std::fmt;
use std::sync::Arc;

use auth_core::ConfigError;
use auth_core::session::StoreError;
use auth_core::throttle::{
    Account, Bucket, BucketChange, BucketKey, StoredBucket, ThrottleStore, check_store,
};
use auth_core::time::Timestamp;
use redis::{Client, Value};

use crate::error::unreadable;
use crate::link::Link;
use crate::prefix::Prefix;
use crate::scripts::{Argument, Script, replace_buckets};

/// A [`ThrottleStore`] in Redis, for all instances that share the server. Cheap to clone.
///
/// One script changes several counters. They expire by themselves. The server holds hashes of names and addresses,
/// and the ids of accounts with failed attempts.
///
/// ```
/// use auth_core::Throttle;
/// use auth_redis::RedisThrottle;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let server = test_servers::Redis::new().start();
/// # let url = server.url();
/// let counted = RedisThrottle::new(redis::Client::open(url)?)?.with_prefix("shop")?;
/// counted.check().await?;
/// let throttle = Throttle::new(counted);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct RedisThrottle {
    link: Arc<Link>,
    replace: Arc<Script>,
    prefix: Arc<Prefix>,
}

impl RedisThrottle {
    /// Keeps counters on one server, under the prefix `auth`. Call it on a Tokio runtime.
    ///
    /// ```
    /// # use auth_redis::{RedisOnce, RedisSessions, RedisThrottle};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let client = redis::Client::open("redis://127.0.0.1/")?;
    /// let counted = RedisThrottle::new(client)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ConfigError`] if the client cannot be used.
    pub fn new(client: Client) -> Result<Self, ConfigError> {
        Ok(Self::over(Link::single(client)?))
    }

    /// Keeps counters on a cluster, under the prefix `auth`.
    ///
    /// ```no_run
    /// # use redis::cluster::ClusterClient;
    /// # use auth_redis::{RedisOnce, RedisSessions, RedisThrottle};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let client = redis::Client::open("redis://127.0.0.1/")?;
    /// let client = ClusterClient::new(["redis://10.0.0.1/", "redis://10.0.0.2/"])?;
    /// let counted = RedisThrottle::cluster(&client).await?;
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
        Self { link: Arc::new(link), replace: Arc::new(replace_buckets()), prefix: Arc::default() }
    }

    /// Keeps counters under another prefix, as [`RedisSessions::with_prefix`](crate::RedisSessions::with_prefix).
    /// Sessions may use the same one.
    ///
    /// ```
    /// # use auth_redis::{RedisOnce, RedisSessions, RedisThrottle};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let client = redis::Client::open("redis://127.0.0.1/")?;
    /// let counted = RedisThrottle::new(client)?.with_prefix("shop")?;
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

    /// Tries all that attempts will need: see [`check_store`]. Call it when the program starts.
    ///
    /// ```no_run
    /// # use auth_redis::{RedisOnce, RedisSessions, RedisThrottle};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let client = redis::Client::open("redis://127.0.0.1/")?;
    /// let counted = RedisThrottle::new(client)?;
    /// counted.check().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`StoreError`] of what failed first. Its sources name the command or the permission that is missing.
    pub async fn check(&self) -> Result<(), StoreError> {
        check_store(self).await
    }

    /// The values under these keys.
    async fn texts(&self, keys: &[Vec<u8>]) -> Result<Vec<Option<StoredBucket>>, StoreError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let mut command = redis::cmd("MGET");
        for key in keys {
            command.arg(key);
        }
        array(self.link.ask(&command).await?)?.into_iter().map(stored).collect()
    }

    async fn members(&self, command: &redis::Cmd) -> Result<Vec<(BucketKey, StoredBucket)>, StoreError> {
        let members = array(self.link.ask(command).await?)?;
        let keys: Vec<BucketKey> = members.into_iter().filter_map(bucket_key).collect();
        let names: Vec<_> = keys.iter().map(|key| self.prefix.bucket(key)).collect();
        let found = self.texts(&names).await?;
        Ok(keys.into_iter().zip(found).filter_map(|(key, stored)| Some((key, stored?))).collect())
    }
}

/// How long an expired counter is kept, in milliseconds, because the clocks of instances differ.
const MARGIN: u64 = 60_000;

impl ThrottleStore for RedisThrottle {
    async fn load(&self, keys: &[BucketKey]) -> Result<Vec<Option<StoredBucket>>, StoreError> {
        let keys: Vec<_> = keys.iter().map(|key| self.prefix.bucket(key)).collect();
        self.texts(&keys).await
    }

    async fn replace(&self, changes: &[BucketChange], now: Timestamp) -> Result<bool, StoreError> {
        let Some(first) = changes.first() else { return Ok(true) };
        let rows: Vec<_> = changes.iter().map(Row::of).collect();
        let mut arguments = vec![self.prefix.argument()];
        for (change, row) in changes.iter().zip(&rows) {
            let new = change.new.as_ref();
            let ttl = new.map_or(0, |new| millis_of(new.bucket.expires().since(now)).saturating_add(MARGIN));
            let delayed = new.map_or(0, |new| new.bucket.delayed_until().as_millis());
            arguments.extend::<[Argument<'_>; 6]>([
                change.key.as_bytes()[..].into(),
                (&*row.expected).into(),
                (&*row.text).into(),
                ttl.into(),
                delayed.into(),
                (&*row.account).into(),
            ]);
        }
        let answer = self.link.run(&self.replace, &self.prefix.bucket(&first.key), &arguments).await?;
        match answer {
            Value::Int(done) => Ok(done == 1),
            _ => Err(unreadable()),
        }
    }

    async fn of_account(&self, account: &Account) -> Result<Vec<(BucketKey, StoredBucket)>, StoreError> {
        let index = self.prefix.account(account.backend(), account.id());
        let found = self.members(redis::cmd("ZRANGE").arg(index).arg(0).arg(-1)).await?;
        Ok(found.into_iter().filter(|(_, stored)| stored.bucket.account() == Some(account)).collect())
    }

    async fn delaying(&self, now: Timestamp, limit: usize) -> Result<Vec<Bucket>, StoreError> {
        let mut command = redis::cmd("ZREVRANGEBYSCORE");
        command.arg(self.prefix.delaying()).arg("+inf").arg(format!("({}", now.as_millis()));
        command.arg("LIMIT").arg(0).arg(limit);
        let found = self.members(&command).await?;
        Ok(found
            .into_iter()
            .map(|(_, stored)| stored.bucket)
            .filter(|bucket| bucket.is_delaying(now))
            .collect())
    }

    /// Redis does that by itself.
    async fn purge_expired(&self, _: Timestamp, _: u64) -> Result<u64, StoreError> {
        Ok(0)
    }
}

impl fmt::Debug for RedisThrottle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisThrottle").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

/// A change as the script receives it.
struct Row {
    /// The version that it must have; empty if it must not exist.
    expected: String,
    /// Version, blank, bucket; empty to remove it.
    text: String,
    /// Backend, colon, id; empty if it belongs to no account.
    account: String,
}

impl Row {
    fn of(change: &BucketChange) -> Self {
        let new = change.new.as_ref();
        let account = new.and_then(|new| new.bucket.account());
        Self {
            expected: change.expected.map(|version| version.to_string()).unwrap_or_default(),
            text: new.map(|new| format!("{} {}", new.version, new.bucket.to_text())).unwrap_or_default(),
            account: account.map(|of| format!("{}:{}", of.backend(), of.id())).unwrap_or_default(),
        }
    }
}

fn millis_of(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn array(value: Value) -> Result<Vec<Value>, StoreError> {
    match value {
        Value::Array(values) => Ok(values),
        _ => Err(unreadable()),
    }
}

fn bucket_key(value: Value) -> Option<BucketKey> {
    match value {
        Value::BulkString(bytes) => Some(BucketKey::from_bytes(bytes.try_into().ok()?)),
        _ => None,
    }
}

/// A bucket. `None` if it cannot be read.
fn stored(value: Value) -> Result<Option<StoredBucket>, StoreError> {
    let text = match value {
        Value::Nil => return Ok(None),
        Value::BulkString(text) => text,
        _ => return Err(unreadable()),
    };
    let read = std::str::from_utf8(&text).ok().and_then(|text| {
        let (version, bucket) = text.split_once(' ')?;
        Some(StoredBucket { version: version.parse().ok()?, bucket: Bucket::from_text(bucket)? })
    });
    if read.is_none() {
        tracing::warn!(target: "auth", "a stored counter cannot be read: it counts as absent");
    }
    Ok(read)
}
