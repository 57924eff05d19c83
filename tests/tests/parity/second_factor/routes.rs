//! Routes, and whom they let in.

use auth_core::UserCache;
use integration_tests::client::{Client, everywhere, everywhere_eager};
use integration_tests::site::{Answer, Request};
use integration_tests::world::{ALICE, BOB};

use super::{MINUTE, act, begin, get, send_code, setup, sign_in, sign_in_with_code};

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// Let in.
    In,
    /// Answered, as nobody.
    Nobody,
    /// Sent to the login page; a program is asked for a login.
    Login,
    /// Sent to the page of the second factor; a program is asked for one.
    Factor,
    /// As for freshness: sent to the login page; a program is asked for a newer proof.
    Again,
}
use Fate::{Again, Factor, In, Login, Nobody};

/// Whom a request comes from: nobody, one whose login is not finished, one who has no second factor, one who gave it just now,
/// or some minutes ago, one who enrolled it in another session meanwhile.
const KINDS: [&str; 6] = ["anonymous", "pending", "one factor", "two", "stale", "enrolled elsewhere"];

const ROUTES: [(&str, [Fate; 6]); 15] = [
    ("/who", [Nobody, Nobody, In, In, In, Nobody]),
    ("/me", [Login, Factor, In, In, In, Factor]),
    ("/private", [Login, Factor, In, In, In, Factor]),
    ("/members", [Login, Factor, In, In, In, Factor]),
    ("/any", [Login, Factor, In, In, In, Factor]),
    ("/scoped", [Login, Factor, In, In, In, Factor]),
    ("/nested/inner/private", [Login, Factor, In, In, In, Factor]),
    ("/fresh", [Login, Factor, In, In, Again, Factor]),
    ("/two", [Login, Factor, Factor, In, In, Factor]),
    ("/code", [Login, Factor, Factor, In, In, Factor]),
    ("/fresh-code", [Login, Factor, Factor, In, Factor, Factor]),
    ("/verified", [Login, Factor, Factor, In, In, Factor]),
    ("/fresh-user", [Login, Factor, In, In, Again, Factor]),
    ("/act/list", [Login, Login, In, In, In, Login]),
    ("/act/rotate", [Login, Login, In, In, In, Login]),
];

/// Makes the browser's session one of this kind.
async fn be(client: &mut Client<'_>, kind: &str) {
    client.world.enrol(1).await;
    match kind {
        "anonymous" => {}
        "pending" => begin(client).await,
        "one factor" => _ = sign_in(client, "bob", BOB).await,
        "two" => sign_in_with_code(client).await,
        "stale" => {
            sign_in_with_code(client).await;
            client.world.clock.advance(MINUTE * 2);
        }
        _ => {
            sign_in(client, "bob", BOB).await;
            assert_eq!(client.who().await, "bob");
            enrol_elsewhere(client).await;
        }
    }
}

/// Bob enrols an app, in another session.
pub(super) async fn enrol_elsewhere(client: &mut Client<'_>) -> String {
    let mut other = client.another();
    sign_in(&mut other, "bob", BOB).await;
    let enrolment = act(&mut other, "enrol", &[("name", "phone")]).await.body;
    let (id, secret) = enrolment.split_once(' ').expect("an id and a secret");
    let app: auth_core::factors::Totp = secret.parse().unwrap();
    let code = app.code(auth_core::time::Clock::now(&*client.world.clock));
    let confirmed = act(&mut other, "confirm", &[("id", id), ("code", code.expose())]).await;
    assert_eq!(confirmed.status, 303, "{confirmed:?}");
    assert_eq!(other.who().await, "bob", "the session in which it was enrolled has proven it");
    secret.to_owned()
}

fn is_let_in(answer: &Answer) -> bool {
    answer.status == 200 && !["anonymous", "none"].contains(&&*answer.body)
}

fn fate_of_page(answer: &Answer) -> Fate {
    match (answer.status, answer.one("location")) {
        (200, _) if is_let_in(answer) => In,
        (200, _) => Nobody,
        (303, to) if to.starts_with("/login/factor?next=/") => Factor,
        (303, to) if to.starts_with("/login?next=/") => Login,
        (401, _) => Login,
        _ => panic!("{answer:?}"),
    }
}

