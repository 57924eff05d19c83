//! From which address a request came, through nginx with its usual lines.

use auth_core::http::Basic;
use integration_tests::raw::{exchange_over, lines};
use integration_tests::world::{Setup, World};
use test_servers::{Nginx, NginxOptions};
use tokio::net::TcpSocket;

use crate::{PROXY, sites};

/// Where the client connects from.
const CLIENT: &str = "127.0.0.3";
/// Guesses a password, which is an event.
const GUESS: &str = "authorization: Basic YWxpY2U6d3Jvbmc=";

/// What a client sends along.
const CLAIMS: [&[&str]; 6] = [
    &[],
    &["x-forwarded-for: 198.51.100.6"],
    &["x-forwarded-for: 198.51.100.6", "x-forwarded-for: 127.0.0.2"],
    &["forwarded: for=198.51.100.6;proto=https", "forwarded: for=\"198.51.100.6"],
    &["x-real-ip: 198.51.100.6", "x-client-ip: 198.51.100.6", "x-forwarded-proto: https"],
    &[
        "x-forwarded-prefix: /evil",
        "x-forwarded-host: evil.example",
        "connection: close, x-forwarded-for, forwarded",
    ],
];

/// As everybody's configuration says, word for word.
fn usual(nginx: NginxOptions) -> NginxOptions {
    nginx
        .with("proxy_set_header", "X-Real-IP $remote_addr")
        .with("proxy_set_header", "X-Forwarded-For $proxy_add_x_forwarded_for")
        .with("proxy_set_header", "X-Forwarded-Proto $scheme")
}

async fn ask(port: u16, path: &str, headers: &[&str]) -> String {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(format!("{CLIENT}:0").parse().unwrap()).unwrap();
    let stream = socket.connect(([127, 0, 0, 1], port).into()).await.unwrap();
    exchange_over(stream, &lines(&format!("GET {path}"), headers)).await
}

/// From where a guess seems to come that is sent along with each of the claims.
async fn seen(world: &World, port: u16) -> Vec<String> {
    world.events.take_clients();
    for claim in CLAIMS {
        let answer = ask(port, "/me", &[&[GUESS], claim].concat()).await;
        assert!(answer.starts_with("http/1.1 401"), "{claim:?}: {answer}");
    }
    world.events.take_clients()
}

fn setup(proxy: &'static str, header: &'static str) -> Setup {
    Setup::default()
        .configure(move |auth| auth.login_page("/login").trusted_proxy(proxy).forwarded_for_header(header))
}

#[actix_web::test]
async fn nginx_tells_the_address_in_the_header_that_is_named() {
    let replaces = |nginx: NginxOptions| {
        usual(nginx).with("proxy_set_header", "Forwarded 'for=\"$remote_addr:$remote_port\";proto=$scheme'")
    };
    for header in ["X-Forwarded-For", "X-Real-IP", "Forwarded"] {
        let world = setup(PROXY, header).world().await;
        let folder = tempfile::tempdir().unwrap();
        for (name, site) in sites(&world, folder.path()).await {
            let nginx = replaces(Nginx::before(&site.to_string()).with("proxy_bind", PROXY)).start();
            assert_eq!(seen(&world, nginx.port()).await, [CLIENT], "{name}: {header}");
            let elsewhere =
                replaces(Nginx::before(&site.to_string()).with("proxy_bind", "127.0.0.4")).start();
            assert_eq!(seen(&world, elsewhere.port()).await, ["127.0.0.4"], "{name}: it is not trusted");
            assert_eq!(seen(&world, site.port()).await, [CLIENT], "{name}: past nginx");
        }
    }
}

#[actix_web::test]
async fn nginx_tells_the_address_over_a_unix_socket() {
    for (proxy, expected) in [("unix:", CLIENT), (PROXY, "-")] {
        let world = setup(proxy, "X-Forwarded-For").world().await;
        let folder = tempfile::tempdir().unwrap();
        for (name, site) in sites(&world, folder.path()).await {
            let nginx = usual(Nginx::before_socket(&folder.path().join(name))).start();
            assert_eq!(seen(&world, nginx.port()).await, [expected], "{name}");
            assert_eq!(seen(&world, site.port()).await, [CLIENT], "{name}: past nginx");
        }
    }
}

/// Two proxies, each of which adds what it saw.
#[actix_web::test]
async fn the_address_is_told_through_two_proxies() {
    let both = setup("127.0.0.4/30", "X-Forwarded-For").world().await;
    let one_only = setup("127.0.0.4", "X-Forwarded-For").world().await;
    for (world, expected) in [(both, CLIENT), (one_only, "127.0.0.5")] {
        let folder = tempfile::tempdir().unwrap();
        for (name, site) in sites(&world, folder.path()).await {
            let inner = usual(Nginx::before(&site.to_string()).with("proxy_bind", "127.0.0.4")).start();
            let address = format!("127.0.0.1:{}", inner.port());
            let outer = usual(Nginx::before(&address).with("proxy_bind", "127.0.0.5")).start();
            assert_eq!(seen(&world, outer.port()).await, [expected], "{name}");
        }
    }
}

/// nginx serves in the clear and says so; what a client says of it, and where the site is said to be, changes nothing.
#[actix_web::test]
async fn what_nginx_passes_through_is_not_read() {
    let strict = Setup::default().basic(None).configure(|auth| {
        let auth = auth.scheme(Basic::new("tests").unwrap());
        auth.login_page("/login").trusted_proxy(PROXY)
    });
    let world = strict.world().await;
    let folder = tempfile::tempdir().unwrap();
    for (name, site) in sites(&world, folder.path()).await {
        let nginx = usual(Nginx::before(&site.to_string()).with("proxy_bind", PROXY)).start();
        for claim in CLAIMS {
            let answer = ask(nginx.port(), "/me", &[&[GUESS], claim].concat()).await;
            assert!(answer.starts_with("http/1.1 403"), "{name}: {claim:?}: {answer}");
            let navigates = ["sec-fetch-mode: navigate", "sec-fetch-dest: document"];
            let answer = ask(nginx.port(), "/private", &[&navigates, claim].concat()).await;
            assert!(answer.contains("\r\nlocation: /login?next=/private\r\n"), "{name}: {claim:?}: {answer}");
        }
    }
}
