//! The test kit at applications that were not made for it: over SQL, and with another type of user.
#![allow(missing_docs)]

use actix_web::test::init_service;
use actix_web::web;
use auth_core::grant::Factor;
use auth_core::second_factor::Needs;
use auth_core::session::{KeyRing, SessionConfig};
use auth_core::{Auth, Password, Require, Secret, User};
use auth_sql::{SqlSessions, SqlUser, SqlUsers};
use auth_test::{Client, Failing, SignInErrorKind, dangerously_weak_passwords, sign_in, signed_in_as};
use auth_tower::{AuthLayer, CurrentUser, RequireLayer};
use axum::Router;
use axum::routing::get;
use integration_tests::accounts::Account;
use integration_tests::tower::Tower;
use integration_tests::world::{Setup, World};
use sqlx::sqlite::{SqlitePool, SqlitePoolOptions};

/// An application over SQL.
struct Shop {
    auth: Auth<SqlUser>,
    users: SqlUsers,
    sessions: Failing<SqlSessions>,
    carol: SqlUser,
}

impl Shop {
    async fn open() -> Self {
        let pool = one_connection().await;
        let users = SqlUsers::new(pool.clone(), dangerously_weak_passwords());
        users.migrate().await.unwrap();
        let carol = users.create_user("carol", Some(&Secret::new("correct horse"))).await.unwrap();
        let sessions = SqlSessions::new(pool);
        sessions.migrate().await.unwrap();
        let sessions = Failing::new(sessions);
        let config = SessionConfig::new(KeyRing::generate().unwrap());
        let auth = Auth::builder()
            .backend::<Password>("local", users.clone())
            .sessions(sessions.clone(), config)
            .login_page("/login");
        Self { auth: auth.build().unwrap(), users, sessions, carol }
    }

    fn tower(&self) -> Router {
        let orders = get(async |user: CurrentUser<SqlUser>| user.username().to_owned());
        Router::new()
            .route("/orders", orders.layer(RequireLayer::new(Require::permission("orders"))))
            .layer(AuthLayer::new(self.auth.clone()))
    }
}

async fn one_connection() -> SqlitePool {
    let options = SqlitePoolOptions::new().max_connections(1).idle_timeout(None).max_lifetime(None);
    options.connect("sqlite::memory:").await.unwrap()
}

#[tokio::test]
async fn users_of_a_table_are_signed_in() {
    let shop = Shop::open().await;
    let client = Client::new(shop.tower());
    client.get("/orders").await.assert_redirect("/login?next=/orders");
    client.sign_in(&shop.auth, signed_in_as(shop.carol.clone())).await;
    client.get("/orders").await.assert_status(403);
    shop.users.grant(&shop.carol.id(), "orders").await.unwrap();
    assert_eq!(client.get("/orders").await.assert_status(200).text(), "carol");
    shop.sessions.fail();
    client.get("/orders").await.assert_status(503);
    shop.sessions.recover();
    shop.users.set_password(&shop.carol.id(), Some(&Secret::new("another horse"))).await.unwrap();
    client.get("/orders").await.assert_status(303);
}

#[tokio::test]
async fn a_user_with_another_stamp_is_unknown() {
    let shop = Shop::open().await;
    shop.users.set_password(&shop.carol.id(), Some(&Secret::new("another horse"))).await.unwrap();
    let stale = sign_in(&shop.auth, signed_in_as(shop.carol.clone())).await.unwrap_err();
    assert_eq!(stale.kind(), SignInErrorKind::Unknown);
}

#[actix_web::test]
async fn the_same_over_actix_web() {
    let shop = Shop::open().await;
    shop.users.grant(&shop.carol.id(), "orders").await.unwrap();
    let orders = web::resource("/orders")
        .wrap(auth_actix::RequireLayer::new(Require::permission("orders")))
        .get(async |user: auth_actix::CurrentUser<SqlUser>| user.username().to_owned());
    let app = actix_web::App::new().service(orders).wrap(auth_actix::AuthLayer::new(shop.auth.clone()));
    let client = Client::actix(init_service(app).await);
    client.get("/orders").await.assert_redirect("/login?next=/orders");
    client.sign_in(&shop.auth, signed_in_as(shop.carol.clone())).await;
    assert_eq!(client.get("/orders").await.assert_status(200).text(), "carol");
}

fn alice() -> Account {
    Account::new(1, "alice").may(&["members"])
}

fn visit(world: &World) -> Client<auth_test::TowerApp<Router>> {
    Client::new(Tower::new(world).router())
}

/// The site that both adapters are tested with.
#[tokio::test]
async fn users_are_signed_in_at_the_parity_site() {
    let world = Setup::default().world().await;
    let client = visit(&world);
    client.sign_in(&world.auth, signed_in_as(alice())).await;
    assert_eq!(client.get("/who").await.text(), "alice");
    assert_eq!(visit(&world).get("/who").await.text(), "anonymous");
    client.post_form("/logout", &[]).await.assert_redirect("/");
    assert_eq!(client.get("/who").await.text(), "anonymous");
}

#[tokio::test]
async fn its_policy_of_second_factors_holds() {
    let world = Setup::default().second_factor(|_, _| Needs::second_factor()).world().await;
    let client = visit(&world);
    let first = client.sign_in(&world.auth, signed_in_as(alice())).await;
    assert!(first.is_pending());
    assert_eq!(client.get("/who").await.text(), "anonymous");
    client.sign_in(&world.auth, signed_in_as(alice()).with_second_factor(Factor::Totp)).await;
    assert_eq!(client.get("/verified").await.text(), "1 alice");
}
