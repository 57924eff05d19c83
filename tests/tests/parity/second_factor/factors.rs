//! What users do with their own factors.

use integration_tests::client::{Client, everywhere};
use integration_tests::world::{BOB, Setup};

use super::{MINUTE, act, begin, pending, required, send_code, setup, sign_in, sign_in_with_code};

/// The id of the first factor of the caller's that is of this kind.
async fn id_of(client: &mut Client<'_>, kind: &str) -> String {
    let list = client.get("/act/factors").await.body;
    let found = list.split(", ").find(|factor| factor.contains(kind));
    found.unwrap_or_else(|| panic!("{kind}: {list:?}")).split(' ').next().unwrap().to_owned()
}

#[tokio::test]
async fn changes_need_a_fresh_proof() {
    everywhere(setup(), async |mut client| {
        client.world.enrol(1).await;
        sign_in_with_code(&mut client).await;
        let id = id_of(&mut client, "Totp").await;
        client.world.clock.advance(MINUTE * 16);
        let changes = ["enrol", "confirm", "recovery-codes", "rename-factor", "remove-factor"];
        for change in changes {
            let answer =
                act(&mut client, change, &[("id", &id), ("name", "other"), ("code", "123456")]).await;
            assert_eq!(answer.status, 401, "{change}: {answer:?}");
        }
        assert_eq!(id_of(&mut client, "Totp phone").await, id, "to look needs none");
        let code = client.world.code();
        assert_eq!(send_code(&mut client, &code).await.status, 303);
        assert_eq!(
            act(&mut client, "rename-factor", &[("id", &id), ("name", "old phone")]).await.body,
            "renamed"
        );
        assert_eq!(id_of(&mut client, "Totp old phone").await, id);
        for (id, name, status) in [("00000000000", "x", 404), (&*id, "", 400)] {
            assert_eq!(act(&mut client, "rename-factor", &[("id", id), ("name", name)]).await.status, status);
        }
    })
    .await;
}

/// Each is an event, to write a mail about.
#[tokio::test]
async fn recovery_codes_are_good_once_and_go_with_the_last_factor() {
    everywhere(setup(), async |mut client| {
        sign_in(&mut client, "bob", BOB).await;
        let none = act(&mut client, "recovery-codes", &[]).await;
        assert_eq!(none.status, 404, "there is nothing that they could stand in for");
        client.world.enrol(1).await;
        sign_in_with_code(&mut client).await;
        let codes = act(&mut client, "recovery-codes", &[]).await.body;
        let codes: Vec<&str> = codes.split(' ').collect();
        assert_eq!(codes.len(), 10);
        let mut other = client.another();
        begin(&mut other).await;
        assert_eq!(pending(&mut other).await, "alice [SecondFactor] {Totp, RecoveryCodes}");
        assert_eq!(send_code(&mut other, &codes[3].to_lowercase()).await.status, 303);
        assert_eq!(other.get("/act/grant").await.body, "Session [Password, RecoveryCode] Scopes(all) None");
        let mut third = client.another();
        begin(&mut third).await;
        assert_eq!(send_code(&mut third, codes[3]).await.status, 401, "it is used");
        let newer = act(&mut client, "recovery-codes", &[]).await.body;
        assert_eq!(send_code(&mut third, codes[4]).await.status, 401, "new ones kill the old ones");
        client.world.events.take();
        let id = id_of(&mut client, "Totp").await;
        assert_eq!(act(&mut client, "remove-factor", &[("id", &id)]).await.body, "removed");
        let removed = [
            "second factors changed: Removed(Totp) by local of 1",
            "second factors changed: Removed(RecoveryCodes) by local of 1",
        ];
        assert_eq!(client.world.events.take(), removed);
        assert_eq!(client.get("/act/factors").await.body, "");
        assert_eq!(client.who().await, "alice");
        assert_eq!(
            send_code(&mut third, newer.split(' ').next().unwrap()).await.status,
            404,
            "nothing is left"
        );
        assert_eq!(
            act(&mut third, "finish", &[("next", "/me")]).await.one("location"),
            "/me",
            "nor is anything asked for"
        );
    })
    .await;
}

#[tokio::test]
async fn the_last_factor_that_a_policy_demands_stays() {
    everywhere(Setup::default().second_factor(required), async |mut client| {
        client.world.enrol(1).await;
        sign_in_with_code(&mut client).await;
        act(&mut client, "recovery-codes", &[]).await;
        let id = id_of(&mut client, "Totp").await;
        let refused = act(&mut client, "remove-factor", &[("id", &id)]).await;
        assert_eq!(refused.status, 409, "{refused:?}");
        let codes = id_of(&mut client, "RecoveryCodes").await;
        assert_eq!(
            act(&mut client, "remove-factor", &[("id", &codes)]).await.body,
            "removed",
            "these are no factor"
        );
        client.world.enrol(1).await;
        assert_eq!(
            act(&mut client, "remove-factor", &[("id", &id)]).await.body,
            "removed",
            "another one is left"
        );
        assert_eq!(client.who().await, "alice");
    })
    .await;
}

/// A user's ids name nothing of another's.
#[tokio::test]
async fn nobody_changes_anothers_factors() {
    everywhere(setup(), async |mut client| {
        client.world.enrol(1).await;
        sign_in_with_code(&mut client).await;
        let id = id_of(&mut client, "Totp").await;
        let mut bob = client.another();
        sign_in(&mut bob, "bob", BOB).await;
        for change in ["rename-factor", "remove-factor", "confirm"] {
            let answer = act(&mut bob, change, &[("id", &id), ("name", "mine"), ("code", "123456")]).await;
            assert_eq!(answer.status, 404, "{change}: {answer:?}");
        }
        assert_eq!(id_of(&mut client, "Totp phone").await, id);
        let mut stranger = client.another();
        for change in ["factors", "enrol", "recovery-codes", "remove-factor"] {
            assert_eq!(act(&mut stranger, change, &[("id", &id)]).await.status, 401, "{change}");
        }
        // Of the session, and of nothing else that the request brings.
        let basic = integration_tests::site::Request::post("/act/enrol", &[("name", "x")]).basic("bob", BOB);
        assert_eq!(stranger.bare(basic).await.status, 401);
    })
    .await;
}
