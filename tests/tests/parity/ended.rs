//! Connections that outlive their request learn when their caller's session ends.

use std::time::Duration;

use auth_core::UserId;
use auth_core::api_keys::NewApiKey;
use auth_core::grant::Scopes;
use auth_core::session::SessionConfig;
use integration_tests::accounts::Account;
use integration_tests::client::{Client, everywhere};
use integration_tests::faults::Mode;
use integration_tests::site::Request;
use integration_tests::world::{ALICE, Setup, World};

const HOUR: Duration = Duration::from_secs(3_600);

/// Holds a connection of this request while something else happens, and says why it was closed.
async fn hold(
    client: &mut Client<'_>,
    request: Request,
    meanwhile: impl AsyncFnOnce(&mut Client<'_>),
) -> String {
    // Everything is in memory from here on, and each look is a second after the one before.
    tokio::time::pause();
    let connection = client.copy();
    let cookie = client.jar.line().unwrap_or_default();
    let (answer, ()) = tokio::join!(connection.probe(request.with("cookie", cookie)), async {
        client.world.gate.reached().await;
        client.world.gate.open();
        looks(client.world, 2).await;
        meanwhile(client).await;
    });
    tokio::time::resume();
    answer.body
}

fn connect() -> Request {
    Request::get("/act/ended")
}

/// Waits for so many more looks.
async fn looks(world: &World, more: u64) {
    let until = world.users.loads() + more;
    while world.users.loads() < until {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn change(world: &World, change: impl FnOnce(&mut Account)) {
    assert!(world.users.users.change("alice", change));
}

#[tokio::test]
async fn nobody_is_let_go_at_once() {
    everywhere(Setup::default(), async |client| {
        let answer = client.probe(connect()).await;
        assert_eq!(answer.body, "SignedOut");
    })
    .await;
}

/// By whatever the session ends.
#[tokio::test]
async fn it_is_told_when_the_session_ends() {
    everywhere(Setup::default(), async |mut client| {
        client.login("alice", ALICE).await;
        let closed = hold(&mut client, connect(), async |client| {
            assert_eq!(client.post("/logout", &[]).await.status, 303);
        })
        .await;
        assert_eq!(closed, "SignedOut", "logged out in another tab");

        client.login("alice", ALICE).await;
        let mut other = client.another();
        other.login("alice", ALICE).await;
        let closed = hold(&mut client, connect(), async |_| {
            assert_eq!(other.post("/act/others", &[]).await.body, "1");
        })
        .await;
        assert_eq!(closed, "SignedOut", "ended from another device");

        client.login("alice", ALICE).await;
        let closed = hold(&mut client, connect(), async |client| {
            change(client.world, |alice| alice.stamp = b"another password".to_vec());
        })
        .await;
        assert_eq!(closed, "SignedOut", "the password was changed");

        client.login("alice", ALICE).await;
        let closed =
            hold(&mut client, connect(), async |client| change(client.world, |alice| alice.active = false))
                .await;
        assert_eq!(closed, "SignedOut", "disabled");
    })
    .await;
}

/// A session that goes on under a new id is the same one.
#[tokio::test]
async fn a_rotation_does_not_cut_it() {
    everywhere(Setup::default(), async |mut client| {
        client.login("alice", ALICE).await;
        let closed = hold(&mut client, connect(), async |client| {
            for _ in 0..2 {
                let before = client.jar.token().map(ToOwned::to_owned);
                assert_eq!(client.get("/act/rotate").await.body, "rotated");
                assert_ne!(client.jar.token(), before.as_deref());
                looks(client.world, 2).await;
            }
            assert_eq!(client.post("/logout", &[]).await.status, 303);
        })
        .await;
        assert_eq!(closed, "SignedOut");
    })
    .await;
}

/// Who only listens is idle: an open page must not keep a session for ever.
#[tokio::test]
async fn looking_is_no_use_of_the_session() {
    let setup = Setup::default().sessions(|config: SessionConfig| config.idle_timeout(HOUR));
    everywhere(setup, async |mut client| {
        client.login("alice", ALICE).await;
        let closed = hold(&mut client, connect(), async |client| {
            client.world.clock.advance(HOUR / 2);
            looks(client.world, 2).await;
            client.world.clock.advance(HOUR / 2 + Duration::from_secs(1));
        })
        .await;
        assert_eq!(closed, "SignedOut");
    })
    .await;
}

/// What cannot be looked at may have ended.
#[tokio::test]
async fn an_outage_closes_it_and_says_so() {
    everywhere(Setup::default(), async |mut client| {
        client.login("alice", ALICE).await;
        let closed =
            hold(&mut client, connect(), async |client| client.world.store.reads.set(Mode::Fails)).await;
        assert_eq!(closed, "Unknown Unavailable");
        client.world.store.reads.set(Mode::Works);
        let closed =
            hold(&mut client, connect(), async |client| client.world.users.loading.set(Mode::Fails)).await;
        assert_eq!(closed, "Unknown Unavailable");
        client.world.users.loading.set(Mode::Works);
        assert_eq!(client.who().await, "alice", "and nobody was logged out by it");
    })
    .await;
}

/// Credentials of the request itself: they end with their user, and when they expire.
#[tokio::test]
async fn credentials_end_with_their_user_and_their_time() {
    everywhere(Setup::default().api_keys(), async |mut client| {
        let basic = connect().basic("alice", ALICE);
        let closed =
            hold(&mut client, basic, async |client| change(client.world, |alice| alice.active = false)).await;
        assert_eq!(closed, "SignedOut");
        change(client.world, |alice| alice.active = true);

        let key = key(client.world).await;
        let by_key = connect().with("x-api-key", key);
        let closed = hold(&mut client, by_key, async |client| client.world.clock.advance(HOUR)).await;
        assert_eq!(closed, "SignedOut");
    })
    .await;
}

/// A key of Alice's that is good for an hour.
async fn key(world: &World) -> String {
    let keys = world.keys.as_ref().expect("a site with API keys");
    let new = NewApiKey::new("stream").expect("a name").scopes(Scopes::all()).lifetime(HOUR);
    let created = keys.create_for("local", &UserId::from(1), new).await.expect("a key");
    created.key().expose().to_owned()
}
