//! Connections that are kept from one look-up to the next.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::{Sqlite, SqlitePool};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{sleep, timeout};

use crate::error::DbError;

/// How long a connection may be kept out of its pool, which is the longest that the application waits for it.
const KEPT_FOR: Duration = Duration::from_millis(50);

/// A pool, and up to half of its connections, which are kept from one look-up to the next. Cheap to clone.
///
/// Before sqlx takes a connection back, it starts a task that checks whether the connection still works. With
/// `SQLite` this is a second trip to the connection's thread, which costs as much as the look-up.
#[derive(Clone)]
pub(crate) struct Connections(Arc<Shared>);

struct Shared {
    pool: SqlitePool,
    /// Permits for the connections that may be kept. `None` if the pool is too small: the application gets all of it.
    places: Option<Semaphore>,
    idle: Mutex<Idle>,
}

#[derive(Default)]
struct Idle {
    kept: Vec<Held>,
    /// A task will give them back.
    are_awaited: bool,
    /// How often connections were given back.
    round: u64,
}

/// A connection of the pool.
struct Held {
    connection: PoolConnection<Sqlite>,
    /// The round in which it was taken. It is given back in this round, or when it is no longer in use.
    round: u64,
    /// Gives it back even if no runtime is current.
    runtime: Handle,
}

impl Connections {
    pub(crate) fn of(pool: SqlitePool) -> Self {
        let places = pool.options().get_max_connections() as usize / 2;
        let places = (places > 0).then(|| Semaphore::new(places));
        Self(Arc::new(Shared { pool, places, idle: Mutex::default() }))
    }

    pub(super) fn pool(&self) -> &SqlitePool {
        &self.0.pool
    }

    /// A connection for one look-up. Dropping it returns it to the pool.
    pub(super) async fn lend(&self) -> Result<Lent<'_>, DbError> {
        let place = match self.0.places.as_ref().map(Semaphore::try_acquire) {
            None => None,
            Some(Ok(place)) => Some(place),
            // Rare waits are boxed: a future with room for them would be moved at every look-up.
            Some(Err(_)) => Box::pin(self.0.place()).await?,
        };
        let kept = self.0.idle().kept.pop().filter(|_| !self.pool().is_closed());
        let held = match kept {
            Some(held) => held,
            None => Box::pin(self.0.take()).await?,
        };
        Ok(Lent { held, of: &self.0, place })
    }
}

impl Shared {
    /// Waits for a permit.
    async fn place(&self) -> Result<Option<SemaphorePermit<'_>>, DbError> {
        let Some(places) = &self.places else { return Ok(None) };
        let place = timeout(self.pool.options().get_acquire_timeout(), places.acquire()).await;
        // It is never closed.
        Ok(place.map_err(|_| sqlx::Error::PoolTimedOut)?.ok())
    }

    /// A connection from the pool.
    async fn take(&self) -> Result<Held, DbError> {
        let connection = self.pool.acquire().await?;
        Ok(Held { connection, round: self.idle().round, runtime: Handle::current() })
    }

    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns all unused connections to the pool.
    fn give_back(&self) {
        let mut idle = self.idle();
        idle.round += 1;
        idle.are_awaited = false;
        let kept = std::mem::take(&mut idle.kept);
        drop(idle);
        for Held { connection, runtime, .. } in kept {
            let _runtime = runtime.enter();
            drop(connection);
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.give_back();
    }
}

/// A connection in use.
pub(super) struct Lent<'a> {
    held: Held,
    of: &'a Arc<Shared>,
    place: Option<SemaphorePermit<'a>>,
}

impl Lent<'_> {
    pub(super) fn connection(&mut self) -> &mut PoolConnection<Sqlite> {
        &mut self.held.connection
    }

    /// Keeps the connection for the next look-up. Call it only after this one has finished without an error.
    pub(super) fn keep(self) {
        let Self { held, of, place } = self;
        let mut idle = of.idle();
        if place.is_none() || held.round != idle.round || of.pool.is_closed() {
            return;
        }
        idle.kept.push(held);
        if !std::mem::replace(&mut idle.are_awaited, true) {
            let back = GiveBack(Arc::downgrade(of));
            tokio::spawn(async move {
                sleep(KEPT_FOR).await;
                drop(back);
            });
        }
    }
}

/// Returns kept connections when their time is up, or earlier if the runtime ends.
struct GiveBack(Weak<Shared>);

