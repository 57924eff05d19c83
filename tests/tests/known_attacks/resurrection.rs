//! A logged-out session comes back through a request that was already under way (CVE-2025-32441, CVE-2025-46336;
//! the stores of tower-sessions 0.14 and actix-session 0.11 let it).

use std::time::Duration;

use integration_tests::client::{Client, everywhere};
use integration_tests::faults::Mode;
use integration_tests::site::{Answer, Request, Site};
use integration_tests::tower::Tower;
use integration_tests::world::{ALICE, BOB, Setup};
use tokio::task::yield_now;
use tokio::time;

/// The request that `fields` describe stops in front of the store's `method`; meanwhile the session is logged out.
async fn overtaken(client: &mut Client<'_>, request: Request, method: &'static str) -> (Answer, String) {
    let token = client.login("alice", ALICE).await;
    client.post("/act/set", &[("name", "cart"), ("value", "apples")]).await;
    client.world.clock.advance(Duration::from_secs(40 * 60));
    let store = &client.world.store;
    store.hold(method);
    let logout = async {
        store.gate.reached().await;
        let got = client.probe(Request::post("/logout", &[]).cookie(&token)).await;
        assert_eq!(got.status, 303);
        store.gate.open();
    };
    let (got, ()) = tokio::join!(client.probe(request.cookie(&token)), logout);
    (got, token)
}

/// Neither the old id nor one that the late answer hands out is a session.
async fn stays_dead(client: &Client<'_>, what: &str, got: &Answer, old: &str) {
    for token in [Some(old.to_owned()), got.token()].into_iter().flatten() {
        let who = client.probe(Request::get("/who").cookie(&token)).await;
        assert_eq!(who.body, "anonymous", "{what} at {}: {got:?}", client.site());
    }
    assert!(client.world.store.sessions.is_empty(), "{what} at {}", client.site());
}

#[tokio::test]
async fn a_request_in_flight_does_not_bring_a_session_back() {
    let set = Request::post("/act/set", &[("name", "cart"), ("value", "pears")]);
    let table = [
        ("noting the use", Request::get("/who"), "touch"),
        ("writing a value", set, "update"),
        ("rotating", Request::post("/act/rotate", &[]), "rotate"),
        ("rebinding", Request::post("/act/password", &[("new", "looking-glass")]), "rotate"),
    ];
    for (what, request, method) in table {
        everywhere(Setup::default(), async |mut client| {
            let (got, old) = overtaken(&mut client, request.clone(), method).await;
            stays_dead(&client, what, &got, &old).await;
            let is_nobody = got.body == "anonymous" || got.status >= 400;
            assert!(is_nobody, "{what}: the late request itself is nobody's: {got:?}");
        })
        .await;
    }
}

/// The same while the logout waits for a store that cannot delete: it counts here at once, also for requests that had
/// loaded the session before, and for what they do when the store can write again.
async fn overtaken_by_a_pending_logout(
    client: &mut Client<'_>,
    request: Request,
    method: &'static str,
) -> (Answer, String) {
    let token = client.login("alice", ALICE).await;
    client.world.clock.advance(Duration::from_secs(40 * 60));
    let store = &client.world.store;
    store.hold(method);
    let logout = async {
        store.gate.reached().await;
        store.writes.set(Mode::Fails);
        let got = client.probe(Request::post("/logout", &[]).cookie(&token)).await;
        assert_eq!(got.status, 503);
        first_try().await;
        store.writes.set(Mode::Works);
        store.gate.open();
    };
    let (got, ()) = tokio::join!(client.probe(request.cookie(&token)), logout);
    (got, token)
}

/// Lets the deletion be tried in the background, and fail. It is tried again after a second.
async fn first_try() {
    for _ in 0..10 {
        yield_now().await;
    }
}

/// Lets everything be done that is still to be done.
async fn settle() {
    time::pause();
    time::sleep(Duration::from_secs(120)).await;
    time::resume();
}

