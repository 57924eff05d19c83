//! Checking the server's settings and rights, before the first session.

use auth_core::session::{SessionKey, StoreError, check_store};
use redis::Value;

use crate::RedisSessions;
use crate::error::unavailable;
use crate::link::Link;
use crate::sessions::{bytes, text};

/// The commands of the scripts, with arguments that change nothing if there is no key. Before Redis 7.2, servers do
/// not say which command of a script a user may not run.
const COMMANDS: [(&str, &[&str]); 12] = [
    ("GET", &[]),
    ("GETRANGE", &["0", "0"]),
    ("SET", &["", "XX"]),
    ("DEL", &[]),
    ("EXISTS", &[]),
    ("PTTL", &[]),
    ("PEXPIRE", &["1"]),
    ("ZADD", &["XX", "1", ""]),
    ("ZREM", &[""]),
    ("ZCARD", &[]),
    ("ZRANGE", &["0", "-1"]),
    ("ZRANGEBYSCORE", &["-inf", "0"]),
];

/// The key of no session: keys are hashes.
const NOBODYS: SessionKey = SessionKey::from_bytes([0; 32]);

impl RedisSessions {
    /// Tries all that sessions will need, on a session that it creates and deletes again (see [`check_store`]), and
    /// asks the server whether it evicts keys when its memory is used up, which it must not. Call it when the program
    /// starts.
    ///
    /// ```no_run
    /// # use auth_redis::{RedisOnce, RedisSessions, RedisThrottle};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let client = redis::Client::open("redis://127.0.0.1/")?;
    /// let sessions = RedisSessions::new(client)?;
    /// sessions.check().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`StoreError`] of what failed first. Its sources name the command, the permission or the setting that is missing.
    pub async fn check(&self) -> Result<(), StoreError> {
        self.link.check_memory().await?;
        self.check_commands().await?;
        self.check_scripts().await?;
        check_store(self).await
    }

    async fn check_commands(&self) -> Result<(), StoreError> {
        let key = self.prefix.session(&NOBODYS);
        for (name, arguments) in COMMANDS {
            self.link.ask(redis::cmd(name).arg(&key).arg(arguments)).await?;
        }
        Ok(())
    }

    /// Loads a script into the server, as happens whenever the server does not know it: it may know the scripts now,
    /// but not after its next start.
    async fn check_scripts(&self) -> Result<(), StoreError> {
        let arguments = [self.prefix.argument(), bytes(&NOBODYS), 0.into()];
        let told = self.scripts.load.by_text(&self.prefix.session(&NOBODYS), &arguments);
        self.link.ask(&told).await.map(drop)
    }
}

impl Link {
    /// Asks the server whether it evicts keys when its memory is used up, which it must not.
    pub(crate) async fn check_memory(&self) -> Result<(), StoreError> {
        let about: String = match self.ask(redis::cmd("INFO").arg("memory")).await? {
            Value::Map(nodes) => nodes.into_iter().map(|(_, about)| text(about)).collect(),
            about => text(about),
        };
        let says = |line: &str| about.lines().any(|said| said == line);
        let evicts = !says("maxmemory:0") && !says("maxmemory_policy:noeviction");
        if evicts {
            return Err(unavailable("the server evicts keys: set `maxmemory-policy` to `noeviction`"));
        }
        Ok(())
    }
}
