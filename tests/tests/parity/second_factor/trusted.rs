//! Browsers in which the second factor is not asked for again.

use integration_tests::client::{Client, everywhere};
use integration_tests::world::{ALICE, BOB, TRUSTED};

use super::{MINUTE, act, begin, get, pending, setup, sign_in, sign_in_with_code};

/// Alice's browser, which she trusts, after she left.
async fn trust(client: &mut Client<'_>) {
    client.world.enrol(1).await;
    sign_in_with_code(client).await;
    assert_eq!(act(client, "trust", &[("name", "")]).await.body, "trusted");
    act(client, "logout", &[]).await;
}

/// Whether she comes in by her password alone.
async fn comes_in(client: &mut Client<'_>) -> bool {
    let to = sign_in(client, "alice", ALICE).await.one("location").to_owned();
    let who = client.who().await;
    act(client, "logout", &[]).await;
    assert_eq!(to == "/me?x=1", who == "alice", "{to}");
    who == "alice"
}

#[tokio::test]
async fn the_factor_is_not_asked_for_again_in_this_browser_alone() {
    everywhere(setup(), async |mut client| {
        trust(&mut client).await;
        let set = client.jar.line().unwrap();
        assert!(set.starts_with("__Host-auth-core-trusted-"), "{set}");
        assert!(comes_in(&mut client).await);
        assert!(!comes_in(&mut client.another()).await, "another browser");
        // The cookie is hers: in the same browser it opens nothing to others.
        client.world.enrol(2).await;
        sign_in(&mut client, "bob", BOB).await;
        assert_eq!(pending(&mut client).await, "bob [SecondFactor] {Totp}");
        act(&mut client, "logout", &[]).await;
        client.world.clock.advance(TRUSTED.saturating_sub(MINUTE * 2));
        assert!(comes_in(&mut client).await);
        client.world.clock.advance(MINUTE * 2);
        assert!(!comes_in(&mut client).await, "it is over");
    })
    .await;
}

/// It stands in for the factor at the login, and proves nothing.
#[tokio::test]
async fn trust_is_no_proof() {
    everywhere(setup(), async |mut client| {
        trust(&mut client).await;
        sign_in(&mut client, "alice", ALICE).await;
        assert_eq!(client.get("/private").await.status, 200);
        for route in ["/two", "/code", "/verified"] {
            assert_eq!(client.get(route).await.status, 401, "{route}");
            assert_eq!(
                client.send(get(route).navigating()).await.one("location"),
                format!("/login/factor?next={route}")
            );
        }
        assert_eq!(
            act(&mut client, "trust", &[]).await.status,
            401,
            "nor does it make another browser trusted"
        );
        let basic =
            client.bare(get("/me").basic("alice", ALICE).with("cookie", client.jar.line().unwrap())).await;
        assert_eq!(basic.status, 401, "a program's request is no browser's: {basic:?}");
        let mut other = client.another();
        begin(&mut other).await;
        assert_eq!(act(&mut other, "trust", &[]).await.status, 401, "nor can a login that waits");
        let nobody = act(&mut client.another(), "trust", &[]).await;
        assert_eq!(nobody.status, 401);
    })
    .await;
}

#[tokio::test]
async fn it_ends_with_what_it_stands_on() {
    // What ends it, and whether she signs in by her old password after that.
    let ends = [
        ("a new password", "password"),
        ("signed out everywhere", "others"),
        ("new recovery codes", "recovery-codes"),
        ("another app", "enrol"),
    ];
    let fields = [("new", ALICE), ("name", "other")];
    for (what, action) in ends {
        everywhere(setup(), async |mut client| {
            trust(&mut client).await;
            assert!(comes_in(&mut client).await, "{what}");
            let mut other = client.another();
            sign_in_with_code(&mut other).await;
            let done = act(&mut other, action, &fields).await;
            assert_eq!(done.status, 200, "{what}: {done:?}");
            if action == "enrol" {
                let (id, secret) = done.body.split_once(' ').unwrap();
                assert!(comes_in(&mut client).await, "{what}: it is not confirmed yet");
                let app: auth_core::factors::Totp = secret.parse().unwrap();
                let code = app.code(auth_core::time::Clock::now(&*client.world.clock));
                act(&mut other, "confirm", &[("id", id), ("code", code.expose())]).await;
            }
            assert!(!comes_in(&mut client).await, "{what}");
        })
        .await;
    }
}

/// Sessions that began by it end with it, too: they are nobody's until the factor is given.
#[tokio::test]
async fn sessions_that_began_by_trust_are_asked_when_it_ends() {
    everywhere(setup(), async |mut client| {
        trust(&mut client).await;
        sign_in(&mut client, "alice", ALICE).await;
        assert_eq!(client.who().await, "alice");
        let mut other = client.another();
        sign_in_with_code(&mut other).await;
        act(&mut other, "recovery-codes", &[]).await;
        assert_eq!((client.who().await.as_str(), &*other.who().await), ("anonymous", "alice"));
        assert_eq!(other.get("/act/trusted").await.body, "0");
        // A list of factors has none of them.
        sign_in_with_code(&mut client).await;
        act(&mut client, "trust", &[("name", "Firefox")]).await;
        let list = client.get("/act/factors").await.body;
        assert_eq!((client.get("/act/trusted").await.body, list.contains("Firefox")), ("1".into(), false));
    })
    .await;
}
