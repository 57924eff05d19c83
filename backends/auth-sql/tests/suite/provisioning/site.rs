//! A table with a place for everything.

use auth_core::backend::{BackendError, Email, UserSource};
use auth_core::conformance::provisioning;
use auth_core::provisioning::{Applied, Found, ProvisionStore, Provisioning, Query, Write};
use auth_core::{ConfigError, User, UserId};
use auth_sql::{SqlUser, SqlUsers, UserTable};

use crate::support::{Db, Place, passwords};

pub(crate) struct Site {
    pub(crate) db: Db,
    pub(crate) users: SqlUsers,
}

pub(crate) fn table() -> UserTable {
    let table = UserTable::default().with_email("email", "email_verified").unwrap();
    let table = table.with_attribute("phone").unwrap().with_attribute("town").unwrap();
    table.with_flag("is_staff").unwrap().with_tracking("auth_user_tracking").unwrap()
}

impl Site {
    pub(crate) async fn new(place: &Place) -> Self {
        let db = place.db().await;
        let users = SqlUsers::new(db.database(), passwords(16)).with_table(table());
        users.migrate().await.unwrap();
        Self { db, users }
    }

    /// All values of all tables.
    pub(crate) async fn everything(&self) -> Vec<String> {
        let texts = ["phone", "town", "email", "username", "username_key", "issuer", "subject"];
        let mut all = Vec::new();
        for column in texts {
            all.push(self.db.text(&format!("SELECT {column} FROM auth_users")).await);
        }
        for table in ["auth_users", "auth_user_permissions", "auth_user_tracking"] {
            all.push(self.db.count(&format!("SELECT count(*) FROM {table}")).await.to_string());
        }
        all.push(self.db.text("SELECT value FROM auth_user_tracking").await);
        let user = self.users.find("alice").await.unwrap().unwrap();
        all.push(format!("{user:?} {:?}", user.security_stamp()));
        all
    }
}

impl UserSource for Site {
    type User = SqlUser;

    async fn get_user(&self, id: &UserId) -> Result<Option<SqlUser>, BackendError> {
        self.users.get_user(id).await
    }
}

impl ProvisionStore for Site {
    fn check(&self, policy: &Provisioning) -> Result<(), ConfigError> {
        ProvisionStore::check(&self.users, policy)
    }

    async fn load(&self, query: &Query<'_>) -> Result<Found, BackendError> {
        self.users.load(query).await
    }

    async fn identity_of(&self, user: &UserId) -> Result<Option<(String, String)>, BackendError> {
        self.users.identity_of(user).await
    }

    async fn apply(&self, write: &Write) -> Result<Applied, BackendError> {
        self.users.apply(write).await
    }
}

impl provisioning::Site for Site {
    async fn register(&self, username: &str, email: Email) -> Result<UserId, BackendError> {
        let user = self.users.create_user(username, None).await.map_err(BackendError::unavailable)?;
        let (address, verified) = (email.address, if email.verified { "TRUE" } else { "FALSE" });
        let set = format!(
            "UPDATE auth_users SET email = '{address}', email_verified = {verified} WHERE id = {}",
            user.id()
        );
        self.db.execute(&set).await.map_err(BackendError::unavailable)?;
        Ok(user.id())
    }

    async fn disable(&self, user: &UserId) -> Result<(), BackendError> {
        self.users.set_active(user, false).await.map_err(BackendError::unavailable)
    }
}