#[tokio::test]
async fn a_request_in_flight_does_not_outlive_a_pending_logout() {
    let set = Request::post("/act/set", &[("name", "cart"), ("value", "pears")]);
    let table = [
        ("finding the session", Request::get("/who"), "load"),
        ("noting the use", Request::get("/who"), "touch"),
        ("writing a value", set, "update"),
        ("rotating", Request::post("/act/rotate", &[]), "rotate"),
        ("rebinding", Request::post("/act/password", &[("new", "looking-glass")]), "rotate"),
    ];
    for (what, request, method) in table {
        everywhere(Setup::default(), async |mut client| {
            let (got, old) = overtaken_by_a_pending_logout(&mut client, request.clone(), method).await;
            for token in [Some(old.clone()), got.token()].into_iter().flatten() {
                let who = client.probe(Request::get("/who").cookie(&token)).await;
                assert_eq!(who.body, "anonymous", "{what} at {}: {got:?}", client.site());
            }
            // A write that was on its way was made before the logout, as far as anybody can tell.
            let is_nobody = got.body == "anonymous" || got.status >= 400 || method == "update";
            assert!(is_nobody, "{what}: the late request itself is nobody's: {got:?}");
            settle().await;
            stays_dead(&client, what, &got, &old).await;
        })
        .await;
    }
}

/// In the handler instead of the store.
#[tokio::test]
async fn a_handler_that_waits_does_not_outlive_a_pending_logout() {
    for (then, status) in [("write", 400), ("rotate", 401), ("list", 401), ("end-others", 401)] {
        everywhere(Setup::default(), async |mut client| {
            let token = client.login("alice", ALICE).await;
            let target = format!("/act/hold?then={then}");
            let held = client.probe(Request::get(&target).cookie(&token));
            let logout = async {
                client.world.gate.reached().await;
                client.world.store.writes.set(Mode::Fails);
                client.probe(Request::post("/logout", &[]).cookie(&token)).await;
                first_try().await;
                client.world.store.writes.set(Mode::Works);
                client.world.gate.open();
            };
            let (got, ()) = tokio::join!(held, logout);
            assert_eq!((got.status, got.token()), (status, None), "{then}");
            settle().await;
            stays_dead(&client, then, &got, &token).await;
        })
        .await;
    }
}

/// The id that a session had before is an alias of it for a while: it is logged out as well.
#[tokio::test]
async fn a_pending_logout_counts_for_every_id_of_the_session() {
    let setup = || Setup::default().sessions(|sessions| sessions.rotate_every(Duration::from_secs(1_800)));
    for by_alias in [false, true] {
        everywhere(setup(), async |mut client| {
            let old = client.login("alice", ALICE).await;
            let mut elsewhere = client.another();
            elsewhere.login("alice", ALICE).await;
            client.world.clock.advance(Duration::from_secs(1_800));
            let new = client.bare(Request::get("/who").cookie(&old)).await.token().expect("a new id");
            assert_eq!(client.bare(Request::get("/who").cookie(&old)).await.body, "alice", "in the grace");
            client.world.store.writes.set(Mode::Fails);
            let used = if by_alias { &old } else { &new };
            let logout = client.bare(Request::post("/logout", &[]).cookie(used)).await;
            assert_eq!(logout.status, 503);
            for token in [&old, &new] {
                let who = client.bare(Request::get("/who").cookie(token)).await;
                assert_eq!(who.body, "anonymous", "logged out by the alias: {by_alias}");
            }
            let list = elsewhere.get("/act/list").await;
            assert_eq!(list.body, "1 1", "nor is it a device any more");
            client.world.store.writes.set(Mode::Works);
        })
        .await;
    }
}

#[tokio::test]
async fn a_periodic_rotation_in_flight_does_not_bring_a_session_back() {
    let setup = Setup::default().sessions(|sessions| sessions.rotate_every(Duration::from_secs(60)));
    everywhere(setup, async |mut client| {
        let (got, old) = overtaken(&mut client, Request::get("/who"), "rotate").await;
        stays_dead(&client, "periodic rotation", &got, &old).await;
    })
    .await;
}

