//! Users and sessions in SQL tables, for [`auth_core`].
//!
//! * [`SqlUsers`] keeps users: a [`Backend`](auth_core::Backend) for passwords, and the
//!   [`Provisioner`](auth_core::Provisioner) for people whom an outside system vouches for. It makes a table of
//!   its own, or uses the application's ([`UserTable`]).
//! * [`SqlSessions`] keeps sessions: a [`SessionStore`](auth_core::session::SessionStore) in which a logged-out
//!   session stays logged out.
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
//! [`Database`] is made from a pool of sqlx; TLS is a feature of sqlx (`tls-rustls`, `tls-native-tls`) and set in
//! the pool's options.
//!
//! * `SQLite`: where several connections write, open the file in WAL mode and leave sqlx's busy timeout on.
//!   `PoolOptions::test_before_acquire(false)` halves the time of a look-up: a file needs no ping.
//! * `PostgreSQL`: any isolation level. Tables are found by the connection's `search_path`.
//! * `MySQL`: keep a strict `sql_mode`, as is the default. `MySQL` 8 without TLS needs sqlx's feature `mysql-rsa`.
//!
//! A statement that a server undoes in favour of others (deadlock, serialization failure) is tried again, ten
//! times at most. Set the pool's `acquire_timeout` to what a request may wait; sqlx's own is 30 s.
//!
//! # Failure
//! A database that cannot answer is an error, never "no such user" or "no such session". What reaches the log
//! is the database's code and message: no address, no password.

mod database;
mod driver;
mod error;
mod identifier;
#[cfg(test)]
mod plans;
mod sessions;
mod user;
mod username;
mod users;

pub use database::Database;
pub use sessions::SqlSessions;
pub use user::{RowError, SqlUser, TableUser, UserRow};
pub use username::{InvalidUsername, canonical};
pub use users::{Existing, NewUser, SqlUsers, UserError, UserErrorKind, UserTable};

#[cfg(not(any(feature = "sqlite", feature = "postgres", feature = "mysql")))]
compile_error!("auth-sql needs a database: enable the feature `sqlite`, `postgres` or `mysql`");
