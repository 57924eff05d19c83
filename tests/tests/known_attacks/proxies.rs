//! Who can make a site believe that a proxy named them (CVE-2015-0219, CVE-2014-0482, CVE-2024-45410,
//! CVE-2025-64484, CVE-2026-3902, CVE-2026-30851).

use std::net::IpAddr;

use auth_core::remote_user::RemoteUserHeader;
use integration_tests::client::{Client, everywhere};
use integration_tests::site::{Answer, Request};
use integration_tests::world::{ALICE, Setup};

const PROXY: &str = "10.0.0.7";

fn header() -> RemoteUserHeader {
    RemoteUserHeader::new("X-Remote-User").and_then(|header| header.trusted_peer(PROXY)).unwrap()
}

type Headers<'a> = &'a [(&'a str, &'a [u8])];

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn with(target: &str, headers: Headers<'_>) -> Request {
    let request = Request::get(target).from(address(PROXY));
    headers.iter().fold(request, |request, (name, value)| request.with(name, value))
}

async fn send(client: &mut Client<'_>, headers: Headers<'_>) -> Answer {
    client.send(with("/who", headers)).await
}

/// A client that reaches the site past its proxy is whoever it likes: unless the socket's other end is asked.
#[tokio::test]
async fn nobody_but_the_proxy_is_believed() {
    let claims: [&[(&str, &str)]; 5] = [
        &[],
        &[("x-forwarded-for", PROXY)],
        &[("forwarded", "for=10.0.0.7;by=10.0.0.7")],
        &[("x-real-ip", PROXY), ("via", "1.1 proxy")],
        &[("x-forwarded-proto", "https"), ("host", "localhost")],
    ];
    everywhere(Setup::default().remote_user(header()), async |mut client| {
        for peer in ["10.0.0.8", "127.0.0.1", "::1", "::ffff:10.0.0.8", "a00:7::", ""] {
            for claim in claims {
                let request = Request::get("/me").with("x-remote-user", "alice");
                let request = claim.iter().fold(request, |request, (name, value)| request.with(name, value));
                let request = peer.parse().into_iter().fold(request, Request::from);
                assert_eq!(client.send(request).await.status, 400, "{peer} {claim:?}");
            }
        }
        assert!(client.world.store.sessions.is_empty());
        for peer in [PROXY, "::ffff:10.0.0.7"] {
            let request = Request::get("/me").with("x-remote-user", "alice").from(address(peer));
            assert_eq!(client.another().send(request).await.status, 200, "{peer}");
        }
    })
    .await;
}

/// What a client slips past a proxy that replaces one header is never taken for it, nor instead of it, by anybody.
#[tokio::test]
async fn what_a_proxy_lets_through_is_refused() {
    let table: &[(&str, Headers<'_>)] = &[
        ("underscores", &[("x_remote_user", b"bob")]),
        ("underscores, beside the proxy's", &[("x-remote-user", b"alice"), ("x_remote_user", b"bob")]),
        ("before the proxy's", &[("X_REMOTE-USER", b"bob"), ("x-remote-user", b"alice")]),
        ("dots", &[("x.remote.user", b"bob"), ("x-remote-user", b"alice")]),
        ("twice", &[("x-remote-user", b"alice"), ("x-remote-user", b"bob")]),
        ("twice, other case", &[("x-remote-user", b"bob"), ("X-REMOTE-USER", b"alice")]),
        ("twice the same", &[("x-remote-user", b"alice"), ("x-remote-user", b"alice")]),
        ("the proxy's is empty", &[("x-remote-user", b""), ("x-remote-user", b"bob")]),
        ("made one", &[("x-remote-user", b"bob, alice")]),
        ("raw bytes", &[("x-remote-user", b"bob\xff")]),
        ("a tab", &[("x-remote-user", b"bob\talice")]),
        ("to be dropped by the next", &[("x-remote-user", b"bob"), ("connection", b"close, X-Remote-User")]),
        ("dropped", &[("connection", b"x_remote_user")]),
    ];
    everywhere(Setup::default().remote_user(header()), async |mut client| {
        let mut visitor = client.another();
        send(&mut client, &[("x-remote-user", b"alice")]).await;
        client.world.events.take();
        for (name, headers) in table {
            for target in ["/who", "/open", "/login"] {
                let answer = client.send(with(target, headers)).await;
                assert_eq!(
                    (answer.status, answer.token()),
                    (400, None),
                    "{name}: {target}, in alice's session"
                );
                let answer = visitor.send(with(target, headers)).await;
                assert_eq!((answer.status, answer.token()), (400, None), "{name}: {target}");
            }
            let events = client.world.events.take();
            let is_told = events.iter().all(|event| event.starts_with("a trusted proxy sent a header"));
            assert!(events.len() == 6 && is_told, "{name}: {events:?}");
        }
        let after = send(&mut client, &[("x-remote-user", b"alice")]).await;
        assert_eq!(after.body, "alice", "nobody is logged out by it");
        assert_eq!(client.world.store.sessions.len(), 1);
    })
    .await;
}

/// CVE-2024-45410: where a trick makes a proxy drop the header, the request is nobody's: it has no rights, and neither
/// the session of the header nor another's goes on.
#[tokio::test]
async fn a_header_that_is_dropped_gives_no_rights() {
    everywhere(Setup::default().remote_user(header()), async |mut client| {
        send(&mut client, &[("x-remote-user", b"alice")]).await;
        assert_eq!(client.send(with("/members", &[])).await.status, 401);
        assert!(client.world.store.sessions.is_empty());
    })
    .await;
}

/// CVE-2014-0482: a browser that the proxy gives to another person is that person's, whatever cookie is in it; planted
/// or left behind, of a header or of a password.
#[tokio::test]
async fn no_cookie_outranks_the_proxy() {
    everywhere(Setup::default().remote_user(header()), async |client| {
        let mut mallory = client.another();
        send(&mut mallory, &[("x-remote-user", b"carol")]).await;
        let of_header = mallory.jar.token().unwrap().to_owned();
        let of_password = client.another().login("alice", ALICE).await;
        for planted in [of_header, of_password] {
            let request = with("/me", &[("x-remote-user", b"bob")]).cookie(&planted);
            let answer = client.bare(request).await;
            assert_eq!(answer.body, "2 bob");
            assert_ne!(answer.token().unwrap(), planted);
            let old = client.bare(Request::get("/who").from(address(PROXY)).cookie(&planted)).await;
            assert_eq!(old.body, "anonymous", "it is dead");
        }
    })
    .await;
}

/// A proxy's way of knowing its user is ambient: another site's page must not use it.
#[tokio::test]
async fn another_sites_page_does_not_act_by_the_proxy() {
    everywhere(Setup::default().remote_user(header()), async |mut client| {
        let posts = [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")];
        for (name, value) in posts {
            let post = Request::post("/act/set", &[("name", "a"), ("value", "b")]).from(address(PROXY));
            let post = post.with("host", "testserver").with("x-remote-user", "alice").with(name, value);
            let answer = client.send(post).await;
            assert_eq!((answer.status, answer.token()), (403, None), "{name}");
        }
        let socket = with("/me", &[("x-remote-user", b"alice"), ("upgrade", b"websocket")]);
        let socket = socket.with("connection", "upgrade").with("origin", "https://evil.example");
        assert_eq!(client.send(socket).await.status, 403, "CWE-1385");
        assert!(client.world.store.sessions.is_empty());
    })
    .await;
}
