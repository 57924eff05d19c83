//! The chain's circuit breaker over a service that fails, and over an attacker.

use std::time::Duration;

use auth_core::DeniedKind;
use auth_http::HttpVerifier;

use crate::support::{
    Answer, CROWDED, Chain, DOWN, ISSUER, Refused, Service, UNDECIDED, UNREADABLE, alice, alices, endpoint,
    shape,
};

async fn site(answer: Answer) -> (Service, Chain) {
    let service = Service::saying(answer).await;
    let chain = Chain::of(HttpVerifier::builder(service.endpoint(), ISSUER, shape()).build().unwrap());
    (service, chain)
}

/// Not by wrong passwords, nor by one user's until the service has enough of it, nor by answers that are not understood.
#[tokio::test]
async fn an_attacker_cannot_open_it() {
    let wrong = Refused::No(DeniedKind::WrongSecret);
    let table = [
        (Answer::status(401), wrong),
        (Answer::status(429), CROWDED),
        (Answer::status(422), UNDECIDED),
        (Answer::status(500), UNREADABLE),
        (Answer::new(200, "application/json", "{}"), UNREADABLE),
    ];
    for (answer, expected) in table {
        let (service, chain) = site(answer).await;
        for _ in 0..50 {
            assert_eq!(chain.login("alice", "guess").await, Err(expected));
        }
        service.now_says(alice());
        assert_eq!(chain.login("alice", "wonderland").await, Ok(alices()), "{expected:?}");
        assert_eq!(service.asked(), 51, "{expected:?}");
    }
}

/// A service that fails everybody, by its own word. Without that word it is asked again and again.
#[tokio::test]
async fn outages_open_it_and_one_probe_closes_it() {
    let (service, unknown) = site(Answer::status(500)).await;
    let health = service.url.replace("/verify", "/health");
    let endpoint = service.endpoint().header("X-Api-Key", "key").health(health);
    let chain = Chain::of(HttpVerifier::builder(endpoint, ISSUER, shape()).build().unwrap());
    for _ in 0..20 {
        assert!(chain.login("alice", "wonderland").await.is_err());
    }
    assert_eq!(service.asked(), 5);
    let asked =
        service.seen().into_iter().find(|seen| seen.method == "GET").expect("its health was asked for");
    assert_eq!((asked.target.as_str(), asked.body.as_str()), ("/health", ""));
    assert_eq!(asked.header("x-api-key"), None, "no secret goes there");
    chain.clock.advance(Duration::from_secs(5));
    let (one, other) = tokio::join!(chain.login("alice", "wonderland"), chain.login("alice", "wonderland"));
    assert!(one.is_err() && other.is_err());
    assert_eq!(service.asked(), 6, "one probe at a time");
    service.now_says(alice());
    chain.clock.advance(Duration::from_secs(10));
    for _ in 0..3 {
        assert_eq!(chain.login("alice", "wonderland").await, Ok(alices()));
    }
    assert_eq!(service.asked(), 9);
    service.now_says(Answer::status(500));
    for _ in 0..20 {
        assert!(unknown.login("alice", "wonderland").await.is_err());
    }
    assert_eq!(service.asked(), 29, "what fails one attempt may be good for another");
}

/// No connection is an outage whatever is asked; a gateway without the service says so without a name.
#[tokio::test]
async fn a_service_that_is_gone_is_left_alone() {
    let gone = Service::saying(alice()).await.url.clone();
    let chain = Chain::of(HttpVerifier::builder(endpoint(&gone), ISSUER, shape()).build().unwrap());
    for n in 0..20 {
        assert_eq!(chain.login("alice", "wonderland").await, Err(DOWN), "{n}");
    }
    let texts = chain.heard.texts();
    assert_eq!(texts.matches("circuit breaker is open").count(), 30, "15 attempts, twice each: {texts}");
    for status in [502, 503, 504] {
        let (service, chain) = site(Answer::status(status)).await;
        for _ in 0..20 {
            assert!(chain.login("alice", "wonderland").await.is_err());
        }
        assert_eq!(service.asked(), 5, "{status}");
    }
}
