//! Administration of users and sessions from the command line, as Django's `manage.py createsuperuser`,
//! `changepassword` and `clearsessions`.
//!
//! [`Admin`] brings the subcommands into the application's own binary: so its table and columns, its password
//! formats and its rules for passwords are used. The program `auth-admin` is the same on the tables that
//! [`auth_sql`] makes.
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
//! // The name that this backend has in `Auth::builder()`.
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
//! # Passwords
//! They are typed twice and not shown, or read from standard input (`--password-stdin`). There is no way to write
//! one into the command line, where every user of the machine could read it. A weak one is refused with all
//! reasons ([`PasswordPolicy`](auth_core::password::PasswordPolicy)); a person at a terminal may insist.
//!
//! A password that is set for somebody else is known to two. `create-user` and `set-password` therefore make it a
//! [temporary](auth_sql::SqlUsers::set_temporary_password) one, which the user must change at the next login, where the user
//! table [has the column](auth_sql::UserTable::with_must_change_password) for that (`auth-admin migrate` adds it) and the
//! application [asks](auth_sql::SqlUser::must_change_password). With `--permanent` it may stay: for accounts of services, and
//! for operators who type their own. A user who forgot theirs is better served by a link that lets them set one, and by
//! `set-password --no-password` if the old one must not work any longer.
//!
//! # Sessions
//! `set-password`, `disable` and `log-out-everywhere` change what ends sessions at their next request, and then
//! delete them from the store: so an instance that caches users learns of it at once, too.
//!
//! # Throttling
//! `create-key` makes an [API key](auth_core::api_keys) for somebody, or for a machine's account, and writes it to standard output,
//! this once; `list-keys` and `revoke-key` do as they say. In a program of one's own they need [`Admin::with_api_keys`].
//!
//! `list-throttled` shows the accounts for which [so much failed](auth_core::throttle) that whoever tries has to wait; `unlock`
//! lets them be tried again at once. The program finds what is counted where the sessions are; an application names the place
//! by [`Admin::with_throttle`]. `set-password`, `disable` and `log-out-everywhere` make strangers of the devices on which the user
//! signed in.
//!
//! # Second factors
//! `list-factors` shows what [second factors](auth_core::factors) a user has, and never a secret. `reset-factors` removes all of
//! them, and what was counted for them, for somebody who lost their phone; then it ends the sessions as `log-out-everywhere`
//! does. At a terminal it asks whether that is meant, unless `--yes` says so. Make sure who it is that asks you for it: with the
//! factors gone, the password alone lets somebody in, who may then enrol others.
//!
//! The `--reason` is repeated in what the command says. With the backend and the user's id it is also a [`tracing`] event of the
//! target `auth`, for the log of an application that brings these commands into its own binary. There they need
//! [`Admin::with_factors`], and no key that secrets are sealed with.
//!
//! # Planning
//! `plan-users` (feature `ldap`, on Unix) shows what logins would change before anybody signs in: for everybody in the
//! directory of [`Admin::with_directory`], by its policy, who would be created, what would change, and who is refused and
//! why. Nothing is written. Each is planned alone, as if they were the next to sign in; what only a password can show, such as
//! that it has expired, is not in it. With the exit code 2 something would change, with 0 nothing would.
//!
//! # Terminals
//! Without a terminal nothing is asked: what is missing is named, and nothing is done. What a command finds goes to
//! standard output, all else to standard error. The exit codes are in [`EXIT_CODES`].
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
