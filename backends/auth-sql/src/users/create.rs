//! Creating users.

use auth_core::Secret;
use auth_core::backend::Registered;
use auth_core::grant::Factor;

use super::manage::{new_stamp, no_temporary, text};
use super::statements::insert;
use super::{NewUser, SqlUsers, UserError, UserErrorKind};
use crate::driver::Value;
use crate::error::{DbError, DbErrorKind};
use crate::identifier::Identifier;
use crate::{TableUser, canonical};

impl<U: TableUser> SqlUsers<U> {
    /// Creates an active user; short for [`create`](Self::create). Without a password, a password login is impossible.
    ///
    /// ```
    /// # use auth_core::{Passwords, Secret};
    /// # use auth_sql::{SqlUsers, sqlx};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let pool = sqlx::sqlite::SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await?;
    /// # let users = SqlUsers::new(pool, Passwords::new()?);
    /// # users.migrate().await?;
    /// let alice = users.create_user("alice", Some(&Secret::new("correct horse battery staple"))).await?;
    /// assert_eq!(alice.username(), "alice");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`UserError`], for instance of kind [`NameTaken`](UserErrorKind::NameTaken).
    pub async fn create_user(&self, username: &str, password: Option<&Secret>) -> Result<U, UserError> {
        let new = NewUser::new(username);
        self.create(match password {
            Some(password) => new.with_password(password.clone()),
            None => new,
        })
        .await
    }

    /// Creates a user, with values in further columns if the application has any.
    ///
    /// ```
    /// # use auth_core::{Passwords, Secret};
    /// # use auth_sql::{NewUser, SqlUsers, UserErrorKind, sqlx};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let pool = sqlx::sqlite::SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await?;
    /// let users = SqlUsers::new(pool.clone(), Passwords::new()?);
    /// users.migrate().await?;
    /// sqlx::query("ALTER TABLE auth_users ADD COLUMN email TEXT").execute(&pool).await?;
    /// sqlx::query("CREATE UNIQUE INDEX auth_users_email ON auth_users (email)").execute(&pool).await?;
    ///
    /// users.create(NewUser::new("alice").with_column("email", "alice@example.org")).await?;
    /// let twice = users.create(NewUser::new("bob").with_column("email", "alice@example.org")).await;
    /// assert_eq!(twice.unwrap_err().kind(), UserErrorKind::ValueTaken);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`UserError`]: [`NameTaken`](UserErrorKind::NameTaken), [`ValueTaken`](UserErrorKind::ValueTaken) if another user has a
    /// value of a unique column, [`InvalidValue`](UserErrorKind::InvalidValue) if the table takes a value for none of its column,
    /// [`InvalidColumn`](UserErrorKind::InvalidColumn), [`InvalidName`](UserErrorKind::InvalidName),
    /// [`InvalidPassword`](UserErrorKind::InvalidPassword), [`NoTemporaryPasswords`](UserErrorKind::NoTemporaryPasswords),
    /// [`AlwaysActive`](UserErrorKind::AlwaysActive) or [`Unavailable`](UserErrorKind::Unavailable). Nobody was created then.
    pub async fn create(&self, new: NewUser) -> Result<U, UserError> {
        let key = canonical(&new.username)
            .map_err(|error| UserError::because(UserErrorKind::InvalidName, error))?;
        self.look_again().await;
        // Before a hash is computed for nothing.
        if new.is_temporary && self.sql.temporary.is_none() {
            return Err(no_temporary());
        }
        if !new.is_active && self.table.active.is_none() {
            return Err(UserError::new(UserErrorKind::AlwaysActive));
        }
        let columns = self.columns_of(&new)?;
        self.insert(&new, &key, &columns).await?;
        let made = self.by_name(&new.username).await?;
        made.map(|(user, _)| user).ok_or(UserError::new(UserErrorKind::Unavailable))
    }

    /// Creates a user with the password that they chose, and vouches for them:
    /// [`Session::login_registered`](auth_core::Session::login_registered) signs them in without a second hash.
    ///
    /// ```
    /// # use auth_core::{Secret, Session};
    /// # use auth_sql::{NewUser, SqlUser, SqlUsers};
    /// async fn register(
    ///     session: &Session<SqlUser>,
    ///     users: &SqlUsers,
    ///     (username, password, email): (String, Secret, String),
    /// ) -> Result<(), Box<dyn std::error::Error>> {
    ///     let new = NewUser::new(username).with_password(password).with_column("email", email);
    ///     let registered = users.register(new).await?;
    ///     session.login_registered("local", registered).await?;
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    /// [`UserError`] as of [`create`](Self::create), or of kind [`NoPassword`](UserErrorKind::NoPassword) without a password of the
    /// user's own choice.
    pub async fn register(&self, new: NewUser) -> Result<Registered<U>, UserError> {
        if new.password.is_none() || new.is_temporary {
            return Err(UserError::new(UserErrorKind::NoPassword));
        }
        let username = new.username.clone();
        let user = self.create(new).await?;
        Ok(Registered::by_store(user, Factor::Password).with_name(username))
    }

    /// The further columns of a new user, if none of them has another meaning or comes twice.
    fn columns_of(&self, new: &NewUser) -> Result<Vec<Identifier>, UserError> {
        let invalid = |error| UserError::because(UserErrorKind::InvalidColumn, error);
        let mut columns = Vec::with_capacity(new.columns.len());
        for (name, _) in &new.columns {
            let column = self.table.settable(name, &columns).map_err(invalid)?;
            columns.push(column);
        }
        Ok(columns)
    }

    async fn insert(&self, new: &NewUser, key: &str, columns: &[Identifier]) -> Result<(), UserError> {
        let table = &*self.table;
        let (stamp, hash) = (new_stamp()?, self.hash(new.password.as_ref()).await?);
        let mut values = vec![key.into(), text(hash.as_ref())];
        values.extend(table.stamp.as_ref().map(|_| Value::from(&stamp[..])));
        if table.has_display_name() {
            values.push(new.username.as_str().into());
        }
        let mut further = Vec::with_capacity(columns.len() + 2);
        for (column, (_, value)) in columns.iter().zip(&new.columns) {
            let (place, value) = value.placed();
            further.push((column, place));
            values.extend(value);
        }
        let is_active = if new.is_active { "TRUE" } else { "FALSE" };
        further.extend(table.active.iter().map(|active| (active, is_active)));
        let must_change = table.must_change.iter().filter(|_| new.is_temporary);
        further.extend(must_change.map(|must_change| (&must_change.column, "TRUE")));
        let sql = insert(table, further, self.database.dialect());
        match self.database.execute(&sql, &values).await {
            Ok(_) => Ok(()),
            Err(error) => Err(self.why_not_inserted(new, error).await),
        }
    }

    async fn why_not_inserted(&self, new: &NewUser, error: DbError) -> UserError {
        match error.kind() {
            DbErrorKind::Taken => match self.by_name(&new.username).await {
                Ok(None) => UserError::because(UserErrorKind::ValueTaken, error),
                Ok(Some(_)) => UserError::because(UserErrorKind::NameTaken, error),
                Err(error) => error.into(),
            },
            DbErrorKind::Refused => UserError::because(UserErrorKind::InvalidValue, error),
            DbErrorKind::Lacking if new.is_temporary && self.turns_out_earlier(&error).await => {
                no_temporary()
            }
            _ => error.into(),
        }
    }
}
