//! API keys, by every way in.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use auth_core::Password;
use auth_core::backend::{
    Attempt, BackendError, DeclineReason, Identity, Outcome, Provisioned, Verifier, provision_fn,
};
use auth_core::event::TracingObserver;
use auth_core::http::{BasicToken, Bearer};
use integration_tests::accounts::Account;
use integration_tests::client::{Client, everywhere};
use integration_tests::expected::personal;
use integration_tests::logs::Captured;
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

/// Another system behind the table, which notes the names and the passwords that it is sent.
#[derive(Clone, Default)]
struct Outside(Arc<Mutex<Vec<String>>>);

impl Verifier<Password> for Outside {
    async fn verify(&self, attempt: &Attempt<'_, Password>) -> Result<Outcome<Identity>, BackendError> {
        let password = attempt.credentials();
        let sent = [password.username(), password.password().expose()].map(str::to_owned);
        self.0.lock().unwrap().extend(sent);
        Ok(Outcome::Decline(DeclineReason::UnknownUser))
    }
}

/// Keys as Basic, beside passwords as Basic, and behind another name than Bearer.
fn by_other_carriers(outside: &Outside) -> Setup {
    let verifier = outside.clone();
    setup().configure(move |auth| {
        let nobody = provision_fn(async |_| Ok(Outcome::<Account>::Decline(DeclineReason::UnknownUser)));
        let backend = Provisioned { verifier: verifier.clone(), users: nobody.keep_identity() };
        auth.login_page("/login")
            .backend::<Password>("outside", backend)
            .scheme(BasicToken::new("test").unwrap().allow_cleartext())
            .scheme(Bearer::named("Token", "tests").unwrap().allow_cleartext())
    })
}

/// What is a key goes to the keys, and everything else to the passwords.
#[tokio::test]
async fn a_key_comes_as_basic_beside_passwords() {
    let outside = Outside::default();
    everywhere(by_other_carriers(&outside), async |mut client| {
        client.login("alice", ALICE).await;
        let (id, key) = make(&mut client, "members").await;
        let wrong = format!("{}0", &key[..key.len() - 1]);
        client.world.events.take();
        outside.0.lock().unwrap().clear();
        let (stranger, runs) = (client.another(), client.world.passwords.runs());
        let basic = |name: &str, password: &str| Request::get("/me").basic(name, password);
        for (name, password) in [(&*key, ""), ("", &*key), ("x-access-token", &*key), ("bob", &*key)] {
            let answer = stranger.probe(basic(name, password)).await;
            assert_eq!(answer.body, personal("1 alice").body, "{} {name}", client.site());
            assert!(answer.all("set-cookie").is_empty());
        }
        for (name, password, expected) in [
            (&*wrong, "", 401),
            ("git", &*wrong, 401),
            (&*key, "x-oauth-basic", 401),
            ("git", &*format!("{key} "), 401),
            (&*key, &*key, 400),
            (&*key, &*wrong, 400),
        ] {
            assert_eq!(status(&stranger, basic(name, password)).await, expected, "{}", client.site());
        }
        let twice = basic("git", &key).with("x-api-key", key.as_str());
        assert_eq!(status(&stranger, twice).await, 400);
        let twice = basic("git", &key).with("authorization", format!("Token {key}"));
        assert_eq!(status(&stranger, twice).await, 400);
        assert_eq!(client.world.passwords.runs(), runs, "no hasher saw a key");
        assert!(outside.0.lock().unwrap().is_empty(), "nor did another system");
        let events = client.world.events.take();
        assert!(events.contains(&"login succeeded: bearer by keys of 1".to_owned()), "{events:?}");
        let told = events.join("\n");
        assert!(!told.contains(&key[..key.len() - 6]) && !told.contains("x-access-token"), "{told}");
        // People beside them, in the same header.
        assert_eq!(status(&stranger, basic("alice", ALICE)).await, 200);
        assert_eq!(status(&stranger, basic("alice", "test_the waters")).await, 401);
        assert_eq!(client.post("/act/revoke-key", &[("id", &id)]).await.body, "true");
        assert_eq!(status(&stranger, basic("git", &key)).await, 401);
    })
    .await;
}

