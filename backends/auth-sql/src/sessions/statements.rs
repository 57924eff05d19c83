//! The SQL of the session table.

use sqlx::SqlStr;

use crate::driver::{Dialect, LaterColumn};
use crate::identifier::Identifier;

/// The statements for one table, each made once.
pub(super) struct Statements {
    pub(super) migrate: Vec<SqlStr>,
    /// The column that tables of earlier versions lack.
    pub(super) realm: LaterColumn,
    pub(super) create: SqlStr,
    pub(super) load: SqlStr,
    pub(super) load_by_alias: SqlStr,
    pub(super) update: SqlStr,
    pub(super) touch: SqlStr,
    pub(super) rotate: SqlStr,
    pub(super) delete: Ending,
    pub(super) delete_user: Ending,
    pub(super) too_many: SqlStr,
    pub(super) trim_user: SqlStr,
    pub(super) list_user: SqlStr,
    pub(super) purge_expired: SqlStr,
}

/// A statement that ends sessions.
pub(super) struct Ending {
    pub(super) delete: SqlStr,
    /// Finds a session that the statement missed, if the database may miss any: see [`Dialect::misses_moved`].
    pub(super) missed: Option<SqlStr>,
}

/// Under this key or alias there is a live record. Values: key, key, now, now.
const LIVE: &str = "(session_key = ? OR (alias_key = ? AND alias_until > ?)) AND expires > ?";
/// The columns of a session, except its key.
const RECORD: &str = "last_seen, expires, record";
/// Values: backend, user, realm, last seen, expires, record.
const SET: &str = "backend = ?, user_id = ?, realm = ?, last_seen = ?, expires = ?, record = ?";
/// The session that has or had this key. Values: the first and the last key of its lineage, and the key, because rows
/// that an earlier version moved have an alias of another lineage.
const OF_KEY: &str = "session_key BETWEEN ? AND ? OR alias_key = ?";
/// The sessions of a user. Sessions written before realms existed belong to every realm. Values: backend, user, and
/// twice the realm, which is empty to match all realms.
const WHOSE: &str = "backend = ? AND user_id = ? AND (realm IN (?, '') OR ? = '')";
/// Not of this lineage. Values: its first and last key.
const OTHERS: &str = "session_key NOT BETWEEN ? AND ?";

impl Statements {
    pub(super) fn default_table() -> Identifier {
        Identifier::fixed("auth_sessions")
    }

    pub(super) fn new(table: &Identifier, dialect: &Dialect) -> Self {
        let t = &table.quoted(dialect);
        let sql = |text: String| dialect.statement(&text);
        let from_nothing = dialect.from_nothing;
        // MySQL reads a table that a statement writes to only through a derived table, which the LIMIT keeps from
        // being merged.
        let one_alias = format!("(SELECT 1 FROM {t} WHERE alias_key = ? LIMIT 1)");
        let ending = |what: String| Ending {
            delete: sql(format!("DELETE FROM {t} WHERE {what}")),
            missed: dialect.misses_moved.then(|| sql(format!("SELECT 1 FROM {t} WHERE {what} LIMIT 1"))),
        };
        Self {
            migrate: migrate(table, dialect),
            realm: dialect.later_column(table, &Identifier::fixed("realm"), &realm_type(dialect)),
            create: sql(format!(
                "INSERT INTO {t} (session_key, version, backend, user_id, realm, last_seen, expires, record) \
                 SELECT ?, 1, ?, ?, ?, ?, ?, ?{from_nothing} \
                 WHERE NOT EXISTS (SELECT 1 FROM {t} WHERE alias_key = ?)"
            )),
            load: sql(format!("SELECT {RECORD}, version FROM {t} WHERE session_key = ? AND expires > ?")),
            load_by_alias: sql(format!(
                "SELECT {RECORD}, version, session_key FROM {t} WHERE alias_key = ? AND alias_until > ? AND expires > ?"
            )),
            update: sql(format!("UPDATE {t} SET version = version + 1, {SET} WHERE {LIVE} AND version = ?")),
            touch: sql(format!(
                "UPDATE {t} SET last_seen = CASE WHEN last_seen < ? THEN ? ELSE last_seen END, \
                 expires = CASE WHEN expires < ? THEN ? ELSE expires END WHERE {LIVE}"
            )),
            rotate: sql(format!(
                "UPDATE {t} SET session_key = ?, alias_key = ?, alias_until = ?, version = version + 1, {SET} \
                 WHERE session_key = ? AND version = ? AND expires > ? \
                 AND NOT EXISTS (SELECT 1 FROM {one_alias} AS other)"
            )),
            delete: ending(OF_KEY.into()),
            delete_user: ending(format!("{WHOSE} AND {OTHERS}")),
            // The most recently used session among those that exceed the limit, which is nearly always none.
            too_many: sql(format!(
                "SELECT last_seen, session_key FROM {t} WHERE {WHOSE} AND expires > ? AND {OTHERS} \
                 ORDER BY last_seen DESC, session_key DESC LIMIT 1 OFFSET ?"
            )),
            trim_user: sql(format!(
                "DELETE FROM {t} WHERE {WHOSE} AND expires > ? AND {OTHERS} \
                 AND (last_seen < ? OR (last_seen = ? AND session_key <= ?))"
            )),
            list_user: sql(format!("SELECT {RECORD}, session_key FROM {t} WHERE {WHOSE} AND expires > ?")),
            purge_expired: dialect.purge_expired(table, "session_key"),
        }
    }
}

/// `touch` changes an indexed column, so `PostgreSQL` writes to all four indexes (no HOT update): 550 bytes of log
/// each time instead of 200. A coarser column to purge by, with no index on this one, would avoid that. But then an
/// earlier version on the same table scans all of it when it purges. A session is touched at most once a minute.
fn migrate(table: &Identifier, dialect: &Dialect) -> Vec<SqlStr> {
    let Dialect { integer, text, bytes, key, .. } = dialect;
    let columns = format!(
        "session_key {key} NOT NULL PRIMARY KEY, \
         alias_key {key} UNIQUE, \
         alias_until {integer}, \
         backend {text} NOT NULL, \
         user_id {text} NOT NULL, \
         version {integer} NOT NULL, \
         last_seen {integer} NOT NULL, \
         expires {integer} NOT NULL, \
         record {bytes} NOT NULL, \
         realm {}",
        realm_type(dialect)
    );
    dialect.create_table(table, &columns, &[("_user", "backend, user_id"), ("_expires", "expires")])
}

/// It has a default: earlier versions insert rows without it.
fn realm_type(dialect: &Dialect) -> String {
    format!("{} DEFAULT '' NOT NULL", dialect.text)
}
