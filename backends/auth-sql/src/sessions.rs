//! [`SqlSessions`]: sessions in a table.

#[cfg(test)]
mod plans;
mod row;
mod statements;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use auth_core::ConfigError;
use auth_core::session::{
    SessionKey, SessionRecord, SessionStore, StoreError, StoreErrorKind, Stored, UserSessions, Written,
    check_store,
};
use auth_core::time::{SystemClock, Timestamp};

use crate::Database;
use crate::driver::{Columns, Rows, Value, number as number_in};
use crate::error::{DbError, DbErrorKind};
use crate::identifier::Identifier;
use crate::purge::purge_every;
use row::{LiveRow, Row, bytes, entry, found, key_of, lineage, live, theirs, time};
pub(crate) use row::{millis, number};
use statements::{Ending, Statements};

/// Sessions in a table, one row each. Cheap to clone.
///
/// An alias is a column of its session's row, and every write is one conditional statement. A rotation is therefore
/// never half done, and a write after the logout finds no row. The table holds hashes of the tokens: a leaked copy
/// signs nobody in. The row of a visitor has an empty backend and user; a session without a realm has an empty realm.
///
/// Expired sessions are never returned, but their rows stay until they are purged: spawn
/// [`purge_every`](Self::purge_every).
///
/// ```
/// use std::time::Duration;
///
/// use auth_core::{Auth, Password, Passwords, SessionConfig};
/// use auth_core::session::KeyRing;
/// use auth_sql::{SqlSessions, SqlUsers};
/// # use sqlx::sqlite::SqlitePoolOptions;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await?;
/// let users = SqlUsers::new(pool.clone(), Passwords::new()?);
/// let sessions = SqlSessions::new(pool);
/// users.migrate().await?;
/// sessions.migrate().await?;
/// sessions.check().await?;
/// tokio::spawn(sessions.clone().purge_every(Duration::from_mins(10)));
///
/// let config = SessionConfig::new(KeyRing::generate()?);
/// let auth = Auth::builder().backend::<Password>("local", users).sessions(sessions, config).build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct SqlSessions {
    database: Database,
    sql: Arc<Statements>,
}

impl SqlSessions {
    /// Stores sessions in the table `auth_sessions`.
    ///
    /// ```
    /// # use auth_sql::SqlSessions;
    /// # use sqlx::sqlite::SqlitePoolOptions;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await?;
    /// let sessions = SqlSessions::new(pool);
    /// # Ok(())
    /// # }
    /// ```
    pub fn new(database: impl Into<Database>) -> Self {
        let database = database.into();
        let sql = Arc::new(Statements::new(&Statements::default_table(), database.dialect()));
        Self { database, sql }
    }

    /// Stores sessions in another table.
    ///
    /// ```
    /// use auth_sql::SqlSessions;
    /// # use sqlx::sqlite::SqlitePoolOptions;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await?;
    /// let sessions = SqlSessions::new(pool).with_table("shop_sessions")?;
    /// sessions.migrate().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ConfigError`] unless `table` is a letter or `_`, followed by at most 62 letters, digits or `_`.
    pub fn with_table(mut self, table: &str) -> Result<Self, ConfigError> {
        self.sql = Arc::new(Statements::new(&Identifier::new(table)?, self.database.dialect()));
        Ok(self)
    }

