//! What the kit does over either framework: each test of `tower.rs` and `actix.rs` is one of these.

use std::sync::Arc;
use std::time::Duration;

use auth_core::backend::DenyReason;
use auth_core::factors::{Factors, MemoryFactors};
use auth_core::grant::Factor;
use auth_core::second_factor::{Needs, SecondFactor};
use auth_core::session::{KeyRing, MemorySessions, SessionConfig};
use auth_core::throttle::{MemoryThrottle, Throttle};
use auth_core::{Auth, Password, User};
use auth_test::{Client, Scripted, SignedIn, TestClock, TestUser, signed_in_as};

use super::{AnyApp, CLAIMS, Framework, Site, alice, basic, rules};

const SESSION: &str = "__Host-session";

/// The guarded paths that this client may see.
async fn allowed(client: &Client<AnyApp>) -> Vec<&'static str> {
    let mut found = Vec::new();
    for (path, _) in rules() {
        if client.get(path).await.status() == 200 {
            found.push(path);
        }
    }
    found
}

pub(crate) async fn a_layer_signs_somebody_in<F: Framework>() {
    let client = F::signed_in(signed_in_as(alice())).await;
    assert_eq!(client.get("/me").await.assert_status(200).text(), "alice");
    assert_eq!(client.get("/backend").await.text(), "test");
    let client = F::signed_in(signed_in_as(alice()).by_backend("ldap")).await;
    assert_eq!(client.get("/backend").await.text(), "ldap");
}

pub(crate) async fn a_visitor_is_anonymous<F: Framework>() {
    let client = F::layered(None, |auth| auth.login_page("/login")).await;
    assert_eq!(client.get("/who").await.text(), "nobody");
    client.get("/me").await.assert_redirect("/login?next=/me");
    client.another().as_program().get("/me").await.assert_status(401);
}

pub(crate) async fn rules_hold_under_a_layer<F: Framework>() {
    let old = Duration::from_secs(301);
    let who = || signed_in_as(alice());
    let always = ["/login-only", "/members", "/scope"];
    let table: [(&str, SignedIn<TestUser>, &[&str]); 8] = [
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
        let found = allowed(&F::signed_in(who).await).await;
        assert_eq!(found, [&always[..], more].concat(), "{name}");
    }
}

pub(crate) async fn permissions_are_the_users<F: Framework>() {
    let client = F::signed_in(signed_in_as(TestUser::new("bob"))).await;
    client.get("/members").await.assert_status(403);
    client.get("/login-only").await.assert_status(200);
}

pub(crate) async fn a_program_is_bound_by_its_scopes<F: Framework>() {
    let with = |scopes: &[&str]| signed_in_as(alice().with_permission("orders:read")).with_scopes(scopes);
    let scoped = F::signed_in(with(&["orders:read"])).await;
    assert_eq!(allowed(&scoped).await, ["/login-only", "/scope"]);
    assert_eq!(scoped.get("/me").await.text(), "alice");
    let login = with(&["members"]).with_second_factor(Factor::Totp);
    assert_eq!(allowed(&F::signed_in(login).await).await, ["/login-only", "/members", "/fresh", "/second"]);
    assert_eq!(allowed(&F::signed_in(with(&[])).await).await, ["/login-only"]);
}

pub(crate) async fn extractors_ask_for_proofs<F: Framework>() {
    let one = F::signed_in(signed_in_as(alice())).await;
    assert_eq!((one.get("/verified").await.status(), one.get("/fresh-user").await.status()), (401, 200));
    let old = signed_in_as(alice()).with_second_factor(Factor::Totp).proven_ago(Duration::from_secs(301));
    let old = F::signed_in(old).await.as_program();
    assert_eq!((old.get("/verified").await.status(), old.get("/fresh-user").await.status()), (200, 401));
}

pub(crate) async fn a_layer_holds_a_real_session<F: Framework>() {
    let client = F::signed_in(signed_in_as(alice())).await;
    client.post_form("/keep/seven", &[]).await.assert_status(200);
    assert_eq!(client.get("/kept").await.text(), "seven");
    client.post_form("/rotate", &[]).await.assert_status(200);
    assert_eq!(client.get("/kept").await.text(), "seven");
    // A client without a jar is the layer's one browser, too.
    let bare = client.another();
    assert_eq!(bare.get("/kept").await.text(), "seven");
}

pub(crate) async fn a_logout_under_a_layer_ends_it<F: Framework>() {
    let client = F::signed_in(signed_in_as(alice())).await;
    let other = client.another();
    assert_eq!(client.get("/who").await.text(), "alice");
    client.post_form("/logout", &[]).await.assert_redirect("/");
    for client in [client, other] {
        assert_eq!(client.get("/who").await.text(), "nobody");
    }
}

