//! Tests: no statement on API keys walks through the table.

use super::statements::Statements;
use crate::driver::{Dialect, Value};
use crate::plans::{Case, NUMBER, ROWS, TEXT};

const LOCAL: Value<'static> = Value::Text(Some("local"));

/// Keys of a tenth as many users; a few in a hundred have ended at time 1. To insert a row needs no plan.
fn keys(dialect: &Dialect) -> Case {
    let sql = Statements::new(&Statements::default_table(), dialect);
    let theirs = [NUMBER, LOCAL, TEXT];
    Case {
        table: "auth_api_keys",
        migrate: sql.migrate,
        rows: ROWS,
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

/// A user with as many keys as a list shows, among five times as many of others.
fn keys_of_one(dialect: &Dialect) -> Case {
    let usual = keys(dialect);
    let sql = Statements::new(&Statements::default_table(), dialect);
    let all = Value::Int(Some(10_000));
    Case {
        rows: 60_000,
        row: |n, hex| {
            let user = if n < 10_000 { 7 } else { n };
            format!("{n}, 'local', '{user}', {n}, {}, {}", 1 + n % 100, hex("7b7d".into()))
        },
        statements: vec![
            (sql.find, vec![NUMBER]),
            (sql.of_owner, vec![LOCAL, TEXT, all]),
            (sql.count, vec![LOCAL, TEXT, NUMBER]),
        ],
        ..usual
    }
}

#[tokio::test]
async fn sqlite_uses_indexes() {
    crate::plans::sqlite_uses_indexes(keys).await;
    crate::plans::sqlite_uses_indexes(keys_of_one).await;
}

#[tokio::test]
async fn postgres_uses_indexes() {
    crate::plans::postgres_uses_indexes(keys).await;
    crate::plans::postgres_uses_indexes(keys_of_one).await;
}

#[tokio::test]
async fn maria_db_uses_indexes() {
    crate::plans::maria_db_uses_indexes(keys).await;
    crate::plans::maria_db_uses_indexes(keys_of_one).await;
}