    /// Creates the table and its indexes where they are missing, and adds to a table of an earlier version what it
    /// lacks. Instances of that version may go on using it.
    ///
    /// ```
    /// # use auth_sql::SqlSessions;
    /// # use sqlx::sqlite::SqlitePoolOptions;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await?;
    /// # let sessions = SqlSessions::new(pool);
    /// sessions.migrate().await?; // when the program starts
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`StoreError`] if the database refuses or cannot be reached.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        self.database.migrate(&self.sql.migrate).await?;
        Ok(self.database.add_column(&self.sql.realm).await?)
    }

    /// Removes expired sessions now and then, for as long as it is polled: run it in a separate task.
    ///
    /// It pauses for `about` this long between two rounds. Each pause is up to a quarter longer or shorter, drawn at
    /// random, so that instances that start together do not purge together. Failures are logged, and the next round
    /// tries again.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use auth_sql::SqlSessions;
    /// # async fn start(sessions: &SqlSessions) {
    /// tokio::spawn(sessions.clone().purge_every(Duration::from_mins(10)));
    /// # }
    /// ```
    pub async fn purge_every(self, about: Duration) {
        purge_every(&SystemClock, about, "expired sessions", |now, limit| self.purge_expired(now, limit))
            .await;
    }

    /// Tries all that sessions will need, on a session that it creates and deletes again: see [`check_store`]. Call
    /// it when the program starts, after [`migrate`](Self::migrate).
    ///
    /// ```
    /// # use auth_sql::SqlSessions;
    /// # use sqlx::sqlite::SqlitePoolOptions;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await?;
    /// # let sessions = SqlSessions::new(pool);
    /// # sessions.migrate().await?;
    /// sessions.check().await?; // after `migrate`, before the first request
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`StoreError`] of what failed first. Its sources name the table, the permission or the setting that is missing.
    pub async fn check(&self) -> Result<(), StoreError> {
        self.database.check().await?;
        check_store(self).await
    }
}

impl SessionStore for SqlSessions {
    async fn create(&self, key: &SessionKey, record: &SessionRecord) -> Result<(), StoreError> {
        let (key, row) = (bytes(key), Row::of(record));
        let [backend, user, realm, last_seen, expires, record] = row.values();
        let values = [key, backend, user, realm, last_seen, expires, record, key];
        let made = self.database.insert(&self.sql.create, &values).await?;
        if made { Ok(()) } else { Err(StoreError::new(StoreErrorKind::Exists)) }
    }

    async fn load(&self, key: &SessionKey, now: Timestamp) -> Result<Option<Stored>, StoreError> {
        match self.find(key, now).await? {
            None => Ok(None),
            Some(LiveRow { key, version, record: Some(record) }) => {
                Ok(Some(Stored { key, record: Arc::new(record), version }))
            }
            Some(_) => Err(StoreError::new(StoreErrorKind::Newer)),
        }
    }

