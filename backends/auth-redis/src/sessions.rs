//! [`RedisSessions`]: sessions in Redis.

use std::fmt;
use std::sync::Arc;

use auth_core::session::{
    SessionKey, SessionRecord, SessionStore, StoreError, StoreErrorKind, Stored, Written,
};
use auth_core::time::Timestamp;
use auth_core::{BackendName, ConfigError, UserId};
use redis::{Client, Cmd, Value};

use crate::error::{unavailable, unreadable};
use crate::link::Link;
use crate::prefix::Prefix;
use crate::scripts::{Argument, Script, Scripts};

/// Sessions in Redis, one hash each. Cheap to clone.
///
/// Every operation is one script: a rotation is never half done, and a write that comes after the logout finds no
/// record. The server holds hashes of the tokens, so a leaked copy signs nobody in. It removes sessions that have
/// expired by itself: [`purge_expired`](SessionStore::purge_expired) is not needed, and does no harm.
///
/// All clones share a connection. It is made when it is first used, and again after it broke or nothing came back
/// for 0.75 s.
///
/// ```
/// use auth_redis::RedisSessions;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let server = test_servers::Redis::new().start();
/// # let url = server.url();
/// let sessions = RedisSessions::new(redis::Client::open(url)?)?.with_prefix("shop")?;
/// sessions.check().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct RedisSessions {
    link: Arc<Link>,
    scripts: Arc<Scripts>,
    prefix: Arc<Prefix>,
}

/// How many records one script purges at most: meanwhile the server does nothing else.
const PURGED_AT_ONCE: u64 = 500;

impl RedisSessions {
    /// Sessions on one server, under the prefix `auth`. To be called on a Tokio runtime.
    ///
    /// # Errors
    /// [`ConfigError`] if the client cannot be used.
    pub fn new(client: Client) -> Result<Self, ConfigError> {
        Ok(Self::over(Link::single(client)?))
    }

    /// Sessions on a cluster, under the prefix `auth`.
    ///
    /// # Errors
    /// [`StoreError`] if no node can be reached.
    #[cfg(feature = "cluster")]
    pub async fn cluster(client: &redis::cluster::ClusterClient) -> Result<Self, StoreError> {
        Ok(Self::over(Link::cluster(client).await?))
    }

    fn over(link: Link) -> Self {
        Self { link: Arc::new(link), scripts: Arc::new(Scripts::new()), prefix: Arc::default() }
    }

    /// Sessions under another prefix: several applications can use one server. On a cluster the prefix says which
    /// node has the sessions.
    ///
    /// # Errors
    /// [`ConfigError`] if `prefix` is not 1 to 64 ASCII letters, digits, `-`, `_`, `.` or `:`.
    pub fn with_prefix(mut self, prefix: &str) -> Result<Self, ConfigError> {
        self.prefix = Arc::new(Prefix::new(prefix)?);
        Ok(self)
    }

    /// Asks the server whether it may keep sessions: it must not evict them when its memory is used up.
    ///
    /// # Errors
    /// [`StoreError`] if it would, or cannot be reached. The source says why.
    pub async fn check(&self) -> Result<(), StoreError> {
        let about: String = match self.link.ask(redis::cmd("INFO").arg("memory")).await? {
            Value::Map(nodes) => nodes.into_iter().map(|(_, about)| text(about)).collect(),
            about => text(about),
        };
        let says = |line: &str| about.lines().any(|said| said == line);
        let evicts = !says("maxmemory:0") && !says("maxmemory_policy:noeviction");
        if evicts {
            return Err(unavailable("the server evicts keys: set `maxmemory-policy` to `noeviction`"));
        }
        Ok(())
    }

    /// Runs a script on a session.
    async fn run(
        &self,
        script: &Script,
        key: &SessionKey,
        arguments: &[Argument<'_>],
    ) -> Result<Value, StoreError> {
        let key = self.prefix.session(key);
        self.link.run(script, &key, arguments).await
    }
}

impl SessionStore for RedisSessions {
    async fn create(&self, key: &SessionKey, record: &SessionRecord) -> Result<(), StoreError> {
        let row = Row::of(record, record.last_seen);
        let [now, ttl, user, seen, expires, record] = row.arguments();
        let arguments = [self.prefix.argument(), bytes(key), now, ttl, user, seen, expires, record];
        match written(&self.run(&self.scripts.create, key, &arguments).await?)? {
            Written::Done => Ok(()),
            Written::Gone | Written::Conflict => Err(unreadable()),
        }
    }

