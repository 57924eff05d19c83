//! The kit over axum.

mod common;

use std::time::Duration;

use auth_core::backend::DenyReason;
use auth_core::grant::Factor;
use auth_core::session::{KeyRing, MemorySessions, SessionConfig};
use auth_core::{Auth, Password, User};
use auth_test::{
    Client, Failing, Scripted, SignInErrorKind, TestUser, TowerApp, anonymous, dangerously_weak_passwords,
    sign_in, signed_in_as,
};
use auth_tower::{AuthLayer, CurrentUser, Error, FreshUser, RequireLayer, Session, VerifiedUser};
use axum::extract::{Form, Path};
use axum::response::{Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use common::{CLAIMS, Site, alice, basic, rules};

type Browser = Client<TowerApp<Router>>;

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

fn app(site: &Site) -> Browser {
    Client::new(pages().layer(AuthLayer::new(site.auth.clone())))
}

fn signed_in(who: auth_test::SignedIn<TestUser>) -> Browser {
    Client::new(pages().layer(who.layer()))
}

async fn statuses(client: &Browser) -> Vec<(&'static str, u16)> {
    let mut found = Vec::new();
    for (path, _) in rules() {
        found.push((path, client.get(path).await.status()));
    }
    found
}

async fn allowed(client: &Browser) -> Vec<&'static str> {
    statuses(client).await.into_iter().filter(|(_, status)| *status == 200).map(|(path, _)| path).collect()
}

const SESSION: &str = "__Host-session";

#[tokio::test]
async fn a_layer_signs_somebody_in() {
    let client = signed_in(signed_in_as(alice()));
    assert_eq!(client.get("/me").await.assert_status(200).text(), "alice");
    assert_eq!(client.get("/backend").await.text(), "test");
    let client = signed_in(signed_in_as(alice()).by_backend("ldap"));
    assert_eq!(client.get("/backend").await.text(), "ldap");
}

#[tokio::test]
async fn nobody_is_signed_in_under_an_anonymous_layer() {
    let layer = anonymous::<TestUser>().layer_with(|auth| auth.login_page("/login"));
    let client = Client::new(pages().layer(layer));
    assert_eq!(client.get("/who").await.text(), "nobody");
    client.get("/me").await.assert_redirect("/login?next=/me");
    client.another().as_program().get("/me").await.assert_status(401);
}

#[tokio::test]
async fn rules_hold_under_a_layer() {
    let old = Duration::from_secs(301);
    let who = || signed_in_as(alice());
    let always = ["/login-only", "/members", "/scope"];
    let table: [(&str, auth_test::SignedIn<TestUser>, &[&str]); 8] = [
        ("a password", who(), &["/fresh"]),
        ("an old one", who().proven_ago(old), &[]),
        ("two factors", who().with_second_factor(Factor::Totp), &["/fresh", "/second"]),
        ("two old ones", who().with_second_factor(Factor::Totp).proven_ago(old), &["/second"]),
        ("a passkey", who().with_factor(Factor::Passkey), &["/fresh", "/passkey"]),
        (
            "a passkey and its owner",
            who().with_factor(Factor::Passkey).with_factor(Factor::UserVerification),
            &["/fresh", "/second", "/passkey"],
        ),
        ("a year ago", who().proven_ago(Duration::from_secs(365 * 86_400)), &[]),
        ("another backend", who().by_backend("ldap"), &["/fresh"]),
    ];
    for (name, who, more) in table {
        let found = allowed(&signed_in(who)).await;
        assert_eq!(found, [&always[..], more].concat(), "{name}");
    }
}

#[tokio::test]
async fn permissions_are_the_users() {
    let client = signed_in(signed_in_as(TestUser::new("bob")));
    client.get("/members").await.assert_status(403);
    client.get("/login-only").await.assert_status(200);
}

