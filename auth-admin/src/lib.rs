//! Administration of users and sessions from the command line, like Django's `manage.py createsuperuser`,
//! `changepassword` and `clearsessions`.
//!
//! [`Admin`] adds the subcommands to the application's own binary, with its tables and columns, its password formats
//! and its password policy. The program `auth-admin` does the same on the tables that [`auth_sql`] creates.
//!
//! ```
//! use std::process::ExitCode;
//!
//! use auth_admin::{Admin, Command, EXIT_CODES};
//! use auth_core::Passwords;
//! use auth_core::password::PasswordPolicy;
//! use auth_sql::{SqlSessions, SqlUsers};
//! use clap::Parser;
//! # use sqlx::sqlite::SqlitePoolOptions;
//!
//! #[derive(Parser)]
//! #[command(after_help = EXIT_CODES)]
//! enum Shop {
//!     /// Serve the shop
//!     Serve,
//!     #[command(flatten)]
//!     Admin(Command),
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await?;
//! let users = SqlUsers::new(pool.clone(), Passwords::new()?);
//! let sessions = SqlSessions::new(pool);
//! # users.migrate().await?;
//! # sessions.migrate().await?;
//! // The name of this backend in `Auth::builder()`.
//! let admin = Admin::new(users, sessions, "local")?
//!     .with_policy(PasswordPolicy::new().with_context_words(["Wonder Shop"]));
//! # let arguments = ["shop", "create-user", "--username", "alice", "--no-password"];
//!
//! match Shop::parse_from(arguments) {
//!     Shop::Serve => (),
//!     Shop::Admin(command) => assert_eq!(admin.run(command).await, ExitCode::SUCCESS),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Features
//!
//! | feature | brings |
//! |---|---|
//! | `program` (default) | the program `auth-admin`, with all databases, Redis and `ldap`; an application turns it off |
//! | `ldap` | `plan-users`, on Unix |
//!
//! The crate needs Rust 1.94, as auth-sql does. It brings along clap, and the program all drivers of sqlx.
//!
//! # Passwords
//! Passwords are typed twice without being shown, or read from standard input (`--password-stdin`). They cannot be
//! part of the command line, where every user of the machine could read them. A weak password is refused with all
//! reasons ([`PasswordPolicy`](auth_core::password::PasswordPolicy)); an operator at a terminal may insist.
//!
//! Two people know a password that is set for somebody else. Therefore `create-user` and `set-password` make it
//! [temporary](auth_sql::SqlUsers::set_temporary_password): the user must change it at the next login, if the user
//! table [has the column](auth_sql::UserTable::with_must_change_password) (`auth-admin migrate` adds it) and the
//! application [asks](auth_sql::SqlUser::must_change_password). With `--permanent` it may stay, for service accounts
//! and for operators who type their own. If a user forgot theirs, a link that lets them set one is better, together
//! with `set-password --no-password` if the old one must stop working.
//!
//! # Sessions
//! `set-password`, `disable` and `log-out-everywhere` first change the user so that sessions end at their next
//! request, and then delete the sessions from the store. So an instance that caches users notices at once, too.
//!
//! # API keys and throttling
//! `create-key` creates an [API key](auth_core::api_keys) for a user or a machine's account, and writes it to
//! standard output, this once. `list-keys` and `revoke-key` list and revoke keys. In your own program they need
//! [`Admin::with_api_keys`].
//!
//! `list-throttled` lists the accounts that have to wait after [too many failures](auth_core::throttle); `unlock`
//! lets them try again at once. The program finds the counters where the sessions are; an application passes the
//! store to [`Admin::with_throttle`]. `set-password`, `disable` and `log-out-everywhere` also forget the devices on
//! which the user signed in.
//!
//! # Second factors
//! `list-factors` lists the [second factors](auth_core::factors) of a user, without secrets. `reset-factors` removes
//! all of them, and their counters, for a user who lost their phone, and then ends the sessions as
//! `log-out-everywhere` does. At a terminal it asks for confirmation, unless you pass `--yes`. Verify who is asking
//! you for it: without the factors, the password alone is enough to sign in and enrol others.
//!
//! The command repeats the `--reason` in its output. With the backend and the user's id it is also a [`tracing`]
//! event of the target `auth`, for the log of an application that contains these commands. There they need
//! [`Admin::with_factors`], but not the key that seals the secrets.
//!
//! # Planning
//! `plan-users` (feature `ldap`, on Unix) shows what logins would change before anybody signs in: for each person in
//! the directory of [`Admin::with_directory`], by its policy, who would be created, what would change, and who would
//! be refused and why. It writes nothing. Each person is planned as if they were the next to sign in. What only a
//! password reveals is missing, such as that it has expired. Exit code 2 means that something would change, 0 that
//! nothing would.
//!
//! # Terminals
//! Without a terminal no questions are asked: the command names what is missing, and does nothing. Results go to
//! standard output, everything else to standard error. [`EXIT_CODES`] lists the exit codes.
//!
//! # Where next
//! [`Admin`] and its methods; [`auth_sql`] for the tables.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod admin;
mod command;
mod factors;
mod failure;
mod import;
mod keys;
mod password;
#[cfg(all(unix, feature = "ldap"))]
mod plan;
mod progress;
mod sessions;
mod shown;
mod terminal;
mod throttled;
mod users;

pub use admin::Admin;
pub use command::{Command, NewPassword};
pub use failure::EXIT_CODES;
pub use keys::KeyOptions;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
