//! Sessions that an earlier build began, in the bytes that it wrote: whoever was signed in stays so, at both adapters, and
//! each of their ids ends the session, the first one too. Sessions in memory end with the process that has them.
#![allow(missing_docs)]

use std::fmt::Write as _;
use std::time::Duration;

use auth_core::session::{KeyRing, SessionConfig, SessionStore};
use auth_core::time::Timestamp;
use auth_core::{Secret, UserId};
use auth_redis::RedisSessions;
use auth_sql::{Database, SqlSessions};
use integration_tests::accounts::Account;
use integration_tests::actix;
use integration_tests::site::{Request, Site};
use integration_tests::tower::Tower;
use integration_tests::world::{Setup, World};
use sqlx::mysql::MySqlPoolOptions;
use sqlx::postgres::PgPoolOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use test_servers::{MariaDb, Postgres, Redis};

/// What that build was configured with, and the cookie that it set.
const SECRET: &[u8] = b"a secret that tests of older bytes share";
const TOKEN: &str = "vvgO5z9FRqZKo3V2Iolvqze_NTZ0VujPlpiQLAu5mqg";
const NOW: Timestamp = Timestamp::from_secs(4_000_000_000);
/// What it stored.
const KEY: &str = "d57349debaf9e5c5558a6cc28c442fd55d69759fd490f933595b8f11c47351db";
const RECORD: &[u8] = include_bytes!("../../auth-core/src/session/record/v2.bin");
const ROW: &str = "INSERT INTO auth_sessions (session_key, backend, user_id, version, last_seen, expires, record) \
                   VALUES (KEY, 'local', '7', 1, 4000000000000, 4000003600000, RECORD)";

async fn world(store: impl SessionStore) -> World {
    // Nothing here is about a store that is slow.
    let patience = Duration::from_secs(60);
    let config = |_| SessionConfig::new(KeyRing::new(SECRET).unwrap()).store_timeouts(patience, patience);
    let world = Setup::default().sessions(config).world_over(store).await;
    let ann = Account { id: UserId::from(7), stamp: b"the stamp".into(), ..Account::new(7, "ann") };
    world.users.users.insert("ann", &Secret::new("hatter"), ann).await.unwrap();
    world.clock.set(NOW);
    world
}

/// Ann is signed in, under her id and those that replace it.
async fn she_stays_signed_in(site: &dyn Site) -> Vec<String> {
    let mut tokens = vec![TOKEN.to_owned()];
    for _ in 0..3 {
        let token = tokens.last().unwrap();
        let who = site.send(Request::get("/who").cookie(token)).await;
        assert_eq!(who.body, "ann", "at {}", site.name());
        let list = site.send(Request::get("/act/list").cookie(token)).await;
        assert_eq!(list.body, "1 1", "at {}", site.name());
        let moved = site.send(Request::post("/act/rotate", &[]).cookie(token)).await;
        tokens.push(moved.token().unwrap_or_else(|| panic!("a new id: {moved:?}")));
    }
    tokens
}

