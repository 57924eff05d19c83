//! A real nginx before real servers of both frameworks.
#![allow(missing_docs)]

mod client_address;
mod remote_user;
mod uploads;

use std::net::SocketAddr;
use std::path::Path;

use actix_web::{App, HttpServer};
use auth_actix::AuthLayer;
use axum::{Extension, Router};
use integration_tests::actix::routes;
use integration_tests::raw::{exchange, lines};
use integration_tests::tower::Tower;
use integration_tests::world::World;
use tokio::net::{TcpListener, UnixListener};

/// Where nginx connects from: on the loopback interface, and not where others do.
const PROXY: &str = "127.0.0.2";

/// Serves axum on a free port.
async fn serve(app: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

/// The test site on both frameworks, each on a port of its own and on a Unix socket in this folder.
async fn sites(world: &World, folder: &Path) -> [(&'static str, SocketAddr); 2] {
    let app = Tower::new(world).router();
    let listener = UnixListener::bind(folder.join("axum")).unwrap();
    let on_socket = app.clone().layer(Extension(auth_tower::UnixSocket));
    tokio::spawn(async move { axum::serve(listener, on_socket).await });

    let site = world.clone();
    let new = move || App::new().wrap(AuthLayer::new(site.auth.clone())).configure(routes(&site));
    let server = HttpServer::new(new).workers(1).disable_signals().on_connect(auth_actix::UnixSocket::note);
    let server = server.bind(("127.0.0.1", 0)).unwrap();
    let address = server.addrs()[0];
    let listener = std::os::unix::net::UnixListener::bind(folder.join("actix")).unwrap();
    actix_web::rt::spawn(server.listen_uds(listener).unwrap().run());
    [("axum", serve(app).await), ("actix", address)]
}

async fn ask(port: u16, path: &str, headers: &[&str]) -> (String, String) {
    let answer = exchange(([127, 0, 0, 1], port).into(), &lines(&format!("GET {path}"), headers)).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    (head.get(9..12).unwrap_or_default().to_owned(), body.to_owned())
}

fn status(code: &str, body: &str) -> (String, String) {
    (code.to_owned(), body.to_owned())
}