#[tokio::test]
async fn a_program_is_bound_by_its_scopes() {
    let with = |scopes: &[&str]| signed_in_as(alice().with_permission("orders:read")).with_scopes(scopes);
    let scoped = signed_in(with(&["orders:read"]));
    assert_eq!(allowed(&scoped).await, ["/login-only", "/scope"]);
    assert_eq!(scoped.get("/me").await.text(), "alice");
    let login = with(&["members"]).with_second_factor(Factor::Totp);
    assert_eq!(allowed(&signed_in(login)).await, ["/login-only", "/members", "/fresh", "/second"]);
    assert_eq!(allowed(&signed_in(with(&[]))).await, ["/login-only"]);
}

#[tokio::test]
async fn extractors_ask_for_proofs() {
    let one = signed_in(signed_in_as(alice()));
    assert_eq!((one.get("/verified").await.status(), one.get("/fresh-user").await.status()), (401, 200));
    let old = signed_in_as(alice()).with_second_factor(Factor::Totp).proven_ago(Duration::from_secs(301));
    let old = signed_in(old).as_program();
    assert_eq!((old.get("/verified").await.status(), old.get("/fresh-user").await.status()), (200, 401));
}

#[tokio::test]
async fn a_layer_holds_a_real_session() {
    let client = signed_in(signed_in_as(alice()));
    client.post_form("/keep/seven", &[]).await.assert_status(200);
    assert_eq!(client.get("/kept").await.text(), "seven");
    client.post_form("/rotate", &[]).await.assert_status(200);
    assert_eq!(client.get("/kept").await.text(), "seven");
    // A client without a jar is the layer's one browser, too.
    let bare = client.another();
    assert_eq!(bare.get("/kept").await.text(), "seven");
}

#[tokio::test]
async fn a_logout_under_a_layer_ends_it() {
    let client = signed_in(signed_in_as(alice()));
    let other = client.another();
    assert_eq!(client.get("/who").await.text(), "alice");
    client.post_form("/logout", &[]).await.assert_redirect("/");
    for client in [client, other] {
        assert_eq!(client.get("/who").await.text(), "nobody");
    }
}

#[tokio::test]
async fn a_layers_clock_is_the_tests() {
    let clock = auth_test::TestClock::new();
    let layer = signed_in_as(alice()).layer_with(|auth| auth.clock(clock.clone()));
    let client = Client::new(pages().layer(layer));
    client.get("/fresh").await.assert_status(200);
    clock.advance(Duration::from_secs(301));
    client.get("/fresh").await.assert_status(401);
    assert_eq!(client.get("/who").await.text(), "alice");
    clock.advance(Duration::from_secs(2 * 3600));
    assert_eq!(client.get("/who").await.text(), "nobody", "it was idle for too long");
}

/// What a layer hands out is nobody's at another `Auth`, and at another layer.
#[tokio::test]
async fn a_layers_cookie_is_worth_nothing_elsewhere() {
    let one = signed_in(signed_in_as(alice()));
    one.post_form("/rotate", &[]).await.assert_status(200);
    let cookie = one.cookie(SESSION).expect("the rotated session's");
    let line = format!("{SESSION}={cookie}; Path=/; Secure");
    let site = Site::new();
    let others = [
        app(&site),
        Client::new(pages().layer(anonymous::<TestUser>().layer())),
        app(&Site::of_two_factors()),
    ];
    for other in others {
        other.set_cookie(&line);
        assert_eq!(other.get("/who").await.text(), "nobody");
    }
}

#[tokio::test]
async fn whatever_a_client_sends_it_stays_anonymous() {
    let site = Site::new();
    for (name, value) in CLAIMS {
        let client = app(&site).with_header(name, value);
        for client in [client.another(), client.another().as_program()] {
            assert_eq!(client.get("/who").await.text(), "nobody", "{name}: {value}");
            let refused = client.get("/members").await.status();
            assert!(refused == 303 || refused == 401, "{name}: {value}");
        }
    }
    assert_eq!(site.users.attempts(), 0);
}

#[tokio::test]
async fn without_a_layer_it_is_an_error() {
    let client = Client::new(pages());
    client.get("/me").await.assert_status(500);
}

