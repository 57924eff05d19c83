//! Sessions in Redis 7 or Valkey, for [`auth_core`].
//!
//! [`RedisSessions`] is a [`SessionStore`](auth_core::session::SessionStore) in which a logged-out session stays
//! logged out, for services that run as several processes; [`RedisThrottle`] counts for all of them how often passwords are
//! tried, and [`RedisOnce`] notes what was used that may be used once.
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
//! | `{auth}:s:<key>` | text | a session: version, last seen, expires, whose, its alias and key, the encoded record |
//! | `{auth}:s:<key>` | text | an alias, for seconds after a rotation: `>`, until when, a session's key |
//! | `{auth}:l:<lineage>` | text | of a session that was moved: the second half of the key that it has now |
//! | `{auth}:u:<backend>:<user>` | sorted set | the keys of a user's sessions on all sites by their end |
//! | `{auth}:expiry` | sorted set | the keys of all sessions by their end |
//! | `{auth}:t:<key>` | text | of [`RedisThrottle`]: version and counter of a name, an account, an address |
//! | `{auth}:o:<key>` | text | of [`RedisOnce`]: that something was used, by whom; a random text |
//! | `{auth}:ta:<backend>:<id>`, `{auth}:td` | sorted sets | the keys of an account's counters, and of all that delay |
//!
//! `<key>` is a [`SessionKey`](auth_core::session::SessionKey), a hash of the cookie's token: 32 bytes, of which the first
//! 16 are its `<lineage>`. Whose a session is: `<realm>/<backend>:<user>`; without `<realm>/` if it is of no site, as those
//! are that a build from before there were realms wrote; nothing for a visitor's. Times are milliseconds since 1970. `auth`
//! is the prefix ([`RedisSessions::with_prefix`]). Every key expires by itself: what is of one session with its end, an
//! index with its last session. Sessions that have expired leave the indices a few at a time, whenever another is written.
//!
//! Each operation is one script and one round trip (`purge_expired` one for every 500 entries of the index); `load` is one
//! `GETEX`, and for an alias a script besides. A user with an access list needs this, `info` for
//! [`check`](RedisSessions::check) alone:
//!
//! ```text
//! ~{auth}:* +evalsha +eval +getex +info
//! +get +getrange +set +del +exists +pttl +pexpire +zadd +zrem +zcard +zrange +zrangebyscore
//! ```
//!
//! For [`RedisThrottle`], `+mget +zrevrangebyscore` besides. [`RedisOnce`] needs `+set`, and `+info` for its check.
//!
//! An answer that has not come after 750 ms is given up, and so is a connection; longer
//! [`store_timeouts`](auth_core::session::SessionConfig::store_timeouts) change nothing of that.
//!
//! # How long a script runs
//! The server does nothing else meanwhile. None walks through keys, and what each does is bound:
//! * `create`, `update`, `touch`, `rotate` and `delete` by one session, its alias, and up to 16 expired entries of each of
//!   the two indices that it stands in.
//! * `delete_user`, `list_user` and `trim_user` by the user's sessions on all sites, those that have expired since the user
//!   last signed in among them. That is what
//!   [`max_per_user`](auth_core::session::SessionConfig::max_per_user) bounds, on each site. `trim_user` looks at none
//!   unless there are more of them than may stay on one. Only `list_user` reads what applications keep in them.
//! * `purge_expired` by 500 entries of the index for each script, and its `limit` for all, whether the server has ended
//!   their sessions already or not: where it has, the call says fewer than it has looked at.
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
