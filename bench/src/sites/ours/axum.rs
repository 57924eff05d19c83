//! The site on axum.

use auth_core::{Auth, Password, Require};
use auth_tower::{AuthLayer, CurrentUser, Error, RequireLayer, Session};
use axum::Router;
use axum::routing::{get, post};

use super::{Named, Resolve};
use crate::sites::{ALICE, PASSWORD};

pub(crate) fn router<U: Named>(auth: Auth<U>, resolve: Resolve) -> Router {
    let layer = AuthLayer::new(auth);
    let layer = if resolve == Resolve::Lazily { layer.lazy() } else { layer };
    Router::new()
        .route("/static", get(|| async { String::from("static") }))
        .route("/open", get(open::<U>))
        .route("/me", get(me::<U>))
        .route("/guarded", get(me::<U>).route_layer(RequireLayer::new(Require::login())))
        .route("/session", get(session::<U>))
        .route("/account", get(account::<U>))
        .route("/login", post(login::<U>))
        .layer(layer)
}

async fn open<U: Named>(user: Option<CurrentUser<U>>) -> String {
    user.map_or_else(|| "anonymous".to_owned(), |user| user.name().to_owned())
}

async fn me<U: Named>(user: CurrentUser<U>) -> String {
    user.name().to_owned()
}

async fn session<U: Named>(session: Session<U>) -> String {
    session.user().map_or_else(|| "anonymous".to_owned(), |user| user.name().to_owned())
}

async fn account<U: Named>(user: CurrentUser<U>, session: Session<U>) -> String {
    drop(session);
    user.name().to_owned()
}

async fn login<U: Named>(session: Session<U>) -> Result<&'static str, Error> {
    let alice = session.authenticate(Password::new(ALICE, PASSWORD)).await?;
    let _ = session.login(alice).await?;
    Ok("welcome")
}
