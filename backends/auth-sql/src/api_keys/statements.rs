//! The SQL of the table of API keys.

use sqlx::SqlStr;

use crate::driver::Dialect;
use crate::identifier::Identifier;

/// The statements for one table, each made once.
pub(super) struct Statements {
    pub(super) migrate: Vec<SqlStr>,
    pub(super) find: SqlStr,
    pub(super) of_owner: SqlStr,
    pub(super) count: SqlStr,
    pub(super) insert: SqlStr,
    pub(super) revoke: SqlStr,
    pub(super) end_by: SqlStr,
    pub(super) note_use: SqlStr,
    pub(super) purge: SqlStr,
}

impl Statements {
    pub(super) fn default_table() -> Identifier {
        Identifier::fixed("auth_api_keys")
    }

    pub(super) fn new(table: &Identifier, dialect: &Dialect) -> Self {
        let t = &table.quoted(dialect);
        let sql = |text: String| dialect.statement(&text);
        let row = "key_id, backend, user_id, good_until, revoked, last_used, details";
        let theirs = "key_id = ? AND backend = ? AND user_id = ?";
        let earlier = "expires = CASE WHEN expires > ? THEN ? ELSE expires END";
        Self {
            migrate: migrate(table, dialect),
            find: sql(format!("SELECT {row} FROM {t} WHERE key_id = ?")),
            of_owner: sql(format!(
                "SELECT {row} FROM {t} WHERE backend = ? AND user_id = ? ORDER BY created DESC, key_id DESC LIMIT ?"
            )),
            count: sql(format!("SELECT COUNT(*) FROM {t} WHERE backend = ? AND user_id = ? AND expires > ?")),
            insert: sql(format!(
                "INSERT INTO {t} (key_id, backend, user_id, created, good_until, revoked, last_used, expires, details) \
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
            )),
            revoke: sql(format!("UPDATE {t} SET revoked = COALESCE(revoked, ?), {earlier} WHERE {theirs}")),
            end_by: sql(format!(
                "UPDATE {t} SET good_until = CASE WHEN good_until < ? THEN good_until ELSE ? END, {earlier} \
                 WHERE {theirs}"
            )),
            note_use: sql(format!(
                "UPDATE {t} SET last_used = ? WHERE key_id = ? AND (last_used IS NULL OR last_used < ?)"
            )),
            purge: dialect.purge_expired(table, "key_id"),
        }
    }
}

/// `good_until` is the expiry that was granted; `expires` is when the key ended, for any reason.
fn migrate(table: &Identifier, dialect: &Dialect) -> Vec<SqlStr> {
    let Dialect { integer, text, bytes, .. } = dialect;
    let columns = format!(
        "key_id {integer} NOT NULL PRIMARY KEY, \
         backend {text} NOT NULL, \
         user_id {text} NOT NULL, \
         created {integer} NOT NULL, \
         good_until {integer}, \
         revoked {integer}, \
         last_used {integer}, \
         expires {integer} NOT NULL, \
         details {bytes} NOT NULL"
    );
    // With `expires`, so that counting an owner's live keys does not read their rows.
    let indexes = [("_owner", "backend, user_id, created, expires"), ("_expires", "expires")];
    dialect.create_table(table, &columns, &indexes)
}
