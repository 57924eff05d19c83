//! Servers that do not behave.

use std::process::Command;
use std::time::Duration;

use auth_http::HttpVerifier;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::support::{
    Answer, CROWDED, Chain, DOWN, ISSUER, LATE, PATIENCE, Service, UNREADABLE, alice, alices, endpoint, raw,
    shape,
};

const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
const LIMIT: Duration = Duration::from_millis(300);

#[derive(Clone, Copy)]
enum Does {
    Hangs,
    HangsInTheHead,
    Drips,
    NeverEnds,
    SaysTooMuch,
    Cuts,
    CutsChunked,
    CutsAtOnce,
    Garbles,
}

async fn misbehave(stream: &mut TcpStream, does: Does) -> std::io::Result<()> {
    let body = r#"{"user":{"id":7}}"#;
    match does {
        Does::Hangs => {}
        Does::HangsInTheHead => stream.write_all(b"HTTP/1.1 200 O").await?,
        Does::Drips => {
            stream.write_all(format!("{HEAD}content-length: 60000\r\n\r\n").as_bytes()).await?;
            loop {
                stream.write_all(b" ").await?;
                tokio::time::sleep(LIMIT / 10).await;
            }
        }
        Does::NeverEnds => {
            stream.write_all(format!("{HEAD}transfer-encoding: chunked\r\n\r\n").as_bytes()).await?;
            loop {
                stream.write_all(format!("400\r\n{}\r\n", " ".repeat(1024)).as_bytes()).await?;
            }
        }
        Does::SaysTooMuch => {
            let head = format!("{HEAD}content-length: 999999999999\r\n\r\n");
            stream.write_all(head.as_bytes()).await?;
            loop {
                stream.write_all(&[b' '; 1024]).await?;
            }
        }
        Does::Cuts => {
            let cut = format!("{HEAD}content-length: {}\r\n\r\n{body}", body.len() + 1);
            return stream.write_all(cut.as_bytes()).await;
        }
        Does::CutsChunked => {
            let cut = format!("{HEAD}transfer-encoding: chunked\r\n\r\n11\r\n{body}\r\n");
            return stream.write_all(cut.as_bytes()).await;
        }
        Does::CutsAtOnce => return Ok(()),
        Does::Garbles => return stream.write_all(b"\x16\x03\x01 what\r\n\r\n").await,
    }
    // Until the client goes away.
    let mut rest = [0; 1024];
    while stream.read(&mut rest).await? > 0 {}
    Ok(())
}

#[tokio::test]
async fn answers_have_their_time_and_length() {
    let table = [
        ("hangs", Does::Hangs, LATE),
        ("hangs in the head", Does::HangsInTheHead, LATE),
        ("drips", Does::Drips, LATE),
        ("never ends", Does::NeverEnds, UNREADABLE),
        ("says too much", Does::SaysTooMuch, UNREADABLE),
        ("is cut off", Does::Cuts, UNREADABLE),
        ("is cut off between chunks", Does::CutsChunked, UNREADABLE),
        ("closes at once", Does::CutsAtOnce, UNREADABLE),
        ("is no HTTP", Does::Garbles, UNREADABLE),
    ];
    for (name, does, expected) in table {
        let address = raw(move |mut stream| async move { _ = misbehave(&mut stream, does).await }).await;
        let endpoint = endpoint(&format!("http://{address}/"));
        // What is found out by reading may take its time.
        let endpoint = if expected == LATE { endpoint.timeout(LIMIT) } else { endpoint };
        let chain = Chain::of(HttpVerifier::builder(endpoint, ISSUER, shape()).build().unwrap());
        let answer = timeout(PATIENCE, chain.login("alice", "wonderland")).await;
        assert_eq!(answer, Ok(Err(expected)), "{name}");
    }
}

