//! Tests: a session table may hold millions of rows, and no statement may walk through it.

use sqlx::mysql::{MySqlPool, MySqlPoolOptions};
use sqlx::postgres::{PgPool, PgPoolOptions};
use sqlx::sqlite::{SqlitePool, SqlitePoolOptions};
use sqlx::{AssertSqlSafe, Row, SqlSafeStr, SqlStr};
use test_servers::{MariaDb, Postgres};

use super::statements::Statements;
use crate::driver::{Driver, Value};

/// Enough for a planner to look for an index.
const ROWS: u32 = 20_000;
const TEXT: Value<'static> = Value::Text(Some("7"));
const TIME: Value<'static> = Value::Int(Some(1));
const KEY: Value<'static> = Value::Bytes(Some(&[7; 32]));

/// Each statement with values of the right types.
fn all(sql: &Statements) -> Vec<(&SqlStr, Vec<Value<'static>>)> {
    let set = [TEXT, TEXT, TIME, TIME, KEY];
    let live = [KEY, KEY, TIME, TIME];
    vec![
        (&sql.create, [&[KEY][..], &set, &[KEY]].concat()),
        (&sql.load, vec![KEY, TIME]),
        (&sql.load_by_alias, vec![KEY, TIME, TIME]),
        (&sql.update, [&set[..], &live, &[TIME]].concat()),
        (&sql.touch, [&[TIME; 4][..], &live].concat()),
        (&sql.rotate, [&[KEY, KEY, TIME][..], &set, &[KEY, TIME, TIME, KEY]].concat()),
        (&sql.delete, vec![KEY; 2]),
        (&sql.delete_user, vec![TEXT, TEXT, KEY]),
        (&sql.list_user, vec![TEXT, TEXT, TIME]),
        (&sql.purge_expired, vec![TIME, TIME]),
    ]
}

/// Makes the table and fills it: a thousand users, all with aliases, a few in a hundred expired at time 1.
async fn filled<D: Driver>(pool: &D, hex: impl Fn(String) -> String) -> Statements {
    let sql = Statements::new(&Statements::default_table(), D::DIALECT);
    pool.migrate(&sql.migrate).await.unwrap();
    let row = |n: &u32| {
        let (key, alias) = (hex(format!("01{n:062x}")), hex(format!("02{n:062x}")));
        format!("({key}, {alias}, 9, 'local', '{}', 1, 9, {}, {key})", n % 1_000, 1 + n % 100)
    };
    for some in (0..ROWS).collect::<Vec<_>>().chunks(1_000) {
        let rows: Vec<_> = some.iter().map(row).collect();
        let insert = format!(
            "INSERT INTO auth_sessions (session_key, alias_key, alias_until, backend, user_id, version, \
             last_seen, expires, record) VALUES {}",
            rows.join(", ")
        );
        pool.execute(&text(insert), &[]).await.unwrap();
    }
    sql
}

/// A statement as it is.
fn text(sql: String) -> SqlStr {
    AssertSqlSafe(sql).into_sql_str()
}

#[tokio::test]
async fn sqlite_uses_indexes() {
    let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await.unwrap();
    let sql = filled::<SqlitePool>(&pool, |hex| format!("x'{hex}'")).await;
    for (statement, values) in all(&sql) {
        let explain = format!("EXPLAIN QUERY PLAN {}", statement.as_str());
        let plan = Driver::fetch(&pool, &text(explain), &values).await.unwrap();
        let plan: Vec<String> = plan.iter().map(|row| row.get("detail")).collect();
        // What is looked up by an index may be gone through: `other` has a row at most, `expired` the limit.
        let fine = ["SCAN CONSTANT ROW", "SCAN other", "SCAN expired"];
        let walks = plan.iter().any(|step| step.starts_with("SCAN") && !fine.contains(&&**step));
        assert!(!walks && !plan.is_empty(), "{}: {plan:?}", statement.as_str());
    }
}

#[tokio::test]
async fn postgres_uses_indexes() {
    let server = Postgres::start();
    let pool = PgPoolOptions::new().max_connections(1).connect(&server.url()).await.unwrap();
    let sql = filled::<PgPool>(&pool, |hex| format!("'\\x{hex}'")).await;
    pool.execute(&text("ANALYZE auth_sessions".into()), &[]).await.unwrap();
    for (statement, values) in all(&sql) {
        let explain = text(format!("EXPLAIN {}", statement.as_str()));
        let plan = Driver::fetch(&pool, &explain, &values).await.unwrap();
        let plan: Vec<String> = plan.iter().map(|row| row.get(0)).collect();
        let plan = plan.join("\n");
        println!("{}\n{plan}\n", statement.as_str());
        assert!(!plan.contains("Seq Scan") && plan.contains("Index"), "{}: {plan}", statement.as_str());
    }
}

#[tokio::test]
async fn maria_db_uses_indexes() {
    let server = MariaDb::start();
    let pool = MySqlPoolOptions::new().max_connections(1).connect(&server.url()).await.unwrap();
    let sql = filled::<MySqlPool>(&pool, |hex| format!("x'{hex}'")).await;
    pool.execute(&text("ANALYZE TABLE auth_sessions".into()), &[]).await.unwrap();
    for (statement, values) in all(&sql) {
        let explain = text(format!("EXPLAIN {}", statement.as_str()));
        let plan = Driver::fetch(&pool, &explain, &values).await.unwrap();
        for step in plan {
            let (kind, key): (Option<String>, Option<String>) = (step.get("type"), step.get("key"));
            let extra: Option<String> = step.get("Extra");
            println!("{}\n{kind:?} {key:?} {extra:?}\n", statement.as_str());
            let walks = matches!(kind.as_deref(), Some("ALL" | "index")) && key.is_none();
            assert!(!walks, "{}: {kind:?} {key:?} {extra:?}", statement.as_str());
        }
    }
}
