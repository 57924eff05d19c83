//! Users whom a real nginx names, before real servers of both frameworks.

use std::net::SocketAddr;

use auth_core::remote_user::RemoteUserHeader;
use axum::Router;
use axum::http::HeaderMap;
use axum::routing::get;
use integration_tests::world::{Setup, World};
use test_servers::{Nginx, NginxOptions};

use crate::{PROXY, ask, serve, sites, status};

const ALICE: &str = "authorization: Basic YWxpY2U6YWxpY2Vwdw==";
/// The site does not know her.
const MALLORY: &str = "authorization: Basic bWFsbG9yeTptYWxsb3J5cHc=";

fn header() -> RemoteUserHeader {
    RemoteUserHeader::new("X-Remote-User").unwrap()
}

async fn world(header: RemoteUserHeader) -> World {
    Setup::default().remote_user(header).world().await
}

/// As the recipe says.
fn as_recommended(nginx: NginxOptions) -> NginxOptions {
    nginx
        .with_users(&[("alice", "alicepw"), ("mallory", "mallorypw")])
        .with("proxy_set_header", "X-Remote-User $remote_user")
        .with("proxy_set_header", "Authorization ''")
}

/// Whatever a client sends along, alice is whom nginx knows: its name replaces the client's.
async fn a_client_chooses_no_name(name: &str, nginx: u16) {
    let tricks: [&[&str]; 8] = [
        &[],
        &["x-remote-user: bob"],
        &["X-REMOTE-USER: bob", "x-remote-user: carol"],
        &["X_Remote_User: bob"],
        &["x.remote.user: bob"],
        &["x-remote-user: bob", "x_remote_user: bob", "x-forwarded-for: 127.0.0.2"],
        &["connection: X-Remote-User"],
        &["connection: close, x-remote-user", "x-remote-user: bob"],
    ];
    for trick in tricks {
        let got = ask(nginx, "/me", &[&[ALICE], trick].concat()).await;
        assert_eq!(got, status("200", "1 alice"), "{name}: {trick:?}");
        let got = ask(nginx, "/headers", &[&[ALICE], trick].concat()).await;
        assert!(
            got.1.split(' ').all(|header| ["x-forwarded-for", "x-remote-user"].contains(&header)),
            "{got:?}"
        );
        assert_eq!(ask(nginx, "/me", trick).await.0, "401", "{name}: {trick:?}: nginx knows nobody");
        let got = ask(nginx, "/private", &[&[MALLORY], trick].concat()).await.0;
        assert_eq!(got, "403", "{name}: {trick:?}: the site does not know whom nginx knows");
    }
}

/// Who reaches the site past its proxy names nobody.
async fn past_the_proxy_there_is_nobody(name: &str, site: SocketAddr) {
    for target in
        ["x-remote-user: alice", "x_remote_user: alice", "X-Remote-User: alice\r\nx-forwarded-for: 127.0.0.2"]
    {
        for path in ["/who", "/headers", "/private"] {
            assert_eq!(ask(site.port(), path, &[target]).await.0, "400", "{name}: {target}");
        }
    }
    assert_eq!(ask(site.port(), "/who", &[]).await, status("200", "anonymous"), "{name}");
}

#[actix_web::test]
async fn nginx_names_the_user_over_tcp() {
    let world = world(header().trusted_peer(PROXY).unwrap()).await;
    let folder = tempfile::tempdir().unwrap();
    for (name, site) in sites(&world, folder.path()).await {
        let nginx = Nginx::before(&site.to_string()).with("proxy_bind", PROXY);
        let nginx = as_recommended(nginx).start();
        a_client_chooses_no_name(name, nginx.port()).await;
        past_the_proxy_there_is_nobody(name, site).await;
        let on_socket = as_recommended(Nginx::before_socket(&folder.path().join(name))).start();
        let got = ask(on_socket.port(), "/who", &[ALICE]).await;
        assert_eq!(got.0, "400", "{name}: the socket is not trusted");
    }
}

#[actix_web::test]
async fn nginx_names_the_user_over_a_unix_socket() {
    let world = world(header().trusted_unix_socket()).await;
    let folder = tempfile::tempdir().unwrap();
    for (name, site) in sites(&world, folder.path()).await {
        let nginx = as_recommended(Nginx::before_socket(&folder.path().join(name))).start();
        a_client_chooses_no_name(name, nginx.port()).await;
        past_the_proxy_there_is_nobody(name, site).await;
    }
}

/// An nginx that was told to let look-alikes through.
#[actix_web::test]
async fn look_alikes_that_nginx_lets_through_are_refused() {
    let world = world(header().trusted_peer(PROXY).unwrap()).await;
    let folder = tempfile::tempdir().unwrap();
    for (name, site) in sites(&world, folder.path()).await {
        let nginx = Nginx::before(&site.to_string()).with("proxy_bind", PROXY);
        let nginx =
            as_recommended(nginx).with("underscores_in_headers", "on").with("ignore_invalid_headers", "off");
        let nginx = nginx.start();
        for look_alike in ["X_Remote_User: bob", "x-remote_user: bob", "x.remote.user: bob"] {
            let got = ask(nginx.port(), "/me", &[ALICE, look_alike]).await.0;
            assert_eq!(got, "400", "{name}: {look_alike}");
        }
        assert_eq!(ask(nginx.port(), "/me", &[ALICE]).await, status("200", "1 alice"), "{name}");
    }
}

/// As oauth2-proxy and Authelia are asked.
#[actix_web::test]
async fn a_service_that_nginx_asks_names_the_user() {
    let world = world(header().trusted_peer(PROXY).unwrap()).await;
    let folder = tempfile::tempdir().unwrap();
    let judge = async |headers: HeaderMap| {
        let knows = headers.get("cookie").is_some_and(|cookie| cookie == "sso=alice");
        if knows {
            (axum::http::StatusCode::NO_CONTENT, [("x-auth-request-user", "alice")])
        } else {
            (axum::http::StatusCode::UNAUTHORIZED, [("x-auth-request-user", "")])
        }
    };
    let judge = serve(Router::new().route("/", get(judge))).await;
    for (name, site) in sites(&world, folder.path()).await {
        let nginx = Nginx::before(&site.to_string())
            .with("proxy_bind", PROXY)
            .with_auth_request(&format!("http://{judge}/"))
            .with("auth_request_set", "$user $upstream_http_x_auth_request_user")
            .with("proxy_set_header", "X-Remote-User $user")
            .start();
        let tricks =
            ["accept: */*", "x-remote-user: bob", "x-auth-request-user: bob", "connection: x-remote-user"];
        for trick in tricks {
            let got = ask(nginx.port(), "/me", &["cookie: sso=alice", trick]).await;
            assert_eq!(got, status("200", "1 alice"), "{name}: {trick}");
            assert_eq!(ask(nginx.port(), "/me", &[trick]).await.0, "401", "{name}: {trick}");
        }
    }
}
