//! Trying what logins and requests will need, before the first of them.

use auth_core::backend::BackendError;
use auth_core::random::{OsRandom, Random, RandomError};
use uuid::Uuid;

use super::SqlUsers;
use super::table::IdType;
use crate::TableUser;
use crate::driver::Value;
use crate::error::DbError;

impl<U: TableUser> SqlUsers<U> {
    /// Tries what logins and requests will need: finding a user with all permissions by name, by id and, if the table
    /// has the columns, by issuer and subject; and renewing an outdated hash. Call it when the program starts, after
    /// [`migrate`](Self::migrate), which shows an example.
    ///
    /// It changes nothing, since no user has the name, the id and the hash that it asks for. It does not try what
    /// only an administrator or a provisioning policy writes: a program may well lack the rights to create users.
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
    /// users.check().await?; // after `migrate`, before the first request
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`BackendError`] of what failed first. Its source names the missing table, permission or setting.
    pub async fn check(&self) -> Result<(), BackendError> {
        self.database.check().await?;
        let nobody = nobody().map_err(BackendError::unavailable)?;
        self.by_name(&nobody).await?;
        let id = match self.table.ids {
            IdType::Integer => Value::from(0),
            IdType::Text => Value::from(&*nobody),
            IdType::Uuid => Value::from(Uuid::nil()),
        };
        self.check_ids(id, &nobody).await?;
        self.check_identities(id, &nobody).await?;
        Ok(())
    }

    async fn check_ids(&self, id: Value<'_>, nobody: &str) -> Result<(), DbError> {
        self.database.is_any(&self.sql.by_id, &[id]).await?;
        if self.table.stamp.is_some() {
            // If a user has this id, their hash differs.
            self.database.execute(&self.sql.renew, &[nobody.into(), id, nobody.into()]).await?;
        }
        Ok(())
    }

    async fn check_identities(&self, id: Value<'_>, nobody: &str) -> Result<(), DbError> {
        let Some(sql) = &self.sql.accounts else { return Ok(()) };
        self.database.is_any(&sql.by_identity, &[nobody.into(), nobody.into()]).await?;
        if let Some(tracking) = &sql.tracking {
            self.database.is_any(&tracking.read, &[id]).await?;
        }
        Ok(())
    }
}

/// A name that no user has: 128 random bits.
fn nobody() -> Result<String, RandomError> {
    let mut random = [0; 16];
    OsRandom.fill(&mut random)?;
    Ok(format!("nobody-{:032x}", u128::from_ne_bytes(random)))
}
