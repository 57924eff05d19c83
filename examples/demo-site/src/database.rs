//! Opening the database.

use std::error::Error;
use std::fs::DirBuilder;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::{Duration, Instant};

use auth_sql::Database;
#[cfg(feature = "mysql")]
use sqlx::Executor;
#[cfg(feature = "mysql")]
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use sqlx::pool::PoolOptions;
#[cfg(feature = "postgres")]
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions};
use sqlx::{Connection, Pool};

/// How long a request waits for a connection. Shorter than what a session may take to be read, so that this ends
/// first and says why.
#[cfg(any(feature = "mysql", feature = "postgres"))]
const CONNECTED_WITHIN: Duration = Duration::from_millis(750);
/// How long the first connection may take.
const STARTED_WITHIN: Duration = Duration::from_secs(30);
/// How long a connection is trusted after its last use. After that it is asked whether it is still one, which costs
/// a round trip.
#[cfg(any(feature = "mysql", feature = "postgres"))]
const TRUSTED_FOR: Duration = Duration::from_secs(1);
/// How long a statement may run, or wait for locks: as long as a session's write may take.
#[cfg(feature = "postgres")]
const ANSWERED_WITHIN: &str = "2s";
/// The same, where a statement as such has no limit.
#[cfg(feature = "mysql")]
const WAITS_FOR_LOCKS: &str = "SET innodb_lock_wait_timeout = 2, lock_wait_timeout = 2";
/// How long a write to a file waits for another.
const LOCKED_WITHIN: Duration = Duration::from_secs(1);

/// Where the database is.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// In a file.
    File(SqliteConnectOptions),
    /// In this process; it ends with it.
    Memory(SqliteConnectOptions),
    /// On a server.
    #[cfg(feature = "postgres")]
    Postgres(PgConnectOptions),
    /// On a server, perhaps `MariaDB`.
    #[cfg(feature = "mysql")]
    MySql(MySqlConnectOptions),
}

impl Place {
    /// Reads `sqlite:FILE`, `sqlite::memory:`, or the URL of a server.
    pub(crate) fn of(url: &str) -> Result<Self, Box<dyn Error>> {
        let scheme = url.split(':').next().unwrap_or_default();
        Ok(match scheme {
            "sqlite" if url.contains(":memory:") => Self::Memory(url.parse()?),
            "sqlite" => Self::File(SqliteConnectOptions::from_str(url)?.create_if_missing(true)),
            #[cfg(feature = "postgres")]
            "postgres" | "postgresql" => Self::Postgres(url.parse()?),
            #[cfg(feature = "mysql")]
            "mysql" | "mariadb" => Self::MySql(url.parse()?),
            #[cfg(not(feature = "postgres"))]
            "postgres" | "postgresql" => return Err(built_without("PostgreSQL", "postgres")),
            #[cfg(not(feature = "mysql"))]
            "mysql" | "mariadb" => return Err(built_without("MySQL and MariaDB", "mysql")),
            // The URL may hold a password.
            _ => {
                return Err("the database must be a URL that begins with sqlite:, postgres: or mysql:".into());
            }
        })
    }

    /// The path of a file beside the database's; none in memory or on a server.
    pub(crate) fn beside(&self, extension: &str) -> Option<PathBuf> {
        let Self::File(options) = self else { return None };
        let mut path = options.get_filename().as_os_str().to_owned();
        path.push(extension);
        Some(path.into())
    }

    /// Whether others can open it too.
    pub(crate) fn is_shared(&self) -> bool {
        !matches!(self, Self::Memory(_))
    }
}

/// Says which feature brings what this build lacks.
#[cfg(any(test, not(all(feature = "mysql", feature = "postgres", feature = "redis"))))]
pub(crate) fn built_without(what: &str, feature: &str) -> Box<dyn Error> {
    format!("this program was built without {what}: build it with `--features {feature}`").into()
}

/// Opens the database. A file is created with its folder if it does not exist.
pub(crate) async fn open(place: &Place) -> Result<Database, Box<dyn Error>> {
    Ok(match place {
        Place::File(options) => {
            create_folder(options.get_filename())?;
            // Readers and a writer do not wait for each other in this mode.
            let options = options.clone().journal_mode(SqliteJournalMode::Wal).busy_timeout(LOCKED_WITHIN);
            // A file needs no ping.
            connected(SqlitePoolOptions::new().test_before_acquire(false), options).await?.into()
        }
        Place::Memory(options) => {
            let pool = connected(SqlitePoolOptions::new().max_connections(1), options.clone()).await?;
            // The last connection takes the data with it, and one whose statement is given up is closed: so one stays
            // open that nobody uses.
            Box::leak(Box::new(pool.acquire().await?.detach()));
            pool.into()
        }
        #[cfg(feature = "postgres")]
        Place::Postgres(options) => {
            let options = options.clone().options([("statement_timeout", ANSWERED_WITHIN)]);
            connected(on_server(PgPoolOptions::new()), options).await?.into()
        }
        #[cfg(feature = "mysql")]
        Place::MySql(options) => {
            let pool = on_server(MySqlPoolOptions::new()).after_connect(|connection, _| {
                Box::pin(async { connection.execute(WAITS_FOR_LOCKS).await.map(drop) })
            });
            connected(pool, options.clone()).await?.into()
        }
    })
}

/// A pool with a connection. The server may be starting too: it gets more time than when requests wait.
async fn connected<DB: sqlx::Database>(
    pool: PoolOptions<DB>,
    options: <DB::Connection as Connection>::Options,
) -> sqlx::Result<Pool<DB>> {
    let pool = pool.connect_lazy_with(options);
    let deadline = Instant::now() + STARTED_WITHIN;
    loop {
        match pool.acquire().await {
            Err(sqlx::Error::PoolTimedOut) if Instant::now() < deadline => {}
            answer => return answer.map(|_| pool),
        }
    }
}

/// Settings for connections that can break.
#[cfg(any(feature = "mysql", feature = "postgres"))]
fn on_server<DB: sqlx::Database>(pool: PoolOptions<DB>) -> PoolOptions<DB> {
    pool.acquire_timeout(CONNECTED_WITHIN).test_before_acquire(false).before_acquire(|connection, about| {
        Box::pin(async move {
            if about.idle_for > TRUSTED_FOR {
                connection.ping().await?;
            }
            Ok(true)
        })
    })
}

/// A new folder is its owner's alone: the database in it holds password hashes.
pub(crate) fn create_folder(file: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => builder.recursive(true).create(folder),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_without_a_driver_says_which_feature_brings_it() {
        let told = "this program was built without PostgreSQL: build it with `--features postgres`";
        assert_eq!(built_without("PostgreSQL", "postgres").to_string(), told);
        #[cfg(not(feature = "postgres"))]
        assert_eq!(Place::of("postgres://app:canary@db/app").unwrap_err().to_string(), told);
    }

    #[test]
    fn places() {
        let beside = |url| Place::of(url).unwrap().beside(".secret");
        assert_eq!(beside("sqlite:demo.db"), Some("demo.db.secret".into()));
        assert_eq!(beside("sqlite:///a/demo.db?mode=rwc"), Some("/a/demo.db.secret".into()));
        assert_eq!(beside("sqlite::memory:"), None);
        #[cfg(feature = "postgres")]
        assert_eq!(beside("postgres://localhost/demo"), None);
        #[cfg(feature = "mysql")]
        assert!(matches!(Place::of("mysql://localhost/demo"), Ok(Place::MySql(_))));
        let error = Place::of("http://app:canary@localhost/demo").unwrap_err().to_string();
        assert!(!error.contains("canary"), "{error}");
    }
}
