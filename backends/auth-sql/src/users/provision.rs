//! Users for people whom an outside system vouches for.

use auth_core::{BackendError, ConfigError, DenyReason, Identity, Outcome, Provisioner};

use super::{SqlUsers, UserError, exact, found};
use crate::driver::{Columns, Rows};
use crate::{TableUser, canonical};

/// The longest issuer and the longest subject, in bytes.
const MAX_LEN: usize = 1024;

impl<U: TableUser> Provisioner for SqlUsers<U> {
    /// Finds the user by issuer and subject, or creates one without a password.
    ///
    /// A user who has the proposed name but not this identity is somebody else: never linked, always
    /// [`DenyReason::NameTaken`] (CVE-2022-39229). A found user keeps their name.
    async fn provision(&self, identity: Identity) -> Result<Outcome<U>, BackendError> {
        bounded(&identity)?;
        if let Some(user) = self.by_identity(&identity).await? {
            return Ok(Outcome::Accept(user));
        }
        let Some(key) = self.key_for_new(&identity) else {
            return Ok(Outcome::Deny(DenyReason::NotPermitted));
        };
        let made =
            self.insert(identity.username(), &key, None, Some(&identity)).await.map_err(unavailable)?;
        // Whoever made the row, it is this person's: of many first logins at once all find the same.
        match self.by_identity(&identity).await? {
            Some(user) => Ok(Outcome::Accept(user)),
            None if made => Err(BackendError::unavailable("the new user is gone again")),
            None => Ok(Outcome::Deny(DenyReason::NameTaken)),
        }
    }
}

impl<U: TableUser> SqlUsers<U> {
    async fn by_identity(&self, identity: &Identity) -> Result<Option<U>, BackendError> {
        let Some(sql) = &self.sql.by_identity else { return Err(no_identity()) };
        let values = [identity.issuer().into(), identity.subject().into()];
        // A column that compares without regard to case would find somebody else.
        let is_exact = |row: &dyn Columns| {
            let (issuer, subject) = (row.text(found::own::<U>())?, row.text(found::own::<U>() + 1)?);
            Ok(issuer == Some(identity.issuer()) && subject == Some(identity.subject()))
        };
        let read = |rows: &mut Rows<'_>| found::user(exact(rows, is_exact)?, &self.table);
        Ok(self.database.fetch(sql, &values, read).await?)
    }

    /// The key for a new user, if there may be one.
    fn key_for_new(&self, identity: &Identity) -> Option<String> {
        if !self.creates {
            return None;
        }
        canonical(identity.username())
            .inspect_err(|error| tracing::warn!(target: "auth", "nobody was provisioned: {error}"))
            .ok()
    }
}

/// An empty issuer or subject would make many people one; a NUL is in no text of `PostgreSQL`.
fn bounded(identity: &Identity) -> Result<(), BackendError> {
    let fits = |part: &str| (1..=MAX_LEN).contains(&part.len()) && !part.contains('\0');
    if fits(identity.issuer()) && fits(identity.subject()) {
        return Ok(());
    }
    Err(BackendError::invalid_data(
        "an identity's issuer and subject have 1 to 1024 bytes each, none of them NUL",
    ))
}

fn no_identity() -> BackendError {
    BackendError::invalid_data(ConfigError::new(
        "the user table has no columns for issuer and subject: name them with `UserTable::with_identity`",
    ))
}

fn unavailable(error: UserError) -> BackendError {
    BackendError::unavailable(error)
}
