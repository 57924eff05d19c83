//! Fixation, lost updates, replay, half-made sessions.

use std::sync::atomic::Ordering;
use std::time::Duration;

use auth_core::session::{Owner, SessionStore, Written};
use auth_core::time::Clock;
use futures_util::future::join_all;
use integration_tests::bare::Abandoned;
use integration_tests::client::everywhere;
use integration_tests::expected::{anonymous, passed_on};
use integration_tests::site::{Request, Site};
use integration_tests::tower::{Tower, native};
use integration_tests::world::{ALICE, BOB, Setup};
use tower::ServiceExt;

/// Session fixation (CVE-2022-25896, CVE-2023-29019): the attacker gives the victim an id that the attacker knows.
#[tokio::test]
async fn a_planted_session_is_not_the_victims() {
    everywhere(Setup::default(), async |client| {
        let mut attacker = client.another();
        let planted = attacker.login("bob", BOB).await;
        let mut victim = attacker.copy();
        victim.login("alice", ALICE).await;
        assert_eq!(victim.who().await, "alice");
        assert_eq!(attacker.who().await, "anonymous", "the planted id died at the victim's login");
        assert_ne!(victim.jar.token().unwrap(), planted);
    })
    .await;
}

/// Cookie tossing: a sub-domain plants a cookie whose name reads the same to parsers that percent-decode.
#[tokio::test]
async fn a_percent_encoded_name_plants_no_session() {
    everywhere(Setup::default(), async |client| {
        let attacker = client.another().login("bob", BOB).await;
        let line = format!("__%48ost-session={attacker}");
        let got = client.bare(Request::get("/who").with("cookie", line.clone())).await;
        assert_eq!(got, anonymous("anonymous"));
        let victim = client.another().login("alice", ALICE).await;
        for line in [format!("{line}; __Host-session={victim}"), format!("__Host-session={victim}; {line}")] {
            let got = client.bare(Request::get("/who").with("cookie", line)).await;
            assert_eq!(got.body, "alice", "and does not hide the real one");
        }
    })
    .await;
}

/// Lost update (tower-sessions loses one of two; CVE-2021-22112): 64 parallel increments, each tried again until it
/// is counted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parallel_values_are_all_kept() {
    let world = Setup::default().world().await;
    let site = Tower::new(&world);
    let router = site.router();
    let login = Request::post("/login", &[("username", "alice"), ("password", ALICE)]);
    let response = router.clone().oneshot(native(login)).await.unwrap();
    let token = integration_tests::tower::answer(response).await.token().unwrap();
    let tasks = (0..64).map(|n| {
        let set =
            Request::post("/act/set", &[("name", &format!("key{n}")), ("value", "here")]).cookie(&token);
        let router = router.clone();
        tokio::spawn(async move {
            loop {
                let response = router.clone().oneshot(native(set.clone())).await.unwrap();
                if response.status() == 200 {
                    return;
                }
                assert_eq!(
                    response.status(),
                    503,
                    "on a busy machine it may take too long, and nobody is logged out"
                );
            }
        })
    });
    for done in join_all(tasks).await {
        done.unwrap();
    }
    for n in 0..64 {
        let get = Request::get(&format!("/act/get?name=key{n}")).cookie(&token);
        assert_eq!(site.send(get).await.body, "here", "key{n}");
    }
}

/// Replay: a captured cookie is tried again after each thing that ends a session.
#[tokio::test]
async fn a_captured_cookie_is_worth_nothing_afterwards() {
    let endings =
        ["/logout", "/act/rotate", "/act/password?new=x", "/login?username=alice&password=wonderland"];
    for ending in endings {
        everywhere(Setup::default(), async |mut client| {
            let captured = client.login("alice", ALICE).await;
            client.post(ending, &[]).await;
            for _ in 0..2 {
                let got = client.bare(Request::get("/who").cookie(&captured)).await;
                assert_eq!(got, anonymous("anonymous"), "{ending}");
            }
        })
        .await;
    }
}

