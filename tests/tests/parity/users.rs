//! Whose session it is.

use std::time::Duration;

use auth_core::session::KeyRing;
use integration_tests::client::{everywhere, everywhere_eager, on_tower, without_layer};
use integration_tests::expected::{SET_COOKIE, anonymous, personal, problem_body};
use integration_tests::site::Request;
use integration_tests::world::{ALICE, BOB, Setup};

#[tokio::test]
async fn from_nobody_to_somebody() {
    everywhere(Setup::default(), async |mut client| {
        assert_eq!(client.get("/who").await, anonymous("anonymous"));
        client.login("alice", ALICE).await;
        for _ in 0..3 {
            assert_eq!(client.get("/who").await, personal("alice"));
        }
    })
    .await;
}

type Harm = fn(&integration_tests::world::World);
type Undo = fn(&integration_tests::world::World);

/// What ends a session ends it for good, and deletes it.
#[tokio::test]
async fn what_ends_a_session_ends_it_for_good() {
    let table: [(&str, Harm, Undo); 3] = [
        (
            "StampChanged",
            |world| _ = world.users.users.change("bob", |bob| bob.stamp = b"new".to_vec()),
            |world| _ = world.users.users.change("bob", |bob| bob.stamp = b"stamp of bob".to_vec()),
        ),
        (
            "UserDisabled",
            |world| _ = world.users.users.change("bob", |bob| bob.active = false),
            |world| _ = world.users.users.change("bob", |bob| bob.active = true),
        ),
        (
            "UserGone",
            |world| world.users.users.remove("bob"),
            |world| {
                let bob = integration_tests::accounts::Account::new(2, "bob");
                world.users.users.insert_without_password("bob", bob);
            },
        ),
    ];
    for (why, harm, undo) in table {
        everywhere(Setup::default(), async |mut client| {
            client.login("bob", BOB).await;
            client.world.events.take();
            harm(client.world);
            assert_eq!(client.get("/who").await, anonymous("anonymous"), "{why}");
            assert_eq!(client.world.events.take(), [format!("session ended: {why} by local of 2")]);
            assert!(client.world.store.sessions.is_empty(), "{why}: the key is gone");
            undo(client.world);
            assert_eq!(client.get("/who").await, anonymous("anonymous"), "{why}: it does not come back");
        })
        .await;
    }
}

/// Keys rotate without logging anybody out, and a removed key ends its sessions.
#[tokio::test]
async fn keys_rotate() {
    const NEW: &[u8] = b"the secret that is used from now on.";
    const OLD: &[u8] = b"the tests' secret, of 32 bytes or more";
    let both = KeyRing::new(NEW).unwrap().with_fallback(OLD).unwrap();
    let setup = Setup::default();
    let world = setup.world().await;
    on_tower(&world, async |mut client| {
        let first = client.login("alice", ALICE).await;
        let unused = client.another().login("alice", ALICE).await;
        let both = both.clone();
        let with_both = Setup::default().sessions(|_| auth_core::SessionConfig::new(both)).restarted(&world);
        on_tower(&with_both, async |mut again| {
            let got = again.bare(Request::get("/who").cookie(&first)).await;
            again.jar.take(&got);
            assert_eq!(got.body, "alice");
            let renewed = got.token().expect("the key changed, and so does the id");
            let with_new = Setup::default()
                .sessions(|_| auth_core::SessionConfig::new(KeyRing::new(NEW).unwrap()))
                .restarted(&world);
            on_tower(&with_new, async |last| {
                assert_eq!(last.bare(Request::get("/who").cookie(&renewed)).await.body, "alice");
                assert_eq!(last.bare(Request::get("/who").cookie(&unused)).await.body, "anonymous");
            })
            .await;
        })
        .await;
    })
    .await;
}

