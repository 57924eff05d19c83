//! On actix-web.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::{Next, from_fn};
use actix_web::test::init_service;
use actix_web::{App, Error, FromRequest, HttpMessage, HttpRequest, web};
use auth_actix::{AuthLayer, CurrentUser, RequireLayer, Session};
use auth_core::Require;
use auth_core::session::SessionErrorKind;
use integration_tests::accounts::Account;
use integration_tests::actix::of;
use integration_tests::site::{Request, Site};
use integration_tests::world::{Setup, World};

use super::alice;

fn layer(world: &World, is_lazy: bool) -> AuthLayer<Account> {
    let layer = AuthLayer::new(world.auth.clone());
    if is_lazy { layer.lazy() } else { layer }
}

/// Whom the extractor and the session handle name.
async fn show(request: HttpRequest) -> String {
    let user = Option::<CurrentUser<Account>>::extract(&request).await.expect("infallible");
    let session = Session::<Account>::extract(&request).await.expect("a layer");
    let name = |user: Option<&Account>| user.map_or("nobody".to_owned(), |user| user.name.clone());
    format!("{} {}", name(user.as_deref()), name(session.user().as_deref()))
}

async fn site(
    world: &World,
    is_lazy: bool,
    tamper: impl Fn(&ServiceRequest) + Clone + 'static,
) -> Box<dyn Site> {
    let tampering = from_fn(move |request: ServiceRequest, next: Next<_>| {
        tamper(&request);
        async move { next.call(request).await }
    });
    let guard = RequireLayer::new(Require::login());
    let app = App::new()
        .wrap(tampering)
        .wrap(layer(world, is_lazy))
        .service(web::resource("/guarded").wrap(guard).to(show))
        .service(web::resource("/").to(show));
    of("actix", init_service(app).await)
}

async fn check_tampered(tamper: impl Fn(&ServiceRequest) + Clone + 'static) {
    for is_lazy in [false, true] {
        let world = Setup::default().world().await;
        let cookie = alice(&world).await;
        let site = site(&world, is_lazy, tamper.clone()).await;
        let ask = |target| Request::get(target).with("cookie", &cookie);
        let expected = if is_lazy { (200, 200, "alice alice") } else { (200, 401, "nobody alice") };
        let (open, guarded) = (site.send(ask("/")).await, site.send(ask("/guarded")).await);
        assert_eq!((open.status, guarded.status, open.body.as_str()), expected, "lazy: {is_lazy}");
        let nobody = site.send(Request::get("/guarded")).await;
        assert_eq!(nobody.status, 401, "lazy: {is_lazy}: who presents nothing is made somebody by nobody");
    }
}

#[actix_web::test]
async fn the_extension_may_be_removed() {
    check_tampered(|request| _ = request.extensions_mut().remove::<CurrentUser<Account>>()).await;
}

#[actix_web::test]
async fn the_extension_may_not_be_replaced() {
    let admin = || CurrentUser(Arc::new(Account::new(1, "alice").may(&["members"])));
    check_tampered(move |request| _ = request.extensions_mut().insert(admin())).await;
}

#[actix_web::test]
async fn an_application_may_say_who_acts() {
    for is_lazy in [false, true] {
        let world = Setup::default().world().await;
        let auth = world.auth.clone();
        let act = move |request: &ServiceRequest| {
            let acting = auth.dangerous_authenticated(Account::new(2, "bob").may(&["members"]), "local");
            auth_actix::dangerous_acts_as(request.request(), acting.expect("a backend")).expect("a layer");
        };
        let site = site(&world, is_lazy, act).await;
        world.events.take();
        let answer = site.send(Request::get("/guarded")).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "bob bob"), "lazy: {is_lazy}");
        assert_eq!(world.events.take(), ["acts as a user without proof by local of 2"], "lazy: {is_lazy}");
        assert_eq!(answer.one("cache-control"), "no-store");
    }
}

