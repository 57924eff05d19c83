//! Tests: no statement on sessions walks through the table.

use super::statements::Statements;
use crate::driver::Dialect;
use crate::plans::{Case, KEY, NUMBER, TEXT};

/// A thousand users, all sessions with aliases, a few in a hundred expired at time 1.
fn sessions(dialect: &Dialect) -> Case {
    let sql = Statements::new(&Statements::default_table(), dialect);
    let set = [TEXT, TEXT, NUMBER, NUMBER, KEY];
    let live = [KEY, KEY, NUMBER, NUMBER];
    Case {
        table: "auth_sessions",
        migrate: sql.migrate,
        columns: "session_key, alias_key, alias_until, backend, user_id, version, last_seen, expires, record",
        row: |n, hex| {
            let (key, alias) = (hex(format!("01{n:062x}")), hex(format!("02{n:062x}")));
            format!("{key}, {alias}, 9, 'local', '{}', 1, 9, {}, {key}", n % 1_000, 1 + n % 100)
        },
        statements: vec![
            (sql.create, [&[KEY][..], &set, &[KEY]].concat()),
            (sql.load, vec![KEY, NUMBER]),
            (sql.load_by_alias, vec![KEY, NUMBER, NUMBER]),
            (sql.update, [&set[..], &live, &[NUMBER]].concat()),
            (sql.touch, [&[NUMBER; 4][..], &live].concat()),
            (sql.rotate, [&[KEY, KEY, NUMBER][..], &set, &[KEY, NUMBER, NUMBER, KEY]].concat()),
            (sql.delete, vec![KEY; 2]),
            (sql.delete_user, vec![TEXT, TEXT, KEY]),
            (sql.too_many, vec![TEXT, TEXT, NUMBER, KEY, NUMBER]),
            (sql.trim_user, vec![TEXT, TEXT, NUMBER, KEY, NUMBER, NUMBER, KEY]),
            (sql.list_user, vec![TEXT, TEXT, NUMBER]),
            (sql.purge_expired, vec![NUMBER, NUMBER]),
        ],
    }
}

#[tokio::test]
async fn sqlite_uses_indexes() {
    crate::plans::sqlite_uses_indexes(sessions).await;
}

#[tokio::test]
async fn postgres_uses_indexes() {
    crate::plans::postgres_uses_indexes(sessions).await;
}

#[tokio::test]
async fn maria_db_uses_indexes() {
    crate::plans::maria_db_uses_indexes(sessions).await;
}