pub(crate) async fn a_layers_clock_is_the_tests<F: Framework>() {
    let clock = TestClock::new();
    let client = F::layered(Some(signed_in_as(alice())), |auth| auth.clock(clock.clone())).await;
    client.get("/fresh").await.assert_status(200);
    clock.advance(Duration::from_secs(301));
    client.get("/fresh").await.assert_status(401);
    assert_eq!(client.get("/who").await.text(), "alice");
    clock.advance(Duration::from_secs(2 * 3600));
    assert_eq!(client.get("/who").await.text(), "nobody", "it was idle for too long");
}

/// Neither another `Auth` nor another layer accepts what a layer hands out.
pub(crate) async fn a_layers_cookie_is_worth_nothing_elsewhere<F: Framework>() {
    let one = F::signed_in(signed_in_as(alice())).await;
    one.post_form("/rotate", &[]).await.assert_status(200);
    let cookie = one.cookie(SESSION).expect("the rotated session's");
    let line = format!("{SESSION}={cookie}; Path=/; Secure");
    let site = Site::new();
    let others = [
        F::app(&site.auth).await,
        F::layered(None, |auth| auth).await,
        F::app(&Site::of_two_factors().auth).await,
    ];
    for other in others {
        other.set_cookie(&line);
        assert_eq!(other.get("/who").await.text(), "nobody");
    }
}

pub(crate) async fn whatever_a_client_sends_it_stays_anonymous<F: Framework>() {
    let site = Site::new();
    for (name, value) in CLAIMS {
        let client = F::app(&site.auth).await.with_header(name, value);
        for client in [client.another(), client.another().as_program()] {
            assert_eq!(client.get("/who").await.text(), "nobody", "{name}: {value}");
            let refused = client.get("/members").await.status();
            assert!(refused == 303 || refused == 401, "{name}: {value}");
        }
    }
    assert_eq!(site.users.attempts(), 0);
}

pub(crate) async fn without_a_layer_it_is_an_error<F: Framework>() {
    let client = F::bare().await;
    client.get("/me").await.assert_status(500);
}

