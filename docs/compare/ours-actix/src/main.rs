//! The application of this comparison, on actix-web: register, log in, log out, an account page, a page for members,
//! and a new password; users and sessions in `SQLite`.

use std::{env::var, time::Duration};

use actix_web::web::{Data, Form, Html, Query, Redirect, ServiceConfig, get, post, resource};
use actix_web::{App, HttpResponse, HttpServer, Responder, rt};
use auth_actix::{AuthLayer, CurrentUser, Error, RequireLayer, Session};
use auth_core::backend::UserSource;
use auth_core::password::PasswordPolicy;
use auth_core::session::{KeyRing, SessionConfig, SessionError, SessionErrorKind};
use auth_core::throttle::{MemoryThrottle, Throttle};
use auth_core::{Auth, Password, Passwords, Require, Secret, User};
use auth_sql::{NewUser, SqlSessions, SqlUser, SqlUsers, UserErrorKind, sqlx::SqlitePool};
use serde::Deserialize;

const CREDENTIALS: &str = r#"<form method="post"><input name="username"><input name="password" type="password">
    <button>Go</button></form>"#;
const CHANGE: &str = r#"<form method="post"><input name="current" type="password"><input name="new" type="password">
    <button>Change</button></form>"#;
const ACCOUNT: &str = r#"<form method="post" action="/logout"><button>Log out</button></form>"#;

struct Site {
    users: SqlUsers,
    policy: PasswordPolicy,
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

fn again(why: &str, form: &str) -> HttpResponse {
    HttpResponse::UnprocessableEntity()
        .content_type("text/html; charset=utf-8")
        .body(format!("<p>{why}</p>{form}"))
}

async fn register(
    site: Data<Site>,
    session: Session<SqlUser>,
    Form(form): Form<Credentials>,
) -> Result<HttpResponse, Error> {
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
    target: Query<Target>,
    Form(form): Form<Credentials>,
) -> Result<HttpResponse, Error> {
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
    Ok(Redirect::to("/").see_other())
}

async fn change_password(
    site: Data<Site>,
    user: CurrentUser<SqlUser>,
    session: Session<SqlUser>,
    Form(form): Form<Change>,
) -> Result<HttpResponse, Error> {
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
    Ok(HttpResponse::SeeOther().insert_header(("location", "/account")).finish())
}

async fn account(user: CurrentUser<SqlUser>) -> Html {
    Html::new(format!(
        "<p>You are {}</p>{ACCOUNT}",
        user.username().replace('&', "&amp;").replace('<', "&lt;")
    ))
}

async fn change_form(_: CurrentUser<SqlUser>) -> Html {
    Html::new(CHANGE)
}

async fn credentials_form() -> impl Responder {
    Html::new(CREDENTIALS)
}

fn routes(app: &mut ServiceConfig) {
    let members = resource("/members").wrap(RequireLayer::new(Require::permission("members")));
    app.service(members.route(get().to(async || "Members only")))
        .route("/", get().to(async || Html::new("<a href=/account>Account</a>")))
        .service(resource("/register").route(get().to(credentials_form)).route(post().to(register)))
        .service(resource("/login").route(get().to(credentials_form)).route(post().to(log_in)))
        .service(resource("/logout").route(post().to(log_out)))
        .service(resource("/account").route(get().to(account)))
        .service(resource("/password").route(get().to(change_form)).route(post().to(change_password)));
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (address, secret, database) = (var("ADDRESS")?, var("SECRET")?, var("DATABASE")?);
    let pool = SqlitePool::connect(&format!("sqlite:{database}?mode=rwc")).await?;
    let users = SqlUsers::new(pool.clone(), Passwords::new()?);
    users.migrate().await?;
    let sessions = SqlSessions::new(pool);
    sessions.migrate().await?;
    rt::spawn(sessions.clone().purge_every(Duration::from_mins(10)));

    let auth = Auth::builder()
        .backend::<Password>("local", users.clone())
        .sessions(sessions, SessionConfig::new(KeyRing::new(secret)?))
        .throttle(Throttle::new(MemoryThrottle::new(100_000)))
        .login_page("/login")
        .build()?;
    let site = Data::new(Site { users, policy: PasswordPolicy::new() });
    let app = move || App::new().app_data(site.clone()).configure(routes).wrap(AuthLayer::new(auth.clone()));
    HttpServer::new(app).bind(address)?.run().await?;
    Ok(())
}