/// A server that takes no more connections, until its queue is full and the network swallows what is sent to it.
async fn black_hole() -> (TcpListener, Vec<TcpStream>) {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(([127, 0, 0, 1], 0).into()).expect("a free port");
    let listener = socket.listen(1).expect("it listens");
    let address = listener.local_addr().expect("an address");
    let mut queue = Vec::new();
    while let Ok(Ok(stream)) = timeout(LIMIT, TcpStream::connect(address)).await {
        queue.push(stream);
    }
    (listener, queue)
}

/// A part of the time is for connecting, TLS included.
#[tokio::test]
async fn connecting_has_its_time() {
    let (listener, _queue) = black_hole().await;
    let hole = listener.local_addr().expect("an address");
    let silent = raw(|mut stream| async move { _ = misbehave(&mut stream, Does::Hangs).await }).await;
    for (name, url) in
        [("no connection", format!("http://{hole}/")), ("no TLS", format!("https://{silent}/"))]
    {
        let endpoint = endpoint(&url).connect_timeout(LIMIT);
        let chain = Chain::of(HttpVerifier::builder(endpoint, ISSUER, shape()).build().unwrap());
        // Long before all of it is given up.
        let answer = timeout(PATIENCE / 2, chain.login("alice", "wonderland")).await;
        assert_eq!(answer, Ok(Err(DOWN)), "{name}");
    }
}

/// The number of concurrent requests is limited, and further ones do not wait.
#[tokio::test]
async fn places_are_bounded() {
    let silent = raw(|mut stream| async move { _ = misbehave(&mut stream, Does::Hangs).await }).await;
    let endpoint = endpoint(&format!("http://{silent}/")).timeout(LIMIT * 5).max_at_once(2);
    let chain = Chain::of(HttpVerifier::builder(endpoint, ISSUER, shape()).build().unwrap());
    let login = || chain.login("alice", "wonderland");
    let third = async {
        tokio::task::yield_now().await;
        login().await
    };
    let (_, _, third) = tokio::join!(login(), login(), third);
    assert_eq!(third, Err(CROWDED));
    assert_eq!(login().await, Err(LATE), "the places are free again");
}

#[tokio::test]
async fn a_service_that_comes_back_is_found() {
    let service = Service::saying(Answer::status(503)).await;
    let chain = Chain::of(HttpVerifier::builder(service.endpoint(), ISSUER, shape()).build().unwrap());
    assert_eq!(chain.login("alice", "wonderland").await, Err(UNREADABLE));
    service.now_says(alice());
    assert_eq!(chain.login("alice", "wonderland").await, Ok(alices()));
}

/// Run by the next test, in a process with other variables.
#[tokio::test]
async fn ask_in_this_environment() {
    let service = Service::saying(alice()).await;
    let chain = Chain::of(HttpVerifier::builder(service.endpoint(), ISSUER, shape()).build().unwrap());
    assert_eq!(chain.login("alice", "wonderland").await, Ok(alices()));
    if std::env::var_os("AUTH_HTTP_TEST_PROXY").is_some() {
        let proxied = service.endpoint().proxy_from_environment();
        let chain = Chain::of(HttpVerifier::builder(proxied, ISSUER, shape()).build().unwrap());
        assert_eq!(chain.login("alice", "wonderland").await, Err(UNREADABLE), "where it was asked for");
    }
}

/// A proxy would read the passwords of an `http` service.
#[tokio::test]
async fn proxies_of_the_environment_are_not_asked() {
    let proxy = Service::saying(Answer::status(502)).await;
    let url = proxy.url.trim_end_matches("/verify").to_owned();
    let asked = tokio::task::spawn_blocking(move || {
        let mut child = Command::new(std::env::current_exe().expect("this program"));
        child.args(["--exact", "transport::ask_in_this_environment"]).env("AUTH_HTTP_TEST_PROXY", "1");
        for name in ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
            child.env(name, &url);
        }
        child.env_remove("no_proxy").env_remove("NO_PROXY").output().expect("it runs")
    });
    let output = asked.await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
    assert_eq!(proxy.asked(), 1, "only the one that asked for it");
}
