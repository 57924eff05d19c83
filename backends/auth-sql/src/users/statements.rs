//! The SQL of the user tables.

use sqlx::SqlStr;

use super::table::{Permissions, UserTable};
use crate::driver::Dialect;
use crate::identifier::Identifier;

/// The statements for one set of tables, each made once.
pub(super) struct Statements {
    pub(super) migrate: Vec<SqlStr>,
    pub(super) by_id: SqlStr,
    pub(super) by_name: SqlStr,
    pub(super) by_identity: Option<SqlStr>,
    pub(super) insert: SqlStr,
    pub(super) renew: SqlStr,
    pub(super) set_password: SqlStr,
    pub(super) set_stamp: SqlStr,
    pub(super) set_active: SqlStr,
    pub(super) permissions: Option<PermissionStatements>,
}

pub(super) struct PermissionStatements {
    pub(super) grant: SqlStr,
    pub(super) revoke: SqlStr,
}

impl Statements {
    pub(super) fn new(table: &UserTable, dialect: &Dialect) -> Self {
        let quoted = |name: &Identifier| name.quoted(dialect);
        let (t, id) = (quoted(&table.table), quoted(&table.id));
        let (password, stamp, active) =
            (quoted(&table.password), quoted(&table.stamp), quoted(&table.active));
        let sql = |text: String| dialect.statement(&text);
        let select = Select::new(table, dialect);
        let by_identity =
            |[issuer, subject]: &[Identifier; 2]| select.by(&[issuer, subject], &[issuer, subject]);
        Self {
            migrate: migrate(table, dialect),
            by_id: select.by(&[&table.id], &[]),
            by_name: select.by(&[&table.key], &[&table.password, &table.key]),
            by_identity: table.identity.as_ref().map(by_identity),
            insert: insert(table, dialect),
            renew: sql(format!("UPDATE {t} SET {password} = ? WHERE {id} = ? AND {password} = ?")),
            set_password: sql(format!("UPDATE {t} SET {password} = ?, {stamp} = ? WHERE {id} = ?")),
            set_stamp: sql(format!("UPDATE {t} SET {stamp} = ? WHERE {id} = ?")),
            set_active: sql(format!("UPDATE {t} SET {active} = (? <> 0) WHERE {id} = ?")),
            permissions: table.permissions.as_ref().map(|held| permissions(held, &t, &id, dialect)),
        }
    }
}

/// The query for one user with all permissions, as many rows as there are of these.
///
/// One row with a joined text would be ambiguous, or cut short by the database (`group_concat_max_len`).
struct Select<'a> {
    dialect: &'a Dialect,
    columns: String,
    from: String,
}

impl<'a> Select<'a> {
    fn new(table: &UserTable, dialect: &'a Dialect) -> Self {
        let of_user = |name: &Identifier| format!("u.{}", name.quoted(dialect));
        let (id, username) = (of_user(&table.id), of_user(&table.username));
        let (active, stamp) = (of_user(&table.active), of_user(&table.stamp));
        let users = table.table.quoted(dialect);
        let (permission, from) = match &table.permissions {
            None => ("NULL".into(), format!("{users} AS u")),
            Some(held) => {
                let [t, user, permission] = held.quoted(dialect);
                (format!("p.{permission}"), format!("{users} AS u LEFT JOIN {t} AS p ON p.{user} = {id}"))
            }
        };
        let columns =
            format!("{id}, {username}, CASE WHEN {active} THEN 1 ELSE 0 END, {stamp}, {permission}");
        Self { dialect, columns, from }
    }

    fn by(&self, keys: &[&Identifier], extra: &[&Identifier]) -> SqlStr {
        let of_user = |name: &&Identifier| format!("u.{}", name.quoted(self.dialect));
        let columns: Vec<_> =
            std::iter::once(self.columns.clone()).chain(extra.iter().map(of_user)).collect();
        let keys: Vec<_> = keys.iter().map(|name| of_user(name) + " = ?").collect();
        let (columns, from, keys) = (columns.join(", "), &self.from, keys.join(" AND "));
        self.dialect.statement(&format!("SELECT {columns} FROM {from} WHERE {keys}"))
    }
}

