//! [`SqlApiKeys`]: API keys in a table.

#[cfg(test)]
mod plans;
mod statements;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use auth_core::api_keys::{ApiKey, ApiKeyId, ApiKeyOwner, ApiKeyStore, KeyEnd, check_store};
use auth_core::session::{StoreError, StoreErrorKind};
use auth_core::time::{SystemClock, Timestamp};
use auth_core::{BackendName, ConfigError, UserId};

use crate::Database;
use crate::driver::{Columns, Rows, Value, number as number_in};
use crate::error::{DbError, DbErrorKind};
use crate::identifier::Identifier;
use crate::purge::purge_every;
use crate::sessions::{millis, number};
use statements::Statements;

/// How long an owner still sees a key that has ended.
const SHOWN_FOR: Duration = Duration::from_hours(30 * 24);

/// An [`ApiKeyStore`] in a table, for all instances that share the database. Cheap to clone.
///
/// The table holds no keys, only a hash of each secret and what the owner sees of the key. Rows of keys that have
/// ended stay until they are purged: spawn [`purge_every`](Self::purge_every).
///
/// ```
/// use std::time::Duration;
///
/// use auth_core::Passwords;
/// use auth_core::api_keys::ApiKeys;
/// use auth_sql::{SqlApiKeys, SqlUsers};
/// # use sqlx::sqlite::SqlitePoolOptions;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await?;
/// let users = SqlUsers::new(pool.clone(), Passwords::new()?);
/// let kept = SqlApiKeys::new(pool);
/// kept.migrate().await?;
/// kept.check().await?;
/// tokio::spawn(kept.clone().purge_every(Duration::from_secs(600)));
/// let keys = ApiKeys::new("shop", kept)?.owners("local", users)?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct SqlApiKeys {
    database: Database,
    sql: Arc<Statements>,
}

impl SqlApiKeys {
    /// Keeps API keys in the table `auth_api_keys`.
    ///
    /// ```
    /// # use auth_sql::SqlApiKeys;
    /// # use sqlx::sqlite::SqlitePoolOptions;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await?;
    /// let kept = SqlApiKeys::new(pool);
    /// # Ok(())
    /// # }
    /// ```
    pub fn new(database: impl Into<Database>) -> Self {
        let database = database.into();
        let sql = Arc::new(Statements::new(&Statements::default_table(), database.dialect()));
        Self { database, sql }
    }

    /// Keeps API keys in another table.
    ///
    /// ```
    /// use auth_sql::SqlApiKeys;
    /// # use sqlx::sqlite::SqlitePoolOptions;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await?;
    /// let kept = SqlApiKeys::new(pool).with_table("shop_api_keys")?;
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
    /// # use auth_sql::SqlApiKeys;
    /// # use sqlx::sqlite::SqlitePoolOptions;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await?;
    /// # let kept = SqlApiKeys::new(pool);
    /// kept.migrate().await?; // when the program starts
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`StoreError`] if the database refuses or cannot be reached.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        Ok(self.database.migrate(&self.sql.migrate).await?)
    }

    /// Tries all that keys will need: see [`check_store`]. Call it when the program starts, after
    /// [`migrate`](Self::migrate).
    ///
    /// ```
    /// # use auth_sql::SqlApiKeys;
    /// # use sqlx::sqlite::SqlitePoolOptions;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await?;
    /// # let kept = SqlApiKeys::new(pool);
    /// # kept.migrate().await?;
    /// kept.check().await?; // after `migrate`, before the first request
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

    /// Removes keys that ended 30 days ago now and then, for as long as it is polled: run it in a separate task. It
    /// works as [`SqlSessions::purge_every`](crate::SqlSessions::purge_every).
    ///
    /// ```
    /// # use auth_sql::SqlApiKeys;
    /// # use sqlx::sqlite::SqlitePoolOptions;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await?;
    /// # let kept = SqlApiKeys::new(pool);
    /// tokio::spawn(kept.clone().purge_every(std::time::Duration::from_mins(10)));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn purge_every(self, about: Duration) {
        let purge = |now: Timestamp, limit| {
            let before = now.as_millis().saturating_sub(millis_of(SHOWN_FOR));
            self.purge(Timestamp::from_millis(before), limit)
        };
        purge_every(&SystemClock, about, "API keys that ended", purge).await;
    }

    async fn live_ones(&self, owner: &ApiKeyOwner, now: Timestamp) -> Result<i64, DbError> {
        let values = [owner.backend.as_str().into(), owner.user.as_str().into(), millis(now).into()];
        let count = |rows: &mut Rows<'_>| rows.next().map(|row| number_in(row, 0)).transpose();
        Ok(self.database.fetch(&self.sql.count, &values, count).await?.unwrap_or_default())
    }

    async fn insert(&self, key: &ApiKey) -> Result<(), DbError> {
        let details = key.details();
        let values = [
            id_value(key.id),
            key.owner.backend.as_str().into(),
            key.owner.user.as_str().into(),
            millis(key.created()).into(),
            optional(key.expires),
            optional(key.revoked),
            optional(key.last_used),
            key.expires.into_iter().chain(key.revoked).min().map_or(i64::MAX, millis).into(),
            details.as_bytes().into(),
        ];
        self.database.execute(&self.sql.insert, &values).await.map(drop)
    }
}

