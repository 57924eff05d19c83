//! Password changes by users themselves.

use auth_core::backend::DenyReason;
use auth_core::{Credentials as _, Password, Secret};

use crate::connection::Search;
use crate::connection::nothing;
use crate::directory::{Directory, bind, late};
use crate::dn::DnValue;
use crate::error::Failure;
use crate::filter::FilterValue;
use crate::policy::Judged;
use crate::reader::Reader;
use crate::settings::Way;

/// The result of changing a password: [`Ldap::change_password`](crate::Ldap::change_password) shows an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PasswordChange {
    /// The password is changed, and the old one no longer works.
    Changed,
    /// The old password is wrong, or the name is unknown.
    WrongPassword,
    /// The account may not sign in, for this reason.
    Denied(DenyReason),
    /// The directory does not accept the new password: it is too short, too easy, changed too soon, or was used
    /// before.
    Unsuitable,
}

/// The result codes that answer a change (RFC 4511 appendix A).
mod code {
    pub(super) const SUCCESS: u32 = 0;
    pub(super) const CONSTRAINT_VIOLATION: u32 = 19;
}

impl Directory {
    pub(crate) async fn change_password(
        &self,
        username: &str,
        old: &Secret,
        new: &Secret,
    ) -> Result<PasswordChange, Failure> {
        let all = self.change_by_owner(username, old, new);
        tokio::time::timeout(self.settings.timeout, all).await.unwrap_or_else(|_| Err(late()))
    }

    async fn change_by_owner(
        &self,
        username: &str,
        old: &Secret,
        new: &Secret,
    ) -> Result<PasswordChange, Failure> {
        // The same limits as for a login: a bind with an empty password would succeed (RFC 4513 §5.1.2).
        let is_fit = |password: &Secret| {
            let typed = Password::new(username, password.clone());
            typed.check().and_then(|()| typed.check_handing_on()).is_ok()
        };
        if !is_fit(new) {
            return Ok(PasswordChange::Unsuitable);
        }
        let Some(name) = self.settings.name(username).filter(|_| is_fit(old)) else {
            return Ok(PasswordChange::WrongPassword);
        };
        let Some(owner) = self.owner(name).await? else {
            self.bind_nobody().await?;
            return Ok(PasswordChange::WrongPassword);
        };
        let mut connection = self.binders.get().await?;
        match bind(&mut connection, &owner, old).await? {
            // Such a bind permits changing the password, and nothing else.
            Judged::Proven | Judged::Denied(DenyReason::MustChangePassword) => {}
            Judged::Declined(_) => return Ok(PasswordChange::WrongPassword),
            Judged::Denied(reason) => return Ok(PasswordChange::Denied(reason)),
        }
        match connection.change_password(old, new).await? {
            code::SUCCESS => Ok(PasswordChange::Changed),
            code::CONSTRAINT_VIOLATION => Ok(PasswordChange::Unsuitable),
            code => Err(connection.judged(Failure::code("the change of a password", code))),
        }
    }

    /// The DN as which the user of a name binds; `None` unless there is exactly one.
    async fn owner(&self, name: &str) -> Result<Option<String>, Failure> {
        match &self.settings.way {
            Way::Dn(template) => Ok(Some(template.fill(&DnValue::of(name)))),
            Way::Principal => {
                Ok(Some(format!("{name}@{}", self.settings.domain.as_deref().unwrap_or_default())))
            }
            Way::Search => {
                let filter = self.settings.filter.fill(&FilterValue::of(name));
                let (base, scope) = self.place();
                let search = Search { base, scope, filter: &filter, attributes: &nothing() };
                let mut reader = Reader::service(self.searchers()?, self.settings.bounds);
                let mut found = reader.one(&search).await?;
                let entry = found.pop().filter(|_| found.is_empty());
                Ok(entry.map(|entry| entry.dn))
            }
        }
    }
}
