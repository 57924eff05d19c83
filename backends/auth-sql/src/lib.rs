//! Users and sessions in SQL tables, for [`auth_core`].
//!
//! * [`SqlUsers`] keeps users: a [`Backend`](auth_core::backend::Backend) for passwords, and the
//!   [`ProvisionStore`](auth_core::provisioning::ProvisionStore) for people whom an outside system vouches for. It
//!   makes a table of its own, or uses the application's ([`UserTable`]).
//! * [`SqlSessions`] keeps sessions: a [`SessionStore`](auth_core::session::SessionStore) in which a logged-out
//!   session stays logged out.
//! * [`SqlThrottle`] counts for all instances how often passwords are tried
//!   ([`throttle`](auth_core::throttle)).
//! * [`SqlApiKeys`] keeps API keys, as hashes ([`api_keys`](auth_core::api_keys)).
//! * [`SqlOnce`] notes for all instances what was used that may be used once ([`once`](auth_core::once)).
//! * [`SqlFactors`] keeps second factors, their secrets sealed ([`factors`](auth_core::factors)).
//!
//! ```
//! use auth_core::{Auth, Password, Passwords, RequestFacts, Secret};
//! use auth_sql::SqlUsers;
//! use sqlx::sqlite::SqlitePoolOptions;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await?;
//! let users = SqlUsers::new(pool, Passwords::new()?);
//! users.migrate().await?;
//! users.create_user("Alice", Some(&Secret::new("correct horse"))).await?;
//!
//! let auth = Auth::builder().backend::<Password>("local", users).build()?;
//! let login = Password::new("alice", "correct horse");
//! let alice = auth.authenticate(login, &RequestFacts::none()).await?;
//! assert_eq!(alice.user().username(), "Alice");
//! # Ok(())
//! # }
//! ```
//!
//! # Databases
//! One feature each, none by default: `sqlite`, `postgres`, `mysql` (`MySQL` from 8.0.19 or `MariaDB` from 10.5).
//! [`Database`] is made from a pool of [`sqlx`], of the version that this crate re-exports; TLS is a feature of sqlx
//! (`tls-rustls`, `tls-native-tls`) and set in the pool's options.
//!
//! * `SQLite`: where several connections write, open the file in WAL mode and leave sqlx's busy timeout on. A file
//!   needs no ping: leave it out by `PoolOptions::test_before_acquire(false)`. Look-ups keep up to half of the pool's
//!   connections from one to the next, for 50 ms at most: let it have two at least.
//! * `PostgreSQL`: any isolation level. Tables are found by the connection's `search_path`.
//! * `MySQL`: any isolation level. Keep a strict `sql_mode`, as is the default. `MySQL` 8 without TLS needs sqlx's feature
//!   `mysql-rsa`.
//!
//! A statement that a server undoes in favour of others (deadlock, serialization failure) is tried again, for 30 s at
//! most.
//!
//! `migrate` makes what is missing, also in a table of an earlier version, which may go on using it: call it before the
//! first request whenever a new version starts.
//!
//! # At the start
//! [`SqlSessions::check`], [`SqlThrottle::check`], [`SqlApiKeys::check`], [`SqlOnce::check`], [`SqlFactors::check`] and [`SqlUsers::check`] try what requests will need, and say which table, permission or setting is
//! missing: a program that calls them does not begin to serve what it cannot. They need the rights that requests need:
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
//! In `pool_mode = session` nothing is special. In `pool_mode = transaction` clients share the server's connections, and
//! with them the names of prepared statements: a statement fails (`42P05`, `26000`), or is another client's. `check` finds
//! that. Either
//! * add `statement-cache-capacity=0` to the URL ([`PgConnectOptions::statement_cache_capacity`]): each statement is then
//!   prepared without a name, in a transaction of its own, which takes four round trips to the pooler instead of one. Or
//! * let `PgBouncer`, from 1.21 on, keep the statements apart: `max_prepared_statements = 200`, and nothing here.
//!
//! `migrate` locks within one message, so it may go through it as well. sqlx needs `ignore_startup_parameters =
//! extra_float_digits` there (and `options`, if the pool sets any, such as `statement_timeout`: then set that by `ALTER
//! ROLE`).
//!
//! [`PgConnectOptions::statement_cache_capacity`]: https://docs.rs/sqlx/0.9/sqlx/postgres/struct.PgConnectOptions.html#method.statement_cache_capacity
//!
//! # Failure
//! A database that cannot answer is an error, never "no such user" or "no such session". What reaches the log
//! is the database's code and message: no address, no password.
//!
//! How soon it is an error depends on settings of the application's pool and chain:
//!
//! | setting | its default | better | because |
//! |---|---|---|---|
//! | `PoolOptions::acquire_timeout` | 30 s | 0.75 s | a request waits so long where no connection is free, or none can be made |
//! | `PoolOptions::test_before_acquire` | on | off, see below | each statement costs two round trips instead of one |
//! | `statement_timeout` of `PostgreSQL` | none | 2 s | a statement that waits for a lock holds its connection; also if nobody waits for the answer any more |
//! | `innodb_lock_wait_timeout`, `lock_wait_timeout` of `MySQL` | 50 s, a day | 2 s | the same |
//! | sqlx's `busy_timeout` of `SQLite` | 5 s | 1 s | the same |
//! | [`BackendPolicy::timeout`](auth_core::BackendPolicy::timeout) | 5 s | 2 s | every request with a session asks for its user |
//! | [`BackendPolicy::without_breaker`](auth_core::BackendPolicy::without_breaker) | with | without | a breaker keeps logins out for up to a minute after the database is back, which other requests ask all the same |
//! | [`SessionConfig::store_timeouts`](auth_core::session::SessionConfig::store_timeouts) | 1 s, 2 s | | |
//!
//! Without a test, the first statement on a connection that broke while nobody used it fails. Test those that were
//! idle for a while:
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
//! A connection on which nothing comes back leaves the pool within 2 s.
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
