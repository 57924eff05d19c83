//! Users and sessions in SQL tables, for [`auth_core`].
//!
//! * [`SqlUsers`] keeps users: a [`Backend`](auth_core::backend::Backend) for passwords, and the
//!   [`ProvisionStore`](auth_core::provisioning::ProvisionStore) for people vouched for by an outside system. It
//!   creates a table, or uses the application's ([`UserTable`]).
//! * [`SqlSessions`] keeps sessions: a [`SessionStore`](auth_core::session::SessionStore) in which a logged-out
//!   session stays logged out.
//! * [`SqlThrottle`] counts failed attempts for all instances ([`throttle`](auth_core::throttle)).
//! * [`SqlApiKeys`] keeps API keys, as hashes ([`api_keys`](auth_core::api_keys)).
//! * [`SqlOnce`] remembers for all instances which one-time ids were used ([`once`](auth_core::once)).
//! * [`SqlFactors`] keeps second factors, with sealed secrets ([`factors`](auth_core::factors)).
//!
//! ```
//! use std::time::Duration;
//!
//! use auth_core::{Auth, Password, Passwords, RequestFacts, Secret, SessionConfig};
//! use auth_core::session::KeyRing;
//! use auth_sql::{SqlSessions, SqlUsers};
//! use sqlx::sqlite::SqlitePoolOptions;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await?;
//! let users = SqlUsers::new(pool.clone(), Passwords::new()?);
//! let sessions = SqlSessions::new(pool);
//! users.migrate().await?;
//! sessions.migrate().await?;
//! tokio::spawn(sessions.clone().purge_every(Duration::from_mins(10)));
//! users.create_user("Alice", Some(&Secret::new("correct horse"))).await?;
//!
//! let auth = Auth::builder()
//!     .backend::<Password>("local", users)
//!     .sessions(sessions, SessionConfig::new(KeyRing::generate()?))
//!     .build()?;
//! let login = Password::new("alice", "correct horse");
//! let alice = auth.authenticate(login, &RequestFacts::none()).await?;
//! assert_eq!(alice.user().username(), "Alice");
//! # Ok(())
//! # }
//! ```
//!
//! # Features
//! No feature is on by default, and the crate needs one database:
//!
//! | feature | database |
//! |---|---|
//! | `sqlite` | `SQLite`, compiled into the program |
//! | `postgres` | `PostgreSQL` |
//! | `mysql` | `MySQL` from 8.0.19, `MariaDB` from 10.5 |
//!
//! TLS is a feature of sqlx (`tls-rustls`, `tls-native-tls`): enable it in a dependency on sqlx of your own, and
//! configure it in the pool's options.
//!
//! The crate needs Rust 1.94, as sqlx 0.9 does. It brings along sqlx with the drivers that you enable, which it
//! re-exports, and tokio.
//!
//! # Databases
//! * `SQLite`: if several connections write, open the file in WAL mode and keep sqlx's busy timeout on. A file needs
//!   no ping: turn it off with `PoolOptions::test_before_acquire(false)`. Look-ups keep up to half of the pool's
//!   connections from one to the next, for 50 ms at most: give the pool at least two.
//! * `PostgreSQL`: any isolation level. The connection's `search_path` finds the tables.
//! * `MySQL`: any isolation level. Keep `sql_mode` strict, which is the default. `MySQL` 8 without TLS needs sqlx's
//!   feature `mysql-rsa`.
//!
//! If a server rolls a statement back in favour of others (deadlock, serialization failure), the crate tries it
//! again, for 30 s at most.
//!
//! `migrate` creates what is missing. It also upgrades a table of an earlier version, which may go on using it: call
//! it before the first request whenever a new version starts.
//!
//! # At the start
//! [`SqlSessions::check`], [`SqlThrottle::check`], [`SqlApiKeys::check`], [`SqlOnce::check`], [`SqlFactors::check`]
//! and [`SqlUsers::check`] try what requests will need, and name the table, permission or setting that is missing. A
//! program that calls them does not start to serve requests that are bound to fail. They need the rights that
//! requests need:
//!
//! ```sql
//! GRANT SELECT, INSERT, UPDATE, DELETE ON auth_sessions TO app;
//! GRANT SELECT, INSERT, UPDATE, DELETE ON auth_throttle TO app;
//! GRANT SELECT, INSERT, UPDATE, DELETE ON auth_api_keys TO app;
//! GRANT SELECT, INSERT, UPDATE, DELETE ON auth_once TO app;
//! GRANT SELECT, INSERT, UPDATE, DELETE ON auth_factors, auth_recovery_codes, auth_factor_tries TO app;  -- MySQL: one by one
//! GRANT SELECT, UPDATE ON auth_users TO app;      -- UPDATE for hashes that are renewed at logins
//! GRANT SELECT ON auth_user_permissions TO app;   -- and more for what creates or changes users
//! ```
//!
//! # Behind `PgBouncer`
//! With `pool_mode = session` nothing needs to change. With `pool_mode = transaction` clients share the server's
//! connections, and with them the names of prepared statements: a statement fails (`42P05`, `26000`), or runs another
//! client's statement. `check` detects that. Either
//! * add `statement-cache-capacity=0` to the URL ([`PgConnectOptions::statement_cache_capacity`]). Each statement is
//!   then prepared without a name, in a separate transaction, which takes four round trips to the pooler instead of
//!   one. Or
//! * let `PgBouncer` keep the statements apart, from 1.21 on: set `max_prepared_statements = 200` there, and nothing
//!   here.
//!
//! `migrate` takes its lock within one message, so it works through the pooler as well. sqlx needs
//! `ignore_startup_parameters = extra_float_digits` there. If the pool sets `options`, such as `statement_timeout`,
//! add `options` as well, and set these by `ALTER ROLE` instead.
//!
//! [`PgConnectOptions::statement_cache_capacity`]: https://docs.rs/sqlx/0.9/sqlx/postgres/struct.PgConnectOptions.html#method.statement_cache_capacity
//!
//! # Failure
//! If the database cannot answer, that is an error, never "no such user" or "no such session". Only the database's
//! code and message reach the log: no address, no password.
//!
//! Settings of the application's pool and chain determine how soon the error comes:
//!
//! | setting | its default | better | because |
//! |---|---|---|---|
//! | `PoolOptions::acquire_timeout` | 30 s | 0.75 s | a request waits this long if no connection is free or can be opened |
//! | `PoolOptions::test_before_acquire` | on | off, see below | each statement costs two round trips instead of one |
//! | `statement_timeout` of `PostgreSQL` | none | 2 s | a statement that waits for a lock holds its connection, even after its request is gone |
//! | `innodb_lock_wait_timeout`, `lock_wait_timeout` of `MySQL` | 50 s, a day | 2 s | the same |
//! | sqlx's `busy_timeout` of `SQLite` | 5 s | 1 s | the same |
//! | [`BackendPolicy::timeout`](auth_core::BackendPolicy::timeout) | 5 s | 2 s | every request with a session asks for its user |
//! | [`BackendPolicy::without_breaker`](auth_core::BackendPolicy::without_breaker) | with | without | the breaker refuses logins for up to a minute after the database is back, while other requests ask it all the same |
//! | [`SessionConfig::store_timeouts`](auth_core::session::SessionConfig::store_timeouts) | 1 s, 2 s | | |
//!
//! Without the test, the first statement fails on a connection that broke while it was idle. Test connections that
//! were idle for a while:
//!
//! ```
//! use std::time::Duration;
//! use sqlx::Connection;
//! use sqlx::postgres::PgPoolOptions;
//!
//! let pool = PgPoolOptions::new()
//!     .acquire_timeout(Duration::from_millis(750))
//!     .test_before_acquire(false)
//!     .before_acquire(|connection, about| {
//!         Box::pin(async move {
//!             if about.idle_for > Duration::from_secs(1) {
//!                 connection.ping().await?;
//!             }
//!             Ok(true)
//!         })
//!     });
//! ```
//!
//! If a connection stops responding, it leaves the pool within 2 s.
//!
//! # Where next
//! [`SqlUsers`] shows how to create and manage users, [`UserTable`] how to use a table of your own,
//! [`SqlUsers::with_user`] how to read further columns of it. [`auth_core`] lists what else a site can have; its
//! adapters are `auth-tower` and `auth-actix`.
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "_database")]
mod api_keys;
#[cfg(feature = "_database")]
mod database;
#[cfg(feature = "_database")]
mod driver;
#[cfg(feature = "_database")]
mod error;
#[cfg(feature = "_database")]
mod factors;
#[cfg(feature = "_database")]
mod identifier;
#[cfg(feature = "_database")]
mod once;
#[cfg(feature = "_database")]
mod permissions;
#[cfg(all(test, feature = "_database"))]
mod plans;
#[cfg(feature = "_database")]
mod purge;
#[cfg(feature = "_database")]
mod sessions;
#[cfg(feature = "_database")]
mod throttle;
#[cfg(feature = "_database")]
mod user;
#[cfg(feature = "_database")]
mod username;
#[cfg(feature = "_database")]
mod users;

pub use sqlx;

#[cfg(feature = "_database")]
pub use api_keys::SqlApiKeys;
#[cfg(feature = "_database")]
pub use database::Database;
#[cfg(feature = "_database")]
pub use factors::SqlFactors;
#[cfg(feature = "_database")]
pub use once::SqlOnce;
#[cfg(feature = "_database")]
pub use sessions::SqlSessions;
#[cfg(feature = "_database")]
pub use throttle::SqlThrottle;
#[cfg(feature = "_database")]
pub use user::{RowError, SqlUser, TableUser, UserRow};
#[cfg(feature = "_database")]
pub use username::{InvalidUsername, canonical};
#[cfg(feature = "_database")]
pub use users::{
    ColumnValue, Existing, ImportedUser, NewUser, SqlUsers, UserError, UserErrorKind, UserTable,
};

// It alone: without a database nothing of the crate is compiled, or ten more errors would follow from it.
#[cfg(not(feature = "_database"))]
compile_error!("auth-sql needs a database: enable the feature `sqlite`, `postgres` or `mysql`");

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
