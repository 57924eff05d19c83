//! The SQL of the user tables.

use sqlx::SqlStr;

use super::accounts::AccountStatements;
use super::found::{ACTIVE, MUST_CHANGE};
use super::table::{IdType, MustChange, Permissions, UserTable};
use crate::driver::{Dialect, LaterColumn};
use crate::identifier::Identifier;

/// The placeholder of a value.
pub(super) const VALUE: &str = "?";
/// The placeholder of a truth value. It is sent as a number, which not every database accepts as a boolean.
pub(super) const TRUTH: &str = "(? <> 0)";

/// The statements for one set of tables, each made once.
pub(super) struct Statements {
    pub(super) migrate: Vec<SqlStr>,
    pub(super) by_id: SqlStr,
    /// Whether that query finds at most one row: with all permissions, and no other id that the column takes for this
    /// one.
    pub(super) by_id_finds_one: bool,
    pub(super) by_name: SqlStr,
    pub(super) import: SqlStr,
    pub(super) renew: SqlStr,
    /// Sets a password that its user chose.
    pub(super) set_password: SqlStr,
    pub(super) temporary: Option<TemporaryStatements>,
    pub(super) set_stamp: Option<SqlStr>,
    pub(super) set_active: Option<SqlStr>,
    pub(super) permissions: Option<PermissionStatements>,
    pub(super) accounts: Option<AccountStatements>,
}

/// The statements for passwords that somebody else knows.
pub(super) struct TemporaryStatements {
    pub(super) set_password: SqlStr,
    /// Finds the hash of a temporary password.
    pub(super) find: SqlStr,
    /// Adds the column to a table that was made without it.
    pub(super) later: Option<LaterColumn>,
}

pub(super) struct PermissionStatements {
    pub(super) grant: SqlStr,
    pub(super) revoke: SqlStr,
}

impl Statements {
    /// `further` are the columns of the application's own user.
    pub(super) fn new(table: &UserTable, further: &[Identifier], dialect: &Dialect) -> Self {
        let quoted = |name: &Identifier| name.quoted(dialect);
        let (t, id, password) = (quoted(&table.table), quoted(&table.id), quoted(&table.password));
        let and_stamp =
            table.stamp.as_ref().map_or(String::new(), |stamp| format!(", {} = ?", quoted(stamp)));
        let sql = |text: String| dialect.statement(&text);
        let set_password = |is_temporary: &str| {
            let must_change = table.must_change.as_ref().map(|MustChange { column, .. }| quoted(column));
            let flag = must_change.map_or(String::new(), |column| format!(", {column} = {is_temporary}"));
            sql(format!("UPDATE {t} SET {password} = ?{and_stamp}{flag} WHERE {id} = ?"))
        };
        let set = |column: &Identifier, value: &str| {
            sql(format!("UPDATE {t} SET {} = {value} WHERE {id} = ?", quoted(column)))
        };
        let select = Select::new(table, further, dialect);
        Self {
            migrate: migrate(table, dialect),
            by_id: select.by(&[&table.id], &[]),
            by_id_finds_one: select.has_one_row && table.ids != IdType::Text,
            by_name: select.by(&[&table.key], &[own_password(table, dialect), of_user(&table.key, dialect)]),
            import: import(table, dialect),
            renew: sql(format!("UPDATE {t} SET {password} = ? WHERE {id} = ? AND {password} = ?")),
            set_password: set_password("FALSE"),
            temporary: table.must_change.as_ref().map(|must_change| TemporaryStatements {
                set_password: set_password("TRUE"),
                find: sql(format!(
                    "SELECT {password} FROM {t} WHERE {id} = ? AND {}",
                    quoted(&must_change.column)
                )),
                later: must_change.may_be_missing.then(|| {
                    let of = must_change_type(dialect);
                    dialect.later_column(&table.table, &must_change.column, &of)
                }),
            }),
            set_stamp: table.stamp.as_ref().map(|stamp| set(stamp, "?")),
            set_active: table.active.as_ref().map(|active| set(active, "(? <> 0)")),
            permissions: table.permissions.as_ref().map(|held| permissions(held, &t, &id, dialect)),
            accounts: AccountStatements::new(table, dialect),
        }
    }
}

/// The query for one user with all permissions: as a JSON array, or as one row for each permission.
struct Select<'a> {
    dialect: &'a Dialect,
    has_one_row: bool,
    columns: String,
    from: String,
}

