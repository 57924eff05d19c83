//! Users as provisioning sees them: what it reads, and how it is written.

use std::collections::BTreeMap;

use auth_core::UserId;
use auth_core::backend::Email;
use auth_core::provisioning::{Account, Right};
use sqlx::SqlStr;

use super::table::{Permissions, UserTable};
use crate::database::Reader;
use crate::driver::{Columns, Dialect, Rows, Value, number};
use crate::error::DbError;
use crate::identifier::Identifier;

/// The statements of provisioning, for tables with columns for issuer and subject.
pub(super) struct AccountStatements {
    pub(super) by_id: SqlStr,
    pub(super) by_identity: SqlStr,
    /// Id, issuer and subject of a user.
    pub(super) identity: SqlStr,
    pub(super) by_email: Option<SqlStr>,
    pub(super) by_key: SqlStr,
    /// Locks a user.
    pub(super) lock: SqlStr,
    pub(super) link: SqlStr,
    pub(super) email: Option<SqlStr>,
    /// Sets single columns: attributes, then flags.
    pub(super) set: BTreeMap<String, SqlStr>,
    pub(super) permission_holders: Option<Holders>,
    pub(super) flag_holders: BTreeMap<String, Holders>,
    pub(super) tracking: Option<Tracking>,
}

/// Which users hold a right. For a permission, its name is the first value.
pub(super) struct Holders {
    /// Locks these users.
    pub(super) lock: SqlStr,
    /// Finds an active user other than this one.
    pub(super) other: SqlStr,
}

pub(super) struct Tracking {
    pub(super) read: SqlStr,
    pub(super) forget: SqlStr,
    pub(super) remember: SqlStr,
}

/// The columns of the queries: id, name, active, one permission, issuer, subject, address, verified; then attributes,
/// then flags.
const ID: usize = 0;
const USERNAME: usize = 1;
const ACTIVE: usize = 2;
const PERMISSION: usize = 3;
const ISSUER: usize = 4;
const SUBJECT: usize = 5;
const EMAIL: usize = 6;
const VERIFIED: usize = 7;
const FURTHER: usize = 8;

impl AccountStatements {
    pub(super) fn new(table: &UserTable, dialect: &Dialect) -> Option<Self> {
        let [issuer, subject] = table.identity.as_ref()?;
        let quoted = |name: &Identifier| name.quoted(dialect);
        let sql = |text: String| dialect.statement(&text);
        let (t, id, select) = (quoted(&table.table), quoted(&table.id), select(table, dialect)?);
        let (iss, sub) = (quoted(issuer), quoted(subject));
        let set = |column: &Identifier, value: &str| {
            let update = format!("UPDATE {t} SET {} = {value} WHERE {id} = ?", quoted(column));
            (column.as_str().to_owned(), sql(update))
        };
        let attributes = table.attributes.iter().map(|column| set(column, "?"));
        let flags = table.flags.iter().map(|column| set(column, "(? <> 0)"));
        let by_email =
            |[address, _]: &[Identifier; 2]| sql(format!("{select} WHERE u.{} = ?", quoted(address)));
        let email = |[address, verified]: &[Identifier; 2]| {
            let (address, verified) = (quoted(address), quoted(verified));
            sql(format!("UPDATE {t} SET {address} = ?, {verified} = (? <> 0) WHERE {id} = ?"))
        };
        Some(Self {
            by_id: sql(format!("{select} WHERE u.{id} = ?")),
            by_identity: sql(format!("{select} WHERE u.{iss} = ? AND u.{sub} = ?")),
            identity: sql(format!("SELECT {id}, {iss}, {sub} FROM {t} WHERE {id} = ?")),
            by_email: table.email.as_ref().map(by_email),
            by_key: sql(format!("SELECT {id} FROM {t} WHERE {} = ?", quoted(&table.key))),
            lock: sql(format!("SELECT {id} FROM {t} WHERE {id} = ?{}", dialect.lock)),
            link: sql(format!("UPDATE {t} SET {iss} = ?, {sub} = ? WHERE {id} = ? AND {iss} IS NULL")),
            email: table.email.as_ref().map(email),
            set: attributes.chain(flags).collect(),
            permission_holders: table
                .permissions
                .as_ref()
                .map(|held| permission_holders(held, table, dialect)),
            flag_holders: table.flags.iter().map(|flag| flag_holders(flag, table, dialect)).collect(),
            tracking: table.tracking.as_ref().map(|tracking| track(&quoted(tracking), dialect)),
        })
    }
}

/// The query for users with all permissions, one row for each permission.
fn select(table: &UserTable, dialect: &Dialect) -> Option<String> {
    let of_user = |name: &Identifier| format!("u.{}", name.quoted(dialect));
    let truth = |name: &Identifier| format!("CASE WHEN {} THEN 1 ELSE 0 END", of_user(name));
    let [issuer, subject] = table.identity.as_ref()?;
    let active = table.active.as_ref().map_or("1".into(), truth);
    let users = table.table.quoted(dialect);
    let (permission, from) = match &table.permissions {
        None => ("NULL".into(), format!("{users} AS u")),
        Some(held) => {
            let ([t, user, permission], id) = (held.quoted(dialect), of_user(&table.id));
            (format!("p.{permission}"), format!("{users} AS u LEFT JOIN {t} AS p ON p.{user} = {id}"))
        }
    };
    let (address, verified) = match &table.email {
        None => ("NULL".into(), "0".into()),
        Some([address, verified]) => (of_user(address), truth(verified)),
    };
    let own = [of_user(&table.id), of_user(&table.username), active, permission];
    let own = own.into_iter().chain([of_user(issuer), of_user(subject), address, verified]);
    let columns: Vec<_> =
        own.chain(table.attributes.iter().map(of_user)).chain(table.flags.iter().map(truth)).collect();
    Some(format!("SELECT {} FROM {from}", columns.join(", ")))
}

