//! Guessing passwords: by many at once, by hanging up, by every door (CWE-307).

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use auth_core::backend::BackendError;
use auth_core::conformance::gate;
use auth_core::gate::{Admission, AttemptEnd, Gate, GateAttempt};
use auth_core::time::{ManualClock, SystemClock};
use auth_core::{AuthBuilder, DeniedKind, Password, RequestFacts};
use futures_util::future::join_all;
use futures_util::poll;
use integration_tests::accounts::Account;
use integration_tests::client::everywhere;
use integration_tests::expected::{grpc, page, problem_body};
use integration_tests::gate::FixedWindow;
use integration_tests::site::{Answer, Request};
use integration_tests::world::{ALICE, START, Setup};

const LIMIT: usize = 5;

/// A site behind a gate, and the gate's clock.
fn guarded() -> (Setup, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::at(START));
    let of_gate = Arc::clone(&clock);
    let setup = Setup::default().configure(move |auth: AuthBuilder<Account>| {
        auth.login_page("/login").gate(FixedWindow::new(LIMIT, Arc::clone(&of_gate)))
    });
    (setup, clock)
}

fn form(name: &str, password: &str) -> Request {
    Request::post("/act/login", &[("username", name), ("password", password)])
}

#[tokio::test]
async fn a_gate_keeps_its_contract() {
    gate::run(LIMIT, || FixedWindow::new(LIMIT, SystemClock)).await;
    gate::run(1, || Arc::new(FixedWindow::new(1, SystemClock))).await;
}

/// A counter that is looked at first and raised afterwards lets all of them through.
#[tokio::test]
async fn a_hundred_guesses_at_once_are_five() {
    everywhere(guarded().0, async |client| {
        for (door, name) in [("form", "alice"), ("Basic", "bob"), ("an unknown name", "nobody")] {
            let before = client.world.passwords.runs();
            let guesses = (0..100).map(|n| {
                let password = format!("guess {n}");
                let request = match door {
                    "Basic" => Request::get("/private").basic(name, &password),
                    _ => form(name, &password),
                };
                client.probe(request)
            });
            let answers = join_all(guesses).await;
            let throttled = answers.iter().filter(|answer| answer.status == 429).count();
            assert_eq!(throttled, 100 - LIMIT, "{door}");
            assert_eq!(client.world.passwords.runs() - before, LIMIT as u64, "{door}: asked of the backend");
            let events = client.world.events.take();
            let told = events.iter().filter(|event| event.starts_with("login throttled")).count();
            assert_eq!((told, events.len()), (100 - LIMIT, 100), "{door}: each ends in one event");
        }
        let right = client.probe(form("alice", ALICE)).await;
        assert_eq!(right.status, 429, "also the right one waits, or it would tell itself");
    })
    .await;
}

/// Who hangs up before the answer has guessed all the same.
#[tokio::test]
async fn to_hang_up_is_not_free() {
    let world = guarded().0.world().await;
    let facts = RequestFacts::none();
    let guess = || world.auth.authenticate(Password::new("alice", "guess"), &facts);
    for _ in 0..LIMIT {
        let mut aborted = Box::pin(guess());
        assert!(poll!(&mut aborted).is_pending(), "its password is being hashed");
    }
    tokio::task::yield_now().await;
    assert_eq!(guess().await.unwrap_err().kind(), DeniedKind::Throttled);
    let events = world.events.take();
    assert_eq!(events.iter().filter(|event| event.contains("aborted")).count(), LIMIT, "{events:?}");
    assert_eq!(events.len(), LIMIT + 1, "{events:?}");
}

/// 429 for a person, a program and gRPC, the same for names that exist and others, with when to come back and no
/// challenge, which would make a browser send a password again.
#[tokio::test]
async fn who_must_wait_is_told_for_how_long() {
    let (setup, clock) = guarded();
    everywhere(setup, async |client| {
        clock.advance(Duration::from_secs(3_600));
        for name in ["alice", "nobody"] {
            for _ in 0..LIMIT {
                assert_eq!(client.bare(form(name, "wrong")).await.status, 401);
            }
            let basic = || Request::get("/private").basic(name, "wrong");
            let api = client.bare(basic()).await;
            assert_eq!((api.status, api.one("retry-after")), (429, "60"), "{name}");
            assert_eq!(api.body, problem_body(429), "{name}");
            assert_eq!(api.all("www-authenticate"), Vec::<&str>::new(), "{name}");
            assert_eq!(client.bare(form(name, "wrong")).await.status, 429, "{name}: by the handler's `?`");
            let person: Answer = client.bare(basic().navigating()).await;
            assert_eq!((person.status, &*person.body), (429, &*page(429).body), "{name}");
            let call = client.bare(basic().with("content-type", "application/grpc")).await;
            assert_eq!(call, grpc("8", "resource exhausted"), "{name}");
        }
        clock.advance(Duration::from_secs(60));
        assert_eq!(client.bare(form("alice", ALICE)).await.status, 303, "when the time is over");
    })
    .await;
}

