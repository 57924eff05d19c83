//! tower-http's `AsyncRequireAuthorizationLayer`, written as its documentation writes it: with a closure.

use std::future::ready;

use axum::body::Body;
use axum::http::{Request, Response, StatusCode, header};
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
    let layer =
        AsyncRequireAuthorizationLayer::new(move |request| ready(authorize(request, find, challenge)));
    Router::new().route("/me", get(me)).route("/guarded", get(me)).route_layer(layer)
}

fn authorize(
    mut request: Request<Body>,
    find: fn(&str) -> Option<Name>,
    challenge: &'static str,
) -> Result<Request<Body>, Response<Body>> {
    let value = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    match value.and_then(find) {
        Some(name) => {
            request.extensions_mut().insert(name);
            Ok(request)
        }
        None => Err((StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, challenge)]).into_response()),
    }
}

async fn me(Extension(name): Extension<Name>) -> String {
    String::from(&*name)
}
