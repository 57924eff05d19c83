//! Changing users.

use auth_core::password::{PasswordHash, Verdict};
use auth_core::provisioning::ProvisionStore;
use auth_core::random::{OsRandom, Random, RandomError};
use auth_core::{Secret, UserId};
use sqlx::SqlStr;

use super::statements::{PermissionStatements, Statements};
use super::table::IdType;
use super::{SqlUsers, UserError, UserErrorKind};
#[cfg(doc)]
use crate::SqlUser;
use crate::TableUser;
use crate::driver::{Columns, Value};

impl<U: TableUser> SqlUsers<U> {
    /// Sets a password that the user chose, or removes the password, and ends all sessions of the user. It replaces a
    /// [temporary password](Self::set_temporary_password) and must differ from it.
    ///
    /// ```
    /// # use auth_core::{Passwords, Secret, User};
    /// # use auth_core::backend::UserSource;
    /// # use auth_sql::SqlUsers;
    /// # use sqlx::sqlite::SqlitePoolOptions;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await?;
    /// # let users = SqlUsers::new(pool, Passwords::new()?);
    /// # users.migrate().await?;
    /// # let alice = users.create_user("alice", Some(&Secret::new("correct horse"))).await?.id();
    /// users.set_password(&alice, Some(&Secret::new("battery staple"))).await?;
    /// users.set_password(&alice, None).await?; // From here on no password is accepted.
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`UserError`], for instance of kind [`UnknownUser`](UserErrorKind::UnknownUser),
    /// [`Linked`](UserErrorKind::Linked) if the user may not have a password here, or
    /// [`SamePassword`](UserErrorKind::SamePassword) if it is the temporary password.
    pub async fn set_password(&self, id: &UserId, password: Option<&Secret>) -> Result<(), UserError> {
        self.set_with(id, password, ChosenBy::User).await
    }

    /// Sets a password that somebody else chose, such as an administrator, and ends all sessions of the user. The
    /// user [must change it](SqlUser::must_change_password) after the next login, so that nobody else knows the
    /// password that they keep (ASVS 6.4.1). A link by which users set their own password is better still (ASVS
    /// 6.4.6).
    ///
    /// The mark stays until [`set_password`](Self::set_password) sets a different password; both are written in one
    /// statement. Renewing the hash at a login does not clear it. The application has to ask for the new password.
    ///
    /// ```
    /// # use auth_core::{Passwords, Secret, User};
    /// # use auth_core::backend::UserSource;
    /// # use auth_sql::SqlUsers;
    /// # use sqlx::sqlite::SqlitePoolOptions;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await?;
    /// # let users = SqlUsers::new(pool, Passwords::new()?);
    /// # users.migrate().await?;
    /// let alice = users.create_user("alice", None).await?.id();
    /// users.set_temporary_password(&alice, &Secret::new("told on the phone")).await?;
    /// assert!(users.get_user(&alice).await?.is_some_and(|alice| alice.must_change_password()));
    ///
    /// assert!(users.set_password(&alice, Some(&Secret::new("told on the phone"))).await.is_err());
    /// users.set_password(&alice, Some(&Secret::new("correct horse"))).await?;
    /// assert!(users.get_user(&alice).await?.is_some_and(|alice| !alice.must_change_password()));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`UserError`] as for [`set_password`](Self::set_password), or of kind
    /// [`NoTemporaryPasswords`](UserErrorKind::NoTemporaryPasswords), in which case the old password stays.
    pub async fn set_temporary_password(&self, id: &UserId, password: &Secret) -> Result<(), UserError> {
        self.set_with(id, Some(password), ChosenBy::Another).await
    }

    async fn set_with(&self, id: &UserId, password: Option<&Secret>, by: ChosenBy) -> Result<(), UserError> {
        if password.is_some() && !self.table.linked_passwords && self.is_linked(id).await? {
            return Err(UserError::new(UserErrorKind::Linked));
        }
        self.look_again().await;
        by.may_be_in(&self.sql)?;
        let id = self.known(id).await?;
        if by == ChosenBy::User && self.is_temporary(id, password).await? {
            return Err(UserError::new(UserErrorKind::SamePassword));
        }
        let hash = self.hash(password).await?;
        let stamp = new_stamp()?;
        let mut values = vec![text(hash.as_ref())];
        values.extend(self.table.stamp.as_ref().map(|_| Value::from(&stamp[..])));
        values.push(id);
        let set: fn(&Statements) -> Option<&SqlStr> = match by {
            ChosenBy::User => |sql| Some(&sql.set_password),
            ChosenBy::Another => |sql| Some(&sql.temporary.as_ref()?.set_password),
        };
        match self.execute(set, &values).await?.ok_or_else(no_temporary)? {
            0 => Err(unknown()),
            _ => Ok(()),
        }
    }

    /// Whether the user has this password as a temporary one.
    async fn is_temporary(&self, id: Value<'_>, password: Option<&Secret>) -> Result<bool, UserError> {
        let Some((password, temporary)) = password.zip(self.sql.temporary.as_ref()) else { return Ok(false) };
        let read = |row: &dyn Columns| Ok(row.text(0)?.map(Box::<str>::from));
        let hash = match self.database.first(&temporary.find, &[id], read).await {
            Err(error) if self.turns_out_earlier(&error).await => None,
            found => found?,
        };
        let Some(hash) = hash else { return Ok(false) };
        Ok(matches!(self.passwords.verify(password, Some(&hash)).await?, Verdict::Match { .. }))
    }

    async fn is_linked(&self, id: &UserId) -> Result<bool, UserError> {
        let identity = match &self.table.identity {
            Some(_) => self.identity_of(id).await,
            None => Ok(None),
        };
        Ok(identity.map_err(|error| UserError::because(UserErrorKind::Unavailable, error))?.is_some())
    }

    /// Logs the user out everywhere: every existing session ends at its next request.
    ///
    /// ```
    /// # use auth_core::{Passwords, Secret, User};
    /// # use auth_core::backend::UserSource;
    /// # use auth_sql::SqlUsers;
    /// # use sqlx::sqlite::SqlitePoolOptions;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await?;
    /// # let users = SqlUsers::new(pool, Passwords::new()?);
    /// # users.migrate().await?;
    /// # let alice = users.create_user("alice", Some(&Secret::new("correct horse"))).await?.id();
    /// users.end_sessions(&alice).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`UserError`], for instance of kind [`NoStamps`](UserErrorKind::NoStamps).
    pub async fn end_sessions(&self, id: &UserId) -> Result<(), UserError> {
        let sql = self.sql.set_stamp.as_ref().ok_or(UserError::new(UserErrorKind::NoStamps))?;
        let stamp = new_stamp()?;
        self.change(sql, id, &[stamp[..].into()]).await
    }

    /// Enables or disables the user. A disabled user cannot sign in, and existing sessions stop working.
    ///
    /// ```
    /// # use auth_core::{Passwords, Secret, User};
    /// # use auth_core::backend::UserSource;
    /// # use auth_sql::SqlUsers;
    /// # use sqlx::sqlite::SqlitePoolOptions;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await?;
    /// # let users = SqlUsers::new(pool, Passwords::new()?);
    /// # users.migrate().await?;
    /// # let alice = users.create_user("alice", Some(&Secret::new("correct horse"))).await?.id();
    /// users.set_active(&alice, false).await?;
    /// assert!(users.get_user(&alice).await?.is_some_and(|alice| !alice.is_active()));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`UserError`], for instance of kind [`AlwaysActive`](UserErrorKind::AlwaysActive).
    pub async fn set_active(&self, id: &UserId, active: bool) -> Result<(), UserError> {
        let sql = self.sql.set_active.as_ref().ok_or(UserError::new(UserErrorKind::AlwaysActive))?;
        self.change(sql, id, &[i64::from(active).into()]).await
    }

    /// Grants the user a permission. Does nothing if they already hold it.
    ///
    /// ```
    /// # use auth_core::{Passwords, Secret, User};
    /// # use auth_core::backend::UserSource;
    /// # use auth_sql::SqlUsers;
    /// # use sqlx::sqlite::SqlitePoolOptions;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await?;
    /// # let users = SqlUsers::new(pool, Passwords::new()?);
    /// # users.migrate().await?;
    /// # let alice = users.create_user("alice", Some(&Secret::new("correct horse"))).await?.id();
    /// users.grant(&alice, "orders.refund").await?;
    /// assert!(users.get_user(&alice).await?.is_some_and(|alice| alice.has_permission("orders.refund")));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`UserError`], for instance of kind [`NoPermissions`](UserErrorKind::NoPermissions).
    pub async fn grant(&self, id: &UserId, permission: &str) -> Result<(), UserError> {
        let (sql, values) = (&self.permissions()?.grant, [permission.into(), self.known(id).await?]);
        let made = self.database.insert(sql, &values).await?;
        self.changed_or_was_so(made, id).await
    }

    /// Revokes a permission of the user. Does nothing if they do not hold it.
    ///
    /// ```
    /// # use auth_core::{Passwords, Secret, User};
    /// # use auth_core::backend::UserSource;
    /// # use auth_sql::SqlUsers;
    /// # use sqlx::sqlite::SqlitePoolOptions;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await?;
    /// # let users = SqlUsers::new(pool, Passwords::new()?);
    /// # users.migrate().await?;
    /// # let alice = users.create_user("alice", Some(&Secret::new("correct horse"))).await?.id();
    /// # users.grant(&alice, "orders.refund").await?;
    /// users.revoke(&alice, "orders.refund").await?;
    /// assert!(users.get_user(&alice).await?.is_some_and(|alice| !alice.has_permission("orders.refund")));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`UserError`], for instance of kind [`NoPermissions`](UserErrorKind::NoPermissions).
    pub async fn revoke(&self, id: &UserId, permission: &str) -> Result<(), UserError> {
        let (sql, values) = (&self.permissions()?.revoke, [permission.into(), self.known(id).await?]);
        let removed = self.database.execute(sql, &values).await?;
        self.changed_or_was_so(removed > 0, id).await
    }

    pub(super) async fn hash(&self, password: Option<&Secret>) -> Result<Option<PasswordHash>, UserError> {
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

    /// The id as the table stores it, if a user may have it.
    async fn known<'a>(&self, id: &'a UserId) -> Result<Value<'a>, UserError> {
        let value = self.table.id_value(id).ok_or_else(unknown)?;
        // A column that compares texts without regard to case would change another user.
        if self.table.ids == IdType::Text && self.by_id(id).await?.is_none() {
            return Err(unknown());
        }
        Ok(value)
    }

    /// Interprets whether a permission's row was written, or there was nothing to write.
    async fn changed_or_was_so(&self, changed: bool, id: &UserId) -> Result<(), UserError> {
        if changed || self.by_id(id).await?.is_some() { Ok(()) } else { Err(unknown()) }
    }

    fn permissions(&self) -> Result<&PermissionStatements, UserError> {
        self.sql.permissions.as_ref().ok_or(UserError::new(UserErrorKind::NoPermissions))
    }
}

/// Who chose a password.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ChosenBy {
    User,
    /// The password is temporary, because this person knows it.
    Another,
}

impl ChosenBy {
    /// Checked first, so that no hash is computed for a change that is refused anyway.
    fn may_be_in(self, sql: &Statements) -> Result<(), UserError> {
        if self == Self::Another && sql.temporary.is_none() { Err(no_temporary()) } else { Ok(()) }
    }
}

pub(super) fn no_temporary() -> UserError {
    UserError::new(UserErrorKind::NoTemporaryPasswords)
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
