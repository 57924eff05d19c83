//! How many sessions one user may have.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use auth_core::remote_user::RemoteUserHeader;
use auth_core::session::{SessionConfig, SessionStore, UserSessions};
use auth_core::time::Clock;
use auth_core::{BackendName, UserId};
use futures_util::future::join_all;
use integration_tests::site::{Answer, Request, Site};
use integration_tests::tower::Tower;
use integration_tests::world::{ALICE, BOB, Setup, World};

use crate::place::{ROOM, on_every_store};

on_every_store![
    a_client_without_a_cookie_jar_keeps_nobody_out,
    many_logins_at_once_leave_as_many_as_may_be,
    the_longest_unused_makes_room,
];

const PROXY: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 7));

fn named(name: &str) -> Request {
    Request::get("/who").from(PROXY).with("x-remote-user", name)
}

fn setup() -> Setup {
    let header = RemoteUserHeader::new("X-Remote-User").unwrap().trusted_peer("10.0.0.7").unwrap();
    Setup::default().remote_user(header)
}

async fn log_in(site: &dyn Site, (username, password): (&str, &str)) -> Answer {
    site.send(Request::post("/login", &[("username", username), ("password", password)])).await
}

async fn count(store: &impl SessionStore, world: &World, backend: &str, id: u64) -> usize {
    let (backend, user) = (BackendName::new(backend).unwrap(), UserId::from(id));
    store.list_user(UserSessions::everywhere(&backend, &user), world.clock.now()).await.unwrap().len()
}

/// A monitor behind a proxy, or a person with `curl`: each request begins a session.
async fn a_client_without_a_cookie_jar_keeps_nobody_out(store: Arc<impl SessionStore>) {
    let world = setup().world_over(Arc::clone(&store)).await;
    let site = Tower::new(&world);
    for _ in 0..3 * ROOM {
        let answer = site.send(named("alice")).await;
        assert_eq!((answer.status, &*answer.body), (200, "alice"));
        assert!(answer.token().is_some());
    }
    assert_eq!(count(&*store, &world, "proxy", 1).await, SessionConfig::MAX_PER_REMOTE_USER);
    assert_eq!(log_in(&site, ("bob", BOB)).await.status, 303, "there is room for others");
    assert_eq!(site.send(named("carol")).await.body, "carol");
}

async fn many_logins_at_once_leave_as_many_as_may_be(store: Arc<impl SessionStore>) {
    const MOST: usize = 5;
    let setup = setup().sessions(|sessions| sessions.max_per_user(MOST).max_per_remote_user(MOST));
    let world = setup.world_over(Arc::clone(&store)).await;
    let site = Tower::new(&world);
    let logins = join_all((0..ROOM - 10).map(|_| log_in(&site, ("alice", ALICE)))).await;
    let named = join_all((0..ROOM - 10).map(|_| site.send(named("alice")))).await;
    let by_header = count(&*store, &world, "proxy", 1).await;
    assert!((MOST - 1..=MOST).contains(&by_header), "{by_header}");
    // What is refused for now hands out nothing.
    assert!(named.iter().all(|answer| answer.token().is_some() != (answer.status == 503)));
    let left = count(&*store, &world, "local", 1).await;
    assert!((MOST - 1..=MOST).contains(&left), "{left}");
    let mut alive = 0;
    for token in logins.iter().filter_map(Answer::token) {
        alive += usize::from(site.send(Request::get("/who").cookie(&token)).await.body == "alice");
    }
    assert_eq!(alive, left, "each that is left is somebody's");
}

/// Not the oldest: that one may be the only one in use.
async fn the_longest_unused_makes_room(store: Arc<impl SessionStore>) {
    let setup = Setup::default().sessions(|sessions| sessions.max_per_user(2));
    let world = setup.world_over(store).await;
    let site = Tower::new(&world);
    let who = |token: &str| Request::get("/who").cookie(token);
    let mut tokens = Vec::new();
    for _ in 0..2 {
        tokens.push(log_in(&site, ("alice", ALICE)).await.token().unwrap());
        world.clock.advance(std::time::Duration::from_secs(120));
    }
    assert_eq!(site.send(who(&tokens[0])).await.body, "alice", "it is used again");
    world.clock.advance(std::time::Duration::from_secs(1));
    tokens.push(log_in(&site, ("alice", ALICE)).await.token().unwrap());
    let mut names = Vec::new();
    for token in &tokens {
        names.push(site.send(who(token)).await.body);
    }
    assert_eq!(names, ["alice", "anonymous", "alice"]);
}
