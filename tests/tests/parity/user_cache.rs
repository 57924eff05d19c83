//! Users that are kept for their sessions. That without the cache every request loads is tested in `users`.

use std::time::Duration;

use auth_core::session::SessionConfig;
use auth_core::{Auth, MemoryBackend, Password, Secret, UserCache, UserId};
use futures_util::future::join_all;
use integration_tests::accounts::Account;
use integration_tests::bare;
use integration_tests::client::{Client, everywhere, on_tower};
use integration_tests::expected::{anonymous, personal, problem};
use integration_tests::faults::Mode;
use integration_tests::site::{Request, Site};
use integration_tests::tower::Tower;
use integration_tests::world::{ALICE, BOB, Setup, World, keys, weak_passwords};

const TTL: Duration = UserCache::TTL;
const MILLI: Duration = Duration::from_millis(1);

fn cached() -> Setup {
    Setup::default().configure(|auth| auth.login_page("/login").cache_users(UserCache::new()))
}

/// One round trip, to the store.
#[tokio::test]
async fn a_session_costs_one_look_up() {
    everywhere(cached(), async |mut client| {
        let world = client.world;
        let cost = || (world.store.count_all(), world.users.loads());
        client.login("alice", ALICE).await;
        client.get("/who").await;
        let before = cost();
        for (n, page) in ["/who", "/me", "/private", "/both", "/act/get?name=a"].into_iter().enumerate() {
            assert_eq!(client.get(page).await.status, 200);
            assert_eq!(cost(), (before.0 + 1 + n as u64, before.1), "{page}");
        }
        world.clock.advance(TTL);
        client.get("/who").await;
        assert_eq!(world.users.loads(), before.1 + 1);
    })
    .await;
}

