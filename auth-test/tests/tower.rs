//! The kit over axum.

#[macro_use]
mod common;

use std::sync::Arc;
use std::time::Duration;

use auth_core::session::MemorySessions;
use auth_core::{Auth, AuthBuilder, Password};
use auth_test::{
    Client, Failing, Scripted, SignInErrorKind, SignedIn, TestUser, TowerApp, anonymous,
    dangerously_weak_passwords, sign_in, signed_in_as,
};
use auth_tower::{AuthLayer, CurrentUser, Error, FreshUser, RequireLayer, Session, VerifiedUser};
use axum::extract::{Form, Path};
use axum::http::HeaderMap;
use axum::response::{Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use common::{AnyApp, Framework, Site, alice, basic, rules};

fn pages() -> Router {
    let mut router = Router::new()
        .route("/who", get(who))
        .route("/me", get(async |user: CurrentUser<TestUser>| user.name().to_owned()))
        .route("/backend", get(backend))
        .route("/verified", get(async |user: VerifiedUser<TestUser>| user.name().to_owned()))
        .route("/fresh-user", get(async |user: FreshUser<TestUser, 300>| user.name().to_owned()))
        .route("/keep/{value}", post(keep))
        .route("/kept", get(kept))
        .route("/rotate", post(rotate))
        .route("/login", post(login))
        .route("/logout", post(logout))
        .route("/echo", post(async |Json(value): Json<Vec<u8>>| Json(value)))
        .route("/moved", get(async || Redirect::permanent("/who")))
        .route("/kept-body", post(async || Redirect::temporary("/echo")))
        .route("/elsewhere", get(async || Redirect::to("https://example.com/")))
        .route("/circle", get(async || Redirect::to("/circle")));
    for (path, rule) in rules() {
        router = router.route(path, get(async || "secret").layer(RequireLayer::new(rule)));
    }
    router
}

async fn who(user: Option<CurrentUser<TestUser>>) -> String {
    user.map_or("nobody".to_owned(), |user| user.name().to_owned())
}

async fn backend(session: Session<TestUser>) -> String {
    session.backend().map(|name| name.to_string()).unwrap_or_default()
}

async fn keep(session: Session<TestUser>, Path(value): Path<String>) -> Result<&'static str, Error> {
    session.insert("value", &value).await?;
    Ok("kept")
}

async fn kept(session: Session<TestUser>) -> Result<String, Error> {
    Ok(session.get::<String>("value").await?.unwrap_or_default())
}

async fn rotate(session: Session<TestUser>) -> Result<&'static str, Error> {
    session.rotate().await?;
    Ok("rotated")
}

async fn login(
    session: Session<TestUser>,
    Form(form): Form<Vec<(String, String)>>,
) -> Result<Response, Error> {
    let field =
        |name: &str| form.iter().find(|(own, _)| own == name).map_or("", |(_, value)| value).to_owned();
    let proof = session.authenticate(Password::new(field("username"), field("password"))).await?;
    Ok(session.login(proof).await?.answer(None))
}

async fn logout(session: Session<TestUser>) -> Result<Redirect, Error> {
    session.logout().await?;
    Ok(Redirect::to("/"))
}

/// axum.
struct Axum;

impl Framework for Axum {
    async fn app(auth: &Auth<TestUser>) -> Client<AnyApp> {
        AnyApp::client(TowerApp::new(pages().layer(AuthLayer::new(auth.clone()))))
    }

    async fn layered(
        who: Option<SignedIn<TestUser>>,
        configure: impl Fn(AuthBuilder<TestUser>) -> AuthBuilder<TestUser>,
    ) -> Client<AnyApp> {
        let layer = match who {
            Some(who) => who.layer_with(configure),
            None => anonymous().layer_with(configure),
        };
        AnyApp::client(TowerApp::new(pages().layer(layer)))
    }

    async fn bare() -> Client<AnyApp> {
        AnyApp::client(TowerApp::new(pages()))
    }
}

scripts!(Axum, tokio::test);

#[tokio::test]
async fn who_is_not_there_is_not_signed_in() {
    let site = Site::new();
    site.users.set_user(TestUser::new("mallory").disabled());
    let day = Duration::from_secs(25 * 3600);
    let table = [
        ("a stranger", signed_in_as(TestUser::new("bob")), SignInErrorKind::Unknown),
        ("another stamp", signed_in_as(alice().with_stamp("new")), SignInErrorKind::Unknown),
        ("disabled", signed_in_as(TestUser::new("mallory").disabled()), SignInErrorKind::Disabled),
        ("too long ago", signed_in_as(alice()).proven_ago(day), SignInErrorKind::Unknown),
        ("no such backend", signed_in_as(alice()).by_backend("ldap"), SignInErrorKind::NoSuchBackend),
        ("a program", signed_in_as(alice()).with_scopes(["read"]), SignInErrorKind::Scopes),
    ];
    for (name, who, expected) in table {
        assert_eq!(sign_in(&site.auth, who).await.unwrap_err().kind(), expected, "{name}");
    }
}

