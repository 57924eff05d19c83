//! The SQL of the table of what was used.

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
            // A key that is taken is an error, by a code of its own. What swallows it (`INSERT IGNORE`) swallows others at
            // MySQL: what no row could be made for would be "used".
            insert: dialect.statement(&format!("INSERT INTO {t} (once_key, expires) VALUES (?, ?)")),
            purge: dialect.purge_expired(table, "once_key"),
        }
    }
}
