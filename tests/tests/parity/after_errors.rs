//! What a handler did reaches the client whatever stands between it and the layer: a middleware that answers by an error
//! (actix-web), one that answers for the handler, or one that cuts the handler off.

use std::future::ready;
use std::time::Duration;

use ::tower::ServiceBuilder;
use ::tower::util::AndThenLayer;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::StatusCode;
use actix_web::middleware::{Next, from_fn};
use actix_web::test::init_service;
use actix_web::{App, web};
use auth_core::session::SessionConfig;
use axum::BoxError;
use axum::error_handling::HandleErrorLayer;
use axum::extract::{Request as Native, State};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use integration_tests::accounts::Account;
use integration_tests::actix;
use integration_tests::client::{Client, over};
use integration_tests::expected::{BASIC, COOKIE, REMOVE_COOKIE, SET_COOKIE, VARY};
use integration_tests::faults::Mode;
use integration_tests::logs::Captured;
use integration_tests::site::{Answer, Request, Site};
use integration_tests::tower::{self, Tower};
use integration_tests::world::{ALICE, Setup, World};

/// The header that asks the middleware inside the layer for a status, once the handler has answered.
const FAIL: &str = "x-fail";

fn failing(request: Request, status: u16) -> Request {
    request.with(FAIL, status.to_string())
}

/// actix-web: the handler's response is dropped, and an error goes on in its place.
async fn fail<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, actix_web::Error> {
    let status = request.headers().get(FAIL).map(|status| StatusCode::from_bytes(status.as_bytes()).unwrap());
    let response = next.call(request).await?;
    match status {
        Some(status) => Err(InternalError::new("failed", status).into()),
        None => Ok(response),
    }
}

/// axum: errors are responses.
async fn replace(request: Native, next: middleware::Next) -> Response {
    let status =
        request.headers().get(FAIL).map(|status| axum::http::StatusCode::from_bytes(status.as_bytes()));
    let response = next.run(request).await;
    match status {
        Some(status) => (status.unwrap(), "failed").into_response(),
        None => response,
    }
}

/// A middleware that fails, on both frameworks, around the application and around one part of it, eager and lazy.
async fn sites(world: &World) -> Vec<Box<dyn Site>> {
    let mut sites: Vec<Box<dyn Site>> = Vec::new();
    for is_lazy in [false, true] {
        let (of_tower, of_actix) = layers(world, is_lazy);
        let router = tower::router(world).layer(middleware::from_fn(replace)).layer(of_tower);
        sites.push(Box::new(Tower::of("tower", router)));
        let app = App::new().wrap(from_fn(fail)).wrap(of_actix.clone()).configure(actix::routes(world));
        sites.push(actix::of("actix, around the application", init_service(app).await));
        let scope = web::scope("").wrap(from_fn(fail)).configure(actix::routes(world));
        sites.push(actix::of(
            "actix, around a scope",
            init_service(App::new().wrap(of_actix).service(scope)).await,
        ));
    }
    sites
}

fn layers(world: &World, is_lazy: bool) -> (auth_tower::AuthLayer<Account>, auth_actix::AuthLayer<Account>) {
    let of_tower = auth_tower::AuthLayer::new(world.auth.clone());
    let of_actix = auth_actix::AuthLayer::new(world.auth.clone());
    if is_lazy { (of_tower.lazy(), of_actix.lazy()) } else { (of_tower, of_actix) }
}

