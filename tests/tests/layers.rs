//! What stands around and beside the layer: CORS, compression, static files, another application, an answer of one's own.
#![allow(missing_docs)]

use actix_web::App;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::test::init_service;
use auth_core::http::{Audience, Basic, Refusal, RefusalReason};
use auth_core::{Password, Require};
use axum::http::Response;
use axum::routing::get;
use integration_tests::client::{Jar, everywhere};
use integration_tests::expected::{personal, public};
use integration_tests::site::{Answer, Request, Site};
use integration_tests::tower::Tower;
use integration_tests::world::{ALICE, Setup, World};
use integration_tests::{actix, tower};
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::SizeAbove;
use tower_http::cors::CorsLayer;

const SHOP: &str = "https://shop.example";

fn login() -> Request {
    Request::post("/login", &[("username", "alice"), ("password", ALICE)])
}

/// With CORS outside of everything: for pages at [`SHOP`].
async fn with_cors(world: &World) -> [Box<dyn Site>; 2] {
    let (origin, layer) = (HeaderValue::from_static(SHOP), auth_tower::AuthLayer::new(world.auth.clone()));
    let cors = CorsLayer::new().allow_credentials(true).allow_methods([axum::http::Method::POST]);
    let cors = cors.allow_origin(axum::http::HeaderValue::from_bytes(origin.as_bytes()).unwrap());
    let on_axum = tower::router(world).layer(layer).layer(cors);
    let layer = auth_actix::AuthLayer::new(world.auth.clone());
    let cors =
        || actix_cors::Cors::default().allowed_origin(SHOP).allowed_methods(["POST"]).supports_credentials();
    let on_actix = App::new().wrap(layer).wrap(cors()).configure(actix::routes(world));
    [Box::new(Tower::of("tower", on_axum)), actix::of("actix", init_service(on_actix).await)]
}

/// A preflight carries no credentials, and a refusal without CORS headers is unreadable.
#[actix_web::test]
async fn with_cors_outside_preflights_pass_and_refusals_can_be_read() {
    let world = Setup::default().world().await;
    for site in with_cors(&world).await {
        let from_shop = |request: Request| request.with("origin", SHOP).with("sec-fetch-site", "cross-site");
        let preflight = from_shop(Request::new("OPTIONS", "/private"));
        let preflight = preflight.with("access-control-request-method", "POST");
        let got = site.send(preflight).await;
        assert_eq!((got.status, got.one("access-control-allow-origin")), (200, SHOP), "{}", site.name());
        let token = site.send(login()).await.token().unwrap();
        for (request, status) in [
            (Request::post("/private", &[]), 401),
            (Request::post("/act/set", &[("name", "a")]).cookie(&token), 403),
        ] {
            let got = site.send(from_shop(request)).await;
            let readable = got.one("access-control-allow-origin");
            assert_eq!((got.status, readable), (status, SHOP), "{}", site.name());
        }
    }
}

/// Caches are told of both, whichever layer is outside.
#[tokio::test]
async fn compression_may_stand_on_either_side() {
    let world = Setup::default().world().await;
    let compression = || CompressionLayer::new().compress_when(SizeAbove::new(0));
    let layer = || auth_tower::AuthLayer::new(world.auth.clone());
    let outside = tower::router(&world).layer(layer()).layer(compression());
    let inside = tower::router(&world).layer(compression()).layer(layer());
    for site in [Tower::of("outside", outside), Tower::of("inside", inside)] {
        let got = site.send(Request::get("/who").with("accept-encoding", "gzip")).await;
        assert_eq!(got.one("content-encoding"), "gzip", "{}", site.name());
        let vary = got.all("vary").join(", ").to_ascii_lowercase();
        for name in ["accept-encoding", "authorization", "cookie"] {
            assert!(vary.split(", ").any(|said| said == name), "{}: {vary}", site.name());
        }
    }
}

/// A file is the same for everybody, and caches must be able to know.
#[tokio::test]
async fn files_stand_outside_or_below_a_lazy_layer() {
    let world = Setup::default().world().await;
    let eager = auth_tower::AuthLayer::new(world.auth.clone());
    let token = Tower::new(&world).send(login()).await.token().unwrap();
    let file = || get(async || ([("content-type", "text/plain; charset=utf-8")], "file"));
    let outside = tower::router(&world).layer(eager.clone()).route("/file", file());
    let lazy = tower::router(&world).route("/file", file()).layer(eager.clone().lazy());
    let inside = tower::router(&world).route("/file", file()).layer(eager);
    for (name, router, expected) in [
        ("outside", outside, public("file")),
        ("lazy", lazy, public("file")),
        ("inside", inside, personal("file")),
    ] {
        let got = Tower::of(name, router).send(Request::get("/file").cookie(&token)).await;
        assert_eq!(got, expected, "{name}");
    }
}

