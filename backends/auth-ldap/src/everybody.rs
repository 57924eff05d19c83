//! [`Everybody`]: all people of a directory, one after the other.

use std::fmt;
use std::sync::Arc;
use std::vec;

use auth_core::backend::{BackendError, Standing};

use crate::connection::Connection;
use crate::directory::Directory;
use crate::error::Failure;
use crate::paged::Cursor;

/// Everybody whom a login could let in, one after the other: what [`Ldap::everybody`](crate::Ldap::everybody) makes.
///
/// The directory is asked for names a page at a time, and for each entry when its turn comes, as at a login: memory
/// holds one page, however many there are. It is the service account that reads.
///
/// ```no_run
/// # async fn list(directory: auth_ldap::Ldap) -> Result<(), auth_core::backend::BackendError> {
/// let mut people = directory.everybody();
/// while let Some(person) = people.next().await? {
///     println!("{}: {:?}", person.dn, person.standing);
/// }
/// # Ok(())
/// # }
/// ```
pub struct Everybody {
    directory: Arc<Directory>,
    /// One of its own: the server keeps the place on it.
    connection: Option<Connection>,
    cursor: Cursor,
    names: vec::IntoIter<String>,
}

/// Somebody in a directory.
#[derive(Debug)]
#[non_exhaustive]
pub struct Listed {
    /// The name of the entry.
    pub dn: String,
    /// What a login would come to with the right password. What only a bind tells is not in it: a password that has
    /// expired, a lock that wrong passwords set.
    ///
    /// # Errors
    /// [`BackendError`] if the directory could not say it of this one.
    pub standing: Result<Standing, BackendError>,
    /// Why their groups are [unknown](auth_core::backend::Groups::Unknown), if that is because of a limit.
    pub limit: Option<BackendError>,
}

impl Everybody {
    pub(crate) fn of(directory: Arc<Directory>) -> Self {
        let cursor = Cursor::new(directory.settings.bounds.page);
        Self { directory, connection: None, cursor, names: Vec::new().into_iter() }
    }

    /// The next one, in the order of the directory; `None` after the last.
    ///
    /// # Errors
    /// [`BackendError`] if the directory does not go on, or says that it has more than it gives. What came before is then
    /// not everybody.
    pub async fn next(&mut self) -> Result<Option<Listed>, BackendError> {
        loop {
            if let Some(dn) = self.names.next() {
                return Ok(Some(self.read(dn).await?));
            }
            let Some(names) = self.page().await? else { return Ok(None) };
            self.names = names.into_iter();
        }
    }

    async fn page(&mut self) -> Result<Option<Vec<String>>, Failure> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(self.directory.searchers()?.dial().await?),
        };
        self.directory.page(connection, &mut self.cursor).await
    }

    async fn read(&self, dn: String) -> Result<Listed, Failure> {
        match self.directory.read(&dn).await {
            Ok(Some(known)) => {
                let limit = known.limit.clone().map(BackendError::from);
                Ok(Listed { dn, standing: Ok(known.standing()), limit })
            }
            // It was removed since its page came.
            Ok(None) => Ok(Listed { dn, standing: Ok(Standing::Gone), limit: None }),
            Err(failure) if failure.is_of_everybody() => Err(failure),
            Err(failure) => Ok(Listed { dn, standing: Err(failure.into()), limit: None }),
        }
    }
}

impl fmt::Debug for Everybody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Everybody").field("seen", &self.cursor.seen()).finish_non_exhaustive()
    }
}
