//! On axum and tower.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use ::tower::{Layer, Service, ServiceBuilder, ServiceExt, service_fn};
use auth_core::Require;
use auth_core::factors::Totp;
use auth_core::second_factor::Needs;
use auth_core::session::SessionErrorKind;
use auth_core::time::Clock as _;
use auth_tower::{AuthLayer, CurrentUser, Error, RequireLayer, Session};
use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequestParts, OptionalFromRequestParts, Request as Native};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use integration_tests::accounts::Account;
use integration_tests::site::{Request, Site};
use integration_tests::tower::{Tower, answer, native};
use integration_tests::world::{BOB, Setup, World};

use super::{alice, check};

fn layer(world: &World, is_lazy: bool) -> AuthLayer<Account> {
    let layer = AuthLayer::new(world.auth.clone());
    if is_lazy { layer.lazy() } else { layer }
}

fn login() -> RequireLayer {
    RequireLayer::new(Require::login())
}

/// Whom the extractor and the session handle name.
async fn show(request: Native) -> Response {
    let session = match Session::<Account>::of(&request) {
        Ok(session) => session,
        Err(error) => return error.into_response(),
    };
    let (mut parts, _) = request.into_parts();
    let user: Result<Option<CurrentUser<Account>>, Error> =
        <CurrentUser<Account> as OptionalFromRequestParts<()>>::from_request_parts(&mut parts, &()).await;
    match user {
        Ok(user) => {
            let name = |user: Option<&Account>| user.map_or("nobody".to_owned(), |user| user.name.clone());
            format!("{} {}", name(user.as_deref()), name(session.user().as_deref())).into_response()
        }
        Err(error) => error.into_response(),
    }
}

fn sites(world: &World, is_lazy: bool, inner: impl Fn(Router) -> Router) -> Vec<Box<dyn Site>> {
    let open = Router::new().route("/", get(show));
    let guarded = Router::new().route("/guarded", get(show).route_layer(login()));
    let router = inner(open.merge(guarded)).layer(layer(world, is_lazy));
    vec![Box::new(Tower::of("tower", router))]
}

const UNAUTHORIZED: &str = r#"{"type":"about:blank","title":"Unauthorized","status":401}"#;

async fn check_both(inner: fn(Router) -> Router, somebody: &str) {
    let request = |target: &'static str| move || Request::get(target);
    check(
        async |world, lazy| sites(world, lazy, inner),
        request("/"),
        (200, "nobody nobody"),
        (200, somebody),
    )
    .await;
    check(
        async |world, lazy| sites(world, lazy, inner),
        request("/guarded"),
        (401, UNAUTHORIZED),
        (200, somebody),
    )
    .await;
}

/// The idiom that lets a handler finish although its client went away.
#[tokio::test]
async fn a_handler_may_run_in_another_task() {
    async fn spawn(request: Native, next: Next) -> Response {
        tokio::spawn(next.run(request)).await.expect("it does not panic")
    }
    check_both(|router| router.layer(from_fn(spawn)), "alice alice").await;
}

#[tokio::test]
async fn a_buffer_may_stand_between() {
    let buffered = |router: Router| {
        let service = ServiceBuilder::new().buffer(8).service(router);
        let service = ::tower::util::MapErr::new(service, |error| -> Infallible { panic!("{error}") });
        Router::new().fallback_service(service)
    };
    check_both(buffered, "alice alice").await;
}

/// A service that looks before it makes its future.
#[tokio::test]
async fn the_session_is_there_in_call() {
    for is_lazy in [false, true] {
        let world = Setup::default().world().await;
        let service = service_fn(|request: Native| {
            let session = Session::<Account>::of(&request);
            async move {
                let found = session.expect("there is a layer").find_caller().await.expect("it is known");
                let name = found.map_or("nobody".to_owned(), |access| access.user().name.clone());
                Ok::<_, Infallible>(Response::new(Body::from(name)))
            }
        });
        let mut service = layer(&world, is_lazy).layer(service);
        let cookie = alice(&world).await;
        for (request, name) in
            [(Request::get("/"), "nobody"), (Request::get("/").with("cookie", &cookie), "alice")]
        {
            let Ok(response) = service.ready().await.expect("it never fails").call(native(request)).await;
            assert_eq!(answer(response).await.body, name, "lazy: {is_lazy}");
        }
    }
}

