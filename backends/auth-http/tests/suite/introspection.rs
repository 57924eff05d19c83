//! Introspection (RFC 7662).

use std::sync::Arc;
use std::time::Duration;

use auth_core::backend::{DenyReason, Groups, Identity};
use auth_core::grant::{Factor, Grant, Proof, Scopes};
use auth_core::time::Timestamp;
use auth_core::{BackendPolicy, BearerToken, DeniedKind};
use auth_http::{AnswerCache, IdentityShape, Introspection, IntrospectionBuilder};
use serde_json::{Value, json};

use crate::support::{
    Answer, CROWDED, Chain, ISSUER, NOW, Refused, Service, UNDECIDED, UNREADABLE, backend, clock,
};

const UNKNOWN: Refused = Refused::No(DeniedKind::UnknownUser);
const NOT_PERMITTED: Refused = Refused::No(DeniedKind::Denied(DenyReason::NotPermitted));

fn builder(service: &Service) -> IntrospectionBuilder {
    Introspection::builder(service.endpoint().client("shop", "secret"), ISSUER).audience("api").clock(clock())
}

fn claims() -> Value {
    json!({"active": true, "sub": "s-1", "username": "alice", "aud": "api", "iss": ISSUER, "scope": "read"})
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

fn inactive() -> Answer {
    Answer::json(&json!({"active": false}))
}

fn alice() -> Identity {
    Identity::new(ISSUER, "s-1").with_username("alice").with_grant(scoped("read"))
}

fn scoped(scopes: &str) -> Grant {
    Grant::new().with_scopes(Scopes::parse(scopes).unwrap())
}

async fn judged(answer: Answer) -> Result<Identity, Refused> {
    let service = Service::saying(answer).await;
    let chain = Chain::of(builder(&service).build().unwrap());
    let judged = chain.token("token").await;
    assert_eq!(service.asked(), 1, "it is asked once");
    judged
}

#[tokio::test]
async fn only_a_200_with_active_true_accepts() {
    let json = |text: &str| Answer::new(200, "application/json", text);
    let good = claims().to_string();
    let table = [
        ("active is a word", json(&good.replace("true", "\"true\"")), UNREADABLE),
        ("active is 1", json(&good.replace("true", "1")), UNREADABLE),
        ("active is null", json(&good.replace("true", "null")), UNREADABLE),
        ("active is an array", json(&good.replace("true", "[true]")), UNREADABLE),
        ("active is missing", json(r#"{"sub":"s-1","aud":"api"}"#), UNREADABLE),
        ("Active", json(&good.replace("active", "Active")), UNREADABLE),
        ("active twice", json(&good.replace('{', r#"{"active":false,"#)), UNREADABLE),
        ("active twice, in the other order", json(&good.replace('}', r#","active":false}"#)), UNREADABLE),
        ("active inside", json(&format!(r#"{{"data":{good}}}"#)), UNREADABLE),
        ("an array", json(&format!("[{good}]")), UNREADABLE),
        ("true", json("true"), UNREADABLE),
        ("nothing", json(""), UNREADABLE),
        ("cut off", json(&good[..good.len() - 1]), UNREADABLE),
        ("a byte order mark", json(&format!("\u{feff}{good}")), UNREADABLE),
        ("HTML", Answer::new(200, "text/html", "<p>active: true"), UNREADABLE),
        ("JSON that is said to be HTML", Answer::new(200, "text/html", good.clone()), UNREADABLE),
        (
            "a signed answer",
            Answer::new(200, "application/token-introspection+jwt", good.clone()),
            UNREADABLE,
        ),
        ("no subject", Answer::json(&with("sub", json!(null))), UNREADABLE),
        ("an empty subject", Answer::json(&with("sub", json!(""))), UNREADABLE),
        ("too long", Answer::json(&with("x", json!("x".repeat(64 * 1024)))), UNREADABLE),
        ("inactive", inactive(), UNKNOWN),
        ("inactive, with claims", Answer::json(&with("active", json!(false))), UNKNOWN),
    ];
    for (name, answer, expected) in table {
        assert_eq!(judged(answer).await, Err(expected), "{name}");
    }
    for status in [201, 204, 206, 302, 401, 403, 404, 500, 503] {
        let answer = Answer { status, ..Answer::json(&claims()) };
        assert_eq!(judged(answer).await, Err(UNREADABLE), "{status}");
    }
    for status in [400, 413, 414, 422, 431] {
        let answer = Answer { status, ..Answer::json(&claims()) };
        assert_eq!(judged(answer).await, Err(UNDECIDED), "{status}");
    }
    assert_eq!(judged(Answer { status: 429, ..Answer::json(&claims()) }).await, Err(CROWDED));
    assert_eq!(judged(Answer::json(&claims())).await, Ok(alice()));
}

/// Over the chain. The module's own tests have more values for each claim.
#[tokio::test]
async fn an_active_token_must_also_be_meant_for_this_service() {
    let not_mine = Refused::No(DeniedKind::NoBackend);
    let not_good = Refused::No(DeniedKind::WrongSecret);
    let table = [
        ("another issuer", with("iss", json!("https://other.example")), not_mine),
        ("another audience", with("aud", json!("other")), not_mine),
        ("no audience", with("aud", json!(null)), not_mine),
        ("another type", with("token_type", json!("DPoP")), not_good),
        ("not yet", with("nbf", json!(NOW + 31)), not_good),
        ("expired", with("exp", json!(NOW - 30)), Refused::No(DeniedKind::Denied(DenyReason::Expired))),
        ("a time as text", with("exp", json!("tomorrow")), UNREADABLE),
    ];
    for (name, claims, expected) in table {
        assert_eq!(judged(Answer::json(&claims)).await, Err(expected), "{name}");
    }
    let service = Service::saying(Answer::json(&claims())).await;
    let scoped = Chain::of(builder(&service).scope("write").build().unwrap());
    assert_eq!(scoped.token("token").await, Err(NOT_PERMITTED));
    let any = Introspection::builder(service.endpoint().bearer("key"), ISSUER).without_audience_check();
    service.now_says(Answer::json(&with("aud", json!(null))));
    assert_eq!(Chain::of(any.build().unwrap()).token("token").await, Ok(alice()));
}

#[tokio::test]
async fn the_token_travels_in_the_body_with_who_asks() {
    let service = Service::saying(Answer::json(&claims())).await;
    let chain = Chain::of(builder(&service).build().unwrap());
    assert!(chain.token("a-z.0_~+/==").await.is_ok());
    let seen = &service.seen()[0];
    assert_eq!((seen.method.as_str(), seen.target.as_str()), ("POST", "/verify"));
    assert_eq!(seen.body, "token_type_hint=access_token&token=a-z.0_%7E%2B%2F%3D%3D");
    assert_eq!(seen.header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(seen.header("accept"), Some("application/json"));
    assert_eq!(seen.header("authorization"), Some("Basic c2hvcDpzZWNyZXQ="));
}

#[tokio::test]
async fn an_identity_is_what_the_shape_says() {
    let service = Service::saying(Answer::json(&with("client_id", json!("app")))).await;
    let shape = IdentityShape::new("/client_id").groups_in_words("/scope").attribute("login", "/username");
    let chain = Chain::of(builder(&service).identity(shape).build().unwrap());
    let expected = Identity::new(ISSUER, "app").with_groups(["read"]).with_attribute("login", "alice");
    assert_eq!(chain.token("token").await, Ok(expected.with_grant(scoped("read"))));
    service.now_says(Answer::json(&json!({"active": true, "client_id": "app", "aud": "api"})));
    assert_eq!(chain.token("token").await.unwrap().groups(), &Groups::Unknown, "not told is not none");
}

/// What a token is worth is what its server says, and nothing more.
#[tokio::test]
async fn a_grant_is_what_the_server_says() {
    let told = |seconds| Proof::new(Factor::Federated, Timestamp::from_secs(seconds));
    let end = Timestamp::from_secs(NOW + 9);
    let table = [
        ("nothing", "scope", json!(null), Ok(scoped(""))),
        ("scopes", "scope", json!("write read"), Ok(scoped("read write"))),
        ("a login", "auth_time", json!(1_799_999_000), Ok(scoped("read").with_proof(told(1_799_999_000)))),
        ("an end", "exp", json!(end.as_millis() / 1_000), Ok(scoped("read").with_expiry(end))),
        ("a session", "sid", json!("08a5"), Ok(scoped("read").with_external_session(ISSUER, "08a5"))),
        ("an endless session", "sid", json!("x".repeat(256)), Ok(scoped("read"))),
        ("scopes of no grammar", "scope", json!("a\"b"), Err(UNREADABLE)),
        ("a list of scopes", "scope", json!(["read"]), Err(UNREADABLE)),
        ("a login in words", "auth_time", json!("yesterday"), Err(UNREADABLE)),
        ("a session of another type", "sid", json!(8), Err(UNREADABLE)),
    ];
    for (name, claim, value, expected) in table {
        let judged = judged(Answer::json(&with(claim, value))).await;
        assert_eq!(judged.map(|identity| identity.grant().clone()), expected, "{name}");
    }
}

/// Each server says of the other's tokens that they are not active.
#[tokio::test]
async fn two_issuers_in_one_chain() {
    let answers = |own: &'static str, issuer: &'static str| {
        move |seen: &crate::support::Seen| {
            let is_own = seen.body.ends_with(&format!("token={own}"));
            let claims = json!({"active": true, "sub": own, "aud": "api", "iss": issuer});
            if is_own { Answer::json(&claims) } else { inactive() }
        }
    };
    let one = Service::start(answers("one", "https://one.example")).await;
    let two = Service::start(answers("two", "https://two.example")).await;
    let at = |service: &Service, issuer: &str| {
        let endpoint = service.endpoint().client("shop", "secret");
        backend(Introspection::builder(endpoint, issuer).audience("api").build().unwrap())
    };
    let chain = Chain::new(|auth| {
        let final_word = BackendPolicy::new().authoritative();
        auth.backend_with::<BearerToken>("one", at(&one, "https://one.example"), final_word)
            .backend::<BearerToken>("two", at(&two, "https://two.example"))
    });
    assert_eq!(chain.token("one").await.unwrap().issuer(), "https://one.example");
    assert_eq!(chain.token("two").await.unwrap().issuer(), "https://two.example");
    assert_eq!(chain.token("three").await, Err(UNKNOWN));
    one.now_says(Answer::status(500));
    assert_eq!(chain.token("two").await, Err(UNREADABLE), "an outage stops the chain unless it may go on");
}

fn cached(service: &Service, clock: &Arc<auth_core::time::ManualClock>) -> IntrospectionBuilder {
    builder(service).cache(AnswerCache::new().ttl(Duration::from_secs(60))).clock(Arc::clone(clock))
}

/// Revoked at the server, refused within the ttl, or at the token's end.
#[tokio::test]
async fn what_is_kept_ends() {
    let table = [("by the ttl", json!(null), 60), ("by its exp", json!(NOW + 20), 20)];
    for (name, exp, until) in table {
        let service = Service::saying(Answer::json(&with("exp", exp))).await;
        let clock = clock();
        let chain = Chain::of(cached(&service, &clock).build().unwrap());
        assert_eq!(chain.token("token").await.unwrap().subject(), "s-1");
        service.now_says(inactive());
        clock.advance(Duration::from_secs(until - 1));
        assert_eq!(chain.token("token").await.unwrap().subject(), "s-1", "{name}");
        assert_eq!(service.asked(), 1);
        clock.advance(Duration::from_secs(1));
        assert_eq!(chain.token("token").await, Err(UNKNOWN), "{name}");
    }
}

#[tokio::test]
async fn nothing_is_kept_unless_configured() {
    let service = Service::saying(Answer::json(&claims())).await;
    let chain = Chain::of(builder(&service).build().unwrap());
    assert_eq!(chain.token("token").await, Ok(alice()));
    service.now_says(inactive());
    assert_eq!(chain.token("token").await, Err(UNKNOWN));
}

/// Errors are never kept, and that a token is not active for 5 s.
#[tokio::test]
async fn refusals_are_kept_shortly_and_errors_never() {
    let service = Service::saying(Answer::status(500)).await;
    let clock = clock();
    let ten = cached(&service, &clock).cache(AnswerCache::new().capacity(10));
    let chain = Chain::of(ten.build().unwrap());
    for (answer, expected) in [
        (Answer::status(500), UNREADABLE),
        (Answer::json(&json!({"active": "true"})), UNREADABLE),
        (Answer::json(&with("sub", json!(null))), UNREADABLE),
        (inactive(), UNKNOWN),
    ] {
        service.now_says(answer);
        assert_eq!(chain.token("token").await, Err(expected));
    }
    service.now_says(Answer::json(&claims()));
    clock.advance(Duration::from_millis(4_999));
    assert_eq!(chain.token("token").await, Err(UNKNOWN), "kept");
    clock.advance(Duration::from_millis(1));
    assert_eq!(chain.token("token").await, Ok(alice()));
    service.now_says(inactive());
    for n in 0..20 {
        assert_eq!(chain.token(&format!("guess-{n}")).await, Err(UNKNOWN));
    }
    let asked = service.asked();
    assert_eq!(chain.token("token").await, Ok(alice()), "guesses do not push it out");
    assert_eq!(chain.token("guess-19").await, Err(UNKNOWN));
    assert_eq!(service.asked(), asked + 1, "and are bounded themselves");
}

/// CVE-2021-32701: what one policy accepts, another judges by itself; and each on every use.
#[tokio::test]
async fn policies_share_no_answers() {
    let service = Service::saying(Answer::json(&claims())).await;
    let clock = clock();
    let reads = Chain::of(cached(&service, &clock).scope("read").build().unwrap());
    let writes = Chain::of(cached(&service, &clock).scope("write").build().unwrap());
    let elsewhere = cached(&service, &clock).build();
    let elsewhere = Chain::of(elsewhere.unwrap());
    for _ in 0..3 {
        assert_eq!(reads.token("token").await, Ok(alice()));
        assert_eq!(writes.token("token").await, Err(NOT_PERMITTED));
        assert_eq!(elsewhere.token("token").await, Ok(alice()));
    }
    assert_eq!(service.asked(), 3, "each asked once, and kept its answer to itself");
}
