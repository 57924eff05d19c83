//! What the site stands on, made once at its start.

use std::{error::Error, sync::Arc, time::Duration};

use auth_core::session::{KeyRing, SessionConfig};
use auth_core::{Auth, BearerToken, Password, Passwords};
use auth_core::{api_keys::ApiKeys, http::Bearer, password::PasswordPolicy, throttle::Throttle};
use auth_sql::{SqlApiKeys, SqlSessions, SqlThrottle, SqlUsers, UserTable};
#[cfg(feature = "postgres")]
use sqlx::{PgPool as Pool, postgres::PgPoolOptions as PoolOptions};
#[cfg(not(feature = "postgres"))]
use sqlx::{SqlitePool as Pool, sqlite::SqlitePoolOptions as PoolOptions};

use crate::{Config, Customer};

pub type Keys = ApiKeys<SqlApiKeys, Customer>;

#[derive(Clone)]
pub struct Site {
    pub auth: Auth<Customer>,
    pub users: SqlUsers<Customer>,
    pub keys: Arc<Keys>,
    pub policy: Arc<PasswordPolicy>,
    pub pool: Pool,
}

impl Site {
    pub async fn open(config: &Config) -> Result<Self, Box<dyn Error>> {
        // A database in memory is gone with its connection.
        let connections = if config.database_url.contains(":memory:") { 1 } else { 8 };
        let pool = PoolOptions::new().max_connections(connections).connect(&config.database_url).await?;
        #[cfg(feature = "postgres")]
        sqlx::migrate!("migrations/postgres").run(&pool).await?;
        #[cfg(not(feature = "postgres"))]
        sqlx::migrate!("migrations/sqlite").run(&pool).await?;

        let table = UserTable::new("users")?.without_must_change_password();
        let users = SqlUsers::new(pool.clone(), Passwords::new()?).with_table(table).with_user::<Customer>()?;
        let sessions = SqlSessions::new(pool.clone());
        sessions.migrate().await?;
        tokio::spawn(sessions.clone().purge_every(Duration::from_mins(10)));
        let kept = SqlApiKeys::new(pool.clone());
        kept.migrate().await?;
        let keys = Arc::new(ApiKeys::new("starter", kept)?.owners("local", users.clone())?);
        let counters = SqlThrottle::new(pool.clone());
        counters.migrate().await?;

        let secret = config.session_secret.expose();
        let mut auth = Auth::builder()
            .backend::<Password>("local", users.clone())
            .backend::<BearerToken>("keys", Arc::clone(&keys))
            .scheme(Bearer::new("starter")?)
            .sessions(sessions, SessionConfig::new(KeyRing::new(secret)?))
            .throttle(Throttle::new(counters))
            .login_page("/login");
        for proxy in &config.trusted_proxies {
            auth = auth.trusted_proxy(proxy);
        }
        if let Some(origin) = &config.origin {
            auth = auth.origin(origin);
        }
        let policy = Arc::new(PasswordPolicy::new().with_context_words(["starter"]));
        Ok(Self { auth: auth.build()?, users, keys, policy, pool })
    }
}
