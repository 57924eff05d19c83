//! Creating and changing users.

use auth_core::{Identity, OsRandom, PasswordHash, Random, RandomError, Secret, UserId, UserSource};
use sqlx::SqlStr;

use super::statements::PermissionStatements;
use super::{SqlUsers, UserError, UserErrorKind};
use crate::driver::Value;
use crate::{SqlUser, canonical};

impl SqlUsers {
    /// Creates an active user; without a password, nobody can sign in as them with one.
    ///
    /// # Errors
    /// [`UserError`], for instance of kind [`NameTaken`](UserErrorKind::NameTaken).
    pub async fn create_user(&self, username: &str, password: Option<&Secret>) -> Result<SqlUser, UserError> {
        let key =
            canonical(username).map_err(|error| UserError::because(UserErrorKind::InvalidName, error))?;
        let hash = self.hash(password).await?;
        if !self.insert(username, &key, hash.as_ref(), None).await? {
            return Err(UserError::new(UserErrorKind::NameTaken));
        }
        let made = self.by_name(username).await?;
        made.map(|(user, _)| user).ok_or(UserError::new(UserErrorKind::Unavailable))
    }

    /// Sets or removes the password, and ends all sessions of the user.
    ///
    /// # Errors
    /// [`UserError`], for instance of kind [`UnknownUser`](UserErrorKind::UnknownUser).
    pub async fn set_password(&self, id: &UserId, password: Option<&Secret>) -> Result<(), UserError> {
        let hash = self.hash(password).await?;
        let stamp = new_stamp()?;
        self.change(&self.sql.set_password, id, &[text(hash.as_ref()), stamp[..].into()]).await
    }

    /// Logs the user out everywhere: no session that exists now survives its next request.
    ///
    /// # Errors
    /// [`UserError`], for instance of kind [`UnknownUser`](UserErrorKind::UnknownUser).
    pub async fn end_sessions(&self, id: &UserId) -> Result<(), UserError> {
        let stamp = new_stamp()?;
        self.change(&self.sql.set_stamp, id, &[stamp[..].into()]).await
    }

    /// Enables or disables the user. A disabled one cannot sign in, nor go on with a session.
    ///
    /// # Errors
    /// [`UserError`], for instance of kind [`UnknownUser`](UserErrorKind::UnknownUser).
    pub async fn set_active(&self, id: &UserId, active: bool) -> Result<(), UserError> {
        self.change(&self.sql.set_active, id, &[i64::from(active).into()]).await
    }

    /// Gives the user a permission; nothing happens if they hold it.
    ///
    /// # Errors
    /// [`UserError`], for instance of kind [`NoPermissions`](UserErrorKind::NoPermissions).
    pub async fn grant(&self, id: &UserId, permission: &str) -> Result<(), UserError> {
        self.change_permission(&self.permissions()?.grant, id, permission).await
    }

    /// Takes a permission from the user; nothing happens if they do not hold it.
    ///
    /// # Errors
    /// [`UserError`], for instance of kind [`NoPermissions`](UserErrorKind::NoPermissions).
    pub async fn revoke(&self, id: &UserId, permission: &str) -> Result<(), UserError> {
        self.change_permission(&self.permissions()?.revoke, id, permission).await
    }

    /// Inserts a user with a new stamp; `false` if a unique column has one of the values already.
    pub(super) async fn insert(
        &self,
        username: &str,
        key: &str,
        hash: Option<&PasswordHash>,
        identity: Option<&Identity>,
    ) -> Result<bool, UserError> {
        let stamp = new_stamp()?;
        let mut values = vec![key.into(), text(hash), stamp[..].into()];
        if self.table.has_display_name() {
            values.push(username.into());
        }
        if self.table.identity.is_some() {
            values.push(Value::Text(identity.map(Identity::issuer)));
            values.push(Value::Text(identity.map(Identity::subject)));
        }
        Ok(self.database.execute(&self.sql.insert, &values).await? > 0)
    }

    async fn hash(&self, password: Option<&Secret>) -> Result<Option<PasswordHash>, UserError> {
        match password {
            Some(password) => Ok(Some(self.passwords.hash(password).await?)),
            None => Ok(None),
        }
    }

    /// Runs a statement that ends in `WHERE id = ?`.
    async fn change(&self, sql: &SqlStr, id: &UserId, values: &[Value<'_>]) -> Result<(), UserError> {
        let unknown = || UserError::new(UserErrorKind::UnknownUser);
        let id = self.table.id_value(id).ok_or_else(unknown)?;
        let values: Vec<_> = values.iter().copied().chain([id]).collect();
        match self.database.execute(sql, &values).await? {
            0 => Err(unknown()),
            _ => Ok(()),
        }
    }

    fn permissions(&self) -> Result<&PermissionStatements, UserError> {
        self.sql.permissions.as_ref().ok_or(UserError::new(UserErrorKind::NoPermissions))
    }

    async fn change_permission(&self, sql: &SqlStr, id: &UserId, permission: &str) -> Result<(), UserError> {
        match self.change(sql, id, &[permission.into()]).await {
            // No row was changed: all is as it should be already, or there is nobody.
            Err(error) if error.kind() == UserErrorKind::UnknownUser => match self.get_user(id).await? {
                Some(_) => Ok(()),
                None => Err(error),
            },
            changed => changed,
        }
    }
}

fn text(hash: Option<&PasswordHash>) -> Value<'_> {
    Value::Text(hash.map(PasswordHash::as_str))
}

fn new_stamp() -> Result<[u8; 32], RandomError> {
    let mut stamp = [0; 32];
    OsRandom.fill(&mut stamp)?;
    Ok(stamp)
}
