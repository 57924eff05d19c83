//! Reading a user from rows.

use std::sync::Arc;

use auth_core::UserId;

use super::table::UserTable;
use crate::driver::{Columns, Dialect, number};
use crate::error::DbError;
use crate::permissions::Permissions;
use crate::user::{SqlUser, TableUser, UserRow};

/// The columns that every query for a user begins with: id, name, state, stamp, permissions. The permissions are
/// either a JSON array or one permission: a user then has one row for each permission, and one row if they hold none.
const ID: usize = 0;
const USERNAME: usize = 1;
const STATE: usize = 2;
const STAMP: usize = 3;
const PERMISSIONS: usize = 4;
/// The bits of the state: whether the user is active, and whether they must change their password.
pub(super) const ACTIVE: i64 = 1;
pub(super) const MUST_CHANGE: i64 = 2;
/// Where the columns of the application's own user begin.
const FURTHER: usize = 5;

/// Where the columns begin that only one query reads. A query by name has the password hash and the key there.
pub(super) const fn own<U: TableUser>() -> usize {
    FURTHER + U::COLUMNS.len()
}

/// The user of these rows, if there are any.
pub(super) fn user<'r, U: TableUser>(
    rows: impl IntoIterator<Item = &'r dyn Columns>,
    table: &UserTable,
    dialect: &Dialect,
) -> Result<Option<U>, DbError> {
    let mut rows = rows.into_iter();
    let Some(first) = rows.next() else { return Ok(None) };
    let id = table.read_id(first, ID)?;
    let mut permissions = Permissions::default();
    take(&mut permissions, first, dialect)?;
    for row in rows {
        if !table.is_same_id(first, row, ID)? {
            return Err(DbError::unreadable("two users have one name"));
        }
        take(&mut permissions, row, dialect)?;
    }
    let permissions = (!permissions.is_empty()).then(|| Arc::new(permissions));
    let user = SqlUser { permissions, ..without_permissions(first, id, table)? };
    let user = U::from_row(user, &UserRow::of::<U>(first, FURTHER));
    user.map(Some).map_err(|error| error.0)
}

fn without_permissions(row: &dyn Columns, id: UserId, table: &UserTable) -> Result<SqlUser, DbError> {
    let stamp = match &table.stamp {
        Some(_) => row.bytes(STAMP)?.unwrap_or_default().into(),
        None => derived(row.text(STAMP)?.unwrap_or_default()),
    };
    let state = number(row, STATE)?;
    Ok(SqlUser {
        id,
        username: row.text(USERNAME)?.unwrap_or_default().into(),
        active: state & ACTIVE != 0,
        must_change_password: state & MUST_CHANGE != 0,
        stamp,
        permissions: None,
    })
}

/// Takes the permissions of a row. NULL means none.
fn take(permissions: &mut Permissions, row: &dyn Columns, dialect: &Dialect) -> Result<(), DbError> {
    match row.text(PERMISSIONS)? {
        None => Ok(()),
        Some(array) if dialect.gather.is_some() => permissions.push_json(array),
        Some(permission) => permissions.push(permission),
    }
}

/// A stamp that changes with the stored hash without revealing it.
fn derived(hash: &str) -> Arc<[u8]> {
    blake3::derive_key("auth-sql 2026 security stamp of a password hash", hash.as_bytes()).into()
}
