//! [`Everybody`]: all people of a directory, one after another.

use std::fmt;
use std::sync::Arc;
use std::vec;

use auth_core::backend::{BackendError, Standing};

use crate::connection::Connection;
use crate::directory::Directory;
use crate::error::Failure;
use crate::paged::Cursor;

/// All people whom a login could let in, one after another: made by [`Ldap::everybody`](crate::Ldap::everybody).
///
/// Names are read one page at a time, and each entry when its turn comes, as at a login: memory holds one page,
/// however many people there are. The service account reads them.
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
    /// A separate connection: the server keeps the position on it.
    connection: Option<Connection>,
    cursor: Cursor,
    names: vec::IntoIter<String>,
}

/// A person in a directory: an item of [`Everybody`], which shows an example.
#[derive(Debug)]
#[non_exhaustive]
pub struct Listed {
    /// The name of the entry.
    pub dn: String,
    /// What a login with the right password would result in. What only a bind tells is missing: an expired password,
    /// or a lock that wrong passwords set.
    ///
    /// # Errors
    /// [`BackendError`] if the directory could not tell for this person.
    pub standing: Result<Standing, BackendError>,
    /// Why their groups are [unknown](auth_core::backend::Groups::Unknown), if a limit is the reason.
    pub limit: Option<BackendError>,
}

impl Everybody {
    pub(crate) fn of(directory: Arc<Directory>) -> Self {
        let cursor = Cursor::new(directory.settings.bounds.page);
        Self { directory, connection: None, cursor, names: Vec::new().into_iter() }
    }

    /// The next person, in the order of the directory; `None` after the last.
    ///
    /// # Errors
    /// [`BackendError`] if the directory fails, or says that there are more people than it returns. The people so far
    /// are then not all of them.
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
            // It was removed after its page was read.
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
