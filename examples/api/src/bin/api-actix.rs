//! The API on actix-web. Read it beside `main.rs`.

use std::error::Error as StdError;
use std::time::Duration;

use actix_web::web::{self, Data, Json};
use actix_web::{App, HttpResponse, HttpServer};
use api::{Answer, Callers, Keys, Login, Made, Options, READ, WRITE, Wanted, callers};
use auth_actix::auth_core::{Password, Require};
use auth_actix::{AuthLayer, CurrentUser, Error, RequireLayer, Session};
use auth_sql::SqlUser;

#[tokio::main]
async fn main() -> Result<(), Box<dyn StdError>> {
    demo_site::log_to_stderr();
    let options = Options::from_command_line();
    let Callers { auth, keys } = callers(&options).await?;
    let listener = demo_site::bind(options.listen)?;
    let shutdown = demo_site::shutdown()?;
    let app = move || {
        let orders = web::resource("/orders")
            .route(web::get().to(read_orders).wrap(RequireLayer::new(Require::scope(READ))))
            .route(web::post().to(make_order).wrap(RequireLayer::new(Require::scope(WRITE))));
        let fresh = RequireLayer::new(Require::login().fresh(Duration::from_mins(15)));
        App::new().app_data(Data::from(keys.clone())).service(
            web::scope("")
                .service(web::resource("/login").route(web::post().to(log_in)))
                .service(orders)
                .service(web::resource("/keys").route(web::post().to(make_key).wrap(fresh)))
                .wrap(AuthLayer::new(auth.clone())),
        )
    };
    demo_site::announce(&listener)?;
    HttpServer::new(app).shutdown_signal(shutdown).shutdown_timeout(5).listen(listener)?.run().await?;
    Ok(())
}

async fn log_in(session: Session<SqlUser>, login: Json<Login>) -> Result<HttpResponse, Error> {
    let authenticated = session.authenticate(Password::from(login.into_inner())).await?;
    let signed_in = session.login(authenticated).await?;
    Ok(match signed_in.user() {
        Some(_) => HttpResponse::NoContent().finish(),
        None => signed_in.answer(None),
    })
}

async fn read_orders(user: CurrentUser<SqlUser>, session: Session<SqlUser>) -> Json<Answer> {
    Json(Answer::new("read", &user, session.backend()))
}

async fn make_order(user: CurrentUser<SqlUser>, session: Session<SqlUser>) -> Json<Answer> {
    Json(Answer::new("made", &user, session.backend()))
}

async fn make_key(
    keys: Data<Keys>,
    session: Session<SqlUser>,
    wanted: Json<Wanted>,
) -> Result<HttpResponse, Error> {
    Ok(match wanted.to_key() {
        Ok(new) => {
            let made = Made::from(session.create_api_key(&keys, new).await?);
            HttpResponse::Created().json(made)
        }
        Err(why) => HttpResponse::BadRequest().body(why),
    })
}
