//! The site's user: a row of the table `users`.

use auth_core::{User, UserId};
use auth_sql::{RowError, SqlUser, TableUser, UserRow};

#[derive(Clone, Debug)]
pub struct Customer {
    user: SqlUser,
    pub email: String,
    pub display_name: String,
}

impl Customer {
    pub fn username(&self) -> &str { self.user.username() }
}

impl User for Customer {
    fn id(&self) -> UserId { self.user.id() }
    fn security_stamp(&self) -> &[u8] { self.user.security_stamp() }
    fn is_active(&self) -> bool { self.user.is_active() }
}

impl TableUser for Customer {
    const COLUMNS: &'static [&'static str] = &["email", "display_name"];

    fn from_row(user: SqlUser, row: &UserRow<'_>) -> Result<Self, RowError> {
        let text = |column| row.text(column)?.map(ToOwned::to_owned).ok_or_else(|| RowError::new("a column is NULL"));
        Ok(Self { user, email: text("email")?, display_name: text("display_name")? })
    }
}
