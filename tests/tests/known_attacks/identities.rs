//! An id of one place counts in another: two backends, two `Auth`s, two sites (CVE-2025-64717, CVE-2022-39229).

use std::sync::Arc;

use auth_core::http::Basic;
use auth_core::session::{MemorySessions, SessionConfig, SessionErrorKind};
use auth_core::{Auth, MemoryBackend, Password, RequestFacts, Secret};
use integration_tests::accounts::Account;
use integration_tests::bare;
use integration_tests::client::{everywhere, on_tower};
use integration_tests::site::{Answer, Request, Site};
use integration_tests::tower::Tower;
use integration_tests::world::{ALICE, BOB, Setup, World, keys, weak_passwords};

/// A second backend whose user 1 is another person with the same stamp.
async fn with_second_backend() -> World {
    let others = Arc::new(MemoryBackend::new(weak_passwords()));
    let mallory = Account { stamp: b"stamp of alice".to_vec(), ..Account::new(1, "mallory") };
    others.insert("mallory", &Secret::new("malice"), mallory).await.unwrap();
    Setup::default()
        .configure(move |auth| auth.login_page("/login").backend::<Password>("others", Arc::clone(&others)))
        .world()
        .await
}

/// The same id in two tables is two users.
#[tokio::test]
async fn the_same_id_of_another_backend_is_another_user() {
    let world = with_second_backend().await;
    on_tower(&world, async |mut client| {
        let mallory = client.login("mallory", "malice").await;
        assert_eq!(client.get("/me").await.body, "1 mallory");
        assert_eq!(client.get("/members").await.status, 403, "alice's permissions are not mallory's");
        let both = client.bare(Request::get("/me").cookie(&mallory).basic("alice", ALICE)).await;
        assert_eq!(both.status, 400, "the same id, and not the same user");
        client.post("/act/set", &[("name", "cart"), ("value", "malice")]).await;
        client.login("alice", ALICE).await;
        assert_eq!(client.value("cart").await, "-", "the data of the other is gone");
        assert_eq!(client.get("/me").await.body, "1 alice");
        let mut mallory = client.another();
        mallory.login("mallory", "malice").await;
        assert_eq!(mallory.post("/act/others", &[]).await.body, "0", "alice's sessions are not mallory's");
        assert_eq!(client.who().await, "alice");
    })
    .await;
}

/// A user of another backend with the same id, and even the same stamp, does not become the session's.
#[tokio::test]
async fn a_session_is_not_bound_to_a_user_of_another_backend() {
    let world = with_second_backend().await;
    on_tower(&world, async |mut client| {
        let token = client.login("alice", ALICE).await;
        let rebound = client.post("/act/rebind-to", &[("name", "mallory"), ("stamp", "of mallory")]).await;
        assert_eq!((rebound.status, rebound.token()), (401, None), "nobody whom the session's backend knows");
        assert_eq!(client.jar.token(), Some(&*token), "the session goes on as it was");
        assert_eq!(client.get("/me").await.body, "1 alice");
        // Where nothing tells them apart, the session's backend says who it is.
        let rebound =
            client.post("/act/rebind-to", &[("name", "mallory"), ("stamp", "stamp of alice")]).await;
        assert_eq!((&*rebound.body, rebound.token().is_some()), ("alice", true));
        assert_eq!(client.get("/me").await.body, "1 alice");
    })
    .await;
}

/// A new stamp that is not stored yet would end the session with the next request.
#[tokio::test]
async fn a_session_is_not_bound_to_what_is_not_stored() {
    everywhere(Setup::default(), async |mut client| {
        client.login("alice", ALICE).await;
        let rebound = client.post("/act/rebind-to", &[("name", "alice"), ("stamp", "of tomorrow")]).await;
        assert_eq!((rebound.status, rebound.token()), (401, None));
        assert_eq!(client.who().await, "alice");
    })
    .await;
}

/// Two backends whose names differ in case only are two to a store, and one to whoever reads a log.
#[tokio::test]
async fn names_of_backends_differ_in_more_than_case() {
    let users = || MemoryBackend::<Account>::new(weak_passwords());
    for name in ["local", "Local", "LOCAL"] {
        let built =
            Auth::builder().backend::<Password>("local", users()).backend::<Password>(name, users()).build();
        assert!(built.unwrap_err().to_string().contains("named"), "{name}");
    }
}

/// When a backend is taken away, its sessions do not become the first one's.
#[tokio::test]
async fn a_removed_backend_takes_its_sessions_with_it() {
    let world = with_second_backend().await;
    on_tower(&world, async |mut client| {
        let mallory = client.login("mallory", "malice").await;
        let without = Setup::default().restarted(&world);
        let got = Tower::new(&without).send(Request::get("/who").cookie(&mallory)).await;
        assert_eq!(got.body, "anonymous");
        assert_eq!(client.who().await, "mallory", "the record is kept");
    })
    .await;
}

