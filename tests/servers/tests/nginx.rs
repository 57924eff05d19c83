//! The proxy asks who it is, and says so to the site.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixListener;
use std::thread;

use test_servers::{Nginx, NginxOptions};

/// `alice:alicepw` and `alice:wrong`.
const RIGHT: &str = "Authorization: Basic YWxpY2U6YWxpY2Vwdw==";
const WRONG: &str = "Authorization: Basic YWxpY2U6d3Jvbmc=";

/// The lines of a request or an answer up to the empty one.
fn head(stream: &mut impl Read) -> Vec<String> {
    BufReader::new(stream).lines().map_while(Result::ok).take_while(|line| !line.is_empty()).collect()
}

/// Answers with the head of the request.
fn tell(mut stream: impl Read + Write) {
    let head = head(&mut stream).join("\n");
    let status = if head.contains("X-Key: wrong") { "401 Unauthorized" } else { "200 OK" };
    let length = head.len();
    write!(stream, "HTTP/1.0 {status}\r\nX-Auth-User: bob\r\nContent-Length: {length}\r\n\r\n{head}")
        .unwrap();
}

/// A site on a port.
fn site() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || listener.incoming().for_each(|stream| tell(stream.unwrap())));
    address
}

/// What comes back for a request with further headers.
fn ask(nginx: &Nginx, headers: &[&str]) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", nginx.port())).unwrap();
    let headers = headers.join("\r\n");
    write!(stream, "GET / HTTP/1.1\r\nHost: site.test\r\nConnection: close\r\n{headers}\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn naming(options: NginxOptions) -> NginxOptions {
    options.with_users(&[("alice", "alicepw")]).with("proxy_set_header", "X-Remote-User $remote_user")
}

#[test]
fn it_asks_for_a_password_and_names_who_knows_it() {
    let nginx = naming(Nginx::before(&site())).start();
    let forged = "X-Remote-User: admin";
    for refused in [vec![forged], vec![WRONG, forged]] {
        let answer = ask(&nginx, &refused);
        assert!(answer.starts_with("HTTP/1.1 401"), "{refused:?}: {answer}");
    }
    let answer = ask(&nginx, &[RIGHT, forged, "X_Remote_User: admin"]);
    assert!(answer.contains("X-Remote-User: alice") && answer.contains("Host: site.test"), "{answer}");
    assert!(!answer.contains("admin"), "{answer}");
}

#[test]
fn it_lets_look_alikes_pass_when_it_is_told_to() {
    let nginx = naming(Nginx::before(&site())).with("underscores_in_headers", "on").start();
    let answer = ask(&nginx, &[RIGHT, "X_Remote_User: admin"]);
    assert!(answer.contains("X-Remote-User: alice") && answer.contains("X_Remote_User: admin"), "{answer}");
}

#[test]
fn it_asks_a_service_and_names_whom_that_names() {
    let nginx = Nginx::before(&site())
        .with_auth_request(&format!("http://{}/verify", site()))
        .with("auth_request_set", "$user $upstream_http_x_auth_user")
        .with("proxy_set_header", "X-Remote-User $user")
        .start();
    let answer = ask(&nginx, &["X-Key: right", "X-Remote-User: admin"]);
    assert!(answer.contains("X-Remote-User: bob") && !answer.contains("admin"), "{answer}");
    let answer = ask(&nginx, &["X-Key: wrong"]);
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
}

#[test]
fn it_reaches_a_site_on_a_socket_and_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("site");
    let mut nginx = naming(Nginx::before_socket(&socket)).start();
    let answer = ask(&nginx, &[RIGHT]);
    assert!(answer.starts_with("HTTP/1.1 502") && nginx.log().contains("connect() to unix:"), "{answer}");
    let listener = UnixListener::bind(&socket).unwrap();
    thread::spawn(move || listener.incoming().for_each(|stream| tell(stream.unwrap())));
    assert!(ask(&nginx, &[RIGHT]).contains("X-Remote-User: alice"));
    nginx.kill();
    assert!(TcpStream::connect(("127.0.0.1", nginx.port())).is_err());
    nginx.start_again();
    assert!(ask(&nginx, &[RIGHT]).contains("X-Remote-User: alice"));
    nginx.stop();
}
