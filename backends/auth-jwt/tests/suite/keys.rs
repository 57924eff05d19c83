//! Keys that change, and issuers that do not behave. Time is told; what is fetched beside the requests is waited for.

use std::time::Duration;

use auth_core::backend::{Health, Verifier};
use auth_jwt::Issuer;
use serde_json::json;
use tokio::net::TcpListener;

use crate::support::{
    Chain, Key, Refused, Says, Server, UNDECIDED, WRONG, build, claims, clock, encode, endpoint, set, until,
    with,
};

const INTERVAL: Duration = Issuer::FETCH_INTERVAL;

const ALICE: Result<&str, &Refused> = Ok("alice");
const MOMENT: Duration = Duration::from_millis(1);

#[tokio::test]
async fn rotation_with_overlap() {
    let (old, new) = (Key::new("old"), Key::new("new"));
    let server = Server::of(&[&old]).await;
    let chain = Chain::of([server.issuer()]).await;
    let [by_old, by_new] = [&old, &new].map(|key| key.token(&claims()));
    assert_eq!(chain.subject(&by_old).await.as_deref(), ALICE);
    server.now_has(&[&old, &new]);
    assert_eq!(chain.subject(&by_new).await, Err(UNDECIDED), "keys were fetched a moment ago");
    chain.clock.advance(INTERVAL.saturating_sub(MOMENT));
    assert_eq!(chain.subject(&by_new).await, Err(UNDECIDED));
    assert_eq!(server.asked(), 1);
    chain.clock.advance(MOMENT);
    assert_eq!(chain.subject(&by_new).await.as_deref(), ALICE);
    assert_eq!(chain.subject(&by_old).await.as_deref(), ALICE, "both are good");
    server.now_has(&[&new]);
    chain.clock.advance(Issuer::FETCH_EVERY.saturating_sub(MOMENT));
    assert_eq!(chain.subject(&by_old).await.as_deref(), ALICE, "until keys are fetched again");
    assert_eq!(server.asked(), 2);
    chain.clock.advance(MOMENT);
    assert_eq!(chain.subject(&by_new).await.as_deref(), ALICE, "nobody waits for that");
    until(|| async { chain.subject(&by_old).await == Err(UNDECIDED) }).await;
    assert_eq!(chain.subject(&by_new).await.as_deref(), ALICE);
}

/// Also a token that was verified before, and is kept, ends with its key.
#[tokio::test]
async fn rotation_at_once() {
    let (old, new) = (Key::new("old"), Key::new("new"));
    let server = Server::of(&[&old]).await;
    let chain = Chain::of([server.issuer()]).await;
    let [by_old, by_new] = [&old, &new].map(|key| key.token(&claims()));
    assert_eq!(chain.subject(&by_old).await.as_deref(), ALICE);
    server.now_has(&[&new]);
    chain.clock.advance(INTERVAL);
    assert_eq!(chain.subject(&by_new).await.as_deref(), ALICE);
    assert_eq!(chain.subject(&by_old).await, Err(UNDECIDED), "it may be back, but not within the interval");
    chain.clock.advance(INTERVAL);
    assert_eq!(chain.subject(&by_old).await, Err(WRONG));
    assert_eq!(chain.subject(&by_old).await, Err(WRONG), "that is known now");
    assert_eq!(server.asked(), 3);
}

/// The same name for another key: the old signature is wrong from then on.
#[tokio::test]
async fn a_key_that_changes_under_its_name() {
    let (old, new) = (Key::new("a"), Key::new("a"));
    let server = Server::of(&[&old]).await;
    let chain = Chain::of([server.issuer()]).await;
    let [by_old, by_new] = [&old, &new].map(|key| key.token(&claims()));
    assert_eq!(chain.subject(&by_old).await.as_deref(), ALICE);
    assert_eq!(chain.subject(&by_new).await, Err(WRONG));
    server.now_has(&[&new]);
    chain.clock.advance(Issuer::FETCH_EVERY);
    until(|| async { chain.subject(&by_new).await.as_deref() == ALICE }).await;
    assert_eq!(chain.subject(&by_old).await, Err(WRONG));
}