    async fn load(&self, key: &SessionKey, now: Timestamp) -> Result<Option<Stored>, StoreError> {
        let at = self.prefix.session(key);
        // Without options it changes nothing, but servers take it for a write: where those are refused, reads are too.
        let mut found = self.link.ask(Cmd::with_capacity(2, 8 + at.len()).arg("GETEX").arg(&at)).await?;
        if is_alias(&found) {
            let arguments = [self.prefix.argument(), bytes(key), time(now)];
            found = self.link.run(&self.scripts.load, &at, &arguments).await?;
        }
        match found {
            Value::Nil => Ok(None),
            // The server ends records by its own clock.
            found => Ok(stored(&found)?.filter(|found| now < found.record.expires)),
        }
    }

    async fn update(
        &self,
        key: &SessionKey,
        version: u64,
        record: &SessionRecord,
        now: Timestamp,
    ) -> Result<Written, StoreError> {
        let row = Row::of(record, now);
        let [now, ttl, user, seen, expires, record] = row.arguments();
        let arguments =
            [self.prefix.argument(), bytes(key), now, ttl, user, seen, expires, record, version.into()];
        written(&self.run(&self.scripts.update, key, &arguments).await?)
    }

    async fn touch(
        &self,
        key: &SessionKey,
        last_seen: Timestamp,
        expires: Timestamp,
    ) -> Result<Written, StoreError> {
        let ttl = left(last_seen, expires).max(1);
        let arguments = [self.prefix.argument(), bytes(key), time(last_seen), ttl.into(), time(expires)];
        written(&self.run(&self.scripts.touch, key, &arguments).await?)
    }

    async fn rotate(
        &self,
        old: &SessionKey,
        new: &SessionKey,
        version: u64,
        record: &SessionRecord,
        alias_until: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Written, StoreError> {
        let until = alias_until.unwrap_or(now);
        let alias_ttl = left(now, until);
        let row = Row::of(record, now);
        let [now, ttl, user, seen, expires, record] = row.arguments();
        let arguments = [
            self.prefix.argument(),
            bytes(old),
            now,
            ttl,
            user,
            seen,
            expires,
            record,
            version.into(),
            bytes(new),
            time(until),
            alias_ttl.into(),
        ];
        written(&self.run(&self.scripts.rotate, old, &arguments).await?)
    }

    async fn delete(&self, key: &SessionKey) -> Result<(), StoreError> {
        let arguments = [self.prefix.argument(), bytes(key)];
        written(&self.run(&self.scripts.delete, key, &arguments).await?).map(|_| ())
    }

    async fn delete_user(
        &self,
        backend: &BackendName,
        user: &UserId,
        except: Option<&SessionKey>,
    ) -> Result<u64, StoreError> {
        let (user, index) = (user_of(backend, user), self.prefix.user(backend, user));
        // No key is empty: without an exception nothing is excepted.
        let except = except.map_or(Argument::Bytes(b""), bytes);
        let arguments = [self.prefix.argument(), user.as_str().into(), except];
        count(&self.link.run(&self.scripts.delete_user, &index, &arguments).await?)
    }

    async fn trim_user(
        &self,
        backend: &BackendName,
        user: &UserId,
        max: u64,
        keep: &SessionKey,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let (user, index) = (user_of(backend, user), self.prefix.user(backend, user));
        let max = max.clamp(1, LAST);
        let arguments = [self.prefix.argument(), user.as_str().into(), max.into(), bytes(keep), time(now)];
        count(&self.link.run(&self.scripts.trim_user, &index, &arguments).await?)
    }

    async fn list_user(
        &self,
        backend: &BackendName,
        user: &UserId,
        now: Timestamp,
    ) -> Result<Vec<(SessionKey, SessionRecord)>, StoreError> {
        let (user, index) = (user_of(backend, user), self.prefix.user(backend, user));
        let arguments = [self.prefix.argument(), user.as_str().into(), time(now)];
        let found = self.link.run(&self.scripts.list_user, &index, &arguments).await?;
        let Value::Array(found) = found else { return Err(unreadable()) };
        let mut list = Vec::with_capacity(found.len());
        for found in &found {
            list.extend(stored(found)?.map(|found| (found.key, Arc::unwrap_or_clone(found.record))));
        }
        list.sort_by_key(|(key, record)| (record.created, *key));
        Ok(list)
    }

    async fn purge_expired(&self, now: Timestamp, limit: u64) -> Result<u64, StoreError> {
        let index = self.prefix.expiry();
        let mut purged = 0;
        while purged < limit {
            let most = (limit - purged).min(PURGED_AT_ONCE);
            let arguments = [self.prefix.argument(), time(now), most.into()];
            let answer = self.link.run(&self.scripts.purge_expired, &index, &arguments).await?;
            let Value::Array(counts) = &answer else { return Err(unreadable()) };
            let [ended, due] = &counts[..] else { return Err(unreadable()) };
            purged += count(ended)?;
            if count(due)? < most {
                break;
            }
        }
        Ok(purged)
    }
}

impl fmt::Debug for RedisSessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisSessions").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

/// What a record becomes on the server.
struct Row<'a> {
    record: &'a SessionRecord,
    now: Timestamp,
    user: String,
    encoded: Vec<u8>,
}

impl<'a> Row<'a> {
    fn of(record: &'a SessionRecord, now: Timestamp) -> Self {
        Self { record, now, user: user_of(&record.backend, &record.user), encoded: record.encode() }
    }