fn fate_of_call(answer: &Answer) -> Fate {
    let challenges = answer.all("www-authenticate");
    let are = |what: &str| challenges.iter().all(|challenge| challenge.contains(what));
    match answer.status {
        200 if is_let_in(answer) => In,
        200 => Nobody,
        401 if are("insufficient_user_authentication") && are("max_age=\"60\"") => Again,
        401 if are("insufficient_user_authentication") => Factor,
        401 if !challenges.iter().any(|challenge| challenge.contains("insufficient")) => Login,
        _ => panic!("{answer:?}"),
    }
}

#[tokio::test]
async fn pages_let_nobody_in_who_lacks_a_factor() {
    for (at, kind) in KINDS.into_iter().enumerate() {
        everywhere(setup(), async |mut client| {
            be(&mut client, kind).await;
            for (route, fates) in ROUTES {
                let answer = client.send(get(route).navigating()).await;
                // To a browser, both are the login page.
                let expected = if fates[at] == Again { Login } else { fates[at] };
                assert_eq!(
                    fate_of_page(&answer),
                    expected,
                    "{kind} at {route} on {}: {answer:?}",
                    client.site()
                );
            }
        })
        .await;
    }
}

#[tokio::test]
async fn calls_let_nobody_in_who_lacks_a_factor() {
    for (at, kind) in KINDS.into_iter().enumerate() {
        everywhere(setup(), async |mut client| {
            be(&mut client, kind).await;
            for (route, fates) in ROUTES {
                let answer = client.get(route).await;
                assert_eq!(
                    fate_of_call(&answer),
                    fates[at],
                    "{kind} at {route} on {}: {answer:?}",
                    client.site()
                );
            }
            // To these it is one question.
            for (route, fates) in ROUTES.iter().filter(|(route, _)| ["/private", "/two"].contains(route)) {
                let is_in = fates[at] == In;
                let socket = get(route).with("connection", "upgrade").with("upgrade", "websocket");
                let socket = client.send(socket).await;
                assert_eq!(socket.status == 200, is_in, "{kind} by a socket at {route}: {socket:?}");
                let grpc =
                    client.send(Request::new("POST", route).with("content-type", "application/grpc")).await;
                let status = if is_in { "" } else { "16" };
                assert_eq!(
                    (grpc.status, grpc.one("grpc-status")),
                    (200, status),
                    "{kind} by gRPC at {route}"
                );
            }
        })
        .await;
    }
}

/// What the layer puts into the extensions. A lazy one puts nothing there.
#[tokio::test]
async fn extensions_name_nobody_who_lacks_a_factor() {
    let named = ["anonymous", "anonymous", "bob", "alice", "alice", "anonymous"];
    for (kind, name) in KINDS.into_iter().zip(named) {
        everywhere_eager(setup(), async |mut client| {
            be(&mut client, kind).await;
            assert_eq!(client.get("/ext").await.body, name, "{kind}");
        })
        .await;
    }
}

/// Users that are kept for their sessions are nobody's callers either.
#[tokio::test]
async fn kept_users_lack_what_they_lack() {
    for (at, kind) in KINDS.into_iter().enumerate() {
        let cached = setup().configure(|auth| auth.login_page("/login").cache_users(UserCache::new()));
        everywhere(cached, async |mut client| {
            be(&mut client, kind).await;
            // Twice: what the first has had loaded, the second finds.
            for (route, fates) in
                ROUTES.iter().chain(&ROUTES).filter(|(route, _)| ["/me", "/two"].contains(route))
            {
                let answer = client.get(route).await;
                assert_eq!(
                    fate_of_call(&answer),
                    fates[at],
                    "{kind} at {route} on {}: {answer:?}",
                    client.site()
                );
            }
        })
        .await;
    }
}

/// Values are neither shown nor taken, and are there again when the factor is.
#[tokio::test]
async fn values_wait_for_the_factor() {
    everywhere(setup(), async |mut client| {
        sign_in(&mut client, "bob", BOB).await;
        client.get("/act/set?name=cart&value=3").await;
        let before = client.jar.token().unwrap().to_owned();
        let secret = enrol_elsewhere(&mut client).await;
        assert_eq!((client.who().await.as_str(), client.value("cart").await.as_str()), ("anonymous", "-"));
        let refused = client.get("/act/set?name=cart&value=4").await;
        assert_eq!(refused.status, 401, "{refused:?}");
        client.world.clock.advance(MINUTE * 20);
        assert_eq!(
            super::pending(&mut client).await,
            "bob [SecondFactor] {Totp}",
            "it has the limits that it had"
        );
        let app: auth_core::factors::Totp = secret.parse().unwrap();
        let code = app.code(auth_core::time::Clock::now(&*client.world.clock));
        assert_eq!(send_code(&mut client, code.expose()).await.status, 303);
        assert_eq!((client.who().await.as_str(), client.value("cart").await.as_str()), ("bob", "3"));
        let old = client.probe(get("/who").cookie(&before)).await;
        assert_eq!(old.body, "anonymous", "the id is a new one");
    })
    .await;
}

