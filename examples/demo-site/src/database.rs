//! Opening the database.

use std::error::Error;
use std::fs::DirBuilder;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use auth_sql::Database;
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions};

/// Where the database is.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// In a file.
    File(SqliteConnectOptions),
    /// In this process; it ends with it.
    Memory(SqliteConnectOptions),
    /// On a server.
    Postgres(PgConnectOptions),
    /// On a server, perhaps `MariaDB`.
    MySql(MySqlConnectOptions),
}

impl Place {
    /// Reads `sqlite:FILE`, `sqlite::memory:`, or the URL of a server.
    pub(crate) fn of(url: &str) -> Result<Self, Box<dyn Error>> {
        let scheme = url.split(':').next().unwrap_or_default();
        Ok(match scheme {
            "sqlite" if url.contains(":memory:") => Self::Memory(url.parse()?),
            "sqlite" => Self::File(SqliteConnectOptions::from_str(url)?.create_if_missing(true)),
            "postgres" | "postgresql" => Self::Postgres(url.parse()?),
            "mysql" | "mariadb" => Self::MySql(url.parse()?),
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

/// Opens the database. A file is created with its folder if it does not exist.
pub(crate) async fn open(place: &Place) -> Result<Database, Box<dyn Error>> {
    Ok(match place {
        // Readers and a writer do not wait for each other in this mode.
        Place::File(options) => {
            create_folder(options.get_filename())?;
            let options = options.clone().journal_mode(SqliteJournalMode::Wal);
            SqlitePoolOptions::new().connect_with(options).await?.into()
        }
        // The last connection takes the data with it.
        Place::Memory(options) => {
            let pool = SqlitePoolOptions::new().max_connections(1).idle_timeout(None).max_lifetime(None);
            pool.connect_with(options.clone()).await?.into()
        }
        Place::Postgres(options) => PgPoolOptions::new().connect_with(options.clone()).await?.into(),
        Place::MySql(options) => MySqlPoolOptions::new().connect_with(options.clone()).await?.into(),
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
    fn places() {
        let beside = |url| Place::of(url).unwrap().beside(".secret");
        assert_eq!(beside("sqlite:demo.db"), Some("demo.db.secret".into()));
        assert_eq!(beside("sqlite:///a/demo.db?mode=rwc"), Some("/a/demo.db.secret".into()));
        assert_eq!(beside("sqlite::memory:"), None);
        assert_eq!(beside("postgres://localhost/demo"), None);
        assert!(matches!(Place::of("mysql://localhost/demo"), Ok(Place::MySql(_))));
        let error = Place::of("http://app:canary@localhost/demo").unwrap_err().to_string();
        assert!(!error.contains("canary"), "{error}");
    }
}