/// All clones of a request have one map of extensions: what an outer middleware reads after the inner service answered is
/// its own layer's again, whether the inner layer knew somebody or nobody, and whether it called anybody.
#[actix_web::test]
async fn after_an_inner_layer_the_outer_one_is_there_again() {
    async fn note<B: MessageBody>(
        seen: web::Data<RefCell<Vec<String>>>,
        request: ServiceRequest,
        next: Next<B>,
    ) -> Result<ServiceResponse<B>, Error> {
        let response = next.call(request).await?;
        let request = response.request().clone();
        let user = request.extensions().get::<CurrentUser<Account>>().map(|user| user.name.clone());
        let shown = show(request).await;
        seen.borrow_mut().push(format!("{} {shown}", user.unwrap_or("nobody".into())));
        Ok(response)
    }
    for is_lazy in [false, true] {
        let customers = Setup::default().world().await;
        let staff = Setup::default().sessions(|config| config.cookie_name("staff")).basic(None).world().await;
        let (customer, staff_cookie) = (alice(&customers).await, alice(&staff).await);
        let seen = web::Data::new(RefCell::new(Vec::<String>::new()));
        let guard = RequireLayer::new(Require::login());
        let app = App::new()
            .app_data(seen.clone())
            .wrap(from_fn(note))
            .wrap(layer(&customers, is_lazy))
            .service(web::resource("/").wrap(guard).wrap(layer(&staff, is_lazy)).to(show));
        let site = of("actix", init_service(app).await);
        let alice = if is_lazy { "nobody alice alice" } else { "alice alice alice" };
        for (cookies, inside, after) in [
            (customer.clone(), 401, alice),
            (staff_cookie.clone(), 200, "nobody nobody nobody"),
            (format!("{customer}; {staff_cookie}"), 200, alice),
            (format!("{customer}; staff=a; staff=b"), 401, alice),
        ] {
            let answer = site.send(Request::get("/").with("cookie", &cookies)).await;
            assert_eq!(answer.status, inside, "{cookies}, lazy: {is_lazy}");
            assert_eq!(*seen.borrow(), [after], "{cookies}, lazy: {is_lazy}");
            seen.borrow_mut().clear();
        }
    }
}

#[actix_web::test]
async fn a_handle_may_outlive_its_request() {
    for is_lazy in [false, true] {
        let world = Setup::default().world().await;
        let cookie = alice(&world).await;
        let kept: Rc<RefCell<Option<Session<Account>>>> = Rc::default();
        let place = Rc::clone(&kept);
        let keep = move |session: Session<Account>| {
            *place.borrow_mut() = Some(session);
            async { "kept" }
        };
        let read = async |session: Session<Account>| {
            let value: Option<String> = session.get("late").await.expect("a session");
            value.unwrap_or_default()
        };
        let out = async |session: Session<Account>| {
            session.logout().await.expect("the store is up");
            "out"
        };
        let app = App::new()
            .wrap(layer(&world, is_lazy))
            .service(web::resource("/keep").to(keep))
            .service(web::resource("/read").to(read))
            .service(web::resource("/out").to(out));
        let site = of("actix", init_service(app).await);
        let ask = async |target| site.send(Request::get(target).with("cookie", &cookie)).await.body;
        assert_eq!(ask("/keep").await, "kept");
        let session = kept.borrow_mut().take().expect("the handler ran");
        session.insert("late", &"written").await.expect("it is written at once");
        assert_eq!(ask("/read").await, "written", "lazy: {is_lazy}");
        assert_eq!(session.rotate().await.expect_err("no cookie").kind(), SessionErrorKind::Answered);
        let again = session.find_caller_again().await.expect("the store is up").expect("still alice");
        assert_eq!(again.user().name, "alice");
        assert_eq!(ask("/out").await, "out");
        assert!(session.find_caller_again().await.expect("the store is up").is_none(), "lazy: {is_lazy}");
        assert!(session.user().is_none());
    }
}
