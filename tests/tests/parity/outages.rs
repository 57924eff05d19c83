//! A store or backend that is down. Hanging ones are in `known_attacks`.

use integration_tests::client::{Client, everywhere, everywhere_eager};
use integration_tests::expected::{
    REMOVE_COOKIE, SET_COOKIE, anonymous, grpc, page, passed_on, personal, problem, public, sent_to,
};
use integration_tests::faults::{Mode, Switch};
use integration_tests::site::Request;
use integration_tests::world::{ALICE, BOB, Setup, World};

type Break = fn(&World) -> &Switch;

/// 503 wherever somebody asks, the cookie is kept, and works again afterwards.
#[tokio::test]
async fn an_outage_is_a_503_and_logs_nobody_out() {
    let table: [(&str, Break, Mode); 4] = [
        ("store fails", |world| &world.store.reads, Mode::Fails),
        ("store panics", |world| &world.store.reads, Mode::Panics),
        ("users fail", |world| &world.users.loading, Mode::Fails),
        ("users panic", |world| &world.users.loading, Mode::Panics),
    ];
    for (name, broken, mode) in table {
        everywhere(Setup::default(), async |mut client| {
            client.login("alice", ALICE).await;
            broken(client.world).set(mode);
            refused_for_now(&mut client, name).await;
            broken(client.world).set(Mode::Works);
            assert_eq!(client.get("/who").await, personal("alice"), "{name}");
            assert_eq!(client.get("/private").await, personal("secret"), "{name}");
        })
        .await;
    }
}

async fn refused_for_now(client: &mut Client<'_>, name: &str) {
    for path in ["/who", "/me", "/private", "/both"] {
        assert_eq!(client.get(path).await, problem(503), "{name} {path}");
        let got = client.send(Request::get(path).navigating()).await;
        assert_eq!(got, page(503), "{name} {path}");
        let got = client.send(Request::get(path).with("content-type", "application/grpc")).await;
        assert_eq!(got, grpc("14", "unavailable"), "{name} {path}");
    }
    assert_eq!(client.another().get("/who").await, anonymous("anonymous"), "{name}: nobody needs no store");
    assert_eq!(client.another().get("/").await, public("home"));
    assert!(client.jar.token().is_some(), "{name}: the cookie is kept");
}

/// A backend that cannot decide refuses a login with a 503 and Basic likewise.
#[tokio::test]
async fn a_backend_that_cannot_decide_is_a_503() {
    for mode in [Mode::Fails, Mode::Panics] {
        everywhere(Setup::default(), async |mut client| {
            client.world.users.judging.set(mode);
            let fields = [("username", "alice"), ("password", ALICE)];
            assert_eq!(client.post("/login", &fields).await, passed_on(503));
            assert_eq!(client.bare(Request::get("/me").basic("alice", ALICE)).await, problem(503));
            assert!(client.world.store.sessions.is_empty());
            client.world.users.judging.set(Mode::Works);
            assert_eq!(client.post("/login", &fields).await.masked(), sent_to("/", SET_COOKIE));
            assert_eq!(
                client.another().bare(Request::get("/me").basic("alice", ALICE)).await,
                personal("1 alice")
            );
        })
        .await;
    }
}

/// A store that cannot write lets nobody in, and keeps in who is.
#[tokio::test]
async fn a_store_that_cannot_write() {
    everywhere(Setup::default(), async |mut client| {
        client.login("alice", ALICE).await;
        client.world.store.writes.set(Mode::Fails);
        client.world.clock.advance(std::time::Duration::from_secs(120));
        assert_eq!(client.get("/who").await, personal("alice"), "its use cannot be noted: that is no logout");
        let set = client.post("/act/set", &[("name", "a"), ("value", "b")]).await;
        assert_eq!(set, passed_on(503));
        let mut bob = client.another();
        assert_eq!(bob.post("/login", &[("username", "bob"), ("password", BOB)]).await, passed_on(503));
        assert!(bob.jar.token().is_none(), "no cookie for a session that does not exist");
        client.world.store.writes.set(Mode::Works);
        assert_eq!(client.value("a").await, "-");
        assert_eq!(client.who().await, "alice");
    })
    .await;
}

/// A logout that the store did not confirm says so, removes the cookie, and is a logout here all the same.
#[tokio::test]
async fn a_logout_that_the_store_does_not_confirm() {
    everywhere_eager(Setup::default(), async |mut client| {
        let token = client.login("alice", ALICE).await;
        client.world.store.writes.set(Mode::Fails);
        let mut expected = passed_on(503);
        expected.headers.insert(3, ("set-cookie".into(), REMOVE_COOKIE.into()));
        assert_eq!(client.post("/logout", &[]).await, expected);
        assert!(client.jar.token().is_none());
        assert_eq!(client.bare(Request::get("/who").cookie(&token)).await, anonymous("anonymous"));
        assert_eq!(client.world.store.sessions.len(), 1, "the record is still there");
    })
    .await;
}
