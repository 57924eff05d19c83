//! What the tests share: stores, records, and the server's own view.

use std::error::Error;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use auth_core::conformance::store::sample_record;
use auth_core::session::{Realm, SessionKey, SessionRecord, UserSessions};
use auth_core::time::Timestamp;
use auth_core::{BackendName, UserId};
use auth_redis::RedisSessions;
use redis::aio::MultiplexedConnection;
use redis::{Client, FromRedisValue, TlsCertificates};
use test_servers::Redis;

pub(crate) const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);
pub(crate) const LATER: Timestamp = Timestamp::from_secs(1_800_003_600);

pub(crate) fn key(n: u16) -> SessionKey {
    let mut bytes = [7; 32];
    bytes[..2].copy_from_slice(&n.to_be_bytes());
    SessionKey::from_bytes(bytes)
}

/// The key that the session of `key(n)` has after so many moves.
pub(crate) fn later(n: u16, moves: u16) -> SessionKey {
    let mut bytes = *key(n).as_bytes();
    bytes[30..].copy_from_slice(&moves.to_be_bytes());
    SessionKey::from_bytes(bytes)
}

/// A record of user `id` on the site of the tests.
pub(crate) fn record(id: &str) -> SessionRecord {
    lasting(sample_record(id), NOW, LATER)
}

/// The record as one that begins now, and ends then.
pub(crate) fn lasting(mut record: SessionRecord, now: Timestamp, expires: Timestamp) -> SessionRecord {
    (record.created, record.last_seen, record.expires) = (now, now, expires);
    record
}

static LOCAL: LazyLock<BackendName> = LazyLock::new(|| BackendName::new("local").unwrap());
static SHOP: LazyLock<Realm> = LazyLock::new(|| Realm::new("shop").unwrap());

pub(crate) fn local() -> &'static BackendName {
    &LOCAL
}

/// The user's sessions on the site of the tests.
pub(crate) fn here(user: &UserId) -> UserSessions<'_> {
    UserSessions::on(&SHOP, &LOCAL, user)
}

/// The user's sessions on all sites.
pub(crate) fn everywhere(user: &UserId) -> UserSessions<'_> {
    UserSessions::everywhere(&LOCAL, user)
}

pub(crate) fn user(id: &str) -> UserId {
    UserId::new(id).unwrap()
}

/// A client for the server, by TLS if it takes nothing else.
pub(crate) fn client(server: &Redis) -> Client {
    if server.authority().is_empty() {
        return Client::open(server.url()).unwrap();
    }
    // Another test of this process may have been first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let root_cert = Some(server.authority().as_bytes().to_vec());
    Client::build_with_tls(server.url(), TlsCertificates { client_tls: None, root_cert }).unwrap()
}

pub(crate) fn store(server: &Redis) -> RedisSessions {
    RedisSessions::new(client(server)).unwrap()
}

/// A connection of the test's own.
pub(crate) async fn connection(server: &Redis) -> MultiplexedConnection {
    client(server).get_multiplexed_async_connection().await.unwrap()
}

/// What the server answers to a command.
pub(crate) async fn ask<T: FromRedisValue>(server: &Redis, command: &[&str]) -> T {
    let mut asked = redis::cmd(command[0]);
    command[1..].iter().for_each(|argument| _ = asked.arg(argument));
    asked.query_async(&mut connection(server).await).await.unwrap()
}

/// How long anything may take on a machine that has much else to do.
pub(crate) const LIMIT: Duration = Duration::from_secs(120);

/// Waits until something is so.
pub(crate) async fn eventually(what: &str, is: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + LIMIT;
    while !is().await {
        assert!(Instant::now() < deadline, "{what}: not within {LIMIT:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// An error with its sources, as a log shows it.
pub(crate) fn told(error: &(dyn Error + 'static)) -> String {
    let mut text = format!("{error} {error:?}");
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error} {error:?}");
        source = error.source();
    }
    text
}
