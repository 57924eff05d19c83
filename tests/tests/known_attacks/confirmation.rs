//! A session of somebody whom the outside system has disabled, in every race that could keep it.

use std::time::Duration;

use auth_core::backend::{Confirmation, DenyReason, Outcome};
use auth_core::session::SessionConfig;
use auth_core::time::Timestamp;
use auth_core::{Auth, MemoryBackend, Password, Secret, UserCache};
use futures_util::future::join_all;
use integration_tests::accounts::Account;
use integration_tests::authority::Authority;
use integration_tests::bare::Abandoned;
use integration_tests::client::on_tower;
use integration_tests::faults::Mode;
use integration_tests::site::{Request, Site};
use integration_tests::tower::Tower;
use integration_tests::world::{ALICE, BOB, START, Setup, World, keys, weak_passwords};
use tokio::task::yield_now;
use tokio::time::{self, Instant};

const EVERY: Duration = Duration::from_secs(900);
/// How long a user is left alone after a question that failed.
const HOLD_OFF: Duration = Duration::from_secs(10);

fn refused() -> Outcome<()> {
    Outcome::Deny(DenyReason::Disabled)
}

async fn token(site: &Tower, name: &str, password: &str) -> String {
    let login = Request::post("/login", &[("username", name), ("password", password)]);
    site.send(login).await.token().expect("a session")
}

fn who(token: &str) -> Request {
    Request::get("/who").cookie(token)
}

/// A site of which Alice's session is due, and the session.
async fn due(authority: &Authority) -> (World, Tower, String) {
    let world = authority.setup(Confirmation::every(EVERY)).world().await;
    let site = Tower::new(&world);
    let token = token(&site, "alice", ALICE).await;
    world.clock.advance(EVERY);
    world.events.take();
    (world, site, token)
}

/// Lets the hold-off pass, and those who waited for it run.
async fn hold_off() {
    time::advance(HOLD_OFF + Duration::from_millis(1)).await;
    settle().await;
}

/// Lets background tasks run, without moving the clock.
async fn settle() {
    for _ in 0..10 {
        yield_now().await;
    }
}

/// The parallel requests of a page share one question, and none is served before the answer.
#[tokio::test]
async fn nobody_slips_in_while_it_is_asked() {
    for (says, expected) in [(Outcome::Accept(()), "alice"), (refused(), "anonymous")] {
        let authority = Authority::default();
        let (world, site, token) = due(&authority).await;
        authority.says(says);
        authority.hold(true);
        let answer = async {
            authority.gate().reached().await;
            for _ in 0..100 {
                yield_now().await;
            }
            authority.gate().open();
        };
        let requests = (0..64).map(|_| site.send(who(&token)));
        let (answers, ()) = tokio::join!(join_all(requests), answer);
        assert!(answers.iter().all(|answer| answer.body == expected), "{expected}");
        assert_eq!((authority.asked(), world.store.count("update")), (1, u64::from(expected == "alice")));
    }
}

/// Two devices of one user at the same time: one question, whose answer counts for both.
#[tokio::test]
async fn two_devices_share_a_question() {
    for (says, expected) in [(Outcome::Accept(()), "alice"), (refused(), "anonymous")] {
        let authority = Authority::default();
        let (world, site, _) = due(&authority).await;
        let (desk, phone) = (token(&site, "alice", ALICE).await, token(&site, "alice", ALICE).await);
        world.clock.advance(EVERY);
        authority.says(says);
        authority.hold(true);
        let answer = async {
            authority.gate().reached().await;
            settle().await;
            authority.gate().open();
        };
        let (desk, phone, ()) = tokio::join!(site.send(who(&desk)), site.send(who(&phone)), answer);
        assert_eq!((desk.body, phone.body), (expected.into(), expected.into()));
        assert_eq!(authority.asked(), 1, "{expected}");
    }
}

/// A request that read its session before another instance had it confirmed, and would ask after it.
#[tokio::test]
async fn a_request_that_is_late_asks_nothing() {
    let authority = Authority::default();
    let (world, site, token) = due(&authority).await;
    let elsewhere = Tower::new(&authority.setup(Confirmation::every(EVERY)).restarted(&world));
    let other = async {
        // The late one has read its session, and is about to look at it again.
        world.store.hold("load");
        world.store.gate.reached().await;
        assert_eq!(elsewhere.send(who(&token)).await.body, "alice");
        assert_eq!(authority.asked(), 1);
        world.store.gate.open();
    };
    let (answer, ()) = tokio::join!(site.send(who(&token)), other);
    assert_eq!((answer.body, authority.asked()), ("alice".into(), 0));
}

