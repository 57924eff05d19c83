//! What an acceptance is worth, on every site: by which proofs, for what, and for how long.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use auth_core::http::Bearer;
use auth_core::session::SessionErrorKind;
use auth_core::{
    Accepted, Attempt, AuthBuilder, Backend, BackendError, BearerToken, DeclineReason, Factor, Grant,
    Outcome, Proof, RequestFacts, Scopes, Timestamp, UserId, UserSource,
};
use custom_backend::ApiKeyHeader;
use integration_tests::accounts::Account;
use integration_tests::bare;
use integration_tests::client::everywhere;
use integration_tests::site::Request;
use integration_tests::world::{ALICE, BOB, START, Setup};

const LOCAL: std::net::IpAddr = std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

/// An issuer of tokens for the users of the site's own table, whose tokens say what they are worth.
struct Issuer<S> {
    users: S,
    asked: Arc<AtomicUsize>,
}

impl<S: UserSource<User = Account>> UserSource for Issuer<S> {
    type User = Account;

    async fn get_user(&self, id: &UserId) -> Result<Option<Account>, BackendError> {
        self.users.get_user(id).await
    }
}

fn at(seconds: u64) -> Timestamp {
    START.plus(Duration::from_secs(seconds))
}

fn before(seconds: u64) -> Timestamp {
    Timestamp::from_millis(START.as_millis() - 1_000 * seconds)
}

/// The grants of the tokens that there are.
fn grant(token: &str) -> Option<Grant> {
    let told = |at| Grant::new().with_proof(Proof::new(Factor::Federated, at));
    Some(match token {
        "silent" => Grant::new(),
        "old" => told(before(61)),
        "recent" => told(before(30)),
        "tomorrow" => told(at(86_400)),
        "brief" => Grant::new().with_expiry(at(10)),
        "reader" => told(before(30))
            .with_proof(Proof::new(Factor::Totp, before(20)))
            .with_scopes(Scopes::parse("read list").expect("two scopes"))
            .with_expiry(at(3_600)),
        "all" => told(before(1)).with_scopes(Scopes::all()),
        _ => return None,
    })
}

impl<S: UserSource<User = Account>> Backend<BearerToken> for Issuer<S> {
    async fn authenticate(
        &self,
        attempt: &Attempt<'_, BearerToken>,
    ) -> Result<Outcome<Accepted<Account>>, BackendError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let token = attempt.credentials().token().expose();
        let Some(grant) = grant(token) else { return Ok(Outcome::Decline(DeclineReason::UnknownUser)) };
        let user = self.users.get_user(&UserId::from(1)).await?.expect("alice is there");
        Ok(Outcome::Accept(Accepted::new(user, grant)))
    }
}

struct Alice;

impl UserSource for Alice {
    type User = Account;

    async fn get_user(&self, id: &UserId) -> Result<Option<Account>, BackendError> {
        Ok((*id == UserId::from(1)).then(|| Account::new(1, "alice")))
    }
}

fn issued(auth: AuthBuilder<Account>, asked: &Arc<AtomicUsize>) -> AuthBuilder<Account> {
    auth.backend::<BearerToken>("tokens", Issuer { users: Alice, asked: Arc::clone(asked) })
}

fn setup(remember: Duration, asked: &Arc<AtomicUsize>) -> Setup {
    let asked = Arc::clone(asked);
    let bearer = Bearer::new("tests").expect("a plain realm").allow_cleartext().remember(remember);
    Setup::default().configure(move |auth| issued(auth, &asked).scheme(bearer.clone()).scheme(ApiKeyHeader))
}

fn with(target: &str, token: &str) -> Request {
    Request::get(target).with("authorization", format!("Bearer {token}"))
}

#[tokio::test]
async fn a_handler_sees_what_the_backend_said() {
    everywhere(setup(Duration::ZERO, &Arc::default()), async |mut client| {
        let table = [
            ("silent", "Scheme(\"Bearer\") [Token] Scopes(none) None"),
            ("all", "Scheme(\"Bearer\") [Federated, Token] Scopes(all) None"),
            (
                "reader",
                "Scheme(\"Bearer\") [Federated, Totp, Token] Scopes({\"list\", \"read\"}) Some(1800003600000)",
            ),
        ];
        for (token, expected) in table {
            assert_eq!(client.bare(with("/act/grant", token)).await.body, expected, "{token}");
        }
        let basic = client.bare(Request::get("/act/grant").basic("alice", ALICE)).await;
        assert_eq!(basic.body, "Scheme(\"Basic\") [Password] Scopes(all) None");
        client.login("alice", ALICE).await;
        assert_eq!(client.get("/act/grant").await.body, "Session [] Scopes(all) None");
    })
    .await;
}

/// A day-old token passed for fresh: it came with the request. It is as fresh as the login that it tells of.
#[tokio::test]
async fn a_token_is_as_fresh_as_the_login_it_tells_of() {
    for remember in [Duration::ZERO, Duration::from_secs(30)] {
        everywhere(setup(remember, &Arc::default()), async |client| {
            for (token, is_fresh) in [("silent", false), ("old", false), ("recent", true), ("tomorrow", true)]
            {
                for round in ["first", "again"] {
                    let private = client.bare(with("/private", token)).await;
                    assert_eq!(private.body, "secret", "{token}, {round}");
                    let fresh = client.bare(with("/fresh", token)).await;
                    assert_eq!(fresh.status, if is_fresh { 200 } else { 401 }, "{token}, {round}");
                    if !is_fresh {
                        let challenge = fresh.all("www-authenticate").join(" | ");
                        assert!(challenge.contains("insufficient_user_authentication"), "{challenge}");
                    }
                }
            }
        })
        .await;
    }
}

