//! A site with accounts, to start from.

mod account;
mod config;
mod customer;
mod pages;
mod site;

use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderValue};
use actix_web::web::{Data, Json, ServiceConfig, get, post, resource};
use actix_web::{App, Error, HttpResponse, body::{BoxBody, MessageBody}, middleware::{Next, from_fn}};
use auth_actix::{AuthLayer, CurrentUser, RequireLayer};
use serde_json::{Value, json};

use pages::page;
pub use {config::Config, customer::Customer, site::Site};

const STYLE: &str = include_str!("../static/style.css");

/// The whole application. The last `wrap` is the outermost: a request passes them from below.
pub fn app(site: Site) -> App<
    impl ServiceFactory<ServiceRequest, Config = (), Response = ServiceResponse<impl MessageBody>, Error = Error, InitError = ()>,
> {
    let (rule, auth) = (RequireLayer::new(site.rule.clone()), AuthLayer::new(site.auth.clone()));
    App::new().app_data(Data::new(site)).configure(routes).wrap(from_fn(error_pages)).wrap(rule).wrap(auth)
}

fn routes(app: &mut ServiceConfig) {
    let register = get().to(async || page(HttpResponse::Ok(), pages::Register::default()));
    let login = get().to(async || page(HttpResponse::Ok(), pages::Login::default()));
    app.route("/", get().to(home))
        .route("/health", get().to(health))
        .route("/style.css", get().to(async || HttpResponse::Ok().content_type("text/css").body(STYLE)))
        .service(resource("/register").route(register).route(post().to(account::register)))
        .service(resource("/login").route(login).route(post().to(account::log_in)))
        .service(resource("/logout").route(post().to(account::log_out)))
        .service(resource("/account").route(get().to(account::show)))
        .service(resource("/account/keys").route(post().to(account::make_key)))
        .service(resource("/account/keys/{id}/revoke").route(post().to(account::revoke_key)))
        .service(resource("/api/me").route(get().to(api_me)));
}

async fn home(user: Option<CurrentUser<Customer>>) -> HttpResponse {
    page(HttpResponse::Ok(), pages::Home { user: user.as_deref() })
}

async fn health(site: Data<Site>) -> HttpResponse {
    // Users, sessions and keys are all in this database.
    let answered = sqlx::query("SELECT 1").execute(&site.pool).await;
    if answered.is_ok() { HttpResponse::NoContent().finish() } else { HttpResponse::ServiceUnavailable().finish() }
}

/// For a browser's session and a script's key alike.
async fn api_me(user: CurrentUser<Customer>) -> Json<Value> {
    Json(json!({ "username": user.username(), "email": user.email, "display_name": user.display_name }))
}

/// The site's own pages in place of short answers, for browsers. Forms show again by themselves what is wrong (401, 422, 429).
async fn error_pages(
    user: Option<CurrentUser<Customer>>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let accepts = request.headers().get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    let is_browser = accepts.is_some_and(|accept| accept.contains("text/html"));
    let mut response = next.call(request).await?.map_into_boxed_body();
    let status = response.status().as_u16();
    if is_browser && matches!(status, 403 | 404 | 405 | 500 | 503) {
        let html = HeaderValue::from_static("text/html; charset=utf-8");
        response.headers_mut().insert(header::CONTENT_TYPE, html);
        let text = pages::text(pages::Error { user: user.as_deref(), status });
        response = response.map_body(|_, _| BoxBody::new(text));
    }
    let policy = HeaderValue::from_static("default-src 'self'; frame-ancestors 'none'");
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    Ok(response)
}