    /// In the order of the scripts.
    fn arguments(&self) -> [Argument<'_>; 6] {
        let SessionRecord { last_seen, expires, .. } = *self.record;
        [
            time(self.now),
            left(self.now, expires).max(1).into(),
            self.user.as_str().into(),
            time(last_seen),
            time(expires),
            self.encoded.as_slice().into(),
        ]
    }
}

fn bytes(key: &SessionKey) -> Argument<'_> {
    key.as_bytes()[..].into()
}

/// No backend's name has a colon.
fn user_of(backend: &BackendName, user: &UserId) -> String {
    [backend.as_str(), ":", user.as_str()].concat()
}

/// The server counts in floating-point numbers: above this one they have gaps.
const LAST: u64 = (1 << 53) - 1;

fn millis(time: Timestamp) -> u64 {
    time.as_millis().min(LAST)
}

fn time(time: Timestamp) -> Argument<'static> {
    millis(time).into()
}

/// How long it is until then. The server is told this and not the moment: its clock may differ from ours.
fn left(now: Timestamp, until: Timestamp) -> u64 {
    millis(until).saturating_sub(millis(now))
}

fn written(answer: &Value) -> Result<Written, StoreError> {
    match answer {
        Value::BulkString(word) => match &word[..] {
            b"done" => Ok(Written::Done),
            b"gone" => Ok(Written::Gone),
            b"conflict" => Ok(Written::Conflict),
            b"exists" => Err(StoreError::new(StoreErrorKind::Exists)),
            _ => Err(unreadable()),
        },
        _ => Err(unreadable()),
    }
}

fn count(answer: &Value) -> Result<u64, StoreError> {
    match answer {
        Value::Int(count) => u64::try_from(*count).map_err(|_| unreadable()),
        _ => Err(unreadable()),
    }
}

fn is_alias(found: &Value) -> bool {
    matches!(found, Value::BulkString(text) if text.first() == Some(&b'>'))
}

/// A session as it is on the server: see the scripts' prelude.
fn stored(found: &Value) -> Result<Option<Stored>, StoreError> {
    let Value::BulkString(found) = found else { return Err(unreadable()) };
    let (version, rest) = number(found).ok_or_else(unreadable)?;
    let (last_seen, rest) = number(rest).ok_or_else(unreadable)?;
    let (expires, rest) = number(rest).ok_or_else(unreadable)?;
    let (user, rest) = number(rest).ok_or_else(unreadable)?;
    let (alias, rest) = number(rest).ok_or_else(unreadable)?;
    let start = user.checked_add(alias).and_then(|start| usize::try_from(start).ok());
    let rest = start.and_then(|start| rest.get(start..)).ok_or_else(unreadable)?;
    let (key, record) = rest.split_first_chunk().ok_or_else(unreadable)?;
    let Some(record) = SessionRecord::decode(record) else {
        tracing::warn!(target: "auth", "a stored session cannot be read: it counts as absent");
        return Ok(None);
    };
    // `touch` writes these two fields only.
    let [last_seen, expires] = [last_seen, expires].map(Timestamp::from_millis);
    let record = SessionRecord { last_seen, expires, ..record };
    Ok(Some(Stored { key: SessionKey::from_bytes(*key), record: Arc::new(record), version }))
}

/// A decimal number, and what stands behind the blank after it.
fn number(text: &[u8]) -> Option<(u64, &[u8])> {
    let mut number = 0_u64;
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b'0'..=b'9' => number = number.checked_mul(10)?.checked_add(u64::from(byte - b'0'))?,
            b' ' if at > 0 => return Some((number, &text[at + 1..])),
            _ => return None,
        }
    }
    None
}

fn text(value: Value) -> String {
    redis::from_redis_value(value).unwrap_or_default()
}