/// Cookies know neither ports nor paths.
#[tokio::test]
async fn two_applications_on_one_host_need_two_cookies() {
    for (name, stays) in [("session", false), ("shop", true)] {
        let forum = Setup::default().world().await;
        let shop = Setup::default().sessions(|sessions| sessions.cookie_name(name)).world().await;
        let [forum, shop] = [Tower::new(&forum), Tower::new(&shop)];
        let mut browser = Jar::default();
        for site in [&forum, &shop] {
            let request = login();
            let request = match browser.line() {
                Some(line) => request.with("cookie", line),
                None => request,
            };
            browser.take(&site.send(request).await);
        }
        let who = async |site: &Tower| {
            site.send(Request::get("/who").with("cookie", browser.line().unwrap())).await.body
        };
        assert_eq!(who(&shop).await, "alice", "{name}");
        assert_eq!(who(&forum).await, if stays { "alice" } else { "anonymous" }, "{name}");
    }
}

/// What htmx follows in the place of a redirect.
const TO_LOGIN: (&str, &str) = ("hx-redirect", "/login");

fn is_for_a_script(refusal: &Refusal) -> bool {
    refusal.audience() == Audience::Api && refusal.reason() == Some(RefusalReason::NotSignedIn)
}

fn said(refusal: &Refusal) -> String {
    format!("{:?} for {:?}", refusal.reason(), refusal.audience())
}

fn on_axum(refusal: &Refusal, mut response: Response<()>) -> Response<axum::body::Body> {
    if is_for_a_script(refusal) {
        let to = axum::http::HeaderValue::from_static(TO_LOGIN.1);
        response.headers_mut().insert(TO_LOGIN.0, to);
    }
    response.map(|()| said(refusal).into())
}

fn on_actix(refusal: &Refusal, mut response: actix_web::HttpResponse<()>) -> actix_web::HttpResponse {
    if is_for_a_script(refusal) {
        let (name, to) = (HeaderName::from_static(TO_LOGIN.0), HeaderValue::from_static(TO_LOGIN.1));
        response.headers_mut().insert(name, to);
    }
    response.set_body(actix_web::body::BoxBody::new(said(refusal)))
}

async fn with_answers_of_their_own(world: &World) -> [Box<dyn Site>; 2] {
    let rule = Require::login();
    let guard = auth_tower::RequireLayer::new(rule.clone()).respond(on_axum);
    let layer = auth_tower::AuthLayer::new(world.auth.clone()).respond(on_axum);
    let guarded = axum::Router::new().route("/guarded", get(async || "secret").layer(guard));
    let tower = guarded.merge(tower::router(world)).layer(layer);
    let guard = auth_actix::RequireLayer::new(rule).respond(on_actix);
    let layer = auth_actix::AuthLayer::new(world.auth.clone()).respond(on_actix);
    let route = actix_web::web::get().to(async || "secret");
    let guarded = actix_web::web::resource("/guarded").route(route).wrap(guard);
    let app = App::new().wrap(layer).service(guarded).configure(actix::routes(world));
    [Box::new(Tower::of("tower", tower)), actix::of("actix", init_service(app).await)]
}

/// Status, headers and body are the application's to change, knowing why and for whom; what it leaves stays.
#[actix_web::test]
async fn refusals_are_answered_in_ones_own_way() {
    let basic = Basic::new("tests").unwrap();
    let setup =
        Setup::default().basic(None).configure(move |auth| auth.login_page("/login").scheme(basic.clone()));
    let world = setup.world().await;
    let mut answers: Vec<Vec<Answer>> = Vec::new();
    for site in with_answers_of_their_own(&world).await {
        let token = site.send(login()).await.token().unwrap();
        let guarded = || Request::get("/guarded");
        let table = [
            (guarded(), 401, "NotSignedIn", "Api", TO_LOGIN.1),
            (guarded().navigating(), 303, "NotSignedIn", "Page", ""),
            (guarded().with("authorization", "Basic"), 401, "BadCredentials", "Api", ""),
            (guarded().basic("alice", ALICE), 403, "Cleartext", "Api", ""),
            (guarded().with("authorization", "a").with("authorization", "b"), 400, "Malformed", "Api", ""),
            (
                Request::post("/who", &[]).cookie(&token).with("sec-fetch-site", "cross-site"),
                403,
                "CrossOrigin",
                "Api",
                "",
            ),
        ];
        let mut got = Vec::new();
        for (request, status, reason, audience, to) in table {
            let answer = site.send(request).await;
            assert_eq!(answer.body, format!("Some({reason}) for {audience}"), "{}", site.name());
            assert_eq!((answer.status, answer.one(TO_LOGIN.0)), (status, to), "{reason} at {}", site.name());
            assert_eq!(answer.one("cache-control"), "no-store", "{reason} at {}", site.name());
            got.push(answer);
        }
        answers.push(got);
    }
    assert_eq!(answers[0], answers[1]);
}

/// Nothing is normalised: `é` as one code point and as two are two passwords.
#[tokio::test]
async fn passwords_are_compared_as_they_are_typed() {
    everywhere(Setup::default(), async |client| {
        let (composed, decomposed) = ("caf\u{e9} au lait", "cafe\u{301} au lait");
        let account = integration_tests::accounts::Account::new(6, "zoe");
        client.world.users.users.insert("zoe", &auth_core::Secret::new(composed), account).await.unwrap();
        let try_with = |password: &'static str| {
            let auth = client.world.auth.clone();
            async move {
                let facts = auth_core::RequestFacts::none();
                auth.authenticate(Password::new("zoe", password), &facts).await.is_ok()
            }
        };
        assert!(try_with(composed).await);
        assert!(!try_with(decomposed).await);
    })
    .await;
}
