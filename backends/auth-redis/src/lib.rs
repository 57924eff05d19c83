//! Sessions in Redis 7 or Valkey, for [`auth_core`] and services that run as several processes.
//!
//! * [`RedisSessions`] is a [`SessionStore`](auth_core::session::SessionStore) in which a logged-out session stays
//!   logged out.
//! * [`RedisThrottle`] counts failed attempts for all processes ([`throttle`](auth_core::throttle)).
//! * [`RedisOnce`] remembers which one-time ids were used ([`once`](auth_core::once)).
//!
//! ```
//! use auth_core::session::{KeyRing, SessionConfig};
//! use auth_core::{Auth, MemoryBackend, Password, Passwords};
//! use auth_redis::RedisSessions;
//! # use auth_core::{User, UserId};
//! # #[derive(Clone)]
//! # struct Account;
//! # impl User for Account {
//! #     fn id(&self) -> UserId { UserId::from(1) }
//! #     fn security_stamp(&self) -> &[u8] { b"" }
//! #     fn is_active(&self) -> bool { true }
//! # }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let server = test_servers::Redis::new().start();
//! # let url = server.url();
//! let sessions = RedisSessions::new(redis::Client::open(url)?)?;
//! sessions.check().await?;
//!
//! # let users = MemoryBackend::<Account>::new(Passwords::new()?);
//! let keys = KeyRing::new(b"a secret of at least 32 bytes....")?;
//! let auth = Auth::builder()
//!     .backend::<Password>("local", users)
//!     .sessions(sessions, SessionConfig::new(keys))
//!     .build()?;
//! # Ok(())
//! # }
//! ```
//!
//! # Features
//!
//! | feature | brings |
//! |---|---|
//! | `cluster` | `RedisSessions::cluster` and its like, for a Redis cluster |
//! | `tls` | `rediss://` URLs, by rustls with the system's certificates |
//!
//! Neither is on by default. The crate needs Rust 1.88. It brings along the client `redis`, of which your program
//! needs the same version, and tokio.
//!
//! # Keys
//! | key | type | what it holds |
//! |---|---|---|
//! | `{auth}:s:<key>` | text | a session: version, last seen, expires, owner, its alias and key, the encoded record |
//! | `{auth}:s:<key>` | text | an alias, for seconds after a rotation: `>`, until when, a session's key |
//! | `{auth}:l:<lineage>` | text | the second half of the current key of a session that was moved |
//! | `{auth}:u:<backend>:<user>` | sorted set | the keys of a user's sessions on all sites, ordered by their end |
//! | `{auth}:expiry` | sorted set | the keys of all sessions, ordered by their end |
//! | `{auth}:t:<key>` | text | [`RedisThrottle`]: version and counter of a name, an account or an address |
//! | `{auth}:o:<key>` | text | [`RedisOnce`]: a used id; a random text that tells which call used it |
//! | `{auth}:ta:<backend>:<id>`, `{auth}:td` | sorted sets | the keys of an account's counters, and of all counters that delay |
//!
//! `<key>` is a [`SessionKey`](auth_core::session::SessionKey), a hash of the cookie's token: 32 bytes, of which the
//! first 16 are its `<lineage>`. The owner of a session is `<realm>/<backend>:<user>`, or `<backend>:<user>` if it
//! belongs to no site, as sessions from before realms existed; it is empty for a visitor. Times are milliseconds
//! since 1970. `auth` is the prefix ([`RedisSessions::with_prefix`]). Every key expires by itself: the keys of a
//! session with the session, an index with its last session. Expired sessions leave the indexes a few at a time,
//! whenever another session is written.
//!
//! Each operation is one script and one round trip (`purge_expired` takes one for every 500 entries of the index).
//! `load` is one `GETEX`, plus a script for an alias. With an access list, the user needs these rights; only
//! [`check`](RedisSessions::check) needs `info`:
//!
//! ```text
//! ~{auth}:* +evalsha +eval +getex +info
//! +get +getrange +set +del +exists +pttl +pexpire +zadd +zrem +zcard +zrange +zrangebyscore
//! ```
//!
//! [`RedisThrottle`] also needs `+mget +zrevrangebyscore`. [`RedisOnce`] needs `+set`, and `+info` for its check.
//!
//! After 750 ms without an answer, the request fails and its connection is given up. A longer
//! [`store_timeouts`](auth_core::session::SessionConfig::store_timeouts) does not change this.
//!
//! # How long a script runs
//! The server does nothing else meanwhile. No script scans keys, and the work of each is bounded:
//! * `create`, `update`, `touch`, `rotate` and `delete` by one session, its alias, and up to 16 expired entries of
//!   each of the two indexes that contain it.
//! * `delete_user`, `list_user` and `trim_user` by the user's sessions on all sites, including those that expired
//!   since the user last signed in. [`max_per_user`](auth_core::session::SessionConfig::max_per_user) limits these,
//!   on each site. `trim_user` looks at none unless there are more of them than one site may keep. Only `list_user`
//!   reads the values that applications store in them.
//! * `purge_expired` by 500 entries of the index for each script, and by its `limit` in total, whether or not the
//!   server has removed the sessions already: if it has, the call reports fewer than it has looked at.
//!
//! # What the server must do
//! * `maxmemory-policy noeviction`. A server that evicts may drop the index of a user whose sessions live on: logging
//!   out everywhere would miss them. When memory is used up, logins are refused
//!   ([`Full`](auth_core::session::StoreErrorKind::Full)). Users who are signed in stay so, and can log out.
//! * Persistence is your choice: sessions that the server forgets in a restart are logged out. What it *remembers*
//!   again is worse: a logout that was not yet on disk comes undone. `appendonly yes` with `appendfsync everysec`
//!   loses at most a second in a power failure, and nothing when only the process dies. A failover loses what the
//!   replica has not received yet.
//! * If the server refuses writes (it is a replica, or its disk is full), it is not read either: a replica may not
//!   have received a logout yet. That is an outage, and never "no session".
//!
//! # Cluster
//! With the feature `cluster`, `RedisSessions::cluster` follows the slots. A token does not tell its user, and a
//! rotation moves a session from one random key to another. Changing these and the user's index in one step requires
//! all of them on one node. Therefore all keys of a prefix share the slot of `{prefix}`, and a logout everywhere
//! misses nothing. The cluster then brings failover, but not more room: a gigabyte is enough for about a million
//! sessions, by estimate.
//!
//! The scripts derive the names of keys from that prefix and declare only the first one, which Redis and Valkey
//! allow.
//!
//! # TLS
//! With the feature `tls`, the client accepts `rediss://` URLs, by rustls with the system's certificates. The
//! application chooses the cryptography of rustls (`rustls::crypto::CryptoProvider::install_default`).
//!
//! # Where next
//! [`RedisSessions::check`] finds a server with the wrong settings at the start. `auth-sql` keeps sessions in a
//! database, along with users.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod check;
mod error;
mod link;
mod once;
mod prefix;
mod scripts;
mod sessions;
mod throttle;

pub use once::RedisOnce;
pub use sessions::RedisSessions;
pub use throttle::RedisThrottle;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
