//! API keys, by every way in.

use std::time::Duration;

use integration_tests::client::{Client, everywhere};
use integration_tests::expected::personal;
use integration_tests::site::{Answer, Request};
use integration_tests::world::{ALICE, BOB, Setup};

fn setup() -> Setup {
    Setup::default().api_keys()
}

/// The id and the text of a key of whoever is signed in.
async fn make(client: &mut Client<'_>, scopes: &str) -> (String, String) {
    let answer = client.post("/act/make-key", &[("name", "export"), ("scopes", scopes)]).await;
    assert_eq!(answer.status, 200, "{}: {answer:?}", client.site());
    let (id, key) = answer.body.split_once(' ').expect("an id and a key");
    (id.to_owned(), key.to_owned())
}

fn with(key: &str, target: &str) -> Request {
    Request::get(target).with("authorization", format!("Bearer {key}"))
}

async fn status(client: &Client<'_>, request: Request) -> u16 {
    client.probe(request).await.status
}

fn challenges(answer: &Answer) -> String {
    answer.all("www-authenticate").join(" | ")
}

#[tokio::test]
async fn a_key_acts_for_its_owner_until_it_is_revoked() {
    everywhere(setup(), async |mut client| {
        client.login("alice", ALICE).await;
        let (id, key) = make(&mut client, "members").await;
        assert!(key.starts_with("test_"));
        let stranger = client.another();
        let answer = stranger.probe(with(&key, "/me")).await;
        assert_eq!(answer.body, personal("1 alice").body, "{}", client.site());
        assert!(answer.all("set-cookie").is_empty(), "no session begins with it");
        assert_eq!(status(&stranger, Request::get("/me").with("x-api-key", key.as_str())).await, 200);
        assert_eq!(client.get("/act/list-keys").await.body, format!("{id} export"));
        assert_eq!(client.post("/act/revoke-key", &[("id", &id)]).await.body, "true");
        let refused = stranger.probe(with(&key, "/me")).await;
        assert_eq!(refused.status, 401);
        assert!(
            challenges(&refused).contains(r#"Bearer realm="tests", error="invalid_token""#),
            "{refused:?}"
        );
        assert_eq!(client.get("/me").await.status, 200, "the session is none of its");
    })
    .await;
}

/// What a key may: what it is for, and its owner may do.
#[tokio::test]
async fn scopes_bound_a_key_and_no_session() {
    everywhere(setup(), async |mut client| {
        client.login("alice", ALICE).await;
        let (_, members) = make(&mut client, "members").await;
        let (_, none) = make(&mut client, "").await;
        let (_, raised) = make(&mut client, "members nobody").await;
        let stranger = client.another();
        for (route, session, by_members, by_none, by_raised) in [
            ("/me", 200, 200, 200, 200),
            ("/private", 200, 200, 200, 200),
            ("/members", 200, 200, 403, 200),
            ("/both", 200, 403, 403, 403),
            ("/nobody", 403, 403, 403, 403),
            ("/scoped", 200, 200, 403, 200),
            ("/any", 200, 200, 403, 200),
            ("/alice", 200, 200, 200, 200),
            ("/fresh", 200, 401, 401, 401),
        ] {
            assert_eq!(client.get(route).await.status, session, "{route} at {}", client.site());
            for (key, expected) in [(&members, by_members), (&none, by_none), (&raised, by_raised)] {
                assert_eq!(
                    status(&stranger, with(key, route)).await,
                    expected,
                    "{route} at {}",
                    client.site()
                );
            }
        }
        let refused = stranger.probe(with(&none, "/both").with("accept", "application/json")).await;
        assert_eq!(
            challenges(&refused),
            r#"Bearer realm="tests", error="insufficient_scope", scope="members editors""#
        );
        // The owner may not: no scope would help, and none is asked for.
        let refused = stranger.probe(with(&none, "/nobody")).await;
        assert_eq!((refused.status, challenges(&refused)), (403, String::new()));
        client.post("/logout", &[]).await;
        client.login("bob", BOB).await;
        assert_eq!(client.get("/alice").await.status, 403);
        assert_eq!(client.get("/any").await.status, 200);
    })
    .await;
}

/// The owner is the session's user. Neither a key nor a password of this request makes one, nor a session whose proof is old.
#[tokio::test]
async fn only_a_fresh_session_makes_keys() {
    everywhere(setup(), async |mut client| {
        client.login("alice", ALICE).await;
        let (id, key) = make(&mut client, "members").await;
        let form = || Request::post("/act/make-key", &[("name", "x"), ("owner", "2"), ("user", "bob")]);
        let stranger = client.another();
        let by_key = form().with("authorization", format!("Bearer {key}"));
        for other in [by_key, form().basic("alice", ALICE), form()] {
            assert_eq!(status(&stranger, other).await, 401, "{}", client.site());
        }
        assert_eq!(status(&stranger, with(&key, "/act/list-keys")).await, 401);
        let cross = Request::post("/act/make-key", &[("name", "x")]).with("sec-fetch-site", "cross-site");
        assert_eq!(client.send(cross).await.status, 403);
        client.world.clock.advance(Duration::from_secs(15 * 60 + 1));
        assert_eq!(client.post("/act/make-key", &[("name", "x")]).await.status, 401, "too long ago");
        assert_eq!(client.post("/act/rotate-key", &[("id", &id)]).await.status, 401);
        assert_eq!(client.get("/act/list-keys").await.body, format!("{id} export"));
        assert_eq!(client.post("/act/revoke-key", &[("id", &id)]).await.body, "true", "at any time");
        // Bob cannot end, replace or see hers.
        client.login("alice", ALICE).await;
        let (id, key) = make(&mut client, "members").await;
        let mut bob = client.another();
        bob.login("bob", BOB).await;
        assert_eq!(bob.get("/act/list-keys").await.body, "");
        assert_eq!(bob.post("/act/revoke-key", &[("id", &id)]).await.body, "false");
        assert_eq!(bob.post("/act/rotate-key", &[("id", &id)]).await.body, "none");
        assert_eq!(status(&stranger, with(&key, "/me")).await, 200);
    })
    .await;
}

/// One way in a request, and never in its address.
#[tokio::test]
async fn a_key_comes_once_and_in_a_header() {
    everywhere(setup(), async |mut client| {
        client.login("alice", ALICE).await;
        let (_, key) = make(&mut client, "members").await;
        let stranger = client.another();
        let twice = with(&key, "/me").with("x-api-key", key.as_str());
        assert_eq!(status(&stranger, twice).await, 400, "{}", client.site());
        let twice = Request::get("/me").with("x-api-key", key.as_str()).with("x-api-key", key.as_str());
        assert_eq!(status(&stranger, twice).await, 400);
        for target in [format!("/me?access_token={key}"), format!("/me?api_key={key}")] {
            assert_eq!(status(&stranger, Request::get(&target)).await, 401);
        }
        for odd in [format!("{key}="), key.to_uppercase(), key[..key.len() - 1].to_owned(), format!("{key}0")]
        {
            assert_eq!(status(&stranger, with(&odd, "/me")).await, 401, "{odd}");
        }
        // Another's session beside it.
        let mut bob = client.another();
        bob.login("bob", BOB).await;
        assert_eq!(bob.send(with(&key, "/me")).await.status, 400);
    })
    .await;
}

/// However long accepted tokens are remembered.
#[tokio::test]
async fn what_is_remembered_is_never_a_key() {
    let setup = setup();
    everywhere(setup, async |mut client| {
        client.login("alice", ALICE).await;
        let (id, key) = make(&mut client, "members").await;
        let stranger = client.another();
        for _ in 0..3 {
            assert_eq!(status(&stranger, with(&key, "/me")).await, 200);
        }
        let rotated = client.post("/act/rotate-key", &[("id", &id)]).await.body;
        let (_, new) = rotated.split_once(' ').expect("a key");
        assert_eq!(status(&stranger, with(&key, "/me")).await, 200, "for a while");
        client.world.clock.advance(Duration::from_secs(60));
        assert_eq!(status(&stranger, with(&key, "/me")).await, 401);
        assert_eq!(status(&stranger, with(new, "/me")).await, 200);
    })
    .await;
}
