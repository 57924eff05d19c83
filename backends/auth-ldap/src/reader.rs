//! Searches by an account, over as many answers as they take.

use ldap3::Scope;

use crate::connection::{Connection, Entry, Search};
use crate::error::Failure;
use crate::gathered::Gathered;
use crate::paged::Cursor;
use crate::pool::Pool;
use crate::range;

/// Searches by an account, within limits.
pub(crate) struct Reader<'a> {
    who: Who<'a>,
    bounds: Bounds,
}

enum Who<'a> {
    /// The service account.
    Service(&'a Pool),
    /// The user, on the connection on which they just bound.
    Own(&'a mut Connection),
}

/// How much to ask for at a time, and in total.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// How many entries a page has.
    pub(crate) page: i32,
    /// How many groups a user may be in, and how many values an attribute may have.
    pub(crate) most: usize,
}

impl Bounds {
    /// # Errors
    /// [`Failure`] if this many exceed the limit.
    pub(crate) fn check(self, count: usize) -> Result<(), Failure> {
        if count <= self.most {
            return Ok(());
        }
        let text =
            format!("a user is in more than {} groups, or has as many values: see `max_groups`", self.most);
        Err(Failure::limit(text))
    }
}

impl<'a> Reader<'a> {
    pub(crate) fn service(pool: &'a Pool, bounds: Bounds) -> Self {
        Self { who: Who::Service(pool), bounds }
    }

    pub(crate) fn own(connection: &'a mut Connection, bounds: Bounds) -> Self {
        Self { who: Who::Own(connection), bounds }
    }

    /// The entries that a search finds: at most two of them.
    pub(crate) async fn one(&mut self, search: &Search<'_>) -> Result<Vec<Entry>, Failure> {
        // A search only reads and may be retried: a pooled connection may have died meanwhile.
        match &mut self.who {
            Who::Service(pool) => match pool.get().await?.one(search).await {
                Err(failure) if failure.is_of_server() => pool.get().await?.one(search).await,
                found => found,
            },
            Who::Own(connection) => connection.one(search).await,
        }
    }

    /// The names of all entries that a search finds.
    pub(crate) async fn names(&mut self, search: &Search<'_>) -> Result<Vec<String>, Failure> {
        let bounds = self.bounds;
        match &mut self.who {
            Who::Service(pool) => match names(&mut *pool.get().await?, search, bounds).await {
                // From the start: the position in the result is meaningless on another connection.
                Err(failure) if failure.is_of_server() => {
                    names(&mut *pool.get().await?, search, bounds).await
                }
                found => found,
            },
            Who::Own(connection) => names(connection, search, bounds).await,
        }
    }

    /// Reads the remaining values of an attribute of which the server returned only a part with the entry.
    pub(crate) async fn complete(&mut self, entry: &mut Entry, attribute: &str) -> Result<(), Failure> {
        let Some(mut range) = range::take(entry, attribute, 0)? else { return Ok(()) };
        let mut values = Gathered::new(self.bounds);
        values.extend(range.values)?;
        while let Some(next) = range.next {
            range = self.range(&entry.dn, attribute, next).await?;
            values.extend(std::mem::take(&mut range.values))?;
        }
        entry.attributes.insert(attribute.to_ascii_lowercase(), values.all());
        Ok(())
    }

    async fn range(&mut self, dn: &str, attribute: &str, first: usize) -> Result<range::Range, Failure> {
        let attributes = [range::name(attribute, first)];
        let search =
            Search { base: dn, scope: Scope::Base, filter: "(objectClass=*)", attributes: &attributes };
        let entry = self.one(&search).await?.pop();
        let range = entry.map(|mut entry| range::take(&mut entry, attribute, first)).transpose()?.flatten();
        range.ok_or_else(|| {
            Failure::unclear("the directory does not return the rest of an attribute's values")
        })
    }

    pub(crate) fn bounds(&self) -> Bounds {
        self.bounds
    }
}

async fn names(
    connection: &mut Connection,
    search: &Search<'_>,
    bounds: Bounds,
) -> Result<Vec<String>, Failure> {
    let (mut names, mut cursor) = (Gathered::new(bounds), Cursor::new(bounds.page));
    while let Some(page) = connection.page(search, &mut cursor).await? {
        names.extend(page.into_iter().map(|entry| entry.dn))?;
    }
    Ok(names.all())
}