#[tokio::test]
async fn an_extractor_may_run_elsewhere() {
    async fn elsewhere(request: Native) -> Response {
        let (mut parts, _) = request.into_parts();
        let runtime = tokio::runtime::Handle::current();
        let extract = move || {
            runtime.block_on(async move {
                <CurrentUser<Account> as FromRequestParts<()>>::from_request_parts(&mut parts, &())
                    .await
                    .map(|user| user.name.clone())
            })
        };
        tokio::task::spawn_blocking(extract).await.expect("it does not panic").into_response()
    }
    let sites = async |world: &World, lazy: bool| -> Vec<Box<dyn Site>> {
        let router = Router::new().route("/", get(elsewhere)).layer(layer(world, lazy));
        vec![Box::new(Tower::of("tower", router)) as Box<dyn Site>]
    };
    check(sites, || Request::get("/"), (401, UNAUTHORIZED), (200, "alice")).await;
}

/// Where the layer put the caller, whoever takes it out makes nobody of the caller: for extractors and guards. A lazy layer
/// goes by the exchange alone.
#[tokio::test]
async fn the_extension_may_be_removed() {
    async fn remove(mut request: Native, next: Next) -> Response {
        request.extensions_mut().remove::<CurrentUser<Account>>();
        next.run(request).await
    }
    check_tampered(remove).await;
}

/// What somebody else put in its place proves nothing.
#[tokio::test]
async fn the_extension_may_not_be_replaced() {
    async fn replace(mut request: Native, next: Next) -> Response {
        let admin = CurrentUser(Arc::new(Account::new(1, "alice").may(&["members"])));
        request.extensions_mut().insert(admin);
        next.run(request).await
    }
    check_tampered(replace).await;
}

async fn check_tampered<F, Fut>(tamper: F)
where
    F: Fn(Native, Next) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Response> + Send + 'static,
{
    for is_lazy in [false, true] {
        let world = Setup::default().world().await;
        let cookie = alice(&world).await;
        let site = sites(&world, is_lazy, |router| router.layer(from_fn(tamper.clone()))).remove(0);
        let ask = |target| Request::get(target).with("cookie", &cookie);
        let expected = if is_lazy { (200, 200, "alice alice") } else { (200, 401, "nobody alice") };
        let (open, guarded) = (site.send(ask("/")).await, site.send(ask("/guarded")).await);
        assert_eq!((open.status, guarded.status, open.body.as_str()), expected, "lazy: {is_lazy}");
        let nobody = site.send(Request::get("/guarded")).await;
        assert_eq!(nobody.status, 401, "lazy: {is_lazy}: who presents nothing is made somebody by nobody");
    }
}

/// What the layer saw is what the request presents.
#[tokio::test]
async fn later_changes_of_headers_change_nobody() {
    async fn change(mut request: Native, next: Next) -> Response {
        let cookie = request.headers_mut().remove("x-cookie");
        request.headers_mut().remove("cookie");
        request.headers_mut().extend(cookie.map(|cookie| (axum::http::header::COOKIE, cookie)));
        next.run(request).await
    }
    check_both(|router| router.layer(from_fn(change)), "alice alice").await;
    for is_lazy in [false, true] {
        let world = Setup::default().world().await;
        let cookie = alice(&world).await;
        let site = sites(&world, is_lazy, |router| router.layer(from_fn(change))).remove(0);
        let answer = site.send(Request::get("/").with("x-cookie", cookie)).await;
        assert_eq!(answer.body, "nobody nobody", "lazy: {is_lazy}");
    }
}