/// Without random bytes there is no login, and nothing half-made.
#[tokio::test]
async fn no_random_bytes_no_session() {
    everywhere(Setup::default(), async |mut client| {
        client.world.random.fails.store(true, Ordering::SeqCst);
        let fields = [("username", "alice"), ("password", ALICE)];
        assert_eq!(client.post("/login", &fields).await, passed_on(503));
        assert!(client.jar.token().is_none());
        assert!(client.world.store.sessions.is_empty());
        client.world.random.fails.store(false, Ordering::SeqCst);
        let token = client.login("alice", ALICE).await;
        client.world.random.fails.store(true, Ordering::SeqCst);
        assert_eq!(client.post("/act/rotate", &[]).await, passed_on(503));
        assert_eq!(client.post("/login", &fields).await, passed_on(503));
        assert_eq!(client.jar.token(), Some(token.as_str()));
        assert_eq!(client.who().await, "alice");
    })
    .await;
}

/// CVE-2015-5143: visitors without an account fill no store.
#[tokio::test]
async fn ten_thousand_visitors_leave_nothing_behind() {
    let world = Setup::default().world().await;
    let sites: [Box<dyn Site>; 2] =
        [Box::new(Tower::new(&world)), integration_tests::actix::site(&world).await];
    for site in sites {
        for n in 0..5_000_u32 {
            let mut request = match n % 5 {
                0 => Request::get("/"),
                1 => Request::get("/who"),
                2 => Request::get("/private"),
                3 => Request::post("/logout", &[]),
                _ => Request::post("/act/set", &[("name", "a"), ("value", "b")]),
            };
            if n % 2 == 0 && n % 5 != 3 {
                request = request.cookie(&format!("{n:043}"));
            }
            assert!(site.send(request).await.all("set-cookie").is_empty(), "{n}");
        }
    }
    assert!(world.store.sessions.is_empty());
    assert!(world.store.keys().is_empty());
}

/// A client that goes away at any moment of a login leaves a whole session or none, and blocks nobody.
#[tokio::test]
async fn a_client_that_goes_away_leaves_nothing_half_made() {
    let world = Setup::default().basic(Some(Duration::ZERO)).world().await;
    let site = Tower::new(&world);
    let token =
        site.send(Request::post("/login", &[("username", "alice"), ("password", ALICE)])).await.token();
    let requests = [
        Request::post("/login", &[("username", "bob"), ("password", BOB)]),
        Request::post("/login", &[("username", "bob"), ("password", BOB)]).cookie(&token.unwrap()),
        Request::get("/me").basic("bob", BOB),
    ];
    for request in requests {
        for polls in 1..8 {
            world.events.take();
            let records = world.store.sessions.len();
            let answer = Abandoned::after(polls, site.send(request.clone())).await;
            let ended = |event: &&String| event.starts_with("login ");
            assert_eq!(
                world.events.take().iter().filter(ended).count(),
                1,
                "{polls}: one end of the attempt"
            );
            assert!(world.store.sessions.len() <= records + 1, "{polls}");
            let whole = world.store.keys().len() >= world.store.sessions.len();
            assert!(whole && answer.is_none_or(|answer| answer.status < 400), "{polls}");
        }
    }
    let fine = site.send(Request::post("/login", &[("username", "alice"), ("password", ALICE)])).await;
    assert_eq!(fine.status, 303);
}

/// Who has only begun to sign in is nobody, and no device of the user's; but "log out everywhere" ends that, too.
#[tokio::test]
async fn what_has_only_begun_is_nobodys() {
    everywhere(Setup::default(), async |mut client| {
        client.login("alice", ALICE).await;
        let begun = client.another().login("alice", ALICE).await;
        let (store, now) = (&client.world.store, client.world.clock.now());
        let key = store.keys()[1];
        let stored = store.load(&key, now).await.unwrap().expect("it is there");
        let mut record = stored.record.as_ref().clone();
        record.set_owner(Owner::Pending(record.owner().user().expect("alice").clone()));
        assert_eq!(store.update(&key, stored.version, &record, now).await.unwrap(), Written::Done);
        let who = client.probe(Request::get("/who").cookie(&begun)).await;
        assert_eq!((&*who.body, who.all("set-cookie").len()), ("anonymous", 0), "at {}", client.site());
        let rotate = client.probe(Request::post("/act/rotate", &[]).cookie(&begun)).await;
        assert_eq!((rotate.status, rotate.token()), (401, None), "at {}", client.site());
        assert_eq!(client.get("/act/list").await.body, "1 1");
        assert_eq!(client.post("/act/others", &[]).await.body, "1");
        assert_eq!(store.sessions.len(), 1);
    })
    .await;
}
