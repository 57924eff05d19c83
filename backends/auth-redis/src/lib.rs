//! Sessions in Redis 7 or Valkey, for [`auth_core`].
//!
//! [`RedisSessions`] is a [`SessionStore`](auth_core::session::SessionStore) in which a logged-out session stays
//! logged out, for services that run as several processes.
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
//! # Keys
//! | key | type | what it holds |
//! |---|---|---|
//! | `{auth}:s:<hash>` | text | a session: version, last seen, expires, user, its alias and hash, the encoded record |
//! | `{auth}:s:<hash>` | text | an alias, for seconds after a rotation: `>`, until when, a session's hash |
//! | `{auth}:u:<backend>:<user>` | sorted set | the hashes of a user's sessions by their end |
//! | `{auth}:expiry` | sorted set | the hashes of all sessions by their end |
//!
//! `<hash>` is the SHA-256 of the cookie's token, 32 bytes; times are milliseconds since 1970. `auth` is the prefix
//! ([`RedisSessions::with_prefix`]). Every key expires by itself: a session with its end, an index with its last
//! session. Sessions that have expired leave the indices a few at a time, whenever another is written.
//!
//! Each operation is one script and one round trip (`purge_expired` one for every 500 sessions); `load` is one `GETEX`,
//! and for an alias a script besides. None walks through keys. A user that may use them with an access list needs
//! `~{auth}:* +evalsha +eval +getex`, the commands in the scripts, and `+info` for [`check`](RedisSessions::check).
//!
//! # What the server must do
//! * `maxmemory-policy noeviction`. A server that evicts may drop the index of a user whose sessions live on:
//!   logging out everywhere would miss them. When memory is used up, logins are refused
//!   ([`Full`](auth_core::session::StoreErrorKind::Full)); who is signed in stays so, and can log out.
//! * Persistence is its own affair: what it forgets when it restarts is logged out. What it *remembers* again is
//!   worse: a logout that was not yet on disk comes undone. `appendonly yes` with `appendfsync everysec` loses a
//!   second at most in a power failure, and nothing when only the process dies; so does a failover to a replica
//!   that had not heard of the last writes.
//! * Where it refuses writes (a replica, a disk that is full), it is not asked who is signed in either: a replica
//!   may not have heard of a logout yet. That is an outage, and never "no session".
//!
//! # Cluster
//! With the feature `cluster`, `RedisSessions::cluster` follows the slots. A token says nothing about its user, and a
//! rotation moves a session from one random key to another; that these and the user's index change in one step
//! needs all of them on one node. So all keys of a prefix share the slot of `{prefix}`: a logout everywhere misses
//! nothing. The cluster then brings failover, and not more room: a gigabyte is enough for about a million sessions,
//! by estimate.
//!
//! Scripts make the names of keys from that prefix; only the first is declared. Redis and Valkey allow that.
//!
//! # TLS
//! With the feature `tls`, the client takes `rediss://` URLs, by rustls with the system's certificates. Which
//! cryptography rustls uses is the application's choice (`rustls::crypto::CryptoProvider::install_default`).

mod error;
mod link;
mod prefix;
mod scripts;
mod sessions;

pub use sessions::RedisSessions;