#[tokio::test]
async fn sign_in_needs_sessions() {
    let users = Scripted::new().knowing(alice());
    let auth = Auth::builder().backend::<Password>("local", users).build().unwrap();
    let error = sign_in(&auth, signed_in_as(alice())).await.unwrap_err();
    assert_eq!(error.kind(), SignInErrorKind::NotBegun);
    let shown = format!("{error:?}");
    assert!(shown.starts_with("the session could not begin: "), "{shown}");
    let elsewhere = sign_in(&auth, signed_in_as(alice()).by_backend("ldap")).await.unwrap_err();
    assert_eq!(format!("{elsewhere:?}"), "the backend does not exist: no backend is named \"ldap\"");
}

#[tokio::test]
#[should_panic(expected = "the user cannot be signed in: the backend \"local\" finds no such user")]
async fn a_client_says_why_a_user_is_not_signed_in() {
    let site = Site::new();
    let client = Axum::app(&site.auth).await;
    client.sign_in(&site.auth, signed_in_as(TestUser::new("bob"))).await;
}

#[tokio::test]
#[should_panic(expected = "the backend name \"a b\" must have")]
async fn a_layer_says_why_it_cannot_be() {
    drop(signed_in_as(alice()).by_backend("a b").layer());
}

/// Requests of one client may go on at the same time, on any thread.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_goes_into_tasks() {
    let client = Arc::new(Client::new(pages().layer(signed_in_as(alice()).layer())));
    let visit = |_| {
        let client = Arc::clone(&client);
        tokio::spawn(async move { client.get("/me").await.text() })
    };
    for visit in (0..8).map(visit).collect::<Vec<_>>() {
        assert_eq!(visit.await.unwrap(), "alice");
    }
}

#[tokio::test]
#[should_panic(expected = "redirects in a circle")]
async fn circles_end() {
    _ = Client::new(pages()).following_redirects().get("/circle").await;
}

#[tokio::test]
#[should_panic(
    expected = "a redirect to /login was expected of GET /moved: 308 Permanent Redirect\nlocation: /who"
)]
async fn failures_show_the_answer() {
    Client::new(pages()).get("/moved").await.assert_redirect("/login");
}

#[tokio::test]
async fn weak_hashes_are_hashes() {
    let users = auth_core::MemoryBackend::new(dangerously_weak_passwords());
    users.insert("alice", &auth_core::Secret::new("wonderland"), alice()).await.unwrap();
    let auth = Auth::builder().backend::<Password>("local", users).build().unwrap();
    let facts = auth_core::RequestFacts::none();
    assert!(auth.authenticate(Password::new("alice", "wonderland"), &facts).await.is_ok());
    assert!(auth.authenticate(Password::new("alice", "wrong"), &facts).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_store_that_works_is_a_store() {
    auth_test::conformance::store::session_store(async || Failing::new(MemorySessions::new(1_000))).await;
}

/// A request that a test sends by itself, without the client.
#[tokio::test]
async fn a_layer_needs_no_client() {
    use tower::ServiceExt as _;
    let app = pages().layer(signed_in_as(alice()).layer());
    let request = http::Request::get("/members").body(axum::body::Body::empty()).unwrap();
    assert_eq!(app.oneshot(request).await.unwrap().status(), 200);
}

/// Basic is accepted over TLS only, unless the client is on this machine.
#[tokio::test]
async fn a_client_from_elsewhere_speaks_tls() {
    let site = Site::with(basic);
    let client = Axum::app(&site.auth).await.from_address([203, 0, 113, 7]);
    let client = client.with_header("authorization", "Basic YWxpY2U6d29uZGVybGFuZA==");
    assert_eq!(client.get("/who").await.text(), "alice");
}

/// A layer adds no second cookie where the client keeps one.
#[tokio::test]
async fn a_session_comes_once() {
    let cookies = async |headers: HeaderMap| headers.get_all("cookie").iter().count().to_string();
    let router = pages().route("/cookies", get(cookies));
    let client = Client::new(router.layer(signed_in_as(alice()).layer()));
    assert_eq!(client.get("/cookies").await.text(), "1");
    client.post_form("/rotate", &[]).await.assert_status(200);
    assert_eq!(client.get("/cookies").await.text(), "1");
    assert_eq!(client.another().get("/cookies").await.text(), "1");
}
