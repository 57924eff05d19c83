//! RL-2: the chain's circuit breaker over a service that fails, and over an attacker.

use std::time::Duration;

use auth_core::DeniedKind;
use auth_http::HttpVerifier;

use crate::support::{
    Answer, CROWDED, Chain, DOWN, ISSUER, Refused, Service, UNREADABLE, alice, alices, shape,
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

#[tokio::test]
async fn outages_open_it_and_one_probe_closes_it() {
    let (service, chain) = site(Answer::status(500)).await;
    for _ in 0..20 {
        assert_eq!(chain.login("alice", "wonderland").await, Err(DOWN));
    }
    assert_eq!(service.asked(), 5);
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
}
