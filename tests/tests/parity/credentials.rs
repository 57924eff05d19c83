//! Credentials in the `Authorization` header.

use std::time::Duration;

use integration_tests::client::{everywhere, everywhere_eager};
use integration_tests::expected::{anonymous, page, passed_on, personal, problem};
use integration_tests::site::Request;
use integration_tests::world::{ALICE, BOB, DORA, Setup};

fn me() -> Request {
    Request::get("/me")
}

#[tokio::test]
async fn basic_signs_in_for_one_request_and_makes_no_session() {
    everywhere(Setup::default(), async |mut client| {
        assert_eq!(client.send(me().basic("alice", ALICE)).await, personal("1 alice"));
        assert_eq!(client.send(me()).await, problem(401));
        let data = Request::post("/act/set", &[("name", "a"), ("value", "b")]).basic("alice", ALICE);
        assert_eq!(client.send(data).await, passed_on(401), "no session, no data");
        assert!(client.world.store.sessions.is_empty());
        let guarded = Request::get("/both").basic("bob", BOB);
        assert_eq!(client.send(guarded).await, problem(403), "known, not allowed");
    })
    .await;
}

/// What is refused, with what status, and never with the body of a page. The same with a good cookie.
#[tokio::test]
async fn bad_credentials_are_never_anonymous_and_never_the_cookies_user() {
    let table = [
        ("wrong password", me().basic("alice", BOB), 401),
        ("unknown", me().basic("mallory", ALICE), 401),
        ("disabled", me().basic("dora", DORA), 401),
        ("no password", me().basic("alice", ""), 401),
        ("no name", me().basic("", ALICE), 401),
        ("empty", me().with("authorization", ""), 401),
        ("only the scheme", me().with("authorization", "Basic"), 401),
        ("no base64", me().with("authorization", "Basic !!!"), 401),
        ("no colon", me().with("authorization", "Basic YWxpY2U="), 401),
        ("bad bytes", me().with("authorization", b"Basic \xff\xfe".as_slice()), 401),
        ("bearer", me().with("authorization", "Bearer abc"), 401),
        ("digest", me().with("authorization", "Digest username=\"alice\""), 401),
        ("twice the same", me().basic("alice", ALICE).basic("alice", ALICE), 400),
        ("good and bad", me().basic("alice", ALICE).with("authorization", "Bearer abc"), 400),
    ];
    everywhere(Setup::default(), async |mut client| {
        let anonymous_client = client.another();
        client.login("alice", ALICE).await;
        for (name, request, status) in table.clone() {
            let mut who = request.clone();
            who.target = "/who".into();
            assert_eq!(anonymous_client.bare(who.clone()).await, problem(status), "{name}");
            assert_eq!(anonymous_client.bare(request.clone()).await, problem(status), "{name}");
            assert_eq!(client.send(request.clone()).await, problem(status), "{name} with a cookie");
            assert_eq!(client.send(who.navigating()).await, page(status), "{name} with a cookie");
        }
        assert_eq!(client.who().await, "alice", "the session did not suffer");
    })
    .await;
}

#[tokio::test]
async fn cookie_and_basic_must_name_one_user() {
    everywhere(Setup::default(), async |mut client| {
        client.login("alice", ALICE).await;
        assert_eq!(client.send(me().basic("alice", ALICE)).await, personal("1 alice"));
        assert_eq!(client.send(me().basic("bob", BOB)).await, problem(400));
        assert_eq!(client.send(me().basic("bob", ALICE)).await, problem(401));
        let dead = "A".repeat(42) + "E";
        let got = client.another().bare(me().basic("bob", BOB).cookie(&dead)).await;
        assert_eq!(got, personal("2 bob"), "a dead cookie names nobody");
    })
    .await;
}

/// Credentials of the same id from another backend are another user: see `chain_truth` for the ids themselves.
#[tokio::test]
async fn every_challenge_is_offered() {
    everywhere(Setup::default(), async |mut client| {
        let got = client.get("/private").await;
        assert_eq!(got.all("www-authenticate").len(), 2);
    })
    .await;
    everywhere(Setup::default().basic(None), async |mut client| {
        let got = client.get("/private").await;
        let cookie = r#"Cookie form-action="/login", cookie-name="__Host-session""#;
        assert_eq!(got.all("www-authenticate"), [cookie]);
        let got = client.send(Request::get("/who").basic("alice", ALICE)).await;
        assert_eq!(
            (got.status, got.body.as_str()),
            (200, "anonymous"),
            "no scheme is accepted, none is read"
        );
    })
    .await;
}

/// Browsers send remembered Basic credentials along, whoever's page it is.
#[tokio::test]
async fn basic_is_ambient_and_checked_for_origin() {
    everywhere(Setup::default(), async |mut client| {
        let post = || Request::post("/private", &[]).basic("alice", ALICE);
        assert_eq!(client.send(post()).await, personal("secret"));
        assert_eq!(client.send(post().with("sec-fetch-site", "cross-site")).await, problem(403));
        let get = Request::get("/private").basic("alice", ALICE).with("sec-fetch-site", "cross-site");
        assert_eq!(client.send(get).await, personal("secret"));
    })
    .await;
}

/// What was sent as a credential comes back in no answer.
#[tokio::test]
async fn credentials_are_not_echoed() {
    everywhere_eager(Setup::default(), async |client| {
        for request in [me(), me().navigating(), Request::get("/no-such-page"), Request::post("/login", &[])]
        {
            let answers = [
                client.bare(request.clone().basic("canary-name", "canary-pass")).await,
                client.bare(request.clone().with("authorization", "Bearer canary-token")).await,
                client.bare(request.with("cookie", "__Host-session=canary-cookie")).await,
            ];
            for answer in answers {
                let text = format!("{answer:?}");
                assert!(!text.contains("canary") && !text.contains("Y2FuYXJ5"), "{text}");
            }
        }
    })
    .await;
}

/// Remembered credentials cost no hash, and are worth nothing once the user changed.
#[tokio::test]
async fn remembered_credentials_end_with_their_user() {
    everywhere(Setup::default(), async |client| {
        let world = client.world;
        let before = world.passwords.runs();
        for _ in 0..5 {
            assert_eq!(client.bare(me().basic("alice", ALICE)).await, personal("1 alice"));
        }
        assert_eq!(world.passwords.runs() - before, 1);
        world.clock.advance(Duration::from_secs(30));
        assert_eq!(client.bare(me().basic("alice", ALICE)).await, personal("1 alice"));
        assert_eq!(world.passwords.runs() - before, 2, "30 s are over");
        world.users.users.change("alice", |alice| alice.active = false);
        assert_eq!(client.bare(me().basic("alice", ALICE)).await, problem(401));
        world.users.users.change("alice", |alice| alice.active = true);
        assert_eq!(client.bare(me().basic("alice", ALICE)).await, personal("1 alice"));
        world.users.users.remove("alice");
        assert_eq!(client.bare(me().basic("alice", ALICE)).await, problem(401));
        assert_eq!(client.bare(Request::get("/who")).await, anonymous("anonymous"));
    })
    .await;
}
