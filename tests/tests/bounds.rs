//! Each size that is promised, at its limit and one beyond.
#![allow(missing_docs)]

use auth_core::conformance::client::Headers;
use auth_core::http::{Basic, Read, Scheme};
use auth_core::session::{SessionConfig, SessionData, SessionKey};
use auth_core::{BackendName, Credentials, Password, RequestFacts, UserId};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use integration_tests::client::everywhere;
use integration_tests::expected::{SET_COOKIE, passed_on, personal, sent_to};
use integration_tests::site::Request;
use integration_tests::world::{ALICE, Setup, keys};

fn x(len: usize) -> String {
    "x".repeat(len)
}

/// What fits at `limit` must not fit at one more.
fn boundary(name: &str, limit: usize, fits: impl Fn(usize) -> bool) {
    assert!(fits(limit), "{name}: {limit} fits");
    assert!(!fits(limit + 1), "{name}: {} does not fit", limit + 1);
}

#[test]
fn values_are_bounded() {
    let fits = |username: String, password: String| Password::new(username, password).check().is_ok();
    boundary("user name", 255, |len| fits(x(len), x(1)));
    boundary("password", 4096, |len| fits(x(1), x(len)));
    boundary("user id", 255, |len| UserId::new(x(len)).is_ok());
    boundary("backend name", 64, |len| BackendName::new(&x(len)).is_some());
    let named = |len| {
        let auth = auth_core::Auth::<integration_tests::accounts::Account>::builder();
        auth.sessions(
            auth_core::session::MemorySessions::new(1),
            SessionConfig::new(keys()).cookie_name(x(len)),
        )
    };
    let mistake = |len| named(len).build().unwrap_err().to_string();
    boundary("cookie name", 64, |len| !mistake(len).contains("cookie name"));
    let agent =
        |len| RequestFacts::none().with_user_agent(Some(x(len).as_bytes())).user_agent().unwrap().len();
    boundary("user agent", 256, |len| agent(len) == len);
    boundary("session key", 64, |len| SessionKey::from_hex(&"0".repeat(len)).is_some());
    assert_eq!(SessionData::MAX_LEN, 64 * 1024);
}

fn reads(header: &str) -> bool {
    matches!(
        Basic::new("r").unwrap().read(&Headers(&[("authorization", header.as_bytes())])),
        Read::Present(_)
    )
}

#[test]
fn authorization_is_bounded() {
    let credentials = |len: usize| STANDARD.encode(format!("a:{}", x(len - 2)));
    boundary("Basic credentials", 8 * 1024, |len| reads(&format!("Basic {}", credentials(len))));
    let padded = |len: usize| {
        let credentials = credentials(8);
        format!("Basic {}{credentials}", " ".repeat(len - 6 - credentials.len()))
    };
    boundary("Authorization", 16 * 1024, |len| reads(&padded(len)));
}

#[tokio::test]
async fn requests_are_bounded() {
    everywhere(Setup::default(), async |mut client| {
        let token = client.login("alice", ALICE).await;
        let line = |len: usize| {
            let session = format!("__Host-session={token}; a=");
            format!("{session}{}", x(len - session.len()))
        };
        for (len, who) in [(64 * 1024, "alice"), (64 * 1024 + 1, "anonymous")] {
            let got = client.bare(Request::get("/who").with("cookie", line(len))).await;
            assert_eq!(got.body, who, "Cookie: {len}");
        }
        for (value, who) in
            [(token.clone(), "alice"), (format!("{token}A"), "anonymous"), (token[1..].into(), "anonymous")]
        {
            assert_eq!(client.bare(Request::get("/who").cookie(&value)).await.body, who);
        }
        let huge = Request::get("/who").cookie(&x(60 * 1024));
        assert_eq!(client.bare(huge).await.body, "anonymous");
    })
    .await;
}

#[tokio::test]
async fn next_is_bounded() {
    everywhere(Setup::default(), async |client| {
        for (len, is_followed) in [(2048, true), (2049, false)] {
            let next = format!("/{}", x(len - 1));
            let fields = [("username", "alice"), ("password", ALICE), ("next", &next)];
            let got = client.bare(Request::post("/login", &fields)).await.masked();
            assert_eq!(got, sent_to(if is_followed { &next } else { "/" }, SET_COOKIE), "{len}");
            let page = format!("/private?{}", x(len - 9));
            let got = client.bare(Request::get(&page).navigating()).await;
            assert_eq!(got.one("location").contains("next="), is_followed, "{len}");
        }
    })
    .await;
}

/// Names and values of a session together.
#[tokio::test]
async fn a_session_is_bounded() {
    everywhere(Setup::default(), async |mut client| {
        client.login("alice", ALICE).await;
        // The quotes of a JSON text count too.
        for (len, expected) in
            [(SessionData::MAX_LEN, personal("set")), (SessionData::MAX_LEN + 1, passed_on(500))]
        {
            let fields = [("name", "name"), ("value", &x(len - 6))];
            assert_eq!(client.post("/act/set", &fields).await, expected, "{len}");
            client.post("/act/unset", &[("name", "name")]).await;
        }
    })
    .await;
}

/// With the longest name, the whole `Set-Cookie` stays far below a browser's 4096 bytes.
#[tokio::test]
async fn the_longest_cookie_fits() {
    let world = Setup::default().sessions(|sessions| sessions.cookie_name(x(64))).world().await;
    let login = Request::post("/login", &[("username", "alice"), ("password", ALICE)]);
    let got = integration_tests::site::Site::send(&integration_tests::tower::Tower::new(&world), login).await;
    assert!(got.one("set-cookie").len() < 256, "{got:?}");
}
