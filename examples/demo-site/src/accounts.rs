//! Who can sign in.

use auth_core::ConfigError;
use auth_core::provisioning::{ProvisionedUsers, Provisioning, Right};
use auth_sql::SqlUsers;

/// The permission that the members' page asks for, and the directory's group whose people hold it.
pub const MEMBERS: &str = "members";

/// The name of the backend that asks the directory.
pub(crate) const DIRECTORY: &str = "directory";
/// The name of the backend that asks the table.
pub(crate) const LOCAL: &str = "local";

/// Somebody who can sign in. The demo tells the passwords to everybody.
#[derive(Clone, Copy, Debug)]
pub struct Account {
    /// The user's name.
    pub username: &'static str,
    /// The password, public as it is.
    pub password: &'static str,
    /// The backend that knows it.
    pub backend: &'static str,
    /// Whether the user holds the permission [`MEMBERS`].
    pub member: bool,
    /// The secret of the user's authenticator app, if a code is asked for as well: base32, as an app takes it.
    pub app: Option<&'static str>,
}

/// Everybody.
pub const ACCOUNTS: [Account; 4] = [
    Account { username: "alice", password: "wonderland", backend: DIRECTORY, member: true, app: None },
    Account { username: "bob", password: "builder", backend: DIRECTORY, member: false, app: None },
    Account {
        username: "carol",
        password: "correct horse battery staple",
        backend: LOCAL,
        member: true,
        app: None,
    },
    Account {
        username: "dave",
        password: "two steps are better",
        backend: LOCAL,
        member: true,
        app: Some("JBSWY3DPEHPK3PXP"),
    },
];

/// The accounts that one backend knows.
pub(crate) fn known_to(backend: &'static str) -> impl Iterator<Item = &'static Account> {
    ACCOUNTS.iter().filter(move |account| account.backend == backend)
}

/// The users of people whom the directory knows: created at their first login, and members as long as the
/// directory has them in that group.
pub(crate) fn directory_users(users: SqlUsers) -> Result<ProvisionedUsers<SqlUsers>, ConfigError> {
    Provisioning::builder().grant(MEMBERS, Right::permission(MEMBERS)).build()?.on(users)
}
