//! The API on axum. Read it beside `bin/api-actix.rs`.

use std::error::Error as StdError;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use api::{Answer, Callers, Keys, Login, Made, Options, READ, WRITE, Wanted, callers};
use auth_sql::SqlUser;
use auth_tower::auth_core::{Password, Require};
use auth_tower::{AuthLayer, CurrentUser, Error, RequireLayer, Session};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn StdError>> {
    demo_site::log_to_stderr();
    let options = Options::from_command_line();
    let Callers { auth, keys } = callers(&options).await?;
    let orders = get(read_orders)
        .layer(RequireLayer::new(Require::scope(READ)))
        .merge(post(make_order).layer(RequireLayer::new(Require::scope(WRITE))));
    let fresh = Require::login().fresh(Duration::from_mins(15));
    let app = Router::new()
        .route("/login", post(log_in))
        .route("/orders", orders)
        .route("/keys", post(make_key).layer(RequireLayer::new(fresh)))
        .with_state(keys)
        .layer(AuthLayer::new(auth));
    let listener = demo_site::bind(options.listen)?;
    let shutdown = demo_site::shutdown()?;
    demo_site::announce(&listener)?;
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(TcpListener::from_std(listener)?, app).with_graceful_shutdown(shutdown).await?;
    Ok(())
}

async fn log_in(session: Session<SqlUser>, Json(login): Json<Login>) -> Result<Response, Error> {
    let authenticated = session.authenticate(Password::from(login)).await?;
    let signed_in = session.login(authenticated).await?;
    Ok(match signed_in.user() {
        Some(_) => StatusCode::NO_CONTENT.into_response(),
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
    State(keys): State<Arc<Keys>>,
    session: Session<SqlUser>,
    Json(wanted): Json<Wanted>,
) -> Result<Response, Error> {
    Ok(match wanted.to_key() {
        Ok(new) => {
            let made = Made::from(session.create_api_key(&keys, new).await?);
            (StatusCode::CREATED, Json(made)).into_response()
        }
        Err(why) => (StatusCode::BAD_REQUEST, why).into_response(),
    })
}
