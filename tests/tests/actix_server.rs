//! `auth-actix` on a real server with two workers, asked byte by byte over sockets.
#![allow(missing_docs)]

use std::net::SocketAddr;

use actix_web::{App, HttpServer};
use auth_actix::AuthLayer;
use futures_util::future::join_all;
use integration_tests::actix::routes;
use integration_tests::raw::{exchange, lines};
use integration_tests::site::{Request, Site};
use integration_tests::tower::Tower;
use integration_tests::world::{ALICE, BOB, Setup, World};

/// Serves the test site on a free port.
fn serve(world: &World) -> SocketAddr {
    let site = world.clone();
    let app = move || App::new().wrap(AuthLayer::new(site.auth.clone())).configure(routes(&site));
    let server = HttpServer::new(app).workers(2).disable_signals().bind(("127.0.0.1", 0)).unwrap();
    let address = server.addrs()[0];
    actix_web::rt::spawn(server.run());
    address
}

async fn token(world: &World, username: &str, password: &str) -> String {
    let login = Request::post("/login", &[("username", username), ("password", password)]);
    Tower::new(world).send(login).await.token().unwrap()
}

#[actix_web::test]
async fn a_guard_on_a_real_server() {
    let world = Setup::default().world().await;
    let address = serve(&world);
    let requests = [
        ("GET /private", 401),
        ("HEAD /private", 401),
        ("OPTIONS /private", 401),
        ("BREW /private", 401),
        ("GET http://testserver/private", 401),
        ("GET /private?x#y", 401),
        ("GET /%70rivate", 401),
        ("GET //private", 404),
        ("GET /./private", 404),
        ("GET /private/", 404),
        ("GET /private%0a", 404),
        ("GET /open/../private", 404),
        ("OPTIONS *", 404),
    ];
    for (first, status) in requests {
        for more in [&[][..], &["content-length: 0"]] {
            let answer = exchange(address, &lines(first, more)).await;
            let refused = [status, 400].map(|status| format!("http/1.1 {status}"));
            assert!(refused.iter().any(|line| answer.starts_with(line)), "{first} {more:?}: {answer}");
            assert!(!answer.contains("secret"), "{first}: {answer}");
        }
    }
}

#[actix_web::test]
async fn cookies_on_the_wire() {
    let world = Setup::default().world().await;
    let address = serve(&world);
    let alice = format!("cookie: __Host-session={}", token(&world, "alice", ALICE).await);
    let table: [(&[&str], &str); 5] = [
        (&[], "anonymous"),
        (&[&alice], "alice"),
        (&["cookie: a=b", &alice, "cookie: c=d"], "alice"),
        (&[&alice, "cookie: __Host-session=x"], "anonymous"),
        (&["cookie: __%48ost-session=x; ;;=\"", &alice], "alice"),
    ];
    for (cookies, who) in table {
        let answer = exchange(address, &lines("GET /who", cookies)).await;
        assert!(answer.starts_with("http/1.1 200") && answer.ends_with(who), "{cookies:?}: {answer}");
    }
}

/// Many connections at once, over both workers.
#[actix_web::test]
async fn parallel_connections_see_their_own_user() {
    let world = Setup::default().world().await;
    let address = serve(&world);
    let (alice, bob) = (token(&world, "alice", ALICE).await, token(&world, "bob", BOB).await);
    let visits = (0..300).map(async |n| {
        let (cookie, name) = match n % 3 {
            0 => (String::from("cookie: a=b"), "nobody/"),
            1 => (format!("cookie: __Host-session={alice}"), "alice/"),
            _ => (format!("cookie: __Host-session={bob}"), "bob/"),
        };
        let answer = exchange(address, &lines(&format!("GET /act/yield?turns={}", n % 7), &[&cookie])).await;
        assert!(answer.ends_with(&format!("\r\n\r\n{name}")), "{n}: {answer}");
    });
    join_all(visits).await;
}