/// Through both adapters: the rotation hands out a new cookie on whatever page is asked.
#[tokio::test]
async fn a_rotation_sets_the_cookie() {
    let hour = Duration::from_secs(3_600);
    let setup = Setup::default().sessions(|sessions| sessions.rotate_every(hour / 2).idle_timeout(hour));
    everywhere(setup, async |mut client| {
        client.login("alice", ALICE).await;
        client.world.clock.advance(hour / 2);
        let got = client.get("/who").await.masked();
        let mut expected = personal("alice");
        let left = SET_COOKIE.replace("86400", "84600");
        expected.headers.insert(2, ("set-cookie".into(), left));
        assert_eq!(got, expected);
        assert_eq!(client.get("/who").await, personal("alice"));
    })
    .await;
}

/// A backend that is gone vouches for nobody; the record is kept for the day it comes back.
#[tokio::test]
async fn a_removed_backend_vouches_for_nobody() {
    let world = Setup::default().world().await;
    on_tower(&world, async |mut client| {
        let token = client.login("alice", ALICE).await;
        let renamed = Setup::default().backend("other").restarted(&world);
        on_tower(&renamed, async |other| {
            assert_eq!(other.bare(Request::get("/who").cookie(&token)).await, anonymous("anonymous"));
            assert_eq!(renamed.events.take(), ["session ended: BackendGone by local of 1"]);
        })
        .await;
        assert_eq!(client.who().await, "alice");
    })
    .await;
}

/// What a request costs in questions.
#[tokio::test]
async fn one_look_up_and_none_where_nobody_asks() {
    everywhere(Setup::default(), async |mut client| {
        let world = client.world;
        let cost = || (world.store.count("load"), world.users.loads());
        client.get("/who").await;
        client.get("/private").await;
        assert_eq!(cost(), (0, 0), "nothing presented, nothing asked");
        client.login("alice", ALICE).await;
        let before = cost();
        client.get("/both").await;
        assert_eq!(cost(), (before.0 + 1, before.1 + 1), "a protected page");
        client.get("/act/get?name=a").await;
        assert_eq!(cost(), (before.0 + 2, before.1 + 2), "one look-up, however often it is asked");
        let before = cost();
        assert_eq!(client.bare(Request::get("/")).await.body, "home");
        assert_eq!(cost(), before, "a public page");
    })
    .await;
}

/// A forgotten layer is an error of the site and never an anonymous caller.
#[tokio::test]
async fn a_missing_layer_is_a_500() {
    without_layer(async |client| {
        let site = client.site();
        for request in [
            Request::get("/me"),
            Request::get("/private"),
            Request::get("/private").navigating(),
            Request::get("/act/get?name=a"),
            Request::post("/login", &[("username", "alice"), ("password", ALICE)]),
        ] {
            let got = client.bare(request.clone()).await;
            assert_eq!((got.status, got.body), (500, problem_body(500)), "{site}: {request:?}");
        }
    })
    .await;
}

/// What actix-web makes of it when the extractor is optional: nobody (and an error in the log). axum's is a 500.
/// If this line ever fails, the documentation of `auth_actix::CurrentUser` has become too modest.
#[tokio::test]
async fn an_optional_extractor_without_a_layer() {
    without_layer(async |client| {
        let got = client.bare(Request::get("/who")).await;
        let expected = if client.site().starts_with("actix") { 200 } else { 500 };
        assert_eq!(got.status, expected, "{}", client.site());
    })
    .await;
}

/// What a user may do is asked on each request.
#[tokio::test]
async fn permissions_count_at_once() {
    everywhere(Setup::default(), async |mut client| {
        client.login("bob", BOB).await;
        assert_eq!(client.get("/members").await, personal("secret"));
        client.world.users.users.change("bob", |bob| bob.permissions = &[]);
        assert_eq!(client.get("/members").await.status, 403);
        client.world.users.users.change("bob", |bob| bob.permissions = &["nobody"]);
        assert_eq!(client.get("/nobody").await, personal("secret"));
    })
    .await;
}

