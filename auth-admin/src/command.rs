//! [`Command`]: the subcommands.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::keys::KeyOptions;

/// The subcommands for users and sessions. [`Admin::run`](crate::Admin::run) executes them.
///
/// ```
/// use auth_admin::Command;
/// use clap::{Parser, Subcommand};
///
/// #[derive(Parser)]
/// struct Shop {
///     #[command(subcommand)]
///     command: ShopCommand,
/// }
///
/// #[derive(Subcommand)]
/// enum ShopCommand {
///     /// Serve the shop
///     Serve,
///     #[command(flatten)]
///     Admin(Command),
/// }
/// let shop = Shop::parse_from(["shop", "purge"]);
/// assert!(matches!(shop.command, ShopCommand::Admin(Command::Purge)));
/// ```
#[derive(Clone, Debug, Subcommand)]
#[non_exhaustive]
pub enum Command {
    /// Create a user
    CreateUser {
        /// The user's name; asked for on a terminal
        #[arg(long, value_name = "NAME")]
        username: Option<String>,
        /// A permission that the user gets; may be repeated
        #[arg(long = "permission", value_name = "PERMISSION")]
        permissions: Vec<String>,
        /// Where the password comes from
        #[command(flatten)]
        password: NewPassword,
    },
    /// Set a user's password, and end their sessions
    SetPassword {
        /// The user's name
        username: String,
        /// Where the password comes from
        #[command(flatten)]
        password: NewPassword,
    },
    /// Disable a user, and end their sessions
    Disable {
        /// The user's name
        username: String,
    },
    /// Let a disabled user sign in again
    Enable {
        /// The user's name
        username: String,
    },
    /// Grant permissions to a user
    Grant {
        /// The user's name
        username: String,
        /// The permissions
        #[arg(required = true, value_name = "PERMISSION")]
        permissions: Vec<String>,
    },
    /// Revoke permissions of a user
    Revoke {
        /// The user's name
        username: String,
        /// The permissions
        #[arg(required = true, value_name = "PERMISSION")]
        permissions: Vec<String>,
    },
    /// Show a user
    ShowUser {
        /// The user's name
        username: String,
        /// As one JSON object
        #[arg(long)]
        json: bool,
    },
    /// End all sessions of a user
    LogOutEverywhere {
        /// The user's name
        username: String,
    },
    /// List the sessions of a user, oldest first
    ListSessions {
        /// The user's name
        username: String,
        /// As a JSON array
        #[arg(long)]
        json: bool,
    },
    /// End some sessions of a user
    EndSession {
        /// The user's name
        username: String,
        /// Ids from `list-sessions`, or at least their first 8 digits
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
    },
    /// Delete sessions that have expired
    Purge,
    /// List accounts that have to wait after too many failed logins, longest wait first
    ListThrottled {
        /// As a JSON array
        #[arg(long)]
        json: bool,
    },
    /// Let an account sign in again at once
    Unlock {
        /// The user's name
        #[arg(required_unless_present = "account")]
        username: Option<String>,
        /// An account of another backend, as `list-throttled` shows it
        #[arg(long, value_name = "BACKEND:ID", conflicts_with = "username")]
        account: Option<String>,
    },
    /// Create an API key for a user, and write it to standard output
    CreateKey {
        /// The user's name
        username: String,
        /// The properties of the key
        #[command(flatten)]
        key: KeyOptions,
    },
    /// List the API keys of a user, newest first
    ListKeys {
        /// The user's name
        username: String,
        /// As a JSON array
        #[arg(long)]
        json: bool,
    },
    /// Revoke some API keys of a user
    RevokeKey {
        /// The user's name
        username: String,
        /// Ids from `list-keys`
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
    },
    /// List the second factors of a user, oldest first
    ListFactors {
        /// The user's name
        username: String,
        /// As a JSON array
        #[arg(long)]
        json: bool,
    },
    /// Remove all second factors of a user who lost them, and end their sessions
    ResetFactors {
        /// The user's name
        username: String,
        /// Why, for the log
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// Do not ask for confirmation
        #[arg(long)]
        yes: bool,
    },
    /// Create users with password hashes from another system
    #[command(long_about = IMPORT)]
    ImportUsers {
        /// A CSV file
        file: PathBuf,
        /// Check the file, and create nobody
        #[arg(long)]
        dry_run: bool,
    },
    /// Show what logins of all people in the directory would change, without changing anything
    #[cfg(all(unix, feature = "ldap"))]
    #[command(long_about = PLAN)]
    PlanUsers {
        /// Leave out people for whom nothing would change
        #[arg(long)]
        changes: bool,
    },
}

#[cfg(all(unix, feature = "ldap"))]
const PLAN: &str = "\
Show what logins of all people in the directory would change, without changing anything

For each entry that could sign in: the user who would be created, the changes to the user (`~` a value, `+` and `-` \
rights, `!` what stays although the directory says otherwise), that nothing would change, or who is refused and why. \
The last line contains the totals.

Each person is planned as if they were the next to sign in. What only a password reveals is missing: that it has \
expired, or that wrong ones locked the account.

The exit code is 0 if nothing would change, 2 if something would, 1 or 75 if that is unknown for somebody.";

const IMPORT: &str = "\
Create users with password hashes from another system

The file is CSV in UTF-8. Its first line names the columns: `username`, `password` and perhaps `active`, in any order. \
`password` is a hash in an accepted format; empty or with a leading `!` no password matches. `active` is true or false.

All lines are checked before any user is created, and all problems are reported. Then users are created, 500 in each \
transaction. After an interruption run it again: users who exist with the same hash are skipped.";

/// Where a new password comes from: typed on a terminal, unless one of these is given.
#[derive(Args, Clone, Debug, Default)]
pub struct NewPassword {
    /// Read the password from standard input, one line
    #[arg(long)]
    pub password_stdin: bool,
    /// No password: the user cannot sign in with one
    #[arg(long, conflicts_with = "password_stdin")]
    pub no_password: bool,
    /// The user need not change the password at the next login, as for a service
    #[arg(long, conflicts_with = "no_password")]
    pub permanent: bool,
}
