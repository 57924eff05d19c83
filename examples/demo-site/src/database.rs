//! Opening the database.

use std::error::Error;
use std::fs::DirBuilder;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions};

/// Where the database is.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// In a file.
    File(SqliteConnectOptions),
    /// In this process; it ends with it.
    Memory(SqliteConnectOptions),
}

impl Place {
    /// Reads `sqlite:FILE`, or `sqlite::memory:`.
    pub(crate) fn of(url: &str) -> Result<Self, Box<dyn Error>> {
        if !url.starts_with("sqlite:") {
            return Err(format!("the database must be a URL like sqlite:FILE, and not {url:?}").into());
        }
        let options = SqliteConnectOptions::from_str(url)?.create_if_missing(true);
        Ok(if url.contains(":memory:") { Self::Memory(options) } else { Self::File(options) })
    }

    /// The path of a file beside the database's; none in memory.
    pub(crate) fn beside(&self, extension: &str) -> Option<PathBuf> {
        let Self::File(options) = self else { return None };
        let mut path = options.get_filename().as_os_str().to_owned();
        path.push(extension);
        Some(path.into())
    }
}

/// Opens the database, and creates it with its folder if it does not exist.
pub(crate) async fn open(place: &Place) -> Result<SqlitePool, Box<dyn Error>> {
    let pool = SqlitePoolOptions::new();
    Ok(match place {
        // Readers and a writer do not wait for each other in this mode.
        Place::File(options) => {
            create_folder(options.get_filename())?;
            pool.connect_with(options.clone().journal_mode(SqliteJournalMode::Wal)).await?
        }
        // The last connection takes the data with it.
        Place::Memory(options) => {
            let pool = pool.max_connections(1).idle_timeout(None).max_lifetime(None);
            pool.connect_with(options.clone()).await?
        }
    })
}

/// A new folder is its owner's alone: the database in it holds password hashes.
fn create_folder(file: &Path) -> io::Result<()> {
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
        assert!(Place::of("postgres://localhost/demo").is_err());
    }
}
