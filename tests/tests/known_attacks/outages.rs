//! A store that hangs, and logouts that it does not confirm. Time is tokio's, and stands still.

use std::time::Duration;

use integration_tests::client::{everywhere, everywhere_eager};
use integration_tests::expected::{passed_on, personal, problem};
use integration_tests::faults::Mode;
use integration_tests::site::{Request, Site};
use integration_tests::tower::Tower;
use integration_tests::world::{ALICE, Setup};
use tokio::task::yield_now;
use tokio::time::{self, Instant};

/// Lets background tasks run, without moving the clock.
async fn settle() {
    for _ in 0..10 {
        yield_now().await;
    }
}

#[tokio::test]
async fn a_store_or_backend_that_hangs_is_given_up() {
    everywhere(Setup::default(), async |mut client| {
        client.login("alice", ALICE).await;
        let world = client.world;
        let limits = [
            ("store", &world.store.reads, Duration::from_secs(1)),
            ("users", &world.users.loading, Duration::from_secs(5)),
        ];
        time::pause();
        for (name, switch, limit) in limits {
            switch.set(Mode::Hangs);
            let start = Instant::now();
            assert_eq!(client.get("/who").await, problem(503), "{name}");
            assert_eq!(start.elapsed().as_secs(), limit.as_secs(), "{name}");
            switch.set(Mode::Works);
            assert_eq!(client.get("/who").await, personal("alice"), "{name}");
        }
        world.store.writes.set(Mode::Hangs);
        let start = Instant::now();
        let set = client.post("/act/set", &[("name", "a"), ("value", "b")]).await;
        assert_eq!((set, start.elapsed().as_secs()), (passed_on(503), 2));
        world.store.writes.set(Mode::Works);
        world.users.judging.set(Mode::Hangs);
        let start = Instant::now();
        let login = client.post("/login", &[("username", "alice"), ("password", ALICE)]).await;
        assert_eq!((login, start.elapsed().as_secs()), (passed_on(503), 5));
        assert_eq!(client.who().await, "alice");
        time::resume();
    })
    .await;
}

/// CVE-2021-34428: the logout failed, and the session lived on.
#[tokio::test]
async fn a_failed_logout_is_tried_until_the_store_confirms() {
    for mode in [Mode::Fails, Mode::Hangs, Mode::Panics] {
        everywhere_eager(Setup::default(), async |mut client| {
            let world = client.world;
            let token = client.login("alice", ALICE).await;
            let elsewhere = Tower::new(&Setup::default().restarted(world));
            let who = || Request::get("/who").cookie(&token);
            time::pause();
            world.store.writes.set(mode);
            assert_eq!(client.post("/logout", &[]).await.status, 503);
            assert_eq!(client.bare(who()).await.body, "anonymous", "dead here, at once");
            assert_eq!(elsewhere.send(who()).await.body, "alice", "another process cannot know");
            for _ in 0..3 {
                time::advance(Duration::from_secs(31)).await;
                settle().await;
                assert_eq!(world.store.sessions.len(), 1);
                assert_eq!(client.bare(who()).await.body, "anonymous", "still dead");
            }
            assert!(world.store.count("delete") > 2, "it is tried again");
            world.store.writes.set(Mode::Works);
            time::advance(Duration::from_secs(31)).await;
            settle().await;
            time::advance(Duration::from_secs(31)).await;
            settle().await;
            assert!(world.store.sessions.is_empty(), "{mode:?}");
            assert_eq!(elsewhere.send(who()).await.body, "anonymous");
            time::resume();
        })
        .await;
    }
}

/// Logouts are remembered while the store is down, so that they count. Anybody can send one, of a session that never
/// was: those are tried once and not remembered, or they would take the places of real ones.
#[tokio::test]
async fn logouts_of_nothing_take_no_place() {
    everywhere(Setup::default(), async |client| {
        let world = client.world;
        world.store.writes.set(Mode::Fails);
        for n in 0..100 {
            let got = client.bare(Request::post("/logout", &[]).cookie(&format!("{n:043}"))).await;
            // It may be an id that a session had once: that it has ended could not be confirmed.
            assert_eq!((got.status, got.one("set-cookie").contains("Max-Age=0")), (503, true));
        }
        settle().await;
        assert_eq!(world.store.count("delete"), 100, "none is tried again");
    })
    .await;
}

/// The client goes away while the store is at it.
#[tokio::test]
async fn a_logout_whose_client_goes_away_is_still_one() {
    let world = Setup::default().world().await;
    let site = Tower::new(&world);
    let login = Request::post("/login", &[("username", "alice"), ("password", ALICE)]);
    let token = site.send(login).await.token().unwrap();
    time::pause();
    world.store.writes.set(Mode::Hangs);
    let logout = site.send(Request::post("/logout", &[]).cookie(&token));
    assert!(integration_tests::bare::Abandoned::after(1, logout).await.is_none());
    world.store.writes.set(Mode::Works);
    assert_eq!(site.send(Request::get("/who").cookie(&token)).await.body, "anonymous");
    settle().await;
    time::advance(Duration::from_secs(31)).await;
    settle().await;
    assert!(world.store.sessions.is_empty());
}

/// A logout that happens twice, or of nothing, or by nobody, is one all the same.
#[tokio::test]
async fn logout_is_idempotent() {
    everywhere(Setup::default(), async |mut client| {
        let token = client.login("alice", ALICE).await;
        for _ in 0..3 {
            let got = client.bare(Request::post("/logout", &[]).cookie(&token)).await;
            assert_eq!(got.status, 303);
            assert_eq!(client.bare(Request::get("/who").cookie(&token)).await.body, "anonymous");
        }
    })
    .await;
}
