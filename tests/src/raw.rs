//! HTTP/1 by hand, straight on the socket.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Sends these bytes, and reads until the server closes.
pub async fn exchange(address: SocketAddr, request: &[u8]) -> String {
    exchange_over(TcpStream::connect(address).await.unwrap(), request).await
}

/// The same over this connection.
pub async fn exchange_over(mut stream: TcpStream, request: &[u8]) -> String {
    stream.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).to_ascii_lowercase()
}

/// A request with these lines after the first.
pub fn lines(first: &str, more: &[&str]) -> Vec<u8> {
    let first = format!("{first} HTTP/1.1\r\nhost: testserver\r\nconnection: close");
    let mut lines = vec![first.as_str()];
    lines.extend(more);
    (lines.join("\r\n") + "\r\n\r\n").into_bytes()
}