/// A backend that comes back under another's name reloads the wrong user only if the stamps agree: keep names.
#[tokio::test]
async fn a_renamed_backend_is_another_one() {
    let world = Setup::default().world().await;
    on_tower(&world, async |mut client| {
        let alice = client.login("alice", ALICE).await;
        let renamed = Setup::default().backend("renamed").restarted(&world);
        let got = Tower::new(&renamed).send(Request::get("/who").cookie(&alice)).await;
        assert_eq!(got.body, "anonymous");
    })
    .await;
}

/// The proof of one `Auth` logs nobody in at another: its user 1 is somebody else.
#[tokio::test]
async fn a_foreign_proof_is_refused() {
    let (one, two) = (Setup::default().world().await, Setup::default().world().await);
    let proof = one.auth.authenticate(Password::new("alice", ALICE), &RequestFacts::none()).await.unwrap();
    let session = bare::session(&two.auth);
    let error = session.login(proof).await.unwrap_err();
    assert_eq!(error.kind(), SessionErrorKind::ForeignProof);
    assert!(session.user().is_none() && two.store.sessions.is_empty());
    let own = two.auth.authenticate(Password::new("alice", ALICE), &RequestFacts::none()).await.unwrap();
    assert_eq!(session.login(own).await.unwrap().user().unwrap().name, "alice");
}

/// The cookie of one site is nobody at another, with the same keys and the same users.
#[tokio::test]
async fn a_cookie_of_another_site_is_nobodys() {
    let (one, two) = (Setup::default().world().await, Setup::default().world().await);
    let login = Request::post("/login", &[("username", "alice"), ("password", ALICE)]);
    let token = Tower::new(&one).send(login).await.token().unwrap();
    assert_eq!(Tower::new(&two).send(Request::get("/who").cookie(&token)).await.body, "anonymous");
}

/// Two layers around one handler: it sees the inner one's caller, whoever the outer one's is, and nobody where the
/// inner one knows nobody.
#[tokio::test]
async fn the_innermost_layer_decides() {
    let outer = Setup::default().world().await;
    let inner =
        Setup::default().backend("inner").sessions(|sessions| sessions.cookie_name("inner")).world().await;
    let router = integration_tests::tower::router(&inner)
        .layer(auth_tower::AuthLayer::new(inner.auth.clone()))
        .layer(auth_tower::AuthLayer::new(outer.auth.clone()));
    let alice =
        Tower::new(&outer).send(Request::post("/login", &[("username", "alice"), ("password", ALICE)])).await;
    let bob =
        Tower::new(&inner).send(Request::post("/login", &[("username", "bob"), ("password", BOB)])).await;
    let cookie = |answer: &Answer| answer.one("set-cookie").split(';').next().unwrap_or_default().to_owned();
    let (alice, bob) = (cookie(&alice), cookie(&bob));
    let table = [
        ("nobody", String::new(), None),
        ("outer", alice.clone(), None),
        ("inner", bob.clone(), Some("bob")),
        ("both", format!("{alice}; {bob}"), Some("bob")),
    ];
    for (name, cookies, who) in table {
        for page in ["/who", "/me", "/private", "/act/yield?turns=1"] {
            let request = integration_tests::tower::native(Request::get(page).with("cookie", &cookies));
            let response = tower::ServiceExt::oneshot(router.clone(), request).await.unwrap();
            let got = integration_tests::tower::answer(response).await;
            let expected = match (page, who) {
                ("/who", who) => (200, who.unwrap_or("anonymous").to_owned()),
                ("/act/yield?turns=1", who) => (200, format!("{}/", who.unwrap_or("nobody"))),
                ("/me", Some(who)) => (200, format!("2 {who}")),
                ("/private", Some(_)) => (200, "secret".to_owned()),
                _ => (401, got.body.clone()),
            };
            assert_eq!((got.status, got.body), expected, "{page} for {name}");
        }
    }
}

/// Remembered credentials belong to their `Auth`, and to the backend that accepted them.
#[tokio::test]
async fn remembered_credentials_are_not_shared() {
    let users = Arc::new(MemoryBackend::new(weak_passwords()));
    users.insert("alice", &Secret::new("other"), Account::new(1, "alice")).await.unwrap();
    let other: Auth<Account> = Auth::builder()
        .backend::<Password>("local", Arc::clone(&users))
        .sessions(MemorySessions::new(10), SessionConfig::new(keys()))
        .scheme(Basic::new("tests").unwrap().allow_cleartext())
        .build()
        .unwrap();
    let world = Setup::default().world().await;
    let get = || Request::get("/who").basic("alice", ALICE);
    assert_eq!(Tower::new(&world).send(get()).await.body, "alice");
    let other = World { auth: other, ..world };
    assert_eq!(Tower::new(&other).send(get()).await.status, 401);
}
