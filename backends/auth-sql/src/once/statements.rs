//! The SQL of the table of used ids.

use sqlx::SqlStr;

use crate::driver::Dialect;
use crate::identifier::Identifier;

/// The statements for one table, each made once.
pub(super) struct Statements {
    pub(super) migrate: Vec<SqlStr>,
    pub(super) insert: SqlStr,
    pub(super) purge: SqlStr,
}

impl Statements {
    pub(super) fn default_table() -> Identifier {
        Identifier::fixed("auth_once")
    }

    pub(super) fn new(table: &Identifier, dialect: &Dialect) -> Self {
        let t = &table.quoted(dialect);
        let Dialect { integer, key, .. } = dialect;
        let columns = format!("once_key {key} NOT NULL PRIMARY KEY, expires {integer} NOT NULL");
        Self {
            migrate: dialect.create_table(table, &columns, &[("_expires", "expires")]),
            // A plain `INSERT`: a duplicate key is an error with its own code. `INSERT IGNORE` of MySQL would hide
            // other errors as well, and report an id as used for which no row could be written.
            insert: dialect.statement(&format!("INSERT INTO {t} (once_key, expires) VALUES (?, ?)")),
            purge: dialect.purge_expired(table, "once_key"),
        }
    }
}