/// A login under way in the logged-out session is a new session, with nothing of the old.
#[tokio::test]
async fn a_login_in_flight_begins_a_new_session() {
    everywhere(Setup::default(), async |mut client| {
        let login = Request::post("/login", &[("username", "alice"), ("password", ALICE)]);
        let (got, old) = overtaken(&mut client, login, "rotate").await;
        assert_eq!(client.probe(Request::get("/who").cookie(&old)).await.body, "anonymous");
        let new = got.token().expect("a new session");
        assert_eq!(client.probe(Request::get("/who").cookie(&new)).await.body, "alice");
        let cart = client.probe(Request::get("/act/get?name=cart").cookie(&new)).await;
        assert_eq!(cart.body, "-", "the old values do not come back either");
        assert_eq!(client.world.store.sessions.len(), 1);
    })
    .await;
}

/// The attacker holds the answer back, in the handler instead of the store.
#[tokio::test]
async fn a_handler_that_waits_does_not_bring_a_session_back() {
    for then in ["read", "write", "rotate"] {
        everywhere(Setup::default(), async |mut client| {
            let token = client.login("alice", ALICE).await;
            let target = format!("/act/hold?then={then}");
            let held = client.probe(Request::get(&target).cookie(&token));
            let logout = async {
                client.world.gate.reached().await;
                client.probe(Request::post("/logout", &[]).cookie(&token)).await;
                client.world.gate.open();
            };
            let (got, ()) = tokio::join!(held, logout);
            stays_dead(&client, then, &got, &token).await;
        })
        .await;
    }
}

/// "Log out everywhere" reaches requests under way too.
#[tokio::test]
async fn a_revoked_session_does_not_come_back() {
    everywhere(Setup::default(), async |mut client| {
        let stolen = client.another().login("alice", ALICE).await;
        client.login("alice", ALICE).await;
        client.another().login("bob", BOB).await;
        let held = client.probe(Request::get("/act/hold?then=write").cookie(&stolen));
        let revoke = async {
            client.world.gate.reached().await;
            let line = client.jar.line().unwrap();
            client.probe(Request::post("/act/others", &[]).with("cookie", line)).await;
            client.world.gate.open();
        };
        let (got, ()) = tokio::join!(held, revoke);
        assert_eq!((got.status, got.token()), (400, None));
        assert_eq!(client.probe(Request::get("/who").cookie(&stolen)).await.body, "anonymous");
        assert_eq!(client.world.store.sessions.len(), 2);
    })
    .await;
}

type Fields = &'static [(&'static str, &'static str)];

/// What gives the session a new id in another request, with the answer in which its browser would get it.
const MOVES: [(&str, &str, Fields); 4] = [
    ("rotating", "/act/rotate", &[]),
    ("rebinding", "/act/password", &[("new", "looking-glass")]),
    ("logging in again", "/login", &[("username", "alice"), ("password", ALICE)]),
    ("rotating in time", "/act/set", &[("name", "a"), ("value", "b")]),
];

fn rotating_in_time() -> Setup {
    Setup::default().sessions(|sessions| sessions.rotate_every(Duration::from_secs(1_800)))
}

/// A logout names the id that its browser had. Whatever moved the session meanwhile, over however many ids and for
/// however long, the person has logged out: the answer with the new id, which may arrive after the removal, brings nobody
/// back.
#[tokio::test]
async fn a_logout_ends_a_session_that_was_moved() {
    for (what, target, fields) in MOVES {
        everywhere(rotating_in_time(), async |mut client| {
            let first = client.login("alice", ALICE).await;
            client.world.clock.advance(Duration::from_secs(1_800));
            let mut tokens = vec![first.clone()];
            for _ in 0..3 {
                let moved = Request::post(target, fields).cookie(tokens.last().unwrap());
                tokens.extend(client.probe(moved).await.token());
            }
            assert!(tokens.len() > 1, "{what}");
            // Long after the old id was an alias.
            client.world.clock.advance(Duration::from_secs(60));
            let logout = client.probe(Request::post("/logout", &[]).cookie(&first)).await;
            assert_eq!(logout.status, 303);
            for token in &tokens {
                let who = client.probe(Request::get("/who").cookie(token)).await;
                assert_eq!(who.body, "anonymous", "{what} at {}", client.site());
            }
            assert!(client.world.store.sessions.is_empty(), "{what} at {}", client.site());
        })
        .await;
    }
}