/// A logout at another instance, while it is asked: the session does not come back by being confirmed.
#[tokio::test]
async fn a_logout_while_it_is_asked_is_one() {
    let authority = Authority::default();
    // So long that nothing but the confirmation writes to the session.
    let setup = authority.setup(Confirmation::every(EVERY)).sessions(|config| config.touch_every(EVERY * 2));
    let world = setup.world().await;
    let site = Tower::new(&world);
    let token = token(&site, "alice", ALICE).await;
    world.clock.advance(EVERY);
    let elsewhere = Tower::new(&Setup::default().restarted(&world));
    authority.hold(true);
    let logout = async {
        authority.gate().reached().await;
        assert_eq!(elsewhere.send(Request::post("/logout", &[]).cookie(&token)).await.status, 303);
        authority.gate().open();
    };
    let (answer, ()) = tokio::join!(site.send(who(&token)), logout);
    assert_eq!(answer.body, "anonymous");
    assert!(world.store.sessions.is_empty());
}

/// What others write to the session while it is asked stays, and so does the confirmation.
#[tokio::test]
async fn nothing_is_lost_to_a_confirmation() {
    let authority = Authority::default();
    let (world, site, token) = due(&authority).await;
    let elsewhere = Tower::new(&Setup::default().restarted(&world));
    authority.hold(true);
    let write = async {
        authority.gate().reached().await;
        let set = Request::post("/act/set", &[("name", "a"), ("value", "b")]).cookie(&token);
        assert_eq!(elsewhere.send(set).await.status, 200);
        authority.gate().open();
    };
    let set = Request::post("/act/set", &[("name", "c"), ("value", "d")]).cookie(&token);
    let (answer, ()) = tokio::join!(site.send(set), write);
    assert_eq!(answer.status, 200);
    for (name, value) in [("a", "b"), ("c", "d")] {
        let get = Request::get(&format!("/act/get?name={name}")).cookie(&token);
        assert_eq!(site.send(get).await.body, value);
    }
    assert_eq!(authority.asked(), 1);
}

/// Two instances on one store: what one was told counts at the other.
#[tokio::test]
async fn an_instance_sees_what_another_was_told() {
    let authority = Authority::default();
    let (world, site, token) = due(&authority).await;
    let other = authority.setup(Confirmation::every(EVERY)).restarted(&world);
    let elsewhere = Tower::new(&other);
    assert_eq!(site.send(who(&token)).await.body, "alice");
    assert_eq!((elsewhere.send(who(&token)).await.body, authority.asked()), ("alice".into(), 1));
    authority.knows_nobody();
    world.clock.advance(EVERY);
    assert_eq!(elsewhere.send(who(&token)).await.body, "anonymous");
    assert_eq!((site.send(who(&token)).await.body, authority.asked()), ("anonymous".into(), 1));
}

/// A question that hangs is waited for once, and not by every request; one failure is one event.
#[tokio::test]
async fn an_outage_holds_up_one_request() {
    let authority = Authority::default();
    let (world, site, token) = due(&authority).await;
    time::pause();
    authority.mode().set(Mode::Hangs);
    let start = Instant::now();
    assert_eq!(site.send(who(&token)).await.body, "alice");
    assert_eq!(start.elapsed().as_secs(), 5, "the backend's timeout");
    for _ in 0..10 {
        assert_eq!(site.send(who(&token)).await.body, "alice");
    }
    assert_eq!((start.elapsed().as_secs(), authority.asked()), (5, 1));
    assert_eq!(world.events.take(), ["the backend did not answer in time by local of 1"]);
    authority.mode().set(Mode::Works);
    authority.says(refused());
    hold_off().await;
    assert_eq!(site.send(who(&token)).await.body, "anonymous", "as soon as there is an answer");
}

/// Clients that give up before the timeout do not keep everybody from learning that nobody answers.
#[tokio::test]
async fn a_client_that_goes_away_does_not_end_the_question() {
    let authority = Authority::default();
    let (world, site, token) = due(&authority).await;
    time::pause();
    authority.mode().set(Mode::Hangs);
    assert!(Abandoned::after(1, site.send(who(&token))).await.is_none());
    settle().await;
    time::advance(Duration::from_secs(6)).await;
    settle().await;
    let start = Instant::now();
    assert_eq!(site.send(who(&token)).await.body, "alice");
    assert_eq!((start.elapsed(), authority.asked()), (Duration::ZERO, 1));
    assert_eq!(world.events.take(), ["the backend did not answer in time by local of 1"]);
}

/// Nor does it keep its session.
#[tokio::test]
async fn a_refusal_counts_whoever_hears_it() {
    let authority = Authority::default();
    let (world, site, token) = due(&authority).await;
    authority.says(refused());
    authority.hold(true);
    assert!(Abandoned::after(1, site.send(who(&token))).await.is_none());
    authority.gate().open();
    settle().await;
    assert!(world.store.sessions.is_empty());
}

