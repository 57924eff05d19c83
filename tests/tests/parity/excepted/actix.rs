//! On actix-web.

use actix_web::test::init_service;
use actix_web::web::{self, ServiceConfig};
use actix_web::{App, HttpResponse};
use auth_actix::{AuthLayer, Error, RequireLayer, Session};
use auth_core::{Password, Require};
use integration_tests::accounts::Account;
use integration_tests::actix::of;
use integration_tests::site::Site;
use integration_tests::world::{ALICE, World};

async fn login(session: Session<Account>) -> Result<HttpResponse, Error> {
    let alice = session.authenticate(Password::new("alice", ALICE)).await?;
    Ok(session.login(alice).await?.answer(None))
}

async fn open() -> &'static str {
    "open"
}

async fn secret() -> &'static str {
    "secret"
}

fn routes(app: &mut ServiceConfig) {
    let nested = web::scope("/nested").route("/open", web::to(open)).route("/private", web::to(secret));
    app.service(web::resource("/login").route(web::post().to(login)).route(web::to(open)))
        .route("/", web::to(open))
        .route("/static/{path:.*}", web::to(open))
        .route("/private", web::to(secret))
        .route("/added-later", web::to(secret))
        .route("/open", web::to(secret))
        .service(nested);
}

pub(super) async fn site(world: &World, rule: Require, is_lazy: bool) -> Box<dyn Site> {
    let layer = AuthLayer::new(world.auth.clone());
    let layer = if is_lazy { layer.lazy() } else { layer };
    let app = App::new().configure(routes).wrap(RequireLayer::new(rule)).wrap(layer);
    of("actix", init_service(app).await)
}

pub(super) async fn without_layer(rule: Require) -> Box<dyn Site> {
    of("actix without layer", init_service(App::new().configure(routes).wrap(RequireLayer::new(rule))).await)
}
