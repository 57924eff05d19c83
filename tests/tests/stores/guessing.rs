//! Many guesses at once, at two instances that count in one store.

use std::sync::Arc;
use std::time::Duration;

use auth_core::throttle::{
    Bucket, BucketChange, BucketKey, MemoryThrottle, StoredBucket, Throttle, ThrottleStore,
};
use auth_core::time::{Clock as _, Timestamp};
use auth_redis::RedisThrottle;
use auth_sql::{Database, SqlThrottle};
use futures_util::future::join_all;
use integration_tests::site::{Request, Site};
use integration_tests::tower::Tower;
use integration_tests::world::{ALICE, Setup, World, keys};
use integration_tests::{actix, world};
use sqlx::mysql::MySqlPoolOptions;
use sqlx::postgres::PgPoolOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions};
use test_servers::{MariaDb, Postgres, Redis};

const LIMIT: u64 = 5;
const CROWD: usize = 500;
/// As many connections as a small server has.
const CONNECTIONS: u32 = 8;

#[tokio::test]
async fn in_memory() {
    no_more_than_may_fail(MemoryThrottle::new(10_000)).await;
}

#[tokio::test]
async fn in_sqlite() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let options = SqliteConnectOptions::new().filename(folder.path().join("db")).create_if_missing(true);
    let options = options.journal_mode(SqliteJournalMode::Wal);
    let pool = SqlitePoolOptions::new().max_connections(CONNECTIONS).connect_with(options).await;
    in_sql(pool.expect("a file can be made")).await;
}

#[tokio::test]
async fn in_postgres() {
    let server = Postgres::start();
    let pool = PgPoolOptions::new().max_connections(CONNECTIONS).connect(&server.url()).await;
    in_sql(pool.expect("it takes us")).await;
}

#[tokio::test]
async fn in_maria_db() {
    let server = MariaDb::start();
    let pool = MySqlPoolOptions::new().max_connections(CONNECTIONS).connect(&server.url()).await;
    in_sql(pool.expect("it takes us")).await;
}

#[tokio::test]
async fn in_redis() {
    let server = Redis::new().start();
    let client = redis::Client::open(server.url()).expect("a URL");
    no_more_than_may_fail(RedisThrottle::new(client).expect("it can be used")).await;
}

async fn in_sql(database: impl Into<Database>) {
    let store = SqlThrottle::new(database);
    store.migrate().await.expect("a new database takes a table");
    no_more_than_may_fail(store).await;
}

/// One instance on each framework, with one clock, which stands still: whoever comes too late stays out.
async fn no_more_than_may_fail(store: impl ThrottleStore) {
    let store = Arc::new(store);
    let shared = Arc::clone(&store);
    let setup = Setup::default().configure(move |auth| {
        auth.login_page("/login").throttle(Throttle::new(Arc::clone(&shared)).keys(&keys()))
    });
    let one = setup.world().await;
    let other = setup.restarted(&one);
    let sites: [Box<dyn Site>; 2] = [Box::new(Tower::new(&one)), actix::site(&other).await];
    let before = one.passwords.runs();
    let guesses = (0..CROWD).map(|n| {
        let request = match n % 4 {
            0 | 1 => form("alice", &format!("guess {n}")),
            _ => Request::get("/me").basic("alice", &format!("guess {n}")),
        };
        sites[n % 2].send(request.from([192, 0, 2, u8::try_from(n % 250).unwrap_or_default()].into()))
    });
    let answers = join_all(guesses).await;
    assert!(answers.iter().all(|answer| [401, 429].contains(&answer.status)), "nothing else is answered");
    let judged = answers.iter().filter(|answer| answer.status == 401).count() as u64;
    let hashed = one.passwords.runs() - before;
    assert!(judged <= LIMIT && hashed <= LIMIT && hashed > 0, "{judged} judged, {hashed} hashed");
    assert_eq!(sites[1].send(form("alice", ALICE)).await.status, 429, "nor the right one");
    many_right_ones_at_once_are_all_in(&one, &sites).await;
    names_without_end_forget_nobody(&*store, one.clock.now()).await;
    assert_eq!(sites[0].send(form("alice", ALICE)).await.status, 429, "she still waits");
}

/// Names that nobody has, 100,000 of them, as attempts would leave them; and their purge.
async fn names_without_end_forget_nobody(store: &impl ThrottleStore, now: Timestamp) {
    const AT_ONCE: u64 = 500;
    let until = now.plus(Duration::from_secs(60)).as_millis();
    let bucket = Bucket::from_text(&format!(r#"{{"failures":1,"expires":{until}}}"#)).expect("a bucket");
    let some = |n: u64| {
        let bucket = &bucket;
        async move {
            let change = |n: u64| BucketChange {
                key: BucketKey::from_bytes(
                    u128::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835).to_be_bytes(),
                ),
                expected: None,
                new: Some(StoredBucket { bucket: bucket.clone(), version: 1 }),
            };
            let changes: Vec<_> = (n..n + AT_ONCE).map(change).collect();
            assert!(store.replace(&changes, now).await.expect("there is room, or it is made"));
        }
    };
    for at_once in (0..100_000).step_by(4 * 500) {
        join_all((0..4).map(|part| some(1 + at_once + part * AT_ONCE))).await;
    }
    let over = now.plus(Duration::from_secs(61));
    while store.purge_expired(over, 10_000).await.expect("it purges") > 0 {}
}

/// Twenty programs start with the same right password, nothing is remembered of it, and somebody failed four times.
async fn many_right_ones_at_once_are_all_in(world: &World, sites: &[Box<dyn Site>; 2]) {
    for n in 0..LIMIT - 1 {
        assert_eq!(sites[0].send(form("bob", &format!("guess {n}"))).await.status, 401);
    }
    let basic = || Request::get("/me").basic("bob", world::BOB);
    let before = world.passwords.runs();
    let answers = join_all((0..20).map(|_| sites[0].send(basic()))).await;
    assert!(answers.iter().all(|answer| answer.status == 200), "{answers:?}");
    assert!(world.passwords.runs() - before <= 1, "one hash");
    let logins = join_all((0..20).map(|n| sites[n % 2].send(form("bob", world::BOB)))).await;
    assert!(logins.iter().all(|answer| answer.status == 303), "{logins:?}");
}

fn form(name: &str, password: &str) -> Request {
    Request::post("/login", &[("username", name), ("password", password)])
}
