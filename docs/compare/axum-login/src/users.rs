//! The backend, as axum-login's examples have it.

use std::collections::HashSet;

use axum_login::{AuthUser, AuthnBackend, AuthzBackend, UserId};
use password_auth::{generate_hash, verify_password};
use serde::Deserialize;
use sqlx::{FromRow, SqlitePool};
use tokio::task;

#[derive(Clone, FromRow)]
pub struct User {
    id: i64,
    pub username: String,
    password: String,
}

// By hand, so that no log has the hash.
impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("User").field("id", &self.id).field("username", &self.username).finish_non_exhaustive()
    }
}

impl AuthUser for User {
    type Id = i64;

    fn id(&self) -> i64 {
        self.id
    }

    // A new password ends the sessions.
    fn session_auth_hash(&self) -> &[u8] {
        self.password.as_bytes()
    }
}

#[derive(Clone, Deserialize)]
pub struct Credentials {
    pub username: String,
    pub password: String,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Sqlx(#[from] sqlx::Error),
    #[error(transparent)]
    Join(#[from] task::JoinError),
}

#[derive(Debug, Clone)]
pub struct Backend {
    pub db: SqlitePool,
}

impl Backend {
    /// `None` if the name is taken.
    pub async fn register(&self, new: Credentials) -> Result<Option<User>, Error> {
        let hash = task::spawn_blocking(|| generate_hash(new.password)).await?;
        let inserted = sqlx::query_as("INSERT INTO users (username, password) VALUES (?, ?) RETURNING *")
            .bind(new.username)
            .bind(hash)
            .fetch_one(&self.db)
            .await;
        match inserted {
            Ok(user) => Ok(Some(user)),
            Err(sqlx::Error::Database(error)) if error.is_unique_violation() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    pub async fn set_password(&self, user: &User, password: String) -> Result<User, Error> {
        let hash = task::spawn_blocking(|| generate_hash(password)).await?;
        let query = sqlx::query_as("UPDATE users SET password = ? WHERE id = ? RETURNING *");
        Ok(query.bind(hash).bind(user.id).fetch_one(&self.db).await?)
    }
}

impl AuthnBackend for Backend {
    type User = User;
    type Credentials = Credentials;
    type Error = Error;

    async fn authenticate(&self, credentials: Credentials) -> Result<Option<User>, Error> {
        let query = sqlx::query_as("SELECT * FROM users WHERE username = ?");
        let user: Option<User> = query.bind(credentials.username).fetch_optional(&self.db).await?;
        // It takes a while, and would block other requests.
        let verify =
            move || user.filter(|user| verify_password(credentials.password, &user.password).is_ok());
        Ok(task::spawn_blocking(verify).await?)
    }

    async fn get_user(&self, id: &UserId<Self>) -> Result<Option<User>, Error> {
        Ok(sqlx::query_as("SELECT * FROM users WHERE id = ?").bind(id).fetch_optional(&self.db).await?)
    }
}

#[derive(Debug, Clone, Eq, PartialEq, Hash, FromRow)]
pub struct Permission {
    name: String,
}

impl From<&str> for Permission {
    fn from(name: &str) -> Self {
        Self { name: name.to_owned() }
    }
}

impl AuthzBackend for Backend {
    type Permission = Permission;

    async fn get_user_permissions(&self, user: &User) -> Result<HashSet<Permission>, Error> {
        let query = sqlx::query_as("SELECT name FROM users_permissions WHERE user_id = ?").bind(user.id);
        Ok(query.fetch_all(&self.db).await?.into_iter().collect())
    }
}

pub type AuthSession = axum_login::AuthSession<Backend>;
