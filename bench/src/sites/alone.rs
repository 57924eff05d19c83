//! One look-up by a client alone, and nothing of a session: what no library over that client can be below.
//! The key is fixed, and the value as long as a session of ours.

use actix_web::error::ErrorInternalServerError;
use actix_web::{App, Error, web};
use axum::Router;
use axum::extract::State;
use axum::routing::get;
use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;
use sqlx::SqlitePool;

use super::{ALICE, Entry};

const KEY: &str = "one-look-up-alone";
const VALUE: [u8; 128] = [7; 128];

/// A connection to a server that has the key.
///
/// # Errors
/// If the server cannot be reached.
pub(crate) async fn redis(url: &str) -> Result<MultiplexedConnection, String> {
    let client = redis::Client::open(url).map_err(|error| error.to_string())?;
    let connection = client.get_multiplexed_async_connection().await;
    let mut connection = connection.map_err(|error| error.to_string())?;
    let () = connection.set(KEY, &VALUE[..]).await.map_err(|error| error.to_string())?;
    Ok(connection)
}

async fn ask_redis(mut connection: MultiplexedConnection) -> Option<String> {
    let value: Vec<u8> = connection.get(KEY).await.ok()?;
    (value == VALUE).then(|| ALICE.to_owned())
}

pub(crate) fn redis_on_axum(connection: MultiplexedConnection) -> Router {
    let me =
        async |State(connection): State<MultiplexedConnection>| ask_redis(connection).await.ok_or("no value");
    Router::new().route("/me", get(me)).with_state(connection)
}

pub(crate) fn redis_on_actix(connection: MultiplexedConnection) -> App<impl Entry> {
    App::new().app_data(web::Data::new(connection)).route("/me", web::get().to(me))
}

async fn me(connection: web::Data<MultiplexedConnection>) -> Result<String, Error> {
    let value = ask_redis(connection.get_ref().clone()).await;
    value.ok_or_else(|| ErrorInternalServerError("no value"))
}

/// The same from a table in `SQLite`, through sqlx's pool.
///
/// # Errors
/// If the database refuses.
pub(crate) async fn sqlite_on_axum(pool: SqlitePool) -> Result<Router, String> {
    let table = "create table alone (key text primary key not null, value blob not null)";
    sqlx::query(table).execute(&pool).await.map_err(|error| error.to_string())?;
    let insert = sqlx::query("insert into alone values (?, ?)").bind(KEY).bind(&VALUE[..]);
    insert.execute(&pool).await.map_err(|error| error.to_string())?;
    let me = async |State(pool): State<SqlitePool>| ask_sqlite(&pool).await.ok_or("no value");
    Ok(Router::new().route("/me", get(me)).with_state(pool))
}

async fn ask_sqlite(pool: &SqlitePool) -> Option<String> {
    let query = sqlx::query_scalar("select value from alone where key = ?").bind(KEY);
    let value: Vec<u8> = query.fetch_one(pool).await.ok()?;
    (value == VALUE).then(|| ALICE.to_owned())
}