/// What was accepted before is no guess: it neither waits nor takes a place.
#[tokio::test]
async fn remembered_credentials_pass_the_gate_by() {
    everywhere(guarded().0, async |client| {
        let me = || Request::get("/private").basic("alice", ALICE);
        assert_eq!(client.bare(me()).await.status, 200);
        for _ in 0..=LIMIT {
            client.bare(form("alice", "wrong")).await;
        }
        assert_eq!(client.bare(form("alice", ALICE)).await.status, 429);
        for _ in 0..2 * LIMIT {
            assert_eq!(client.bare(me()).await.status, 200, "remembered");
        }
    })
    .await;
}

/// What a gate may do wrong.
enum Broken {
    Fails,
    Panics,
    Hangs,
}

struct BrokenGate(Broken, Arc<AtomicUsize>);

impl Gate for BrokenGate {
    type Permit = ();

    async fn reserve(&self, _: &GateAttempt<'_>) -> Result<Admission<()>, BackendError> {
        match self.0 {
            Broken::Fails => Err(BackendError::unavailable("no route to the counter")),
            Broken::Panics => panic!("the gate's own fault"),
            Broken::Hangs => pending().await,
        }
    }

    async fn report(&self, (): (), _: AttemptEnd) {
        self.1.fetch_add(1, Ordering::SeqCst);
    }
}

/// A gate that cannot decide lets nobody through.
#[tokio::test]
async fn a_gate_that_is_down_is_closed() {
    for broken in [Broken::Fails, Broken::Panics, Broken::Hangs] {
        let reported = Arc::new(AtomicUsize::new(0));
        let gate = Arc::new(BrokenGate(broken, Arc::clone(&reported)));
        let setup = Setup::default().configure(move |auth| auth.gate(Arc::clone(&gate)));
        let world = setup.world().await;
        let before = world.passwords.runs();
        // Not before: the world's passwords are hashed by a thread.
        tokio::time::pause();
        let denied = world.auth.authenticate(Password::new("alice", ALICE), &RequestFacts::none()).await;
        assert_eq!(denied.unwrap_err().kind(), DeniedKind::Unavailable);
        assert_eq!(world.passwords.runs(), before, "nobody was asked");
        assert_eq!(reported.load(Ordering::SeqCst), 0, "there is nothing to settle");
        let events = world.events.take();
        assert!(events[0].starts_with("the gate before the chain"), "{events:?}");
        assert_eq!(events.len(), 2, "{events:?}");
        tokio::time::resume();
    }
}

/// A gate that cannot note how an attempt ended changes nothing of the answer, and holds nobody up for long.
#[tokio::test]
async fn a_gate_that_cannot_note_the_end_is_no_refusal() {
    struct Deaf(Broken);

    impl Gate for Deaf {
        type Permit = ();

        async fn reserve(&self, _: &GateAttempt<'_>) -> Result<Admission<()>, BackendError> {
            Ok(Admission::Admitted(()))
        }

        async fn report(&self, (): (), _: AttemptEnd) {
            match self.0 {
                Broken::Panics => panic!("the gate's own fault"),
                Broken::Fails | Broken::Hangs => pending().await,
            }
        }
    }

    for broken in [Broken::Panics, Broken::Hangs] {
        let gate = Arc::new(Deaf(broken));
        let world = Setup::default().configure(move |auth| auth.gate(Arc::clone(&gate))).world().await;
        let login = |password: &str| {
            let facts = RequestFacts::none();
            let (auth, password) = (world.auth.clone(), Password::new("alice", password));
            async move { auth.authenticate(password, &facts).await.map(drop).map_err(|denied| denied.kind()) }
        };
        assert_eq!(login(ALICE).await, Ok(()));
        assert_eq!(login("wrong").await, Err(DeniedKind::WrongSecret));
    }
}
