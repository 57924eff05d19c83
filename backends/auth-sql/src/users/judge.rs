//! Verifying passwords.

use auth_core::backend::{Accepted, Attempt, Backend, BackendError, DeclineReason, Outcome};
use auth_core::password::Verdict;
use auth_core::{Password, Passwords, Secret, UserId};

use super::SqlUsers;
use crate::TableUser;
use crate::driver::Value;

impl<U: TableUser> Backend<Password> for SqlUsers<U> {
    fn passwords(&self) -> Option<&Passwords> {
        Some(&self.passwords)
    }

    async fn authenticate(
        &self,
        attempt: &Attempt<'_, Password>,
    ) -> Result<Outcome<Accepted<U>>, BackendError> {
        let password = attempt.credentials();
        let (user, hash) = self.by_name(password.username()).await?.unzip();
        if let Some(user) = &user {
            attempt.account(user.id().as_str()).await?;
        }
        let hash = hash.flatten();
        // Verifies without a user, too: a failed login costs the same for known and unknown names.
        let verdict = attempt.verify(&self.passwords, hash.as_deref()).await?;
        let Some(user) = user else { return Ok(Outcome::Decline(DeclineReason::UnknownUser)) };
        match verdict {
            Verdict::Mismatch => return Ok(Outcome::Decline(DeclineReason::WrongSecret)),
            // A disabled user is refused after this. No hash is renewed for them, so that the timing does not reveal
            // the state.
            Verdict::Match { outdated: true } if user.is_active() => {
                self.renew(&user.id(), password.password(), hash.as_deref()).await;
            }
            Verdict::Match { .. } => {}
        }
        Ok(Outcome::accept(user))
    }
}

impl<U: TableUser> SqlUsers<U> {
    /// Stores a stronger hash of the same password, unless the password changed meanwhile. The login succeeds whether
    /// or not this works. The security stamp stays, and with it every session.
    async fn renew(&self, user: &UserId, password: &Secret, old: Option<&str>) {
        if let Err(error) = self.try_renew(user, password, old).await {
            let user = user.as_str();
            tracing::warn!(target: "auth", user, "an outdated password hash was not renewed: {error}");
        }
    }

    async fn try_renew(
        &self,
        user: &UserId,
        password: &Secret,
        old: Option<&str>,
    ) -> Result<(), BackendError> {
        // A stamp that is derived from the hash would change.
        if self.table.stamp.is_none() {
            return Ok(());
        }
        let Some(id) = self.table.id_value(user) else { return Ok(()) };
        let new = self.passwords.hash(password).await?;
        self.database.execute(&self.sql.renew, &[new.as_str().into(), id, Value::Text(old)]).await?;
        Ok(())
    }
}
