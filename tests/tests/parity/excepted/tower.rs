//! On axum.

use auth_core::{Password, Require};
use auth_tower::{AuthLayer, Error, RequireLayer, Session};
use axum::Router;
use axum::response::Response;
use axum::routing::{any, get};
use integration_tests::accounts::Account;
use integration_tests::site::Site;
use integration_tests::tower::Tower;
use integration_tests::world::{ALICE, World};

async fn login(session: Session<Account>) -> Result<Response, Error> {
    let alice = session.authenticate(Password::new("alice", ALICE)).await?;
    Ok(session.login(alice).await?.answer(None))
}

async fn open() -> &'static str {
    "open"
}

async fn secret() -> &'static str {
    "secret"
}

fn router(rule: Require) -> Router {
    let nested = Router::new().route("/open", any(open)).route("/private", any(secret));
    Router::new()
        .route("/", any(open))
        .route("/login", get(open).post(login))
        .route("/static/{*path}", any(open))
        .route("/private", any(secret))
        .route("/added-later", any(secret))
        .route("/open", any(secret))
        .nest("/nested", nested)
        .layer(RequireLayer::new(rule))
}

pub(super) fn site(world: &World, rule: Require, is_lazy: bool) -> Box<dyn Site> {
    let layer = AuthLayer::new(world.auth.clone());
    let layer = if is_lazy { layer.lazy() } else { layer };
    Box::new(Tower::of("tower", router(rule).layer(layer)))
}

pub(super) fn without_layer(rule: Require) -> Box<dyn Site> {
    Box::new(Tower::of("tower without layer", router(rule)))
}
