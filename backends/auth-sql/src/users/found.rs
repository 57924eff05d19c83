//! Reading a user from rows.

use std::sync::Arc;

use auth_core::UserId;

use super::table::UserTable;
use crate::SqlUser;
use crate::driver::Columns;
use crate::error::DbError;

/// The columns that every query for a user begins with: id, name, active, stamp, one permission. A user has as
/// many rows as permissions, and one without any.
const ID: usize = 0;
const USERNAME: usize = 1;
const ACTIVE: usize = 2;
const STAMP: usize = 3;
const PERMISSION: usize = 4;
/// Where a query's own two columns begin. A query by name has the password hash and the key there.
pub(super) const EXTRA: usize = 5;

/// A user as far as it is read.
pub(super) struct Found {
    user: SqlUser,
    permissions: Vec<Box<str>>,
}

impl Found {
    /// Takes in one more row.
    pub(super) fn add(found: &mut Option<Self>, row: &dyn Columns, table: &UserTable) -> Result<(), DbError> {
        let id = table.read_id(row, ID)?;
        let found = match found {
            Some(found) if found.user.id != id => return Err(DbError::unreadable("two users have one name")),
            Some(found) => found,
            None => found.insert(Self::first(row, id)?),
        };
        found.permissions.extend(row.text(PERMISSION)?.map(Into::into));
        Ok(())
    }

    fn first(row: &dyn Columns, id: UserId) -> Result<Self, DbError> {
        let user = SqlUser {
            id,
            username: row.text(USERNAME)?.unwrap_or_default().into(),
            active: row.int(ACTIVE)? != 0,
            stamp: row.bytes(STAMP)?.unwrap_or_default().into(),
            permissions: Arc::default(),
        };
        Ok(Self { user, permissions: Vec::new() })
    }

    /// The user, with all rows taken in.
    pub(super) fn into_user(mut self) -> SqlUser {
        if !self.permissions.is_empty() {
            self.permissions.sort_unstable();
            self.user.permissions = self.permissions.into();
        }
        self.user
    }
}
