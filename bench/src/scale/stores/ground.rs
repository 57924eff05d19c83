//! Where sessions are kept, each in a way that stores of several sizes can be open at the same time.

use std::panic::{self, UnwindSafe};
use std::path::Path;

use auth_core::session::{MemorySessions, SessionStore};
use auth_redis::RedisSessions;
use auth_sql::SqlSessions;
use redis::{Client, Script};
use test_servers::Redis;

use crate::sites::sqlite_at;

/// A store, and what is done to it that is no store's own business.
pub(super) trait Ground {
    type Store: SessionStore;

    fn store(&self) -> &Self::Store;

    /// How many sessions are best made at a time.
    fn writers(&self) -> usize {
        1
    }

    /// Whether there is no room for more sessions than those that it was made for.
    fn is_bounded(&self) -> bool {
        false
    }

    /// Does now, after it was filled, what would be done in the background while it is measured.
    async fn settle(&self) -> Result<(), String> {
        Ok(())
    }

    /// Ends all sessions by the store's own clock, if it has one.
    async fn end_all(&self) -> Result<(), String> {
        Ok(())
    }
}

impl Ground for MemorySessions {
    type Store = Self;

    fn store(&self) -> &Self {
        self
    }

    fn is_bounded(&self) -> bool {
        true
    }
}

/// A file, as the other parts of the benchmark have it.
pub(super) struct OnSqlite(SqlSessions);

impl OnSqlite {
    pub(super) async fn new(file: &Path) -> Result<Self, String> {
        let sessions = SqlSessions::new(sqlite_at(file).await?);
        sessions.migrate().await.map_err(|error| format!("no table: {error}"))?;
        Ok(Self(sessions))
    }
}

impl Ground for OnSqlite {
    type Store = SqlSessions;

    fn store(&self) -> &SqlSessions {
        &self.0
    }
}

/// A server of its own: in one that all share, the smallest would have as many keys around it as the biggest.
pub(super) struct OnRedis {
    sessions: RedisSessions,
    server: Redis,
}

/// Gives a part of all sessions a millisecond to live.
const END_SOME: &str = "local some = redis.call('SCAN', ARGV[1], 'MATCH', '{auth}:s:*', 'COUNT', 1000) \
    for _, key in ipairs(some[2]) do redis.call('PEXPIRE', key, 1) end \
    return some[1]";

impl OnRedis {
    pub(super) fn new(server: Redis) -> Result<Self, String> {
        let client = Client::open(server.url()).map_err(|error| error.to_string())?;
        let sessions = RedisSessions::new(client).map_err(|error| error.to_string())?;
        Ok(Self { sessions, server })
    }
}

impl Ground for OnRedis {
    type Store = RedisSessions;

    fn store(&self) -> &RedisSessions {
        &self.sessions
    }

    fn writers(&self) -> usize {
        64
    }

    /// The index of their ends stays, as it does where one of them lives for longer.
    async fn end_all(&self) -> Result<(), String> {
        let said = |error: redis::RedisError| format!("the sessions cannot be ended: {error}");
        let client = Client::open(self.server.url()).map_err(said)?;
        let mut connection = client.get_multiplexed_async_connection().await.map_err(said)?;
        let (script, mut cursor) = (Script::new(END_SOME), "0".to_owned());
        loop {
            cursor = script.arg(&cursor).invoke_async(&mut connection).await.map_err(said)?;
            if cursor == "0" {
                return Ok(());
            }
        }
    }
}

/// A server; or what it says why there is none, which is a test's panic.
pub(super) fn started<T>(start: impl FnOnce() -> T + UnwindSafe) -> Result<T, String> {
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let server = panic::catch_unwind(start);
    panic::set_hook(hook);
    server.map_err(|why| why.downcast().map_or_else(|_| "a server does not start".to_owned(), |why| *why))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_server_is_an_error() {
        let name = "redis-server";
        let why = started(|| -> Redis { panic!("{name} cannot be started") }).unwrap_err();
        assert_eq!(why, "redis-server cannot be started");
    }
}
