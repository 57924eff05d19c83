//! The site on axum.

use auth_core::Password;
use auth_tower::{AuthLayer, CurrentUser, Session};
use axum::Router;
use axum::body::Body;
use axum::http::{Request as HttpRequest, StatusCode, header};
use axum::routing::{get, post};
use tower::Service;

use crate::case::{Allocations, BASIC, Case, Request, Site};
use crate::ideal::Ideal;
use crate::users::{Member, auth};

/// A token as long as a real one.
const IDEAL_TOKEN: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

fn bare() -> Router {
    Router::new()
        .route("/open", get(|| async { String::from("anonymous") }))
        .route("/static", get(|| async { String::from("static") }))
        .route("/me", get(|| async { String::from("alice") }))
        .route("/login", post(|| async { String::from("welcome") }))
}

async fn guarded(lazy: bool, request: Request) -> Router {
    let layer = AuthLayer::new(auth(request).await);
    let layer = if lazy { layer.lazy() } else { layer };
    Router::new()
        .route("/open", get(open))
        .route("/static", get(|| async { String::from("static") }))
        .route("/me", get(me))
        .route("/login", post(login))
        .layer(layer)
}

async fn open(user: Option<CurrentUser<Member>>) -> String {
    user.map_or_else(|| "anonymous".to_owned(), |user| String::from(&*user.name))
}

async fn me(user: CurrentUser<Member>) -> String {
    String::from(&*user.name)
}

async fn login(session: Session<Member>) -> &'static str {
    let alice = session.authenticate(Password::new("alice", "wonderland")).await.expect("accepted");
    session.login(alice).await.expect("logged in");
    "welcome"
}

async fn cookie(app: &mut Router) -> String {
    let request = HttpRequest::post("/login").body(Body::empty()).expect("a request");
    let response = app.call(request).await.expect("infallible");
    let cookie = response.headers()[header::SET_COOKIE].to_str().expect("text");
    cookie.split(';').next().expect("a pair").to_owned()
}

fn request(case: Case, cookie: Option<&str>) -> HttpRequest<Body> {
    let builder = HttpRequest::get(case.request.path());
    let builder = match (case.request, cookie) {
        (Request::Basic, _) => builder.header(header::AUTHORIZATION, BASIC),
        (_, Some(cookie)) => builder.header(header::COOKIE, cookie),
        (_, None) => builder,
    };
    builder.body(Body::empty()).expect("a request")
}

pub(crate) fn send(case: Case, requests: usize) -> usize {
    // An axum router is always ready to be called.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    runtime.block_on(async {
        let mut app = match case.site {
            Site::Bare => bare(),
            Site::Ideal => bare().layer(Ideal::new(IDEAL_TOKEN)),
            Site::Eager => guarded(false, case.request).await,
            Site::Lazy => guarded(true, case.request).await,
        };
        let cookie = match case.site {
            _ if !case.has_cookie() => None,
            Site::Bare | Site::Ideal => Some(format!("__Host-session={IDEAL_TOKEN}")),
            Site::Eager | Site::Lazy => Some(cookie(&mut app).await),
        };
        // What only the first request costs (a remembered hash, a table's growth) is not counted.
        for _ in 0..10 {
            let response = app.call(request(case, cookie.as_deref())).await.expect("infallible");
            assert_eq!(response.status(), StatusCode::OK);
        }
        let allocations = Allocations::start();
        for _ in 0..requests {
            let response = app.call(request(case, cookie.as_deref())).await.expect("infallible");
            assert_eq!(response.status(), StatusCode::OK);
        }
        allocations.count()
    })
}
