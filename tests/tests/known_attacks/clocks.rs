//! Clocks that jump.

use std::time::Duration;

use auth_core::time::Timestamp;
use integration_tests::client::{Client, everywhere};
use integration_tests::site::{Request, Site};
use integration_tests::tower::Tower;
use integration_tests::world::{ALICE, START, Setup};

const MINUTE: Duration = Duration::from_secs(60);

async fn who(client: &Client<'_>, token: &str) -> String {
    client.bare(Request::get("/who").cookie(token)).await.body
}

/// A clock that went back an hour makes no session longer: it is not believed until its time comes again.
#[tokio::test]
async fn a_clock_that_goes_back_extends_nothing() {
    everywhere(Setup::default(), async |client| {
        let token = client.another().login("alice", ALICE).await;
        let clock = &client.world.clock;
        clock.set(Timestamp::from_secs(START.as_millis() / 1000 - 3_600));
        assert_eq!(who(&client, &token).await, "anonymous");
        assert_eq!(client.world.store.sessions.len(), 1, "the record is kept");
        clock.set(Timestamp::from_secs(START.as_millis() / 1000 - 60));
        assert_eq!(who(&client, &token).await, "alice", "servers' clocks may differ by a minute");
        clock.set(START);
        assert_eq!(who(&client, &token).await, "alice");
        clock.advance(MINUTE * 60);
        assert_eq!(who(&client, &token).await, "anonymous", "an hour after the only login");
    })
    .await;
}

/// A clock that jumps ahead ends sessions and breaks nothing.
#[tokio::test]
async fn a_clock_that_jumps_ahead_panics_nowhere() {
    let setup = Setup::default().sessions(|sessions| sessions.rotate_every(MINUTE));
    let ten_years = START.plus(MINUTE * 60 * 24 * 365 * 10);
    everywhere(setup, async |client| {
        for end in [ten_years, Timestamp::from_millis(u64::MAX - 1), Timestamp::from_millis(u64::MAX)] {
            let token = client.another().login("alice", ALICE).await;
            client.world.clock.set(end);
            assert_eq!(who(&client, &token).await, "anonymous");
            let basic = client.bare(Request::get("/who").basic("alice", ALICE)).await;
            assert_eq!(basic.body, "alice", "at {end:?}");
            client.world.clock.set(START);
        }
    })
    .await;
}

/// Whatever the clock does in between, an unused session is over once its hour is, and a used one once its day is.
#[tokio::test]
async fn no_sequence_of_steps_outlives_the_limits() {
    everywhere(Setup::default(), async |client| {
        let token = client.another().login("alice", ALICE).await;
        let clock = &client.world.clock;
        let day = START.plus(MINUTE * 24 * 60);
        let mut now = START;
        for step in 0..60_u32 {
            let back = now.as_millis().saturating_sub(u64::from(step % 7) * 600_000);
            clock.set(Timestamp::from_millis(back));
            who(&client, &token).await;
            clock.set(now);
            assert_eq!(who(&client, &token).await == "alice", now < day, "step {step}");
            now = now.plus(MINUTE * 30);
        }
    })
    .await;
}

/// Limits that are made shorter hold for the sessions that began under the longer ones.
#[tokio::test]
async fn shorter_limits_hold_for_older_sessions() {
    let world = Setup::default().world().await;
    let site = Tower::new(&world);
    let login = Request::post("/login", &[("username", "alice"), ("password", ALICE)]);
    let token = site.send(login).await.token().unwrap();
    let shorter =
        Setup::default().sessions(|sessions| sessions.absolute_timeout(MINUTE * 10)).restarted(&world);
    let shorter = Tower::new(&shorter);
    world.clock.advance(MINUTE * 9);
    assert_eq!(shorter.send(Request::get("/who").cookie(&token)).await.body, "alice");
    world.clock.advance(MINUTE);
    assert_eq!(site.send(Request::get("/who").cookie(&token)).await.body, "alice");
    assert_eq!(shorter.send(Request::get("/who").cookie(&token)).await.body, "anonymous");
}

/// Remembered credentials do not last longer either.
#[tokio::test]
async fn remembered_credentials_are_not_extended_by_the_clock() {
    everywhere(Setup::default(), async |client| {
        let world = client.world;
        let basic = || Request::get("/who").basic("alice", ALICE);
        client.bare(basic()).await;
        let runs = world.passwords.runs();
        world.clock.set(Timestamp::from_secs(START.as_millis() / 1000 - 3_600));
        assert_eq!(client.bare(basic()).await.body, "alice");
        assert_eq!(world.passwords.runs(), runs + 1, "what was remembered is from the future");
    })
    .await;
}
