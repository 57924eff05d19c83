//! What a database must provide. Queries are written once, in terms of these traits.

#[cfg(any(feature = "mysql", feature = "postgres"))]
mod lent;
#[cfg(feature = "mysql")]
pub(crate) mod mysql;
#[cfg(feature = "postgres")]
pub(crate) mod postgres;
#[cfg(feature = "sqlite")]
pub(crate) mod sqlite;

use std::future::Future;

use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};
use uuid::Uuid;

use crate::error::DbError;
use crate::identifier::Identifier;

/// A pool of connections to a database.
pub(crate) trait Driver: Sync {
    /// How it wants its SQL.
    const DIALECT: &'static Dialect;
    /// A row of its answers.
    type Row: Columns;
    /// What [`begin`](Self::begin) starts.
    type Transaction: Transaction<Row = Self::Row>;

    /// Runs statements that each create a table or an index if it is missing. Several instances may do so at once.
    fn migrate(&self, statements: &[SqlStr]) -> impl Future<Output = Result<(), DbError>> + Send {
        async move {
            for statement in statements {
                self.execute(statement, &[]).await?;
            }
            Ok(())
        }
    }

    /// Runs a statement as a prepared one and says how many rows it changed (or found to change).
    fn execute(
        &self,
        sql: &SqlStr,
        values: &[Value<'_>],
    ) -> impl Future<Output = Result<u64, DbError>> + Send;

    /// Runs a statement once for each of these rows of values, all of them or none. Returns how many rows each run
    /// changed.
    fn execute_all(
        &self,
        sql: &SqlStr,
        rows: &[Vec<Value<'_>>],
    ) -> impl Future<Output = Result<Vec<u64>, DbError>> + Send;

    /// Runs a query as a prepared one.
    fn fetch(
        &self,
        sql: &SqlStr,
        values: &[Value<'_>],
    ) -> impl Future<Output = Result<Vec<Self::Row>, DbError>> + Send;

    /// Runs a query as a prepared statement and returns only the first row.
    fn first(
        &self,
        sql: &SqlStr,
        values: &[Value<'_>],
    ) -> impl Future<Output = Result<Option<Self::Row>, DbError>> + Send {
        async move { Ok(self.fetch(sql, values).await?.into_iter().next()) }
    }

    /// Begins a transaction that will write. Dropping it rolls it back.
    fn begin(&self) -> impl Future<Output = Result<Self::Transaction, DbError>> + Send;
}

/// Statements that take effect together or not at all.
pub(crate) trait Transaction: Send {
    /// A row of an answer.
    type Row: Columns;

    /// As [`Driver::execute`].
    fn execute(
        &mut self,
        sql: &SqlStr,
        values: &[Value<'_>],
    ) -> impl Future<Output = Result<u64, DbError>> + Send;

    /// As [`Driver::fetch`].
    fn fetch(
        &mut self,
        sql: &SqlStr,
        values: &[Value<'_>],
    ) -> impl Future<Output = Result<Vec<Self::Row>, DbError>> + Send;

    /// Commits the transaction.
    fn commit(self) -> impl Future<Output = Result<(), DbError>> + Send;

    /// Rolls the transaction back and keeps the connection.
    fn undo(self) -> impl Future<Output = Result<(), DbError>> + Send;
}

/// A value for a placeholder. `None` is NULL of that type.
#[derive(Clone, Copy)]
pub(crate) enum Value<'a> {
    Int(Option<i64>),
    Real(f64),
    Text(Option<&'a str>),
    Bytes(Option<&'a [u8]>),
    Uuid(Option<Uuid>),
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Self::Int(Some(number))
    }
}

impl From<Uuid> for Value<'_> {
    fn from(uuid: Uuid) -> Self {
        Self::Uuid(Some(uuid))
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

/// A row, read by position. Texts and bytes are borrowed, not copied. `None` is NULL.
pub(crate) trait Columns {
    fn int(&self, at: usize) -> Result<Option<i64>, DbError>;
    fn text(&self, at: usize) -> Result<Option<&str>, DbError>;
    fn bytes(&self, at: usize) -> Result<Option<&[u8]>, DbError>;
    fn uuid(&self, at: usize) -> Result<Option<Uuid>, DbError>;
    fn truth(&self, at: usize) -> Result<Option<bool>, DbError>;
    fn real(&self, at: usize) -> Result<Option<f64>, DbError>;
}

/// The rows of an answer.
pub(crate) type Rows<'r> = dyn Iterator<Item = &'r dyn Columns> + 'r;

/// A number that must not be NULL.
pub(crate) fn number(row: &dyn Columns, at: usize) -> Result<i64, DbError> {
    row.int(at)?.ok_or_else(|| DbError::unreadable("a number is missing"))
}

/// How the SQL of one database differs from another's. Columns of these types compare texts byte for byte.
pub(crate) struct Dialect {
    /// The name in a `Debug` text.
    pub(crate) name: &'static str,
    /// Around an identifier.
    pub(crate) quote: char,
    /// The nth placeholder, from 1.
    pub(crate) placeholder: fn(usize) -> String,
    /// Types: 64-bit integer, truth value, text that may be a key, any bytes, the key of a session, UUID.
    pub(crate) integer: &'static str,
    pub(crate) boolean: &'static str,
    pub(crate) text: &'static str,
    pub(crate) bytes: &'static str,
    pub(crate) key: &'static str,
    pub(crate) uuid: &'static str,
    /// A primary key that counts up and never reuses a number.
    pub(crate) counted: &'static str,
    /// A random UUID, as a column's default.
    pub(crate) new_uuid: &'static str,
    /// Aggregates a column's texts into one JSON array. `None` where the result may be cut short
    /// (`group_concat_max_len` of `MariaDB`).
    pub(crate) gather: Option<fn(&str) -> String>,
    /// After the columns of a new table.
    pub(crate) table_options: &'static str,
    /// Whether `CREATE TABLE` also creates the indexes; otherwise `CREATE INDEX IF NOT EXISTS` does.
    pub(crate) indexes_within: bool,
    /// Between a SELECT from no table and its WHERE.
    pub(crate) from_nothing: &'static str,
    /// Whether DELETE takes a LIMIT; elsewhere a query inside it does.
    pub(crate) limits_delete: bool,
    /// Added to that query: locks the rows that it found until they are deleted.
    pub(crate) lock_found: &'static str,
    /// Added to a query: locks the rows that it found until the transaction ends.
    pub(crate) lock: &'static str,
    /// Whether an UPDATE of the primary key creates another row, so that a DELETE which waits for the old one may
    /// miss it.
    pub(crate) misses_moved: bool,
    /// A query that finds a row if this table has this column.
    pub(crate) find_column: fn(&Identifier, &Identifier) -> String,
}

/// A column that a table of an earlier version may lack.
pub(crate) struct LaterColumn {
    /// Finds a row if the table has the column.
    pub(crate) find: SqlStr,
    pub(crate) add: SqlStr,
}

impl Dialect {
    /// The statements that make a table with its indexes, each given by the ending of its name and its columns.
    pub(crate) fn create_table(
        &self,
        table: &Identifier,
        columns: &str,
        indexes: &[(&str, &str)],
    ) -> Vec<SqlStr> {
        let t = table.quoted(self);
        let (mut columns, mut after) = (columns.to_owned(), Vec::new());
        for (ending, of) in indexes {
            let name = table.with_ending(ending).quoted(self);
            if self.indexes_within {
                columns = format!("{columns}, INDEX {name} ({of})");
            } else {
                after.push(format!("CREATE INDEX IF NOT EXISTS {name} ON {t} ({of})"));
            }
        }
        let options = self.table_options;
        let create = format!("CREATE TABLE IF NOT EXISTS {t} ({columns}){options}");
        std::iter::once(create).chain(after).map(|text| self.statement(&text)).collect()
    }

    /// The statements that look for a column and add it with this type. The column has a default, so that older
    /// versions of this crate can go on using the table.
    pub(crate) fn later_column(&self, table: &Identifier, column: &Identifier, of: &str) -> LaterColumn {
        let find = (self.find_column)(table, column);
        let (t, c) = (table.quoted(self), column.quoted(self));
        let add = format!("ALTER TABLE {t} ADD COLUMN {c} {of}");
        LaterColumn { find: self.statement(&find), add: self.statement(&add) }
    }

    /// Removes rows that have expired, by the column of that name. `key` is the table's. Values: now, limit.
    pub(crate) fn purge_expired(&self, table: &Identifier, key: &str) -> SqlStr {
        let t = table.quoted(self);
        // The order makes sure of the index.
        let expired = "WHERE expires <= ? ORDER BY expires LIMIT ?";
        if self.limits_delete {
            return self.statement(&format!("DELETE FROM {t} {expired}"));
        }
        let lock = self.lock_found;
        self.statement(&format!(
            "WITH expired AS MATERIALIZED (SELECT {key} FROM {t} {expired}{lock}) \
             DELETE FROM {t} WHERE {key} IN (SELECT {key} FROM expired)"
        ))
    }

    /// A statement from a text in which each `?` is a placeholder. The only other variable parts are checked
    /// [`Identifier`]s.
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