/// Values: key, password, stamp, then the name if it has its own column, then issuer and subject if they have.
fn insert(table: &UserTable, dialect: &Dialect) -> SqlStr {
    let mut columns = vec![&table.key, &table.password, &table.stamp];
    if table.has_display_name() {
        columns.push(&table.username);
    }
    columns.extend(table.identity.iter().flatten());
    let marks = "?, ".repeat(columns.len());
    let columns: String = columns.iter().map(|name| name.quoted(dialect) + ", ").collect();
    let (t, active) = (table.table.quoted(dialect), table.active.quoted(dialect));
    dialect
        .statement(&format!("INSERT INTO {t} ({columns}{active}) VALUES ({marks}TRUE){}", dialect.or_nothing))
}

fn permissions(held: &Permissions, users: &str, id: &str, dialect: &Dialect) -> PermissionStatements {
    let [t, user, permission] = held.quoted(dialect);
    let grant = format!(
        "INSERT INTO {t} ({permission}, {user}) SELECT ?, {id} FROM {users} WHERE {id} = ?{}",
        dialect.or_nothing
    );
    let revoke = format!("DELETE FROM {t} WHERE {permission} = ? AND {user} = ?");
    PermissionStatements { grant: dialect.statement(&grant), revoke: dialect.statement(&revoke) }
}

fn migrate(table: &UserTable, dialect: &Dialect) -> Vec<SqlStr> {
    let mut statements = vec![create_users(table, dialect)];
    statements.extend(table.permissions.as_ref().map(|held| create_permissions(held, table, dialect)));
    statements.iter().map(|text| dialect.statement(text)).collect()
}

fn create_users(table: &UserTable, dialect: &Dialect) -> String {
    let Dialect { boolean, text, bytes, counted, table_options, .. } = dialect;
    let quoted = |name: &Identifier| name.quoted(dialect);
    let id_type = if table.text_ids { format!("{text} NOT NULL PRIMARY KEY") } else { (*counted).into() };
    let mut columns = vec![
        format!("{} {id_type}", quoted(&table.id)),
        format!("{} {text} NOT NULL UNIQUE", quoted(&table.key)),
        format!("{} {text}", quoted(&table.password)),
        format!("{} {bytes} NOT NULL", quoted(&table.stamp)),
        format!("{} {boolean} NOT NULL", quoted(&table.active)),
    ];
    if table.has_display_name() {
        columns.insert(1, format!("{} {text} NOT NULL", quoted(&table.username)));
    }
    if let Some([issuer, subject]) = &table.identity {
        let (issuer, subject) = (quoted(issuer), quoted(subject));
        columns.push(format!("{issuer} {text}, {subject} {text}, UNIQUE ({issuer}, {subject})"));
    }
    format!("CREATE TABLE IF NOT EXISTS {} ({}){table_options}", quoted(&table.table), columns.join(", "))
}

fn create_permissions(held: &Permissions, table: &UserTable, dialect: &Dialect) -> String {
    let Dialect { integer, text, table_options, .. } = dialect;
    let [t, user, permission] = held.quoted(dialect);
    let (users, id) = (table.table.quoted(dialect), table.id.quoted(dialect));
    let id_type = if table.text_ids { text } else { integer };
    format!(
        "CREATE TABLE IF NOT EXISTS {t} (\
         {user} {id_type} NOT NULL REFERENCES {users} ({id}) ON DELETE CASCADE, \
         {permission} {text} NOT NULL, PRIMARY KEY ({user}, {permission})){table_options}"
    )
}

#[cfg(test)]
mod tests {
    use sqlx::sqlite::SqlitePool;

    use super::*;
    use crate::driver::Driver;

    #[test]
    fn names_are_quoted_and_values_are_placeholders() {
        let table = UserTable::new("order").unwrap().with_username("group", "group").unwrap();
        let sql = Statements::new(&table, SqlitePool::DIALECT);
        assert_eq!(
            sql.insert.as_str(),
            "INSERT INTO `order` (`group`, `password`, `security_stamp`, `active`) VALUES (?1, ?2, ?3, TRUE) \
             ON CONFLICT DO NOTHING"
        );
        assert_eq!(
            sql.by_id.as_str(),
            "SELECT u.`id`, u.`group`, CASE WHEN u.`active` THEN 1 ELSE 0 END, u.`security_stamp`, NULL \
             FROM `order` AS u WHERE u.`id` = ?1"
        );
        assert!(sql.by_identity.is_none() && sql.permissions.is_none() && sql.migrate.len() == 1);
    }
}
