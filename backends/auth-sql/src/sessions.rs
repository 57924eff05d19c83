//! [`SqlSessions`]: sessions in a table.

#[cfg(test)]
mod plans;
mod purge;
mod statements;

use std::fmt;
use std::sync::Arc;

use auth_core::session::{
    SessionKey, SessionRecord, SessionStore, StoreError, StoreErrorKind, Stored, Written,
};
use auth_core::time::Timestamp;
use auth_core::{BackendName, ConfigError, UserId};

use crate::Database;
use crate::driver::{Columns, Rows, Value, number as number_in};
use crate::error::{DbError, DbErrorKind};
use crate::identifier::Identifier;
use statements::Statements;

/// Sessions in a table, one row each. Cheap to clone.
///
/// An alias is a column of its session's row, and every write is one conditional statement: a rotation is never
/// half done, and a write that comes after the logout finds no row. The table holds hashes of the tokens, so a
/// leaked copy signs nobody in.
///
/// Expired rows are never given out, but they stay until they are purged: spawn [`purge_every`](Self::purge_every).
///
/// ```
/// use auth_sql::SqlSessions;
/// # use sqlx::sqlite::SqlitePoolOptions;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await?;
/// let sessions = SqlSessions::new(pool).with_table("shop_sessions")?;
/// sessions.migrate().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct SqlSessions {
    database: Database,
    sql: Arc<Statements>,
}

impl SqlSessions {
    /// Sessions in the table `auth_sessions`.
    pub fn new(database: impl Into<Database>) -> Self {
        let database = database.into();
        let sql = Arc::new(Statements::new(&Statements::default_table(), database.dialect()));
        Self { database, sql }
    }

    /// Sessions in another table.
    ///
    /// # Errors
    /// [`ConfigError`] if `table` is not a letter or `_` with at most 62 letters, digits or `_` behind it.
    pub fn with_table(mut self, table: &str) -> Result<Self, ConfigError> {
        self.sql = Arc::new(Statements::new(&Identifier::new(table)?, self.database.dialect()));
        Ok(self)
    }

    /// Makes the table and its indices where they are missing.
    ///
    /// # Errors
    /// [`StoreError`] if the database refuses or cannot be reached.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        Ok(self.database.migrate(&self.sql.migrate).await?)
    }
}

impl SessionStore for SqlSessions {
    async fn create(&self, key: &SessionKey, record: &SessionRecord) -> Result<(), StoreError> {
        let (key, row) = (bytes(key), Row::of(record));
        let [backend, user, last_seen, expires, record] = row.values();
        let values = [key, backend, user, last_seen, expires, record, key];
        let made = self.database.insert(&self.sql.create, &values).await?;
        if made { Ok(()) } else { Err(StoreError::new(StoreErrorKind::Exists)) }
    }

    async fn load(&self, key: &SessionKey, now: Timestamp) -> Result<Option<Stored>, StoreError> {
        let values = [bytes(key), time(now)];
        // Nearly always it is a key. Asked for either at once, databases walk two indices and merge what they find.
        let found = self.database.first(&self.sql.load, &values, |row| stored(*key, row)).await?;
        if found.is_some() {
            return Ok(found);
        }
        // A key that a rotation has made an alias since is found here. Rarely: hence the box, see `Connections::lend`.
        Ok(Box::pin(self.load_by_alias(key, now)).await?)
    }

    async fn update(
        &self,
        key: &SessionKey,
        version: u64,
        record: &SessionRecord,
        now: Timestamp,
    ) -> Result<Written, StoreError> {
        let row = Row::of(record);
        let [backend, user, last_seen, expires, record] = row.values();
        let [k, alias, until, alive] = live(key, now);
        let values = [backend, user, last_seen, expires, record, k, alias, until, alive, number(version)];
        match self.database.execute(&self.sql.update, &values).await? {
            0 => Ok(self.load(key, now).await?.map_or(Written::Gone, |_| Written::Conflict)),
            _ => Ok(Written::Done),
        }
    }

    async fn touch(
        &self,
        key: &SessionKey,
        last_seen: Timestamp,
        expires: Timestamp,
    ) -> Result<Written, StoreError> {
        let [k, alias, until, alive] = live(key, last_seen);
        let (seen, end) = (time(last_seen), time(expires));
        let values = [seen, seen, end, end, k, alias, until, alive];
        match self.database.execute(&self.sql.touch, &values).await? {
            0 => Ok(Written::Gone),
            _ => Ok(Written::Done),
        }
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
        let row = Row::of(record);
        let [backend, user, last_seen, expires, record] = row.values();
        let alias = Value::Bytes(alias_until.map(|_| &old.as_bytes()[..]));
        let until = Value::Int(alias_until.map(millis));
        let values = [
            bytes(new),
            alias,
            until,
            backend,
            user,
            last_seen,
            expires,
            record, // to be set
            bytes(old),
            number(version),
            time(now),
            bytes(new), // where
        ];
        match self.database.execute(&self.sql.rotate, &values).await {
            Ok(0) => self.why_not_rotated(old, version, now).await,
            Ok(_) => Ok(Written::Done),
            Err(error) => Err(exists_or(error)),
        }
    }

    async fn delete(&self, key: &SessionKey) -> Result<(), StoreError> {
        self.database.execute(&self.sql.delete, &[bytes(key), bytes(key)]).await?;
        Ok(())
    }

    async fn delete_user(
        &self,
        backend: &BackendName,
        user: &UserId,
        except: Option<&SessionKey>,
    ) -> Result<u64, StoreError> {
        // No key is empty: without an exception nothing is excepted.
        let except = except.map_or(&[][..], |key| &key.as_bytes()[..]);
        let values = [backend.as_str().into(), user.as_str().into(), except.into()];
        Ok(self.database.execute(&self.sql.delete_user, &values).await?)
    }

