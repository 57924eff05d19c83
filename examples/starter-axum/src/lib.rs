//! A site with accounts, to start from.

mod account;
mod config;
mod customer;
mod pages;
mod site;

use auth_core::{ConfigError, Require};
use auth_tower::{AuthLayer, CurrentUser, RequireLayer};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, Response};
use axum::{Json, Router, middleware::{Next, from_fn}, routing::{get, post}};
use serde_json::{Value, json};

use pages::page;
pub use {config::Config, customer::Customer, site::Site};

const STYLE: &str = include_str!("../static/style.css");

/// All routes. Each asks for a login, unless it is named here.
pub fn router(site: Site) -> Result<Router, ConfigError> {
    let rule = Require::login().except(["/", "/login", "/register", "/health", "/style.css"])?;
    let auth = AuthLayer::new(site.auth.clone());
    Ok(Router::new()
        .route("/", get(home))
        .route("/health", get(health))
        .route("/style.css", get(async || ([(header::CONTENT_TYPE, "text/css")], STYLE)))
        .route("/register", get(async || page(pages::Register::default())).post(account::register))
        .route("/login", get(async || page(pages::Login::default())).post(account::log_in))
        .route("/logout", post(account::log_out))
        .route("/account", get(account::show))
        .route("/account/keys", post(account::make_key))
        .route("/account/keys/{id}/revoke", post(account::revoke_key))
        .route("/api/me", get(api_me))
        .with_state(site)
        .fallback(async || StatusCode::NOT_FOUND)
        // From here, the last one is the outermost: a request passes them from below.
        .layer(from_fn(error_pages))
        .layer(RequireLayer::new(rule))
        .layer(auth))
}

async fn home(user: Option<CurrentUser<Customer>>) -> Html<String> {
    page(pages::Home { user: user.as_deref() })
}

async fn health(State(site): State<Site>) -> StatusCode {
    // Users, sessions and keys are all in this database.
    let answered = sqlx::query("SELECT 1").execute(&site.pool).await;
    if answered.is_ok() { StatusCode::NO_CONTENT } else { StatusCode::SERVICE_UNAVAILABLE }
}

/// For a browser's session and a script's key alike.
async fn api_me(user: CurrentUser<Customer>) -> Json<Value> {
    Json(json!({ "username": user.username(), "email": user.email, "display_name": user.display_name }))
}

/// The site's own pages in place of short answers, for browsers. Forms show again by themselves what is wrong (401, 422, 429).
async fn error_pages(user: Option<CurrentUser<Customer>>, request: Request, next: Next) -> Response {
    let accepts = request.headers().get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    let is_browser = accepts.is_some_and(|accept| accept.contains("text/html"));
    let (mut parts, mut body) = next.run(request).await.into_parts();
    let status = parts.status.as_u16();
    if is_browser && matches!(status, 403 | 404 | 405 | 500 | 503) {
        parts.headers.remove(header::CONTENT_LENGTH);
        parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        body = page(pages::Error { user: user.as_deref(), status }).0.into();
    }
    let policy = HeaderValue::from_static("default-src 'self'; frame-ancestors 'none'");
    parts.headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    Response::from_parts(parts, body)
}
