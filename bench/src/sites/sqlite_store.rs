//! What `tower-sessions-sqlx-store` 0.15 does for `SQLite`, on the sqlx of this workspace: that crate needs sqlx
//! 0.8, and a program can only be linked with one version of the library behind both. Same table, same
//! statements, same encoding.

use async_trait::async_trait;
use sqlx::{AssertSqlSafe, SqliteConnection, SqlitePool};
use time::OffsetDateTime;
use tower_sessions::SessionStore;
use tower_sessions::session::{Id, Record};
use tower_sessions::session_store::{Error, Result};

const TABLE: &str = "tower_sessions";

#[derive(Clone, Debug)]
pub(crate) struct SqliteStore {
    pool: SqlitePool,
}

impl SqliteStore {
    /// Makes the table if it is missing.
    ///
    /// # Errors
    /// If the database refuses.
    pub(crate) async fn new(pool: SqlitePool) -> std::result::Result<Self, String> {
        let table = "create table if not exists tower_sessions \
                     (id text primary key not null, data blob not null, expiry_date integer not null)";
        sqlx::query(table).execute(&pool).await.map_err(|error| error.to_string())?;
        Ok(Self { pool })
    }

    async fn try_create(connection: &mut SqliteConnection, record: &Record) -> Result<bool> {
        let sql = format!("insert or abort into {TABLE} (id, data, expiry_date) values (?, ?, ?)");
        let done = sqlx::query(AssertSqlSafe(sql))
            .bind(record.id.to_string())
            .bind(encode(record)?)
            .bind(record.expiry_date)
            .execute(connection)
            .await;
        match done {
            Ok(_) => Ok(true),
            Err(sqlx::Error::Database(error)) if error.is_unique_violation() => Ok(false),
            Err(error) => Err(backend(&error)),
        }
    }
}

// The crate makes its statements anew for each call, because the table's name can be set: so it is done here.
#[async_trait]
impl SessionStore for SqliteStore {
    async fn create(&self, record: &mut Record) -> Result<()> {
        let mut transaction = self.pool.begin().await.map_err(|error| backend(&error))?;
        while !Self::try_create(&mut transaction, record).await? {
            record.id = Id::default();
        }
        transaction.commit().await.map_err(|error| backend(&error))
    }

    async fn save(&self, record: &Record) -> Result<()> {
        let sql = format!(
            "insert into {TABLE} (id, data, expiry_date) values (?, ?, ?) \
             on conflict(id) do update set data = excluded.data, expiry_date = excluded.expiry_date"
        );
        let query = sqlx::query(AssertSqlSafe(sql))
            .bind(record.id.to_string())
            .bind(encode(record)?)
            .bind(record.expiry_date);
        query.execute(&self.pool).await.map_err(|error| backend(&error))?;
        Ok(())
    }

    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        let sql = format!("select data from {TABLE} where id = ? and expiry_date > ?");
        let query = sqlx::query_as(AssertSqlSafe(sql)).bind(id.to_string()).bind(OffsetDateTime::now_utc());
        let row: Option<(Vec<u8>,)> =
            query.fetch_optional(&self.pool).await.map_err(|error| backend(&error))?;
        row.map(|(data,)| rmp_serde::from_slice(&data))
            .transpose()
            .map_err(|error| Error::Decode(error.to_string()))
    }

    async fn delete(&self, id: &Id) -> Result<()> {
        let sql = format!("delete from {TABLE} where id = ?");
        let query = sqlx::query(AssertSqlSafe(sql)).bind(id.to_string());
        query.execute(&self.pool).await.map_err(|error| backend(&error))?;
        Ok(())
    }
}

fn encode(record: &Record) -> Result<Vec<u8>> {
    rmp_serde::to_vec(record).map_err(|error| Error::Encode(error.to_string()))
}

fn backend(error: &sqlx::Error) -> Error {
    Error::Backend(error.to_string())
}
