//! Logging in and out.
//!
//! Some cases of Django's suite cannot arise. An anonymous visitor has no session and so no data that a login could
//! keep; a record without a stamp does not decode; which backend vouches is settled by the witness type
//! `Authenticated`, which carries it; and there is no CSRF token to renew: requests that change something are checked
//! for their origin.

use integration_tests::client::{everywhere, everywhere_eager};
use integration_tests::expected::{
    REMOVE_COOKIE, SET_COOKIE, anonymous, answer, passed_on, personal, problem, sent_to,
};
use integration_tests::faults::Mode;
use integration_tests::site::Request;
use integration_tests::world::{ALICE, BOB, DORA, Setup};

#[tokio::test]
async fn login_sets_a_cookie_and_logout_removes_it() {
    everywhere(Setup::default(), async |mut client| {
        assert_eq!(client.get("/act/set?name=cart&value=1").await, passed_on(401), "nobody has a session");
        assert!(client.world.store.sessions.is_empty());
        let fields = [("username", "alice"), ("password", ALICE), ("next", "/me")];
        assert_eq!(client.post("/login", &fields).await.masked(), sent_to("/me", SET_COOKIE));
        assert_eq!(client.get("/me").await, personal("1 alice"));
        assert_eq!(client.post("/logout", &[]).await, sent_to("/", REMOVE_COOKIE));
        assert_eq!(client.get("/who").await, anonymous("anonymous"));
        assert!(client.world.store.sessions.is_empty());
    })
    .await;
}

/// Whatever is wrong, the answer is the same byte for byte, and so is the work.
#[tokio::test]
async fn every_refused_login_has_the_same_answer() {
    let long = "x".repeat(300);
    let table = [
        ("wrong", "alice", "builder", 1),
        ("unknown", "mallory", ALICE, 1),
        ("disabled, right", "dora", DORA, 1),
        ("disabled, wrong", "dora", "wrong", 1),
        ("without password", "erin", "x", 1),
        ("no name", "", ALICE, 0),
        ("no password", "alice", "", 0),
        ("long name", &long, "x", 0),
        ("other case", "Alice", ALICE, 1),
        ("blank", "alice ", ALICE, 1),
    ];
    everywhere(Setup::default(), async |mut client| {
        for (name, username, password, runs) in table {
            let before = client.world.passwords.runs();
            let got = client.post("/login", &[("username", username), ("password", password)]).await;
            assert_eq!(got, passed_on(401), "{name}");
            assert_eq!(client.world.passwords.runs() - before, runs, "{name}");
        }
        assert!(client.world.store.sessions.is_empty());
    })
    .await;
}