#[tokio::test]
async fn sign_in_is_as_after_a_login() {
    let site = Site::new();
    let client = app(&site);
    client.get("/me").await.assert_redirect("/login?next=/me");
    let cookies = client.sign_in(&site.auth, signed_in_as(alice())).await;
    assert!(!cookies.is_pending());
    assert_eq!(client.cookie(SESSION).as_deref(), cookies.header().strip_prefix("__Host-session="));
    assert_eq!(client.get("/me").await.text(), "alice");
    assert_eq!(client.get("/backend").await.text(), "local");
    assert_eq!(allowed(&client).await, ["/login-only", "/members", "/scope", "/fresh"]);
    assert_eq!(client.another().get("/who").await.text(), "nobody");
    assert_eq!(site.users.attempts(), 0, "no password was judged");
    assert_eq!(site.sessions.inner().len(), 1);
}

#[tokio::test]
async fn sign_in_ends_by_logout() {
    let site = Site::new();
    let client = app(&site);
    let cookies = client.sign_in(&site.auth, signed_in_as(alice())).await;
    client.post_form("/logout", &[]).await.assert_redirect("/");
    assert_eq!(client.cookie(SESSION), None);
    cookies.set_cookie_lines().for_each(|line| client.set_cookie(line));
    assert_eq!(client.get("/who").await.text(), "nobody", "the cookie of before is worth nothing");
    assert!(site.sessions.inner().is_empty());
}

#[tokio::test]
async fn an_old_login_is_refused_where_a_fresh_one_is_needed() {
    let site = Site::new();
    let client = app(&site);
    client.sign_in(&site.auth, signed_in_as(alice()).proven_ago(Duration::from_secs(301))).await;
    assert_eq!(client.get("/me").await.text(), "alice");
    client.get("/fresh-user").await.assert_status(303);
    client.sign_in(&site.auth, signed_in_as(alice()).proven_ago(Duration::from_secs(299))).await;
    client.get("/fresh-user").await.assert_status(200);
    site.clock.advance(Duration::from_secs(2));
    client.get("/fresh-user").await.assert_status(303);
}

#[tokio::test]
async fn the_policy_of_second_factors_holds() {
    let site = Site::of_two_factors();
    let client = app(&site);
    let cookies = client.sign_in(&site.auth, signed_in_as(alice())).await;
    assert!(cookies.is_pending());
    assert_eq!(client.get("/who").await.text(), "nobody");
    client.get("/me").await.assert_redirect("/login/factor?next=/me");
    let both = client.sign_in(&site.auth, signed_in_as(alice()).with_second_factor(Factor::Totp)).await;
    assert!(!both.is_pending());
    client.get("/verified").await.assert_status(200);
}

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
    assert!(error.to_string().contains("session"), "{error}");
}

