//! Guessing, by every way in.

use auth_core::throttle::{MemoryThrottle, Throttle};
use integration_tests::client::{Client, everywhere};
use integration_tests::expected::{SET_COOKIE, passed_on, personal};
use integration_tests::site::{Answer, Request};
use integration_tests::world::{ALICE, BOB, DORA, Setup};

const LIMIT: usize = 5;

fn setup() -> Setup {
    Setup::default()
        .configure(|auth| auth.login_page("/login").throttle(Throttle::new(MemoryThrottle::new(10_000))))
}

fn form(name: &str, password: &str) -> Request {
    Request::post("/login", &[("username", name), ("password", password)])
}

fn basic(name: &str, password: &str) -> Request {
    Request::get("/me").basic(name, password)
}

fn from(peer: u8, request: Request) -> Request {
    request.from([192, 0, 2, peer].into())
}

async fn status(client: &Client<'_>, request: Request) -> u16 {
    client.bare(request).await.status
}

/// The sixth is too many, by whichever way the first five came, for names that exist and names that do not.
#[tokio::test]
async fn the_sixth_is_too_many() {
    everywhere(setup(), async |client| {
        let mut answers = std::collections::HashMap::new();
        for name in ["alice", "nobody"] {
            for n in 0..LIMIT {
                let password = format!("guess {n}");
                let request = if n % 2 == 0 { form(name, &password) } else { basic(name, &password) };
                assert_eq!(status(&client, from(1, request)).await, 401, "{name}, {n}");
            }
            let before = client.world.passwords.runs();
            let ways = [(form(name, ALICE), 1), (basic(name, ALICE), 1), (form(name, "x"), 2)];
            for (at, (request, peer)) in ways.into_iter().enumerate() {
                let answer = client.bare(from(peer, request)).await;
                let first = answers.entry(at).or_insert_with(|| answer.clone());
                assert_eq!(answer, *first, "byte for byte as for any other name");
                assert_eq!(
                    (answer.status, answer.all("retry-after")),
                    (429, vec!["1"]),
                    "{name} at {}",
                    client.site()
                );
            }
            assert_eq!(client.world.passwords.runs(), before, "nobody was asked");
        }
        client.world.clock.advance(std::time::Duration::from_secs(1));
        assert_eq!(status(&client, from(1, form("alice", ALICE))).await, 303);
    })
    .await;
}

/// Byte for byte, every header with them: what nobody knows, is wrong, is disabled, or has no tries left.
#[tokio::test]
async fn refusals_are_alike() {
    everywhere(setup(), async |client| {
        let ways: [fn(&str, &str) -> Request; 2] = [form, basic];
        let mut answers: [Vec<(String, Answer)>; 2] = Default::default();
        for (way, answers) in ways.iter().zip(&mut answers) {
            for (name, password) in
                [("mallory", ALICE), ("alice", "wrong"), ("dora", DORA), ("dora", "x"), ("erin", "x")]
            {
                answers.push((name.into(), client.bare(from(1, way(name, password))).await));
            }
        }
        assert_eq!(answers[0][0].1, passed_on(401));
        for of_one_way in &answers {
            for (name, answer) in of_one_way {
                assert_eq!(*answer, of_one_way[0].1, "{name} at {}", client.site());
            }
        }
    })
    .await;
}

/// Strangers hammer a name. Whoever signed in on this browser before still gets in, and is told nothing of it.
#[tokio::test]
async fn a_browser_that_is_known_gets_in() {
    everywhere(setup(), async |mut client| {
        let answer = client.send(from(7, form("bob", BOB))).await.masked();
        let cookies = answer.all("set-cookie");
        let device =
            "__Host-auth-core-device=SEALED; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=7776000";
        assert_eq!(cookies, [SET_COOKIE, device], "{}", client.site());
        client.post("/logout", &[]).await;
        for n in 0..50 {
            status(&client.another(), from(n, form("bob", "guess"))).await;
        }
        assert_eq!(status(&client.another(), from(99, form("bob", BOB))).await, 429, "a stranger");
        assert_eq!(client.send(from(99, form("bob", BOB))).await.status, 303, "the browser, from anywhere");
        assert_eq!(client.get("/me").await, personal("2 bob"));
        let device = client.jar.line().unwrap_or_default();
        assert_eq!(device.matches("__Host-auth-core-device-").count(), 1, "one for each browser: {device}");
        // It opens nothing by itself, and a copy of it has no tries of its own.
        client.post("/logout", &[]).await;
        assert_eq!(client.get("/me").await.status, 401);
        for n in 0..LIMIT {
            assert_eq!(client.copy().send(from(99, form("bob", &format!("guess {n}")))).await.status, 401);
        }
        assert_eq!(client.copy().send(from(98, form("bob", BOB))).await.status, 429);
    })
    .await;
}

/// A device that somebody else has is worth nothing once its owner has changed the password, or ended all other sessions.
#[tokio::test]
async fn a_device_is_forgotten_with_the_password_and_the_sessions() {
    let change = [("whose", "bob"), ("new", "changed")];
    for (act, fields, password) in [("/act/password", &change[..], "changed"), ("/act/others", &[], BOB)] {
        everywhere(setup(), async |mut client| {
            let mut lost = client.another();
            assert_eq!(lost.send(from(7, form("bob", BOB))).await.status, 303);
            lost.post("/logout", &[]).await;
            assert_eq!(client.send(from(8, form("bob", BOB))).await.status, 303);
            client.world.clock.advance(std::time::Duration::from_secs(1));
            let hammer = async |client: &Client<'_>| {
                for n in 20..30 {
                    status(&client.another(), from(n, form("bob", "guess"))).await;
                }
            };
            hammer(&client).await;
            assert_eq!(lost.send(from(9, form("bob", BOB))).await.status, 303, "until then");
            lost.post("/logout", &[]).await;
            client.world.clock.advance(std::time::Duration::from_secs(1));
            assert_eq!(client.post(act, fields).await.status, 200, "{act} at {}", client.site());
            client.world.clock.advance(std::time::Duration::from_secs(60));
            hammer(&client).await;
            assert_eq!(lost.send(from(10, form("bob", password))).await.status, 401, "{act}, not compared");
        })
        .await;
    }
}

/// What is remembered was judged before, and passes; and so does whoever has a session.
#[tokio::test]
async fn who_is_in_stays_in() {
    everywhere(setup(), async |mut client| {
        client.login("alice", ALICE).await;
        assert_eq!(status(&client, from(1, basic("alice", ALICE))).await, 200);
        for n in 0..50 {
            status(&client, from(n, form("alice", "guess"))).await;
        }
        assert_eq!(client.get("/me").await, personal("1 alice"));
        assert_eq!(status(&client, from(1, basic("alice", ALICE))).await, 200);
    })
    .await;
}
