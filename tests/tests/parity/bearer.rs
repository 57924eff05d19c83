//! Tokens in the `Authorization` header.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use auth_core::backend::{BackendError, DeclineReason, Outcome, backend_fn};
use auth_core::http::{Basic, Bearer};
use auth_core::{AuthBuilder, BearerToken, UserId};
use integration_tests::accounts::Account;
use integration_tests::client::everywhere;
use integration_tests::expected::{
    BASIC, COOKIE, VARY_REFUSED, answer, grpc, page, passed_on, personal, problem, problem_body,
};
use integration_tests::site::{Answer, Request};
use integration_tests::world::{ALICE, Setup};

const BEARER: &str = r#"Bearer realm="tests""#;
const AGAIN: &str = r#"Bearer realm="tests", error="invalid_token""#;

fn robot() -> Account {
    Account::new(70, "robot").may(&["members"])
}

/// An issuer that knows one token, and cannot answer about another.
fn tokens(auth: AuthBuilder<Account>, asked: &Arc<AtomicUsize>) -> AuthBuilder<Account> {
    let asked = Arc::clone(asked);
    let issuer = backend_fn(
        move |token: BearerToken| {
            asked.fetch_add(1, Ordering::SeqCst);
            async move {
                match token.token().expose() {
                    "good.token" => Ok(Outcome::Accept(robot())),
                    "down" => Err(BackendError::unavailable("no route to the issuer")),
                    _ => Ok(Outcome::Decline(DeclineReason::UnknownUser)),
                }
            }
        },
        |id: UserId| async move { Ok((id == robot().id).then(robot)) },
    );
    auth.backend::<BearerToken>("tokens", issuer)
}

fn setup_with(bearer: Bearer, asked: &Arc<AtomicUsize>) -> Setup {
    let asked = Arc::clone(asked);
    Setup::default().basic(None).configure(move |auth| {
        let basic = Basic::new("tests").expect("a plain realm").allow_cleartext();
        tokens(auth, &asked).scheme(bearer.clone()).scheme(basic).login_page("/login")
    })
}

fn bearer() -> Bearer {
    Bearer::new("tests").expect("a plain realm").allow_cleartext()
}

fn setup() -> Setup {
    setup_with(bearer(), &Arc::default())
}

fn with(request: Request, token: &str) -> Request {
    request.with("authorization", format!("Bearer {token}"))
}

fn me(token: &str) -> Request {
    with(Request::get("/me"), token)
}

fn unauthorized(challenges: [&str; 3]) -> Answer {
    let mut headers = vec![("cache-control", "no-store"), ("content-type", "application/problem+json")];
    headers.push(("vary", VARY_REFUSED));
    headers.extend(challenges.map(|challenge| ("www-authenticate", challenge)));
    answer(401, &headers, &problem_body(401))
}

/// What is not a good token is refused, and never taken for nobody or for the cookie's user.
#[tokio::test]
async fn a_bad_token_never_falls_back() {
    let table = [
        ("unknown", "bad.token"),
        ("empty", ""),
        ("two", "good.token good.token"),
        ("a list", "good.token, good.token"),
        ("quoted", "\"good.token\""),
        ("a parameter", "token=good.token"),
        ("a tab before it", "\tgood.token"),
        ("percent", "good%2Etoken"),
        ("nothing but padding", "=="),
    ];
    everywhere(setup(), async |mut client| {
        let anonymous_client = client.another();
        client.login("alice", ALICE).await;
        for (name, token) in table {
            let refused = unauthorized([AGAIN, BASIC, COOKIE]);
            for target in ["/me", "/who", "/private"] {
                let request = with(Request::get(target), token);
                assert_eq!(anonymous_client.bare(request.clone()).await, refused, "{name}: {target}");
                assert_eq!(client.send(request).await, refused, "{name}, with a cookie: {target}");
            }
            let got = anonymous_client.bare(me(token).with("content-type", "application/grpc")).await;
            assert_eq!(got, grpc("16", "unauthenticated"), "{name}");
        }
        let long = "a".repeat(BearerToken::MAX_LEN + 1);
        assert_eq!(anonymous_client.bare(me(&long)).await.status, 401, "too long");
        let twice = with(me("good.token"), "good.token");
        assert_eq!(anonymous_client.bare(twice).await, problem(400), "a singleton");
        assert_eq!(anonymous_client.bare(me("down")).await, problem(503), "an outage is no bad token");
        assert_eq!(client.who().await, "alice", "the session did not suffer");
    })
    .await;
}

#[tokio::test]
async fn a_token_signs_in_for_one_request_and_makes_no_session() {
    everywhere(setup(), async |mut client| {
        for scheme in ["Bearer", "bearer", "BEARER  "] {
            let request = Request::get("/me").with("authorization", format!("{scheme} good.token"));
            assert_eq!(client.send(request).await, personal("70 robot"), "{scheme}");
        }
        assert_eq!(client.send(with(Request::get("/members"), "good.token")).await, personal("secret"));
        assert_eq!(
            client.send(with(Request::get("/nobody"), "good.token")).await,
            problem(403),
            "known, not allowed"
        );
        assert_eq!(
            client.send(Request::get("/me?access_token=good.token")).await.status,
            401,
            "in the query"
        );
        let form = Request::post("/me", &[("access_token", "good.token")]);
        assert_eq!(client.send(form).await.status, 401, "in the form");
        assert!(client.world.store.sessions.is_empty());
    })
    .await;
}

