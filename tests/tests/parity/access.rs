//! Who is let in, and how the others are told.

use std::time::Duration;

use integration_tests::client::{Client, everywhere, everywhere_eager};
use integration_tests::expected::{
    BASIC, COOKIE, REMOVE_COOKIE, SET_COOKIE, VARY_REFUSED, anonymous, answer, grpc, page, personal, problem,
    problem_body, public, sent_to, to_login,
};
use integration_tests::site::{Answer, Request};
use integration_tests::world::{ALICE, BOB, Setup};

type Table = Vec<(&'static str, Request, Answer)>;

async fn run(client: &mut Client<'_>, table: Table) {
    for (name, request, expected) in table {
        let got = client.send(request).await.masked();
        assert_eq!(got, expected, "{name} at {}", client.site());
    }
}

fn get(target: &str) -> Request {
    Request::get(target)
}

#[tokio::test]
async fn nobody_is_calling() {
    let post = || Request::post("/private", &[("a", "b")]);
    everywhere(Setup::default(), async |mut client| {
        let table: Table = vec![
            ("public", get("/"), public("home")),
            ("public that asks", get("/who"), anonymous("anonymous")),
            ("a guarded page", get("/private").navigating(), to_login("/login?next=/private")),
            (
                "its query comes back",
                get("/private?a=b&c=d").navigating(),
                to_login("/login?next=/private%3Fa%3Db%26c%3Dd"),
            ),
            ("an extractor", get("/me?a").navigating(), to_login("/login?next=/me%3Fa")),
            ("a POST cannot be shown again", post().navigating(), to_login("/login")),
            (
                "its own login page and field, query kept",
                get("/own").navigating(),
                to_login("/enter?x=1&back=/own"),
            ),
            ("no such page", get("/no-such-page").navigating(), answer(404, &[], "")),
            ("a right is missing", get("/members").navigating(), to_login("/login?next=/members")),
            ("the login page", get("/login"), public("sign in")),
            (
                "nested",
                get("/nested/inner/private?q").navigating(),
                to_login("/login?next=/nested/inner/private%3Fq"),
            ),
        ];
        run(&mut client, table).await;
    })
    .await;
}

/// At a guard and at an extractor alike.
#[tokio::test]
async fn each_client_is_refused_in_its_own_way() {
    everywhere(Setup::default(), async |mut client| {
        for path in ["/private", "/me"] {
            let html = "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8";
            let json = "application/json";
            let login = to_login(&format!("/login?next={path}"));
            let upgrade = get(path).with("connection", "upgrade").with("upgrade", "websocket");
            let table: Table = vec![
                ("says nothing", get(path), problem(401)),
                ("JSON", get(path).with("accept", json), problem(401)),
                ("fetch()", get(path).with("sec-fetch-mode", "cors").with("accept", html), problem(401)),
                (
                    "XMLHttpRequest",
                    get(path).with("x-requested-with", "XMLHttpRequest").with("accept", html),
                    problem(401),
                ),
                ("navigation", get(path).navigating(), login.clone()),
                (
                    "a frame",
                    get(path).with("sec-fetch-mode", "navigate").with("sec-fetch-dest", "iframe"),
                    login.clone(),
                ),
                ("no Fetch Metadata", get(path).with("accept", html), login),
                (
                    "an image",
                    get(path).with("sec-fetch-mode", "no-cors").with("sec-fetch-dest", "image"),
                    problem(401),
                ),
                (
                    "gRPC",
                    get(path).with("content-type", "application/grpc+proto"),
                    grpc("16", "unauthenticated"),
                ),
                ("a WebSocket", upgrade.with("sec-fetch-mode", "websocket"), problem(401)),
            ];
            run(&mut client, table).await;
        }
        let page = get("/api").navigating();
        run(&mut client, vec![("a declared audience beats the request", page, problem(401))]).await;
    })
    .await;
}

#[tokio::test]
async fn without_a_login_page_browsers_get_a_401() {
    everywhere(Setup::default().configure(|auth| auth), async |mut client| {
        let got = client.send(get("/private").navigating()).await;
        let mut expected = page(401);
        for (_, value) in &mut expected.headers {
            *value = value.replace(r#"form-action="/login", "#, "");
        }
        assert_eq!(got, expected);
    })
    .await;
}

#[tokio::test]
async fn somebody_is_calling() {
    everywhere(Setup::default(), async |mut client| {
        client.login("alice", ALICE).await;
        let mut table: Table = vec![
            ("the name", get("/who"), personal("alice")),
            ("the user", get("/me"), personal("1 alice")),
            ("a right that nobody has", get("/nobody"), problem(403)),
        ];
        for path in ["/private", "/members", "/both", "/own", "/api", "/fresh", "/nested/inner/private"] {
            table.push(("let in", get(path).navigating(), personal("secret")));
        }
        run(&mut client, table).await;
        let mut bob = client.another();
        bob.login("bob", BOB).await;
        let table: Table = vec![
            ("let in", get("/members"), personal("secret")),
            ("a right that nobody has", get("/nobody").navigating(), page(403)),
            ("one of two rights", get("/both"), problem(403)),
            ("one of two rights", get("/both").navigating(), page(403)),
            ("gRPC", get("/both").with("content-type", "application/grpc"), grpc("7", "permission denied")),
        ];
        for (name, request, expected) in table {
            let got = bob.send(request).await;
            assert_eq!(got.status, expected.status, "{name}");
            assert_eq!(got.body, expected.body, "{name}");
        }
    })
    .await;
}

/// The headers of a 403 say that it is personal too.
#[tokio::test]
async fn a_403_is_not_cacheable() {
    everywhere(Setup::default(), async |mut client| {
        client.login("bob", BOB).await;
        assert_eq!(client.get("/both").await, problem(403));
        assert_eq!(client.send(get("/both").navigating()).await, page(403));
    })
    .await;
}

#[tokio::test]
async fn next_is_absolute_only_for_a_login_page_elsewhere() {
    let table = [
        ("https://login.example/enter", "https://login.example/enter?next=https%3A//app.example/private"),
        (
            "https://login.example/enter?a=b",
            "https://login.example/enter?a=b&next=https%3A//app.example/private",
        ),
        ("https://app.example/login", "https://app.example/login?next=/private"),
        ("/login", "/login?next=/private"),
    ];
    for (page, location) in table {
        let setup =
            Setup::default().configure(move |auth| auth.origin("https://app.example").login_page(page));
        everywhere(setup, async |mut client| {
            assert_eq!(client.send(get("/private").navigating()).await, to_login(location));
        })
        .await;
    }
}

const REFUSED_NEXT: [&str; 26] = [
    "http://example.com",
    "http:///example.com",
    "https://example.com",
    "ftp://example.com",
    "///example.com",
    "//example.com",
    "////example.com",
    "javascript:alert(1)",
    "JAVASCRIPT:alert(1)",
    "data:text/html,x",
    "/\\example.com",
    "\\\\example.com",
    "\\/example.com",
    "/\\/example.com",
    "http:example.com",
    "https:/example.com",
    "http://testserver",
    "/a\r\nset-cookie: x=y",
    "/a\nb",
    "/\t/example.com",
    "/\0",
    " /a",
    "/%2e%2e//example.com",
    "/..//example.com",
    "https://testserver@example.com/",
    "https://testserver.example.com/",
];

/// Every refused `next` ends at the default, by a 303.
#[tokio::test]
async fn a_bad_next_is_not_followed() {
    let long = format!("/{}", "x".repeat(2048));
    everywhere(Setup::default().configure(|auth| auth.origin("https://testserver")), async |client| {
        for next in REFUSED_NEXT.into_iter().chain(["", &long]) {
            let mut browser = client.another();
            let fields = [("username", "alice"), ("password", ALICE), ("next", next)];
            let got = browser.post("/login", &fields).await.masked();
            assert_eq!(got, sent_to("/", SET_COOKIE), "{next:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_good_next_is_followed() {
    let table = [
        ("/view/?param=http://x", "/view/?param=http://x"),
        ("/view/?param=https://x", "/view/?param=https://x"),
        ("/view?param=ftp://x", "/view?param=ftp://x"),
        ("view/?param=//x", "view/?param=//x"),
        ("https://testserver/", "/"),
        ("HTTPS://testserver/", "/"),
        ("//testserver/", "/"),
        ("https://testserver/a?b#c", "/a?b#c"),
        ("/url%20with%20spaces/", "/url%20with%20spaces/"),
    ];
    everywhere(Setup::default().configure(|auth| auth.origin("https://testserver")), async |client| {
        for (next, location) in table {
            let mut browser = client.another();
            let fields = [("username", "alice"), ("password", ALICE), ("next", next)];
            assert_eq!(
                browser.post("/login", &fields).await.masked(),
                sent_to(location, SET_COOKIE),
                "{next}"
            );
        }
    })
    .await;
}

#[tokio::test]
async fn another_origin_is_followed_if_it_is_listed() {
    let table = [
        ("https://shop.example/cart?x", "https://shop.example/cart?x"),
        ("https://shop.example.evil.example/", "/"),
        ("http://shop.example/", "/"),
        ("https://shop.example:8443/", "/"),
        ("//shop.example/", "//shop.example/"),
        ("https://other.example/", "/"),
    ];
    everywhere(Setup::default().configure(|auth| auth.next_origin("https://shop.example")), async |client| {
        for (next, location) in table {
            let mut browser = client.another();
            let fields = [("username", "alice"), ("password", ALICE), ("next", next)];
            let got = browser.post("/login", &fields).await;
            assert_eq!((got.status, got.one("location")), (303, location), "{next}");
        }
    })
    .await;
}

/// Only a POST logs out, and no cache keeps its answer.
#[tokio::test]
async fn logout_is_a_post_and_not_cacheable() {
    everywhere_eager(Setup::default(), async |mut client| {
        client.login("alice", ALICE).await;
        for method in ["GET", "HEAD", "OPTIONS", "PUT"] {
            let got = client.send(Request::new(method, "/logout")).await;
            assert_eq!(got.status, 405, "{method}");
            assert_eq!(client.who().await, "alice", "{method}");
        }
        assert_eq!(client.post("/logout", &[]).await, sent_to("/", REMOVE_COOKIE));
        assert_eq!(client.who().await, "anonymous");
    })
    .await;
}

/// RFC 9470: the caller is known, and has to prove it again.
#[tokio::test]
async fn a_proof_that_is_too_old_is_asked_for_again() {
    everywhere(Setup::default(), async |mut client| {
        client.login("alice", ALICE).await;
        client.world.clock.advance(Duration::from_secs(60));
        assert_eq!(client.get("/fresh").await, personal("secret"));
        client.world.clock.advance(Duration::from_secs(1));
        let why = r#"error="insufficient_user_authentication", max_age="60""#;
        let headers = [
            ("cache-control", "no-store"),
            ("content-type", "application/problem+json"),
            ("vary", VARY_REFUSED),
            ("www-authenticate", &format!("{BASIC}, {why}")),
            ("www-authenticate", &format!("{COOKIE}, {why}")),
        ];
        assert_eq!(client.get("/fresh").await, answer(401, &headers, &problem_body(401)));
        assert_eq!(client.send(get("/fresh").navigating()).await, to_login("/login?next=/fresh"));
        let grpc_call = get("/fresh").with("content-type", "application/grpc");
        assert_eq!(client.send(grpc_call).await, grpc("16", "unauthenticated"));
        let basic = client.another().bare(get("/fresh").basic("alice", ALICE)).await;
        assert_eq!(basic, personal("secret"), "credentials of this request are fresh");
        client.login("alice", ALICE).await;
        assert_eq!(client.get("/fresh").await, personal("secret"));
    })
    .await;
}