async fn everywhere(setup: Setup, script: impl AsyncFn(Client<'_>)) {
    let count = sites(&setup.world().await).await.len();
    for at in 0..count {
        let world = setup.world().await;
        let site = sites(&world).await.swap_remove(at);
        over(&world, &*site, &script).await;
    }
}

fn headers(answer: &Answer) -> [&str; 3] {
    ["cache-control", "set-cookie", "vary"].map(|name| answer.one(name))
}

fn login() -> Request {
    Request::post("/login", &[("username", "alice"), ("password", ALICE)])
}

#[tokio::test]
async fn a_login_and_a_logout_reach_the_client() {
    for status in [418, 500] {
        everywhere(Setup::default(), async |mut client| {
            let answer = client.send(failing(login(), status)).await;
            assert_eq!(answer.status, status, "{}", client.site());
            assert_eq!(headers(&answer.masked()), ["no-store", SET_COOKIE, VARY], "{}", client.site());
            assert_eq!(client.who().await, "alice", "{}", client.site());
            let answer = client.send(failing(Request::post("/logout", &[]), status)).await;
            assert_eq!(answer.status, status);
            assert_eq!(headers(&answer), ["no-store", REMOVE_COOKIE, VARY], "{}", client.site());
            assert_eq!(client.jar.token(), None);
        })
        .await;
    }
}

#[tokio::test]
async fn a_new_id_reaches_the_client() {
    let rotating = |config: SessionConfig| config.rotate_every(Duration::from_secs(60));
    everywhere(Setup::default().sessions(rotating), async |mut client| {
        let first = client.login("alice", ALICE).await;
        client.world.clock.advance(Duration::from_secs(61));
        let answer = client.send(failing(Request::get("/me"), 500)).await;
        assert_eq!((answer.status, answer.token()), (500, None), "{}: it can wait", client.site());
        client.world.clock.advance(SessionConfig::ROTATION_GRACE + Duration::from_secs(1));
        let answer = client.send(failing(Request::get("/me"), 418)).await;
        assert_eq!((answer.status, answer.token().is_some()), (418, true), "{}", client.site());
        assert_ne!(client.jar.token().unwrap(), first);
        client.world.clock.advance(SessionConfig::ROTATION_GRACE + Duration::from_secs(1));
        assert_eq!(client.who().await, "alice", "{}", client.site());
        let answer = client.send(failing(Request::post("/act/rotate", &[]), 418)).await;
        assert_eq!(answer.status, 418);
        assert_eq!(client.who().await, "alice", "{}", client.site());
    })
    .await;
}

#[tokio::test]
async fn what_is_personal_is_not_cached() {
    everywhere(Setup::default(), async |mut client| {
        assert_eq!(headers(&client.send(failing(Request::get("/"), 404)).await), ["", "", ""]);
        let asked = client.send(failing(Request::get("/who"), 404)).await;
        assert_eq!(headers(&asked), ["", "", VARY], "{}", client.site());
        client.login("alice", ALICE).await;
        let personal = client.send(failing(Request::get("/who"), 404)).await;
        assert_eq!(headers(&personal), ["no-store", "", VARY], "{}", client.site());
    })
    .await;
}

#[tokio::test]
async fn a_refusal_names_a_way_in() {
    everywhere(Setup::default(), async |mut client| {
        let asked = client.send(failing(Request::get("/who"), 401)).await;
        assert_eq!(asked.all("www-authenticate"), [COOKIE], "{}", client.site());
        let refused = client.send(Request::get("/me")).await;
        assert_eq!((refused.status, refused.all("www-authenticate")), (401, vec![BASIC, COOKIE]));
    })
    .await;
}

#[tokio::test]
async fn values_are_written_unless_the_answer_is_an_outage() {
    everywhere(Setup::default(), async |mut client| {
        client.login("alice", ALICE).await;
        let set = |value| Request::post("/act/set", &[("name", "a"), ("value", value)]);
        assert_eq!(client.send(failing(set("1"), 418)).await.status, 418);
        assert_eq!(client.value("a").await, "1", "{}", client.site());
        assert_eq!(client.send(failing(set("2"), 500)).await.status, 500);
        assert_eq!(client.value("a").await, "1", "{}", client.site());
        client.world.store.writes.set(Mode::Fails);
        let lost = client.send(failing(set("3"), 418)).await;
        assert_eq!((lost.status, lost.one("retry-after")), (503, "5"), "{}", client.site());
    })
    .await;
}

/// The header that cuts the handler off once it has done its work, as a timeout inside the layer does.
const CUT: &str = "x-cut";

fn cut(request: Request) -> Request {
    request.with(CUT, "")
}

/// The handler is done, and something inside of the one who cuts it off is not.
async fn hold(State(world): State<World>, request: Native, next: middleware::Next) -> Response {
    let is_held = request.headers().contains_key(CUT);
    let response = next.run(request).await;
    if is_held {
        world.gate.pass().await;
    }
    response
}

async fn cut_off(State(world): State<World>, request: Native, next: middleware::Next) -> Response {
    if !request.headers().contains_key(CUT) {
        return next.run(request).await;
    }
    tokio::select! {
        () = world.gate.reached() => axum::http::StatusCode::GATEWAY_TIMEOUT.into_response(),
        response = next.run(request) => response,
    }
}

/// Where a handler that was cut off becomes a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Handled {
    /// By the one who cuts it off (`tower_http::timeout`).
    AtOnce,
    /// As an error first (`tower::timeout`), which is handled inside the layer.
    Inside,
    /// Outside of it: there was no response that the layer could have written on.
    Outside,
}