impl<'a> Select<'a> {
    fn new(table: &UserTable, further: &[Identifier], dialect: &'a Dialect) -> Self {
        let of_user = |name: &Identifier| of_user(name, dialect);
        let (id, username) = (of_user(&table.id), of_user(&table.username));
        let bit = |column, bit: i64| format!("CASE WHEN {} THEN {bit} ELSE 0 END", of_user(column));
        let active = table.active.as_ref().map_or(ACTIVE.to_string(), |column| bit(column, ACTIVE));
        let must_change = table.must_change.iter().map(|must_change| bit(&must_change.column, MUST_CHANGE));
        let state = must_change.fold(active, |state, bit| format!("{state} + {bit}"));
        // Without a stamp column, the stamp is derived from the password hash.
        let stamp = of_user(table.stamp.as_ref().unwrap_or(&table.password));
        let users = table.table.quoted(dialect);
        let (mut permission, mut from) = ("NULL".into(), format!("{users} AS u"));
        if let Some(held) = &table.permissions {
            let [t, user, held] = held.quoted(dialect);
            if let Some(gather) = dialect.gather {
                let gathered = gather(&format!("p.{held}"));
                permission = format!("(SELECT {gathered} FROM {t} AS p WHERE p.{user} = {id})");
            } else {
                permission = format!("p.{held}");
                from = format!("{from} LEFT JOIN {t} AS p ON p.{user} = {id}");
            }
        }
        let has_one_row = table.permissions.is_none() || dialect.gather.is_some();
        let own = [id.clone(), username, state, stamp, permission];
        let columns = own.into_iter().chain(further.iter().map(of_user)).collect::<Vec<_>>().join(", ");
        Self { dialect, has_one_row, columns, from }
    }

    /// The users with these values in these columns; `own` are the columns that only this query reads.
    fn by(&self, keys: &[&Identifier], own: &[String]) -> SqlStr {
        let columns: Vec<_> = std::iter::once(&self.columns).chain(own).map(String::as_str).collect();
        let keys: Vec<_> = keys.iter().map(|name| of_user(name, self.dialect) + " = ?").collect();
        let (columns, from, keys) = (columns.join(", "), &self.from, keys.join(" AND "));
        self.dialect.statement(&format!("SELECT {columns} FROM {from} WHERE {keys}"))
    }
}

fn of_user(column: &Identifier, dialect: &Dialect) -> String {
    format!("u.{}", column.quoted(dialect))
}

/// The password by which a user may sign in here: none if an outside system vouches for them.
fn own_password(table: &UserTable, dialect: &Dialect) -> String {
    let password = of_user(&table.password, dialect);
    match &table.identity {
        Some([issuer, _]) if !table.linked_passwords => {
            format!("CASE WHEN {} IS NULL THEN {password} END", of_user(issuer, dialect))
        }
        _ => password,
    }
}

/// Values: key, password, stamp if the table has one, then the name if it has a separate column, then those of
/// `further`, each with its placeholder.
pub(super) fn insert<'a>(
    table: &'a UserTable,
    further: impl IntoIterator<Item = (&'a Identifier, &'a str)>,
    dialect: &Dialect,
) -> SqlStr {
    let mut columns = vec![(&table.key, VALUE), (&table.password, VALUE)];
    columns.extend(table.stamp.iter().map(|stamp| (stamp, VALUE)));
    if table.has_display_name() {
        columns.push((&table.username, VALUE));
    }
    columns.extend(further);
    let (columns, values): (Vec<_>, Vec<_>) =
        columns.into_iter().map(|(column, value)| (column.quoted(dialect), value)).unzip();
    let (t, columns, values) = (table.table.quoted(dialect), columns.join(", "), values.join(", "));
    dialect.statement(&format!("INSERT INTO {t} ({columns}) VALUES ({values})"))
}

/// Inserts nothing if the key is taken. Values: key, password, stamp if the table has one, then the name if it has a
/// separate column, whether active if the table has that column, and the key again.
fn import(table: &UserTable, dialect: &Dialect) -> SqlStr {
    let mut columns = vec![&table.key, &table.password];
    columns.extend(&table.stamp);
    if table.has_display_name() {
        columns.push(&table.username);
    }
    let mut values = vec!["?"; columns.len()];
    if let Some(active) = &table.active {
        columns.push(active);
        values.push("(? <> 0)");
    }
    let columns: Vec<_> = columns.iter().map(|name| name.quoted(dialect)).collect();
    let (t, columns, values) = (table.table.quoted(dialect), columns.join(", "), values.join(", "));
    let (nothing, key) = (dialect.from_nothing, table.key.quoted(dialect));
    dialect.statement(&format!(
        "INSERT INTO {t} ({columns}) SELECT {values}{nothing} \
         WHERE NOT EXISTS (SELECT 1 FROM {t} WHERE {key} = ?)"
    ))
}

fn permissions(held: &Permissions, users: &str, id: &str, dialect: &Dialect) -> PermissionStatements {
    let [t, user, permission] = held.quoted(dialect);
    let grant = format!("INSERT INTO {t} ({permission}, {user}) SELECT ?, {id} FROM {users} WHERE {id} = ?");
    let revoke = format!("DELETE FROM {t} WHERE {permission} = ? AND {user} = ?");
    PermissionStatements { grant: dialect.statement(&grant), revoke: dialect.statement(&revoke) }
}

fn migrate(table: &UserTable, dialect: &Dialect) -> Vec<SqlStr> {
    let sought = table.email.iter().map(|[address, _]| address).chain(&table.flags);
    let named: Vec<_> =
        sought.map(|column| (format!("_{}", column.as_str()), column.quoted(dialect))).collect();
    let indexes: Vec<_> = named.iter().map(|(ending, column)| (&**ending, &**column)).collect();
    let mut statements = dialect.create_table(&table.table, &user_columns(table, dialect), &indexes);
    if let Some(held) = &table.permissions {
        let columns = permission_columns(held, table, dialect);
        let [_, _, permission] = held.quoted(dialect);
        statements.extend(dialect.create_table(&held.table, &columns, &[("_holders", &permission)]));
    }
    if let Some(tracking) = &table.tracking {
        statements.extend(dialect.create_table(tracking, &tracking_columns(table, dialect), &[]));
    }
    statements
}

