//! [`RedisSessions`]: sessions in Redis.

use std::fmt;
use std::sync::Arc;

use auth_core::ConfigError;
use auth_core::session::{
    Realm, SessionKey, SessionRecord, SessionStore, StoreError, StoreErrorKind, Stored, Unreadable,
    UserSessions, Written,
};
use auth_core::time::Timestamp;
use redis::{Client, Cmd, Value};

use crate::error::{unavailable, unreadable};
use crate::link::Link;
use crate::prefix::Prefix;
use crate::scripts::{Argument, Script, Scripts};

/// Sessions in Redis, one text each. Cheap to clone.
///
/// Every operation is one script. A rotation is therefore never half done, and a write after the logout finds no
/// record. The server holds hashes of the tokens: a leaked copy signs nobody in. Redis removes expired sessions by
/// itself; [`purge_expired`](SessionStore::purge_expired) is not needed and does no harm.
///
/// All clones share a connection. It is opened when it is first used, and again after it broke or did not respond for
/// 0.75 s.
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
    pub(crate) link: Arc<Link>,
    pub(crate) scripts: Arc<Scripts>,
    pub(crate) prefix: Arc<Prefix>,
}

/// How many entries of the index one script looks at when it purges. The server does nothing else meanwhile.
const PURGED_AT_ONCE: u64 = 500;

impl RedisSessions {
    /// Stores sessions on one server, under the prefix `auth`. Call it on a Tokio runtime.
    ///
    /// ```
    /// use auth_redis::RedisSessions;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// // Nothing connects before the first request, or `check`.
    /// let sessions = RedisSessions::new(redis::Client::open("redis://127.0.0.1/")?)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ConfigError`] if the client cannot be used.
    pub fn new(client: Client) -> Result<Self, ConfigError> {
        Ok(Self::over(Link::single(client)?))
    }

    /// Stores sessions on a cluster, under the prefix `auth`.
    ///
    /// ```no_run
    /// use auth_redis::RedisSessions;
    /// use redis::cluster::ClusterClient;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let client = ClusterClient::new(["redis://10.0.0.1/", "redis://10.0.0.2/"])?;
    /// let sessions = RedisSessions::cluster(&client).await?;
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
        Self { link: Arc::new(link), scripts: Arc::new(Scripts::new()), prefix: Arc::default() }
    }

    /// Stores sessions under another prefix, so that several applications can use one server. On a cluster the prefix
    /// determines which node has the sessions.
    ///
    /// ```
    /// # use auth_redis::RedisSessions;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let client = redis::Client::open("redis://127.0.0.1/")?;
    /// let sessions = RedisSessions::new(client)?.with_prefix("shop")?;
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

    /// Runs a script on a user's sessions.
    async fn run_on_user(
        &self,
        script: &Script,
        whose: UserSessions<'_>,
        arguments: &[Argument<'_>],
    ) -> Result<Value, StoreError> {
        let index = self.prefix.user(whose.backend, whose.user);
        let whom = user_of(UserSessions { realm: None, ..whose });
        let realm = whose.realm.map_or("", Realm::as_str);
        let whose = [self.prefix.argument(), whom.as_str().into(), realm.into()];
        self.link.run(script, &index, &[&whose, arguments].concat()).await
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
        // GETEX without options changes nothing, but servers treat it as a write: where writes are refused, reads are
        // too.
        let mut found = self.link.ask(Cmd::with_capacity(2, 8 + at.len()).arg("GETEX").arg(&at)).await?;
        if is_alias(&found) {
            let arguments = [self.prefix.argument(), bytes(key), time(now)];
            found = self.link.run(&self.scripts.load, &at, &arguments).await?;
        }
        match found {
            Value::Nil => Ok(None),
            found => stored(&found, now),
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
        if new.lineage() != old.lineage() {
            return Err(unavailable("a session can only be moved to a key of its lineage"));
        }
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
        whose: UserSessions<'_>,
        except: Option<&SessionKey>,
    ) -> Result<u64, StoreError> {
        // No lineage is empty: without an exception, nothing is excepted.
        let lineage = except.map(SessionKey::lineage);
        let except = lineage.as_ref().map_or(&[][..], |lineage| lineage.as_bytes());
        count(&self.run_on_user(&self.scripts.delete_user, whose, &[except.into()]).await?)
    }

    async fn trim_user(
        &self,
        whose: UserSessions<'_>,
        max: u64,
        keep: &SessionKey,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let (max, keep) = (max.clamp(1, LAST), keep.lineage());
        let arguments = [max.into(), keep.as_bytes()[..].into(), time(now)];
        count(&self.run_on_user(&self.scripts.trim_user, whose, &arguments).await?)
    }

    async fn list_user(
        &self,
        whose: UserSessions<'_>,
        now: Timestamp,
    ) -> Result<Vec<(SessionKey, SessionRecord)>, StoreError> {
        let found = self.run_on_user(&self.scripts.list_user, whose, &[time(now)]).await?;
        let Value::Array(found) = found else { return Err(unreadable()) };
        let mut list = Vec::with_capacity(found.len());
        for found in &found {
            match stored(found, now) {
                Ok(found) => list.extend(found.map(|found| (found.key, Arc::unwrap_or_clone(found.record)))),
                Err(error) if error.kind() == StoreErrorKind::Newer => {}
                Err(error) => return Err(error),
            }
        }
        list.sort_by_key(|(key, record)| (record.created, *key));
        Ok(list)
    }

    async fn purge_expired(&self, now: Timestamp, limit: u64) -> Result<u64, StoreError> {
        let index = self.prefix.expiry();
        let (mut purged, mut left) = (0, limit);
        while left > 0 {
            let most = left.min(PURGED_AT_ONCE);
            let arguments = [self.prefix.argument(), time(now), most.into()];
            let answer = self.link.run(&self.scripts.purge_expired, &index, &arguments).await?;
            let Value::Array(counts) = &answer else { return Err(unreadable()) };
            let [ended, due] = &counts[..] else { return Err(unreadable()) };
            purged += count(ended)?;
            if count(due)? < most {
                break;
            }
            // Counts these whatever they referred to: most of the sessions may have expired already.
            left -= most;
        }
        Ok(purged)
    }
}

impl fmt::Debug for RedisSessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisSessions").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

/// A record as the server stores it.
struct Row<'a> {
    record: &'a SessionRecord,
    now: Timestamp,
    user: String,
    encoded: Vec<u8>,
}