/// What is remembered is as old as its last judgement. Where that is too old, it is judged again.
#[tokio::test]
async fn a_remembered_password_does_not_count_as_fresh() {
    everywhere(Setup::default().basic(Some(Duration::from_secs(300))), async |client| {
        let world = client.world;
        let send = async |target: &str| {
            let before = world.passwords.runs();
            let status = client.bare(Request::get(target).basic("alice", ALICE)).await.status;
            (status, world.passwords.runs() - before)
        };
        let _ = send("/private").await;
        assert_eq!(send("/private").await, (200, 0), "{}: remembered", client.site());
        assert_eq!(send("/fresh").await, (200, 0), "{}: and fresh", client.site());
        world.clock.advance(Duration::from_secs(61));
        assert_eq!(send("/private").await, (200, 0), "{}: remembered", client.site());
        assert_eq!(send("/fresh").await, (200, 1), "{}: judged again", client.site());
        assert_eq!(send("/fresh").await, (200, 0), "{}: and fresh", client.site());
    })
    .await;
}

/// A token that is remembered longer than it is good.
#[tokio::test]
async fn nothing_is_remembered_longer_than_it_was_granted() {
    let asked = Arc::new(AtomicUsize::new(0));
    everywhere(setup(Duration::from_secs(300), &asked), async |client| {
        let world = client.world;
        let times = async || {
            let before = asked.load(Ordering::SeqCst);
            assert_eq!(client.bare(with("/private", "brief")).await.status, 200, "{}", client.site());
            asked.load(Ordering::SeqCst) - before
        };
        let _ = times().await;
        world.clock.advance(Duration::from_secs(9));
        assert_eq!(times().await, 0, "{}: remembered", client.site());
        world.clock.advance(Duration::from_secs(1));
        assert_eq!(times().await, 1, "{}: its time is over, whatever the scheme remembers", client.site());
    })
    .await;
}

/// A session may do all that its user may: a token that may less, or proves nobody, must not become one.
#[tokio::test]
async fn a_token_begins_no_session() {
    let world = setup(Duration::ZERO, &Arc::default()).world().await;
    for (token, begins) in [("silent", false), ("recent", false), ("reader", false), ("all", true)] {
        let proof = world.auth.authenticate(BearerToken::new(token), &RequestFacts::none()).await.unwrap();
        let session = bare::session(&world.auth);
        let login = session.login(proof).await;
        assert_eq!(login.is_ok(), begins, "{token}");
        assert_eq!(world.store.sessions.is_empty(), !begins, "{token}");
        if let Err(error) = login {
            assert_eq!(error.kind(), SessionErrorKind::NotAPerson, "{token}");
        }
    }
}

/// Another header, written by somebody else in one file, obeys the rules of all.
#[tokio::test]
async fn a_scheme_of_ones_own_is_one_of_the_family() {
    let key = |target: &str, key: &str| Request::get(target).with("x-api-key", key).from(LOCAL);
    everywhere(setup(Duration::ZERO, &Arc::default()), async |mut client| {
        let alice = client.bare(key("/act/grant", "silent")).await;
        assert_eq!(alice.body, "Scheme(\"X-Api-Key\") [Token] Scopes(none) None");
        assert_eq!(alice.one("vary"), "Authorization, Cookie, x-api-key");
        assert_eq!(client.bare(key("/private", "wrong")).await.status, 401, "and never nobody");
        assert_eq!(client.bare(key("/private", "a b")).await.status, 401, "by the token's grammar");
        let twice = key("/private", "silent").with("x-api-key", "silent");
        assert_eq!(client.bare(twice).await.status, 400, "it could mean two things");
        let clear = Request::get("/private").with("x-api-key", "silent").from([192, 0, 2, 1].into());
        assert_eq!(client.bare(clear).await.status, 403, "others could read it");

        let both = |name: &str, password: &str| key("/private", "silent").basic(name, password);
        assert_eq!(client.bare(both("alice", "wrong")).await.status, 401);
        assert_eq!(client.bare(both("bob", BOB)).await.status, 400, "two users");
        client.login("bob", BOB).await;
        assert_eq!(client.send(key("/private", "silent")).await.status, 400, "two users");
        assert_eq!(client.get("/private").await.body, "secret", "the session did not suffer");
    })
    .await;
}

/// Two offers of one backend that name one user are that user's.
#[tokio::test]
async fn offers_that_agree_are_one_user() {
    everywhere(setup(Duration::ZERO, &Arc::default()), async |client| {
        let both = |one: &str, other: &str| with("/who", one).with("x-api-key", other).from(LOCAL);
        assert_eq!(client.bare(both("silent", "reader")).await.body, "alice");
        assert_eq!(client.bare(both("silent", "wrong")).await.status, 401);
        assert_eq!(client.bare(both("wrong", "silent")).await.status, 401);
        let basic = Request::get("/who").basic("alice", ALICE).with("x-api-key", "silent").from(LOCAL);
        assert_eq!(client.bare(basic).await.status, 400, "an id of two backends is not one user");
    })
    .await;
}

/// The answer to a login leads to this site only.
#[tokio::test]
async fn a_login_is_answered_by_where_to_go() {
    everywhere(Setup::default(), async |client| {
        let table = [
            ("/private", "/private"),
            ("", "/"),
            ("//evil.example", "/"),
            ("https://evil.example/", "/"),
            ("/\\evil.example", "/"),
            ("/a\r\nSet-Cookie: x=y", "/"),
        ];
        for (next, expected) in table {
            let fields = [("username", "alice"), ("password", ALICE), ("next", next)];
            let answer = client.another().post("/act/login", &fields).await;
            assert_eq!((answer.status, answer.one("location")), (303, expected), "{next:?}");
        }
    })
    .await;
}