#[tokio::test]
async fn another_users_login_drops_the_session_of_the_first() {
    everywhere(Setup::default(), async |mut client| {
        let first = client.login("alice", ALICE).await;
        client.post("/act/set", &[("name", "cart"), ("value", "apples")]).await;
        let second = client.login("bob", BOB).await;
        assert_ne!(first, second);
        assert_eq!(client.value("cart").await, "-", "alice's data is gone");
        assert_eq!(client.who().await, "bob");
        let old = client.bare(Request::get("/who").cookie(&first)).await;
        assert_eq!(old, anonymous("anonymous"));
        assert_eq!(client.world.store.sessions.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn the_same_users_login_rotates_and_keeps_data() {
    everywhere(Setup::default(), async |mut client| {
        let first = client.login("alice", ALICE).await;
        client.post("/act/set", &[("name", "cart"), ("value", "apples")]).await;
        let second = client.login("alice", ALICE).await;
        assert_ne!(first, second);
        assert_eq!(client.value("cart").await, "apples");
        assert_eq!(client.bare(Request::get("/who").cookie(&first)).await, anonymous("anonymous"));
        assert_eq!(client.world.store.sessions.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn after_a_password_change_a_login_starts_afresh() {
    everywhere(Setup::default(), async |mut client| {
        client.login("alice", ALICE).await;
        client.post("/act/set", &[("name", "cart"), ("value", "apples")]).await;
        client.world.users.users.change("alice", |alice| alice.stamp = b"new".to_vec());
        client.login("alice", ALICE).await;
        assert_eq!(client.value("cart").await, "-");
        assert_eq!(client.world.store.sessions.len(), 1);
    })
    .await;
}

/// Our `login` takes only what a chain accepted, and a chain accepts no disabled user. One that is
/// disabled between the two is nobody on the next request.
#[tokio::test]
async fn a_user_disabled_after_the_proof_is_nobody() {
    everywhere(Setup::default(), async |mut client| {
        client.login("bob", BOB).await;
        client.world.users.users.change("bob", |bob| bob.active = false);
        assert_eq!(client.get("/who").await, anonymous("anonymous"));
    })
    .await;
}

/// The events of a visit, in order.
#[tokio::test]
async fn events_tell_of_logins_and_logouts() {
    everywhere(Setup::default(), async |mut client| {
        let events = &client.world.events.clone();
        client.post("/login", &[("username", "alice"), ("password", "wrong")]).await;
        assert_eq!(events.take(), ["login failed: password of \"alice\": WrongSecret by local"]);
        client.login("alice", ALICE).await;
        let expected =
            ["login succeeded: password of \"alice\" by local of 1", "session started by local of 1"];
        assert_eq!(events.take(), expected);
        client.login("alice", ALICE).await;
        let rotated = "session rotated by local of 1";
        assert_eq!(events.take(), [expected[0], rotated, expected[1]]);
        client.post("/logout", &[]).await;
        assert_eq!(events.take(), ["logged out by local of 1"]);
        client.post("/logout", &[]).await;
        assert_eq!(events.take(), ["logged out"], "by nobody");
    })
    .await;
}

#[tokio::test]
async fn logout_of_nobody_is_fine_and_sets_no_cookie() {
    everywhere(Setup::default(), async |mut client| {
        let got = client.post("/logout", &[]).await;
        assert_eq!(got, answer(303, &[("location", "/"), ("vary", "Authorization, Cookie")], ""));
        let dead = "A".repeat(42) + "E";
        let got = client.bare(Request::post("/logout", &[]).cookie(&dead)).await;
        assert_eq!(got, sent_to("/", REMOVE_COOKIE), "a dead cookie is cleaned up");
    })
    .await;
}

/// The rest of a request sees what it did.
#[tokio::test]
async fn a_request_sees_its_own_login_and_logout() {
    let alice = [("username", "alice"), ("password", ALICE)];
    everywhere(Setup::default(), async |mut client| {
        assert_eq!(client.post("/act/login-again", &alice).await.body, "nobody, alice, alice");
        client.post("/logout", &[]).await;
        let bob = [("username", "bob"), ("password", BOB), ("leave", "")];
        let got = client.post("/act/login-again", &bob).await;
        assert_eq!(got.all("set-cookie"), [REMOVE_COOKIE]);
        assert_eq!(client.who().await, "anonymous");
        assert!(client.world.store.sessions.is_empty());
    })
    .await;
}

/// At an eager layer: under a lazy one `Session::user` knows nobody until somebody asked.
#[tokio::test]
async fn switching_users_inside_a_request() {
    everywhere_eager(Setup::default(), async |mut client| {
        client.login("alice", ALICE).await;
        let bob = [("username", "bob"), ("password", BOB), ("leave", "")];
        assert_eq!(client.post("/act/login-again", &bob).await.body, "alice, bob, nobody");
    })
    .await;
}

fn from(request: Request, name: &str, value: &str) -> Request {
    request.with("host", "testserver").with(name, value)
}

/// What relies on the cookie and changes something must come from here.
#[tokio::test]
async fn cross_origin_requests_with_a_cookie_are_refused() {
    let table = [
        ("other site", "sec-fetch-site", "cross-site", false),
        ("sub-domain", "sec-fetch-site", "same-site", false),
        ("own page", "sec-fetch-site", "same-origin", true),
        ("typed in", "sec-fetch-site", "none", true),
        ("old browser, other", "origin", "https://evil.example", false),
        ("old browser, null", "origin", "null", false),
        ("old browser, no TLS", "origin", "http://testserver", false),
        ("old browser, other port", "origin", "https://testserver:444", false),
        ("old browser, own", "origin", "https://testserver", true),
    ];
    everywhere(Setup::default(), async |mut client| {
        client.login("alice", ALICE).await;
        for (name, header, value, passes) in table {
            let set = Request::post("/act/set", &[("name", "a"), ("value", name)]);
            let got = client.send(from(set, header, value)).await;
            assert_eq!(got, if passes { personal("set") } else { problem(403) }, "{name}");
            assert_eq!(client.value("a").await == name, passes, "{name}");
            let read = client.send(from(Request::get("/who"), header, value)).await;
            assert_eq!(read, personal("alice"), "{name}: reading is no change");
        }
        let got = client.send(from(Request::post("/logout", &[]), "sec-fetch-site", "cross-site")).await;
        assert_eq!(got, problem(403));
        assert_eq!(client.who().await, "alice", "another site logs nobody out");
    })
    .await;
}

/// Login CSRF: another site's page logs no visitor in, and tries no password through a visitor's browser.
#[tokio::test]
async fn cross_origin_logins_are_refused() {
    everywhere(Setup::default(), async |mut client| {
        let login = || Request::post("/login", &[("username", "alice"), ("password", ALICE)]);
        for (header, value) in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")] {
            let before = client.world.passwords.runs();
            let got = client.send(from(login(), header, value)).await;
            assert_eq!(got, passed_on(403), "{value}");
            assert_eq!(client.world.passwords.runs(), before, "no password was tried");
            assert!(client.world.store.sessions.is_empty());
            let got = client.send(from(Request::post("/logout", &[]), header, value)).await;
            assert_eq!(got, passed_on(403), "{value}");
        }
        assert_eq!(client.send(from(login(), "sec-fetch-site", "same-origin")).await.status, 303);
    })
    .await;
}

/// CWE-1385: another site's page opens no WebSocket with a visitor's session.
#[tokio::test]
async fn cross_origin_websockets_are_refused() {
    everywhere(Setup::default(), async |mut client| {
        client.login("alice", ALICE).await;
        let upgrade = || Request::get("/me").with("connection", "upgrade").with("upgrade", "websocket");
        for (origin, status) in [("https://evil.example", 403), ("https://testserver", 200)] {
            assert_eq!(client.send(from(upgrade(), "origin", origin)).await.status, status, "{origin}");
        }
        assert_eq!(client.send(upgrade()).await.status, 200, "no browser's");
    })
    .await;
}

#[tokio::test]
async fn a_trusted_origin_may_post() {
    let setup = Setup::default().configure(|auth| auth.trusted_origin("https://app.example"));
    everywhere(setup, async |mut client| {
        client.login("alice", ALICE).await;
        let set = || Request::post("/act/set", &[("name", "a"), ("value", "b")]);
        let trusted = set().with("sec-fetch-site", "same-site").with("origin", "https://app.example");
        assert_eq!(client.send(trusted).await, personal("set"));
        let other = set().with("sec-fetch-site", "same-site").with("origin", "https://app.example.evil");
        assert_eq!(client.send(other).await.status, 403);
    })
    .await;
}

/// Found by this suite: under a lazy layer a login or logout of a request whose caller could not be found out left
/// the cookie as it was, and a 401 without a challenge.
#[tokio::test]
async fn a_lazy_login_over_something_undecidable_still_sets_its_cookie() {
    let world = Setup::default().world().await;
    let sites: [Box<dyn integration_tests::site::Site>; 2] = [
        Box::new(integration_tests::tower::Tower::lazy(&world)),
        integration_tests::actix::lazy(&world).await,
    ];
    for site in sites {
        let login = Request::post("/login", &[("username", "alice"), ("password", ALICE)]);
        let over_bad_basic = site.send(login.basic("alice", "wrong")).await;
        assert_eq!(over_bad_basic.clone().masked(), sent_to("/", SET_COOKIE), "{}", site.name());
        let token = over_bad_basic.token().unwrap();
        world.store.reads.set(Mode::Fails);
        world.store.writes.set(Mode::Fails);
        let logout = site.send(Request::post("/logout", &[]).cookie(&token)).await;
        let mut expected = passed_on(503);
        expected.headers.insert(3, ("set-cookie".into(), REMOVE_COOKIE.into()));
        assert_eq!(logout, expected, "{}", site.name());
        world.store.reads.set(Mode::Works);
        world.store.writes.set(Mode::Works);
        assert_eq!(site.send(Request::get("/who").cookie(&token)).await.body, "anonymous");
    }
}

/// Found by this suite: the old session, which could not be read before the login, took its place when it could be.
#[tokio::test]
async fn a_lazy_login_is_not_undone_by_the_session_it_replaced() {
    let world = Setup::default().world().await;
    let sites: [Box<dyn integration_tests::site::Site>; 2] = [
        Box::new(integration_tests::tower::Tower::lazy(&world)),
        integration_tests::actix::lazy(&world).await,
    ];
    for site in sites {
        let alice = site.send(Request::post("/login", &[("username", "alice"), ("password", ALICE)])).await;
        let bob = Request::post("/act/login-then-hold", &[("username", "bob"), ("password", BOB)]);
        world.store.reads.set(Mode::Fails);
        let recover = async {
            world.gate.reached().await;
            world.store.reads.set(Mode::Works);
            world.gate.open();
        };
        let (got, ()) = tokio::join!(site.send(bob.cookie(&alice.token().unwrap())), recover);
        assert_eq!(got.body, "bob", "{}", site.name());
        assert_eq!(site.send(Request::get("/who").cookie(&got.token().unwrap())).await.body, "bob");
    }
}

/// Whatever it was that could not be read, or whose user could not be loaded: its id is dead when the login is done.
#[tokio::test]
async fn a_lazy_login_ends_what_it_could_not_look_at() {
    for (username, password) in [("alice", ALICE), ("bob", BOB)] {
        let world = Setup::default().world().await;
        let sites: [Box<dyn integration_tests::site::Site>; 2] = [
            Box::new(integration_tests::tower::Tower::lazy(&world)),
            integration_tests::actix::lazy(&world).await,
        ];
        for (outage, site) in [&world.store.reads, &world.users.loading].into_iter().zip(&sites) {
            let alice =
                site.send(Request::post("/login", &[("username", "alice"), ("password", ALICE)])).await;
            let alice = alice.token().unwrap();
            outage.set(Mode::Fails);
            let login = Request::post("/login", &[("username", username), ("password", password)]);
            let token = site.send(login.cookie(&alice)).await.token().expect("a session");
            outage.set(Mode::Works);
            let old = site.send(Request::get("/who").cookie(&alice)).await;
            assert_eq!(old.body, "anonymous", "{username} at {}", site.name());
            assert_eq!(site.send(Request::get("/who").cookie(&token)).await.body, username);
        }
    }
}