type Act = (&'static str, bool, fn(&World), Option<fn() -> Request>);

fn quiet(_: &World) {}

/// What is known here counts here at once. `true` for what is.
const ACTS: [Act; 8] = [
    ("a page", false, quiet, Some(|| Request::get("/me"))),
    ("a login", true, quiet, Some(|| Request::post("/login", &[("username", "alice"), ("password", ALICE)]))),
    ("Basic", true, quiet, Some(|| Request::get("/me").basic("alice", ALICE))),
    ("rotate", true, quiet, Some(|| Request::post("/act/rotate", &[]))),
    ("logout of the others", true, quiet, Some(|| Request::post("/act/others", &[]))),
    ("one", true, |world| world.auth.invalidate_user("local", &UserId::from(1)).unwrap(), None),
    ("all", true, |world| world.auth.invalidate_users(), None),
    ("another", false, |world| world.auth.invalidate_user("local", &UserId::from(2)).unwrap(), None),
];

#[tokio::test]
async fn what_is_known_here_counts_at_once() {
    for (name, counts, call, request) in ACTS {
        everywhere(cached(), async |mut client| {
            client.login("alice", ALICE).await;
            assert_eq!(client.get("/both").await, personal("secret"));
            client.world.users.users.change("alice", |alice| alice.permissions = &[]);
            assert_eq!(client.get("/both").await, personal("secret"), "kept");
            call(client.world);
            if let Some(request) = request {
                client.send(request()).await;
            }
            let status = client.get("/both").await.status;
            assert_eq!(status, if counts { 403 } else { 200 }, "{name}");
        })
        .await;
    }
}

/// A login without credentials counts like any other.
#[tokio::test]
async fn a_login_counts_whoever_vouched() {
    let world = cached().world().await;
    on_tower(&world, async |mut client| {
        client.login("alice", ALICE).await;
        assert_eq!(client.get("/both").await.body, "secret");
        world.users.users.change("alice", |alice| alice.permissions = &[]);
        let alice = world.auth.dangerous_authenticated(Account::new(1, "alice"), "local").unwrap();
        let _ = bare::session(&world.auth).login(alice).await.unwrap();
        assert_eq!(client.get("/both").await.status, 403);
    })
    .await;
}

#[tokio::test]
async fn a_misspelt_backend_is_told() {
    let world = cached().world().await;
    let error = world.auth.invalidate_user("lokal", &UserId::from(1)).unwrap_err();
    assert_eq!(error.to_string(), "no backend is named \"lokal\"");
    let without = Setup::default().world().await;
    assert!(without.auth.invalidate_user("local", &UserId::from(1)).is_ok(), "nothing to forget");
    without.auth.invalidate_users();
}

/// The other sessions end at once, though their user was kept.
#[tokio::test]
async fn a_changed_password_ends_the_others_at_once() {
    everywhere(cached(), async |mut client| {
        let mut elsewhere = client.another();
        elsewhere.login("alice", ALICE).await;
        client.login("alice", ALICE).await;
        assert_eq!(elsewhere.who().await, "alice");
        client.post("/act/password", &[("new", "looking-glass")]).await;
        assert_eq!(elsewhere.who().await, "anonymous");
        assert_eq!(client.who().await, "alice");
    })
    .await;
}

type Harm = fn(&World);

/// The number that is published: another instance refuses when the ttl is over, and not later.
#[tokio::test]
async fn the_delay_is_at_most_the_ttl() {
    let table: [(&str, Harm); 3] = [
        ("UserDisabled", |world| _ = world.users.users.change("bob", |bob| bob.active = false)),
        ("StampChanged", |world| _ = world.users.users.change("bob", |bob| bob.stamp = b"new".to_vec())),
        ("UserGone", |world| world.users.users.remove("bob")),
    ];
    for (why, harm) in table {
        everywhere(cached(), async |mut client| {
            client.login("bob", BOB).await;
            client.get("/who").await;
            harm(client.world);
            client.world.events.take();
            // Use does not extend it.
            for _ in 0..3 {
                client.world.clock.advance(MILLI * 9_999);
                assert_eq!(client.get("/who").await, personal("bob"), "{why}: not known yet");
            }
            client.world.clock.advance(MILLI * 3);
            assert_eq!(client.get("/who").await, anonymous("anonymous"), "{why}");
            assert_eq!(client.world.events.take(), [format!("session ended: {why} by local of 2")]);
            assert!(client.world.store.sessions.is_empty(), "{why}");
        })
        .await;
    }
}

/// What ends a session in the store ends it at once, everywhere, whoever is kept.
#[tokio::test]
async fn a_session_that_ended_elsewhere_is_over() {
    let setup = cached();
    let world = setup.world().await;
    let other = setup.restarted(&world);
    on_tower(&world, async |mut here| {
        let token = here.login("alice", ALICE).await;
        let who = || Request::get("/who").cookie(&token);
        let elsewhere = Tower::new(&other);
        assert_eq!(elsewhere.send(who()).await.body, "alice");
        here.post("/logout", &[]).await;
        assert_eq!(elsewhere.send(who()).await.body, "anonymous");
        assert_eq!(here.bare(who()).await.body, "anonymous");
    })
    .await;
}

/// A user kept here from before a password was changed on another instance, where the session was bound to the new
/// stamp: it is the user who is old, not the session.
#[tokio::test]
async fn a_user_kept_too_long_ends_no_session() {
    let setup = cached();
    let world = setup.world().await;
    let other = setup.restarted(&world);
    on_tower(&world, async |mut here| {
        let elsewhere = Tower::new(&other);
        let send = async |token: &str| elsewhere.send(Request::get("/who").cookie(token)).await.body;
        let theirs = here.another().login("alice", ALICE).await;
        let mine = here.login("alice", ALICE).await;
        assert_eq!((send(&mine).await, send(&theirs).await), ("alice".into(), "alice".into()));
        here.post("/act/password", &[("new", "looking-glass")]).await;
        let mine = here.jar.token().unwrap().to_owned();
        other.events.take();
        assert_eq!(send(&mine).await, "alice");
        assert_eq!(other.events.take(), [""; 0], "nothing ended");
        assert_eq!(send(&theirs).await, "anonymous", "what was learnt counts for all");
        let loads = world.users.loads();
        assert_eq!((send(&mine).await, world.users.loads()), ("alice".into(), loads));
    })
    .await;
}

/// A user who was away for a moment and came back: refused once, not for the ttl.
#[tokio::test]
async fn who_comes_back_is_let_in_at_once() {
    everywhere(cached(), async |mut client| {
        client.login("bob", BOB).await;
        let users = &client.world.users.users;
        users.change("bob", |bob| bob.active = false);
        assert_eq!(client.get("/who").await, anonymous("anonymous"), "a login keeps nobody");
        users.change("bob", |bob| bob.active = true);
        client.login("bob", BOB).await;
        assert_eq!(client.get("/who").await, personal("bob"));
    })
    .await;
}

/// An outage is a 503 that nobody remembers, and logs nobody out.
#[tokio::test]
async fn an_outage_is_not_kept() {
    for mode in [Mode::Fails, Mode::Panics] {
        everywhere(cached(), async |mut client| {
            client.login("alice", ALICE).await;
            client.get("/who").await;
            let loading = &client.world.users.loading;
            loading.set(mode);
            assert_eq!(client.get("/who").await, personal("alice"), "kept");
            client.world.clock.advance(TTL);
            assert_eq!(client.get("/who").await, problem(503));
            loading.set(Mode::Works);
            assert_eq!(client.get("/who").await, personal("alice"));
        })
        .await;
    }
}

/// A user who is suspected to be old must be looked at again; if that is impossible, nobody is logged out.
#[tokio::test]
async fn an_outage_while_looking_again_ends_no_session() {
    let setup = cached();
    let world = setup.world().await;
    let other = setup.restarted(&world);
    on_tower(&world, async |mut here| {
        let elsewhere = Tower::new(&other);
        let token = here.login("alice", ALICE).await;
        elsewhere.send(Request::get("/who").cookie(&token)).await;
        here.post("/act/password", &[("new", "looking-glass")]).await;
        let who = Request::get("/who").cookie(here.jar.token().unwrap());
        world.users.loading.set(Mode::Fails);
        assert_eq!(elsewhere.send(who.clone()).await.status, 503);
        world.users.loading.set(Mode::Works);
        assert_eq!(elsewhere.send(who).await.body, "alice");
    })
    .await;
}

#[tokio::test]
async fn fifty_requests_at_once_are_one_load() {
    let world = cached().world().await;
    let site = Tower::new(&world);
    let login = Request::post("/login", &[("username", "alice"), ("password", ALICE)]);
    let token = site.send(login).await.token().unwrap();
    world.users.hold(true);
    let open = async {
        world.users.gate.reached().await;
        tokio::task::yield_now().await;
        world.users.gate.open();
    };
    let requests = (0..50).map(|_| site.send(Request::get("/who").cookie(&token)));
    let (answers, ()) = tokio::join!(join_all(requests), open);
    assert!(answers.iter().all(|answer| answer.body == "alice"));
    assert_eq!(world.users.loads(), 1);
}

/// A load that began before a session was bound to a new stamp, joined by a request that began after it.
#[tokio::test]
async fn a_joined_load_that_is_too_old_ends_no_session() {
    let setup = cached();
    let world = setup.world().await;
    let other = setup.restarted(&world);
    on_tower(&world, async |mut here| {
        let elsewhere = Tower::new(&other);
        here.login("alice", ALICE).await;
        let old = here.another().login("alice", ALICE).await;
        world.users.hold(true);
        let first = elsewhere.send(Request::get("/who").cookie(&old));
        let second = async {
            world.users.gate.reached().await;
            world.users.hold(false);
            here.post("/act/password", &[("new", "looking-glass")]).await;
            let who = Request::get("/who").cookie(here.jar.token().unwrap());
            let loads = world.users.loads();
            let joined = async {
                tokio::task::yield_now().await;
                assert_eq!(world.users.loads(), loads, "it waits for the other's load");
                world.users.gate.open();
            };
            tokio::join!(elsewhere.send(who), joined).0
        };
        let (first, second) = tokio::join!(first, second);
        assert_eq!(second.body, "alice");
        assert_eq!(first.body, "alice", "as it was when it asked");
    })
    .await;
}

/// Ids are only one backend's, and so is what is kept.
#[tokio::test]
async fn equal_ids_of_two_backends_are_two_users() {
    let (one, two) = (MemoryBackend::new(weak_passwords()), MemoryBackend::new(weak_passwords()));
    one.insert("anna", &Secret::new("a"), Account::new(1, "anna")).await.unwrap();
    two.insert("bert", &Secret::new("b"), Account::new(1, "bert")).await.unwrap();
    let world = cached().world().await;
    let auth = Auth::builder()
        .backend::<Password>("one", one)
        .backend::<Password>("two", two)
        .sessions(world.store.clone(), SessionConfig::new(keys()))
        .clock(world.clock.clone())
        .cache_users(UserCache::new())
        .build()
        .unwrap();
    let both = World { auth, ..world.clone() };
    on_tower(&both, async |mut anna| {
        let mut bert = anna.another();
        anna.login("anna", "a").await;
        bert.login("bert", "b").await;
        for _ in 0..3 {
            assert_eq!((anna.who().await, bert.who().await), ("anna".into(), "bert".into()));
        }
    })
    .await;
    on_tower(&world, async |mut alice: Client<'_>| {
        alice.login("alice", ALICE).await;
        assert_eq!(alice.who().await, "alice", "nor are two sites one");
    })
    .await;
}