async fn check(store: impl SessionStore + Clone, put: impl AsyncFn()) {
    let worlds = [world(store.clone()).await, world(store).await];
    let sites: [Box<dyn Site>; 2] = [Box::new(Tower::new(&worlds[0])), actix::site(&worlds[1]).await];
    for (site, other) in [(&sites[0], &sites[1]), (&sites[1], &sites[0])] {
        put().await;
        let tokens = she_stays_signed_in(&**site).await;
        let logout = other.send(Request::post("/logout", &[]).cookie(TOKEN)).await;
        assert_eq!(logout.status, 303);
        for token in tokens {
            let who = site.send(Request::get("/who").cookie(&token)).await;
            assert_eq!(who.body, "anonymous", "{token} at {}", site.name());
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// The table as that build made it, and then as this one leaves it.
async fn migrated(database: impl Into<Database>) -> SqlSessions {
    let store = SqlSessions::new(database);
    store.migrate().await.unwrap();
    store
}

fn row(literal: impl Fn(&str) -> String) -> String {
    ROW.replace("KEY", &literal(KEY)).replace("RECORD", &literal(&hex(RECORD)))
}

#[tokio::test]
async fn on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let options = SqliteConnectOptions::new().filename(folder.path().join("db")).create_if_missing(true);
    let pool = SqlitePoolOptions::new().max_connections(4).connect_with(options).await.unwrap();
    sqlx::raw_sql(
        "CREATE TABLE auth_sessions (session_key BLOB NOT NULL PRIMARY KEY, alias_key BLOB UNIQUE, \
         alias_until INTEGER, backend TEXT NOT NULL, user_id TEXT NOT NULL, version INTEGER NOT NULL, \
         last_seen INTEGER NOT NULL, expires INTEGER NOT NULL, record BLOB NOT NULL) STRICT",
    )
    .execute(&pool)
    .await
    .unwrap();
    let put = async || {
        let row = row(|hex| format!("x'{hex}'"));
        sqlx::raw_sql(sqlx::AssertSqlSafe(row)).execute(&pool).await.unwrap();
    };
    check(migrated(pool.clone()).await, put).await;
}

#[tokio::test]
async fn on_postgres() {
    let server = Postgres::start();
    let pool = PgPoolOptions::new().max_connections(4).connect(&server.url()).await.unwrap();
    sqlx::raw_sql(
        "CREATE TABLE auth_sessions (session_key BYTEA NOT NULL PRIMARY KEY, alias_key BYTEA UNIQUE, \
         alias_until BIGINT, backend TEXT COLLATE \"C\" NOT NULL, user_id TEXT COLLATE \"C\" NOT NULL, \
         version BIGINT NOT NULL, last_seen BIGINT NOT NULL, expires BIGINT NOT NULL, record BYTEA NOT NULL)",
    )
    .execute(&pool)
    .await
    .unwrap();
    let put = async || {
        let row = row(|hex| format!("'\\x{hex}'"));
        sqlx::raw_sql(sqlx::AssertSqlSafe(row)).execute(&pool).await.unwrap();
    };
    check(migrated(pool.clone()).await, put).await;
}

#[tokio::test]
async fn on_maria_db() {
    let server = MariaDb::start();
    let pool = MySqlPoolOptions::new().max_connections(4).connect(&server.url()).await.unwrap();
    sqlx::raw_sql(
        "CREATE TABLE auth_sessions (session_key BINARY(32) NOT NULL PRIMARY KEY, alias_key BINARY(32) UNIQUE, \
         alias_until BIGINT, backend VARBINARY(1024) NOT NULL, user_id VARBINARY(1024) NOT NULL, \
         version BIGINT NOT NULL, last_seen BIGINT NOT NULL, expires BIGINT NOT NULL, record MEDIUMBLOB NOT NULL) \
         ENGINE = InnoDB",
    )
    .execute(&pool)
    .await
    .unwrap();
    let put = async || {
        let row = row(|hex| format!("x'{hex}'"));
        sqlx::raw_sql(sqlx::AssertSqlSafe(row)).execute(&pool).await.unwrap();
    };
    check(migrated(pool.clone()).await, put).await;
}

#[tokio::test]
async fn on_redis() {
    let server = Redis::new().start();
    let client = redis::Client::open(server.url()).unwrap();
    let key: Vec<u8> =
        (0..64).step_by(2).map(|at| u8::from_str_radix(&KEY[at..at + 2], 16).unwrap()).collect();
    let put = async || {
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        // As its scripts did: version, last seen, expires, the lengths of user and alias; user, key, record.
        let value = [b"1 4000000000000 4000003600000 7 0 local:7", &key[..], RECORD].concat();
        let (session, day) = ([b"{auth}:s:", &key[..]].concat(), 86_400_000);
        let mut commands = redis::pipe();
        commands.cmd("SET").arg(session).arg(value).arg("PX").arg(day);
        for index in ["{auth}:u:local:7", "{auth}:expiry"] {
            commands.cmd("ZADD").arg(index).arg(4_000_003_600_000_u64).arg(&key);
            commands.cmd("PEXPIRE").arg(index).arg(day);
        }
        commands.exec_async(&mut connection).await.unwrap();
    };
    check(RedisSessions::new(client.clone()).unwrap(), put).await;
}