/// Right or wrong, alone or beside another: whatever is logged at any level.
#[tokio::test]
async fn no_key_as_basic_is_logged() {
    let log = Captured::default();
    let everything = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(log.clone());
    let _logging = tracing::subscriber::set_default(everything.finish());
    let setup = setup().configure(|auth| {
        let scheme = BasicToken::new("test").unwrap().allow_cleartext();
        auth.login_page("/login").scheme(scheme).observer(TracingObserver)
    });
    everywhere(setup, async |mut client| {
        client.login("alice", ALICE).await;
        let (_, key) = make(&mut client, "members").await;
        let stranger = client.another();
        let wrong = format!("{}0", &key[..key.len() - 1]);
        for (name, password) in [("", &*key), (&*key, ""), ("git", &*wrong), (&*key, "x"), (&*key, &*key)] {
            stranger.probe(Request::get("/me").basic(name, password)).await;
        }
        let text = log.text();
        assert!(
            text.contains("login succeeded") && text.contains("login failed"),
            "it was looked at: {text}"
        );
        assert!(!text.contains(&key[..key.len() - 6]), "{text}");
    })
    .await;
}

/// Browsers add what was typed into their dialog: no other site's page changes anything by it.
#[tokio::test]
async fn a_key_as_basic_is_sent_by_browsers_of_themselves() {
    everywhere(by_other_carriers(&Outside::default()), async |mut client| {
        client.login("alice", ALICE).await;
        let (_, key) = make(&mut client, "members").await;
        let stranger = client.another();
        let post = |site: &str| Request::post("/members", &[]).with("sec-fetch-site", site);
        let basic = |request: Request| request.basic("git", &key);
        assert_eq!(status(&stranger, basic(post("cross-site"))).await, 403, "{}", client.site());
        assert_ne!(status(&stranger, basic(post("same-origin"))).await, 403);
        let bearer = |request: Request| request.with("authorization", format!("Token {key}"));
        assert_ne!(status(&stranger, bearer(post("cross-site"))).await, 403);
    })
    .await;
}

/// RFC 9110 §11.1: in whatever case. Errors have words only where the scheme is Bearer.
#[tokio::test]
async fn a_key_comes_behind_another_name() {
    everywhere(by_other_carriers(&Outside::default()), async |mut client| {
        client.login("alice", ALICE).await;
        let (_, key) = make(&mut client, "members").await;
        let stranger = client.another();
        let as_token =
            |scheme: &str, key: &str| Request::get("/me").with("authorization", format!("{scheme} {key}"));
        for scheme in ["Token", "token", "TOKEN ", "Bearer"] {
            assert_eq!(status(&stranger, as_token(scheme, &key)).await, 200, "{scheme} at {}", client.site());
        }
        let refused = stranger.probe(as_token("Token", &key[1..])).await;
        assert_eq!(refused.status, 401);
        let offered = challenges(&refused);
        assert!(
            offered.contains(r#"Token realm="tests""#) && !offered.contains("invalid_token"),
            "{offered}"
        );
        let twice = as_token("Token", &key).with("x-api-key", key.as_str());
        assert_eq!(status(&stranger, twice).await, 400);
        let twice = as_token("Token", &key).with("authorization", format!("Bearer {key}"));
        assert_eq!(status(&stranger, twice).await, 400);
    })
    .await;
    // By setting only.
    everywhere(setup(), async |mut client| {
        client.login("alice", ALICE).await;
        let (_, key) = make(&mut client, "members").await;
        let stranger = client.another();
        let token = Request::get("/me").with("authorization", format!("Token {key}"));
        assert_eq!(status(&stranger, token).await, 401, "{}", client.site());
        for (name, password) in [(&*key, ""), ("git", &*key)] {
            let basic = Request::get("/me").basic(name, password);
            assert_eq!(status(&stranger, basic).await, 401);
        }
    })
    .await;
}
