//! The shapes in which axum's and tower's users nest layers.

use std::convert::Infallible;

use ::tower::{Layer, ServiceBuilder, ServiceExt, service_fn};
use auth_core::Require;
use auth_tower::{AuthLayer, CurrentUser, RequireLayer, Session};
use axum::Router;
use axum::body::Body;
use axum::extract::Request as Native;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::{MethodRouter, any_service, get};
use integration_tests::accounts::Account;
use integration_tests::site::{Request, Site};
use integration_tests::tower::{Tower, answer, native};
use integration_tests::world::World;

use super::{Worlds, page};

fn layer(world: &World, is_lazy: bool) -> AuthLayer<Account> {
    let layer = AuthLayer::new(world.auth.clone());
    if is_lazy { layer.lazy() } else { layer }
}

fn login() -> RequireLayer {
    RequireLayer::new(Require::login())
}

async fn show(request: Native) -> String {
    let extension = request.extensions().get::<CurrentUser<Account>>().map(|user| user.name.clone());
    let session = Session::<Account>::of(&request).expect("a layer");
    let (mut parts, _) = request.into_parts();
    let extractor = shown(&mut parts).await;
    let session = session.user().map(|user| user.name.clone());
    page(extractor.as_deref(), extension.as_deref(), session.as_deref())
}

async fn shown(parts: &mut axum::http::request::Parts) -> Option<String> {
    use axum::extract::OptionalFromRequestParts;
    let user: Option<CurrentUser<Account>> =
        CurrentUser::from_request_parts(parts, &()).await.expect("the caller is known");
    user.map(|user| user.name.clone())
}

async fn who(user: Option<CurrentUser<Account>>) -> String {
    user.map_or_else(|| "anonymous".into(), |user| user.name.clone())
}

async fn pass(request: Native, next: Next) -> Response {
    next.run(request).await
}

/// The customers' layer around everything.
fn around(worlds: &Worlds, inner: Router) -> Router {
    inner.route("/customers", get(who)).layer(layer(&worlds.customers, worlds.is_lazy))
}

pub(super) fn shapes(worlds: &Worlds) -> Vec<Box<dyn Site>> {
    let staff = || layer(&worlds.staff, worlds.is_lazy);
    let routes = |guarded: MethodRouter, open: MethodRouter| {
        Router::new().route("/guarded", guarded).route("/open", open)
    };
    let page = || get(show);
    let two = || Router::new().route("/guarded", page().route_layer(login())).route("/open", page());
    let service = || service_fn(async |request: Native| Ok::<_, Infallible>(respond(request).await));
    let builder = ServiceBuilder::new().layer(staff()).layer(login());
    let shapes = [
        ("a ServiceBuilder on a route", routes(page().layer(builder), page().layer(staff()))),
        ("a tuple of layers", routes(page().layer((staff(), login())), page().layer(staff()))),
        (
            "two calls of MethodRouter::layer",
            routes(page().layer::<_, Infallible>(login()).layer(staff()), page().layer(staff())),
        ),
        (
            "MethodRouter::route_layer",
            routes(page().route_layer(login()).route_layer(staff()), page().route_layer(staff())),
        ),
        ("Router::layer", two().layer(staff())),
        ("Router::route_layer", two().route_layer(staff())),
        ("a middleware between", two().layer(from_fn(pass)).layer(staff()).layer(from_fn(pass))),
        (
            "nest_service",
            Router::new()
                .nest_service("/guarded", staff().layer(login().layer(service())))
                .nest_service("/open", staff().layer(service())),
        ),
        (
            "plain services",
            routes(
                any_service(staff().layer(login().layer(service()))),
                any_service(staff().layer(service())),
            ),
        ),
        ("nested routers", Router::new().merge(Router::new().merge(two()).layer(staff()))),
        ("three layers", two().layer(staff()).layer(layer(&worlds.customers, worlds.is_lazy))),
        ("a buffer between", buffered(&staff())),
    ];
    let site = |(name, inner)| Box::new(Tower::of(name, around(worlds, inner))) as Box<dyn Site>;
    shapes.into_iter().map(site).collect()
}

/// A layer whose inner service is called by another task, which polls nothing.
fn buffered(staff: &AuthLayer<Account>) -> Router {
    let guarded = || get(show).layer(login());
    let worker = |inner: MethodRouter| {
        let service = ServiceBuilder::new().buffer(8).service(inner);
        let service = ::tower::util::MapErr::new(service, |error| panic!("{error}"));
        any_service(staff.layer(service))
    };
    Router::new().route("/guarded", worker(guarded())).route("/open", worker(get(show)))
}

async fn respond(request: Native) -> Response {
    Response::new(Body::from(show(request).await))
}

/// A site whose handler asks services of its own, in process and without the cookie.
pub(super) fn batches(worlds: &Worlds) -> Box<dyn Site> {
    let inner = layer(&worlds.customers, worlds.is_lazy);
    let batch = async move |user: CurrentUser<Account>| {
        let service = || service_fn(async |request: Native| Ok::<_, Infallible>(respond(request).await));
        let get = || native(Request::get("/"));
        let Ok(guarded) = inner.layer(login().layer(service())).oneshot(get()).await;
        let Ok(shown) = inner.layer(service()).oneshot(get()).await;
        let (guarded, shown) = (guarded.status().as_u16(), answer(shown).await.body);
        format!("{} asked: {guarded} and {shown}", user.name)
    };
    let router = around(worlds, Router::new().route("/batch", get(batch)));
    Box::new(Tower::of("a batch", router))
}
