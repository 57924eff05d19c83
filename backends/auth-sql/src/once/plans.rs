//! Tests: what is purged is found by its index. To insert a row needs no plan.

use super::statements::Statements;
use crate::driver::Dialect;
use crate::plans::{Case, NUMBER, ROWS};

/// A few in a hundred are over at time 1.
fn used(dialect: &Dialect) -> Case {
    let sql = Statements::new(&Statements::default_table(), dialect);
    Case {
        table: "auth_once",
        migrate: sql.migrate,
        rows: ROWS,
        columns: "once_key, expires",
        row: |n, hex| format!("{}, {}", hex(format!("{n:064x}")), 1 + n % 100),
        statements: vec![(sql.purge, vec![NUMBER, NUMBER])],
    }
}

#[tokio::test]
async fn sqlite_uses_indexes() {
    crate::plans::sqlite_uses_indexes(used).await;
}

#[tokio::test]
async fn postgres_uses_indexes() {
    crate::plans::postgres_uses_indexes(used).await;
}

#[tokio::test]
async fn maria_db_uses_indexes() {
    crate::plans::maria_db_uses_indexes(used).await;
}
