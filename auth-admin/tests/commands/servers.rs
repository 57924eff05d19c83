//! The same on servers: users and sessions there, and sessions in Redis.

use test_servers::{MariaDb, Postgres, Redis};

use crate::factors::factors_are_listed_and_reset;
use crate::import::an_import_is_whole;
use crate::sessions::sessions_are_listed_and_ended;
use crate::site::Site;
use crate::users::a_password_from_an_administrator_is_temporary;

#[tokio::test]
async fn postgres() {
    let server = Postgres::start();
    let site = Site::on(server.url(), None);
    sessions_are_listed_and_ended(&site).await;
    an_import_is_whole(&site).await;
    factors_are_listed_and_reset(&site).await;
    a_password_from_an_administrator_is_temporary(&site).await;
}

#[tokio::test]
async fn maria_db_with_sessions_in_redis() {
    let (server, redis) = (MariaDb::start(), Redis::new().start());
    let site = Site::on(server.url(), Some(redis.url()));
    sessions_are_listed_and_ended(&site).await;
    an_import_is_whole(&site).await;
    factors_are_listed_and_reset(&site).await;
    a_password_from_an_administrator_is_temporary(&site).await;
}
