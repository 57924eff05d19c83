//! Tests: no statement on second factors walks through its table.

use super::statements::{Statements, Tables};
use crate::driver::{Dialect, Value};
use crate::plans::{Case, KEY, NUMBER, ROWS, TEXT};

const LOCAL: Value<'static> = Value::Text(Some("local"));
const BYTES: Value<'static> = Value::Bytes(Some(b"{}"));
const THEIRS: [Value<'static>; 3] = [NUMBER, LOCAL, TEXT];

/// Factors of half as many users.
fn factors(dialect: &Dialect) -> Case {
    let sql = Statements::new(&Tables::default(), dialect);
    Case {
        table: "auth_factors",
        migrate: sql.migrate,
        rows: ROWS,
        columns: "factor_id, backend, user_id, kind, created, confirmed, last_step, name, secret, lookup_key",
        row: |n, hex| {
            let [secret, lookup] = ["7b7d".into(), format!("{n:064x}")].map(hex);
            format!("{n}, 'local', '{}', 3, {n}, {n}, {n}, 'phone', {secret}, {lookup}", n / 2)
        },
        statements: vec![
            (sql.of_owner, vec![LOCAL, TEXT]),
            (sql.by_lookup, vec![KEY]),
            (sql.count, vec![LOCAL, TEXT]),
            (sql.confirm, [&[NUMBER; 2][..], &THEIRS].concat()),
            (sql.use_step, [&[NUMBER; 2][..], &THEIRS, &[NUMBER]].concat()),
            (sql.note_use, [&[NUMBER][..], &THEIRS].concat()),
            (sql.note_any_use, [&[NUMBER][..], &THEIRS].concat()),
            (sql.replace_secret, [&[BYTES][..], &THEIRS, &[BYTES]].concat()),
            (sql.rename, [&[TEXT][..], &THEIRS].concat()),
            (sql.remove, THEIRS.to_vec()),
            (sql.remove_kind, vec![LOCAL, TEXT, NUMBER]),
            (sql.remove_all, vec![LOCAL, TEXT]),
        ],
    }
}

/// Ten codes of each user.
fn codes(dialect: &Dialect) -> Case {
    let sql = Statements::new(&Tables::default(), dialect);
    Case {
        table: "auth_recovery_codes",
        migrate: sql.migrate,
        rows: ROWS,
        columns: "factor_id, backend, user_id, code",
        row: |n, hex| format!("{}, 'local', '{}', {}", n / 10, n / 10, hex(format!("{n:064x}"))),
        statements: vec![
            (sql.codes_of_owner, vec![LOCAL, TEXT]),
            (sql.use_code, [&THEIRS[..], &[KEY]].concat()),
            (sql.remove_codes, THEIRS.to_vec()),
            (sql.remove_all_codes, vec![LOCAL, TEXT]),
        ],
    }
}

fn tries(dialect: &Dialect) -> Case {
    let sql = Statements::new(&Tables::default(), dialect);
    Case {
        table: "auth_factor_tries",
        migrate: sql.migrate,
        rows: ROWS,
        columns: "backend, user_id, counted, blocked_until",
        row: |n, _| format!("'local', '{n}', 1, {n}"),
        statements: vec![
            (sql.tries, vec![LOCAL, TEXT]),
            (sql.replace_tries, vec![NUMBER, NUMBER, LOCAL, TEXT, NUMBER, NUMBER]),
            (sql.remove_tries, vec![LOCAL, TEXT]),
        ],
    }
}

#[tokio::test]
async fn sqlite_uses_indexes() {
    for case in [factors, codes, tries] {
        crate::plans::sqlite_uses_indexes(case).await;
    }
}

#[tokio::test]
async fn postgres_uses_indexes() {
    for case in [factors, codes, tries] {
        crate::plans::postgres_uses_indexes(case).await;
    }
}

#[tokio::test]
async fn maria_db_uses_indexes() {
    for case in [factors, codes, tries] {
        crate::plans::maria_db_uses_indexes(case).await;
    }
}