#[tokio::test]
async fn what_a_program_is_told_names_the_factor() {
    everywhere(setup(), async |mut client| {
        client.world.enrol(1).await;
        let login = client.post("/login", &[("username", "alice"), ("password", ALICE)]).await;
        let needs = r#"{"type":"about:blank","title":"Unauthorized","status":401,"needs":["totp"]}"#;
        assert_eq!((login.status, &*login.body, login.one("location")), (401, needs, ""));
        assert_eq!(login.one("content-type"), "application/problem+json");
        let set = login.all("set-cookie")[0].to_owned();
        assert!(set.ends_with("; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=600"), "{set}");
        let refused = client.get("/private").await;
        assert_eq!((refused.status, &*refused.body), (401, needs));
        assert!(
            refused
                .all("www-authenticate")
                .iter()
                .all(|text| text.contains("insufficient_user_authentication"))
        );
    })
    .await;
}

/// Whoever moves a session just then, to a new id, does not keep it out of what is told to all.
#[tokio::test]
async fn a_session_that_is_moved_meanwhile_is_told_of_the_factor() {
    everywhere(setup(), async |mut client| {
        sign_in(&mut client, "bob", BOB).await;
        let mut other = client.another();
        sign_in(&mut other, "bob", BOB).await;
        let enrolment = act(&mut other, "enrol", &[("name", "phone")]).await.body;
        let (id, secret) = enrolment.split_once(' ').expect("an id and a secret");
        let app: auth_core::factors::Totp = secret.parse().unwrap();
        let code = app.code(auth_core::time::Clock::now(&*client.world.clock));
        let store = std::sync::Arc::clone(&client.world.store);
        // It has been listed by its old id, and is about to be written.
        store.hold("update");
        let fields = [("id", id), ("code", code.expose())];
        let (confirmed, moved) = tokio::join!(act(&mut other, "confirm", &fields), async {
            store.gate.reached().await;
            let moved = act(&mut client, "rotate", &[]).await;
            store.gate.open();
            moved
        });
        assert_eq!((confirmed.status, moved.status), (303, 200));
        assert_eq!((client.who().await.as_str(), &*other.who().await), ("anonymous", "bob"));
    })
    .await;
}

/// One that is moved whenever it is about to be told ends: it would never ask for the factor.
#[tokio::test]
async fn a_session_that_cannot_be_told_of_the_factor_ends() {
    everywhere(setup(), async |mut client| {
        sign_in(&mut client, "bob", BOB).await;
        let mut token = client.jar.token().unwrap().to_owned();
        let mut other = client.another();
        sign_in(&mut other, "bob", BOB).await;
        let enrolment = act(&mut other, "enrol", &[("name", "phone")]).await.body;
        let (id, secret) = enrolment.split_once(' ').expect("an id and a secret");
        let app: auth_core::factors::Totp = secret.parse().unwrap();
        let code = app.code(auth_core::time::Clock::now(&*client.world.clock));
        let store = std::sync::Arc::clone(&client.world.store);
        store.hold("update");
        let moving = async {
            loop {
                store.gate.reached().await;
                let moved = client.probe(Request::post("/act/rotate", &[]).cookie(&token)).await;
                token = moved.token().unwrap_or_else(|| panic!("it is moved: {moved:?}"));
                store.hold("update");
                store.gate.open();
            }
        };
        let fields = [("id", id), ("code", code.expose())];
        let confirmed = tokio::select! {
            confirmed = act(&mut other, "confirm", &fields) => confirmed,
            () = moving => unreachable!("it goes on for ever"),
        };
        assert_eq!((confirmed.status, other.who().await.as_str()), (303, "bob"));
        let waits = client.probe(get("/act/pending").cookie(&token)).await;
        assert_eq!(waits.body, "none", "it is gone, by whichever of its ids");
        assert_eq!(client.world.store.sessions.len(), 1);
    })
    .await;
}
