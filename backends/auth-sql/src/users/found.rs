//! Reading a user from rows.

use std::sync::Arc;

use auth_core::UserId;

use super::table::UserTable;
use crate::driver::{Columns, Dialect, number};
use crate::error::DbError;
use crate::user::{SqlUser, TableUser, UserRow};

/// The columns that every query for a user begins with: id, name, active, stamp, permissions. These are a JSON array,
/// or one of them: a user then has as many rows as permissions, and one without any.
const ID: usize = 0;
const USERNAME: usize = 1;
const ACTIVE: usize = 2;
const STAMP: usize = 3;
const PERMISSIONS: usize = 4;
/// Where the columns of the application's own user begin.
const FURTHER: usize = 5;

/// Where a query's own two columns begin. A query by name has the password hash and the key there.
pub(super) const fn own<U: TableUser>() -> usize {
    FURTHER + U::COLUMNS.len()
}

/// The one user of these rows, if there are any.
pub(super) fn user<'r, U: TableUser>(
    rows: impl IntoIterator<Item = &'r dyn Columns>,
    table: &UserTable,
    dialect: &Dialect,
) -> Result<Option<U>, DbError> {
    let mut rows = rows.into_iter();
    let Some(first) = rows.next() else { return Ok(None) };
    let id = table.read_id(first, ID)?;
    let mut permissions = held(first, dialect)?;
    for row in rows {
        if table.read_id(row, ID)? != id {
            return Err(DbError::unreadable("two users have one name"));
        }
        permissions.extend(held(row, dialect)?);
    }
    let user = SqlUser { permissions: sorted(permissions), ..without_permissions(first, id, table)? };
    let user = U::from_row(user, &UserRow::of::<U>(first, FURTHER));
    user.map(Some).map_err(|error| error.0)
}

fn without_permissions(row: &dyn Columns, id: UserId, table: &UserTable) -> Result<SqlUser, DbError> {
    let stamp = match &table.stamp {
        Some(_) => row.bytes(STAMP)?.unwrap_or_default().into(),
        None => derived(row.text(STAMP)?.unwrap_or_default()),
    };
    Ok(SqlUser {
        id,
        username: row.text(USERNAME)?.unwrap_or_default().into(),
        active: number(row, ACTIVE)? != 0,
        stamp,
        permissions: Arc::default(),
    })
}

/// The permissions in a row. NULL is none.
fn held(row: &dyn Columns, dialect: &Dialect) -> Result<Vec<Box<str>>, DbError> {
    let text = row.text(PERMISSIONS)?;
    if dialect.gather.is_none() {
        return Ok(text.into_iter().map(Into::into).collect());
    }
    let all: Result<Vec<Option<Box<str>>>, _> = serde_json::from_str(text.unwrap_or("[]"));
    Ok(all.map_err(|_| DbError::unreadable("a permission is no text"))?.into_iter().flatten().collect())
}

fn sorted(mut permissions: Vec<Box<str>>) -> Arc<[Box<str>]> {
    if permissions.is_empty() {
        return Arc::default();
    }
    permissions.sort_unstable();
    permissions.into()
}

/// A stamp that changes with the stored hash, and does not tell it.
fn derived(hash: &str) -> Arc<[u8]> {
    blake3::derive_key("auth-sql 2026 security stamp of a password hash", hash.as_bytes()).into()
}