/// Five failures within ten seconds, and the outside system is left alone, whoever comes.
#[tokio::test]
async fn an_outside_system_that_keeps_failing_is_left_alone() {
    let authority = Authority::default();
    let (world, site, alice) = due(&authority).await;
    let bob = token(&site, "bob", BOB).await;
    time::pause();
    authority.mode().set(Mode::Fails);
    for _ in 0..5 {
        assert_eq!(site.send(who(&alice)).await.body, "alice");
        hold_off().await;
    }
    assert_eq!(authority.asked(), 5);
    authority.mode().set(Mode::Works);
    authority.says(refused());
    world.clock.advance(Duration::from_secs(4));
    assert_eq!((site.send(who(&alice)).await.body, authority.asked()), ("alice".into(), 0));
    assert_eq!(site.send(who(&bob)).await.body, "bob");
    world.clock.advance(Duration::from_secs(1));
    hold_off().await;
    assert_eq!(
        (site.send(who(&alice)).await.body, authority.asked()),
        ("anonymous".into(), 1),
        "it is probed"
    );
}

/// A clock that goes back keeps no confirmation, and no session.
#[tokio::test]
async fn a_clock_that_goes_back_extends_no_confirmation() {
    let authority = Authority::default();
    let (world, site, token) = due(&authority).await;
    assert_eq!((site.send(who(&token)).await.body, authority.asked()), ("alice".into(), 1));
    authority.says(refused());
    world.clock.set(Timestamp::from_secs(START.as_millis() / 1000));
    assert_eq!(site.send(who(&token)).await.body, "anonymous", "not believed");
    assert_eq!((world.store.sessions.len(), authority.asked()), (1, 0), "the record is kept");
    world.clock.set(START.plus(EVERY * 2));
    assert_eq!((site.send(who(&token)).await.body, authority.asked()), ("anonymous".into(), 1));
    assert!(world.store.sessions.is_empty());
}

/// A store that cannot be written to ends nobody's session for a user who was confirmed, and keeps none who was refused.
#[tokio::test]
async fn a_store_that_cannot_write_decides_nothing() {
    let authority = Authority::default();
    let (world, site, token) = due(&authority).await;
    world.store.writes.set(Mode::Fails);
    assert_eq!(site.send(who(&token)).await.body, "alice");
    authority.says(refused());
    for _ in 0..2 {
        assert_eq!(site.send(who(&token)).await.body, "anonymous", "at each request, it is still due");
    }
    world.store.writes.set(Mode::Works);
    assert_eq!(site.send(who(&token)).await.body, "anonymous");
    assert_eq!((world.store.sessions.len(), authority.asked()), (0, 4));
}

/// A user who is kept in memory is not served past a confirmation.
#[tokio::test]
async fn the_user_cache_hides_no_change() {
    let authority = Authority::default();
    let inner = authority.clone();
    let setup = Setup::default().configure(move |auth| {
        let often = Confirmation::every(Duration::from_secs(20));
        auth.cache_users(UserCache::new()).confirm("local", inner.clone(), often)
    });
    let world = setup.world().await;
    let site = Tower::new(&world);
    let token = token(&site, "alice", ALICE).await;
    let both = async || site.send(Request::get("/both").cookie(&token)).await.status;
    assert_eq!(both().await, 200);
    // As the update that comes with a confirmation does.
    world.users.users.change("alice", |alice| alice.permissions = &[]);
    world.clock.advance(Duration::from_secs(14));
    assert_eq!((both().await, authority.asked()), (200, 0), "kept");
    world.clock.advance(Duration::from_secs(6));
    assert_eq!((both().await, authority.asked()), (403, 1));
}

/// Ids are only one backend's: who is refused by one is not who has the same id at another, and only the users of the
/// named backend are asked about.
#[tokio::test]
async fn equal_ids_of_two_backends_are_two_users() {
    let (one, two) = (MemoryBackend::new(weak_passwords()), MemoryBackend::new(weak_passwords()));
    one.insert("anna", &Secret::new("a"), Account::new(1, "anna")).await.unwrap();
    two.insert("bert", &Secret::new("b"), Account::new(1, "bert")).await.unwrap();
    let (world, authority) = (Setup::default().world().await, Authority::default());
    let auth = Auth::builder()
        .backend::<Password>("one", one)
        .backend::<Password>("two", two)
        .confirm("one", authority.clone(), Confirmation::every(EVERY))
        .sessions(world.store.clone(), SessionConfig::new(keys()))
        .clock(world.clock.clone())
        .build()
        .unwrap();
    let both = World { auth, ..world.clone() };
    on_tower(&both, async |mut anna| {
        let mut bert = anna.another();
        anna.login("anna", "a").await;
        bert.login("bert", "b").await;
        authority.says(refused());
        world.clock.advance(EVERY);
        assert_eq!((bert.who().await, authority.asked()), ("bert".into(), 0), "nobody confirms him");
        assert_eq!((anna.who().await, bert.who().await), ("anonymous".into(), "bert".into()));
        assert_eq!(authority.asked(), 1);
    })
    .await;
}
