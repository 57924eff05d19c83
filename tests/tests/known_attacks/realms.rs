//! Two sites that keep their sessions in one store, with one secret: ids of users, and even stamps, are equal on both, and
//! a browser that knows one of them sends its cookie to the other.

use std::time::Duration;

use auth_core::backend::{Confirmation, DenyReason, Outcome};
use auth_core::session::{SessionStore, Written};
use auth_core::time::Clock;
use integration_tests::authority::Authority;
use integration_tests::client::everywhere;
use integration_tests::site::{Request, Site};
use integration_tests::tower::Tower;
use integration_tests::world::{ALICE, BOB, Setup, World};

fn forum() -> Setup {
    Setup::default().sessions(|sessions| sessions.realm("forum"))
}

async fn log_in(site: &dyn Site, (username, password): (&str, &str)) -> String {
    let login = Request::post("/login", &[("username", username), ("password", password)]);
    site.send(login).await.token().expect("a session")
}

async fn who(site: &dyn Site, token: &str) -> String {
    site.send(Request::get("/who").cookie(token)).await.body
}

fn forum_beside(world: &World) -> (World, Tower) {
    let forum = forum().restarted(world);
    let site = Tower::new(&forum);
    (forum, site)
}

#[tokio::test]
async fn a_session_of_another_site_is_nobodys_and_stays() {
    everywhere(Setup::default(), async |mut client| {
        let (forum, other) = forum_beside(client.world);
        let token = client.login("alice", ALICE).await;
        forum.events.take();
        let answer = other.send(Request::get("/who").cookie(&token)).await;
        assert_eq!(answer.body, "anonymous");
        assert_eq!(answer.all("set-cookie"), [""; 0], "the cookie stays");
        assert_eq!(forum.events.take(), ["session not judged: OtherRealm"]);
        for target in ["/act/set", "/act/rotate", "/act/others", "/act/list"] {
            let answer = other.send(Request::post(target, &[("name", "a")]).cookie(&token)).await;
            assert_eq!(answer.status, 401, "{target}: {answer:?}");
        }
        assert_eq!(client.who().await, "alice", "at {}", client.site());
        // And the other way round.
        let token = log_in(&other, ("bob", BOB)).await;
        let answer = client.probe(Request::get("/who").cookie(&token)).await;
        assert_eq!(answer.body, "anonymous");
    })
    .await;
}

/// Nothing that is done at one site reaches the other's sessions of the "same" user.
#[tokio::test]
async fn nothing_ends_the_other_sites_sessions() {
    everywhere(Setup::default(), async |mut client| {
        let (_forum, other) = forum_beside(client.world);
        let here = client.login("alice", ALICE).await;
        let there = log_in(&other, ("alice", ALICE)).await;
        assert_eq!(client.get("/act/list").await.body, "1 1", "each has its own list of devices");
        assert_eq!(client.post("/act/others", &[]).await.body, "0");
        assert_eq!(who(&other, &there).await, "alice");
        let key = client.world.store.keys()[1];
        client.post("/act/revoke", &[("key", &key.to_string())]).await;
        assert_eq!(who(&other, &there).await, "alice", "nobody revokes what they cannot list");
        // With the cookie of the other one.
        client.probe(Request::post("/logout", &[]).cookie(&there)).await;
        assert_eq!(who(&other, &there).await, "alice", "a logout ends this site's");
        let login = Request::post("/login", &[("username", "bob"), ("password", BOB)]);
        client.probe(login.cookie(&there)).await;
        assert_eq!(who(&other, &there).await, "alice", "a login replaces this site's");
        let answer = client.probe(Request::get("/who").cookie(&here)).await;
        assert_eq!(answer.body, "alice");
    })
    .await;
}

/// The most sessions that a user may have are counted at each site.
#[tokio::test]
async fn the_most_are_counted_at_each_site() {
    let world = Setup::default().sessions(|sessions| sessions.max_per_user(2)).world().await;
    let (_forum, other) = forum_beside(&world);
    let site = Tower::new(&world);
    let there = log_in(&other, ("alice", ALICE)).await;
    let mut here = Vec::new();
    for _ in 0..2 {
        here.push(log_in(&site, ("alice", ALICE)).await);
    }
    assert_eq!(who(&other, &there).await, "alice");
    for token in here {
        assert_eq!(who(&site, &token).await, "alice");
    }
}

/// An outside system that refuses somebody says so of one site's users.
#[tokio::test]
async fn who_is_refused_at_one_site_stays_at_the_other() {
    const EVERY: Duration = Duration::from_secs(900);
    let authority = Authority::default();
    let world = authority.setup(Confirmation::every(EVERY)).world().await;
    let (_forum, other) = forum_beside(&world);
    let site = Tower::new(&world);
    let here = log_in(&site, ("alice", ALICE)).await;
    let there = log_in(&other, ("alice", ALICE)).await;
    authority.says(Outcome::Deny(DenyReason::Disabled));
    world.clock.advance(EVERY);
    assert_eq!(who(&site, &here).await, "anonymous");
    assert_eq!(who(&other, &there).await, "alice");
}

/// Takes the realm out of the only session, as it was before there were any.
async fn forget_the_realm(world: &World) {
    let (store, now) = (&world.store, world.clock.now());
    let key = store.keys()[0];
    let stored = store.load(&key, now).await.unwrap().expect("it is there");
    let mut record = stored.record.as_ref().clone();
    record.realm = None;
    assert_eq!(store.update(&key, stored.version, &record, now).await.unwrap(), Written::Done);
}

/// A session of no site is of each, until one of them writes it.
#[tokio::test]
async fn a_session_of_before_belongs_to_who_writes_it() {
    for target in ["/act/set", "/act/rotate"] {
        everywhere(Setup::default(), async |mut client| {
            let (_forum, other) = forum_beside(client.world);
            let token = client.login("alice", ALICE).await;
            forget_the_realm(client.world).await;
            assert_eq!(who(&other, &token).await, "alice", "{target}");
            let answer = client.probe(Request::post(target, &[("name", "a")]).cookie(&token)).await;
            assert_eq!(answer.status, 200, "{target}: {answer:?}");
            let token = answer.token().unwrap_or(token);
            assert_eq!(who(&other, &token).await, "anonymous", "{target} at {}", client.site());
            let who = client.probe(Request::get("/who").cookie(&token)).await;
            assert_eq!(who.body, "alice", "{target} at {}", client.site());
        })
        .await;
    }
}