/// Somebody who acts as another user is named by the application, and nobody else can be.
#[tokio::test]
async fn an_application_may_say_who_acts() {
    for is_lazy in [false, true] {
        let world = Setup::default().world().await;
        let auth = world.auth.clone();
        let act = move |mut request: Native, next: Next| {
            let acting = auth.dangerous_authenticated(Account::new(2, "bob").may(&["members"]), "local");
            async move {
                let acted = auth_tower::dangerous_acts_as(&mut request, acting.expect("a backend"));
                acted.expect("a layer");
                next.run(request).await
            }
        };
        let site = sites(&world, is_lazy, |router| router.layer(from_fn(act.clone()))).remove(0);
        world.events.take();
        let answer = site.send(Request::get("/guarded")).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "bob bob"), "lazy: {is_lazy}");
        assert_eq!(world.events.take(), ["acts as a user without proof by local of 2"], "lazy: {is_lazy}");
        assert_eq!(answer.one("cache-control"), "no-store");
    }
}

/// A handle that outlives its request writes what it is told, and says what it cannot do any more.
#[tokio::test]
async fn a_handle_may_outlive_its_request() {
    for is_lazy in [false, true] {
        let world = Setup::default().world().await;
        let cookie = alice(&world).await;
        let kept: Arc<Mutex<Option<Session<Account>>>> = Arc::default();
        let place = Arc::clone(&kept);
        let keep = async move |session: Session<Account>| {
            *place.lock().expect("nobody panicked") = Some(session);
            "kept"
        };
        let read = async |session: Session<Account>| {
            let value: Option<String> = session.get("late").await.expect("a session");
            value.unwrap_or_default()
        };
        let out = async |session: Session<Account>| {
            session.logout().await.expect("the store is up");
            "out"
        };
        let router =
            Router::new().route("/keep", get(keep)).route("/read", get(read)).route("/out", get(out));
        let site = Tower::of("tower", router.layer(layer(&world, is_lazy)));
        let ask = async |target| site.send(Request::get(target).with("cookie", &cookie)).await.body;
        assert_eq!(ask("/keep").await, "kept");
        let session = kept.lock().expect("nobody panicked").take().expect("the handler ran");
        session.insert("late", &"written").await.expect("it is written at once");
        assert_eq!(ask("/read").await, "written", "lazy: {is_lazy}");
        let told = session.rotate().await.expect_err("the response is gone").kind();
        assert_eq!(told, SessionErrorKind::Answered);
        let bob = session.authenticate(auth_core::Password::new("bob", BOB)).await.expect("bob");
        assert_eq!(session.login(bob).await.expect_err("no cookie").kind(), SessionErrorKind::Answered);
        let again = session.find_caller_again().await.expect("the store is up").expect("still alice");
        assert_eq!(again.user().name, "alice");
        assert_eq!(ask("/out").await, "out");
        assert!(session.find_caller_again().await.expect("the store is up").is_none(), "lazy: {is_lazy}");
        assert!(session.user().is_none());
    }
}

/// A socket that asks again learns that its user has enrolled a factor elsewhere, as every request does.
#[tokio::test]
async fn a_handle_that_outlives_its_request_is_asked_for_the_factor() {
    for is_lazy in [false, true] {
        let policy = Setup::default().second_factor(|_, enrolled| Needs::second_factor_if(enrolled));
        let world = policy.basic(None).world().await;
        let cookie = alice(&world).await;
        let kept: Arc<Mutex<Option<Session<Account>>>> = Arc::default();
        let place = Arc::clone(&kept);
        let keep = async move |session: Session<Account>| {
            *place.lock().expect("nobody panicked") = Some(session);
            "kept"
        };
        let clock = Arc::clone(&world.clock);
        let enrol = async move |session: Session<Account>| {
            let own = session.factors().await.expect("a fresh session");
            let enrolment = own.enrol_totp("alice", "phone").await.expect("a factor");
            let app: Totp = enrolment.secret.expose().parse().expect("a secret");
            let code = app.code(clock.now());
            let confirmed = own.confirm_totp(enrolment.id, code).await.expect("the app's code");
            confirmed.user().expect("it is a proof, too").name.clone()
        };
        let router = Router::new().route("/keep", get(keep)).route("/enrol", get(enrol));
        let site = Tower::of("tower", router.layer(layer(&world, is_lazy)));
        let ask = async |target, cookie| site.send(Request::get(target).with("cookie", cookie)).await.body;
        assert_eq!(ask("/keep", &cookie).await, "kept");
        let session = kept.lock().expect("nobody panicked").take().expect("the handler ran");
        assert!(session.find_caller_again().await.expect("the stores are up").is_some());
        assert_eq!(ask("/enrol", &alice(&world).await).await, "alice");
        assert!(session.find_caller_again().await.expect("the stores are up").is_none(), "lazy: {is_lazy}");
        assert!(session.user().is_none() && session.pending().await.expect("it is known").is_some());
    }
}