pub(crate) async fn sign_in_is_as_after_a_login<F: Framework>() {
    let site = Site::new();
    let client = F::app(&site.auth).await;
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

pub(crate) async fn sign_in_ends_by_logout<F: Framework>() {
    let site = Site::new();
    let client = F::app(&site.auth).await;
    let cookies = client.sign_in(&site.auth, signed_in_as(alice())).await;
    client.post_form("/logout", &[]).await.assert_redirect("/");
    assert_eq!(client.cookie(SESSION), None);
    cookies.set_cookie_lines().for_each(|line| client.set_cookie(line));
    assert_eq!(client.get("/who").await.text(), "nobody", "the cookie of before is worth nothing");
    assert!(site.sessions.inner().is_empty());
}

pub(crate) async fn an_old_login_is_refused_where_a_fresh_one_is_needed<F: Framework>() {
    let site = Site::new();
    let client = F::app(&site.auth).await;
    client.sign_in(&site.auth, signed_in_as(alice()).proven_ago(Duration::from_secs(301))).await;
    assert_eq!(client.get("/me").await.text(), "alice");
    client.get("/fresh-user").await.assert_status(303);
    client.sign_in(&site.auth, signed_in_as(alice()).proven_ago(Duration::from_secs(299))).await;
    client.get("/fresh-user").await.assert_status(200);
    site.clock.advance(Duration::from_secs(2));
    client.get("/fresh-user").await.assert_status(303);
}

pub(crate) async fn the_policy_of_second_factors_holds<F: Framework>() {
    let site = Site::of_two_factors();
    let client = F::app(&site.auth).await;
    let cookies = client.sign_in(&site.auth, signed_in_as(alice())).await;
    assert!(cookies.is_pending());
    assert_eq!(client.get("/who").await.text(), "nobody");
    client.get("/me").await.assert_redirect("/login/factor?next=/me");
    let both = client.sign_in(&site.auth, signed_in_as(alice()).with_second_factor(Factor::Totp)).await;
    assert!(!both.is_pending());
    client.get("/verified").await.assert_status(200);
}

pub(crate) async fn a_failing_store_is_no_logout<F: Framework>() {
    let site = Site::new();
    let client = F::app(&site.auth).await;
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

pub(crate) async fn a_store_that_hangs_is_given_up<F: Framework>() {
    tokio::time::pause();
    let site = Site::new();
    let client = F::app(&site.auth).await;
    client.sign_in(&site.auth, signed_in_as(alice())).await;
    site.sessions.hang();
    client.get("/me").await.assert_status(503);
    site.sessions.recover();
    client.get("/me").await.assert_status(200);
}

pub(crate) async fn a_backend_is_scripted<F: Framework>() {
    tokio::time::pause();
    let site = Site::new();
    let client = F::app(&site.auth).await;
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

pub(crate) async fn users_change_between_requests<F: Framework>() {
    let site = Site::new();
    let client = F::app(&site.auth).await;
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

pub(crate) async fn a_denial_is_scripted<F: Framework>() {
    let users = Scripted::<TestUser>::new().denying("mallory", DenyReason::Locked);
    let auth = Auth::builder()
        .backend::<Password>("local", users)
        .sessions(MemorySessions::new(10), SessionConfig::new(KeyRing::generate().unwrap()))
        .build()
        .unwrap();
    let client = F::app(&auth).await;
    let form = [("username", "mallory"), ("password", "x")];
    client.post_form("/login", &form).await.assert_status(401);
}

pub(crate) async fn a_client_logs_in_by_the_form<F: Framework>() {
    let site = Site::new();
    let client = F::app(&site.auth).await.following_redirects();
    let form = [("username", "alice"), ("password", "wonderland")];
    client.post_form("/login", &form).await.assert_status(404);
    assert_eq!(client.get("/moved").await.text(), "alice");
}

pub(crate) async fn a_policy_of_second_factors_holds_under_a_layer<F: Framework>() {
    let under = async |who| {
        let keys = KeyRing::generate().unwrap();
        let factors = Arc::new(Factors::new("Shop", MemoryFactors::new(100), &keys).unwrap());
        F::layered(Some(who), |auth| {
            let second = SecondFactor::new(Arc::clone(&factors)).page("/login/factor");
            auth.login_page("/login").second_factor(second.policy(|_, _| Needs::second_factor()))
        })
        .await
    };
    let one = under(signed_in_as(alice())).await;
    assert_eq!(one.get("/who").await.text(), "nobody");
    one.get("/me").await.assert_redirect("/login/factor?next=/me");
    let two = under(signed_in_as(alice()).with_second_factor(Factor::Totp)).await;
    assert_eq!(two.get("/who").await.text(), "alice");
}

/// A throttle tells clients by their addresses.
pub(crate) async fn requests_come_from_an_address<F: Framework>() {
    let site = Site::with(|auth| auth.throttle(Throttle::new(MemoryThrottle::new(1_000))));
    let from = async |last: u8| F::app(&site.auth).await.from_address([203, 0, 113, last]);
    let login = async |client: &Client<AnyApp>, name: &str| {
        client.post_form("/login", &[("username", name), ("password", "wrong")]).await.status()
    };
    let guesser = from(7).await;
    for n in 0..1_000 {
        if login(&guesser, &format!("user{n}")).await == 429 {
            assert_eq!(login(&from(8).await, "alice").await, 401, "other addresses go on");
            return;
        }
    }
    panic!("the guesser was never stopped");
}

pub(crate) async fn pages_of_other_sites_change_nothing<F: Framework>() {
    let site = Site::new();
    let form = [("username", "alice"), ("password", "wonderland")];
    let evil = F::app(&site.auth).await.from_other_site("https://evil.example");
    evil.post_form("/login", &form).await.assert_status(403);
    evil.sign_in(&site.auth, signed_in_as(alice())).await;
    evil.post_form("/keep/seven", &[]).await.assert_status(403);
    evil.post_form("/logout", &[]).await.assert_status(403);
    assert_eq!(evil.get("/who").await.text(), "alice");
}

pub(crate) async fn an_origin_may_be_named<F: Framework>() {
    let site = Site::with(|auth| auth.origin("https://shop.example"));
    let post = async |client: Client<AnyApp>| client.post_form("/logout", &[]).await.status();
    let plain = || async { F::app(&site.auth).await };
    // A browser without Fetch Metadata, which sends its origin alone.
    let old = async |origin| plain().await.as_program().with_header("origin", origin);
    assert_eq!(post(old("https://shop.example").await).await, 303);
    assert_eq!(post(old("https://other.example").await).await, 403);
    assert_eq!(post(plain().await.with_origin("https://shop.example")).await, 303);
}

pub(crate) async fn programs_and_scripts_send_json<F: Framework>() {
    let client = F::bare().await;
    for client in [client.another(), client.as_program()] {
        assert_eq!(client.post_json("/echo", &[1, 2]).await.json::<Vec<u8>>(), [1, 2]);
    }
}

pub(crate) async fn redirects_are_followed_as_browsers_do<F: Framework>() {
    let plain = F::bare().await;
    plain.get("/elsewhere").await.assert_redirect("https://example.com/");
    let client = plain.another().following_redirects();
    assert_eq!(client.post_json("/kept-body", &[7]).await.json::<Vec<u8>>(), [7]);
    client.get("/elsewhere").await.assert_redirect("https://example.com/");
}

/// Basic is accepted over TLS only.
pub(crate) async fn the_client_speaks_tls<F: Framework>() {
    let site = Site::with(basic);
    let client = F::app(&site.auth).await.with_header("authorization", "Basic YWxpY2U6d29uZGVybGFuZA==");
    assert_eq!(client.get("/who").await.text(), "alice");
}
