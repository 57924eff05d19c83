//! axum-login with tower-sessions, as the crate's documentation sets them up.

use std::io;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum_login::{AuthManagerLayerBuilder, AuthUser, AuthnBackend, UserId, login_required};
use tower_sessions::{SessionManagerLayer, SessionStore};

use super::{ALICE, PASSWORD, PeerUser, PeerUsers};

type AuthSession = axum_login::AuthSession<PeerUsers>;

/// The site over any session store.
pub(crate) fn router(store: impl SessionStore + Clone, users: PeerUsers) -> Router {
    // The defaults: a `Secure`, `HttpOnly`, `SameSite=Strict` cookie that is neither signed nor encrypted, and
    // sessions that end with the browser, or after two weeks.
    let sessions = SessionManagerLayer::new(store);
    Router::new()
        .route("/static", get(|| async { String::from("static") }))
        .route("/open", get(open))
        .route("/me", get(me))
        // Without a login page it answers 401, as the others do.
        .route("/guarded", get(me).route_layer(login_required!(PeerUsers)))
        .route("/login", post(login))
        .layer(AuthManagerLayerBuilder::new(users, sessions).build())
}

async fn open(session: AuthSession) -> String {
    session.user.map_or_else(|| "anonymous".to_owned(), |user| String::from(&*user.name))
}

async fn me(session: AuthSession) -> Result<String, StatusCode> {
    session.user.map(|user| String::from(&*user.name)).ok_or(StatusCode::UNAUTHORIZED)
}

async fn login(mut session: AuthSession) -> Result<&'static str, StatusCode> {
    let credentials = Credentials { username: ALICE, password: PASSWORD.to_owned() };
    let user = session.authenticate(credentials).await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    let user = user.ok_or(StatusCode::UNAUTHORIZED)?;
    session.login(&user).await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok("welcome")
}

/// What the login form of a real site would bring.
#[derive(Clone)]
pub struct Credentials {
    username: &'static str,
    password: String,
}

impl AuthUser for PeerUser {
    type Id = i64;

    fn id(&self) -> i64 {
        self.id
    }

    fn session_auth_hash(&self) -> &[u8] {
        &self.stamp
    }
}

impl AuthnBackend for PeerUsers {
    type User = PeerUser;
    type Credentials = Credentials;
    type Error = io::Error;

    async fn authenticate(&self, credentials: Credentials) -> io::Result<Option<PeerUser>> {
        Self::authenticate(self, credentials.username, credentials.password).await
    }

    async fn get_user(&self, id: &UserId<Self>) -> io::Result<Option<PeerUser>> {
        self.by_id(*id).await
    }
}
