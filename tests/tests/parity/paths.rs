//! Guards stand before handlers, whatever the request looks like.

use auth_core::http::Header;
use integration_tests::client::everywhere;
use integration_tests::expected::problem;
use integration_tests::site::Request;
use integration_tests::world::{ALICE, Setup};

const METHODS: [&str; 9] = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE", "TRACE", "PROPFIND", "get"];
const PATHS: [&str; 17] = [
    "/private",
    "//private",
    "/./private",
    "/private/",
    "/private;x",
    "/%70rivate",
    "/private%0a",
    "/private%00",
    "/Private",
    "/private?x",
    "/open/../private",
    "/open/%2e%2e/private",
    "/open%2f..%2fprivate",
    "/private%2f",
    "/nested/inner/private",
    "/nested//inner/private",
    "/nested/./inner/private",
];

/// A guarded handler never runs for nobody. Where the path is another one, there is no such page.
#[tokio::test]
async fn no_spelling_of_a_request_passes_the_guard() {
    everywhere(Setup::default(), async |client| {
        for method in METHODS {
            for path in PATHS {
                for request in variants(method, path) {
                    // Not compared: which spellings reach a page at all is the router's affair.
                    let got = client.probe(request.clone()).await;
                    assert!([401, 404].contains(&got.status), "{request:?}: {got:?}");
                    assert!(!got.body.contains("secret"), "{request:?}");
                }
            }
        }
    })
    .await;
}

fn variants(method: &str, path: &str) -> [Request; 4] {
    let request = Request::new(method, path);
    let upgrade = request.clone().with("connection", "upgrade").with("upgrade", "websocket");
    let h2c = request.clone().with("connection", "upgrade, http2-settings").with("upgrade", "h2c");
    let expect = request.clone().with("expect", "100-continue");
    [request, upgrade, h2c, expect]
}

/// The rule holds for every method, and lets every method through for somebody.
#[tokio::test]
async fn methods_are_all_guarded_and_all_served() {
    everywhere(Setup::default(), async |mut client| {
        client.login("alice", ALICE).await;
        for method in METHODS {
            assert_eq!(client.another().bare(Request::new(method, "/private")).await.status, 401, "{method}");
            assert_eq!(client.send(Request::new(method, "/private")).await.status, 200, "{method}");
            assert_eq!(client.send(Request::new(method, "/nobody")).await.status, 403, "{method}");
        }
        let absolute = Request::get("http://testserver/private");
        assert_eq!(client.another().bare(absolute.clone()).await.status, 401);
        assert_eq!(client.send(absolute).await.status, 200);
    })
    .await;
}

/// Of the headers that core reads, none lets nobody in, whatever it says.
#[tokio::test]
async fn no_header_opens_a_guard() {
    let long = "x".repeat(70_000);
    let values: [&[u8]; 14] = [
        b"",
        b"1",
        b"true",
        b"null",
        b"*",
        b"localhost",
        b"127.0.0.1",
        b"same-origin",
        b"none",
        b"navigate",
        b"application/grpc",
        b"websocket",
        b"\xff\xfe\x80",
        long.as_bytes(),
    ];
    everywhere(Setup::default(), async |client| {
        for header in Header::ALL {
            for value in values {
                let request = Request::get("/private").with(header.name(), value);
                let twice = request.clone().with(header.name(), value);
                for request in [request, twice] {
                    let got = client.bare(request).await;
                    let refused = [303, 400, 401].contains(&got.status) || !got.one("grpc-status").is_empty();
                    assert!(refused, "{header:?} {value:?}: {got:?}");
                    assert!(!got.body.contains("secret"), "{header:?}");
                }
            }
        }
    })
    .await;
}

/// Headers that others trust mean nothing to us.
#[tokio::test]
async fn headers_that_core_does_not_read_change_nothing() {
    let names = [
        "x-middleware-subrequest",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
        "forwarded",
        "x-forwarded-user",
        "x-remote-user",
        "remote-user",
        "x-auth-user",
        "x-user",
        "x-original-url",
        "x-rewrite-url",
        "x-http-method-override",
        "x-real-ip",
        "x-internal",
        "x-authenticated",
        "proxy-authorization",
        "www-authenticate",
        "referer",
        "via",
        "x-client-cert",
        "authentication-info",
    ];
    everywhere(Setup::default(), async |client| {
        for name in names {
            for value in ["alice", "1", "127.0.0.1", "/login", "GET", "middleware:middleware:middleware"] {
                let got = client.bare(Request::get("/private").with(name, value)).await;
                assert_eq!(got, problem(401), "{name}: {value}");
            }
        }
    })
    .await;
}

/// No query parameter changes a decision.
#[tokio::test]
async fn query_parameters_change_nothing() {
    let queries =
        ["next=/", "user=alice", "token=x", "access_token=x", "auth=off", "__Host-session=x", "admin=1"];
    everywhere(Setup::default(), async |client| {
        for query in queries {
            let got = client.bare(Request::get(&format!("/private?{query}"))).await;
            assert_eq!(got, problem(401), "{query}");
        }
        let twice = Request::post(
            "/login?next=//evil.example",
            &[("username", "alice"), ("password", ALICE), ("next", "/ok")],
        );
        assert_eq!(client.bare(twice).await.one("location"), "/", "the first one counts, and it is bad");
    })
    .await;
}
