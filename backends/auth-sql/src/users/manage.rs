//! Creating and changing users.

use auth_core::password::PasswordHash;
use auth_core::provisioning::ProvisionStore;
use auth_core::random::{OsRandom, Random, RandomError};
use auth_core::{Secret, UserId};
use sqlx::SqlStr;

use super::statements::PermissionStatements;
use super::table::IdType;
use super::{SqlUsers, UserError, UserErrorKind};
use crate::driver::Value;
use crate::{TableUser, canonical};

impl<U: TableUser> SqlUsers<U> {
    /// Creates an active user; without a password, nobody can sign in as them with one.
    ///
    /// # Errors
    /// [`UserError`], for instance of kind [`NameTaken`](UserErrorKind::NameTaken).
    pub async fn create_user(&self, username: &str, password: Option<&Secret>) -> Result<U, UserError> {
        let key =
            canonical(username).map_err(|error| UserError::because(UserErrorKind::InvalidName, error))?;
        let hash = self.hash(password).await?;
        if !self.insert(username, &key, hash.as_ref()).await? {
            return Err(UserError::new(UserErrorKind::NameTaken));
        }
        let made = self.by_name(username).await?;
        made.map(|(user, _)| user).ok_or(UserError::new(UserErrorKind::Unavailable))
    }

    /// Sets or removes the password, and ends all sessions of the user.
    ///
    /// # Errors
    /// [`UserError`], for instance of kind [`UnknownUser`](UserErrorKind::UnknownUser), or
    /// [`Linked`](UserErrorKind::Linked) for a password that would not let the user in.
    pub async fn set_password(&self, id: &UserId, password: Option<&Secret>) -> Result<(), UserError> {
        if password.is_some() && !self.table.linked_passwords && self.is_linked(id).await? {
            return Err(UserError::new(UserErrorKind::Linked));
        }
        let hash = self.hash(password).await?;
        let stamp = new_stamp()?;
        let mut values = vec![text(hash.as_ref())];
        values.extend(self.table.stamp.as_ref().map(|_| Value::from(&stamp[..])));
        self.change(&self.sql.set_password, id, &values).await
    }

    async fn is_linked(&self, id: &UserId) -> Result<bool, UserError> {
        let identity = match &self.table.identity {
            Some(_) => self.identity_of(id).await,
            None => Ok(None),
        };
        Ok(identity.map_err(|error| UserError::because(UserErrorKind::Unavailable, error))?.is_some())
    }

    /// Logs the user out everywhere: no session that exists now survives its next request.
    ///
    /// # Errors
    /// [`UserError`], for instance of kind [`NoStamps`](UserErrorKind::NoStamps).
    pub async fn end_sessions(&self, id: &UserId) -> Result<(), UserError> {
        let sql = self.sql.set_stamp.as_ref().ok_or(UserError::new(UserErrorKind::NoStamps))?;
        let stamp = new_stamp()?;
        self.change(sql, id, &[stamp[..].into()]).await
    }

    /// Enables or disables the user. A disabled one cannot sign in, nor go on with a session.
    ///
    /// # Errors
    /// [`UserError`], for instance of kind [`AlwaysActive`](UserErrorKind::AlwaysActive).
    pub async fn set_active(&self, id: &UserId, active: bool) -> Result<(), UserError> {
        let sql = self.sql.set_active.as_ref().ok_or(UserError::new(UserErrorKind::AlwaysActive))?;
        self.change(sql, id, &[i64::from(active).into()]).await
    }

    /// Gives the user a permission; nothing happens if they hold it.
    ///
    /// # Errors
    /// [`UserError`], for instance of kind [`NoPermissions`](UserErrorKind::NoPermissions).
    pub async fn grant(&self, id: &UserId, permission: &str) -> Result<(), UserError> {
        let (sql, values) = (&self.permissions()?.grant, [permission.into(), self.known(id).await?]);
        let made = self.database.insert(sql, &values).await?;
        self.changed_or_was_so(made, id).await
    }

    /// Takes a permission from the user; nothing happens if they do not hold it.
    ///
    /// # Errors
    /// [`UserError`], for instance of kind [`NoPermissions`](UserErrorKind::NoPermissions).
    pub async fn revoke(&self, id: &UserId, permission: &str) -> Result<(), UserError> {
        let (sql, values) = (&self.permissions()?.revoke, [permission.into(), self.known(id).await?]);
        let removed = self.database.execute(sql, &values).await?;
        self.changed_or_was_so(removed > 0, id).await
    }

    /// Inserts a user with a new stamp; `false` if a unique column has one of the values already.
    async fn insert(
        &self,
        username: &str,
        key: &str,
        hash: Option<&PasswordHash>,
    ) -> Result<bool, UserError> {
        let stamp = new_stamp()?;
        let mut values = vec![key.into(), text(hash)];
        values.extend(self.table.stamp.as_ref().map(|_| Value::from(&stamp[..])));
        if self.table.has_display_name() {
            values.push(username.into());
        }
        Ok(self.database.insert(&self.sql.insert, &values).await?)
    }

    async fn hash(&self, password: Option<&Secret>) -> Result<Option<PasswordHash>, UserError> {
        match password {
            Some(password) => Ok(Some(self.passwords.hash(password).await?)),
            None => Ok(None),
        }
    }

    /// Runs a statement that ends in `WHERE id = ?`.
    async fn change(&self, sql: &SqlStr, id: &UserId, values: &[Value<'_>]) -> Result<(), UserError> {
        let id = self.known(id).await?;
        let values: Vec<_> = values.iter().copied().chain([id]).collect();
        match self.database.execute(sql, &values).await? {
            0 => Err(unknown()),
            _ => Ok(()),
        }
    }

    /// The id as the table has it, if somebody may have it.
    async fn known<'a>(&self, id: &'a UserId) -> Result<Value<'a>, UserError> {
        let value = self.table.id_value(id).ok_or_else(unknown)?;
        // A column that compares texts without regard to case would change somebody else.
        if self.table.ids == IdType::Text && self.by_id(id).await?.is_none() {
            return Err(unknown());
        }
        Ok(value)
    }

    /// What it means that a permission's row was written, or that there was none to write.
    async fn changed_or_was_so(&self, changed: bool, id: &UserId) -> Result<(), UserError> {
        if changed || self.by_id(id).await?.is_some() { Ok(()) } else { Err(unknown()) }
    }

    fn permissions(&self) -> Result<&PermissionStatements, UserError> {
        self.sql.permissions.as_ref().ok_or(UserError::new(UserErrorKind::NoPermissions))
    }
}

fn unknown() -> UserError {
    UserError::new(UserErrorKind::UnknownUser)
}

pub(super) fn text(hash: Option<&PasswordHash>) -> Value<'_> {
    Value::Text(hash.map(PasswordHash::as_str))
}

pub(super) fn new_stamp() -> Result<[u8; 32], RandomError> {
    let mut stamp = [0; 32];
    OsRandom.fill(&mut stamp)?;
    Ok(stamp)
}
