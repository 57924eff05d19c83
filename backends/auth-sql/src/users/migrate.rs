//! Taking over the passwords of a previous system.

use auth_core::backend::BackendError;
use auth_core::password::PasswordHash;
use auth_core::provisioning::{Awaits, MigrationStore};
use auth_core::{Secret, UserId};

use super::{SqlUsers, UserErrorKind};
use crate::TableUser;
use crate::driver::Value;

/// Users whose password is not taken over yet have [`PasswordHash::awaiting_migration`] in the password column.
impl<U: TableUser> MigrationStore for SqlUsers<U> {
    async fn awaits(&self, username: &str) -> Result<Awaits, BackendError> {
        let waits = PasswordHash::awaiting_migration();
        Ok(match self.by_name(username).await? {
            None => Awaits::Unknown,
            Some((user, Some(hash))) if *hash == *waits.as_str() => Awaits::Migration(user.id()),
            Some(_) => Awaits::Nothing,
        })
    }

    async fn adopt(&self, id: &UserId, password: &Secret) -> Result<bool, BackendError> {
        let Some(id) = self.table.id_value(id) else { return Ok(false) };
        let (new, waits) = (self.passwords.hash(password).await?, PasswordHash::awaiting_migration());
        let values = [new.as_str().into(), id, Value::from(waits.as_str())];
        Ok(self.database.execute(&self.sql.renew, &values).await? > 0)
    }

    async fn enroll(&self, username: &str, password: &Secret) -> Result<Option<U>, BackendError> {
        match self.create_user(username, Some(password)).await {
            Ok(user) => Ok(Some(user)),
            Err(error) if matches!(error.kind(), UserErrorKind::NameTaken | UserErrorKind::InvalidName) => {
                Ok(None)
            }
            Err(error) => Err(BackendError::unavailable(error)),
        }
    }
}
