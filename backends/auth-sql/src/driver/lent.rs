//! A connection of a pool, for one statement or transaction.

use std::future::Future;
use std::ops::{Deref, DerefMut};
use std::pin::Pin;
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::{Database, Executor, Pool};
use tokio::time::timeout;

use crate::error::DbError;

/// How long a connection may take to show that it can be used again. Then it is closed, and its place is free.
const BACK_WITHIN: Duration = Duration::from_secs(2);

/// A connection that goes back into its pool, or is closed, within [`BACK_WITHIN`].
///
/// sqlx waits for an answer before it takes a connection back, and as long as it takes. On one that is dead without
/// anybody having said so there is none: a few requests that were given up would hold all the pool's places for
/// good.
pub(super) struct Lent<DB: Database>(PoolConnection<DB>);

impl<DB: Database> Lent<DB> {
    pub(super) async fn from(pool: &Pool<DB>) -> Result<Self, DbError> {
        Ok(Self(acquire(pool).await?))
    }
}

/// In a box of its own: it may have to connect, and with room for that every future of this crate would be ten times as
/// large, also those of `SQLite`, which are moved with each request's.
fn acquire<DB: Database>(
    pool: &Pool<DB>,
) -> Pin<Box<impl Future<Output = sqlx::Result<PoolConnection<DB>>> + use<DB>>> {
    Box::pin(pool.acquire())
}

impl<DB: Database> Drop for Lent<DB> {
    fn drop(&mut self) {
        // What sqlx does when it drops one, but not for ever. Given up, it closes the connection.
        tokio::spawn(timeout(BACK_WITHIN, self.0.return_to_pool()));
    }
}

impl<DB: Database> Deref for Lent<DB> {
    type Target = DB::Connection;

    fn deref(&self) -> &DB::Connection {
        &self.0
    }
}

impl<DB: Database> DerefMut for Lent<DB> {
    fn deref_mut(&mut self) -> &mut DB::Connection {
        &mut self.0
    }
}

/// A connection for statements that count together. Dropped before it is [committed](Self::commit) or
/// [undone](Self::undo), it is closed: so nothing of what was under way counts, and its place is free in time.
pub(crate) struct LentTransaction<DB: Database> {
    connection: PoolConnection<DB>,
    open: bool,
}

impl<DB: Database> LentTransaction<DB>
where
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    pub(super) async fn begin(pool: &Pool<DB>) -> Result<Self, DbError> {
        let mut transaction = Self { connection: acquire(pool).await?, open: true };
        transaction.say("BEGIN").await?;
        Ok(transaction)
    }

    pub(super) async fn commit(mut self) -> Result<(), DbError> {
        self.say("COMMIT").await?;
        self.open = false;
        Ok(())
    }

    pub(super) async fn undo(mut self) -> Result<(), DbError> {
        self.say("ROLLBACK").await?;
        self.open = false;
        Ok(())
    }

    async fn say(&mut self, word: &'static str) -> Result<(), DbError> {
        (&mut *self.connection).execute(word).await?;
        Ok(())
    }
}

impl<DB: Database> Drop for LentTransaction<DB> {
    fn drop(&mut self) {
        if self.open {
            self.connection.close_on_drop();
        } else {
            tokio::spawn(timeout(BACK_WITHIN, self.connection.return_to_pool()));
        }
    }
}

impl<DB: Database> Deref for LentTransaction<DB> {
    type Target = DB::Connection;

    fn deref(&self) -> &DB::Connection {
        &self.connection
    }
}

impl<DB: Database> DerefMut for LentTransaction<DB> {
    fn deref_mut(&mut self) -> &mut DB::Connection {
        &mut self.connection
    }
}