/// RFC 6750 §3: only who presented a token hears that it was not good.
#[tokio::test]
async fn the_error_is_told_to_who_presented_a_token() {
    everywhere(setup(), async |client| {
        let asked = client.bare(Request::get("/private")).await;
        assert_eq!(asked, unauthorized([BEARER, BASIC, COOKIE]), "nothing presented");
        let asked = client.bare(Request::get("/private").basic("alice", "wrong")).await;
        assert_eq!(asked, unauthorized([BEARER, BASIC, COOKIE]), "a password presented");
        let asked = client.bare(Request::get("/private").with("authorization", "Digest a=b")).await;
        assert_eq!(asked, unauthorized([BEARER, BASIC, COOKIE]), "something else presented");
        let too_old = client.bare(with(Request::get("/fresh"), "bad.token")).await;
        assert_eq!(too_old, unauthorized([AGAIN, BASIC, COOKIE]));
    })
    .await;
}

/// Browsers do not send tokens by themselves, so one that came alone was meant.
#[tokio::test]
async fn only_a_token_that_comes_alone_may_come_from_another_site() {
    let elsewhere = |request: Request| {
        request.with("sec-fetch-site", "cross-site").with("origin", "https://app.elsewhere.example")
    };
    everywhere(setup(), async |mut client| {
        let post = || with(Request::post("/private", &[]), "good.token");
        assert_eq!(client.bare(elsewhere(post())).await, personal("secret"));
        assert_eq!(client.bare(elsewhere(with(Request::post("/me", &[]), "bad.token"))).await.status, 401);
        assert_eq!(
            client.bare(elsewhere(Request::post("/private", &[]).basic("alice", ALICE))).await,
            problem(403),
            "a browser sends passwords by itself"
        );
        client.login("alice", ALICE).await;
        assert_eq!(client.send(elsewhere(post())).await, problem(403), "with a cookie");
        assert_eq!(client.who().await, "alice");
        let dead = "A".repeat(42) + "E";
        assert_eq!(client.bare(elsewhere(post().cookie(&dead))).await, problem(403), "with a dead cookie");
    })
    .await;
}

/// Login CSRF: a page elsewhere that has a token cannot leave its visitor signed in as somebody.
#[tokio::test]
async fn a_token_from_another_site_logs_nobody_in() {
    everywhere(setup(), async |client| {
        let login = Request::post("/login", &[("username", "alice"), ("password", ALICE)]);
        let login = with(login, "good.token").with("sec-fetch-site", "cross-site");
        assert_eq!(client.bare(login).await, passed_on(403));
        assert!(client.world.store.sessions.is_empty());
    })
    .await;
}

#[tokio::test]
async fn cookie_and_token_must_name_one_user() {
    everywhere(setup(), async |mut client| {
        client.login("alice", ALICE).await;
        assert_eq!(client.send(me("good.token")).await, problem(400));
        assert_eq!(client.send(me("down")).await, problem(503));
        assert_eq!(client.send(Request::get("/me").navigating()).await, personal("1 alice"));
        assert_eq!(client.send(me("good.token").navigating()).await, page(400));
    })
    .await;
}

/// Who reads a token can use it.
#[tokio::test]
async fn tokens_in_the_clear_are_refused_and_not_judged() {
    let asked = Arc::new(AtomicUsize::new(0));
    let strict = Bearer::new("tests").expect("a plain realm");
    everywhere(setup_with(strict, &asked), async |client| {
        let before = asked.load(Ordering::SeqCst);
        let clear = |request: Request| request.from("192.0.2.1".parse().expect("an address"));
        let refused = client.bare(clear(me("good.token"))).await;
        assert!(refused.status == 403 && refused.body.contains("https"), "{refused:?}");
        assert_eq!(client.bare(clear(me("bad.token"))).await, refused);
        assert_eq!(asked.load(Ordering::SeqCst), before);
        let offered = client.bare(clear(Request::get("/private"))).await;
        assert_eq!(offered.all("www-authenticate"), [BASIC, COOKIE], "it is not asked for either");
        let here = me("good.token").from("127.0.0.1".parse().expect("an address"));
        assert_eq!(client.bare(here).await, personal("70 robot"));
    })
    .await;
}

/// A token that was revoked is worth nothing with its next request, unless the site says otherwise.
#[tokio::test]
async fn tokens_are_judged_each_time_unless_remembered() {
    let table = [("not set", bearer(), 3), ("30 s", bearer().remember(Duration::from_secs(30)), 1)];
    for (name, bearer, times) in table {
        let asked = Arc::new(AtomicUsize::new(0));
        everywhere(setup_with(bearer, &asked), async |client| {
            let before = asked.load(Ordering::SeqCst);
            for _ in 0..3 {
                assert_eq!(client.bare(me("good.token")).await, personal("70 robot"));
            }
            assert_eq!(asked.load(Ordering::SeqCst) - before, times, "{name}");
            // What is remembered is no less a token.
            let elsewhere = with(Request::post("/private", &[]), "good.token");
            let elsewhere = elsewhere.with("sec-fetch-site", "cross-site");
            assert_eq!(client.bare(elsewhere).await, personal("secret"), "{name}");
        })
        .await;
    }
}
