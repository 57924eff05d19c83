//! The SQL of the tables of second factors.

use sqlx::SqlStr;

use crate::driver::Dialect;
use crate::identifier::Identifier;

/// The statements for three tables, each made once.
pub(super) struct Statements {
    pub(super) migrate: Vec<SqlStr>,
    pub(super) of_owner: SqlStr,
    pub(super) by_lookup: SqlStr,
    pub(super) codes_of_owner: SqlStr,
    pub(super) count: SqlStr,
    pub(super) insert: SqlStr,
    pub(super) insert_code: SqlStr,
    pub(super) confirm: SqlStr,
    pub(super) use_step: SqlStr,
    pub(super) use_code: SqlStr,
    pub(super) note_use: SqlStr,
    pub(super) note_any_use: SqlStr,
    pub(super) replace_secret: SqlStr,
    pub(super) rename: SqlStr,
    pub(super) remove: SqlStr,
    pub(super) remove_codes: SqlStr,
    pub(super) remove_kind: SqlStr,
    pub(super) remove_all: SqlStr,
    pub(super) remove_all_codes: SqlStr,
    pub(super) tries: SqlStr,
    pub(super) first_try: SqlStr,
    pub(super) replace_tries: SqlStr,
    pub(super) remove_tries: SqlStr,
}

/// The names of the tables.
pub(super) struct Tables {
    pub(super) factors: Identifier,
    pub(super) codes: Identifier,
    pub(super) tries: Identifier,
}

impl Tables {
    pub(super) fn default() -> Self {
        Self {
            factors: Identifier::fixed("auth_factors"),
            codes: Identifier::fixed("auth_recovery_codes"),
            tries: Identifier::fixed("auth_factor_tries"),
        }
    }
}

impl Statements {
    pub(super) fn new(tables: &Tables, dialect: &Dialect) -> Self {
        let [f, c, t] = [&tables.factors, &tables.codes, &tables.tries].map(|table| table.quoted(dialect));
        let sql = |text: String| dialect.statement(&text);
        let row = "factor_id, backend, user_id, kind, created, confirmed, last_used, last_step, name, secret, lookup_key";
        let owner = "backend = ? AND user_id = ?";
        let theirs = "factor_id = ? AND backend = ? AND user_id = ?";
        Self {
            migrate: migrate(tables, dialect),
            of_owner: sql(format!("SELECT {row} FROM {f} WHERE {owner} ORDER BY created, factor_id")),
            by_lookup: sql(format!("SELECT {row} FROM {f} WHERE lookup_key = ?")),
            codes_of_owner: sql(format!("SELECT factor_id, code FROM {c} WHERE {owner}")),
            count: sql(format!("SELECT COUNT(*) FROM {f} WHERE {owner}")),
            insert: sql(format!("INSERT INTO {f} ({row}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")),
            insert_code: sql(format!(
                "INSERT INTO {c} (factor_id, backend, user_id, code) VALUES (?, ?, ?, ?)"
            )),
            // The conditions decide a race: each statement both checks its condition and makes it false.
            confirm: sql(format!(
                "UPDATE {f} SET confirmed = ?, last_step = ? WHERE {theirs} AND confirmed IS NULL"
            )),
            use_step: sql(format!(
                "UPDATE {f} SET last_used = ?, last_step = ? \
                 WHERE {theirs} AND confirmed IS NOT NULL AND (last_step IS NULL OR last_step < ?)"
            )),
            use_code: sql(format!("DELETE FROM {c} WHERE {theirs} AND code = ?")),
            note_use: sql(format!("UPDATE {f} SET last_used = ? WHERE {theirs}")),
            note_any_use: sql(format!(
                "UPDATE {f} SET last_used = ? WHERE {theirs} AND confirmed IS NOT NULL"
            )),
            replace_secret: sql(format!("UPDATE {f} SET secret = ? WHERE {theirs} AND secret = ?")),
            rename: sql(format!("UPDATE {f} SET name = ? WHERE {theirs}")),
            remove: sql(format!("DELETE FROM {f} WHERE {theirs}")),
            remove_codes: sql(format!("DELETE FROM {c} WHERE {theirs}")),
            remove_kind: sql(format!("DELETE FROM {f} WHERE {owner} AND kind = ?")),
            remove_all: sql(format!("DELETE FROM {f} WHERE {owner}")),
            remove_all_codes: sql(format!("DELETE FROM {c} WHERE {owner}")),
            tries: sql(format!("SELECT counted, blocked_until FROM {t} WHERE {owner}")),
            first_try: sql(format!(
                "INSERT INTO {t} (counted, blocked_until, backend, user_id) VALUES (?, ?, ?, ?)"
            )),
            replace_tries: sql(format!(
                "UPDATE {t} SET counted = ?, blocked_until = ? WHERE {owner} AND counted = ? AND blocked_until = ?"
            )),
            remove_tries: sql(format!("DELETE FROM {t} WHERE {owner}")),
        }
    }
}

fn migrate(tables: &Tables, dialect: &Dialect) -> Vec<SqlStr> {
    let Dialect { integer, text, bytes, key, .. } = dialect;
    let owner = format!("backend {text} NOT NULL, user_id {text} NOT NULL");
    let factors = format!(
        "factor_id {integer} NOT NULL PRIMARY KEY, {owner}, \
         kind {integer} NOT NULL, \
         created {integer} NOT NULL, \
         confirmed {integer}, \
         last_used {integer}, \
         last_step {integer}, \
         name {text} NOT NULL, \
         secret {bytes} NOT NULL, \
         lookup_key {key} UNIQUE"
    );
    let codes =
        format!("factor_id {integer} NOT NULL, {owner}, code {key} NOT NULL, PRIMARY KEY (factor_id, code)");
    let tries = format!(
        "{owner}, counted {integer} NOT NULL, blocked_until {integer} NOT NULL, PRIMARY KEY (backend, user_id)"
    );
    let by_owner = [("_owner", "backend, user_id")];
    [
        dialect.create_table(&tables.factors, &factors, &by_owner),
        dialect.create_table(&tables.codes, &codes, &by_owner),
        dialect.create_table(&tables.tries, &tries, &[]),
    ]
    .concat()
}
