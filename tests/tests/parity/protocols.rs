//! Each member of a protocol's family is refused in its own form.

use integration_tests::client::everywhere;
use integration_tests::expected::{BASIC, COOKIE, VARY_REFUSED, answer, problem, to_login};
use integration_tests::site::{Answer, Request};
use integration_tests::world::{ALICE, Setup};

const NO_STORE: (&str, &str) = ("cache-control", "no-store");
const VARY: (&str, &str) = ("vary", VARY_REFUSED);

fn call(path: &str, content_type: &str) -> Request {
    Request::new("POST", path).with("content-type", content_type).with("sec-fetch-site", "same-origin")
}

/// In headers of a response without a body, as browsers' clients read it, too.
fn grpc_web(content_type: &str, code: &str, message: &str) -> Answer {
    let status = [("grpc-message", message), ("grpc-status", code)];
    answer(200, &[&[NO_STORE, ("content-type", content_type)], &status[..], &[VARY]].concat(), "")
}

fn connect(status: u16, code: &str) -> Answer {
    let mut headers = vec![NO_STORE, ("content-type", "application/json"), VARY];
    if status == 401 {
        headers.extend([("www-authenticate", BASIC), ("www-authenticate", COOKIE)]);
    }
    answer(status, &headers, &format!(r#"{{"code":"{code}"}}"#))
}

fn connect_stream(content_type: &str, code: &str) -> Answer {
    let error = format!(r#"{{"error":{{"code":"{code}"}}}}"#);
    let body = format!("\u{2}\0\0\0{}{error}", char::from(u8::try_from(error.len()).unwrap()));
    answer(200, &[NO_STORE, ("content-type", content_type), VARY], &body)
}

#[tokio::test]
async fn grpc_web_reads_the_status_in_its_own_type() {
    everywhere(Setup::default(), async |mut client| {
        client.login("alice", ALICE).await;
        for kind in ["", "+proto", "-text", "-text+proto"].map(|form| format!("application/grpc-web{form}")) {
            let nobody = client.bare(call("/private", &kind)).await;
            assert_eq!(nobody, grpc_web(&kind, "16", "unauthenticated"), "{kind} at {}", client.site());
            let known = client.send(call("/nobody", &kind)).await;
            assert_eq!(known, grpc_web(&kind, "7", "permission denied"), "{kind} at {}", client.site());
        }
        let odd = client.bare(call("/private", "application/grpc-web+thrift; charset=x")).await;
        assert_eq!(odd, grpc_web("application/grpc-web", "16", "unauthenticated"));
    })
    .await;
}

#[tokio::test]
async fn connect_reads_its_own_errors() {
    everywhere(Setup::default(), async |mut client| {
        client.login("alice", ALICE).await;
        for kind in ["application/json", "application/proto"] {
            let unary = |path| call(path, kind).with("connect-protocol-version", "1");
            assert_eq!(client.bare(unary("/private")).await, connect(401, "unauthenticated"), "{kind}");
            assert_eq!(client.send(unary("/nobody")).await, connect(403, "permission_denied"), "{kind}");
            assert_eq!(client.bare(call("/private", kind)).await, problem(401), "{kind} of another program");
        }
        for kind in ["application/connect+json", "application/connect+proto"] {
            let stream = |path| call(path, kind).with("connect-protocol-version", "1");
            let nobody = client.bare(stream("/private")).await;
            assert_eq!(nobody, connect_stream(kind, "unauthenticated"));
            assert_eq!(client.send(stream("/nobody")).await, connect_stream(kind, "permission_denied"));
        }
        let query = Request::get("/private?connect=v1&encoding=json&message=%7B%7D");
        assert_eq!(client.bare(query.clone()).await, connect(401, "unauthenticated"), "without side effects");
        assert_eq!(client.bare(query.navigating()).await.status, 303, "a person who follows a link to it");
    })
    .await;
}

/// What cannot follow a redirect to a page is not sent to one, where the browser says nothing.
#[tokio::test]
async fn scripts_of_pages_are_programs() {
    let html = "text/html,application/xhtml+xml";
    everywhere(Setup::default(), async |client| {
        let get = || Request::get("/private").with("accept", html);
        assert_eq!(client.bare(get()).await, to_login("/login?next=/private"), "an old browser");
        for (name, value) in [
            ("hx-request", "true"),
            ("turbo-frame", "cart"),
            ("x-turbo-request-id", "1"),
            ("x-up-version", "3.9.0"),
            ("x-inertia", "true"),
            ("x-livewire", ""),
            ("x-requested-with", "XMLHttpRequest"),
            ("accept", "text/vnd.turbo-stream.html"),
        ] {
            let got = client.bare(get().with(name, value)).await;
            assert_eq!(got, problem(401), "{name} at {}", client.site());
        }
    })
    .await;
}

/// RFC 8441: a page of another site opens a WebSocket over HTTP/2 with the visitor's cookie.
#[tokio::test]
async fn websockets_over_http_2_are_checked() {
    everywhere(Setup::default(), async |mut client| {
        let token = client.login("alice", ALICE).await;
        let open = |origin: &str| {
            Request::new("CONNECT", "/who").with("host", "shop.example").with("origin", origin)
        };
        assert_eq!(client.send(open("https://evil.example")).await, problem(403), "{}", client.site());
        // The frameworks differ in what they answer, and in whether they open one.
        let own = client.probe(open("https://shop.example").cookie(&token)).await;
        assert_ne!(own.status, 403, "{}", client.site());
    })
    .await;
}
