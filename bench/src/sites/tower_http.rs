//! tower-http's `AsyncRequireAuthorizationLayer`, written as its documentation writes it: with a closure.

use std::future::ready;

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Extension, Router};
use tower_http::auth::AsyncRequireAuthorizationLayer;

use super::basic::{Name, by_basic, by_bearer};

pub(crate) fn basic() -> Router {
    guarded(by_basic, "Basic realm=\"bench\"")
}

pub(crate) fn bearer() -> Router {
    guarded(by_bearer, "Bearer realm=\"bench\"")
}

fn guarded(find: fn(&str) -> Option<Name>, challenge: &'static str) -> Router {
    let refuse = move || (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, challenge)]).into_response();
    let check = move |request| ready(authorize(request, find).ok_or_else(refuse));
    let layer = AsyncRequireAuthorizationLayer::new(check);
    Router::new().route("/me", get(me)).route("/guarded", get(me)).route_layer(layer)
}

fn authorize(mut request: Request<Body>, find: fn(&str) -> Option<Name>) -> Option<Request<Body>> {
    let name = find(request.headers().get(header::AUTHORIZATION)?.to_str().ok()?)?;
    request.extensions_mut().insert(name);
    Some(request)
}

async fn me(Extension(name): Extension<Name>) -> String {
    String::from(&*name)
}
