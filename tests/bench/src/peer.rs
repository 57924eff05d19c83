//! Sites on axum-login: one that hashes as its examples do, `password-auth` inside `spawn_blocking`, and one for any
//! number of users without a hash.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum_login::{AuthManagerLayerBuilder, AuthSession, AuthUser, AuthnBackend};
use tokio::task::{JoinError, spawn_blocking};
use tower_sessions::{MemoryStore, SessionManagerLayer, SessionStore};

#[derive(Clone)]
struct Account {
    id: Arc<str>,
    hash: Arc<str>,
}

/// The hash stays out of logs, as in the peer's examples.
impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Account").field("id", &self.id).finish_non_exhaustive()
    }
}

impl AuthUser for Account {
    type Id = String;

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn session_auth_hash(&self) -> &[u8] {
        self.hash.as_bytes()
    }
}

#[derive(Clone)]
struct Accounts(Arc<HashMap<String, Account>>);

impl AuthnBackend for Accounts {
    type User = Account;
    type Credentials = (String, String);
    type Error = JoinError;

    async fn authenticate(&self, (name, password): (String, String)) -> Result<Option<Account>, JoinError> {
        let account = self.0.get(&name).cloned();
        spawn_blocking(move || {
            account.filter(|account| password_auth::verify_password(password, &account.hash).is_ok())
        })
        .await
    }

    async fn get_user(&self, id: &String) -> Result<Option<Account>, JoinError> {
        Ok(self.0.values().find(|account| *account.id == **id).cloned())
    }
}

/// A site on which `alice` logs in with this password.
pub(crate) fn hashing(password: &str) -> Router {
    let hash = password_auth::generate_hash(password).into();
    let alice = Account { id: "0000000000000001".into(), hash };
    let accounts = Accounts(Arc::new(HashMap::from([("alice".to_owned(), alice)])));
    let sessions = SessionManagerLayer::new(MemoryStore::default());
    Router::new()
        .route("/public", get(async || "public"))
        .route("/login", post(log_in_with_hash))
        .layer(AuthManagerLayerBuilder::new(accounts, sessions).build())
}

async fn log_in_with_hash(
    mut session: AuthSession<Accounts>,
    body: String,
) -> Result<&'static str, StatusCode> {
    let (name, password) = body.split_once(':').ok_or(StatusCode::BAD_REQUEST)?;
    let account = session.authenticate((name.to_owned(), password.to_owned())).await;
    let account = account.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?.ok_or(StatusCode::UNAUTHORIZED)?;
    session.login(&account).await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok("welcome")
}

/// Everybody, without a hash.
#[derive(Clone)]
struct Everybody;

impl AuthnBackend for Everybody {
    type User = Account;
    type Credentials = String;
    type Error = Infallible;

    async fn authenticate(&self, id: String) -> Result<Option<Account>, Infallible> {
        self.get_user(&id).await
    }

    async fn get_user(&self, id: &String) -> Result<Option<Account>, Infallible> {
        Ok(Some(Account { id: id.as_str().into(), hash: "a stamp of 16 B.".into() }))
    }
}

/// A site on which everybody logs in by their id.
pub(crate) fn numbered(store: impl SessionStore + Clone) -> Router {
    let sessions = SessionManagerLayer::new(store);
    Router::new()
        .route("/me", get(me))
        .route("/login/{id}", post(log_in))
        .layer(AuthManagerLayerBuilder::new(Everybody, sessions).build())
}

async fn me(session: AuthSession<Everybody>) -> Result<String, StatusCode> {
    session.user.map(|account| account.id()).ok_or(StatusCode::UNAUTHORIZED)
}

async fn log_in(mut session: AuthSession<Everybody>, Path(id): Path<String>) -> Result<(), StatusCode> {
    let account = session.authenticate(id).await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    let account = account.ok_or(StatusCode::UNAUTHORIZED)?;
    session.login(&account).await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)
}
