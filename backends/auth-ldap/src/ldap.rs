//! [`Ldap`]: a directory that judges passwords.

use std::fmt;
use std::sync::Arc;

use auth_core::backend::{Attempt, BackendError, Confirm, Health, Identity, Outcome, Standing, Verifier};
use auth_core::{Password, Secret};

use crate::builder::LdapBuilder;
use crate::change::PasswordChange;
use crate::directory::Directory;
use crate::everybody::Everybody;

/// A directory that judges passwords, and says whether somebody may still sign in. Cheap to clone.
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
    /// Starts the settings of a directory such as `OpenLDAP`.
    ///
    /// `issuer` is what the directory is called in identities, and half of the key by which users are found again:
    /// choose it once, and not by a server that will be replaced some day.
    pub fn builder(issuer: impl Into<String>) -> LdapBuilder {
        LdapBuilder::new(issuer.into())
    }

    /// Starts the settings of an Active Directory, whose domain is also the issuer.
    ///
    /// People are all enabled users of the domain, by `sAMAccountName` or `userPrincipalName`; they are known for good
    /// by `objectGUID`. They may type `alice` or `alice@example.test`.
    pub fn active_directory(domain: impl Into<String>) -> LdapBuilder {
        LdapBuilder::active_directory(domain.into())
    }

    /// Changes a password by the old one, as its owner (RFC 3062): for whom the directory answers
    /// [`MustChangePassword`](auth_core::backend::DenyReason::MustChangePassword), and for whoever wants to.
    ///
    /// Call it in the same request and with the same password for which the chain answered
    /// [`DeniedKind::Denied`](auth_core::DeniedKind::Denied) with that reason, or accepted it, and for no other: it passes no throttle
    /// of its own. Sign the user in by the new password after it.
    ///
    /// `OpenLDAP` and 389 Directory Server change passwords in this way, also one that has to be changed; Active Directory does not.
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

    /// Goes through everybody whom a login could let in, to see beforehand what that would come to: with
    /// [`ProvisionedUsers::plan`](auth_core::provisioning::ProvisionedUsers::plan), what it would change.
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