impl<'a> Row<'a> {
    fn of(record: &'a SessionRecord, now: Timestamp) -> Self {
        let user = record.user_sessions().map(user_of).unwrap_or_default();
        Self { record, now, user, encoded: record.encode() }
    }

    /// The arguments, in the order of the scripts.
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

pub(crate) fn bytes(key: &SessionKey) -> Argument<'_> {
    key.as_bytes()[..].into()
}

/// Names of realms and backends contain no colon or slash.
fn user_of(UserSessions { realm, backend, user }: UserSessions<'_>) -> String {
    let (realm, slash) = realm.map_or(("", ""), |realm| (realm.as_str(), "/"));
    [realm, slash, backend.as_str(), ":", user.as_str()].concat()
}

/// Redis counts in floating-point numbers, which have gaps above this one.
const LAST: u64 = (1 << 53) - 1;

fn millis(time: Timestamp) -> u64 {
    time.as_millis().min(LAST)
}

fn time(time: Timestamp) -> Argument<'static> {
    millis(time).into()
}

/// The time left until then. The server gets this and not the moment, because its clock may differ from this one.
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

/// A session as the server stores it: see the scripts' prelude. The server expires records by its clock, this process
/// by its own.
fn stored(found: &Value, now: Timestamp) -> Result<Option<Stored>, StoreError> {
    let Value::BulkString(found) = found else { return Err(unreadable()) };
    let (version, rest) = number(found).ok_or_else(unreadable)?;
    let (last_seen, rest) = number(rest).ok_or_else(unreadable)?;
    let (expires, rest) = number(rest).ok_or_else(unreadable)?;
    let (user, rest) = number(rest).ok_or_else(unreadable)?;
    let (alias, rest) = number(rest).ok_or_else(unreadable)?;
    let start = user.checked_add(alias).and_then(|start| usize::try_from(start).ok());
    let rest = start.and_then(|start| rest.get(start..)).ok_or_else(unreadable)?;
    let (key, record) = rest.split_first_chunk().ok_or_else(unreadable)?;
    // `touch` writes only these two fields.
    let [last_seen, expires] = [last_seen, expires].map(Timestamp::from_millis);
    if now >= expires {
        return Ok(None);
    }
    let mut record = match SessionRecord::decode(record) {
        Ok(record) => record,
        Err(Unreadable::Newer) => return Err(StoreError::new(StoreErrorKind::Newer)),
        Err(_) => {
            tracing::warn!(target: "auth", "a stored session cannot be read: it counts as absent");
            return Ok(None);
        }
    };
    (record.last_seen, record.expires) = (last_seen, expires);
    Ok(Some(Stored { key: SessionKey::from_bytes(*key), record: Arc::new(record), version }))
}

/// A decimal number, and what follows the blank after it.
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

pub(crate) fn text(value: Value) -> String {
    redis::from_redis_value(value).unwrap_or_default()
}