    async fn trim_user(
        &self,
        backend: &BackendName,
        user: &UserId,
        max: u64,
        keep: &SessionKey,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let theirs = [backend.as_str().into(), user.as_str().into(), time(now), bytes(keep)];
        let [backend, user, now, keep] = theirs;
        let values = [backend, user, now, keep, number(max.saturating_sub(1))];
        let last = |row: &dyn Columns| Ok(key_of(row, 1)?.zip(Some(number_in(row, 0)?)));
        let Some((key, seen)) = self.database.first(&self.sql.too_many, &values, last).await? else {
            return Ok(0);
        };
        // Who is used at this very moment is spared: that is not what was found.
        let values = [backend, user, now, keep, seen.into(), seen.into(), bytes(&key)];
        Ok(self.database.execute(&self.sql.trim_user, &values).await?)
    }

    async fn list_user(
        &self,
        backend: &BackendName,
        user: &UserId,
        now: Timestamp,
    ) -> Result<Vec<(SessionKey, SessionRecord)>, StoreError> {
        let values = [backend.as_str().into(), user.as_str().into(), time(now)];
        let all = |rows: &mut Rows<'_>| {
            rows.filter_map(|row| entry(row).transpose()).collect::<Result<Vec<_>, _>>()
        };
        let mut list = self.database.fetch(&self.sql.list_user, &values, all).await?;
        list.sort_by_key(|(key, record)| (record.created, *key));
        Ok(list)
    }

    async fn purge_expired(&self, now: Timestamp, limit: u64) -> Result<u64, StoreError> {
        let values = [time(now), number(limit)];
        Ok(self.database.execute(&self.sql.purge_expired, &values).await?)
    }
}

impl SqlSessions {
    async fn load_by_alias(&self, alias: &SessionKey, now: Timestamp) -> Result<Option<Stored>, DbError> {
        let values = [bytes(alias), time(now), time(now)];
        let found = |row: &dyn Columns| key_of(row, 4)?.map_or(Ok(None), |key| stored(key, row));
        self.database.first(&self.sql.load_by_alias, &values, found).await
    }

    /// Looks at what a rotation that changed no row met.
    async fn why_not_rotated(
        &self,
        old: &SessionKey,
        version: u64,
        now: Timestamp,
    ) -> Result<Written, StoreError> {
        match self.load(old, now).await? {
            Some(found) if found.key == *old && found.version != version => Ok(Written::Conflict),
            // All is as it should be, so the new key is in use as an alias.
            Some(found) if found.key == *old => Err(StoreError::new(StoreErrorKind::Exists)),
            _ => Ok(Written::Gone),
        }
    }
}

impl fmt::Debug for SqlSessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlSessions").field("database", &self.database).finish_non_exhaustive()
    }
}

/// What a record becomes in its row.
struct Row<'a> {
    record: &'a SessionRecord,
    encoded: Vec<u8>,
}

impl<'a> Row<'a> {
    fn of(record: &'a SessionRecord) -> Self {
        Self { record, encoded: record.encode() }
    }

    /// In the order of the statements.
    fn values(&self) -> [Value<'_>; 5] {
        let record = self.record;
        [
            record.backend.as_str().into(),
            record.user.as_str().into(),
            time(record.last_seen),
            time(record.expires),
            self.encoded.as_slice().into(),
        ]
    }
}

/// The values of the condition that there is a live record under this key or alias.
fn live(key: &SessionKey, now: Timestamp) -> [Value<'_>; 4] {
    [bytes(key), bytes(key), time(now), time(now)]
}

fn bytes(key: &SessionKey) -> Value<'_> {
    key.as_bytes()[..].into()
}

fn time(time: Timestamp) -> Value<'static> {
    millis(time).into()
}

fn millis(time: Timestamp) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

/// A version or a count. The table has none that do not fit.
fn number(number: u64) -> Value<'static> {
    i64::try_from(number).unwrap_or(i64::MAX).into()
}

fn exists_or(error: DbError) -> StoreError {
    match error.kind() {
        DbErrorKind::Taken => StoreError::new(StoreErrorKind::Exists),
        _ => error.into(),
    }
}

fn key_of(row: &dyn Columns, at: usize) -> Result<Option<SessionKey>, DbError> {
    Ok(row.bytes(at)?.and_then(|bytes| bytes.try_into().ok()).map(SessionKey::from_bytes))
}

/// The columns that `load` and `list_user` begin with: last seen, expires, record.
fn record_of(row: &dyn Columns) -> Result<Option<SessionRecord>, DbError> {
    let moment =
        |at| number_in(row, at).map(|millis| Timestamp::from_millis(millis.try_into().unwrap_or_default()));
    let (last_seen, expires) = (moment(0)?, moment(1)?);
    let Some(record) = SessionRecord::decode(row.bytes(2)?.unwrap_or_default()) else {
        tracing::warn!(target: "auth", "a stored session cannot be read: it counts as absent");
        return Ok(None);
    };
    // `touch` writes these two columns only.
    Ok(Some(SessionRecord { last_seen, expires, ..record }))
}

fn entry(row: &dyn Columns) -> Result<Option<(SessionKey, SessionRecord)>, DbError> {
    Ok(key_of(row, 3)?.zip(record_of(row)?))
}

fn stored(key: SessionKey, row: &dyn Columns) -> Result<Option<Stored>, DbError> {
    let Some(record) = record_of(row)? else { return Ok(None) };
    let version = number_in(row, 3)?.try_into().unwrap_or_default();
    Ok(Some(Stored { key, record: Arc::new(record), version }))
}
