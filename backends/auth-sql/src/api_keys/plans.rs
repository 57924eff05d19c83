//! Tests: no statement on API keys walks through the table.

use super::statements::Statements;
use crate::driver::{Dialect, Value};
use crate::plans::{Case, NUMBER, TEXT};

const LOCAL: Value<'static> = Value::Text(Some("local"));

/// Keys of a tenth as many users; a few in a hundred have ended at time 1. To insert a row needs no plan.
fn keys(dialect: &Dialect) -> Case {
    let sql = Statements::new(&Statements::default_table(), dialect);
    let theirs = [NUMBER, LOCAL, TEXT];
    Case {
        table: "auth_api_keys",
        migrate: sql.migrate,
        columns: "key_id, backend, user_id, created, expires, details",
        row: |n, hex| format!("{n}, 'local', '{}', {n}, {}, {}", n / 10, 1 + n % 100, hex("7b7d".into())),
        statements: vec![
            (sql.find, vec![NUMBER]),
            (sql.of_owner, vec![LOCAL, TEXT, NUMBER]),
            (sql.count, vec![LOCAL, TEXT, NUMBER]),
            (sql.revoke, [&[NUMBER; 3][..], &theirs].concat()),
            (sql.end_by, [&[NUMBER; 4][..], &theirs].concat()),
            (sql.note_use, vec![NUMBER, NUMBER, NUMBER]),
            (sql.purge, vec![NUMBER, NUMBER]),
        ],
    }
}

#[tokio::test]
async fn sqlite_uses_indexes() {
    crate::plans::sqlite_uses_indexes(keys).await;
}

#[tokio::test]
async fn postgres_uses_indexes() {
    crate::plans::postgres_uses_indexes(keys).await;
}

#[tokio::test]
async fn maria_db_uses_indexes() {
    crate::plans::maria_db_uses_indexes(keys).await;
}
