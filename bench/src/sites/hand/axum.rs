//! The site on axum.

use std::task::{Context, Poll};

use axum::extract::State;
use axum::http::{Request, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Extension, Router};
use tower::{Layer, Service};

use super::{Found, Hand};

pub(crate) fn router(hand: Hand) -> Router {
    Router::new()
        .route("/static", get(|| async { String::from("static") }))
        .route("/open", get(open))
        .route("/me", get(me))
        .route("/guarded", get(me))
        .route("/login", post(login).with_state(hand.clone()))
        .layer(HandLayer(hand))
}

async fn open(user: Option<Extension<Found>>) -> String {
    user.map_or_else(|| "anonymous".to_owned(), |Extension(user)| String::from(&*user))
}

async fn me(user: Option<Extension<Found>>) -> Result<String, StatusCode> {
    user.map(|Extension(user)| String::from(&*user)).ok_or(StatusCode::UNAUTHORIZED)
}

async fn login(State(hand): State<Hand>) -> impl IntoResponse {
    match hand.login().await {
        Some(cookie) => ([(header::SET_COOKIE, cookie)], "welcome").into_response(),
        None => StatusCode::UNAUTHORIZED.into_response(),
    }
}

#[derive(Clone)]
struct HandLayer(Hand);

impl<S> Layer<S> for HandLayer {
    type Service = HandService<S>;

    fn layer(&self, inner: S) -> HandService<S> {
        HandService { inner, hand: self.0.clone() }
    }
}

#[derive(Clone)]
struct HandService<S> {
    inner: S,
    hand: Hand,
}

impl<S: Service<Request<B>>, B> Service<Request<B>> for HandService<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> S::Future {
        let cookies = request.headers().get(header::COOKIE);
        if let Some(user) = cookies.and_then(|cookies| self.hand.find(cookies.as_bytes())) {
            request.extensions_mut().insert(user);
        }
        self.inner.call(request)
    }
}
