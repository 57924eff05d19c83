//! `auth-tower` around a plain service on hyper, asked byte by byte over a socket.
#![allow(missing_docs)]

use std::convert::Infallible;
use std::net::SocketAddr;

use auth_core::{Password, Require};
use auth_tower::{AuthLayer, CurrentUser, RequireLayer, Session};
use axum::response::IntoResponse;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
use integration_tests::accounts::Account;
use integration_tests::raw::{exchange, lines};
use integration_tests::world::{ALICE, Setup, World};
use tokio::net::TcpListener;
use tower::ServiceBuilder;

type Page = Response<Full<Bytes>>;

/// A site that is one function: `/login` logs alice in, everything else says who is calling.
async fn page(request: Request<Incoming>) -> Result<Page, Infallible> {
    if request.uri().path() == "/login" {
        return Ok(login(&request).await);
    }
    let user = request.extensions().get::<CurrentUser<Account>>();
    Ok(Response::new(user.map_or("anonymous".into(), |user| user.name.clone()).into()))
}

async fn login(request: &Request<Incoming>) -> Page {
    let done = async {
        let session = Session::<Account>::of(request)?;
        let alice = session.authenticate(Password::new("alice", ALICE)).await?;
        Ok::<_, auth_tower::Error>(session.login(alice).await?)
    };
    match done.await {
        Ok(_) => Response::new("welcome".into()),
        Err(error) => error.into_response().map(|_| Full::default()),
    }
}

/// Serves the page on a free port. The guard stands directly inside the layer, with no router in between.
async fn serve(world: &World, rule: Option<Require>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let layer = AuthLayer::new(world.auth.clone());
    match rule {
        Some(rule) => {
            let service = ServiceBuilder::new().layer(layer).layer(RequireLayer::new(rule)).service_fn(page);
            tokio::spawn(answer(listener, service));
        }
        None => _ = tokio::spawn(answer(listener, ServiceBuilder::new().layer(layer).service_fn(page))),
    }
    address
}

