//! Passwords are not taken where others can read them.

use auth_core::http::Basic;
use auth_core::{Auth, Password, Require};
use auth_tower::{AuthLayer, Encrypted, RequireLayer};
use axum::routing::get;
use axum::{Extension, Router};
use integration_tests::client::{everywhere, on_tower};
use integration_tests::expected::{COOKIE, VARY_REFUSED, answer, personal};
use integration_tests::site::{Answer, Request};
use integration_tests::tower::{Tower, answer as read, native};
use integration_tests::world::{ALICE, BOB, Setup};
use tower::ServiceExt;

const PROBLEM: &str = r#"{"type":"about:blank","title":"Forbidden","status":403,"detail":"Credentials must be sent over https."}"#;
const PAGE: &str = "<!doctype html><title>Forbidden</title><h1>Forbidden</h1><p>Please come back over https.";
const WARNING: &str = "unencrypted credentials were not verified";

fn setup() -> Setup {
    Setup::default().basic(None).configure(|auth| {
        let auth = auth.scheme(Basic::new("tests").expect("a plain realm"));
        auth.login_page("/login").trusted_proxy("10.0.0.0/8")
    })
}

fn refused(kind: &str, body: &str) -> Answer {
    let headers = [("cache-control", "no-store"), ("content-type", kind), ("vary", VARY_REFUSED)];
    answer(403, &headers, body)
}

fn from(peer: &str, request: Request) -> Request {
    request.from(peer.parse().expect("an address"))
}

#[tokio::test]
async fn basic_in_the_clear_is_refused_and_not_judged() {
    everywhere(setup(), async |client| {
        let me = |password| Request::get("/me").basic("alice", password);
        let proxy = |says| from("10.1.2.3", me(ALICE).with("x-forwarded-proto", says));
        let in_the_clear = [
            ("nobody knows", me(ALICE)),
            ("the network", from("192.0.2.1", me(ALICE))),
            ("the network, wrong password", from("192.0.2.1", me(BOB))),
            ("the client says so itself", from("192.0.2.1", me(ALICE).with("x-forwarded-proto", "https"))),
            ("a proxy that saw it", proxy("http")),
            ("a proxy that says nothing", from("10.1.2.3", me(ALICE))),
        ];
        for time in ["at first", "when it is remembered"] {
            let hashes = client.world.passwords.runs();
            for (name, request) in in_the_clear.clone() {
                let got = client.bare(request.clone()).await;
                assert_eq!(got, refused("application/problem+json", PROBLEM), "{name}, {time}");
                let got = client.bare(request.navigating()).await;
                assert_eq!(got, refused("text/html; charset=utf-8", PAGE), "{name}, {time}");
                let heard = client.world.events.take();
                assert!(
                    heard.len() == 2 && heard.iter().all(|event| event.starts_with(WARNING)),
                    "{heard:?}"
                );
            }
            assert_eq!(client.world.passwords.runs(), hashes, "{time}");
            for (name, request) in [("TLS", proxy("https")), ("this machine", from("127.0.0.1", me(ALICE)))] {
                assert_eq!(client.bare(request).await, personal("1 alice"), "{name}, {time}");
            }
            client.world.events.take();
        }
    })
    .await;
}

/// A browser that is asked for a password sends it, and again with every request.
#[tokio::test]
async fn basic_is_not_asked_for_in_the_clear() {
    everywhere(setup(), async |client| {
        let ways = async |request| {
            let answer = client.bare(request).await;
            assert_eq!(answer.status, 401);
            answer.all("www-authenticate").iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        for target in ["/me", "/private", "/fresh"] {
            assert_eq!(ways(from("192.0.2.1", Request::get(target))).await, [COOKIE], "{target}");
            let offered = ways(from("127.0.0.1", Request::get(target))).await;
            assert!(offered[0].starts_with("Basic "), "{target}: {offered:?}");
        }
    })
    .await;
}

/// The same password in a form is the application's own business, and a session is no password.
#[tokio::test]
async fn forms_and_sessions_are_not_concerned() {
    everywhere(setup(), async |mut client| {
        client.login("alice", ALICE).await;
        assert_eq!(client.send(from("192.0.2.1", Request::get("/me"))).await, personal("1 alice"));
    })
    .await;
}

#[tokio::test]
async fn a_server_that_ends_tls_itself_says_so() {
    let world = setup().world().await;
    let tls = Tower::new(&world).router().layer(Extension(Encrypted));
    let request = from("192.0.2.1", Request::get("/me").basic("alice", ALICE));
    let Ok(response) = tls.oneshot(native(request.clone())).await;
    assert_eq!(read(response).await, personal("1 alice"));
    on_tower(&world, async |client| assert_eq!(client.bare(request.clone()).await.status, 403)).await;
}

/// RFC 9110 §15.5.2: a 401 names a way in. Where there is no safe one, the answer is another.
#[tokio::test]
async fn where_only_basic_is_accepted_the_answer_is_to_use_tls() {
    let world = Setup::default().world().await;
    let auth = Auth::builder().backend::<Password>("local", world.users.clone());
    let auth = auth.scheme(Basic::new("tests").unwrap()).observer(world.events.clone()).build().unwrap();
    let guarded = get(async || "secret").layer(RequireLayer::new(Require::login()));
    let site = Router::new().route("/", guarded).layer(AuthLayer::new(auth));
    let ask = async |request: Request| {
        let Ok(response) = site.clone().oneshot(native(request)).await;
        read(response).await
    };
    let refused = ask(from("192.0.2.1", Request::get("/"))).await;
    assert_eq!((refused.status, refused.body.as_str()), (403, PROBLEM));
    let told = world.events.take();
    assert!(
        told.len() == 1
            && told[0].starts_with("clients could not be asked")
            && told[0].contains("`.trusted_proxy(…)`"),
        "{told:?}"
    );
    assert_eq!(ask(from("127.0.0.1", Request::get("/"))).await.status, 401);
    assert_eq!(world.events.take(), Vec::<String>::new());
    assert_eq!(ask(from("127.0.0.1", Request::get("/").basic("alice", ALICE))).await.body, "secret");
}
