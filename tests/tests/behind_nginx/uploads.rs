//! Uploads that are refused, by a guard or by the layer, behind a real nginx and without one: the answer arrives.
//!
//! A server that closes in the middle of an upload has its connection reset, and nginx makes a 502 of the refusal.

use std::net::SocketAddr;

use integration_tests::raw::lines;
use integration_tests::world::Setup;
use test_servers::Nginx;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::sites;

/// How often each is tried: a reset comes before the answer or behind it.
const TIMES: usize = 4;

/// The status of the answer to an upload; none if the connection is reset before it is there.
async fn upload(port: u16, headers: &[&str], len: usize) -> String {
    let length = format!("content-length: {len}");
    let head =
        lines("POST /private", &[&[&*length, "content-type: application/octet-stream"], headers].concat());
    let (mut answers, mut requests) = TcpStream::connect(("127.0.0.1", port)).await.unwrap().into_split();
    let sending = tokio::spawn(async move {
        let chunk = vec![b'x'; 64 * 1024];
        let mut left = len;
        requests.write_all(&head).await.ok()?;
        while left > 0 {
            let now = left.min(chunk.len());
            requests.write_all(&chunk[..now]).await.ok()?;
            left -= now;
        }
        Some(requests)
    });
    let mut answer = Vec::new();
    // As a client does that sends all before it reads.
    let whole = sending.await.unwrap();
    _ = answers.read_to_end(&mut answer).await;
    drop(whole);
    String::from_utf8_lossy(&answer).get(9..12).unwrap_or_default().to_owned()
}

#[actix_web::test]
async fn the_refusal_of_an_upload_arrives() {
    let world = Setup::default().world().await;
    let folder = tempfile::tempdir().unwrap();
    let refusals: [(&str, &[&str], &str); 3] = [
        ("a guard's", &[], "401"),
        ("the layer's, of credentials", &["authorization: Basic YWxpY2U6d3Jvbmc="], "401"),
        ("the layer's, at once", &["authorization: Basic YQ==", "authorization: Basic Yg=="], "400"),
    ];
    for (name, site) in sites(&world, folder.path()).await {
        let nginx = Nginx::before(&site.to_string()).with("client_max_body_size", "64m").start();
        for (what, headers, status) in refusals {
            for len in [2_000_000, 30_000_000] {
                for _ in 0..TIMES {
                    let got = upload(nginx.port(), headers, len).await;
                    assert_eq!(got, status, "{name} behind nginx: {what} of {len} bytes");
                    let got = upload(site.port(), headers, len).await;
                    assert_eq!(got, status, "{name}: {what} of {len} bytes");
                }
            }
        }
        if name == "axum" {
            asks_for_nothing_that_is_refused(site).await;
        }
    }
}

/// A client that waits for a 100 is told at once, and keeps its upload. (actix-web asks everybody by itself, and reads what it refuses.)
async fn asks_for_nothing_that_is_refused(site: SocketAddr) {
    let head = lines("POST /private", &["content-length: 2000000", "expect: 100-continue"]);
    let mut stream = TcpStream::connect(site).await.unwrap();
    stream.write_all(&head).await.unwrap();
    let mut start = [0; 12];
    stream.read_exact(&mut start).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&start), "HTTP/1.1 401");
}
