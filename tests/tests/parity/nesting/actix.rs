//! The shapes in which actix-web's users nest middlewares.

use std::rc::Rc;

use actix_web::body::{MessageBody, to_bytes};
use actix_web::dev::{Service as _, ServiceRequest, ServiceResponse};
use actix_web::middleware::{Next, from_fn};
use actix_web::test::{TestRequest, init_service};
use actix_web::web::{self, ServiceConfig};
use actix_web::{App, Error, FromRequest, HttpMessage, HttpRequest};
use auth_actix::{AuthLayer, CurrentUser, RequireLayer, Session};
use auth_core::Require;
use integration_tests::accounts::Account;
use integration_tests::actix::of;
use integration_tests::site::Site;
use integration_tests::world::World;

use super::{Worlds, page};

fn layer(world: &World, is_lazy: bool) -> AuthLayer<Account> {
    let layer = AuthLayer::new(world.auth.clone());
    if is_lazy { layer.lazy() } else { layer }
}

fn login() -> RequireLayer {
    RequireLayer::new(Require::login())
}

async fn show(request: HttpRequest) -> String {
    let extension = request.extensions().get::<CurrentUser<Account>>().map(|user| user.name.clone());
    let session = Session::<Account>::extract(&request).await.expect("a layer");
    let extractor = Option::<CurrentUser<Account>>::extract(&request).await.expect("infallible");
    let extractor = extractor.map(|user| user.name.clone());
    let session = session.user().map(|user| user.name.clone());
    page(extractor.as_deref(), extension.as_deref(), session.as_deref())
}

async fn who(user: Option<CurrentUser<Account>>) -> String {
    user.map_or_else(|| "anonymous".into(), |user| user.name.clone())
}

async fn pass<B: MessageBody>(request: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<B>, Error> {
    next.call(request).await
}

fn guarded() -> actix_web::Resource {
    web::resource("/guarded")
}

fn open() -> actix_web::Resource {
    web::resource("/open")
}

type Routes = Box<dyn FnOnce(&mut ServiceConfig)>;

/// The customers' middleware around everything.
async fn around(worlds: &Worlds, name: &'static str, routes: Routes) -> Box<dyn Site> {
    let app = App::new()
        .wrap(layer(&worlds.customers, worlds.is_lazy))
        .service(web::resource("/customers").to(who))
        .configure(routes);
    of(name, init_service(app).await)
}

pub(super) async fn shapes(worlds: &Worlds) -> Vec<Box<dyn Site>> {
    let mut sites = Vec::new();
    for (name, routes) in routes(worlds) {
        sites.push(around(worlds, name, routes).await);
    }
    sites
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn routes(worlds: &Worlds) -> Vec<(&'static str, Routes)> {
    let (staff, customers) = (worlds.staff.clone(), worlds.customers.clone());
    let is_lazy = worlds.is_lazy;
    let layer_of = |world: &World| {
        let world = world.clone();
        move || layer(&world, is_lazy)
    };
    let (staff, customers) = (layer_of(&staff), layer_of(&customers));
    let mut shapes: Vec<(&'static str, Routes)> = Vec::new();
    let layer = staff.clone();
    shapes.push((
        "two middlewares of a resource",
        Box::new(move |app| {
            app.service(guarded().wrap(login()).wrap(layer()).to(show));
            app.service(open().wrap(layer()).to(show));
        }),
    ));
    let layer = staff.clone();
    shapes.push((
        "a function between layer and guard",
        Box::new(move |app| {
            app.service(guarded().wrap(login()).wrap(from_fn(pass)).wrap(layer()).to(show));
            app.service(open().wrap(from_fn(pass)).wrap(layer()).to(show));
        }),
    ));
    let layer = staff.clone();
    shapes.push((
        "a function between the layers",
        Box::new(move |app| {
            app.service(guarded().wrap(login()).wrap(layer()).wrap(from_fn(pass)).to(show));
            app.service(open().wrap(layer()).wrap(from_fn(pass)).to(show));
        }),
    ));
    let layer = staff.clone();
    shapes.push((
        "a scope",
        Box::new(move |app| {
            let scope = web::scope("").wrap(layer());
            app.service(scope.service(guarded().wrap(login()).to(show)).service(open().to(show)));
        }),
    ));
    let layer = staff.clone();
    shapes.push((
        "middlewares of routes",
        Box::new(move |app| {
            let guarded = guarded().route(web::get().to(show).wrap(login()).wrap(layer()));
            app.service(guarded).service(open().route(web::get().to(show).wrap(layer())));
        }),
    ));
    shapes.push((
        "three layers",
        Box::new(move |app| {
            let outer = web::scope("").wrap(customers());
            let inner = web::scope("").wrap(staff());
            let inner = inner.service(guarded().wrap(login()).to(show)).service(open().to(show));
            app.service(outer.service(inner));
        }),
    ));
    shapes
}

/// A site whose handler asks a site of its own, in process and without the cookie.
pub(super) async fn batches(worlds: &Worlds) -> Box<dyn Site> {
    let inner = App::new()
        .wrap(layer(&worlds.customers, worlds.is_lazy))
        .service(guarded().wrap(login()).to(show))
        .service(open().to(show));
    let inner = Rc::new(init_service(inner).await);
    let batch = move |user: CurrentUser<Account>| {
        let inner = Rc::clone(&inner);
        async move {
            let get = |target| TestRequest::get().uri(target).to_request();
            let guarded = inner.call(get("/guarded")).await.expect("an answer").status().as_u16();
            let shown = inner.call(get("/open")).await.expect("an answer").into_body();
            let Ok(shown) = to_bytes(shown).await else { panic!("the body cannot be read") };
            format!("{} asked: {guarded} and {}", user.name, String::from_utf8_lossy(&shown))
        }
    };
    around(worlds, "a batch", Box::new(move |app| _ = app.service(web::resource("/batch").to(batch)))).await
}
