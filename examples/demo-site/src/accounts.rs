//! Who can sign in.

use auth_core::{BackendError, Identity, Outcome, Provisioner, User, UserId, UserSource};
use auth_sql::{SqlUser, SqlUsers};

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
}

/// Everybody.
pub const ACCOUNTS: [Account; 3] = [
    Account { username: "alice", password: "wonderland", backend: DIRECTORY, member: true },
    Account { username: "bob", password: "builder", backend: DIRECTORY, member: false },
    Account { username: "carol", password: "correct horse battery staple", backend: LOCAL, member: true },
];

/// The accounts that one backend knows.
pub(crate) fn known_to(backend: &'static str) -> impl Iterator<Item = &'static Account> {
    ACCOUNTS.iter().filter(move |account| account.backend == backend)
}

/// The users of people whom the directory knows: created at their first login, and members as long as the
/// directory has them in that group. This is how an application brings its own rules to provisioning.
#[derive(Clone, Debug)]
pub(crate) struct DirectoryUsers(pub(crate) SqlUsers);

impl UserSource for DirectoryUsers {
    type User = SqlUser;

    async fn get_user(&self, id: &UserId) -> Result<Option<SqlUser>, BackendError> {
        self.0.get_user(id).await
    }
}

impl Provisioner for DirectoryUsers {
    async fn provision(&self, identity: Identity) -> Result<Outcome<SqlUser>, BackendError> {
        let belongs = identity.groups().any(|group| group == MEMBERS);
        match self.0.provision(identity).await? {
            Outcome::Accept(user) => self.with_membership(user, belongs).await.map(Outcome::Accept),
            outcome => Ok(outcome),
        }
    }
}

impl DirectoryUsers {
    async fn with_membership(&self, user: SqlUser, belongs: bool) -> Result<SqlUser, BackendError> {
        if user.has_permission(MEMBERS) == belongs {
            return Ok(user);
        }
        let id = user.id();
        let changed =
            if belongs { self.0.grant(&id, MEMBERS).await } else { self.0.revoke(&id, MEMBERS).await };
        changed.map_err(BackendError::unavailable)?;
        let user = self.0.get_user(&id).await?;
        user.ok_or_else(|| BackendError::unavailable("the user is gone again"))
    }
}