#[tokio::test]
async fn a_failing_store_is_no_logout() {
    let site = Site::new();
    let client = app(&site);
    client.sign_in(&site.auth, signed_in_as(alice())).await;
    let cookie = client.cookie(SESSION);
    site.sessions.fail();
    for path in ["/me", "/who", "/members"] {
        client.get(path).await.assert_status(503);
    }
    assert_eq!(client.cookie(SESSION), cookie);
    site.sessions.recover();
    client.get("/me").await.assert_status(200);
    site.sessions.fail_next(1);
    client.get("/me").await.assert_status(503);
    client.get("/me").await.assert_status(200);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_is_given_up() {
    let site = Site::new();
    let client = app(&site);
    client.sign_in(&site.auth, signed_in_as(alice())).await;
    site.sessions.hang();
    client.get("/me").await.assert_status(503);
    site.sessions.recover();
    client.get("/me").await.assert_status(200);
}

#[tokio::test(start_paused = true)]
async fn a_backend_is_scripted() {
    let site = Site::new();
    let client = app(&site);
    let login = async |name, password| {
        client.another().post_form("/login", &[("username", name), ("password", password)]).await.status()
    };
    assert_eq!(login("alice", "wonderland").await, 303);
    assert_eq!(login("alice", "wrong").await, 401);
    assert_eq!(login("bob", "wonderland").await, 401);
    assert_eq!(site.users.attempts(), 3);
    site.users.fail_next(1);
    assert_eq!(login("alice", "wonderland").await, 503);
    assert_eq!(login("alice", "wonderland").await, 303);
    site.users.hang();
    assert_eq!(login("alice", "wonderland").await, 503);
    site.users.recover();
    assert_eq!(login("alice", "wonderland").await, 303);
}

#[tokio::test]
async fn users_change_between_requests() {
    let site = Site::new();
    let client = app(&site);
    client.sign_in(&site.auth, signed_in_as(alice())).await;
    client.get("/members").await.assert_status(200);
    site.users.set_user(TestUser::new("alice"));
    client.get("/members").await.assert_status(403);
    site.users.fail();
    client.get("/me").await.assert_status(503);
    site.users.recover();
    site.users.remove_user(&alice().id());
    assert_eq!(client.get("/who").await.text(), "nobody");
    assert!(site.users.loads() > 3);
}

#[tokio::test]
async fn a_denial_is_scripted() {
    let users = Scripted::new().denying("mallory", DenyReason::Locked);
    let auth = Auth::builder()
        .backend::<Password>("local", users)
        .sessions(MemorySessions::new(10), SessionConfig::new(KeyRing::generate().unwrap()))
        .build()
        .unwrap();
    let client = Client::new(pages().layer(AuthLayer::new(auth)));
    let form = [("username", "mallory"), ("password", "x")];
    client.post_form("/login", &form).await.assert_status(401);
}

#[tokio::test]
async fn a_client_logs_in_by_the_form() {
    let site = Site::new();
    let client = app(&site).following_redirects();
    let form = [("username", "alice"), ("password", "wonderland")];
    client.post_form("/login", &form).await.assert_status(404);
    assert_eq!(client.get("/moved").await.text(), "alice");
}

#[tokio::test]
async fn pages_of_other_sites_change_nothing() {
    let site = Site::new();
    let form = [("username", "alice"), ("password", "wonderland")];
    let evil = app(&site).from_other_site("https://evil.example");
    evil.post_form("/login", &form).await.assert_status(403);
    evil.sign_in(&site.auth, signed_in_as(alice())).await;
    evil.post_form("/keep/seven", &[]).await.assert_status(403);
    evil.post_form("/logout", &[]).await.assert_status(403);
    assert_eq!(evil.get("/who").await.text(), "alice");
}

#[tokio::test]
async fn an_origin_may_be_named() {
    let site = Site::with(|auth| auth.origin("https://shop.example"));
    let post = async |client: Browser| client.post_form("/logout", &[]).await.status();
    // Fetch Metadata comes first; this is for browsers without.
    let bare = || app(&site).as_program().with_header("origin", "https://shop.example");
    assert_eq!(post(bare()).await, 303);
    assert_eq!(post(app(&site).with_origin("https://shop.example")).await, 303);
    assert_eq!(post(app(&site).as_program().with_header("origin", "https://other.example")).await, 403);
}

#[tokio::test]
async fn programs_and_scripts_send_json() {
    let client = Client::new(pages());
    for client in [client.another(), client.as_program()] {
        assert_eq!(client.post_json("/echo", &[1, 2]).await.json::<Vec<u8>>(), [1, 2]);
        client.post_json("/echo", &"text").await.assert_status(422);
    }
}

#[tokio::test]
async fn redirects_are_followed_as_browsers_do() {
    let plain = Client::new(pages());
    plain.get("/elsewhere").await.assert_redirect("https://example.com/");
    let client = plain.another().following_redirects();
    assert_eq!(client.post_json("/kept-body", &[7]).await.json::<Vec<u8>>(), [7]);
    client.get("/elsewhere").await.assert_redirect("https://example.com/");
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

/// Basic is accepted over TLS only.
#[tokio::test]
async fn the_client_speaks_tls() {
    let site = Site::with(basic);
    let client = app(&site).with_header("authorization", "Basic YWxpY2U6d29uZGVybGFuZA==");
    assert_eq!(client.get("/who").await.text(), "alice");
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