/// Invented names of keys cause one fetch for each interval, and keep nobody out.
#[tokio::test]
async fn a_flood_of_names() {
    let key = Key::new("a");
    let server = Server::of(&[&key]).await;
    let chain = Chain::of([server.issuer()]).await;
    let claims = encode(claims().to_string());
    let mut fetches = 1;
    for n in 0..10_000 {
        if n % 2_000 == 0 {
            chain.clock.advance(INTERVAL);
            fetches += 1;
        }
        let header = encode(format!(r#"{{"alg":"EdDSA","typ":"at+jwt","kid":"{n}"}}"#));
        let made_up = format!("{header}.{claims}.{}", encode([0; 64]));
        let expected = if n % 2_000 == 0 { WRONG } else { UNDECIDED };
        assert_eq!(chain.subject(&made_up).await, Err(expected), "{n}");
        assert_eq!(server.asked(), fetches, "{n}");
    }
    assert_eq!(
        chain.subject(&key.token(&crate::support::claims())).await.as_deref(),
        ALICE,
        "no breaker is open"
    );
}

/// The fetch for an invented name also serves requests that need a new key.
#[tokio::test]
async fn a_rotation_is_not_starved() {
    let (key, new) = (Key::new("a"), Key::new("new"));
    let server = Server::of(&[&key]).await;
    let chain = Chain::of([server.issuer()]).await;
    server.now_has(&[&new]);
    chain.clock.advance(INTERVAL);
    assert_eq!(chain.subject(&Key::new("x").token(&claims())).await, Err(WRONG), "the fetch is spent");
    assert_eq!(chain.subject(&new.token(&claims())).await.as_deref(), ALICE);
    assert_eq!(server.asked(), 2);
}

/// One issuer that is down is nothing to the other's users, also where one chain asks for both.
#[tokio::test]
async fn issuers_do_not_fail_together() {
    const OTHER: &str = "https://other.example";
    let (key, other) = (Key::new("a"), Key::new("b"));
    let (up, down) = (Server::of(&[&key]).await, Server::of(&[&other]).await);
    let second = Issuer::new(OTHER).audience("api").jwks_endpoint(endpoint(&down.url));
    let clock = clock();
    let jwt = build(&clock, [up.issuer(), second]).await.unwrap();
    let chain = Chain::new(clock, |auth| {
        let backend = crate::support::backend(jwt.clone());
        auth.backend_with::<auth_core::BearerToken>("tokens", backend, crate::support::patient())
    });
    down.is_down();
    chain.clock.advance(Issuer::KEEP_KEYS_FOR);
    until(|| async { chain.subject(&key.token(&claims())).await.as_deref() == ALICE }).await;
    let of_other = other.token(&with(&json!({"iss": OTHER})));
    for _ in 0..20 {
        assert_eq!(chain.subject(&of_other).await, Err(UNDECIDED));
    }
    assert_eq!(chain.subject(&key.token(&claims())).await.as_deref(), ALICE, "no breaker is open");
    assert_eq!(Verifier::health(&jwt).await, Health::Unknown);
}

/// A bad signature under a known name is bad, and costs nothing that others need.
#[tokio::test]
async fn a_bad_signature_spends_no_fetch() {
    let (key, forger, new) = (Key::new("a"), Key::new("a"), Key::new("new"));
    let server = Server::of(&[&key]).await;
    let chain = Chain::of([server.issuer()]).await;
    chain.clock.advance(INTERVAL);
    for n in 0..100 {
        assert_eq!(chain.subject(&forger.token(&with(&json!({"jti": n.to_string()})))).await, Err(WRONG));
    }
    assert_eq!(server.asked(), 1);
    server.now_has(&[&key, &new]);
    assert_eq!(chain.subject(&new.token(&claims())).await.as_deref(), ALICE, "the fetch was still to be had");
}

/// A name that was not there is not looked for again at once.
#[tokio::test]
async fn unknown_names_are_remembered() {
    let (key, other) = (Key::new("a"), Key::new("b"));
    let server = Server::of(&[&key]).await;
    let chain = Chain::of([server.issuer()]).await;
    let token = other.token(&claims());
    for (advanced, asked) in [(30, 2), (30, 2), (269, 2), (1, 3)] {
        chain.clock.advance(Duration::from_secs(advanced));
        assert_eq!(chain.subject(&token).await, Err(WRONG));
        assert_eq!(server.asked(), asked, "{advanced} s later");
    }
    server.now_has(&[&key, &other]);
    chain.clock.advance(INTERVAL);
    assert_eq!(chain.subject(&Key::new("c").token(&claims())).await, Err(WRONG), "for another's sake");
    assert_eq!(chain.subject(&token).await.as_deref(), ALICE, "what is there counts, whatever is remembered");
}

/// However many need it.
#[tokio::test]
async fn one_fetch_is_under_way() {
    let (key, new) = (Key::new("a"), Key::new("new"));
    let server = Server::of(&[&key]).await;
    let chain = Chain::of([server.issuer()]).await;
    server.now_has(&[&new]);
    chain.clock.advance(INTERVAL);
    server.close();
    let tokens: Vec<_> = (0..20).map(|n| new.token(&with(&json!({"jti": n.to_string()})))).collect();
    let all = async {
        let mut asking: Vec<_> = tokens.iter().map(|token| Box::pin(chain.subject(token))).collect();
        // All of them wait before the answer comes.
        for asking in &mut asking {
            assert!(tokio::time::timeout(Duration::ZERO, asking).await.is_err());
        }
        until(|| async { server.asked() == 2 }).await;
        assert_eq!(
            chain.subject(&key.token(&claims())).await.as_deref(),
            ALICE,
            "who needs no new key does not wait"
        );
        server.open();
        for asking in asking {
            assert_eq!(asking.await.as_deref(), ALICE);
        }
    };
    all.await;
    assert_eq!(server.asked(), 2);
}

/// The request that fetches is cancelled, and the others get the keys all the same.
#[tokio::test]
async fn a_fetch_outlives_who_began_it() {
    let (key, new) = (Key::new("a"), Key::new("new"));
    let server = Server::of(&[&key]).await;
    let chain = Chain::of([server.issuer()]).await;
    server.now_has(&[&new]);
    chain.clock.advance(INTERVAL);
    server.close();
    let token = new.token(&claims());
    assert!(tokio::time::timeout(Duration::from_millis(50), chain.subject(&token)).await.is_err());
    server.open();
    assert_eq!(chain.subject(&token).await.as_deref(), ALICE);
    assert_eq!(server.asked(), 2);
}

/// While the issuer is down its keys are good, and for a day at most.
#[tokio::test]
async fn old_keys_are_good_for_a_while() {
    let key = Key::new("a");
    let server = Server::of(&[&key]).await;
    let clock = clock();
    let jwt = build(&clock, [server.issuer()]).await.unwrap();
    let chain = Chain::new(clock, |auth| {
        let backend = crate::support::backend(jwt.clone());
        auth.backend_with::<auth_core::BearerToken>("tokens", backend, crate::support::patient())
    });
    server.is_down();
    let token = || key.token(&claims());
    chain.clock.advance(Issuer::KEEP_KEYS_FOR.saturating_sub(MOMENT));
    assert_eq!(chain.subject(&token()).await.as_deref(), ALICE);
    until(|| async { server.asked() == 2 }).await;
    assert_eq!(Verifier::health(&jwt).await, Health::Serving);
    chain.clock.advance(MOMENT);
    for _ in 0..20 {
        assert_eq!(chain.subject(&token()).await, Err(UNDECIDED), "no refusal, and no outage of others");
    }
    assert_eq!(Verifier::health(&jwt).await, Health::Down);
    server.now_has(&[&key]);
    chain.clock.advance(INTERVAL);
    until(|| async { chain.subject(&token()).await.as_deref() == ALICE }).await;
}

/// A clock that goes back makes no key good for longer.
#[tokio::test]
async fn clocks_go_back() {
    let key = Key::new("a");
    let server = Server::of(&[&key]).await;
    let chain = Chain::of([server.issuer()]).await;
    server.is_down();
    let now = auth_core::time::Timestamp::from_secs(crate::support::NOW - 2 * 24 * 3600);
    chain.clock.set(now);
    assert_eq!(chain.subject(&key.token(&with(&json!({"iat": null})))).await, Err(UNDECIDED));
}

/// Answers that are none change nothing.
#[tokio::test]
async fn an_issuer_that_flaps() {
    let (key, new) = (Key::new("a"), Key::new("new"));
    let server = Server::of(&[&key]).await;
    let elsewhere = Server::of(&[&new]).await;
    let chain = Chain::of([server.issuer()]).await;
    let [by_key, by_new] = [&key, &new].map(|key| key.token(&claims()));
    let text = |status, kind, text: &str| Says::Text(status, kind, text.into());
    let of_new = set(&[&new]).to_string();
    let bad = [
        ("down", text(500, "text/plain", "")),
        ("HTML", text(200, "text/html", "<html>")),
        ("HTML as JSON", text(200, "application/json", "<html>")),
        ("as text", text(200, "text/plain", &of_new)),
        ("too long", text(200, "application/json", &crate::support::padded(&of_new, 1024 * 1024 + 1))),
        ("no keys", Says::Json(json!({"keys": []}))),
        ("a secret", Says::Json(json!({"keys": [{"kty": "oct", "kid": "new", "k": encode([7; 64])}]}))),
        ("elsewhere", Says::Redirect(elsewhere.url.clone())),
        ("cut off", text(200, "application/json", &of_new[..of_new.len() - 1])),
    ];
    for (name, says) in bad {
        server.now_says(says);
        chain.clock.advance(INTERVAL);
        assert_eq!(chain.subject(&by_new).await, Err(UNDECIDED), "{name}");
        assert_eq!(chain.subject(&by_key).await.as_deref(), ALICE, "{name}: the old keys stay");
        server.now_has(&[&key]);
        chain.clock.advance(INTERVAL);
        assert_eq!(chain.subject(&Key::new("none").token(&claims())).await, Err(WRONG), "{name}: it is back");
        // It is known to be unknown; later it may be looked for again.
        chain.clock.advance(Duration::from_secs(300));
    }
    assert_eq!(elsewhere.asked(), 0);
}

/// An issuer that takes its time costs nobody any, but those who need a new key; and them no more than its limit.
#[tokio::test]
async fn an_issuer_that_hangs() {
    let key = Key::new("a");
    let server = Server::of(&[&key]).await;
    let limited = endpoint(&server.url).timeout(Duration::from_millis(300));
    // Starting is not what is looked at.
    let issuer = Issuer::new(crate::support::ISSUER).audience("api").jwks_endpoint(limited);
    let clock = clock();
    let mut built = build(&clock, [issuer.clone()]).await;
    while built.is_err() {
        built = build(&clock, [issuer.clone()]).await;
    }
    let jwt = built.unwrap();
    let chain = Chain::new(clock, |auth| {
        let backend = crate::support::backend(jwt);
        auth.backend_with::<auth_core::BearerToken>("tokens", backend, crate::support::patient())
    });
    server.close();
    chain.clock.advance(Issuer::FETCH_EVERY);
    assert_eq!(chain.subject(&key.token(&claims())).await.as_deref(), ALICE, "nobody waits");
    assert_eq!(chain.subject(&Key::new("b").token(&claims())).await, Err(UNDECIDED), "but those who must");
    assert_eq!(chain.subject(&key.token(&claims())).await.as_deref(), ALICE);
}

/// A server that is not there any more.
#[tokio::test]
async fn an_issuer_that_is_gone() {
    let key = Key::new("a");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/keys", listener.local_addr().unwrap());
    let body = set(&[&key]).to_string();
    let once = tokio::spawn(async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.read(&mut [0; 4096]).await;
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
        let _ = stream.shutdown().await;
    });
    let issuer = Issuer::new(crate::support::ISSUER).audience("api").jwks_endpoint(endpoint(&url));
    let chain = Chain::of([issuer]).await;
    once.await.unwrap();
    chain.clock.advance(INTERVAL);
    assert_eq!(chain.subject(&Key::new("b").token(&claims())).await, Err(UNDECIDED));
    assert_eq!(chain.subject(&key.token(&claims())).await.as_deref(), ALICE);
}

/// Without a name, the algorithm decides which keys are tried.
#[tokio::test]
async fn tokens_that_name_no_key() {
    let (named, nameless, ec, new) = (Key::new("a"), Key::nameless(), Key::p256("c"), Key::nameless());
    let without_name = |key: &Key| {
        let mut header = key.header();
        header.as_object_mut().unwrap().remove("kid");
        key.sign(&header.to_string(), &claims().to_string())
    };
    let one = Server::of(&[&named]).await;
    let chain = Chain::of([one.issuer()]).await;
    assert_eq!(chain.subject(&without_name(&named)).await.as_deref(), ALICE, "one key");
    let several = Server::of(&[&named, &nameless, &ec]).await;
    let chain = Chain::of([several.issuer()]).await;
    for key in [&named, &nameless, &ec] {
        assert_eq!(chain.subject(&without_name(key)).await.as_deref(), ALICE, "several keys");
    }
    assert_eq!(chain.subject(&without_name(&new)).await, Err(WRONG), "none of them");
    assert_eq!(several.asked(), 1);
    several.now_has(&[&new]);
    chain.clock.advance(INTERVAL);
    assert_eq!(chain.subject(&without_name(&new)).await.as_deref(), ALICE, "after a rotation");
    assert_eq!(chain.subject(&without_name(&named)).await, Err(WRONG));
}
