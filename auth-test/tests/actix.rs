//! The kit over actix-web.

#[macro_use]
mod common;

use actix_web::http::header::LOCATION;
use actix_web::test::init_service;
use actix_web::web::{Form, Json, Path, ServiceConfig, get, post, resource};
use actix_web::{App, HttpResponse, web};
use auth_actix::{AuthLayer, CurrentUser, Error, FreshUser, RequireLayer, Session, VerifiedUser};
use auth_core::{Auth, AuthBuilder, Password};
use auth_test::{ActixApp, Client, SignedIn, TestUser, anonymous, signed_in_as};
use common::{AnyApp, Framework, alice, rules};

fn pages(config: &mut ServiceConfig) {
    config
        .route("/who", get().to(who))
        .route("/me", get().to(async |user: CurrentUser<TestUser>| user.name().to_owned()))
        .route("/backend", get().to(backend))
        .route("/verified", get().to(async |user: VerifiedUser<TestUser>| user.name().to_owned()))
        .route("/fresh-user", get().to(async |user: FreshUser<TestUser, 300>| user.name().to_owned()))
        .route("/keep/{value}", post().to(keep))
        .route("/kept", get().to(kept))
        .route("/rotate", post().to(rotate))
        .route("/login", post().to(login))
        .route("/logout", post().to(logout))
        .route("/echo", post().to(async |value: Json<Vec<u8>>| value))
        .route("/moved", get().to(async || redirect(HttpResponse::PermanentRedirect().finish(), "/who")))
        .route(
            "/kept-body",
            post().to(async || redirect(HttpResponse::TemporaryRedirect().finish(), "/echo")),
        )
        .route(
            "/elsewhere",
            get().to(async || redirect(HttpResponse::SeeOther().finish(), "https://example.com/")),
        );
    for (path, rule) in rules() {
        config.service(resource(path).wrap(RequireLayer::new(rule)).get(async || "secret"));
    }
}

fn redirect(mut response: HttpResponse, to: &'static str) -> HttpResponse {
    response.headers_mut().insert(LOCATION, actix_web::http::header::HeaderValue::from_static(to));
    response
}

async fn who(user: Option<CurrentUser<TestUser>>) -> String {
    user.map_or("nobody".to_owned(), |user| user.name().to_owned())
}

async fn backend(session: Session<TestUser>) -> String {
    session.backend().map(|name| name.to_string()).unwrap_or_default()
}

async fn keep(session: Session<TestUser>, value: Path<String>) -> Result<&'static str, Error> {
    session.insert("value", &*value).await?;
    Ok("kept")
}

async fn kept(session: Session<TestUser>) -> Result<String, Error> {
    Ok(session.get::<String>("value").await?.unwrap_or_default())
}

async fn rotate(session: Session<TestUser>) -> Result<&'static str, Error> {
    session.rotate().await?;
    Ok("rotated")
}

async fn login(session: Session<TestUser>, form: Form<Vec<(String, String)>>) -> Result<HttpResponse, Error> {
    let field =
        |name: &str| form.iter().find(|(own, _)| own == name).map_or("", |(_, value)| value).to_owned();
    let proof = session.authenticate(Password::new(field("username"), field("password"))).await?;
    Ok(session.login(proof).await?.answer(None))
}

async fn logout(session: Session<TestUser>) -> Result<HttpResponse, Error> {
    session.logout().await?;
    Ok(redirect(HttpResponse::SeeOther().finish(), "/"))
}

/// actix-web.
struct Actix;

impl Framework for Actix {
    async fn app(auth: &Auth<TestUser>) -> Client<AnyApp> {
        let app = App::new().configure(pages).wrap(AuthLayer::new(auth.clone()));
        AnyApp::client(ActixApp::new(init_service(app).await))
    }

    async fn layered(
        who: Option<SignedIn<TestUser>>,
        configure: impl Fn(AuthBuilder<TestUser>) -> AuthBuilder<TestUser>,
    ) -> Client<AnyApp> {
        let middleware = match who {
            Some(who) => who.middleware_with(configure),
            None => anonymous().middleware_with(configure),
        };
        AnyApp::client(ActixApp::new(init_service(App::new().configure(pages).wrap(middleware)).await))
    }

    async fn bare() -> Client<AnyApp> {
        AnyApp::client(ActixApp::new(init_service(App::new().configure(pages)).await))
    }
}

scripts!(Actix, actix_web::test);

/// A request that a test sends by itself, without the client.
#[actix_web::test]
async fn a_middleware_needs_no_client() {
    use actix_web::test::{TestRequest, call_service};
    let app = App::new().service(web::scope("").configure(pages).wrap(signed_in_as(alice()).middleware()));
    let app = init_service(app).await;
    let answer = call_service(&app, TestRequest::with_uri("/members").to_request()).await;
    assert_eq!(answer.status(), 200);
}