/// Changing one's own password keeps this session and ends the others.
#[tokio::test]
async fn changing_a_password() {
    everywhere(Setup::default(), async |mut client| {
        let mut elsewhere = client.another();
        let other = elsewhere.login("alice", ALICE).await;
        let before = client.login("alice", ALICE).await;
        let got = client.post("/act/password", &[("new", "looking-glass")]).await;
        assert_eq!((got.status, got.body.as_str()), (200, "changed"));
        assert_ne!(client.jar.token().unwrap(), before, "the key changed");
        assert_eq!(client.who().await, "alice");
        for dead in [&before, &other] {
            assert_eq!(client.bare(Request::get("/who").cookie(dead)).await.body, "anonymous");
        }
        let got = client.post("/act/password", &[("new", "hammer"), ("whose", "bob")]).await;
        assert_eq!(got.status, 401, "rebinding to another user is refused");
        assert_eq!(client.who().await, "alice", "and changes nothing");
    })
    .await;
}

/// All sessions end but this one.
#[tokio::test]
async fn others_are_logged_out() {
    everywhere(Setup::default(), async |mut client| {
        let (mut two, mut three, mut bob) = (client.another(), client.another(), client.another());
        client.login("alice", ALICE).await;
        two.login("alice", ALICE).await;
        three.login("alice", ALICE).await;
        bob.login("bob", BOB).await;
        assert_eq!(client.get("/act/list").await.body, "3 1");
        assert_eq!(client.post("/act/others", &[]).await.body, "2");
        assert_eq!(client.who().await, "alice");
        assert_eq!(two.who().await, "anonymous");
        assert_eq!(three.who().await, "anonymous");
        assert_eq!(bob.who().await, "bob");
    })
    .await;
}

/// The caller's own device is known as such, also where another request gives it a new id meanwhile.
#[tokio::test]
async fn the_list_knows_its_own_device_by_any_id() {
    everywhere(Setup::default(), async |mut client| {
        let token = client.login("alice", ALICE).await;
        client.another().login("alice", ALICE).await;
        let store = &client.world.store;
        store.hold("list_user");
        let list = client.probe(Request::get("/act/list").cookie(&token));
        let moved = async {
            store.gate.reached().await;
            client.probe(Request::post("/act/rotate", &[]).cookie(&token)).await;
            store.gate.open();
        };
        let (list, ()) = tokio::join!(list, moved);
        assert_eq!(list.body, "2 1", "at {}", client.site());
    })
    .await;
}

/// Nobody ends another user's session by its key.
#[tokio::test]
async fn a_session_is_revoked_by_its_own_user_only() {
    everywhere(Setup::default(), async |mut client| {
        let mut bob = client.another();
        client.login("alice", ALICE).await;
        let key = client.world.store.keys().last().unwrap().to_string();
        bob.login("bob", BOB).await;
        assert_eq!(bob.post("/act/revoke", &[("key", &key)]).await.body, "revoked");
        assert_eq!(client.who().await, "alice");
        assert_eq!(client.post("/act/revoke", &[("key", &key)]).await.body, "revoked");
        assert_eq!(client.who().await, "anonymous");
    })
    .await;
}

/// The extension that middlewares read is there at an eager layer, for a session and for Basic.
#[tokio::test]
async fn the_extension_names_the_caller() {
    everywhere_eager(Setup::default(), async |mut client| {
        assert_eq!(client.get("/ext").await.body, "anonymous");
        assert_eq!(client.bare(Request::get("/ext").basic("bob", BOB)).await.body, "bob");
        client.login("alice", ALICE).await;
        assert_eq!(client.get("/ext").await, personal("alice"));
    })
    .await;
}

/// Under a lazy layer a public page looks nobody up, for whomever it is asked.
#[tokio::test]
async fn a_lazy_layer_looks_nobody_up_for_a_public_page() {
    let world = Setup::default().world().await;
    let site: [Box<dyn integration_tests::site::Site>; 2] = [
        Box::new(integration_tests::tower::Tower::lazy(&world)),
        integration_tests::actix::lazy(&world).await,
    ];
    on_tower(&world, async |mut client| {
        let token = client.login("alice", ALICE).await;
        let before = (world.store.count_all(), world.users.loads());
        for site in &site {
            let got = site.send(Request::get("/").cookie(&token)).await;
            assert_eq!(got, integration_tests::expected::public("home"));
        }
        assert_eq!((world.store.count_all(), world.users.loads()), before);
    })
    .await;
}
