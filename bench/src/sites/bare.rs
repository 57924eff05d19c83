//! The frameworks alone: what every other figure is compared with.

use actix_web::{App, HttpResponse, web};
use axum::Router;
use axum::http::StatusCode;
use axum::routing::{get, post};

use super::Entry;

pub(crate) fn router() -> Router {
    Router::new()
        .route("/static", get(|| async { String::from("static") }))
        .route("/open", get(|| async { String::from("anonymous") }))
        .route("/me", get(|| async { String::from("alice") }))
        .route("/guarded", get(|| async { StatusCode::UNAUTHORIZED }))
        .route("/session", get(|| async { String::from("anonymous") }))
        .route("/account", get(|| async { String::from("alice") }))
        .route("/login", post(|| async { String::from("welcome") }))
}

pub(crate) fn app() -> App<impl Entry> {
    App::new()
        .route("/static", web::get().to(async || String::from("static")))
        .route("/open", web::get().to(async || String::from("anonymous")))
        .route("/me", web::get().to(async || String::from("alice")))
        .route("/guarded", web::get().to(async || HttpResponse::Unauthorized()))
        .route("/session", web::get().to(async || String::from("anonymous")))
        .route("/account", web::get().to(async || String::from("alice")))
        .route("/login", web::post().to(async || String::from("welcome")))
}
