//! Tests' means: tables may hold millions of rows, and no statement may walk through them.

use sqlx::mysql::{MySqlPool, MySqlPoolOptions};
use sqlx::postgres::PgPoolOptions;
use sqlx::sqlite::SqlitePoolOptions;
use sqlx::{AssertSqlSafe, Row, SqlSafeStr, SqlStr};
use test_servers::{MariaDb, Postgres};

use crate::driver::sqlite::Connections;
use crate::driver::{Dialect, Driver, Value, postgres};

pub(crate) const TEXT: Value<'static> = Value::Text(Some("7"));
pub(crate) const NUMBER: Value<'static> = Value::Int(Some(1));
pub(crate) const KEY: Value<'static> = Value::Bytes(Some(&[7; 32]));

/// Enough rows for a planner to look for an index.
pub(crate) const ROWS: u32 = 20_000;

/// A table and what is asked of it.
pub(crate) struct Case {
    pub(crate) table: &'static str,
    pub(crate) migrate: Vec<SqlStr>,
    pub(crate) rows: u32,
    /// The columns of a row.
    pub(crate) columns: &'static str,
    /// The values of a numbered row. Bytes are written by the given function.
    pub(crate) row: fn(u32, Hex) -> String,
    /// Each statement with values of the right types.
    pub(crate) statements: Vec<(SqlStr, Vec<Value<'static>>)>,
}

/// Writes hexadecimal digits as a database wants its bytes.
pub(crate) type Hex = fn(String) -> String;

impl Case {
    /// Makes the table and fills it.
    async fn fill<D: Driver>(&self, pool: &D, hex: Hex) {
        pool.migrate(&self.migrate).await.unwrap();
        for some in (0..self.rows).collect::<Vec<_>>().chunks(1_000) {
            let rows: Vec<_> = some.iter().map(|n| format!("({})", (self.row)(*n, hex))).collect();
            let insert = format!("INSERT INTO {} ({}) VALUES {}", self.table, self.columns, rows.join(", "));
            pool.execute(&text(insert), &[]).await.unwrap();
        }
    }
}

/// A statement as it is.
fn text(sql: String) -> SqlStr {
    AssertSqlSafe(sql).into_sql_str()
}

pub(crate) async fn sqlite_uses_indexes(case: fn(&Dialect) -> Case) {
    let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await.unwrap();
    let case = case(Connections::DIALECT);
    let pool = Connections::of(pool);
    case.fill(&pool, |hex| format!("x'{hex}'")).await;
    for (statement, values) in &case.statements {
        let explain = format!("EXPLAIN QUERY PLAN {}", statement.as_str());
        let plan = Driver::fetch(&pool, &text(explain), values).await.unwrap();
        let plan: Vec<String> = plan.iter().map(|row| row.get("detail")).collect();
        // What is looked up by an index may be gone through: `other` has a row at most, `expired` the limit.
        let fine = ["SCAN CONSTANT ROW", "SCAN other", "SCAN expired"];
        let walks = plan.iter().any(|step| step.starts_with("SCAN") && !fine.contains(&&**step));
        assert!(!walks && !plan.is_empty(), "{}: {plan:?}", statement.as_str());
    }
}

pub(crate) async fn postgres_uses_indexes(case: fn(&Dialect) -> Case) {
    let server = Postgres::start();
    let pool = PgPoolOptions::new().max_connections(1).connect(&server.url()).await.unwrap();
    let case = case(postgres::Connections::DIALECT);
    let pool = postgres::Connections::of(pool);
    case.fill(&pool, |hex| format!("'\\x{hex}'")).await;
    pool.execute(&text(format!("ANALYZE {}", case.table)), &[]).await.unwrap();
    for (statement, values) in &case.statements {
        let explain = text(format!("EXPLAIN {}", statement.as_str()));
        let plan = Driver::fetch(&pool, &explain, values).await.unwrap();
        let plan: Vec<String> = plan.iter().map(|row| row.get(0)).collect();
        let plan = plan.join("\n");
        println!("{}\n{plan}\n", statement.as_str());
        assert!(!plan.contains("Seq Scan on ") && plan.contains("Index"), "{}: {plan}", statement.as_str());
    }
}

pub(crate) async fn maria_db_uses_indexes(case: fn(&Dialect) -> Case) {
    let server = MariaDb::start();
    let pool = MySqlPoolOptions::new().max_connections(1).connect(&server.url()).await.unwrap();
    let case = case(MySqlPool::DIALECT);
    case.fill::<MySqlPool>(&pool, |hex| format!("x'{hex}'")).await;
    pool.execute(&text(format!("ANALYZE TABLE {}", case.table)), &[]).await.unwrap();
    for (statement, values) in &case.statements {
        let explain = text(format!("EXPLAIN {}", statement.as_str()));
        let plan = Driver::fetch(&pool, &explain, values).await.unwrap();
        for step in plan {
            let (kind, key): (Option<String>, Option<String>) = (step.get("type"), step.get("key"));
            let extra: Option<String> = step.get("Extra");
            println!("{}\n{kind:?} {key:?} {extra:?}\n", statement.as_str());
            let walks = matches!(kind.as_deref(), Some("ALL" | "index")) && key.is_none();
            assert!(!walks, "{}: {kind:?} {key:?} {extra:?}", statement.as_str());
        }
    }
}
