//! Servers that are killed, full, read-only or busy.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use auth_core::session::Written;
use sqlx::Executor;
use sqlx::mysql::{MySqlPool, MySqlPoolOptions};
use sqlx::postgres::{PgPool, PgPoolOptions};
use test_servers::{FaultProxy, MariaDb, Postgres, Server, Way};
use tokio::task::JoinHandle;

use super::*;
use crate::support::{LIMIT, eventually, run_case};

/// What an application sets: how long it waits for a connection. Each question in an outage takes as long. It is long
/// enough to sign in at a server (SCRAM, in a debug build) on a machine that has much else to do; where all is well,
/// whoever waited in vain asks again.
const PATIENCE: Duration = Duration::from_millis(1_500);
/// How long somebody waits who goes away before there is an answer.
const IMPATIENCE: Duration = Duration::from_secs(1);

fn pg(url: &str) -> PgPool {
    let pool = PgPoolOptions::new().max_connections(4).acquire_timeout(PATIENCE);
    pool.connect_lazy(url).unwrap()
}

fn mysql(url: &str) -> MySqlPool {
    let pool = MySqlPoolOptions::new().max_connections(4).acquire_timeout(PATIENCE);
    pool.connect_lazy(url).unwrap()
}

/// Fills a database over connections that are waited for. Gives what asks it over those that are not.
async fn fill(
    waiting: impl Into<auth_sql::Database>,
    database: impl Into<auth_sql::Database>,
) -> (SqlSessions, SqlUsers) {
    let waiting = waiting.into();
    let (sessions, users) = (SqlSessions::new(waiting.clone()), SqlUsers::new(waiting, passwords(16)));
    sessions.migrate().await.unwrap();
    users.migrate().await.unwrap();
    sessions.create(&key(1), &record()).await.unwrap();
    users.create_user("alice", Some(&secret("one"))).await.unwrap();
    let database = database.into();
    (SqlSessions::new(database.clone()), SqlUsers::new(database, passwords(16)))
}

async fn nothing_works(sessions: &SqlSessions, users: &SqlUsers) {
    // All at once: each waits for a connection that does not come.
    tokio::join!(
        sessions_cannot_be_read(sessions),
        sessions_cannot_be_written(sessions),
        users_cannot_be_read(users),
        users_cannot_be_written(users),
    );
}

async fn only_reading_works(sessions: &SqlSessions, users: &SqlUsers) {
    sessions_cannot_be_written(sessions).await;
    users_cannot_be_written(users).await;
    all_is_as_it_was(sessions, users).await;
}

/// Loads the session over and over until told to stop: it is there, or there is no answer. Gives how often.
fn traffic(store: &SqlSessions, stop: &Arc<AtomicBool>) -> JoinHandle<(u64, u64)> {
    let (store, stop) = (store.clone(), Arc::clone(stop));
    tokio::spawn(async move {
        let (mut answers, mut outages) = (0, 0);
        while !stop.load(Ordering::Relaxed) {
            match store.load(&key(1), NOW).await {
                Ok(found) => answers += u64::from(found.expect("the session is never absent").key == key(1)),
                Err(error) => outages += u64::from(error.kind() == StoreErrorKind::Unavailable),
            }
            tokio::task::yield_now().await;
        }
        (answers, outages)
    })
}

async fn a_kill_loses_nothing(server: &mut Server, sessions: &SqlSessions, users: &SqlUsers) {
    let stop = Arc::default();
    let traffic: Vec<_> = (0..4).map(|_| traffic(sessions, &stop)).collect();
    all_is_as_it_was(sessions, users).await;
    server.kill();
    nothing_works(sessions, users).await;
    server.start_again();
    all_is_as_it_was(sessions, users).await;
    stop.store(true, Ordering::Relaxed);
    let (mut answers, mut outages) = (0, 0);
    for task in traffic {
        let (some, none) = task.await.unwrap();
        (answers, outages) = (answers + some, outages + none);
    }
    assert!(answers > 0 && outages > 0, "{answers} {outages}");
}

/// Transactions that must look as if they came one after the other: all but one of those that meet are undone.
async fn what_is_undone_is_tried_again(sessions: &SqlSessions) {
    let touch = |_| {
        let sessions = sessions.clone();
        tokio::spawn(async move {
            for _ in 0..20 {
                assert_eq!(sessions.touch(&key(1), NOW, LATER).await.unwrap(), Written::Done);
            }
        })
    };
    for task in (0..4).map(touch).collect::<Vec<_>>() {
        task.await.unwrap();
    }
}

/// Requests that were given up on connections that are dead without anybody having said so: they do not keep the
/// pool's places.
async fn dead_connections_are_left(proxy: &FaultProxy, sessions: &SqlSessions) {
    let loads = async |limit| {
        let load = async || tokio::time::timeout(limit, sessions.load(&key(1), NOW)).await;
        <[_; 4]>::from(tokio::join!(load(), load(), load(), load()))
    };
    let all_fine = async || {
        let answers = loads(LIMIT).await;
        answers.iter().all(|answer| matches!(answer, Ok(Ok(Some(_))))).then_some(())
    };
    for _ in 0..2 {
        eventually("four connections at once: the dead do not keep their places", all_fine).await;
        proxy.set(Way::Swallows);
        assert!(!loads(IMPATIENCE).await.iter().any(|answer| matches!(answer, Ok(Ok(_)))), "all dead");
        proxy.set(Way::Passes);
    }
    eventually("the dead do not keep their places", all_fine).await;
}