fn cutting(world: &World, handled: Handled, is_lazy: bool) -> Box<dyn Site> {
    let with_state = || world.clone();
    let router = tower::router(world)
        .layer(middleware::from_fn_with_state(with_state(), hold))
        .layer(middleware::from_fn_with_state(with_state(), cut_off));
    let (layer, _) = layers(world, is_lazy);
    let fails = |response: Response| {
        ready(match response.status() {
            axum::http::StatusCode::GATEWAY_TIMEOUT => Err(BoxError::from("cut off")),
            _ => Ok(response),
        })
    };
    let into_response = HandleErrorLayer::new(async |_: BoxError| axum::http::StatusCode::GATEWAY_TIMEOUT);
    let (outer, inner) = (ServiceBuilder::new().layer(into_response), AndThenLayer::new(fails));
    let router = match handled {
        Handled::AtOnce => router.layer(layer),
        Handled::Inside => {
            router.layer(ServiceBuilder::new().layer(layer).layer(outer.layer(inner).into_inner()))
        }
        Handled::Outside => router.layer(outer.layer(layer).layer(inner).into_inner()),
    };
    Box::new(Tower::of("tower", router))
}

/// What a handler that was cut off has done is done: the client is told where there is a response, and where there is
/// none, nothing stays behind that only the client could have used, and nobody is signed out by chance.
#[tokio::test]
async fn on_tower_a_handler_may_be_cut_off() {
    for handled in [Handled::AtOnce, Handled::Inside, Handled::Outside] {
        for is_lazy in [false, true] {
            let rotating = |config: SessionConfig| config.rotate_every(Duration::from_secs(60));
            let world = Setup::default().sessions(rotating).world().await;
            let site = cutting(&world, handled, is_lazy);
            let logged = Captured::default();
            let subscriber = tracing_subscriber::fmt().with_writer(logged.clone()).finish();
            let _listening = tracing::subscriber::set_default(subscriber);
            over(&world, &*site, &async |mut client: Client<'_>| check_cuts(&mut client, handled).await)
                .await;
            let is_told = logged.text().contains("`HandleErrorLayer` after it in the `ServiceBuilder`");
            assert_eq!(
                is_told,
                handled == Handled::Outside,
                "{handled:?}: an operator hears how to keep cookies"
            );
        }
    }
}

async fn check_cuts(client: &mut Client<'_>, handled: Handled) {
    let is_told = handled != Handled::Outside;
    let world = client.world;
    let answer = client.send(cut(login())).await;
    assert_eq!((answer.status, answer.token().is_some()), (504, is_told), "{handled:?}");
    if is_told {
        assert_eq!(client.who().await, "alice", "{handled:?}");
        client.post("/logout", &[]).await;
    }
    // It is deleted by a task of its own.
    while !world.store.sessions.is_empty() {
        tokio::task::yield_now().await;
    }
    client.login("alice", ALICE).await;
    world.clock.advance(Duration::from_secs(61));
    let answer = client.send(cut(Request::get("/me"))).await;
    assert_eq!((answer.status, answer.token()), (504, None), "{handled:?}: a new id can wait");
    world.clock.advance(SessionConfig::ROTATION_GRACE + Duration::from_secs(1));
    assert_eq!(client.who().await, "alice", "{handled:?}: nobody is signed out by a new id that was lost");
    let answer = client.send(cut(Request::post("/logout", &[]))).await;
    assert_eq!((answer.status, answer.one("set-cookie").is_empty()), (504, !is_told), "{handled:?}");
    assert!(world.store.sessions.is_empty(), "{handled:?}: the logout stands");
    assert_eq!(client.who().await, "anonymous");
}

/// An optional extractor swallowed an outage, and a middleware answered by an error: the outage is told all the same.
#[tokio::test]
async fn on_actix_web_an_error_does_not_hide_an_outage() {
    let world = Setup::default().world().await;
    let site = sites(&world).await.swap_remove(4);
    over(&world, &*site, &async |mut client: Client<'_>| {
        client.login("alice", ALICE).await;
        client.world.store.reads.set(Mode::Fails);
        let answer = client.send(failing(Request::get("/who"), 418)).await;
        assert_eq!((answer.status, answer.one("retry-after")), (503, "5"), "{}", client.site());
    })
    .await;
}

