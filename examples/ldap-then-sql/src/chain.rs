//! The chain: the directory first, the table second.

use std::error::Error;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use auth_core::backend::{Confirmation, Provisioned};
use auth_core::provisioning::{Provisioning, Right};
use auth_core::session::{KeyRing, SessionConfig};
use auth_core::{Auth, BackendPolicy, OutagePolicy, Password, Passwords, Secret};
use auth_ldap::{GroupSource, Ldap};
use auth_sql::{SqlSessions, SqlUser, SqlUsers};
use serde::Deserialize;
use sqlx::sqlite::{SqlitePool, SqlitePoolOptions};

use crate::Options;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// What the directory's groups give: a permission of the same name.
pub(crate) const RIGHTS: [&str; 2] = ["staff", "admins"];

/// The login form.
#[derive(Debug, Deserialize)]
pub struct Login {
    username: String,
    password: Secret,
}

impl From<Login> for Password {
    fn from(login: Login) -> Self {
        Self::new(login.username, login.password)
    }
}

/// Asks the directory first. Whom it knows gets a user in the table at the first login, with the rights that follow
/// from the groups; whom it does not know, the table may know by itself.
///
/// While the directory is down, people of the table still sign in; people of the directory do not, and are told that
/// it is an outage. Who is signed in stays so for four hours more.
///
/// # Errors
/// If a setting cannot be right.
pub async fn auth(options: &Options) -> Result<Auth<SqlUser>> {
    let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await?;
    // The last connection takes the data with it, and one whose statement is given up is closed: so one stays open that
    // nobody uses.
    Box::leak(Box::new(pool.acquire().await?.detach()));
    let users = local_users(pool.clone()).await?;
    let policy = RIGHTS
        .into_iter()
        .fold(Provisioning::builder(), |policy, group| policy.grant(group, Right::permission(group)));
    let staff = Provisioned { verifier: directory(options)?, users: policy.build()?.on(users.clone())? };
    let staff = Arc::new(staff);
    let sessions = SqlSessions::new(pool);
    sessions.migrate().await?;
    sessions.check().await?;
    let config = SessionConfig::new(KeyRing::generate()?);
    let config = if options.insecure_cookies { config.insecure_cookies() } else { config };
    // A wrong password for somebody in the directory is final.
    let first = BackendPolicy::new().authoritative().outage(OutagePolicy::Continue);
    Ok(Auth::builder()
        .backend_with::<Password>("directory", Arc::clone(&staff), first)
        .backend::<Password>("local", users)
        // Who is disabled there, or loses a group, does so here within five minutes.
        .confirm("directory", staff, Confirmation::every(Duration::from_mins(5)))
        .sessions(sessions, config)
        .login_page("/")
        .build()?)
}

/// The directory of `scripts/directory`.
fn directory(options: &Options) -> Result<Ldap> {
    let ldap = Ldap::builder("example.org")
        .server(&options.directory)
        .service_account("cn=service,dc=example,dc=org", "servicepw")
        .users("ou=people,dc=example,dc=org", "(&(objectClass=inetOrgPerson)(uid={username}))")
        .groups(GroupSource::member_of("ou=groups,dc=example,dc=org"));
    Ok(match &options.authority {
        Some(file) => ldap.authorities(fs::read(file)?).build()?,
        None => ldap.build()?,
    })
}

/// The table, with one user of its own.
async fn local_users(pool: SqlitePool) -> Result<SqlUsers> {
    let users = SqlUsers::new(pool, Passwords::new()?);
    users.migrate().await?;
    users.check().await?;
    users.create_user("carol", Some(&Secret::new("correct horse battery staple"))).await?;
    Ok(users)
}
