//! The SQL of the session table.

use sqlx::SqlStr;

use crate::driver::Dialect;
use crate::identifier::Identifier;

/// The statements for one table, each made once.
pub(super) struct Statements {
    pub(super) migrate: [SqlStr; 3],
    pub(super) create: SqlStr,
    pub(super) load: SqlStr,
    pub(super) update: SqlStr,
    pub(super) touch: SqlStr,
    pub(super) rotate: SqlStr,
    pub(super) delete: SqlStr,
    pub(super) delete_user: SqlStr,
    pub(super) list_user: SqlStr,
    pub(super) purge_expired: SqlStr,
}

/// Under this key or alias there is a live record. Values: key, key, now, now.
const LIVE: &str = "(session_key = ? OR (alias_key = ? AND alias_until > ?)) AND expires > ?";
/// Values: backend, user, last seen, expires, record.
const SET: &str = "backend = ?, user_id = ?, last_seen = ?, expires = ?, record = ?";

impl Statements {
    pub(super) fn default_table() -> Identifier {
        Identifier::fixed("auth_sessions")
    }

    pub(super) fn new(table: &Identifier, dialect: &Dialect) -> Self {
        let t = &table.quoted(dialect);
        let sql = |text: String| dialect.statement(&text);
        Self {
            migrate: migrate(table, dialect),
            create: sql(format!(
                "INSERT INTO {t} (session_key, backend, user_id, version, last_seen, expires, record) \
                 SELECT ?, ?, ?, 1, ?, ?, ? WHERE NOT EXISTS (SELECT 1 FROM {t} WHERE alias_key = ?)"
            )),
            load: sql(format!(
                "SELECT session_key, last_seen, expires, record, version FROM {t} WHERE {LIVE}"
            )),
            update: sql(format!("UPDATE {t} SET version = version + 1, {SET} WHERE {LIVE} AND version = ?")),
            touch: sql(format!(
                "UPDATE {t} SET last_seen = CASE WHEN last_seen < ? THEN ? ELSE last_seen END, \
                 expires = CASE WHEN expires < ? THEN ? ELSE expires END WHERE {LIVE}"
            )),
            rotate: sql(format!(
                "UPDATE {t} SET session_key = ?, alias_key = ?, alias_until = ?, version = version + 1, {SET} \
                 WHERE session_key = ? AND version = ? AND expires > ? \
                 AND NOT EXISTS (SELECT 1 FROM {t} AS other WHERE other.alias_key = ?)"
            )),
            delete: sql(format!("DELETE FROM {t} WHERE session_key = ? OR alias_key = ?")),
            delete_user: sql(format!(
                "DELETE FROM {t} WHERE backend = ? AND user_id = ? AND session_key <> ?"
            )),
            list_user: sql(format!(
                "SELECT session_key, last_seen, expires, record FROM {t} \
                 WHERE backend = ? AND user_id = ? AND expires > ?"
            )),
            purge_expired: sql(format!(
                "DELETE FROM {t} WHERE session_key IN (SELECT session_key FROM {t} WHERE expires <= ? LIMIT ?)"
            )),
        }
    }
}

fn migrate(table: &Identifier, dialect: &Dialect) -> [SqlStr; 3] {
    let Dialect { integer, text, bytes, key, table_options, .. } = dialect;
    let name = |ending| table.with_ending(ending).quoted(dialect);
    let t = table.quoted(dialect);
    let (by_user, by_expiry) = (name("_user"), name("_expires"));
    [
        format!(
            "CREATE TABLE IF NOT EXISTS {t} (\
             session_key {key} NOT NULL PRIMARY KEY, \
             alias_key {key} UNIQUE, \
             alias_until {integer}, \
             backend {text} NOT NULL, \
             user_id {text} NOT NULL, \
             version {integer} NOT NULL, \
             last_seen {integer} NOT NULL, \
             expires {integer} NOT NULL, \
             record {bytes} NOT NULL){table_options}"
        ),
        format!("CREATE INDEX IF NOT EXISTS {by_user} ON {t} (backend, user_id)"),
        format!("CREATE INDEX IF NOT EXISTS {by_expiry} ON {t} (expires)"),
    ]
    .map(|text| dialect.statement(&text))
}

#[cfg(test)]
mod tests {
    use sqlx::sqlite::{SqlitePool, SqlitePoolOptions};
    use sqlx::{AssertSqlSafe, Row};

    use super::*;
    use crate::driver::Driver;

    /// A session table may hold millions of rows: no statement may walk through it.
    #[tokio::test]
    async fn every_statement_uses_an_index() {
        let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await.unwrap();
        let sql = Statements::new(&Statements::default_table(), SqlitePool::DIALECT);
        for statement in &sql.migrate {
            pool.execute(statement, &[]).await.unwrap();
        }
        let all = [
            &sql.create,
            &sql.load,
            &sql.update,
            &sql.touch,
            &sql.rotate,
            &sql.delete,
            &sql.delete_user,
            &sql.list_user,
            &sql.purge_expired,
        ];
        for statement in all {
            let explain = format!("EXPLAIN QUERY PLAN {}", statement.as_str());
            let plan = sqlx::query(AssertSqlSafe(explain)).fetch_all(&pool).await.unwrap();
            let plan: Vec<String> = plan.iter().map(|row| row.get("detail")).collect();
            let walks = plan.iter().any(|step| step.starts_with("SCAN") && step != "SCAN CONSTANT ROW");
            assert!(!walks && !plan.is_empty(), "{}: {plan:?}", statement.as_str());
        }
    }
}
