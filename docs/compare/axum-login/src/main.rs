//! The application of this comparison, with axum-login: register, log in, log out, an account page, a page for members,
//! and a new password; users and sessions in SQLite.

mod users;

use std::env::var;

use axum::extract::{Form, Query};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::{
    Router,
    routing::{get, post},
};
use axum_login::tower_sessions::{ExpiredDeletion, Expiry, SessionManagerLayer};
use axum_login::{AuthManagerLayerBuilder, login_required, permission_required};
use serde::Deserialize;
use sqlx::{SqlitePool, sqlite::SqliteConnectOptions};
use tower_sessions_sqlx_store::SqliteStore;

use users::{AuthSession, Backend, Credentials};

const CREDENTIALS: &str = r#"<form method="post"><input name="username"><input name="password" type="password">
    <button>Go</button></form>"#;
const CHANGE: &str = r#"<form method="post"><input name="current" type="password"><input name="new" type="password">
    <button>Change</button></form>"#;
const ACCOUNT: &str = r#"<form method="post" action="/logout"><button>Log out</button></form>"#;

#[derive(Deserialize)]
struct Target {
    next: Option<String>,
}

#[derive(Deserialize)]
struct Change {
    current: String,
    new: String,
}

fn again(why: &str, form: &str) -> Response {
    (StatusCode::UNPROCESSABLE_ENTITY, Html(format!("<p>{why}</p>{form}"))).into_response()
}

/// The answer to what failed.
fn failed<E>(_: E) -> StatusCode {
    StatusCode::INTERNAL_SERVER_ERROR
}

async fn register(mut session: AuthSession, Form(form): Form<Credentials>) -> Result<Response, StatusCode> {
    let Some(user) = session.backend.register(form).await.map_err(failed)? else {
        return Ok(again("This name is taken.", CREDENTIALS));
    };
    session.login(&user).await.map_err(failed)?;
    Ok(Redirect::to("/account").into_response())
}

async fn log_in(
    mut session: AuthSession,
    Query(target): Query<Target>,
    Form(form): Form<Credentials>,
) -> Result<Response, StatusCode> {
    let Some(user) = session.authenticate(form).await.map_err(failed)? else {
        let page = Html(format!("<p>That is not right.</p>{CREDENTIALS}"));
        return Ok((StatusCode::UNAUTHORIZED, page).into_response());
    };
    session.login(&user).await.map_err(failed)?;
    Ok(Redirect::to(target.next.as_deref().unwrap_or("/account")).into_response())
}

async fn log_out(mut session: AuthSession) -> Result<Redirect, StatusCode> {
    session.logout().await.map_err(failed)?;
    Ok(Redirect::to("/"))
}

async fn change_password(mut session: AuthSession, Form(form): Form<Change>) -> Result<Response, StatusCode> {
    let user = session.user.clone().ok_or(StatusCode::UNAUTHORIZED)?;
    let credentials = Credentials { username: user.username.clone(), password: form.current };
    if session.authenticate(credentials).await.map_err(failed)?.is_none() {
        return Ok((StatusCode::UNAUTHORIZED, Html(CHANGE)).into_response());
    }
    let changed = session.backend.set_password(&user, form.new).await.map_err(failed)?;
    session.login(&changed).await.map_err(failed)?;
    Ok(Redirect::to("/account").into_response())
}

async fn account(session: AuthSession) -> Result<Html<String>, StatusCode> {
    let user = session.user.ok_or(StatusCode::UNAUTHORIZED)?;
    Ok(Html(format!("<p>You are {}</p>{ACCOUNT}", user.username.replace('&', "&amp;").replace('<', "&lt;"))))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (address, database) = (var("ADDRESS")?, var("DATABASE")?);
    let db = SqlitePool::connect_with(SqliteConnectOptions::new().filename(database).create_if_missing(true))
        .await?;
    sqlx::migrate!().run(&db).await?;
    let store = SqliteStore::new(db.clone());
    store.migrate().await?;
    tokio::spawn(store.clone().continuously_delete_expired(std::time::Duration::from_secs(600)));

    let sessions = SessionManagerLayer::new(store).with_expiry(Expiry::OnInactivity(time::Duration::days(1)));
    let auth = AuthManagerLayerBuilder::new(Backend { db }, sessions).build();
    let members = Router::new()
        .route("/members", get("Members only"))
        .route_layer(permission_required!(Backend, "members"))
        .route_layer(login_required!(Backend, login_url = "/login"));
    let app = Router::new()
        .route("/account", get(account))
        .route("/password", get(Html(CHANGE)).post(change_password))
        .route_layer(login_required!(Backend, login_url = "/login"))
        .merge(members)
        .route("/", get(Html("<a href=/account>Account</a>")))
        .route("/register", get(Html(CREDENTIALS)).post(register))
        .route("/login", get(Html(CREDENTIALS)).post(log_in))
        .route("/logout", post(log_out))
        .layer(auth);
    axum::serve(tokio::net::TcpListener::bind(address).await?, app).await?;
    Ok(())
}
