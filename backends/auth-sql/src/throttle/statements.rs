//! The SQL of the throttle's table.

use sqlx::SqlStr;

use crate::driver::Dialect;
use crate::identifier::Identifier;

/// The statements for one table, each made once.
pub(super) struct Statements {
    pub(super) migrate: Vec<SqlStr>,
    pub(super) load: SqlStr,
    pub(super) insert: SqlStr,
    pub(super) update: SqlStr,
    pub(super) delete: SqlStr,
    pub(super) of_account: SqlStr,
    pub(super) delaying: SqlStr,
    pub(super) purge_expired: SqlStr,
}

/// How many rows one statement loads.
pub(super) const KEYS: usize = 8;

impl Statements {
    pub(super) fn default_table() -> Identifier {
        Identifier::fixed("auth_throttle")
    }

    pub(super) fn new(table: &Identifier, dialect: &Dialect) -> Self {
        let t = &table.quoted(dialect);
        let sql = |text: String| dialect.statement(&text);
        let row = "bucket_key, version, bucket";
        Self {
            migrate: migrate(table, dialect),
            load: sql(format!("SELECT {row} FROM {t} WHERE bucket_key IN (?, ?, ?, ?, ?, ?, ?, ?)")),
            insert: sql(format!(
                "INSERT INTO {t} (bucket_key, version, backend, account_id, delayed_until, expires, bucket) \
                 VALUES (?, ?, ?, ?, ?, ?, ?)"
            )),
            update: sql(format!(
                "UPDATE {t} SET version = ?, backend = ?, account_id = ?, delayed_until = ?, expires = ?, bucket = ? \
                 WHERE bucket_key = ? AND version = ?"
            )),
            delete: sql(format!("DELETE FROM {t} WHERE bucket_key = ? AND version = ?")),
            of_account: sql(format!("SELECT {row} FROM {t} WHERE backend = ? AND account_id = ?")),
            delaying: sql(format!(
                "SELECT {row} FROM {t} WHERE delayed_until > ? AND expires > ? AND backend <> '' \
                 ORDER BY delayed_until DESC LIMIT ?"
            )),
            purge_expired: dialect.purge_expired(table, "bucket_key"),
        }
    }
}

fn migrate(table: &Identifier, dialect: &Dialect) -> Vec<SqlStr> {
    let Dialect { integer, text, bytes, uuid, .. } = dialect;
    let columns = format!(
        "bucket_key {uuid} NOT NULL PRIMARY KEY, \
         version {integer} NOT NULL, \
         backend {text} NOT NULL, \
         account_id {text} NOT NULL, \
         delayed_until {integer} NOT NULL, \
         expires {integer} NOT NULL, \
         bucket {bytes} NOT NULL"
    );
    let indexes =
        [("_account", "backend, account_id"), ("_delayed", "delayed_until"), ("_expires", "expires")];
    dialect.create_table(table, &columns, &indexes)
}