/// The same with both under way: the session is moved while the deletion is on its way to the store.
#[tokio::test]
async fn a_logout_ends_a_session_that_is_moved_meanwhile() {
    for (what, target, fields) in MOVES {
        everywhere(rotating_in_time(), async |mut client| {
            let first = client.login("alice", ALICE).await;
            client.world.clock.advance(Duration::from_secs(1_800));
            // Another instance, which does not know of the logout.
            let elsewhere = rotating_in_time().restarted(client.world);
            let elsewhere = Tower::new(&elsewhere);
            let store = &client.world.store;
            store.hold("delete");
            let moved = async {
                store.gate.reached().await;
                let moved = elsewhere.send(Request::post(target, fields).cookie(&first)).await;
                // The logout counts here at once, for an id that this instance never gave.
                if let Some(token) = moved.token() {
                    let who = client.probe(Request::get("/who").cookie(&token)).await;
                    assert_eq!(who.body, "anonymous", "{what} at {}", client.site());
                }
                store.gate.open();
                moved
            };
            let logout = client.probe(Request::post("/logout", &[]).cookie(&first));
            let (logout, moved) = tokio::join!(logout, moved);
            assert_eq!(logout.status, 303, "{what}");
            let token = moved.token().unwrap_or_else(|| panic!("{what}: {moved:?}"));
            let who = client.probe(Request::get("/who").cookie(&token)).await;
            assert_eq!(who.body, "anonymous", "{what} at {}", client.site());
            assert!(store.sessions.is_empty(), "{what} at {}", client.site());
        })
        .await;
    }
}

/// Devices are revoked by the ids that the list had. One that has another by now ends all the same.
#[tokio::test]
async fn a_device_that_rotates_is_revoked() {
    everywhere(Setup::default(), async |mut client| {
        let stolen = client.another().login("alice", ALICE).await;
        let key = client.world.store.keys()[0];
        client.login("alice", ALICE).await;
        let moved = client.probe(Request::post("/act/rotate", &[]).cookie(&stolen)).await;
        let moved = moved.token().expect("a new id");
        let answer = client.post("/act/revoke", &[("key", &key.to_string())]).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let who = client.probe(Request::get("/who").cookie(&moved)).await;
        assert_eq!(who.body, "anonymous", "at {}", client.site());
        assert_eq!(client.world.store.sessions.len(), 1);
    })
    .await;
}

/// Whoever signs in where somebody else was signed in ends that session, whichever id it has by now.
#[tokio::test]
async fn another_users_login_ends_what_was_moved() {
    everywhere(Setup::default(), async |mut client| {
        let alices = client.login("alice", ALICE).await;
        let moved = client.probe(Request::post("/act/rotate", &[]).cookie(&alices)).await;
        let moved = moved.token().expect("a new id");
        let login = Request::post("/login", &[("username", "bob"), ("password", BOB)]).cookie(&alices);
        let bobs = client.probe(login).await.token().expect("a session");
        assert_eq!(client.probe(Request::get("/who").cookie(&bobs)).await.body, "bob");
        let who = client.probe(Request::get("/who").cookie(&moved)).await;
        assert_eq!(who.body, "anonymous", "at {}", client.site());
        assert_eq!(client.world.store.sessions.len(), 1);
    })
    .await;
}

/// The same user's login from another tab does not: the browser is about to get the id of the first.
#[tokio::test]
async fn the_same_users_login_spares_what_was_moved() {
    everywhere(Setup::default(), async |mut client| {
        let first = client.login("alice", ALICE).await;
        let moved = client.probe(Request::post("/act/rotate", &[]).cookie(&first)).await;
        let moved = moved.token().expect("a new id");
        let login = Request::post("/login", &[("username", "alice"), ("password", ALICE)]).cookie(&first);
        let new = client.probe(login).await.token().expect("a session");
        for token in [moved, new] {
            let who = client.probe(Request::get("/who").cookie(&token)).await;
            assert_eq!(who.body, "alice", "at {}", client.site());
        }
    })
    .await;
}