fn permission_holders(held: &Permissions, table: &UserTable, dialect: &Dialect) -> Holders {
    let ([t, user, permission], id) = (held.quoted(dialect), table.id.quoted(dialect));
    let (users, active) = (table.table.quoted(dialect), and_active(table, dialect));
    let lock = format!("SELECT {user} FROM {t} WHERE {permission} = ? ORDER BY {user}{}", dialect.lock);
    let other = format!(
        "SELECT p.{user} FROM {t} AS p JOIN {users} AS u ON u.{id} = p.{user} \
         WHERE p.{permission} = ? AND p.{user} <> ?{active} LIMIT 1"
    );
    Holders { lock: dialect.statement(&lock), other: dialect.statement(&other) }
}

fn flag_holders(flag: &Identifier, table: &UserTable, dialect: &Dialect) -> (String, Holders) {
    let (column, id) = (flag.quoted(dialect), table.id.quoted(dialect));
    let (users, active) = (table.table.quoted(dialect), and_active(table, dialect));
    let lock = format!("SELECT {id} FROM {users} WHERE {column} = TRUE ORDER BY {id}{}", dialect.lock);
    let other =
        format!("SELECT u.{id} FROM {users} AS u WHERE u.{column} = TRUE AND u.{id} <> ?{active} LIMIT 1");
    let holders = Holders { lock: dialect.statement(&lock), other: dialect.statement(&other) };
    (flag.as_str().to_owned(), holders)
}

fn and_active(table: &UserTable, dialect: &Dialect) -> String {
    table.active.as_ref().map_or(String::new(), |active| format!(" AND u.{}", active.quoted(dialect)))
}

fn track(t: &str, dialect: &Dialect) -> Tracking {
    let sql = |text: String| dialect.statement(&text);
    Tracking {
        read: sql(format!("SELECT attribute, value FROM {t} WHERE user_id = ?")),
        forget: sql(format!("DELETE FROM {t} WHERE user_id = ? AND attribute = ?")),
        remember: sql(format!("INSERT INTO {t} (user_id, attribute, value) VALUES (?, ?, ?)")),
    }
}

/// The users of these rows, in the order of their first row.
fn accounts(rows: &mut Rows<'_>, table: &UserTable) -> Result<Vec<Account>, DbError> {
    let mut accounts: Vec<Account> = Vec::new();
    for row in rows {
        let id = table.read_id(row, ID)?;
        if accounts.iter().all(|account| account.id != id) {
            accounts.push(account(row, &id, table)?);
        }
        if let Some(account) = accounts.iter_mut().find(|account| account.id == id) {
            account.rights.extend(row.text(PERMISSION)?.map(Right::permission));
        }
    }
    Ok(accounts)
}

/// A user without permissions.
fn account(row: &dyn Columns, id: &UserId, table: &UserTable) -> Result<Account, DbError> {
    let mut account = Account::new(id.clone(), row.text(USERNAME)?.unwrap_or_default());
    account.active = number(row, ACTIVE)? != 0;
    account.identity =
        row.text(ISSUER)?.zip(row.text(SUBJECT)?).map(|(iss, sub)| (iss.to_owned(), sub.to_owned()));
    if let Some(address) = row.text(EMAIL)? {
        account.email = Some(Email { address: address.to_owned(), verified: number(row, VERIFIED)? != 0 });
    }
    for (at, column) in (FURTHER..).zip(&table.attributes) {
        let value = row.text(at)?.map(|value| (column.as_str().to_owned(), value.to_owned()));
        account.attributes.extend(value);
    }
    for (at, flag) in (FURTHER + table.attributes.len()..).zip(&table.flags) {
        if number(row, at)? != 0 {
            account.rights.insert(Right::flag(flag.as_str()));
        }
    }
    Ok(account)
}

/// Reads users with one of the queries, and what was tracked about each.
pub(super) async fn read(
    on: &mut impl Reader,
    sql: &SqlStr,
    values: &[Value<'_>],
    table: &UserTable,
    tracking: Option<&Tracking>,
) -> Result<Vec<Account>, DbError> {
    let mut found = on.read(sql, values, |rows| accounts(rows, table)).await?;
    let Some(tracking) = tracking else { return Ok(found) };
    for account in &mut found {
        let Some(id) = table.id_value(&account.id) else { continue };
        account.tracked = on.read(&tracking.read, &[id], tracked).await?;
    }
    Ok(found)
}

fn tracked(rows: &mut Rows<'_>) -> Result<BTreeMap<String, String>, DbError> {
    let mut tracked = BTreeMap::new();
    for row in rows {
        let (attribute, value) = (row.text(0)?.unwrap_or_default(), row.text(1)?.unwrap_or_default());
        tracked.insert(attribute.to_owned(), value.to_owned());
    }
    Ok(tracked)
}

/// The issuer and the subject of this user, compared exactly: a column may compare without regard to case.
pub(super) fn identity(
    rows: &mut Rows<'_>,
    user: &UserId,
    table: &UserTable,
) -> Result<Option<(String, String)>, DbError> {
    for row in rows {
        if table.read_id(row, 0)? == *user {
            return Ok(row.text(1)?.zip(row.text(2)?).map(|(iss, sub)| (iss.to_owned(), sub.to_owned())));
        }
    }
    Ok(None)
}

/// Whether a query finds anything.
pub(super) async fn finds(on: &mut impl Reader, sql: &SqlStr, values: &[Value<'_>]) -> Result<bool, DbError> {
    on.read(sql, values, |rows| Ok(rows.next().is_some())).await
}
