//! The users of all sites, as axess asks for them: an application implements these traits over its tables.
//!
//! What the other peers have no word for costs nothing here: audit rows are dropped and attempts are not counted, so
//! that a login costs what axess itself does.

use std::io::{self, ErrorKind};

use auth_bench::{PeerUser, PeerUsers};
use axess::authn::{
    AuditOutcome, AuthEvent, AuthMethod, AuthnScope, EntityState, FactorConfig, FactorKind, FactorStore,
    IdentityAdmin, IdentityAuthnLog, IdentityLookup, IpPolicy, LockoutPolicy, PasswordConfig, PasswordRules,
    ResolvedFactor, StatusDetail, Tenant, TenantId, User, UserId,
};
use chrono::{DateTime, Utc};

/// The only tenant: axess knows a user within one.
pub(super) const TENANT: &str = "default";
const TENANT_ID: TenantId = TenantId::from_bytes(*b"bench    default");

/// axess names users by UUID, and keeps the lowest for itself.
fn id(row: i64) -> UserId {
    let mut bytes = *b"bench   \0\0\0\0\0\0\0\0";
    bytes[8..].copy_from_slice(&row.to_be_bytes());
    UserId::from_bytes(bytes)
}

/// The number that the user has in the table.
pub(super) fn row(id: &UserId) -> i64 {
    id.as_bytes().last_chunk().map_or(0, |bytes| i64::from_be_bytes(*bytes))
}

#[derive(Clone)]
pub(super) struct Users {
    users: PeerUsers,
    tenant: Tenant,
}

impl Users {
    pub(super) fn new(users: PeerUsers) -> Self {
        let tenant = Tenant {
            id: TENANT_ID,
            identifier: TENANT.into(),
            display_name: TENANT.into(),
            status: EntityState::Active,
            created_by: UserId::SYSTEM,
            created_at: DateTime::UNIX_EPOCH,
            updated_by: UserId::SYSTEM,
            updated_at: DateTime::UNIX_EPOCH,
        };
        Self { users, tenant }
    }
}

fn user(user: &PeerUser) -> User {
    User {
        id: id(user.id),
        tenant_id: TENANT_ID,
        identifier: user.name.clone(),
        display_name: user.name.clone(),
        status: EntityState::Active,
        webauthn_id: None,
        created_by: UserId::SYSTEM,
        created_at: DateTime::UNIX_EPOCH,
        updated_by: UserId::SYSTEM,
        updated_at: DateTime::UNIX_EPOCH,
    }
}

/// For what nobody asks here.
fn unsupported<T>() -> io::Result<T> {
    Err(ErrorKind::Unsupported.into())
}

impl IdentityLookup for Users {
    type Error = io::Error;

    async fn find_user(&self, identifier: &str, _: &TenantId) -> io::Result<Option<User>> {
        Ok(self.users.by_name(identifier).await?.as_ref().map(user))
    }

    async fn get_user(&self, id: &UserId) -> io::Result<Option<User>> {
        Ok(self.users.by_id(row(id)).await?.as_ref().map(user))
    }

    async fn get_tenant(&self, id: &TenantId) -> io::Result<Option<Tenant>> {
        Ok((*id == TENANT_ID).then(|| self.tenant.clone()))
    }

    async fn find_tenant(&self, identifier: &str) -> io::Result<Option<Tenant>> {
        Ok((identifier == TENANT).then(|| self.tenant.clone()))
    }

    async fn default_tenant(&self) -> io::Result<Tenant> {
        Ok(self.tenant.clone())
    }

    async fn account_status(&self, id: &UserId) -> io::Result<EntityState> {
        let user = self.users.by_id(row(id)).await?;
        Ok(user.map_or(EntityState::Guest, |_| EntityState::Active))
    }

    fn lockout_policy_for_tenant(&self, _: &TenantId) -> LockoutPolicy {
        LockoutPolicy::default()
    }

    async fn password_rules_for_tenant(&self, _: &TenantId) -> io::Result<PasswordRules> {
        Ok(PasswordRules::default())
    }