/// Whoever has the request finds its session, also if nobody asked before the answer.
#[tokio::test]
async fn a_session_may_be_asked_for_after_the_answer() {
    for is_lazy in [false, true] {
        let world = Setup::default().world().await;
        let cookie = alice(&world).await;
        let kept: Arc<Mutex<Option<Native>>> = Arc::default();
        let place = Arc::clone(&kept);
        let keep = async move |request: Native| *place.lock().expect("nobody panicked") = Some(request);
        let read = async |session: Session<Account>| {
            let value: Option<String> = session.get("late").await.expect("a session");
            value.unwrap_or_default()
        };
        let router = Router::new().route("/keep", get(keep)).route("/read", get(read));
        let site = Tower::of("tower", router.layer(layer(&world, is_lazy)));
        let take = || kept.lock().expect("nobody panicked").take().expect("the handler ran");
        let ask = |target| Request::get(target).with("cookie", &cookie);
        site.send(ask("/keep")).await;
        let session = Session::<Account>::of(&take()).expect("a layer");
        session.insert("late", &"written").await.expect("it is written at once");
        assert_eq!(site.send(ask("/read")).await.body, "written", "lazy: {is_lazy}");
        site.send(Request::get("/keep")).await;
        let nobody = Session::<Account>::of(&take()).expect("a layer");
        let bob = nobody.authenticate(auth_core::Password::new("bob", BOB)).await.expect("bob");
        assert_eq!(nobody.login(bob).await.expect_err("no cookie").kind(), SessionErrorKind::Answered);
    }
}

/// A handler that goes on in a task of its own although its client went away: nobody comes to save what it keeps.
#[tokio::test]
async fn a_handler_may_go_on_without_its_client() {
    async fn spawn(request: Native, next: Next) -> Response {
        tokio::spawn(next.run(request)).await.expect("it does not panic")
    }
    for is_lazy in [false, true] {
        let world = Setup::default().world().await;
        let cookie = alice(&world).await;
        let (done, mut finished) = tokio::sync::mpsc::unbounded_channel();
        let gate = Arc::clone(&world.gate);
        let write = async move |session: Session<Account>| {
            gate.pass().await;
            let written = session.insert("late", &"written").await.map_err(|error| error.kind());
            done.send((written, session.rotate().await.map_err(|error| error.kind())))
                .expect("the test waits");
        };
        let read = async |session: Session<Account>| {
            let value: Option<String> = session.get("late").await.expect("a session");
            value.unwrap_or_default()
        };
        let router = Router::new().route("/write", get(write)).route("/read", get(read));
        let site = Tower::of("tower", router.layer(from_fn(spawn)).layer(layer(&world, is_lazy)));
        let ask = |target| site.send(Request::get(target).with("cookie", &cookie));
        tokio::select! {
            answer = ask("/write") => panic!("it waits at the gate: {answer:?}"),
            () = world.gate.reached() => {}
        }
        world.gate.open();
        let done = finished.recv().await.expect("the handler goes on");
        assert_eq!(done, (Ok(()), Err(SessionErrorKind::Answered)), "lazy: {is_lazy}");
        assert_eq!(ask("/read").await.body, "written", "lazy: {is_lazy}");
    }
}
