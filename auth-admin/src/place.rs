//! Opening the database and the session store of a URL.

use std::error::Error;
use std::fmt;
use std::process::ExitCode;
use std::str::FromStr;
use std::time::Duration;

use auth_core::ConfigError;
use auth_core::backend::BackendError;
use auth_core::session::StoreError;
use auth_redis::{RedisSessions, RedisThrottle};
use auth_sql::Database;
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlPoolOptions};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqlitePoolOptions};
use sqlx::{ConnectOptions, Connection};
use tokio::time::timeout;

/// How long connecting may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The address of a database.
pub(crate) enum Place {
    Sqlite(SqliteConnectOptions),
    Postgres(PgConnectOptions),
    MySql(MySqlConnectOptions),
}

/// Why there is nothing to administer. The text contains neither a URL nor a driver's message, which may contain a
/// password.
#[derive(Debug)]
pub(crate) struct Unavailable {
    text: String,
    code: u8,
}

impl Unavailable {
    pub(crate) fn usage(text: impl Into<String>) -> Self {
        Self { text: text.into(), code: 2 }
    }

    /// A request that is understood and cannot be fulfilled.
    #[cfg(unix)]
    pub(crate) fn refused(text: impl Into<String>) -> Self {
        Self { text: text.into(), code: 1 }
    }

    fn outage(text: impl Into<String>) -> Self {
        Self { text: text.into(), code: 75 }
    }

    fn of(error: &dyn Error) -> Self {
        let why = error.source().map(|why| format!(": {why}")).unwrap_or_default();
        Self::outage(format!("{error}{why}"))
    }

    pub(crate) fn code(&self) -> ExitCode {
        ExitCode::from(self.code)
    }
}

impl Place {
    pub(crate) fn of(url: &str) -> Result<Self, Unavailable> {
        let is_no_url = |_| Unavailable::usage("the database's URL is not understood");
        match url.split(':').next().unwrap_or_default() {
            "sqlite" => SqliteConnectOptions::from_str(url).map(Self::Sqlite).map_err(is_no_url),
            "postgres" | "postgresql" => url.parse().map(Self::Postgres).map_err(is_no_url),
            "mysql" | "mariadb" => url.parse().map(Self::MySql).map_err(is_no_url),
            _ => Err(Unavailable::usage(
                "the database must be a URL that begins with sqlite:, postgres: or mysql:",
            )),
        }
    }

    /// Opens it. A file that does not exist is created only on request: otherwise its name was probably mistyped.
    pub(crate) async fn open(self, create: bool) -> Result<Database, Unavailable> {
        Ok(match self {
            Self::Sqlite(options) => {
                let options = options.create_if_missing(create);
                answers::<SqliteConnection>(&options).await?;
                // A file needs no ping before each statement.
                let pool = SqlitePoolOptions::new().acquire_timeout(PATIENCE).test_before_acquire(false);
                pool.connect_lazy_with(options).into()
            }
            Self::Postgres(options) => {
                answers::<PgConnection>(&options).await?;
                PgPoolOptions::new().acquire_timeout(PATIENCE).connect_lazy_with(options).into()
            }
            Self::MySql(options) => {
                answers::<MySqlConnection>(&options).await?;
                MySqlPoolOptions::new().acquire_timeout(PATIENCE).connect_lazy_with(options).into()
            }
        })
    }
}

/// Connects once. If nobody listens, a pool would retry until its timeout.
async fn answers<C: Connection>(options: &C::Options) -> Result<(), sqlx::Error> {
    let connection = timeout(PATIENCE, options.connect()).await.map_err(|_| sqlx::Error::PoolTimedOut)??;
    connection.close().await
}

/// The sessions on the Redis server of this URL, and the throttle's counters.
pub(crate) fn redis(url: &str) -> Result<(RedisSessions, RedisThrottle), Unavailable> {
    let client = redis::Client::open(url)
        .map_err(|_| Unavailable::usage("sessions need a URL like redis://:PASSWORD@HOST:PORT"))?;
    Ok((RedisSessions::new(client.clone())?, RedisThrottle::new(client)?))
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<sqlx::Error> for Unavailable {
    fn from(error: sqlx::Error) -> Self {
        let why = match &error {
            sqlx::Error::Database(error) => format!(": {}", error.message()),
            sqlx::Error::Io(error) => format!(": {}", error.kind()),
            sqlx::Error::PoolTimedOut => ": it does not answer in time".into(),
            _ => String::new(),
        };
        Self::outage(format!("the database cannot be opened{why}"))
    }
}

impl From<ConfigError> for Unavailable {
    fn from(error: ConfigError) -> Self {
        Self::usage(error.to_string())
    }
}

impl From<BackendError> for Unavailable {
    fn from(error: BackendError) -> Self {
        Self::of(&error)
    }
}

impl From<StoreError> for Unavailable {
    fn from(error: StoreError) -> Self {
        Self::of(&error)
    }
}
