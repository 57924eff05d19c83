//! [`Ldap`]: a directory that verifies passwords.

use std::fmt;
use std::sync::Arc;

use auth_core::backend::{Attempt, BackendError, Confirm, Health, Identity, Outcome, Standing, Verifier};
use auth_core::{Password, Secret};

use crate::builder::LdapBuilder;
use crate::change::PasswordChange;
use crate::directory::Directory;
use crate::everybody::Everybody;

/// A directory that verifies passwords, and says whether a person may still sign in. Cheap to clone.
///
/// ```
/// use auth_ldap::{GroupSource, Ldap};
///
/// let directory = Ldap::builder("example.org")
///     .server("ldaps://ldap1.example.org")
///     .server("ldaps://ldap2.example.org")
/// #   .authorities(test_servers::Certificate::new().authority)
///     .service_account("cn=web,ou=services,dc=example,dc=org", std::env::var("LDAP_PASSWORD").unwrap_or("x".into()))
///     .users("ou=people,dc=example,dc=org", "(&(objectClass=inetOrgPerson)(uid={username}))")
///     .groups(GroupSource::member_of("ou=groups,dc=example,dc=org"))
///     .require_group("staff")
///     .build()?;
/// # Ok::<(), auth_core::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct Ldap(Arc<Directory>);

impl Ldap {
    /// Begins the settings of a directory such as `OpenLDAP`.
    ///
    /// `issuer` is the directory's name in identities, and half of the key by which users are found again: choose it
    /// once, and do not name it after a server that will be replaced some day.
    ///
    /// ```
    /// # use auth_ldap::Ldap;
    /// let builder = Ldap::builder("example.org").server("ldaps://ldap.example.org");
    /// ```
    pub fn builder(issuer: impl Into<String>) -> LdapBuilder {
        LdapBuilder::new(issuer.into())
    }

    /// Begins the settings of an Active Directory, whose domain is also the issuer.
    ///
    /// It finds all enabled users of the domain, by `sAMAccountName` or `userPrincipalName`, and identifies them by
    /// `objectGUID`. They may type `alice` or `alice@example.test`.
    ///
    /// ```
    /// use auth_ldap::{GroupSource, Ldap};
    ///
    /// let directory = Ldap::active_directory("example.test")
    ///     .server("ldaps://dc1.example.test")
    /// #   .authorities(test_servers::Certificate::new().authority)
    ///     .service_account("svc-web@example.test", std::env::var("LDAP_PASSWORD").unwrap_or("x".into()))
    ///     .groups(GroupSource::active_directory("ou=groups,dc=example,dc=test"))
    ///     .build()?;
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    pub fn active_directory(domain: impl Into<String>) -> LdapBuilder {
        LdapBuilder::active_directory(domain.into())
    }

    /// Changes a password by the old one, as its user (RFC 3062): if the directory answered
    /// [`MustChangePassword`](auth_core::backend::DenyReason::MustChangePassword), or the user wants to.
    ///
    /// Call it in the request in which the chain accepted the old password, or answered
    /// [`DeniedKind::Denied`](auth_core::DeniedKind::Denied) with that reason, and with no other password: it does
    /// not pass the throttle. Afterwards sign the user in by the new password.
    ///
    /// `OpenLDAP` and 389 Directory Server support this, even for a password that must be changed. Active Directory
    /// does not.
    ///
    /// ```
    /// use auth_core::Secret;
    /// use auth_core::backend::BackendError;
    /// use auth_ldap::{Ldap, PasswordChange};
    ///
    /// async fn change(directory: &Ldap, old: &Secret, new: &Secret) -> Result<&'static str, BackendError> {
    ///     Ok(match directory.change_password("alice", old, new).await? {
    ///         PasswordChange::Changed => "Your password is changed.",
    ///         PasswordChange::Unsuitable => "Please choose another password.",
    ///         _ => "The password could not be changed.",
    ///     })
    /// }
    /// ```
    ///
    /// # Errors
    /// [`BackendError`] if the directory cannot be asked, or does not change passwords.
    pub async fn change_password(
        &self,
        username: &str,
        old: &Secret,
        new: &Secret,
    ) -> Result<PasswordChange, BackendError> {
        Ok(self.0.change_password(username, old, new).await?)
    }

    /// Lists all people whom a login could let in, to see in advance what it would result in, and with
    /// [`ProvisionedUsers::plan`](auth_core::provisioning::ProvisionedUsers::plan) what it would change.
    /// [`Everybody`] shows an example.
    ///
    /// ```no_run
    /// # async fn count(directory: auth_ldap::Ldap) -> Result<u64, auth_core::backend::BackendError> {
    /// let (mut people, mut count) = (directory.everybody(), 0);
    /// while people.next().await?.is_some() {
    ///     count += 1;
    /// }
    /// # Ok(count)
    /// # }
    /// ```
    pub fn everybody(&self) -> Everybody {
        Everybody::of(Arc::clone(&self.0))
    }

    pub(crate) fn of(directory: Directory) -> Self {
        Self(Arc::new(directory))
    }
}

impl Verifier<Password> for Ldap {
    async fn verify(&self, attempt: &Attempt<'_, Password>) -> Result<Outcome<Identity>, BackendError> {
        self.0.prove(attempt).await
    }

    async fn health(&self) -> Health {
        self.0.health().await
    }
}

impl Confirm for Ldap {
    async fn confirm(&self, issuer: &str, subject: &str) -> Result<Standing, BackendError> {
        Ok(self.0.confirm(issuer, subject).await?)
    }

    async fn health(&self) -> Health {
        self.0.health().await
    }
}

impl fmt::Debug for Ldap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ldap").field("issuer", &self.0.settings.issuer).finish_non_exhaustive()
    }
}
