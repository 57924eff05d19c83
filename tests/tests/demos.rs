//! Both demos as programs: what a service manager sees of them.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;

use integration_tests::process::Demo;
use test_servers::Redis;

#[test]
fn end_cleanly_after_one_line() {
    for name in Demo::NAMES {
        let ended = Demo::start(name, &[]).terminate();
        assert!(ended.status.success(), "{name}: {ended:?}");
        assert!(ended.output.is_empty(), "{name}: {ended:?}");
    }
}

/// A second start finds what the first one made, whichever demo made it.
#[test]
fn start_again_on_the_same_database() {
    let demo = Demo::start("axum-demo", &[]).restart("actix-demo", &[]).restart("axum-demo", &[]);
    let secret = demo.folder().join("demo.sqlite3.secret");
    let mode = fs::metadata(secret).expect("a secret beside the database").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

/// Sends a request with these lines, and gives the answer.
fn exchange(demo: &Demo, first: &str, lines: &[&str], body: &str) -> String {
    let mut stream = TcpStream::connect(demo.address()).expect("the demo listens");
    let length = format!("content-length: {}", body.len());
    let head = [&[first, "host: localhost", "connection: close", &length], lines].concat().join("\r\n");
    stream.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).expect("the demo reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("the demo answers");
    answer
}

/// Logs Carol in, and gives the `Cookie` line of her session.
fn cookie(demo: &Demo) -> String {
    let body = r#"{"username": "carol", "password": "correct horse battery staple"}"#;
    let answer = exchange(demo, "POST /login HTTP/1.1", &["content-type: application/json"], body);
    let set = answer.lines().find_map(|line| line.strip_prefix("set-cookie: "));
    let pair = set.and_then(|cookie| cookie.split(';').next());
    format!("cookie: {}", pair.unwrap_or_else(|| panic!("no session: {answer}")))
}

/// The status of `/api/me` with this session.
fn me(demo: &Demo, cookie: &str) -> String {
    let answer = exchange(demo, "GET /api/me HTTP/1.1", &[cookie], "");
    assert!(!answer.contains("set-cookie"), "the cookie stays: {answer}");
    answer.split(' ').nth(1).unwrap_or_default().to_owned()
}

/// Sessions in Redis outlive the demo, whichever it is. By TLS, if the URL says so.
#[test]
fn keep_sessions_in_redis() {
    let redis = Redis::new().with_tls().start();
    let sessions = ["--sessions", &redis.url()];
    let demo = Demo::trusting(redis.authority(), "axum-demo", &sessions);
    let cookie = cookie(&demo);
    assert_eq!(me(&demo, &cookie), "200");
    let demo = demo.restart("actix-demo", &sessions);
    assert_eq!(me(&demo, &cookie), "200");
    let demo = demo.restart("axum-demo", &[]);
    let answer = exchange(&demo, "GET /api/me HTTP/1.1", &[&cookie], "");
    assert!(answer.contains(" 401 "), "the database has no sessions: {answer}");
}
