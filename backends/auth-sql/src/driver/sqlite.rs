//! `SQLite`.

mod kept;

use sqlx::error::DatabaseError;
use sqlx::sqlite::{SqliteArguments, SqliteError, SqliteRow};
use sqlx::{Row, SqlStr, Sqlite, query};
use uuid::Uuid;

use super::{Columns, Dialect, Driver, Transaction, Value};
use crate::error::DbError;
pub(crate) use kept::Connections;

type Query<'q> = sqlx::query::Query<'q, Sqlite, SqliteArguments>;

impl Driver for Connections {
    const DIALECT: &'static Dialect = &Dialect {
        name: "Sqlite",
        // SQLite takes an unknown name in double quotes for a text.
        quote: '`',
        placeholder: |n| format!("?{n}"),
        integer: "INTEGER",
        boolean: "INTEGER",
        text: "TEXT",
        bytes: "BLOB",
        key: "BLOB",
        uuid: "BLOB",
        counted: "INTEGER PRIMARY KEY AUTOINCREMENT",
        new_uuid: "(randomblob(16))",
        // Each row is sent from one thread to another.
        gather: Some(|column| format!("json_group_array({column})")),
        table_options: " STRICT",
        indexes_within: false,
        from_nothing: "",
        limits_delete: false,
        // There is only one writer at a time.
        lock_found: "",
        // The transaction began as a writing one.
        lock: "",
        misses_moved: false,
        find_column: |table, column| {
            format!(
                "SELECT 1 FROM pragma_table_info('{}') WHERE name = '{}'",
                table.as_str(),
                column.as_str()
            )
        },
    };
    type Row = SqliteRow;
    type Transaction = sqlx::Transaction<'static, Sqlite>;

    async fn execute(&self, sql: &SqlStr, values: &[Value<'_>]) -> Result<u64, DbError> {
        Ok(bound(sql, values).execute(self.pool()).await?.rows_affected())
    }

    async fn execute_all(&self, sql: &SqlStr, rows: &[Vec<Value<'_>>]) -> Result<Vec<u64>, DbError> {
        let mut transaction = self.pool().begin().await?;
        let mut changed = Vec::with_capacity(rows.len());
        for values in rows {
            changed.push(bound(sql, values).execute(&mut *transaction).await?.rows_affected());
        }
        transaction.commit().await?;
        Ok(changed)
    }

    async fn fetch(&self, sql: &SqlStr, values: &[Value<'_>]) -> Result<Vec<SqliteRow>, DbError> {
        let mut lent = self.lend().await?;
        let rows = bound(sql, values).fetch_all(&mut **lent.connection()).await?;
        lent.keep();
        Ok(rows)
    }

    async fn first(&self, sql: &SqlStr, values: &[Value<'_>]) -> Result<Option<SqliteRow>, DbError> {
        let mut lent = self.lend().await?;
        let row = bound(sql, values).fetch_optional(&mut **lent.connection()).await?;
        lent.keep();
        Ok(row)
    }

    async fn begin(&self) -> Result<Self::Transaction, DbError> {
        Ok(self.pool().begin_with("BEGIN IMMEDIATE").await?)
    }
}

impl Transaction for sqlx::Transaction<'static, Sqlite> {
    type Row = SqliteRow;

    async fn execute(&mut self, sql: &SqlStr, values: &[Value<'_>]) -> Result<u64, DbError> {
        Ok(bound(sql, values).execute(&mut **self).await?.rows_affected())
    }

    async fn fetch(&mut self, sql: &SqlStr, values: &[Value<'_>]) -> Result<Vec<SqliteRow>, DbError> {
        Ok(bound(sql, values).fetch_all(&mut **self).await?)
    }

    async fn commit(self) -> Result<(), DbError> {
        Ok(self.commit().await?)
    }

    async fn undo(self) -> Result<(), DbError> {
        Ok(self.rollback().await?)
    }
}

fn bound<'q>(sql: &SqlStr, values: &[Value<'_>]) -> Query<'q> {
    values.iter().fold(query(sql.clone()), |query, value| match *value {
        Value::Int(number) => query.bind(number),
        Value::Real(number) => query.bind(number),
        Value::Text(text) => query.bind(text),
        Value::Bytes(bytes) => query.bind(bytes),
        Value::Uuid(uuid) => query.bind(uuid),
    })
}

impl Columns for SqliteRow {
    fn int(&self, at: usize) -> Result<Option<i64>, DbError> {
        Ok(self.try_get(at)?)
    }

    fn text(&self, at: usize) -> Result<Option<&str>, DbError> {
        Ok(self.try_get(at)?)
    }

    fn bytes(&self, at: usize) -> Result<Option<&[u8]>, DbError> {
        Ok(self.try_get(at)?)
    }

    fn uuid(&self, at: usize) -> Result<Option<Uuid>, DbError> {
        Ok(self.try_get(at)?)
    }

    fn truth(&self, at: usize) -> Result<Option<bool>, DbError> {
        Ok(self.int(at)?.map(|number| number != 0))
    }

    fn real(&self, at: usize) -> Result<Option<f64>, DbError> {
        Ok(self.try_get(at)?)
    }
}

/// Whether an error comes from `SQLite` itself.
pub(crate) fn is_of(error: &dyn DatabaseError) -> bool {
    error.try_downcast_ref::<SqliteError>().is_some()
}

/// Whether a code says that `SQLite` refuses the values: `SQLITE_TOOBIG`, `SQLITE_CONSTRAINT`, `SQLITE_MISMATCH`. The
/// lowest byte of an extended code is the primary code.
pub(crate) fn is_refusal(code: &str) -> bool {
    code.parse().is_ok_and(|code: u32| matches!(code & 0xff, 18..=20))
}

/// Whether a code says that nothing may be written (`SQLITE_READONLY`).
pub(crate) fn is_read_only(code: &str) -> bool {
    code.parse().is_ok_and(|code: u32| code & 0xff == 8)
}
