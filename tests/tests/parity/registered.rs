//! Who has just registered is signed in by the store's word, and by nothing less.

use auth_core::second_factor::Needs;
use integration_tests::client::{Client, everywhere};
use integration_tests::faults::Mode;
use integration_tests::site::{Answer, Request};
use integration_tests::world::{ALICE, Setup};

async fn register(client: &mut Client<'_>, fields: &[(&str, &str)]) -> Answer {
    client.send(Request::post("/act/register", fields).navigating()).await
}

/// No password is judged: this user has none.
#[tokio::test]
async fn a_new_user_is_signed_in_without_their_password() {
    everywhere(Setup::default(), async |mut client| {
        let answer = register(&mut client, &[("name", "flora"), ("next", "/me?x=1")]).await;
        assert_eq!((answer.status, answer.one("location")), (303, "/me?x=1"));
        assert_eq!(client.who().await, "flora");
        assert_eq!(client.get("/act/grant").await.body, "Session [Password] Scopes(all) None");
        assert_eq!(client.world.events.take(), ["session started by local of 6"]);
        assert_eq!(client.get("/fresh").await.status, 200, "choosing a password is a proof, just now");
    })
    .await;
}

/// Whoever was signed in here before is signed out, under a new id (session fixation).
#[tokio::test]
async fn it_begins_a_session_of_its_own() {
    everywhere(Setup::default(), async |mut client| {
        let before = client.login("alice", ALICE).await;
        let mut stolen = client.copy();
        register(&mut client, &[("name", "flora")]).await;
        assert_ne!(client.jar.token(), Some(before.as_str()));
        assert_eq!(client.who().await, "flora");
        assert_eq!(stolen.who().await, "anonymous");
    })
    .await;
}

/// A store says that it created somebody. Whether the chain knows them by that name is looked up.
#[tokio::test]
async fn nobody_is_signed_in_whom_the_backend_does_not_know_so() {
    let cases: [&[(&str, &str)]; 4] = [
        &[("name", "flora"), ("backend", "another")],
        &[("name", "flora"), ("lost", "yes")],
        &[("name", "flora"), ("stamp", "of another table's user 6")],
        &[("name", "flora"), ("inactive", "yes")],
    ];
    for fields in cases {
        everywhere(Setup::default(), async |mut client| {
            let answer = register(&mut client, fields).await;
            assert_eq!((answer.status, client.jar.token()), (500, None), "{fields:?}");
            assert_eq!(client.who().await, "anonymous", "{fields:?}");
        })
        .await;
    }
}

#[tokio::test]
async fn an_outage_is_no_answer() {
    everywhere(Setup::default(), async |mut client| {
        client.world.users.loading.set(Mode::Fails);
        assert_eq!(register(&mut client, &[("name", "flora")]).await.status, 503);
        client.world.users.loading.set(Mode::Works);
        client.world.store.writes.set(Mode::Fails);
        assert_eq!(register(&mut client, &[("name", "flora")]).await.status, 503);
        assert_eq!(client.who().await, "anonymous");
    })
    .await;
}

/// A form on another site must not sign its visitor in as an account that its author knows.
#[tokio::test]
async fn another_site_signs_nobody_in() {
    everywhere(Setup::default(), async |mut client| {
        let request =
            Request::post("/act/register", &[("name", "flora")]).with("sec-fetch-site", "cross-site");
        let answer = client.send(request.navigating()).await;
        assert_eq!((answer.status, client.jar.token()), (403, None));
    })
    .await;
}

/// The password is one factor: where a second one is asked for, the login waits for it.
#[tokio::test]
async fn a_second_factor_is_asked_for_all_the_same() {
    everywhere(Setup::default().second_factor(|_, _| Needs::second_factor()), async |mut client| {
        let answer = register(&mut client, &[("name", "flora")]).await;
        assert_eq!((answer.status, answer.one("location")), (303, "/login/factor"));
        assert_eq!(client.who().await, "anonymous");
        assert!(client.get("/act/pending").await.body.starts_with("flora "));
    })
    .await;
}
