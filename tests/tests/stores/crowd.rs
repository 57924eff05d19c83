//! Many requests that write one session at once.

use std::sync::Arc;

use auth_core::session::SessionStore;
use futures_util::future::join_all;
use integration_tests::actix;
use integration_tests::site::{Request, Site, answered};
use integration_tests::tower::Tower;
use integration_tests::world::{ALICE, Setup};

use crate::place::on_every_store;

on_every_store![no_value_is_lost, two_instances_lose_no_value, a_crowd_that_rotates_is_not_lost];

/// How many write at once.
const CROWD: usize = 32;

async fn log_in(site: &dyn Site) -> String {
    let login = Request::post("/login", &[("username", "alice"), ("password", ALICE)]);
    site.send(login).await.token().expect("a session")
}

/// Lets a crowd write a name each, by turns on these sites.
async fn write(sites: &[&dyn Site], token: &str) {
    let set = async |n: usize| {
        let fields = [("name", &*format!("key{n}")), ("value", "here")];
        let set = Request::post("/act/set", &fields).cookie(token);
        let answer = answered(sites[n % sites.len()], set).await;
        assert_eq!((answer.status, &*answer.body), (200, "set"), "key{n}: nobody logged out");
    };
    join_all((0..CROWD).map(set)).await;
    for n in 0..CROWD {
        let get = Request::get(&format!("/act/get?name=key{n}")).cookie(token);
        assert_eq!(answered(sites[0], get).await.body, "here", "key{n}");
    }
}

/// That many are at it is no logout (a browser's tab that saves a draft each second, twelve of them).
async fn no_value_is_lost(store: Arc<impl SessionStore>) {
    let world = Setup::default().world_over(store).await;
    let sites: [Box<dyn Site>; 4] = [
        Box::new(Tower::new(&world)),
        Box::new(Tower::lazy(&world)),
        actix::site(&world).await,
        actix::lazy(&world).await,
    ];
    for site in &sites {
        let token = log_in(&**site).await;
        write(&[&**site], &token).await;
    }
}

/// Instances do not know of each other's turns.
async fn two_instances_lose_no_value(store: Arc<impl SessionStore>) {
    let one = Setup::default().world_over(Arc::clone(&store)).await;
    let two = Setup::default().world_over(store).await;
    let (here, there) = (Tower::new(&one), actix::site(&two).await);
    let token = log_in(&here).await;
    write(&[&here, &*there], &token).await;
}

/// Logins of who is logged in already, among others who write: each new id is a session, and none is a dead one.
async fn a_crowd_that_rotates_is_not_lost(store: Arc<impl SessionStore>) {
    let world = Setup::default().world_over(store).await;
    let site = Tower::new(&world);
    let token = log_in(&site).await;
    let login = async |n: usize| {
        let fields = [("username", "alice"), ("password", ALICE)];
        let login = if n.is_multiple_of(2) {
            Request::post("/login", &fields)
        } else {
            Request::post("/act/set", &[("name", "a"), ("value", "b")])
        };
        let answer = answered(&site, login.cookie(&token)).await;
        // Whoever writes after the id is dead is told so.
        assert!([200, 303].contains(&answer.status) || !n.is_multiple_of(2), "{answer:?}");
        answer.token()
    };
    for token in join_all((0..CROWD / 2).map(login)).await.into_iter().flatten() {
        assert_eq!(answered(&site, Request::get("/who").cookie(&token)).await.body, "alice");
    }
}