async fn answer<S>(listener: TcpListener, service: S)
where
    S: tower::Service<Request<Incoming>, Response = Page, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    while let Ok((stream, _)) = listener.accept().await {
        let service = TowerToHyperService::new(service.clone());
        tokio::spawn(async move {
            let connection = hyper::server::conn::http1::Builder::new();
            // A client that breaks the protocol ends its own connection only.
            let _ = connection.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn login_at(address: SocketAddr) -> String {
    let answer = exchange(address, &lines("POST /login", &[])).await;
    assert!(answer.starts_with("http/1.1 200") && answer.ends_with("welcome"), "{answer}");
    let mut cookies = answer.lines().filter_map(|line| line.strip_prefix("set-cookie: __host-session="));
    cookies.next().expect("a cookie").split(';').next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_plain_service_knows_its_caller() {
    let world = Setup::default().world().await;
    let address = serve(&world, None).await;
    assert!(exchange(address, &lines("GET /", &[])).await.ends_with("\r\n\r\nanonymous"));
    login_at(address).await;
    let basic = "authorization: Basic YWxpY2U6d29uZGVybGFuZA==";
    let answer = exchange(address, &lines("GET /", &[basic])).await;
    assert!(answer.ends_with("alice") && answer.contains("cache-control: no-store"), "{answer}");
    assert!(exchange(address, &lines("GET /", &[basic, basic])).await.starts_with("http/1.1 400"));
    let other_site = ["sec-fetch-site: cross-site", "content-length: 0"];
    assert!(exchange(address, &lines("POST /login", &other_site)).await.starts_with("http/1.1 403"));
}

/// What routers and clients would not even let through, straight from the socket.
#[tokio::test]
async fn a_guard_directly_inside_the_layer() {
    let world = Setup::default().world().await;
    let address = serve(&world, Some(Require::login())).await;
    let requests = [
        lines("GET /", &[]),
        lines("HEAD /", &[]),
        lines("OPTIONS *", &[]),
        lines("GET http://testserver/private", &[]),
        lines("BREW //x/../%00%0a", &[]),
        lines("GET /", &["upgrade: websocket", "connection: upgrade", "sec-websocket-version: 13"]),
        lines("GET /", &["cookie: __Host-session=", "cookie: ;;;=\u{fc}"]),
        lines("POST /login", &["content-length: 0"]),
        b"GET / HTTP/1.0\r\n\r\n".to_vec(),
    ];
    for request in requests {
        let shown = String::from_utf8_lossy(&request).into_owned();
        let answer = exchange(address, &request).await;
        assert!(
            answer.contains(" 401 unauthorized") && answer.contains("www-authenticate: basic"),
            "{shown}{answer}"
        );
        assert!(!answer.contains("anonymous") && !answer.contains(" 101 "), "{shown}{answer}");
    }
    let navigation = ["sec-fetch-mode: navigate", "sec-fetch-dest: document"];
    let answer = exchange(address, &lines("GET /a?b=c", &navigation)).await;
    assert!(answer.contains(" 303 ") && answer.contains("location: /login?next=/a%3fb%3dc"), "{answer}");
    let basic = "authorization: Basic YWxpY2U6d29uZGVybGFuZA==";
    assert!(exchange(address, &lines("GET /", &[basic])).await.ends_with("alice"));
}

/// RFC 9113 §8.2.3: over HTTP/2 each cookie may come in a line of its own.
#[tokio::test]
async fn http2_cookies_in_lines_of_their_own() {
    let world = Setup::default().world().await;
    let (client, server) = tokio::io::duplex(64 * 1024);
    let service = ServiceBuilder::new().layer(AuthLayer::new(world.auth.clone())).service_fn(page);
    let connection = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(server), TowerToHyperService::new(service));
    tokio::spawn(connection);
    let (mut sender, driver) = hyper::client::conn::http2::Builder::new(TokioExecutor::new())
        .handshake::<_, Full<Bytes>>(TokioIo::new(client))
        .await
        .unwrap();
    tokio::spawn(driver);
    let request = |path: &str, cookies: &[&str]| {
        let request = Request::builder().method("POST").uri(format!("https://testserver{path}"));
        let with = cookies.iter().fold(request, |request, cookie| request.header("cookie", *cookie));
        with.body(Full::default()).unwrap()
    };
    let login = sender.send_request(request("/login", &[])).await.unwrap();
    let cookie = login.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let table = [(vec!["a=b", &cookie, "c=d"], "alice"), (vec![&cookie, "__Host-session=x"], "anonymous")];
    for (cookies, who) in table {
        let response = sender.send_request(request("/", &cookies)).await.unwrap();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, who, "{cookies:?}");
    }
    let own = request("/", &[&cookie]);
    let (mut parts, body) = own.into_parts();
    parts.headers.insert("origin", "https://testserver".parse().unwrap());
    let response = sender.send_request(Request::from_parts(parts.clone(), body.clone())).await.unwrap();
    assert_eq!(response.status(), 200, "`:authority` is the host that the origin is compared with");
    parts.headers.insert("origin", "https://evil.example".parse().unwrap());
    let response = sender.send_request(Request::from_parts(parts, body)).await.unwrap();
    assert_eq!(response.status(), 403);
}

/// RFC 8441: over HTTP/2 a WebSocket is a CONNECT with a protocol, whose stream stays open.
#[tokio::test]
async fn http2_websockets_are_programs_and_have_callers() {
    let world = Setup::default().world().await;
    let (client, server) = tokio::io::duplex(64 * 1024);
    let layers = ServiceBuilder::new().layer(AuthLayer::new(world.auth.clone()));
    let service = layers.layer(RequireLayer::new(Require::login())).service_fn(page);
    let mut connection = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
    connection.enable_connect_protocol();
    let connection = connection.serve_connection(TokioIo::new(server), TowerToHyperService::new(service));
    let connection = tokio::spawn(connection);
    let (mut sender, driver) = hyper::client::conn::http2::Builder::new(TokioExecutor::new())
        .handshake::<_, Full<Bytes>>(TokioIo::new(client))
        .await
        .unwrap();
    tokio::spawn(driver);
    let mut ask = async |headers: &[(&str, &str)]| {
        let request = Request::builder().method("CONNECT").uri("https://testserver/chat");
        let request = request.extension(hyper::ext::Protocol::from_static("websocket"));
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        // What the stream of a refused one still brings is not waited for.
        sender.send_request(request.body(Full::default()).unwrap()).await.unwrap()
    };
    let basic = ("authorization", "Basic YWxpY2U6d29uZGVybGFuZA==");
    let navigation = ("sec-fetch-mode", "websocket");
    let refused = ask(&[navigation]).await;
    assert_eq!((refused.status().as_u16(), refused.headers().get("location")), (401, None));
    let accepted = ask(&[basic, ("origin", "https://testserver")]).await;
    assert_eq!(accepted.status(), 200);
    let of_another_site = ask(&[basic, ("origin", "https://evil.example")]).await;
    assert_eq!(of_another_site.status(), 403);
    connection.abort();
}