    async fn update(
        &self,
        key: &SessionKey,
        version: u64,
        record: &SessionRecord,
        now: Timestamp,
    ) -> Result<Written, StoreError> {
        let row = Row::of(record);
        let [backend, user, realm, last_seen, expires, record] = row.values();
        let [k, alias, until, alive] = live(key, now);
        let at = number(version);
        let values = [backend, user, realm, last_seen, expires, record, k, alias, until, alive, at];
        match self.database.execute(&self.sql.update, &values).await? {
            0 => Ok(self.find(key, now).await?.map_or(Written::Gone, |_| Written::Conflict)),
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
        let [backend, user, realm, last_seen, expires, record] = row.values();
        let alias = Value::Bytes(alias_until.map(|_| &old.as_bytes()[..]));
        let until = Value::Int(alias_until.map(millis));
        let values = [
            bytes(new),
            alias,
            until,
            backend,
            user,
            realm,
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
        let [first, last] = lineage(key);
        let values = [&first, &last, key].map(bytes);
        let sql = &self.sql.delete;
        loop {
            let ended = self.database.execute(&sql.delete, &values).await?;
            // There is at most one: if it was found, none is missed.
            if ended > 0 || !self.has_missed(sql, &values).await? {
                return Ok(());
            }
        }
    }

    async fn delete_user(
        &self,
        whose: UserSessions<'_>,
        except: Option<&SessionKey>,
    ) -> Result<u64, StoreError> {
        let except = except.map(lineage);
        // No key is empty: without an exception, nothing is excepted.
        let [first, last] =
            except.as_ref().map_or([Value::from(&[][..]); 2], |keys| keys.each_ref().map(bytes));
        let [backend, user, realm, any] = theirs(whose);
        let (sql, values) = (&self.sql.delete_user, [backend, user, realm, any, first, last]);
        let mut ended = 0;
        loop {
            ended += self.database.execute(&sql.delete, &values).await?;
            if !self.has_missed(sql, &values).await? {
                return Ok(ended);
            }
        }
    }

    async fn trim_user(
        &self,
        whose: UserSessions<'_>,
        max: u64,
        keep: &SessionKey,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let ([first, last], now) = (lineage(keep), time(now));
        let ([backend, user, realm, any], [first, last]) = (theirs(whose), [bytes(&first), bytes(&last)]);
        let values = [backend, user, realm, any, now, first, last, number(max.saturating_sub(1))];
        let newest = |row: &dyn Columns| Ok(key_of(row, 1)?.zip(Some(number_in(row, 0)?)));
        let Some((key, seen)) = self.database.first(&self.sql.too_many, &values, newest).await? else {
            return Ok(0);
        };
        // A session that is used at this very moment is spared: it is no longer what was found.
        let values = [backend, user, realm, any, now, first, last, seen.into(), seen.into(), bytes(&key)];
        Ok(self.database.execute(&self.sql.trim_user, &values).await?)
    }

    async fn list_user(
        &self,
        whose: UserSessions<'_>,
        now: Timestamp,
    ) -> Result<Vec<(SessionKey, SessionRecord)>, StoreError> {
        let [backend, user, realm, any] = theirs(whose);
        let values = [backend, user, realm, any, time(now)];
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
    /// The live row under this key or alias.
    async fn find(&self, key: &SessionKey, now: Timestamp) -> Result<Option<LiveRow>, DbError> {
        let values = [bytes(key), time(now)];
        // It is nearly always a key. If asked for either at once, databases walk two indexes and merge the results.
        let found = self.database.first(&self.sql.load, &values, |row| found(*key, row)).await?;
        if found.is_some() {
            return Ok(found);
        }
        // Finds a key that a rotation has made an alias since. This is rare, hence the box: see `Connections::lend`.
        Box::pin(self.find_by_alias(key, now)).await
    }

    async fn find_by_alias(&self, alias: &SessionKey, now: Timestamp) -> Result<Option<LiveRow>, DbError> {
        let values = [bytes(alias), time(now), time(now)];
        let by_alias = |row: &dyn Columns| key_of(row, 4)?.map_or(Ok(None), |key| found(key, row));
        self.database.first(&self.sql.load_by_alias, &values, by_alias).await
    }

    /// Whether a statement that ends sessions has missed one.
    ///
    /// `MariaDB` executes an UPDATE of the primary key as a DELETE and an INSERT. A DELETE that waited for the old
    /// row goes on behind it and misses the new row if it has passed its place. At the default isolation level it
    /// locks the gaps between rows, but not at READ COMMITTED. Other databases follow the row, or have a single
    /// writer.
    async fn has_missed(&self, sql: &Ending, values: &[Value<'_>]) -> Result<bool, DbError> {
        match &sql.missed {
            Some(missed) => self.database.is_any(missed, values).await,
            None => Ok(false),
        }
    }

    /// Finds out why a rotation changed no row.
    async fn why_not_rotated(
        &self,
        old: &SessionKey,
        version: u64,
        now: Timestamp,
    ) -> Result<Written, StoreError> {
        match self.find(old, now).await? {
            Some(found) if found.key == *old && found.version != version => Ok(Written::Conflict),
            // The record is as expected, so the new key is in use as an alias.
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

fn exists_or(error: DbError) -> StoreError {
    match error.kind() {
        DbErrorKind::Taken => StoreError::new(StoreErrorKind::Exists),
        _ => error.into(),
    }
}
