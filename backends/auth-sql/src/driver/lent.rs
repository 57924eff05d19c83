//! A connection of a pool, for one statement or transaction.

use std::future::Future;
use std::ops::{Deref, DerefMut};
use std::pin::Pin;
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::{Database, Executor, Pool};
use tokio::time::timeout;

use crate::error::DbError;

/// How long a connection may take to show that it can be used again. After that it is closed, and its place in the
/// pool is free.
const BACK_WITHIN: Duration = Duration::from_secs(2);

/// A connection that goes back into its pool, or is closed, within [`BACK_WITHIN`].
///
/// sqlx waits without a limit for an answer before it takes a connection back. On a dead connection none ever comes:
/// a few cancelled requests would occupy the whole pool for good.
pub(super) struct Lent<DB: Database>(PoolConnection<DB>);

impl<DB: Database> Lent<DB> {
    pub(super) async fn from(pool: &Pool<DB>) -> Result<Self, DbError> {
        Ok(Self(acquire(pool).await?))
    }
}

/// Boxed: it may have to connect, and with room for that every future of this crate would be ten times as large,
/// including those of `SQLite`, which are moved with each request's future.
fn acquire<DB: Database>(
    pool: &Pool<DB>,
) -> Pin<Box<impl Future<Output = sqlx::Result<PoolConnection<DB>>> + use<DB>>> {
    Box::pin(pool.acquire())
}

impl<DB: Database> Drop for Lent<DB> {
    fn drop(&mut self) {
        // What sqlx does when it drops a connection, but with a limit. Past the limit the connection is closed.
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

/// A connection for statements that take effect together. If it is dropped before it is [committed](Self::commit) or
/// [undone](Self::undo), the connection is closed: the server rolls back, and the place in the pool is free in time.
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
