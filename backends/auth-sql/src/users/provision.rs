//! Users for people vouched for by an outside system.

use auth_core::backend::BackendError;
use auth_core::provisioning::{
    Account, Applied, Found, NameState, ProvisionStore, Provisioning, Query, Right, Write,
};
use auth_core::{ConfigError, UserId};

use super::SqlUsers;
use super::accounts::{AccountStatements, Holders, finds, identity, read};
use super::write::Unwritten;
use crate::database::Reader;
use crate::driver::{Rows, Value};
use crate::error::DbError;
use crate::identifier::Identifier;
use crate::{TableUser, canonical};

/// A user who has the proposed name but not this identity is a different person and is never linked (CVE-2022-39229).
impl<U: TableUser> ProvisionStore for SqlUsers<U> {
    fn check(&self, policy: &Provisioning) -> Result<(), ConfigError> {
        let table = &self.table;
        let has = |columns: &[Identifier], name: &str| columns.iter().any(|column| column.as_str() == name);
        let missing = |what: String, fix: &str| {
            Err(ConfigError::new(format!("the user table has no {what}: name it with `UserTable::{fix}`")))
        };
        if table.identity.is_none() {
            return missing("columns for issuer and subject".into(), "with_identity");
        }
        if let Some(field) = policy.attributes().find(|field| !has(&table.attributes, field)) {
            return missing(format!("attribute {field:?}"), "with_attribute");
        }
        if policy.uses_email() && table.email.is_none() {
            return missing("columns for e-mail addresses".into(), "with_email");
        }
        if policy.needs_tracking() && table.tracking.is_none() {
            return missing("table for what came from outside".into(), "with_tracking");
        }
        if policy.may_claim() && table.stamp.is_none() {
            return missing("column for security stamps, which ends sessions".into(), "with_security_stamp");
        }
        for right in policy.managed() {
            match right {
                Right::Permission(_) if table.permissions.is_none() => {
                    return missing("table for permissions".into(), "with_permissions");
                }
                Right::Flag(name) if !has(&table.flags, name) => {
                    return missing(format!("flag {name:?}"), "with_flag");
                }
                Right::Permission(_) | Right::Flag(_) => {}
            }
        }
        Ok(())
    }

    async fn load(&self, query: &Query<'_>) -> Result<Found, BackendError> {
        let sql = self.accounts()?;
        let (on, mut found) = (&mut &self.database, Found::default());
        let (account, similar) = self.accounts_of(on, query.issuer, query.subject).await?;
        found.account = account;
        if found.account.is_none() {
            // If the columns cannot tell two people apart, the second one is refused.
            found.name =
                if similar { NameState::Taken } else { self.name_state(sql, query.username).await? };
            found.by_email = self.accounts_at(sql, query.email).await?;
            if found.name == NameState::Taken || !found.by_email.is_empty() {
                // It may be this very person, created by a concurrent login.
                (found.account, _) = self.accounts_of(on, query.issuer, query.subject).await?;
            }
        }
        let by_email = match &found.by_email[..] {
            [account] => Some(account),
            _ => None,
        };
        if let Some(account) = found.account.as_ref().or(by_email) {
            for right in query.guarded.intersection(&account.rights) {
                if !self.is_held_by_another(on, right, &account.id).await? {
                    found.sole.insert(right.clone());
                }
            }
        }
        Ok(found)
    }

    async fn identity_of(&self, user: &UserId) -> Result<Option<(String, String)>, BackendError> {
        let (sql, Some(id)) = (self.accounts()?, self.table.id_value(user)) else { return Ok(None) };
        let read = |rows: &mut Rows<'_>| identity(rows, user, &self.table);
        Ok(self.database.fetch(&sql.identity, &[id], read).await?)
    }

    async fn apply(&self, write: &Write) -> Result<Applied, BackendError> {
        let written = self.write_all(write).await;
        match written {
            Ok(Some(id)) => Ok(Applied::Done(id)),
            Ok(None) => Ok(Applied::Conflict),
            // A concurrent writer was faster, either here or at a row that the statements touched.
            Err(Unwritten::Db(error)) if error.is_retryable() => Ok(Applied::Conflict),
            Err(Unwritten::Db(error)) => Err(error.into()),
            Err(Unwritten::Random(error)) => Err(BackendError::unavailable(error)),
        }
    }
}

/// The queries.
impl<U: TableUser> SqlUsers<U> {
    pub(super) fn accounts(&self) -> Result<&AccountStatements, DbError> {
        let none = || DbError::unreadable("the user table has no columns for issuer and subject");
        self.sql.accounts.as_ref().ok_or_else(none)
    }

    /// The user of this identity, and whether the columns also match a different identity.
    pub(super) async fn accounts_of(
        &self,
        on: &mut impl Reader,
        issuer: &str,
        subject: &str,
    ) -> Result<(Option<Account>, bool), DbError> {
        let sql = self.accounts()?;
        let values = [issuer.into(), subject.into()];
        let found = read(on, &sql.by_identity, &values, &self.table, sql.tracking.as_ref()).await?;
        // A column that compares without regard to case would find another user.
        let is_exact = |account: &Account| {
            account.identity.as_ref().is_some_and(|(iss, sub)| iss == issuer && sub == subject)
        };
        let (exact, others): (Vec<_>, Vec<_>) = found.into_iter().partition(is_exact);
        Ok((exact.into_iter().next(), !others.is_empty()))
    }

    async fn name_state(&self, sql: &AccountStatements, username: &str) -> Result<NameState, DbError> {
        let Ok(key) = canonical(username) else { return Ok(NameState::Invalid) };
        let taken = finds(&mut &self.database, &sql.by_key, &[key.as_str().into()]).await?;
        Ok(if taken { NameState::Taken } else { NameState::Free })
    }

    async fn accounts_at(
        &self,
        sql: &AccountStatements,
        email: Option<&str>,
    ) -> Result<Vec<Account>, DbError> {
        let Some((by_email, email)) = sql.by_email.as_ref().zip(email) else { return Ok(Vec::new()) };
        let on = &mut &self.database;
        let mut found = read(on, by_email, &[email.into()], &self.table, sql.tracking.as_ref()).await?;
        found.retain(|account| account.email.as_ref().is_some_and(|found| found.address == email));
        Ok(found)
    }

    pub(super) async fn is_held_by_another(
        &self,
        on: &mut impl Reader,
        right: &Right,
        user: &UserId,
    ) -> Result<bool, DbError> {
        let Some((holders, user)) = self.holders(right)?.zip(self.table.id_value(user)) else {
            return Ok(false);
        };
        let values: Vec<_> = name_value(right).into_iter().chain([user]).collect();
        finds(on, &holders.other, &values).await
    }

    pub(super) fn holders(&self, right: &Right) -> Result<Option<&Holders>, DbError> {
        let sql = self.accounts()?;
        Ok(match right {
            Right::Permission(_) => sql.permission_holders.as_ref(),
            Right::Flag(name) => sql.flag_holders.get(&**name),
        })
    }
}

/// The name of a permission; the name of a flag is part of the statement.
pub(super) fn name_value(right: &Right) -> Option<Value<'_>> {
    match right {
        Right::Permission(name) => Some(Value::from(&**name)),
        Right::Flag(_) => None,
    }
}
