//! Tests: no statement on sessions walks through the table.

use super::statements::Statements;
use crate::driver::{Dialect, Value};
use crate::plans::{Case, KEY, NUMBER, ROWS, TEXT};

const LOCAL: Value<'static> = Value::Text(Some("local"));
const SHOP: Value<'static> = Value::Text(Some("shop"));
/// A key behind [`KEY`], which few come between.
const LAST: Value<'static> = Value::Bytes(Some(&[8; 32]));

/// A thousand users and as many visitors as all of them, all sessions with aliases, a few in a hundred expired at time 1.
fn sessions(dialect: &Dialect) -> Case {
    let sql = Statements::new(&Statements::default_table(), dialect);
    let set = [LOCAL, TEXT, SHOP, NUMBER, NUMBER, KEY];
    let whose = [LOCAL, TEXT, SHOP, SHOP];
    let live = [KEY, KEY, NUMBER, NUMBER];
    let of_key = vec![KEY, LAST, KEY];
    let others = [&whose[..], &[KEY, LAST]].concat();
    let alive = [&whose[..], &[NUMBER, KEY, LAST]].concat();
    let mut statements = vec![
        (sql.create, [&[KEY][..], &set, &[KEY]].concat()),
        (sql.load, vec![KEY, NUMBER]),
        (sql.load_by_alias, vec![KEY, NUMBER, NUMBER]),
        (sql.update, [&set[..], &live, &[NUMBER]].concat()),
        (sql.touch, [&[NUMBER; 4][..], &live].concat()),
        (sql.rotate, [&[KEY, KEY, NUMBER][..], &set, &[KEY, NUMBER, NUMBER, KEY]].concat()),
        (sql.delete.delete, of_key.clone()),
        (sql.delete_user.delete, others.clone()),
        (sql.too_many, [&alive[..], &[NUMBER]].concat()),
        (sql.trim_user, [&alive[..], &[NUMBER, NUMBER, KEY]].concat()),
        (sql.list_user, [&whose[..], &[NUMBER]].concat()),
        (sql.purge_expired, vec![NUMBER, NUMBER]),
    ];
    let missed = [(sql.delete.missed, of_key), (sql.delete_user.missed, others)];
    statements.extend(missed.into_iter().filter_map(|(sql, values)| Some((sql?, values))));
    Case {
        table: "auth_sessions",
        migrate: sql.migrate,
        rows: ROWS,
        columns: "session_key, alias_key, alias_until, backend, user_id, version, last_seen, expires, record, realm",
        row: |n, hex| {
            let (key, alias) = (hex(format!("{:04x}{n:060x}", n % 4_096)), hex(format!("02{n:062x}")));
            let user = if n % 2 == 0 { "'', ''".into() } else { format!("'local', '{}'", n / 2 % 1_000) };
            format!("{key}, {alias}, 9, {user}, 1, 9, {}, {key}, 'shop'", 1 + n % 100)
        },
        statements,
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
