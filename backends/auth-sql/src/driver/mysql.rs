//! `MySQL` and `MariaDB`.

use sqlx::error::DatabaseError;
use sqlx::mysql::{MySqlArguments, MySqlDatabaseError, MySqlPool, MySqlRow};
use sqlx::{Connection, MySql, Row, SqlStr, Type, ValueRef, query};
use uuid::Uuid;

use super::lent::{Lent, LentTransaction};
use super::{Columns, Dialect, Driver, Transaction, Value};
use crate::error::DbError;

type Query<'q> = sqlx::query::Query<'q, MySql, MySqlArguments>;

/// sqlx asks the server to count the rows that a statement found (`CLIENT_FOUND_ROWS`), including those that it left
/// unchanged. So a write of equal values is not taken for a write that came too late.
impl Driver for MySqlPool {
    const DIALECT: &'static Dialect = &Dialect {
        name: "MySql",
        quote: '`',
        placeholder: |_| "?".into(),
        integer: "BIGINT",
        boolean: "BOOLEAN",
        // No collation that compares byte for byte exists on both servers, except `utf8mb4_bin`, which ignores
        // trailing spaces. An index has room for two columns of this length, in bytes.
        text: "VARBINARY(1024)",
        bytes: "MEDIUMBLOB",
        key: "BINARY(32)",
        uuid: "BINARY(16)",
        counted: "BIGINT AUTO_INCREMENT PRIMARY KEY",
        new_uuid: "(UNHEX(REPLACE(UUID(), '-', '')))",
        gather: None,
        table_options: " ENGINE = InnoDB",
        indexes_within: true,
        from_nothing: " FROM DUAL",
        limits_delete: true,
        lock_found: "",
        lock: " FOR UPDATE",
        misses_moved: true,
        find_column: |table, column| {
            format!("SHOW COLUMNS FROM {} LIKE '{}'", table.quoted(Self::DIALECT), column.as_str())
        },
    };
    type Row = MySqlRow;
    type Transaction = LentTransaction<MySql>;

    async fn execute(&self, sql: &SqlStr, values: &[Value<'_>]) -> Result<u64, DbError> {
        let mut lent = Lent::from(self).await?;
        Ok(bound(sql, values).execute(&mut *lent).await?.rows_affected())
    }

    async fn execute_all(&self, sql: &SqlStr, rows: &[Vec<Value<'_>>]) -> Result<Vec<u64>, DbError> {
        let mut lent = Lent::from(self).await?;
        let mut transaction = lent.begin().await?;
        let mut changed = Vec::with_capacity(rows.len());
        for values in rows {
            changed.push(bound(sql, values).execute(&mut *transaction).await?.rows_affected());
        }
        transaction.commit().await?;
        Ok(changed)
    }

    async fn fetch(&self, sql: &SqlStr, values: &[Value<'_>]) -> Result<Vec<MySqlRow>, DbError> {
        let mut lent = Lent::from(self).await?;
        Ok(bound(sql, values).fetch_all(&mut *lent).await?)
    }

    async fn begin(&self) -> Result<Self::Transaction, DbError> {
        LentTransaction::begin(self).await
    }
}

impl Transaction for LentTransaction<MySql> {
    type Row = MySqlRow;

    async fn execute(&mut self, sql: &SqlStr, values: &[Value<'_>]) -> Result<u64, DbError> {
        Ok(bound(sql, values).execute(&mut **self).await?.rows_affected())
    }

    async fn fetch(&mut self, sql: &SqlStr, values: &[Value<'_>]) -> Result<Vec<MySqlRow>, DbError> {
        Ok(bound(sql, values).fetch_all(&mut **self).await?)
    }

    async fn commit(self) -> Result<(), DbError> {
        LentTransaction::commit(self).await
    }

    async fn undo(self) -> Result<(), DbError> {
        LentTransaction::undo(self).await
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

impl Columns for MySqlRow {
    fn int(&self, at: usize) -> Result<Option<i64>, DbError> {
        if !<u64 as Type<MySql>>::compatible(&self.try_get_raw(at)?.type_info()) {
            return Ok(self.try_get(at)?);
        }
        let unsigned: Option<u64> = self.try_get(at)?;
        let fits = |number: u64| number.try_into().map_err(|_| DbError::unreadable("a number is too large"));
        unsigned.map(fits).transpose()
    }

    fn text(&self, at: usize) -> Result<Option<&str>, DbError> {
        // Read as bytes, because this crate's text columns are VARBINARY.
        let text = self.bytes(at)?.map(str::from_utf8).transpose();
        text.map_err(|_| DbError::unreadable("a text is not UTF-8"))
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

/// Whether an error number says that the server refuses the values, which SQLSTATE HY000 does not tell. In order:
/// column cannot be null, packet too large, out of range, truncated, illegal mix of collations (3), wrong value (2),
/// invalid text for the character set (2), too long (2), a trigger's SIGNAL, impossible conversion of a collation, a
/// CHECK of `MySQL`, and one of `MariaDB`.
pub(crate) fn is_refusal(number: u16) -> bool {
    matches!(
        number,
        1048 | 1153
            | 1264
            | 1265
            | 1267
            | 1270
            | 1271
            | 1292
            | 1367
            | 1300
            | 1366
            | 1406
            | 1301
            | 1644
            | 3988
            | 3819
            | 4025
    )
}

/// Whether a number says that the statement took too long (`MySQL`, `MariaDB`), or was killed.
pub(crate) fn is_given_up(number: u16) -> bool {
    matches!(number, 1317 | 1969 | 3024)
}

/// The server's error number: many errors share one SQLSTATE.
pub(crate) fn number(error: &dyn DatabaseError) -> Option<u16> {
    error.try_downcast_ref::<MySqlDatabaseError>().map(MySqlDatabaseError::number)
}
