//! What a database must bring to be one of ours. Queries are written once, above this line.

#[cfg(feature = "sqlite")]
mod sqlite;

use std::future::Future;

use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};

use crate::error::DbError;

/// A pool of connections to a database.
pub(crate) trait Driver {
    /// How it wants its SQL.
    const DIALECT: &'static Dialect;
    /// A row of its answers.
    type Row: Columns;

    /// Runs a statement as a prepared one and says how many rows it changed (or found to change).
    fn execute(
        &self,
        sql: &SqlStr,
        values: &[Value<'_>],
    ) -> impl Future<Output = Result<u64, DbError>> + Send;

    /// Runs a query as a prepared one.
    fn fetch(
        &self,
        sql: &SqlStr,
        values: &[Value<'_>],
    ) -> impl Future<Output = Result<Vec<Self::Row>, DbError>> + Send;
}

/// A value for a placeholder. `None` is NULL of that type.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value<'a> {
    Int(Option<i64>),
    Text(Option<&'a str>),
    Bytes(Option<&'a [u8]>),
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Self::Int(Some(number))
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Some(text))
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Bytes(Some(bytes))
    }
}

/// A row, read by position. Texts and bytes are lent, not copied.
pub(crate) trait Columns {
    fn int(&self, at: usize) -> Result<i64, DbError>;
    fn text(&self, at: usize) -> Result<Option<&str>, DbError>;
    fn bytes(&self, at: usize) -> Result<Option<&[u8]>, DbError>;
}

/// The words in which databases differ. Texts compare byte for byte in columns of these types.
pub(crate) struct Dialect {
    /// Around an identifier.
    pub(crate) quote: char,
    /// The nth placeholder, from 1.
    pub(crate) placeholder: fn(usize) -> String,
    /// Types: 64-bit integer, truth value, text that may be a key, any bytes, bytes that may be a key.
    pub(crate) integer: &'static str,
    pub(crate) boolean: &'static str,
    pub(crate) text: &'static str,
    pub(crate) bytes: &'static str,
    pub(crate) key: &'static str,
    /// A primary key that counts up and never gives a number twice.
    pub(crate) counted: &'static str,
    /// After the columns of a new table.
    pub(crate) table_options: &'static str,
    /// After an INSERT: do nothing if a unique column has the value already.
    pub(crate) or_nothing: &'static str,
}

impl Dialect {
    /// A statement, from a text in which each `?` is a placeholder. Whatever else varies in it is a checked
    /// [`Identifier`](crate::identifier::Identifier).
    pub(crate) fn statement(&self, text: &str) -> SqlStr {
        let mut sql = String::with_capacity(text.len() + 16);
        for (n, part) in text.split('?').enumerate() {
            if n > 0 {
                sql += &(self.placeholder)(n);
            }
            sql += part;
        }
        AssertSqlSafe(std::sync::Arc::<str>::from(sql)).into_sql_str()
    }
}
