//! Values in a session, as far as they concern both adapters.

use std::time::Duration;

use futures_util::future::join_all;
use integration_tests::client::everywhere;
use integration_tests::expected::{REMOVE_COOKIE, anonymous, passed_on, personal, sent_to};
use integration_tests::site::{Request, Site};
use integration_tests::tower::Tower;
use integration_tests::world::{ALICE, Setup};

fn set(name: &str, value: &str) -> Request {
    Request::post("/act/set", &[("name", name), ("value", value)])
}

#[tokio::test]
async fn values_are_kept() {
    everywhere(Setup::default(), async |mut client| {
        let first = client.login("alice", ALICE).await;
        assert_eq!(client.send(set("a", "1")).await, personal("set"));
        assert_eq!(client.value("a").await, "1");
        client.post("/act/rotate", &[]).await;
        assert_ne!(client.jar.token().unwrap(), first);
        assert_eq!(client.value("a").await, "1", "rotated");
        client.send(set("b", "2")).await;
        assert_eq!(client.value("a").await, "1", "another was written");
        client.post("/act/unset", &[("name", "a")]).await;
        client.post("/act/unset", &[("name", "never there")]).await;
        assert_eq!((client.value("a").await.as_str(), client.value("b").await.as_str()), ("-", "2"));
        client.post("/act/unset", &[("name", "b")]).await;
        assert_eq!(client.who().await, "alice", "a session without values");
        assert_eq!(client.world.store.sessions.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn logout_deletes_all() {
    everywhere(Setup::default(), async |mut client| {
        let token = client.login("alice", ALICE).await;
        client.send(set("a", "1")).await;
        assert_eq!(client.post("/logout", &[]).await, sent_to("/", REMOVE_COOKIE));
        assert!(client.world.store.sessions.is_empty());
        let old = client.bare(Request::get("/act/get?name=a").cookie(&token)).await;
        assert_eq!(old, anonymous("-"));
    })
    .await;
}

/// The session of a request in flight is deleted before its values are written.
#[tokio::test]
async fn writing_into_a_deleted_session_is_a_400_without_cookie() {
    everywhere(Setup::default(), async |mut client| {
        client.login("alice", ALICE).await;
        let in_flight = client.copy();
        let gate = &client.world.gate;
        let line = in_flight.jar.line().unwrap();
        let write = in_flight.bare(Request::get("/act/hold?then=write").with("cookie", line));
        let logout = async {
            gate.reached().await;
            let token = client.jar.token().unwrap().to_owned();
            // Sent past the log: the order in which two parallel requests are noted is not compared.
            client.post("/logout", &[]).await;
            gate.open();
            token
        };
        let (got, token) = tokio::join!(write, logout);
        let mut expected = passed_on(400);
        expected.headers.retain(|(name, _)| name != "set-cookie");
        assert_eq!(got, expected);
        assert!(client.world.store.sessions.is_empty());
        assert_eq!(client.bare(Request::get("/who").cookie(&token)).await.body, "anonymous");
    })
    .await;
}

#[tokio::test]
async fn values_of_a_failed_request_are_not_kept() {
    everywhere(Setup::default(), async |mut client| {
        client.login("alice", ALICE).await;
        for (status, kept) in [("500", false), ("503", false), ("599", false), ("404", true), ("302", true)] {
            let writes = client.world.store.count("update");
            let fields = [("name", status), ("value", "here"), ("status", status)];
            let got = client.post("/act/fail", &fields).await;
            assert_eq!(got.status.to_string(), status);
            assert_eq!(client.value(status).await == "here", kept, "{status}");
            assert_eq!(client.world.store.count("update") - writes, u64::from(kept), "{status}");
        }
    })
    .await;
}

/// Reading writes nothing, and renews no cookie.
#[tokio::test]
async fn reading_writes_nothing_within_the_touch_interval() {
    everywhere(Setup::default(), async |mut client| {
        client.login("alice", ALICE).await;
        let world = client.world;
        let writes = || {
            ["create", "update", "touch", "rotate", "delete"]
                .map(|w| world.store.count(w))
                .iter()
                .sum::<u64>()
        };
        let before = writes();
        for _ in 0..50 {
            assert_eq!(client.get("/act/get?name=a").await, personal("-"));
        }
        assert_eq!(writes(), before);
        world.clock.advance(Duration::from_secs(60));
        for _ in 0..50 {
            client.get("/who").await;
        }
        assert_eq!(writes(), before + 1, "at most one in a minute");
    })
    .await;
}

/// Of two requests that write different names, both values survive.
#[tokio::test]
async fn parallel_writes_of_different_names_both_survive() {
    everywhere(Setup::default(), async |mut client| {
        client.login("alice", ALICE).await;
        let line = client.jar.line().unwrap();
        let hold = |name: &str| {
            let target = format!("/act/hold?then=write-other&name={name}");
            client.bare(Request::get(&target).with("cookie", line.clone()))
        };
        let gate = async {
            client.world.gate.reached().await;
            client.world.gate.reached().await;
            client.world.gate.open();
            client.world.gate.open();
        };
        let (one, two, ()) = tokio::join!(hold("one"), hold("two"), gate);
        assert_eq!((one.status, two.status), (200, 200));
        assert_eq!((client.value("one").await, client.value("two").await), ("here".into(), "here".into()));
        assert!(client.world.store.count("update") > 2, "one of them had to try again");
    })
    .await;
}

/// Idle and absolute limits are kept by the server, whatever the cookie says.
#[tokio::test]
async fn idle_and_absolute_limits() {
    let (minute, second) = (Duration::from_secs(60), Duration::from_secs(1));
    everywhere(Setup::default(), async |mut client| {
        let clock = client.world.clock.clone();
        let idle = client.login("alice", ALICE).await;
        clock.advance(minute * 59 + second * 59);
        assert_eq!(client.who().await, "alice");
        clock.advance(minute * 60);
        assert_eq!(client.bare(Request::get("/who").cookie(&idle)).await.body, "anonymous");
        let absolute = client.login("alice", ALICE).await;
        for _ in 0..47 {
            clock.advance(minute * 30);
            assert_eq!(client.who().await, "alice");
        }
        clock.advance(minute * 29 + second * 59);
        assert_eq!(client.who().await, "alice", "a second before the day is over");
        clock.advance(second);
        assert_eq!(client.bare(Request::get("/who").cookie(&absolute)).await.body, "anonymous");
    })
    .await;
}

#[tokio::test]
async fn the_oldest_session_makes_room() {
    everywhere(Setup::default().sessions(|sessions| sessions.max_per_user(2)), async |client| {
        let mut browsers = [client.another(), client.another(), client.another()];
        for browser in &mut browsers {
            browser.login("alice", ALICE).await;
            browser.world.clock.advance(Duration::from_secs(1));
        }
        let [first, second, third] = &mut browsers;
        let who = (first.who().await, second.who().await, third.who().await);
        assert_eq!(who, ("anonymous".into(), "alice".into(), "alice".into()));
    })
    .await;
}

/// A session holds 64 KiB and refuses the byte after.
#[tokio::test]
async fn a_session_is_bounded() {
    everywhere(Setup::default(), async |mut client| {
        client.login("alice", ALICE).await;
        let fits = "x".repeat(64 * 1024 - 3);
        assert_eq!(client.send(set("n", &fits)).await, personal("set"));
        assert_eq!(client.send(set("n", &format!("{fits}x"))).await, passed_on(500));
        assert_eq!(client.send(set("other", "x")).await, passed_on(500));
        assert_eq!(client.value("n").await.len(), fits.len());
    })
    .await;
}

/// Also where two instances write what would fit alone.
#[tokio::test]
async fn a_session_is_bounded_between_instances() {
    everywhere(Setup::default(), async |mut client| {
        let token = client.login("alice", ALICE).await;
        let elsewhere = Setup::default().restarted(client.world);
        let elsewhere = Tower::new(&elsewhere);
        let (store, most) = (&client.world.store, "x".repeat(40 * 1024));
        store.hold("update");
        let other = async {
            store.gate.reached().await;
            let answer = elsewhere.send(set("other", &most).cookie(&token)).await;
            store.gate.open();
            answer
        };
        let (late, other) = tokio::join!(client.probe(set("n", &most).cookie(&token)), other);
        assert_eq!((other.status, late.status), (200, 500), "at {}", client.site());
        assert_eq!(client.value("n").await, "-");
    })
    .await;
}

/// A page's parallel requests survive a rotation, and there is one new id.
#[tokio::test]
async fn parallel_requests_survive_a_rotation() {
    let hour = Duration::from_secs(3_600);
    let setup = Setup::default().sessions(|sessions| sessions.rotate_every(hour / 2));
    everywhere(setup, async |mut client| {
        let old = client.login("alice", ALICE).await;
        client.world.clock.advance(hour / 2);
        let requests = (0..20).map(|_| client.bare(Request::get("/who").cookie(&old)));
        let answers = join_all(requests).await;
        assert!(answers.iter().all(|answer| answer.body == "alice"));
        let tokens: Vec<_> = answers.iter().filter_map(integration_tests::site::Answer::token).collect();
        assert_eq!(tokens.len(), 1, "one new id");
        client.world.clock.advance(Duration::from_secs(9));
        let late = client.bare(Request::get("/who").cookie(&old)).await;
        assert_eq!(late, personal("alice"), "the old id lives 10 s and is not rotated again");
        client.bare(Request::post("/logout", &[]).cookie(&tokens[0])).await;
        for token in [&old, &tokens[0]] {
            assert_eq!(client.bare(Request::get("/who").cookie(token)).await.body, "anonymous");
        }
    })
    .await;
}

/// The old id dies when its ten seconds are over, and a logout by the old id ends the new one.
#[tokio::test]
async fn the_grace_of_an_old_id_is_short() {
    let hour = Duration::from_secs(3_600);
    let setup = Setup::default().sessions(|sessions| sessions.rotate_every(hour / 2));
    everywhere(setup, async |mut client| {
        let old = client.login("alice", ALICE).await;
        client.world.clock.advance(hour / 2);
        assert_eq!(client.who().await, "alice");
        client.world.clock.advance(Duration::from_secs(10));
        assert_eq!(client.bare(Request::get("/who").cookie(&old)).await.body, "anonymous");
        assert_eq!(client.who().await, "alice");
        client.world.clock.advance(hour / 2);
        let old = client.jar.token().unwrap().to_owned();
        assert_eq!(client.who().await, "alice");
        client.bare(Request::post("/logout", &[]).cookie(&old)).await;
        assert_eq!(client.who().await, "anonymous", "logout by the alias");
    })
    .await;
}

/// The handler has answered, so what it did was done: the connection may be gone.
#[tokio::test]
async fn a_client_that_goes_away_undoes_nothing() {
    everywhere(Setup::default(), async |mut client| {
        let token = client.login("alice", ALICE).await;
        let store = &client.world.store;
        store.hold("update");
        let mut browser = client.copy();
        let mut request = Box::pin(browser.post("/act/set", &[("name", "cart"), ("value", "pears")]));
        tokio::select! {
            answer = &mut request => panic!("it waits for the store: {answer:?}"),
            () = store.gate.reached() => {}
        }
        drop(request);
        store.gate.open();
        for _ in 0..10_000 {
            let seen = client.probe(Request::get("/act/get?name=cart").cookie(&token)).await;
            if seen.body == "pears" {
                return;
            }
            tokio::task::yield_now().await;
        }
        panic!("the value is lost at {}", client.site());
    })
    .await;
}