    async fn ip_policy_for_tenant(&self, _: &TenantId) -> io::Result<IpPolicy> {
        Ok(IpPolicy::default())
    }
}

impl IdentityAuthnLog for Users {
    async fn record_event(&self, _: AuthEvent) -> io::Result<AuditOutcome> {
        Ok(AuditOutcome::Recorded)
    }

    async fn record_failed_attempt(&self, _: &UserId) -> io::Result<u32> {
        Ok(0)
    }

    async fn failed_attempts(&self, _: &UserId) -> io::Result<(u32, Option<DateTime<Utc>>)> {
        Ok((0, None))
    }

    async fn reserve_attempt(&self, _: &UserId, _: &LockoutPolicy) -> io::Result<Option<u32>> {
        Ok(Some(1))
    }

    async fn release_attempt(&self, _: &UserId) -> io::Result<()> {
        Ok(())
    }

    async fn reset_failed_attempts(&self, _: &UserId) -> io::Result<()> {
        Ok(())
    }

    async fn record_last_login(&self, _: &UserId, _: DateTime<Utc>) -> io::Result<()> {
        Ok(())
    }
}

impl FactorStore for Users {
    type Error = io::Error;

    /// The hash is said to be the tenant's: one of the user's own that is as cheap as this is replaced by one of
    /// 19 MiB at the first login.
    async fn resolve_factor(
        &self,
        scope: &AuthnScope,
        kind: FactorKind,
    ) -> io::Result<Option<ResolvedFactor>> {
        let resolved_from = AuthnScope::Tenant(TENANT_ID);
        let config = self.load_factor(scope, kind).await?;
        Ok(config.map(|config| ResolvedFactor { config, resolved_from }))
    }

    async fn load_factor(&self, scope: &AuthnScope, kind: FactorKind) -> io::Result<Option<FactorConfig>> {
        let (AuthnScope::User { user_id, .. }, FactorKind::Password) = (scope, kind) else {
            return Ok(None);
        };
        let user = self.users.by_id(row(user_id)).await?;
        Ok(user.map(|user| {
            let hash = String::from(&*user.password).into();
            FactorConfig::Password(PasswordConfig {
                hash,
                rules: PasswordRules::default(),
                password_id: None,
            })
        }))
    }

    async fn available_methods(&self, _: &UserId, _: &TenantId) -> io::Result<Vec<AuthMethod>> {
        let scope = AuthnScope::Tenant(TENANT_ID);
        Ok(vec![AuthMethod::sequential("password", vec![FactorKind::Password], scope)])
    }

    async fn save_factor(&self, _: &AuthnScope, _: FactorConfig) -> io::Result<()> {
        unsupported()
    }

    async fn compare_and_save_factor(
        &self,
        _: &AuthnScope,
        _: &FactorConfig,
        _: FactorConfig,
    ) -> io::Result<bool> {
        unsupported()
    }

    async fn insert_factor_if_absent(&self, _: &AuthnScope, _: FactorConfig) -> io::Result<bool> {
        unsupported()
    }

    async fn save_method(&self, _: &AuthnScope, _: AuthMethod) -> io::Result<()> {
        unsupported()
    }

    async fn remove_method(&self, _: &AuthnScope, _: &str) -> io::Result<()> {
        unsupported()
    }

    async fn set_method_enabled(&self, _: &AuthnScope, _: &str, _: bool) -> io::Result<bool> {
        unsupported()
    }
}

/// The service asks for all of it, and a login for nothing of it.
impl IdentityAdmin for Users {
    async fn create_tenant(&self, _: Tenant) -> io::Result<()> {
        unsupported()
    }

    async fn create_user(&self, _: User) -> io::Result<()> {
        unsupported()
    }

    async fn activate_user(&self, _: &UserId) -> io::Result<()> {
        unsupported()
    }

    async fn suspend_user(&self, _: &UserId, _: StatusDetail) -> io::Result<()> {
        unsupported()
    }

    async fn delete_user(&self, _: &UserId) -> io::Result<()> {
        unsupported()
    }
}