/// A middleware that extracts and passes the error on: it becomes a response outside the layer.
#[tokio::test]
async fn on_actix_web_an_extractors_error_may_leave_the_layer() {
    async fn extract<B: MessageBody>(
        mut request: ServiceRequest,
        next: Next<B>,
    ) -> Result<ServiceResponse<B>, actix_web::Error> {
        request.extract::<auth_actix::CurrentUser<Account>>().await?;
        next.call(request).await
    }
    for is_lazy in [false, true] {
        let world = Setup::default().world().await;
        let (_, layer) = layers(&world, is_lazy);
        let app = App::new().wrap(from_fn(extract)).wrap(layer).configure(actix::routes(&world));
        let site = actix::of("actix", init_service(app).await);
        over(&world, &*site, &async |mut client: Client<'_>| {
            let answer = client.send(Request::get("/who")).await;
            assert_eq!((answer.status, answer.all("www-authenticate")), (401, vec![BASIC, COOKIE]));
            let answer = client.send(Request::get("/who").navigating()).await;
            assert_eq!((answer.status, answer.one("location")), (303, "/login?next=/who"));
        })
        .await;
    }
}

/// A middleware between keeps a clone of the request, as loggers do: nothing that a client sends makes the layer panic.
#[tokio::test]
async fn on_actix_web_others_may_hold_the_request() {
    async fn keep<B: MessageBody>(
        request: ServiceRequest,
        next: Next<B>,
    ) -> Result<ServiceResponse<B>, actix_web::Error> {
        let kept = request.request().clone();
        let answer = next.call(request).await;
        drop(kept);
        answer
    }
    let header = auth_core::remote_user::RemoteUserHeader::new("x-remote-user").unwrap();
    let header = header.trusted_peer("10.0.0.7").unwrap();
    for is_lazy in [false, true] {
        let world = Setup::default().remote_user(header.clone()).world().await;
        let (_, layer) = layers(&world, is_lazy);
        let page = web::resource("/page").wrap(layer).wrap(from_fn(keep)).to(async || "page");
        let site = actix::of("actix", init_service(App::new().service(page)).await);
        for (forged, status) in [("x-remote-user", 400), ("X_Remote_User", 400), ("x-other", 200)] {
            let answer = site.send(Request::get("/page").with(forged, "alice")).await;
            assert_eq!(answer.status, status, "{forged}, lazy: {is_lazy}");
        }
    }
}
