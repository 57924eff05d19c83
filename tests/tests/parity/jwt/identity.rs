//! Whose a token is: of issuer and subject, byte for byte, until it is revoked.

use std::sync::{Arc, Mutex};

use auth_core::http::Bearer;
use auth_core::time::ManualClock;
use auth_jwt::{Algorithm, Issuer, Jwt};
use integration_tests::client::everywhere;
use integration_tests::expected::personal;
use integration_tests::world::START;
use serde_json::json;

use super::{
    ISSUER, OPENS, Party, REFUSED, alice, bearer, check, claims, es256, fixed, me, refused, remembering,
    taking, verified_by,
};

const OTHER: &str = "https://other.example";

/// Each is somebody else, and stays who they are.
#[tokio::test]
async fn who_somebody_is() {
    let (party, other) = (es256(), Party::new(Algorithm::EdDsa, "one"));
    let second = Issuer::new(OTHER).audience("api").jwk(&other.jwk().to_string());
    let of =
        |party: &Party, issuer: &str, sub: &str| party.token(&claims(&json!({"iss": issuer, "sub": sub})));
    let subjects = [
        "alice",
        "Alice",
        "ALICE",
        "alice ",
        " alice",
        "al\u{456}ce",
        "é",
        "e\u{301}",
        "alice\u{0}",
        "alice\u{200b}",
        "0",
        "00",
        "1",
    ];
    let everybody =
        subjects.map(|sub| (&party, ISSUER, sub)).into_iter().chain(subjects.map(|sub| (&other, OTHER, sub)));
    let everybody: Vec<_> = everybody.collect();
    everywhere(taking([fixed(&party), second]).await, async |client| {
        for _ in 0..2 {
            for (id, (party, issuer, sub)) in (100..).zip(&everybody) {
                let found = me(&client, &of(party, issuer, sub)).await;
                assert_eq!(found, personal(&format!("{id} {sub} of {issuer}")), "{}: {sub:?}", client.site());
            }
        }
        // A name of the claims leads to nobody.
        let named = claims(&json!({"sub": "alice", "preferred_username": "Alice", "email": "alice@example.com", "name": "Alice"}));
        assert_eq!(me(&client, &party.token(&named)).await, personal(&format!("100 alice of {ISSUER}")));
    })
    .await;
}

/// An issuer speaks for itself alone, whatever its tokens say.
#[tokio::test]
async fn nobody_signs_for_another() {
    let (party, other) = (es256(), es256());
    let second = Issuer::new(OTHER).audience("api").jwk(&other.jwk().to_string());
    everywhere(taking([fixed(&party), second]).await, async |client| {
        let of = |party: &Party, issuer: &str| party.token(&claims(&json!({"iss": issuer})));
        for (name, token) in [
            ("the other's key for this issuer", of(&other, ISSUER)),
            ("this key for the other issuer", of(&party, OTHER)),
        ] {
            assert_eq!(me(&client, &token).await, refused(), "{}: {name}", client.site());
        }
        assert_eq!(me(&client, &of(&other, OTHER)).await, personal(&format!("100 alice of {OTHER}")));
    })
    .await;
}

/// Also one that was just accepted, and is kept as verified: the next request is refused, whatever the site remembers.
#[tokio::test]
async fn a_token_that_was_revoked() {
    for bearer in [bearer(), remembering()] {
        revoked_on_a_site(bearer).await;
    }
}

async fn revoked_on_a_site(bearer: Bearer) {
    let party = es256();
    let denied: Arc<Mutex<Vec<String>>> = Arc::default();
    let list = Arc::clone(&denied);
    let builder =
        Jwt::builder().clock(ManualClock::at(START)).issuer(fixed(&party)).revoked_by(move |issued| {
            let is_denied =
                issued.id.as_ref().is_some_and(|id| list.lock().expect("it is whole").contains(id));
            std::future::ready(Ok(is_denied))
        });
    let of = |id: &str| party.token(&claims(&json!({"jti": id})));
    let (kept, revoked) = (of("kept"), of("revoked"));
    everywhere(verified_by(builder, bearer).await, async |client| {
        denied.lock().expect("it is whole").clear();
        for _ in 0..2 {
            check(&client, &("not revoked yet", revoked.clone(), OPENS)).await;
        }
        denied.lock().expect("it is whole").push("revoked".into());
        for _ in 0..2 {
            check(&client, &("revoked", revoked.clone(), REFUSED)).await;
            check(&client, &("another of the same user", kept.clone(), OPENS)).await;
            check(&client, &("one without a name", party.token(&alice()), OPENS)).await;
        }
    })
    .await;
}
