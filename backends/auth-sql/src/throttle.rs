//! [`SqlThrottle`]: a throttle's counters, in a table.

#[cfg(test)]
mod plans;
mod statements;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use auth_core::ConfigError;
use auth_core::session::StoreError;
use auth_core::throttle::{
    Account, Bucket, BucketChange, BucketKey, StoredBucket, ThrottleStore, check_store,
};
use auth_core::time::{SystemClock, Timestamp};
use sqlx::SqlStr;
use uuid::Uuid;

use crate::Database;
use crate::driver::{Columns, Rows, Value, number as number_in};
use crate::error::{DbError, DbErrorKind};
use crate::identifier::Identifier;
use crate::purge::purge_every;
use crate::sessions::{millis, number};
use statements::{KEYS, Statements};

/// A [`ThrottleStore`] in a table, for all instances that share the database. Cheap to clone.
///
/// The table holds hashes of names and addresses, and the ids of accounts with failed attempts. Expired rows stay
/// until they are purged: spawn [`purge_every`](Self::purge_every).
///
/// ```
/// use std::time::Duration;
///
/// use auth_core::Throttle;
/// use auth_sql::SqlThrottle;
/// # use sqlx::sqlite::SqlitePoolOptions;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await?;
/// let counted = SqlThrottle::new(pool);
/// counted.migrate().await?;
/// counted.check().await?;
/// tokio::spawn(counted.clone().purge_every(Duration::from_secs(600)));
/// let throttle = Throttle::new(counted);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct SqlThrottle {
    database: Database,
    sql: Arc<Statements>,
}

impl SqlThrottle {
    /// Keeps counters in the table `auth_throttle`.
    ///
    /// ```
    /// # use auth_sql::SqlThrottle;
    /// # use sqlx::sqlite::SqlitePoolOptions;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await?;
    /// let counted = SqlThrottle::new(pool);
    /// # Ok(())
    /// # }
    /// ```
    pub fn new(database: impl Into<Database>) -> Self {
        let database = database.into();
        let sql = Arc::new(Statements::new(&Statements::default_table(), database.dialect()));
        Self { database, sql }
    }

    /// Keeps counters in another table.
    ///
    /// ```
    /// use auth_sql::SqlThrottle;
    /// # use sqlx::sqlite::SqlitePoolOptions;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await?;
    /// let counted = SqlThrottle::new(pool).with_table("shop_throttle")?;
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

    /// Creates the table and its indexes where they are missing.
    ///
    /// ```
    /// # use auth_sql::SqlThrottle;
    /// # use sqlx::sqlite::SqlitePoolOptions;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await?;
    /// # let counted = SqlThrottle::new(pool);
    /// counted.migrate().await?; // when the program starts
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`StoreError`] if the database refuses or cannot be reached.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        Ok(self.database.migrate(&self.sql.migrate).await?)
    }

    /// Tries all that attempts will need: see [`check_store`]. Call it when the program starts, after
    /// [`migrate`](Self::migrate).
    ///
    /// ```
    /// # use auth_sql::SqlThrottle;
    /// # use sqlx::sqlite::SqlitePoolOptions;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await?;
    /// # let counted = SqlThrottle::new(pool);
    /// # counted.migrate().await?;
    /// counted.check().await?; // after `migrate`, before the first request
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

    /// Removes expired rows now and then, for as long as it is polled: run it in a separate task. It works as
    /// [`SqlSessions::purge_every`](crate::SqlSessions::purge_every).
    ///
    /// ```
    /// # use auth_sql::SqlThrottle;
    /// # use sqlx::sqlite::SqlitePoolOptions;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await?;
    /// # let counted = SqlThrottle::new(pool);
    /// tokio::spawn(counted.clone().purge_every(std::time::Duration::from_mins(10)));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn purge_every(self, about: Duration) {
        purge_every(&SystemClock, about, "expired counters", |now, limit| self.purge_expired(now, limit))
            .await;
    }

    /// `false` if one of the rows changed meanwhile.
    async fn replace_all(&self, changes: &[&BucketChange]) -> Result<bool, DbError> {
        let mut transaction = self.database.begin().await?;
        for change in changes {
            let row = Row::of(change);
            let (sql, values) = row.statement(&self.sql);
            let done = transaction.execute(sql, &values).await;
            if is_changed(done)? {
                continue;
            }
            transaction.undo().await;
            return Ok(false);
        }
        transaction.commit().await?;
        Ok(true)
    }
}

/// Whether this changed the row, and no concurrent writer did first.
fn is_changed(done: Result<u64, DbError>) -> Result<bool, DbError> {
    match done {
        Ok(rows) => Ok(rows > 0),
        // A concurrent writer created the row, or the database rolled this back in favour of others: the caller reads
        // again.
        Err(error) if matches!(error.kind(), DbErrorKind::Taken | DbErrorKind::Undone) => Ok(false),
        Err(error) => Err(error),
    }
}

