//! The page on actix-web. Read it beside `main.rs`.

use std::error::Error as StdError;

use actix_web::middleware::DefaultHeaders;
use actix_web::web::{Form, Html, Redirect, ServiceConfig};
use actix_web::{App, HttpResponse, HttpServer, Responder, get, post, web};
use auth_actix::auth_core::Password;
use auth_actix::{AuthLayer, Error, Session};
use auth_sql::SqlUser;
use demo_site::{ASSETS, Asset, SECURITY_HEADERS};
use ldap_then_sql::{Login, Options, auth, page};

#[tokio::main]
async fn main() -> Result<(), Box<dyn StdError>> {
    demo_site::log_to_stderr();
    let options = Options::from_command_line();
    let auth = auth(&options).await?;
    let listener = demo_site::bind(options.listen)?;
    let shutdown = demo_site::shutdown()?;
    let app = move || {
        let headers = SECURITY_HEADERS.into_iter().fold(DefaultHeaders::new(), DefaultHeaders::add);
        let site = web::scope("").service(home).service(log_in).service(log_out);
        App::new().wrap(headers).configure(files).service(site.wrap(AuthLayer::new(auth.clone())))
    };
    demo_site::announce(&listener)?;
    HttpServer::new(app).shutdown_signal(shutdown).shutdown_timeout(5).listen(listener)?.run().await?;
    Ok(())
}

#[get("/")]
async fn home(session: Session<SqlUser>) -> Html {
    Html::new(page(session.user().as_deref(), session.backend(), None))
}

#[post("/login")]
async fn log_in(session: Session<SqlUser>, login: Form<Login>) -> Result<HttpResponse, Error> {
    let authenticated = session.authenticate(Password::from(login.into_inner())).await.map_err(|denied| {
        let again = page(None, None, Some(&denied));
        Error::from(denied).with_page(again)
    })?;
    Ok(session.login(authenticated).await?.answer(None))
}

#[post("/logout")]
async fn log_out(session: Session<SqlUser>) -> Result<Redirect, Error> {
    session.logout().await?;
    Ok(Redirect::to("/").see_other())
}

fn files(config: &mut ServiceConfig) {
    for asset in ASSETS.iter() {
        config.route(&asset.path, web::get().to(|| async { file(asset) }));
    }
}

fn file(asset: &'static Asset) -> impl Responder {
    asset.body.customize().insert_header(("content-type", asset.content_type)).insert_header(Asset::KEPT)
}
