//! What an acceptance is worth, on every site: by which proofs, for what, and for how long.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use auth_core::backend::{
    Accepted, Attempt, Backend, BackendError, DeclineReason, Outcome, UserSource, backend_fn,
};
use auth_core::grant::{Factor, Grant, Proof, Scopes};
use auth_core::http::{Basic, Bearer, Keeps, Read, RequestView, Scheme, Single};
use auth_core::second_factor::Needs;
use auth_core::session::SessionErrorKind;
use auth_core::time::Timestamp;
use auth_core::{AuthBuilder, BearerToken, Credentials, Password, RequestFacts, UserId};
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
        assert_eq!(client.get("/act/grant").await.body, "Session [Password] Scopes(all) None");
    })
    .await;
}

/// A policy of second factors judges what a token tells of: what it does not, nobody else does.
#[tokio::test]
async fn a_token_is_enough_if_it_tells_of_two_factors() {
    let everybody = setup(Duration::ZERO, &Arc::default()).second_factor(|_, _| Needs::second_factor());
    everywhere(everybody, async |mut client| {
        client.world.enrol(1).await;
        for (token, status) in [("reader", 200), ("silent", 401), ("all", 401), ("recent", 401)] {
            let answer = client.bare(with("/me", token)).await;
            assert_eq!(answer.status, status, "{token}: {answer:?}");
            let told = answer.all("www-authenticate");
            assert!(
                told.iter().all(|text| text.contains("insufficient_user_authentication")),
                "{token}: {told:?}"
            );
        }
        assert_eq!(client.get("/who").await.body, "anonymous");
    })
    .await;
    // Whom the policy asks for what they have enrolled, is asked by the issuer of their tokens and not here.
    let enrolled =
        setup(Duration::ZERO, &Arc::default()).second_factor(|_, enrolled| Needs::second_factor_if(enrolled));
    everywhere(enrolled, async |client| {
        client.world.enrol(1).await;
        assert_eq!(client.bare(with("/me", "silent")).await.body, "1 alice");
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

/// Two tokens are one too many, whoever they are of: somebody else on the way may go by the other one.
#[tokio::test]
async fn a_request_has_one_token() {
    everywhere(setup(Duration::ZERO, &Arc::default()), async |client| {
        let both = |one: &str, other: &str| with("/who", one).with("x-api-key", other).from(LOCAL);
        for (one, other) in
            [("silent", "reader"), ("silent", "silent"), ("silent", "wrong"), ("wrong", "silent")]
        {
            assert_eq!(client.bare(both(one, other)).await.status, 400, "{one}, {other}");
        }
        assert!(client.world.events.all().iter().any(|told| told.contains("more than one bearer token")));
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

/// What a program shows at the door, of a type of its own: somebody's, but no person's proof.
#[derive(Clone)]
struct Ticket(String);

impl Credentials for Ticket {
    const KIND: &'static str = "ticket";
    const FACTOR: Factor = Factor::Token;

    fn subject(&self) -> Option<&str> {
        Some(&self.0).filter(|name| *name != "nobody").map(|name| &**name)
    }

    fn check(&self) -> Result<(), DeclineReason> {
        Ok(())
    }
}

/// Reads tickets, and keeps a session for them.
struct Tickets;

impl Scheme for Tickets {
    type Credentials = Ticket;

    fn name(&self) -> &'static str {
        "X-Ticket"
    }

    fn headers(&self) -> Vec<&str> {
        vec!["x-ticket"]
    }

    fn read(&self, request: &dyn RequestView) -> Read<Ticket> {
        match Single::named(request, "x-ticket").text() {
            Some(name) => Read::Present(Ticket(name.to_owned())),
            None => Read::NotMine,
        }
    }

    fn remember(&self) -> Duration {
        Duration::from_secs(300)
    }

    fn allows_cleartext(&self) -> bool {
        true
    }

    fn keeps(&self) -> Keeps {
        Keeps::Session { is_persistent: false }
    }
}

struct Door;

impl UserSource for Door {
    type User = Account;

    async fn get_user(&self, id: &UserId) -> Result<Option<Account>, BackendError> {
        Alice.get_user(id).await
    }
}

impl Backend<Ticket> for Door {
    async fn authenticate(
        &self,
        attempt: &Attempt<'_, Ticket>,
    ) -> Result<Outcome<Accepted<Account>>, BackendError> {
        let grant = match attempt.credentials().0.as_str() {
            "alice" => {
                Grant::new().with_proof(Proof::new(Factor::Federated, before(1))).with_scopes(Scopes::all())
            }
            _ => Grant::new(),
        };
        Ok(Outcome::Accept(Accepted::new(Account::new(1, "alice"), grant)))
    }
}

fn with_tickets() -> Setup {
    Setup::default().configure(|auth| auth.backend::<Ticket>("door", Door).scheme(Tickets))
}

fn ticket(name: &str) -> Request {
    Request::get("/private").with("x-ticket", name)
}

/// By whichever door it comes in: what is no person's proof begins no session.
#[tokio::test]
async fn no_scheme_makes_a_session_of_a_token() {
    everywhere(with_tickets(), async |client| {
        let robot = client.bare(ticket("robot")).await;
        assert_eq!((robot.status, robot.token()), (403, None));
        assert!(client.world.store.sessions.is_empty(), "{}", client.site());
        let alice = client.bare(ticket("alice")).await;
        assert_eq!((alice.status, alice.token().is_some()), (200, true));
    })
    .await;
}

/// What keeps a session is no credential of one request, however lately it was accepted.
#[tokio::test]
async fn what_keeps_a_session_is_not_remembered() {
    everywhere(with_tickets(), async |client| {
        for round in ["first", "again"] {
            let alice = client.bare(ticket("alice")).await;
            assert_eq!((alice.status, alice.token().is_some()), (200, true), "{round}");
        }
    })
    .await;
}

/// A session goes on for the name that began it: credentials without one would go on as anybody's.
#[tokio::test]
async fn what_keeps_a_session_names_somebody() {
    everywhere(with_tickets(), async |mut client| {
        client.send(ticket("alice")).await;
        assert_eq!(client.send(ticket("nobody")).await.status, 401);
        assert_eq!(client.bare(ticket("nobody")).await.status, 401);
    })
    .await;
}

/// A password that is somebody else's by now must not go on in the name of who had it.
#[tokio::test]
async fn credentials_that_are_judged_again_are_of_the_same_user() {
    let judged = Arc::new(AtomicUsize::new(0));
    let times = Arc::clone(&judged);
    let setup = Setup::default().basic(None).configure(move |auth| {
        let judged = Arc::clone(&times);
        let users = backend_fn(
            move |_: Password| {
                // Of the next user whenever it is judged.
                let id = judged.fetch_add(1, Ordering::SeqCst) % 2;
                async move { Ok(Outcome::Accept(Account::new(i64::try_from(id).unwrap_or(0) + 10, "twin"))) }
            },
            |id: UserId| async move { Ok((id == UserId::from(10)).then(|| Account::new(10, "twin"))) },
        );
        let basic = Basic::new("tests").expect("a plain realm").allow_cleartext();
        auth.backend::<Password>("twins", users).scheme(basic.remember(Duration::from_secs(300)))
    });
    everywhere(setup, async |client| {
        let ask = async |target: &str| client.bare(Request::get(target).basic("twin", "secret")).await.status;
        judged.store(0, Ordering::SeqCst);
        assert_eq!(ask("/private").await, 200);
        client.world.clock.advance(Duration::from_secs(61));
        assert_eq!(ask("/private").await, 200, "remembered");
        assert_eq!(ask("/fresh").await, 400, "one request of two users");
    })
    .await;
}
