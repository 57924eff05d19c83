//! The application of this comparison, on axum: register, log in, log out, an account page, a page for members,
//! and a new password; users and sessions in `SQLite`.

use std::{env::var, net::SocketAddr, sync::Arc, time::Duration};

use auth_core::backend::UserSource;
use auth_core::password::PasswordPolicy;
use auth_core::session::{KeyRing, SessionConfig, SessionError, SessionErrorKind};
use auth_core::throttle::{MemoryThrottle, Throttle};
use auth_core::{Auth, Password, Passwords, Require, Secret, User};
use auth_sql::{NewUser, SqlSessions, SqlUser, SqlUsers, UserErrorKind, sqlx::SqlitePool};
use auth_tower::{AuthLayer, CurrentUser, Error, RequireLayer, Session};
use axum::extract::{Form, Query, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::{
    Router,
    routing::{get, post},
};
use serde::Deserialize;

const CREDENTIALS: &str = r#"<form method="post"><input name="username"><input name="password" type="password">
    <button>Go</button></form>"#;
const CHANGE: &str = r#"<form method="post"><input name="current" type="password"><input name="new" type="password">
    <button>Change</button></form>"#;
const ACCOUNT: &str = r#"<form method="post" action="/logout"><button>Log out</button></form>"#;

#[derive(Clone)]
struct Site {
    users: SqlUsers,
    policy: Arc<PasswordPolicy>,
}

#[derive(Deserialize)]
struct Credentials {
    username: String,
    password: Secret,
}

#[derive(Deserialize)]
struct Target {
    next: Option<String>,
}

#[derive(Deserialize)]
struct Change {
    current: Secret,
    new: Secret,
}

fn again(why: &str, form: &str) -> Response {
    (StatusCode::UNPROCESSABLE_ENTITY, Html(format!("<p>{why}</p>{form}"))).into_response()
}

async fn register(
    State(site): State<Site>,
    session: Session<SqlUser>,
    Form(form): Form<Credentials>,
) -> Result<Response, Error> {
    if let Err(weak) = site.policy.check(&form.password, &[&form.username]) {
        return Ok(again(&weak.to_string(), CREDENTIALS));
    }
    match site.users.register(NewUser::new(form.username).with_password(form.password)).await {
        Ok(registered) => Ok(session.login_registered("local", registered).await?.answer(Some("/account"))),
        Err(error) => match error.kind() {
            UserErrorKind::NameTaken => Ok(again("This name is taken.", CREDENTIALS)),
            UserErrorKind::InvalidName => Ok(again("This cannot be a name.", CREDENTIALS)),
            _ => Err(Error::unavailable(error)),
        },
    }
}

async fn log_in(
    session: Session<SqlUser>,
    Query(target): Query<Target>,
    Form(form): Form<Credentials>,
) -> Result<Response, Error> {
    let proof =
        session.authenticate(Password::new(form.username, form.password)).await.map_err(|denied| {
            let later = denied.retry_after().is_some();
            let why = if later { "Try again in a moment." } else { "That is not right." };
            Error::from(denied).with_page(format!("<p>{why}</p>{CREDENTIALS}"))
        })?;
    Ok(session.login(proof).await?.answer(target.next.as_deref().or(Some("/account"))))
}

async fn log_out(session: Session<SqlUser>) -> Result<Redirect, Error> {
    session.logout().await?;
    Ok(Redirect::to("/"))
}

async fn change_password(
    State(site): State<Site>,
    user: CurrentUser<SqlUser>,
    session: Session<SqlUser>,
    Form(form): Form<Change>,
) -> Result<Response, Error> {
    if let Err(weak) = site.policy.check(&form.new, &[user.username()]) {
        return Ok(again(&weak.to_string(), CHANGE));
    }
    let proof = session.authenticate(Password::new(user.username(), form.current)).await?;
    if proof.user().id() != user.id() {
        return Err(SessionError::from(SessionErrorKind::OtherUser).into());
    }
    site.users.set_password(&user.id(), Some(&form.new)).await.map_err(Error::unavailable)?;
    let changed = site.users.get_user(&user.id()).await.map_err(Error::unavailable)?;
    session.rebind(changed.ok_or(SessionError::from(SessionErrorKind::NoSession))?).await?;
    Ok(Redirect::to("/account").into_response())
}

async fn account(user: CurrentUser<SqlUser>) -> Html<String> {
    Html(format!("<p>You are {}</p>{ACCOUNT}", user.username().replace('&', "&amp;").replace('<', "&lt;")))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (address, secret, database) = (var("ADDRESS")?, var("SECRET")?, var("DATABASE")?);
    let pool = SqlitePool::connect(&format!("sqlite:{database}?mode=rwc")).await?;
    let users = SqlUsers::new(pool.clone(), Passwords::new()?);
    users.migrate().await?;
    let sessions = SqlSessions::new(pool);
    sessions.migrate().await?;
    tokio::spawn(sessions.clone().purge_every(Duration::from_mins(10)));

    let auth = Auth::builder()
        .backend::<Password>("local", users.clone())
        .sessions(sessions, SessionConfig::new(KeyRing::new(secret)?))
        .throttle(Throttle::new(MemoryThrottle::new(100_000)))
        .login_page("/login")
        .build()?;
    let app = Router::new()
        .route("/members", get("Members only").layer(RequireLayer::new(Require::permission("members"))))
        .route("/", get(Html("<a href=/account>Account</a>")))
        .route("/register", get(Html(CREDENTIALS)).post(register))
        .route("/login", get(Html(CREDENTIALS)).post(log_in))
        .route("/logout", post(log_out))
        .route("/account", get(account))
        .route("/password", get(async |_: CurrentUser<SqlUser>| Html(CHANGE)).post(change_password))
        .layer(AuthLayer::new(auth))
        .with_state(Site { users, policy: Arc::new(PasswordPolicy::new()) });
    let service = app.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(tokio::net::TcpListener::bind(address).await?, service).await?;
    Ok(())
}
