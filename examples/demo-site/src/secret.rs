//! The session secret, kept in a file.

use std::error::Error;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

use auth_core::session::KeyRing;
use tempfile::NamedTempFile;

use crate::database::{Place, create_folder};
use crate::{Options, options};

const LEN: usize = 32;

/// The keys that belong to a database: sessions in it outlive the process, so the keys do too. All who share it
/// need the same.
pub(crate) fn keys(options: &Options, place: &Place) -> Result<KeyRing, Box<dyn Error>> {
    let given = options.secret.clone().or_else(|| place.beside(".secret"));
    let path = given.or_else(|| place.is_shared().then(options::default_secret));
    let Some(path) = path else { return Ok(KeyRing::generate()?) };
    create_folder(&path)?;
    Ok(KeyRing::new(load_or_create(&path)?)?)
}

/// The secret in this file, which is created with a random one if it does not exist.
///
/// It is readable by its owner alone from the first moment, and appears whole or not at all: of two servers
/// that start together, both get the same.
fn load_or_create(path: &Path) -> io::Result<[u8; LEN]> {
    match fs::read(path) {
        Ok(bytes) => parse(&bytes, path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => create(path),
        Err(error) => Err(error),
    }
}

fn parse(bytes: &[u8], path: &Path) -> io::Result<[u8; LEN]> {
    bytes.try_into().map_err(|_| {
        let what = format!("{} is not a secret of {LEN} bytes: delete it to draw a new one", path.display());
        io::Error::new(io::ErrorKind::InvalidData, what)
    })
}

fn create(path: &Path) -> io::Result<[u8; LEN]> {
    let mut secret = [0; LEN];
    getrandom::fill(&mut secret).map_err(io::Error::other)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = NamedTempFile::new_in(folder)?;
    file.write_all(&secret)?;
    file.as_file().sync_all()?;
    match file.persist_noclobber(path) {
        Ok(_) => Ok(secret),
        Err(refused) if refused.error.kind() == io::ErrorKind::AlreadyExists => parse(&fs::read(path)?, path),
        Err(refused) => Err(refused.error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_created_once_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        let first = load_or_create(&path).unwrap();
        assert_ne!(first, [0; LEN]);
        assert_eq!(load_or_create(&path).unwrap(), first);
        assert_eq!(create(&path).unwrap(), first, "another server was faster");
    }

    #[cfg(unix)]
    #[test]
    fn is_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        load_or_create(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_damaged_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        fs::write(&path, b"short").unwrap();
        let error = load_or_create(&path).unwrap_err().to_string();
        assert!(error.contains("secret of 32 bytes"), "{error}");
    }
}
