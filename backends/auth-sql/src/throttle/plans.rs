//! Tests: no statement on counters walks through the table.

use super::statements::{KEYS, Statements};
use crate::driver::{Dialect, Value};
use crate::plans::{Case, NUMBER, ROWS, TEXT};

const LOCAL: Value<'static> = Value::Text(Some("local"));
const ID: Value<'static> = Value::Uuid(Some(uuid::Uuid::from_bytes([7; 16])));
const BYTES: Value<'static> = Value::Bytes(Some(b"{}"));
/// So late that few wait for it.
const LATE: Value<'static> = Value::Int(Some(99));

/// Counters of as many names as rows, a tenth of them of accounts; a few in a hundred wait beyond time 99, a few have expired
/// at time 1. To insert a row needs no plan.
fn counters(dialect: &Dialect) -> Case {
    let sql = Statements::new(&Statements::default_table(), dialect);
    let set = [NUMBER, LOCAL, TEXT, NUMBER, NUMBER, BYTES];
    Case {
        table: "auth_throttle",
        migrate: sql.migrate,
        rows: ROWS,
        columns: "bucket_key, version, backend, account_id, delayed_until, expires, bucket",
        row: |n, hex| {
            let (digits, bucket) = (format!("{:04x}{n:028x}", n % 4_096), hex("7b7d".into()));
            // PostgreSQL reads a UUID from its digits, the others from its bytes.
            let key = if bucket.starts_with('x') { hex(digits) } else { format!("'{digits}'") };
            let account = if n % 10 == 0 { format!("'local', '{n}'") } else { "'', ''".into() };
            format!("{key}, 1, {account}, {}, {}, {bucket}", n % 101, 1 + n % 100)
        },
        statements: vec![
            (sql.load, vec![ID; KEYS]),
            (sql.update, [&set[..], &[ID, NUMBER]].concat()),
            (sql.delete, vec![ID, NUMBER]),
            (sql.of_account, vec![LOCAL, TEXT]),
            (sql.delaying, vec![LATE, NUMBER, NUMBER]),
            (sql.purge_expired, vec![NUMBER, NUMBER]),
        ],
    }
}

#[tokio::test]
async fn sqlite_uses_indexes() {
    crate::plans::sqlite_uses_indexes(counters).await;
}

#[tokio::test]
async fn postgres_uses_indexes() {
    crate::plans::postgres_uses_indexes(counters).await;
}

#[tokio::test]
async fn maria_db_uses_indexes() {
    crate::plans::maria_db_uses_indexes(counters).await;
}