/// Whichever pool it is.
macro_rules! an_exhausted_pool {
    ($pool:expr) => {
        async {
            let pool = $pool;
            let (sessions, users) =
                (SqlSessions::new(pool.clone()), SqlUsers::new(pool.clone(), passwords(16)));
            all_is_as_it_was(&sessions, &users).await;
            let mut taken = Vec::new();
            for _ in 0..4 {
                taken.push(eventually("a connection", async || pool.acquire().await.ok()).await);
            }
            nothing_works(&sessions, &users).await;
            drop(taken);
            all_is_as_it_was(&sessions, &users).await;
        }
    };
}

#[test]
fn postgres() {
    let mut server = Postgres::start_with(&[("max_connections", "10")]);
    run_case("killed", async {
        let (sessions, users) = fill(PgPool::connect(&server.url()).await.unwrap(), pg(&server.url())).await;
        a_kill_loses_nothing(&mut server, &sessions, &users).await;
    });
    run_case("serialized", async {
        let isolation = [("default_transaction_isolation", "repeatable read")];
        let options = (*pg(&server.url()).connect_options()).clone().options(isolation);
        let pool = PgPoolOptions::new().max_connections(4).connect_with(options).await.unwrap();
        what_is_undone_is_tried_again(&SqlSessions::new(pool)).await;
    });
    let proxy = FaultProxy::before(server.port());
    run_case("dead connections", async {
        let pool = PgPoolOptions::new().max_connections(4).acquire_timeout(LIMIT).test_before_acquire(false);
        let pool = pool.connect_lazy(&proxy.url(&server.url())).unwrap();
        dead_connections_are_left(&proxy, &SqlSessions::new(pool)).await;
    });
    run_case("exhausted", an_exhausted_pool!(pg(&server.url())));
    run_case("too many connections", async {
        // Some are kept for administrators.
        let others = PgPoolOptions::new().max_connections(7).acquire_timeout(LIMIT);
        let others = others.connect(&server.url()).await.unwrap();
        let mut taken = Vec::new();
        for _ in 0..7 {
            taken.push(others.acquire().await.unwrap());
        }
        let pool = pg(&server.url());
        let (sessions, users) = (SqlSessions::new(pool.clone()), SqlUsers::new(pool, passwords(16)));
        nothing_works(&sessions, &users).await;
        drop(taken);
        others.close().await;
        all_is_as_it_was(&sessions, &users).await;
    });
    run_case("read-only", async {
        let options =
            (*pg(&server.url()).connect_options()).clone().options([("default_transaction_read_only", "on")]);
        let pool = PgPoolOptions::new().connect_with(options).await.unwrap();
        only_reading_works(&SqlSessions::new(pool.clone()), &SqlUsers::new(pool, passwords(16))).await;
    });
    run_case("locked", async {
        let options = (*pg(&server.url()).connect_options()).clone().options([("lock_timeout", "50ms")]);
        let pool = PgPoolOptions::new().connect_with(options).await.unwrap();
        let mut other = pool.begin().await.unwrap();
        other.execute("LOCK TABLE auth_sessions, auth_users, auth_user_permissions").await.unwrap();
        let (sessions, users) = (SqlSessions::new(pool.clone()), SqlUsers::new(pool, passwords(16)));
        nothing_works(&sessions, &users).await;
        other.rollback().await.unwrap();
        all_is_as_it_was(&sessions, &users).await;
    });
}

#[test]
fn maria_db() {
    let mut server = MariaDb::start_with(&["--max-connections=10"]);
    run_case("killed", async {
        let (sessions, users) =
            fill(MySqlPool::connect(&server.url()).await.unwrap(), mysql(&server.url())).await;
        a_kill_loses_nothing(&mut server, &sessions, &users).await;
    });
    let proxy = FaultProxy::before(server.port());
    run_case("dead connections", async {
        let pool =
            MySqlPoolOptions::new().max_connections(4).acquire_timeout(LIMIT).test_before_acquire(false);
        let pool = pool.connect_lazy(&proxy.url(&server.url())).unwrap();
        dead_connections_are_left(&proxy, &SqlSessions::new(pool)).await;
    });
    run_case("exhausted", an_exhausted_pool!(mysql(&server.url())));
    run_case("read-only", async {
        let admin = mysql(&server.admin_url());
        eventually("it is read-only", async || admin.execute("SET GLOBAL read_only = ON").await.ok()).await;
        let pool = mysql(&server.url());
        only_reading_works(&SqlSessions::new(pool.clone()), &SqlUsers::new(pool, passwords(16))).await;
        eventually("it is not", async || admin.execute("SET GLOBAL read_only = OFF").await.ok()).await;
    });
    run_case("locked", async {
        let locking = mysql(&server.url());
        let mut lock = eventually("a connection", async || locking.acquire().await.ok()).await;
        lock.execute("LOCK TABLES auth_sessions WRITE, auth_users WRITE, auth_user_permissions WRITE")
            .await
            .unwrap();
        let pool = MySqlPoolOptions::new().after_connect(|connection, _| {
            Box::pin(async { connection.execute("SET lock_wait_timeout = 0").await.map(drop) })
        });
        let pool = pool.connect(&server.url()).await.unwrap();
        let (sessions, users) = (SqlSessions::new(pool.clone()), SqlUsers::new(pool, passwords(16)));
        nothing_works(&sessions, &users).await;
        lock.execute("UNLOCK TABLES").await.unwrap();
        all_is_as_it_was(&sessions, &users).await;
    });
}