impl ApiKeyStore for SqlApiKeys {
    async fn add(&self, key: &ApiKey, max: usize, now: Timestamp) -> Result<bool, StoreError> {
        let max = i64::try_from(max).unwrap_or(i64::MAX);
        if self.live_ones(&key.owner, now).await? >= max {
            return Ok(false);
        }
        match self.insert(key).await {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == DbErrorKind::Taken => {
                Err(StoreError::because(StoreErrorKind::Exists, error))
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn find(&self, id: ApiKeyId) -> Result<Option<ApiKey>, StoreError> {
        let read = |rows: &mut Rows<'_>| rows.next().map(key).transpose();
        Ok(self.database.fetch(&self.sql.find, &[id_value(id)], read).await?.flatten())
    }

    async fn of_owner(&self, owner: &ApiKeyOwner, limit: usize) -> Result<Vec<ApiKey>, StoreError> {
        let values = [owner.backend.as_str().into(), owner.user.as_str().into(), number(limit as u64)];
        let read = |rows: &mut Rows<'_>| rows.filter_map(|row| key(row).transpose()).collect();
        Ok(self.database.fetch(&self.sql.of_owner, &values, read).await?)
    }

    async fn end(&self, owner: &ApiKeyOwner, id: ApiKeyId, end: KeyEnd) -> Result<bool, StoreError> {
        let (sql, at) = match end {
            KeyEnd::Revoked(at) => (&self.sql.revoke, millis(at)),
            KeyEnd::By(at) => (&self.sql.end_by, millis(at)),
        };
        let at = Value::from(at);
        let which = [id_value(id), owner.backend.as_str().into(), owner.user.as_str().into()];
        let times = if matches!(end, KeyEnd::Revoked(_)) { 3 } else { 4 };
        let values = [vec![at; times], which.to_vec()].concat();
        Ok(self.database.execute(sql, &values).await? > 0)
    }

    async fn note_use(&self, id: ApiKeyId, at: Timestamp) -> Result<(), StoreError> {
        let at = Value::from(millis(at));
        self.database.execute(&self.sql.note_use, &[at, id_value(id), at]).await?;
        Ok(())
    }

    async fn purge(&self, before: Timestamp, limit: u64) -> Result<u64, StoreError> {
        let last = Timestamp::from_millis(before.as_millis().saturating_sub(1));
        Ok(self.database.execute(&self.sql.purge, &[millis(last).into(), number(limit)]).await?)
    }
}

impl fmt::Debug for SqlApiKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlApiKeys").field("database", &self.database).finish_non_exhaustive()
    }
}

/// All 64 bits of it, in a signed number.
fn id_value(id: ApiKeyId) -> Value<'static> {
    Value::Int(Some(id.number().cast_signed()))
}

fn optional(time: Option<Timestamp>) -> Value<'static> {
    Value::Int(time.map(millis))
}

fn millis_of(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// The columns that queries begin with. `None` for a key that cannot be read.
fn key(row: &dyn Columns) -> Result<Option<ApiKey>, DbError> {
    let id = ApiKeyId::from_number(number_in(row, 0)?.cast_unsigned());
    let backend = row.text(1)?.and_then(BackendName::new);
    let user = row.text(2)?.and_then(|user| UserId::new(user).ok());
    let details = row.bytes(6)?.and_then(|bytes| std::str::from_utf8(bytes).ok());
    let owner = backend.zip(user).map(|(backend, user)| ApiKeyOwner { backend, user });
    let Some(mut key) = owner.zip(details).and_then(|(owner, details)| ApiKey::stored(id, owner, details))
    else {
        tracing::warn!(target: "auth", %id, "a stored API key cannot be read: it counts as absent");
        return Ok(None);
    };
    let time = |at| -> Result<Option<Timestamp>, DbError> {
        Ok(row.int(at)?.and_then(|millis| u64::try_from(millis).ok()).map(Timestamp::from_millis))
    };
    (key.expires, key.revoked, key.last_used) = (time(3)?, time(4)?, time(5)?);
    Ok(Some(key))
}