impl Drop for GiveBack {
    fn drop(&mut self) {
        if let Some(shared) = self.0.upgrade() {
            shared.give_back();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
    use tempfile::TempDir;
    use tokio::time::Instant;

    use super::*;
    use crate::Database;

    /// How long anything may take that waits for a connection.
    const PATIENCE: Duration = Duration::from_mins(2);

    struct Place {
        pool: SqlitePool,
        /// How often a connection came back into the pool.
        returned: Arc<AtomicU32>,
        _folder: TempDir,
    }

    async fn place(connections: u32) -> Place {
        let folder = TempDir::new().unwrap();
        let options = SqliteConnectOptions::new().filename(folder.path().join("db")).create_if_missing(true);
        let returned = Arc::new(AtomicU32::new(0));
        let counter = Arc::clone(&returned);
        let pool = SqlitePoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(PATIENCE)
            .after_release(move |_, _| {
                counter.fetch_add(1, Ordering::Relaxed);
                Box::pin(async { Ok(true) })
            });
        Place { pool: pool.connect_with(options).await.unwrap(), returned, _folder: folder }
    }

    async fn look_up(database: &Database) -> Result<Option<i64>, DbError> {
        let sql = database.dialect().statement("SELECT 7");
        database.first(&sql, &[], |row| row.int(0)).await
    }

    #[tokio::test]
    async fn a_look_up_keeps_its_connection_for_the_next() {
        let place = place(2).await;
        let (database, began) = (Database::from(place.pool.clone()), Instant::now());
        for _ in 0..200 {
            assert_eq!(look_up(&database).await.unwrap(), Some(7));
        }
        let most = began.elapsed().as_millis() / KEPT_FOR.as_millis() + 1;
        let returned = place.returned.load(Ordering::Relaxed);
        assert!(u128::from(returned) <= most, "{returned} times back, {most} would do");
    }

    /// Whatever the look-ups do, the application has all connections within moments.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_application_is_not_kept_waiting() {
        for connections in [1, 2, 4] {
            let place = place(connections).await;
            let databases = [Database::from(place.pool.clone()), Database::from(place.pool.clone())];
            let crowd = databases.iter().cycle().take(16).cloned().map(|database| {
                tokio::spawn(async move {
                    loop {
                        look_up(&database).await.unwrap();
                    }
                })
            });
            let crowd: Vec<_> = crowd.collect();
            let all = async {
                let mut taken = Vec::new();
                for _ in 0..connections {
                    taken.push(place.pool.acquire().await.unwrap());
                }
            };
            timeout(PATIENCE, all).await.unwrap();
            crowd.iter().for_each(tokio::task::JoinHandle::abort);
        }
    }

    /// In a pool of one, none is kept.
    #[tokio::test]
    async fn the_last_connection_is_never_kept() {
        let place = place(1).await;
        let database = Database::from(place.pool.clone());
        for n in 1..=5 {
            look_up(&database).await.unwrap();
            drop(place.pool.acquire().await.unwrap());
            assert!(place.returned.load(Ordering::Relaxed) >= n);
        }
    }

    #[tokio::test]
    async fn a_pool_can_be_closed() {
        let place = place(2).await;
        let database = Database::from(place.pool.clone());
        look_up(&database).await.unwrap();
        timeout(PATIENCE, place.pool.close()).await.unwrap();
        assert!(look_up(&database).await.is_err());
    }

    /// What was given up half-way is for the pool to look at.
    #[tokio::test]
    async fn a_look_up_that_is_given_up_leaves_nothing_behind() {
        let place = place(2).await;
        let database = Database::from(place.pool.clone());
        for _ in 0..20 {
            let slow = database.dialect().statement(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 100000) SELECT max(i) FROM n",
            );
            let slow = database.first(&slow, &[], |row| row.int(0));
            let given_up = timeout(Duration::from_millis(1), slow).await;
            assert_eq!(look_up(&database).await.unwrap(), Some(7), "after {given_up:?}");
        }
    }

    /// So that the application gets its turn also where none is ever idle.
    #[tokio::test]
    async fn what_is_in_use_when_all_go_back_follows() {
        let place = place(2).await;
        let connections = Connections::of(place.pool.clone());
        connections.lend().await.unwrap().keep();
        let lent = connections.lend().await.unwrap();
        connections.0.give_back();
        lent.keep();
        assert!(connections.0.idle().kept.is_empty());
    }

    /// sqlx starts a task for a connection that is dropped: there must be a runtime for it.
    #[test]
    fn it_can_be_dropped_anywhere() {
        for ends_first in [true, false] {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let (database, _place) = runtime.block_on(async {
                let place = place(2).await;
                let database = Database::from(place.pool.clone());
                look_up(&database).await.unwrap();
                (database, place)
            });
            if ends_first {
                drop(runtime);
                drop(database);
            } else {
                drop(database);
            }
        }
    }
}
