//! Sessions whose users an outside system confirms from time to time. Races are in `known_attacks`.

use std::time::Duration;

use auth_core::backend::{Confirmation, DenyReason, Outcome};
use integration_tests::authority::Authority;
use integration_tests::client::{Client, everywhere};
use integration_tests::expected::{anonymous, personal, problem, to_login};
use integration_tests::faults::Mode;
use integration_tests::site::Request;
use integration_tests::world::{ALICE, BOB};
use tokio::task::yield_now;
use tokio::time;

const EVERY: Duration = Duration::from_secs(900);
/// The longest time after which no session is due.
const NOT_YET: Duration = Duration::from_millis(674_999);
const HALF_HOUR: Duration = Duration::from_secs(1_800);
/// Longer than a user, or an outside system that failed, is left alone.
const LEFT_ALONE: Duration = Duration::from_secs(120);

/// An authority for each site, and what is sent to it.
async fn everywhere_confirmed(confirmation: Confirmation, script: impl AsyncFn(Client<'_>, &Authority)) {
    let authority = Authority::default();
    everywhere(authority.setup(confirmation), async |client| {
        authority.says(Outcome::Accept(()));
        authority.mode().set(Mode::Works);
        authority.asked();
        script(client, &authority).await;
    })
    .await;
}

/// Lets time pass by both clocks.
async fn pass(client: &Client<'_>, by: Duration) {
    client.world.clock.advance(by);
    time::pause();
    time::advance(LEFT_ALONE).await;
    // Those who slept run.
    yield_now().await;
    time::resume();
}

/// Whoever is disabled, or unknown, out there: all their sessions end with the request that is due, and nobody else's.
#[tokio::test]
async fn who_is_not_confirmed_is_nobody() {
    let table = [
        ("Some(Disabled)", Outcome::Deny(DenyReason::Disabled)),
        ("None", Outcome::Decline(auth_core::backend::DeclineReason::UnknownUser)),
    ];
    for (why, says) in table {
        everywhere_confirmed(Confirmation::every(EVERY), async |mut desk, authority| {
            let (mut phone, mut bob) = (desk.another(), desk.another());
            desk.login("alice", ALICE).await;
            phone.login("alice", ALICE).await;
            bob.login("bob", BOB).await;
            authority.says(says.clone());
            desk.world.clock.advance(NOT_YET);
            assert_eq!((desk.get("/who").await, authority.asked()), (personal("alice"), 0), "{why}: not due");
            desk.world.clock.advance(EVERY / 2);
            desk.world.events.take();
            assert_eq!(desk.get("/who").await, anonymous("anonymous"), "{why}");
            let ended = format!("session ended: NotConfirmed({why}) by local of 1");
            assert_eq!(desk.world.events.take(), [ended], "{why}");
            assert_eq!(desk.world.store.sessions.len(), 1, "{why}: Bob's");
            assert_eq!(
                phone.send(Request::get("/private").navigating()).await,
                to_login("/login?next=/private")
            );
            assert_eq!(authority.asked(), 1, "{why}: once for both");
            authority.says(Outcome::Accept(()));
            assert_eq!(bob.get("/who").await, personal("bob"));
            desk.login("alice", ALICE).await;
            assert_eq!(desk.get("/who").await, personal("alice"), "{why}: enabled again");
        })
        .await;
    }
}

/// A confirmation is one question in each interval, one write, and no login.
#[tokio::test]
async fn a_confirmation_lasts_for_the_interval() {
    everywhere_confirmed(Confirmation::every(EVERY), async |mut client, authority| {
        client.login("alice", ALICE).await;
        client.world.events.take();
        for _ in 0..5 {
            client.world.clock.advance(EVERY);
            let writes = client.world.store.count("update");
            for page in ["/who", "/private", "/both"] {
                assert_eq!(client.get(page).await.status, 200);
            }
            assert_eq!((authority.asked(), client.world.store.count("update") - writes), (1, 1));
        }
        assert_eq!(client.world.events.take(), [""; 0]);
        assert_eq!(client.get("/fresh").await.status, 401, "nobody proved who they are again");
        let mut other = client.another();
        other.get("/who").await;
        assert_eq!(authority.asked(), 0, "nobody is nobody to ask about");
    })
    .await;
}

/// An outage is no logout: the session goes on for the grace, then 503, and goes on again afterwards.
#[tokio::test]
async fn an_outage_is_borne_up_to_the_grace() {
    for mode in [Mode::Fails, Mode::Panics] {
        let confirmation = Confirmation::every(EVERY).grace(HALF_HOUR);
        everywhere_confirmed(confirmation, async |mut client, authority| {
            client.login("alice", ALICE).await;
            authority.mode().set(mode);
            pass(&client, EVERY).await;
            for _ in 0..3 {
                assert_eq!(client.get("/who").await, personal("alice"), "{mode:?}: within the grace");
                pass(&client, Duration::from_secs(599)).await;
            }
            assert_eq!(client.get("/private").await, personal("secret"), "{mode:?}: its last seconds");
            pass(&client, Duration::from_secs(3)).await;
            for _ in 0..3 {
                assert_eq!(client.get("/who").await, problem(503), "{mode:?}: after it");
                pass(&client, EVERY / 2).await;
            }
            assert!(client.jar.token().is_some() && client.world.store.sessions.len() == 1, "{mode:?}");
            authority.mode().set(Mode::Works);
            assert_eq!(client.get("/who").await, personal("alice"), "{mode:?}: back");
        })
        .await;
    }
}

/// Without a grace nobody goes on unconfirmed.
#[tokio::test]
async fn without_a_grace_an_outage_is_a_503_at_once() {
    let confirmation = Confirmation::every(EVERY).grace(Duration::ZERO);
    everywhere_confirmed(confirmation, async |mut client, authority| {
        client.login("alice", ALICE).await;
        authority.mode().set(Mode::Fails);
        client.world.clock.advance(EVERY);
        assert_eq!(client.get("/who").await, problem(503));
        assert_eq!(client.another().get("/who").await, anonymous("anonymous"));
        authority.mode().set(Mode::Works);
        authority.knows_nobody();
        pass(&client, LEFT_ALONE).await;
        assert_eq!(
            client.get("/who").await,
            anonymous("anonymous"),
            "an answer ends what the outage did not"
        );
    })
    .await;
}
