//! The site on actix-web.

use actix_service::Service;
use actix_web::body::MessageBody;
use actix_web::dev::ServiceResponse;
use actix_web::http::{StatusCode, header};
use actix_web::test::{TestRequest, init_service};
use actix_web::{App, Error, web};
use auth_actix::{AuthLayer, CurrentUser, Session};
use auth_core::Password;

use crate::case::{Allocations, BASIC, Case, Request, Site};
use crate::users::{Member, auth};

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

fn request(case: Case, cookie: Option<&str>) -> actix_http::Request {
    let builder = TestRequest::get().uri(case.request.path());
    let builder = match (case.request, cookie) {
        (Request::Basic, _) => builder.insert_header((header::AUTHORIZATION, BASIC)),
        (_, Some(cookie)) => builder.insert_header((header::COOKIE, cookie)),
        (_, None) => builder,
    };
    builder.to_request()
}

async fn measure<S, B>(app: &S, case: Case, cookie: Option<&str>, requests: usize) -> usize
where
    S: Service<actix_http::Request, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    // What only the first request costs (a remembered hash, a table's growth) is not counted.
    for _ in 0..10 {
        let response = app.call(request(case, cookie)).await.expect("answered");
        assert_eq!(response.status(), StatusCode::OK);
    }
    let allocations = Allocations::start();
    for _ in 0..requests {
        let response = app.call(request(case, cookie)).await.expect("answered");
        assert_eq!(response.status(), StatusCode::OK);
    }
    allocations.count()
}

async fn bare(case: Case, requests: usize) -> usize {
    let app = App::new()
        .route("/open", web::get().to(async || String::from("anonymous")))
        .route("/static", web::get().to(async || String::from("static")))
        .route("/me", web::get().to(async || String::from("alice")))
        .route("/login", web::post().to(async || String::from("welcome")));
    let cookie = case.has_cookie().then(|| format!("__Host-session={}", "A".repeat(43)));
    measure(&init_service(app).await, case, cookie.as_deref(), requests).await
}

async fn guarded(case: Case, requests: usize) -> usize {
    let layer = AuthLayer::new(auth(case.request).await);
    let layer = if case.site == Site::Lazy { layer.lazy() } else { layer };
    let app = App::new()
        .wrap(layer)
        .route("/open", web::get().to(open))
        .route("/static", web::get().to(async || String::from("static")))
        .route("/me", web::get().to(me))
        .route("/login", web::post().to(login));
    let app = init_service(app).await;
    let response = app.call(TestRequest::post().uri("/login").to_request()).await.expect("answered");
    let cookie = response.headers().get(header::SET_COOKIE).expect("a cookie").to_str().expect("text");
    let cookie = cookie.split(';').next().expect("a pair").to_owned();
    let cookie = case.has_cookie().then_some(cookie);
    measure(&app, case, cookie.as_deref(), requests).await
}

pub(crate) fn send(case: Case, requests: usize) -> usize {
    actix_web::rt::System::new().block_on(async {
        match case.site {
            Site::Bare | Site::Ideal => bare(case, requests).await,
            Site::Eager | Site::Lazy => guarded(case, requests).await,
        }
    })
}
