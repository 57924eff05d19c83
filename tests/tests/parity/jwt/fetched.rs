//! Keys that are fetched: a token that cannot be judged now is refused for now (503), and not as a bad one.

use std::sync::Arc;
use std::time::Duration;

use auth_core::time::ManualClock;
use auth_jwt::{Algorithm, Issuer};
use integration_tests::client::{Adapter, Client, over};
use integration_tests::issuer::{Party, TestIssuer, discovered};
use integration_tests::site::Answer;
use integration_tests::world::START;
use serde_json::json;

use super::{NOW, by_clock, me, refused};

const LATER: u16 = 503;

/// An issuer, and a site that fetches its keys: new for each adapter.
struct Story {
    issuer: TestIssuer,
    clock: Arc<ManualClock>,
}

impl Story {
    async fn on_each(script: impl AsyncFn(&Self, &Client<'_>)) {
        for adapter in Adapter::ALL {
            let story = Self { issuer: TestIssuer::start().await, clock: Arc::new(ManualClock::at(START)) };
            let setup = by_clock(Arc::clone(&story.clock), [discovered(&story.issuer.url)]).await;
            let world = setup.world().await;
            let site = adapter.site(&world).await;
            over(&world, &*site, &async |client: Client<'_>| script(&story, &client).await).await;
        }
    }

    fn token(&self, party: &Party) -> String {
        self.issuer.token_by(party, &[("exp", json!(NOW + 1_000_000)), ("iat", json!(NOW))])
    }

    fn good(&self) -> String {
        self.token(self.issuer.party())
    }

    fn wait(&self, client: &Client<'_>, time: Duration) {
        self.clock.advance(time);
        client.world.clock.advance(time);
    }
}

async fn status(client: &Client<'_>, token: &str) -> u16 {
    me(client, token).await.status
}

fn is_for_later(answer: &Answer, seconds: u64) -> bool {
    answer.status == LATER
        && answer.one("retry-after") == seconds.to_string()
        && answer.all("www-authenticate").is_empty()
}

/// Whoever makes up names of keys brings about one fetch for each interval, and keeps nobody out.
#[tokio::test]
async fn a_flood_of_names() {
    Story::on_each(async |story, client| {
        for round in 1..=3 {
            story.wait(client, Issuer::FETCH_INTERVAL);
            for n in 0..200 {
                let id: &'static str = format!("{round}-{n}").leak();
                let found = me(client, &story.token(&Party::new(Algorithm::Es256, id))).await;
                let expected = if n == 0 { found == refused() } else { is_for_later(&found, 30) };
                assert!(expected, "{}: {id}: {found:?}", client.site());
                assert_eq!(story.issuer.asked(), 1 + round);
            }
            assert_eq!(status(client, &story.good()).await, 200, "{}", client.site());
        }
    })
    .await;
}

/// Keys are good for a while when their issuer is down, and then for nothing.
#[tokio::test]
async fn an_issuer_that_is_down() {
    Story::on_each(async |story, client| {
        let (good, new) = (story.good(), Party::new(Algorithm::Es256, "two"));
        story.issuer.is_down();
        story.wait(client, Issuer::FETCH_INTERVAL);
        assert_eq!(status(client, &good).await, 200);
        assert_eq!(status(client, &story.token(&new)).await, LATER, "a key that may be there");
        let forged = story.token(&Party::new(Algorithm::Es256, "one"));
        assert_eq!(me(client, &forged).await, refused(), "a bad signature is bad without the issuer");
        story.wait(client, Issuer::KEEP_KEYS_FOR);
        assert_eq!(status(client, &good).await, LATER, "no refusal, and no way in");
        story.issuer.publishes(&[story.issuer.party(), &new]);
        story.wait(client, Issuer::FETCH_INTERVAL);
        for token in [good, story.token(&new)] {
            assert_eq!(status(client, &token).await, 200, "{}: it is back", client.site());
        }
    })
    .await;
}

/// What is no set of keys changes nothing: neither are the old ones lost, nor is anything taken of it.
#[tokio::test]
async fn answers_that_are_none() {
    Story::on_each(async |story, client| {
        let (good, new) = (story.good(), Party::new(Algorithm::Es256, "two"));
        let by_new = story.token(&new);
        let secret = json!({"kty": "oct", "kid": "two", "k": test_tokens::encode(test_tokens::SECRET)});
        let answers = [
            (500, json!({"keys": [new.jwk()]})),
            (404, json!({"keys": [new.jwk()]})),
            (201, json!({"keys": [new.jwk()]})),
            (302, json!({"keys": [new.jwk()]})),
            (200, json!([new.jwk()])),
            (200, json!({"keys": {"two": new.jwk()}})),
            (200, json!({"keys": []})),
            (200, json!({"keys": vec![new.jwk(); 101]})),
            (200, json!({"keys": [new.jwk()], "x": "x".repeat(1024 * 1024)})),
            (200, json!({"keys": [secret]})),
        ];
        for (at, (status_code, body)) in answers.into_iter().enumerate() {
            story.issuer.says(status_code, body);
            story.wait(client, Issuer::FETCH_INTERVAL);
            let found = (status(client, &by_new).await, status(client, &good).await);
            assert_eq!(found, (LATER, 200), "{}: {at}", client.site());
            assert_eq!(story.issuer.asked(), at + 2);
        }
        story.issuer.publishes(&[story.issuer.party(), &new]);
        story.wait(client, Issuer::FETCH_INTERVAL);
        assert_eq!(
            (status(client, &by_new).await, status(client, &good).await),
            (200, 200),
            "{}",
            client.site()
        );
    })
    .await;
}

/// A key under another name is found by one fetch; one that was withdrawn is good for nothing after it.
#[tokio::test]
async fn keys_that_change() {
    Story::on_each(async |story, client| {
        let (good, new) = (story.good(), Party::new(Algorithm::Es256, "two"));
        let by_new = story.token(&new);
        assert_eq!(status(client, &good).await, 200);
        story.issuer.publishes(&[story.issuer.party(), &new]);
        assert!(is_for_later(&me(client, &by_new).await, 30), "keys were fetched a moment ago");
        story.wait(client, Duration::from_secs(29));
        assert!(is_for_later(&me(client, &by_new).await, 1));
        story.wait(client, Duration::from_secs(1));
        assert_eq!((status(client, &by_new).await, status(client, &good).await), (200, 200), "with overlap");
        assert_eq!(story.issuer.asked(), 2);
        let third = Party::new(Algorithm::Es256, "three");
        story.issuer.publishes(&[&third]);
        story.wait(client, Issuer::FETCH_INTERVAL);
        assert_eq!(status(client, &story.token(&third)).await, 200, "without overlap");
        assert_eq!(status(client, &good).await, LATER, "it may be back, but not within the interval");
        story.wait(client, Issuer::FETCH_INTERVAL);
        assert_eq!(me(client, &good).await, refused(), "{}: it is not", client.site());
        assert_eq!(me(client, &good).await, refused(), "that is known now");
        assert_eq!(story.issuer.asked(), 4);
    })
    .await;
}