impl ThrottleStore for SqlThrottle {
    async fn load(&self, keys: &[BucketKey]) -> Result<Vec<Option<StoredBucket>>, StoreError> {
        let mut loaded = Vec::with_capacity(keys.len());
        for some in keys.chunks(KEYS) {
            // The statement always asks for this many.
            let values: [Value<'_>; KEYS] =
                std::array::from_fn(|at| key_value(some.get(at).or(some.first()).unwrap_or(&keys[0])));
            let read = |rows: &mut Rows<'_>| rows.map(entry).collect::<Result<Vec<_>, _>>();
            let found = self.database.fetch(&self.sql.load, &values, read).await?;
            let of = |key: &BucketKey| {
                found.iter().flatten().find(|(own, _)| own == key).map(|(_, stored)| stored.clone())
            };
            loaded.extend(some.iter().map(of));
        }
        Ok(loaded)
    }

    async fn replace(&self, changes: &[BucketChange], _: Timestamp) -> Result<bool, StoreError> {
        if let [change] = changes {
            let row = Row::of(change);
            let (sql, values) = row.statement(&self.sql);
            return Ok(is_changed(self.database.execute(sql, &values).await)?);
        }
        let mut changes: Vec<_> = changes.iter().collect();
        // Always in one order, so that two changes of the same rows cannot deadlock.
        changes.sort_by_key(|change| change.key);
        match self.replace_all(&changes).await {
            Err(error) if error.kind() == DbErrorKind::Undone => Ok(false),
            answer => Ok(answer?),
        }
    }

    async fn of_account(&self, account: &Account) -> Result<Vec<(BucketKey, StoredBucket)>, StoreError> {
        let values = [account.backend().into(), account.id().into()];
        let read = |rows: &mut Rows<'_>| rows.filter_map(|row| entry(row).transpose()).collect();
        Ok(self.database.fetch(&self.sql.of_account, &values, read).await?)
    }

    async fn delaying(&self, now: Timestamp, limit: usize) -> Result<Vec<Bucket>, StoreError> {
        let values = [millis(now).into(), millis(now).into(), number(limit as u64)];
        let bucket = |row: &dyn Columns| Ok(entry(row)?.map(|(_, stored)| stored.bucket));
        let read = |rows: &mut Rows<'_>| rows.filter_map(|row| bucket(row).transpose()).collect();
        Ok(self.database.fetch(&self.sql.delaying, &values, read).await?)
    }

    async fn purge_expired(&self, now: Timestamp, limit: u64) -> Result<u64, StoreError> {
        let values = [millis(now).into(), number(limit)];
        Ok(self.database.execute(&self.sql.purge_expired, &values).await?)
    }
}

impl fmt::Debug for SqlThrottle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlThrottle").field("database", &self.database).finish_non_exhaustive()
    }
}

fn key_value(key: &BucketKey) -> Value<'static> {
    Uuid::from_bytes(*key.as_bytes()).into()
}

/// What a change does to its row.
struct Row<'a> {
    change: &'a BucketChange,
    text: String,
}

impl<'a> Row<'a> {
    fn of(change: &'a BucketChange) -> Self {
        let text = change.new.as_ref().map(|new| new.bucket.to_text()).unwrap_or_default();
        Self { change, text }
    }

    fn statement<'s>(&'s self, sql: &'s Statements) -> (&'s SqlStr, Vec<Value<'s>>) {
        let key = key_value(&self.change.key);
        let expected = self.change.expected.map(number);
        let Some(new) = &self.change.new else {
            // A row that does not exist has no version.
            return (&sql.delete, vec![key, expected.unwrap_or(Value::Int(None))]);
        };
        let account = new.bucket.account();
        let set = [
            number(new.version),
            account.map_or("", Account::backend).into(),
            account.map_or("", Account::id).into(),
            millis(new.bucket.delayed_until()).into(),
            millis(new.bucket.expires()).into(),
            self.text.as_bytes().into(),
        ];
        match expected {
            None => (&sql.insert, [&[key][..], &set].concat()),
            Some(expected) => (&sql.update, [&set[..], &[key, expected]].concat()),
        }
    }
}

/// The columns that queries begin with: key, version, bucket. `None` for a row that cannot be read.
fn entry(row: &dyn Columns) -> Result<Option<(BucketKey, StoredBucket)>, DbError> {
    let text = row.bytes(2)?.and_then(|bytes| std::str::from_utf8(bytes).ok());
    let Some((key, bucket)) = row.uuid(0)?.zip(text.and_then(Bucket::from_text)) else {
        tracing::warn!(target: "auth", "a stored counter cannot be read: it counts as absent");
        return Ok(None);
    };
    let version = number_in(row, 1)?.try_into().unwrap_or_default();
    Ok(Some((BucketKey::from_bytes(key.into_bytes()), StoredBucket { bucket, version })))
}
