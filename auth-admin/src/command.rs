//! [`Command`]: the subcommands.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::keys::KeyOptions;

/// What can be done to users and sessions.
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
    /// Keep a user from signing in, and end their sessions
    Disable {
        /// The user's name
        username: String,
    },
    /// Let a disabled user sign in again
    Enable {
        /// The user's name
        username: String,
    },
    /// Give a user permissions
    Grant {
        /// The user's name
        username: String,
        /// The permissions
        #[arg(required = true, value_name = "PERMISSION")]
        permissions: Vec<String>,
    },
    /// Take permissions from a user
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
    /// List accounts for which so much failed that whoever tries has to wait, those first that wait the longest
    ListThrottled {
        /// As a JSON array
        #[arg(long)]
        json: bool,
    },
    /// Let an account be tried again at once
    Unlock {
        /// The user's name
        #[arg(required_unless_present = "account")]
        username: Option<String>,
        /// An account of another backend, as `list-throttled` shows it
        #[arg(long, value_name = "BACKEND:ID", conflicts_with = "username")]
        account: Option<String>,
    },
    /// Make an API key for a user, and write it to standard output
    CreateKey {
        /// The user's name
        username: String,
        /// What it is to be
        #[command(flatten)]
        key: KeyOptions,
    },
    /// List the API keys of a user, those first that were made last
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
    /// List the second factors of a user, those first that were made first
    ListFactors {
        /// The user's name
        username: String,
        /// As a JSON array
        #[arg(long)]
        json: bool,
    },
    /// Remove all second factors of a user who cannot use them any longer, and end their sessions
    ResetFactors {
        /// The user's name
        username: String,
        /// Why, for the log
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// Do not ask whether it is meant
        #[arg(long)]
        yes: bool,
    },
    /// Create users with the password hashes that they have elsewhere
    #[command(long_about = IMPORT)]
    ImportUsers {
        /// A CSV file
        file: PathBuf,
        /// Check the file, and create nobody
        #[arg(long)]
        dry_run: bool,
    },
    /// Show what the logins of everybody in the directory would change, and change nothing
    #[cfg(all(unix, feature = "ldap"))]
    #[command(long_about = PLAN)]
    PlanUsers {
        /// Leave out those for whom nothing would change
        #[arg(long)]
        changes: bool,
    },
}

#[cfg(all(unix, feature = "ldap"))]
const PLAN: &str = "\
Show what the logins of everybody in the directory would change, and change nothing

For each entry that could sign in: the user who would be created, what of the user would change (`~` a value, `+` and `-` \
rights, `!` what stays though the directory says otherwise), that nothing would, or who is refused and why. The last line \
has the numbers.

Each is planned alone, as if they were the next to sign in. What only a password can show is not in it: that it has \
expired, or that wrong ones locked it.

The exit code is 0 if nothing would change, 2 if something would, 1 or 75 if that is not known of everybody.";

const IMPORT: &str = "\
Create users with the password hashes that they have elsewhere

The file is CSV in UTF-8. Its first line names the columns: `username`, `password` and perhaps `active`, in any order. \
`password` is a hash in an accepted format, empty or with a `!` in front for nobody's password; `active` is true or false.

All lines are checked before anybody is created, and all problems are told. Then users are created, 500 in each \
transaction. After an interruption run it again: who is there with the same hash is passed over.";

/// Where a new password comes from: typed on a terminal, unless one of these is given.
#[derive(Args, Clone, Debug, Default)]
pub struct NewPassword {
    /// Read the password from standard input, one line
    #[arg(long)]
    pub password_stdin: bool,
    /// No password: nobody can sign in with one
    #[arg(long, conflicts_with = "password_stdin")]
    pub no_password: bool,
    /// The password may stay, as that of a service: it need not be changed at the next login
    #[arg(long, conflicts_with = "no_password")]
    pub permanent: bool,
}
