//! The page on axum. Read it beside `bin/ldap-then-sql-actix.rs`.

use std::error::Error as StdError;
use std::net::SocketAddr;

use auth_sql::SqlUser;
use auth_tower::auth_core::Password;
use auth_tower::{AuthLayer, Error, Session};
use axum::http::{HeaderName, HeaderValue};
use axum::response::{Html, Redirect, Response};
use axum::routing::{MethodRouter, get, post};
use axum::{Form, Router};
use demo_site::{ASSETS, Asset, SECURITY_HEADERS};
use ldap_then_sql::{Login, Options, auth, page};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn StdError>> {
    demo_site::log_to_stderr();
    let options = Options::from_command_line();
    let site = Router::new()
        .route("/", get(home))
        .route("/login", post(log_in))
        .route("/logout", post(log_out))
        .layer(AuthLayer::new(auth(&options).await?));
    let app = ASSETS.iter().fold(site, |router, asset| router.route(&asset.path, file(asset)));
    let app = app.layer(axum::middleware::map_response(with_security_headers));
    let listener = demo_site::bind(options.listen)?;
    let shutdown = demo_site::shutdown()?;
    demo_site::announce(&listener)?;
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(TcpListener::from_std(listener)?, app).with_graceful_shutdown(shutdown).await?;
    Ok(())
}

async fn home(session: Session<SqlUser>) -> Html<String> {
    Html(page(session.user().as_deref(), session.backend(), None))
}

async fn log_in(session: Session<SqlUser>, Form(login): Form<Login>) -> Result<Response, Error> {
    let authenticated = session.authenticate(Password::from(login)).await.map_err(|denied| {
        let again = page(None, None, Some(&denied));
        Error::from(denied).with_page(again)
    })?;
    Ok(session.login(authenticated).await?.answer(None))
}

async fn log_out(session: Session<SqlUser>) -> Result<Redirect, Error> {
    session.logout().await?;
    Ok(Redirect::to("/"))
}

fn file(asset: &'static Asset) -> MethodRouter {
    get(|| async { ([("content-type", asset.content_type), Asset::KEPT], asset.body) })
}

async fn with_security_headers(mut response: Response) -> Response {
    for (name, value) in SECURITY_HEADERS {
        let (name, value) = (HeaderName::from_static(name), HeaderValue::from_static(value));
        response.headers_mut().insert(name, value);
    }
    response
}
