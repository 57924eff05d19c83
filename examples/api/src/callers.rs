//! Who may call.

use std::error::Error;
use std::sync::Arc;

use auth_core::api_keys::ApiKeys;
use auth_core::backend::Provisioned;
use auth_core::http::{Bearer, TokenHeader};
use auth_core::provisioning::Provisioning;
use auth_core::session::{KeyRing, SessionConfig};
use auth_core::throttle::{MemoryThrottle, Throttle};
use auth_core::{Auth, BearerToken, Password, Passwords, Secret, User};
use auth_jwt::{Issuer, Jwt};
use auth_sql::{SqlApiKeys, SqlSessions, SqlUser, SqlUsers};
use sqlx::sqlite::{SqlitePool, SqlitePoolOptions};

use crate::Options;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// The scope that reads orders.
pub const READ: &str = "orders:read";
/// The scope that makes some.
pub const WRITE: &str = "orders:write";

/// The keys of the API's users.
pub type Keys = ApiKeys<SqlApiKeys, SqlUser>;

/// What the servers are made with. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Callers {
    /// Who is who.
    pub auth: Auth<SqlUser>,
    /// The keys.
    pub keys: Arc<Keys>,
}

/// People of a table, their keys, and services with an issuer's tokens, who get a user in the table when they come first.
///
/// # Errors
/// If a setting cannot be right, or the issuer's keys cannot be fetched.
pub async fn callers(options: &Options) -> Result<Callers> {
    // The cryptography for the connections to the issuer. Whoever has chosen one already is right.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await?;
    // The last connection takes the data with it, and one whose statement is given up is closed: so one stays open that
    // nobody uses.
    Box::leak(Box::new(pool.acquire().await?.detach()));
    let users = people(pool.clone()).await?;
    let kept = SqlApiKeys::new(pool.clone());
    kept.migrate().await?;
    let keys = Arc::new(ApiKeys::new("orders", kept)?.owners("local", users.clone())?);
    let sessions = SqlSessions::new(pool);
    sessions.migrate().await?;
    let config = SessionConfig::new(KeyRing::generate()?);
    let config = if options.insecure_cookies { config.insecure_cookies() } else { config };
    let auth = Auth::builder()
        .backend::<Password>("local", users.clone())
        .backend::<BearerToken>("keys", Arc::clone(&keys))
        .scheme(Bearer::new("orders")?)
        .scheme(TokenHeader::new("X-Api-Key")?)
        .sessions(sessions, config)
        .throttle(Throttle::new(MemoryThrottle::new(100_000)));
    let auth = match &options.issuer {
        Some(issuer) => {
            let issuer = Issuer::new(issuer).discover().audience(&options.audience);
            let tokens = Jwt::builder().issuer(issuer).build().await?;
            let users = Provisioning::builder().build()?.on(users)?;
            auth.backend::<BearerToken>("services", Provisioned { verifier: tokens, users })
        }
        None => auth,
    };
    Ok(Callers { auth: auth.build()?, keys })
}

/// The table, with one user, who may read and make orders.
async fn people(pool: SqlitePool) -> Result<SqlUsers> {
    let users = SqlUsers::new(pool, Passwords::new()?);
    users.migrate().await?;
    let carol = users.create_user("carol", Some(&Secret::new("correct horse battery staple"))).await?;
    for permission in [READ, WRITE] {
        users.grant(&carol.id(), permission).await?;
    }
    Ok(users)
}
