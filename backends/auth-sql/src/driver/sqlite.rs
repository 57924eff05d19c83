//! `SQLite`.

use sqlx::sqlite::{SqliteArguments, SqlitePool, SqliteRow};
use sqlx::{Row, SqlStr, Sqlite, query};

use super::{Columns, Dialect, Driver, Value};
use crate::error::DbError;

type Query<'q> = sqlx::query::Query<'q, Sqlite, SqliteArguments>;

impl Driver for SqlitePool {
    const DIALECT: &'static Dialect = &Dialect {
        // In double quotes, SQLite takes a name that it does not know for a text.
        quote: '`',
        placeholder: |n| format!("?{n}"),
        integer: "INTEGER",
        boolean: "INTEGER",
        text: "TEXT",
        bytes: "BLOB",
        key: "BLOB",
        counted: "INTEGER PRIMARY KEY AUTOINCREMENT",
        table_options: " STRICT",
        or_nothing: " ON CONFLICT DO NOTHING",
    };
    type Row = SqliteRow;

    async fn execute(&self, sql: &SqlStr, values: &[Value<'_>]) -> Result<u64, DbError> {
        Ok(bound(sql, values).execute(self).await?.rows_affected())
    }

    async fn fetch(&self, sql: &SqlStr, values: &[Value<'_>]) -> Result<Vec<SqliteRow>, DbError> {
        Ok(bound(sql, values).fetch_all(self).await?)
    }
}

fn bound<'q>(sql: &SqlStr, values: &[Value<'_>]) -> Query<'q> {
    values.iter().fold(query(sql.clone()), |query, value| match *value {
        Value::Int(number) => query.bind(number),
        Value::Text(text) => query.bind(text),
        Value::Bytes(bytes) => query.bind(bytes),
    })
}

impl Columns for SqliteRow {
    fn int(&self, at: usize) -> Result<i64, DbError> {
        // Not as an `i64`: sqlx reads NULL as 0 then.
        let number: Option<i64> = self.try_get(at)?;
        number.ok_or_else(|| DbError::unreadable("a number is missing"))
    }

    fn text(&self, at: usize) -> Result<Option<&str>, DbError> {
        Ok(self.try_get(at)?)
    }

    fn bytes(&self, at: usize) -> Result<Option<&[u8]>, DbError> {
        Ok(self.try_get(at)?)
    }
}