fn user_columns(table: &UserTable, dialect: &Dialect) -> String {
    let Dialect { boolean, text, bytes, counted, new_uuid, uuid, .. } = dialect;
    let quoted = |name: &Identifier| name.quoted(dialect);
    let id_type = match table.ids {
        IdType::Integer => (*counted).into(),
        IdType::Text => format!("{text} NOT NULL PRIMARY KEY"),
        IdType::Uuid => format!("{uuid} DEFAULT {new_uuid} NOT NULL PRIMARY KEY"),
    };
    let mut columns = vec![format!("{} {id_type}", quoted(&table.id))];
    if table.has_display_name() {
        columns.push(format!("{} {text} NOT NULL", quoted(&table.username)));
    }
    columns.push(format!("{} {text} NOT NULL UNIQUE", quoted(&table.key)));
    columns.push(format!("{} {text}", quoted(&table.password)));
    columns.extend(table.stamp.iter().map(|stamp| format!("{} {bytes} NOT NULL", quoted(stamp))));
    columns.extend(table.active.iter().map(|active| format!("{} {boolean} NOT NULL", quoted(active))));
    let must_change = table.must_change.iter();
    columns.extend(must_change.map(|of| format!("{} {}", quoted(&of.column), must_change_type(dialect))));
    if let Some([issuer, subject]) = &table.identity {
        let (issuer, subject) = (quoted(issuer), quoted(subject));
        columns.push(format!("{issuer} {text}, {subject} {text}"));
    }
    let verified = table.email.iter().map(|[_, verified]| verified);
    let texts = table.email.iter().map(|[address, _]| address).chain(&table.attributes);
    columns.extend(texts.map(|column| format!("{} {text}", quoted(column))));
    let truths = verified.chain(&table.flags);
    columns.extend(truths.map(|column| format!("{} {boolean} DEFAULT FALSE NOT NULL", quoted(column))));
    if let Some([issuer, subject]) = &table.identity {
        columns.push(format!("UNIQUE ({}, {})", quoted(issuer), quoted(subject)));
    }
    columns.join(", ")
}

/// It has a default: instances of an earlier version, and statements for new users, do not name the column.
fn must_change_type(dialect: &Dialect) -> String {
    format!("{} DEFAULT FALSE NOT NULL", dialect.boolean)
}

fn permission_columns(held: &Permissions, table: &UserTable, dialect: &Dialect) -> String {
    let [_, user, permission] = held.quoted(dialect);
    let (owner, text) = (owner_column(&user, table, dialect), dialect.text);
    format!(
        "{owner}, {permission} {text} NOT NULL, PRIMARY KEY ({user}, {permission}), {}",
        owned(&user, table, dialect)
    )
}

fn tracking_columns(table: &UserTable, dialect: &Dialect) -> String {
    let (owner, text) = (owner_column("user_id", table, dialect), dialect.text);
    format!(
        "{owner}, attribute {text} NOT NULL, value {text} NOT NULL, PRIMARY KEY (user_id, attribute), {}",
        owned("user_id", table, dialect)
    )
}

/// A column that refers to the user who owns the row.
fn owner_column(user: &str, table: &UserTable, dialect: &Dialect) -> String {
    let id_type = match table.ids {
        IdType::Integer => dialect.integer,
        IdType::Text => dialect.text,
        IdType::Uuid => dialect.uuid,
    };
    format!("{user} {id_type} NOT NULL")
}

/// The rows are deleted with their user.
fn owned(user: &str, table: &UserTable, dialect: &Dialect) -> String {
    let (users, id) = (table.table.quoted(dialect), table.id.quoted(dialect));
    format!("FOREIGN KEY ({user}) REFERENCES {users} ({id}) ON DELETE CASCADE")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::Driver;
    use crate::driver::sqlite::Connections;

    #[test]
    fn names_are_quoted_and_values_are_placeholders() {
        let table = UserTable::new("order").unwrap().with_username("group", "group").unwrap();
        let sql = Statements::new(&table, &[], Connections::DIALECT);
        assert_eq!(
            insert(&table, table.active.iter().map(|active| (active, "TRUE")), Connections::DIALECT).as_str(),
            "INSERT INTO `order` (`group`, `password`, `security_stamp`, `active`) VALUES (?1, ?2, ?3, TRUE)"
        );
        assert_eq!(
            sql.by_id.as_str(),
            "SELECT u.`id`, u.`group`, CASE WHEN u.`active` THEN 1 ELSE 0 END, u.`security_stamp`, NULL \
             FROM `order` AS u WHERE u.`id` = ?1"
        );
        assert!(sql.accounts.is_none() && sql.permissions.is_none() && sql.migrate.len() == 1);
    }
}
