//! Both demos as programs: what a service manager sees of them.

mod factors;
mod pages;

use std::fs;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::sync::mpsc;
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
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
    try_exchange(demo.address(), first, lines, body).expect("the demo answers")
}

/// The same, of a demo that may be ending: then what it answered may be nothing.
fn try_exchange(address: &str, first: &str, lines: &[&str], body: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    let length = format!("content-length: {}", body.len());
    let head = [&[first, "host: localhost", "connection: close", &length], lines].concat().join("\r\n");
    stream.write_all(format!("{head}\r\n\r\n{body}").as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// Logs Carol in, and gives the `Cookie` line of her session.
fn cookie(demo: &Demo) -> String {
    try_cookie(demo.address()).expect("a session")
}

fn try_cookie(address: &str) -> Option<String> {
    let body = r#"{"username": "carol", "password": "correct horse battery staple"}"#;
    let answer = try_exchange(address, "POST /login HTTP/1.1", &["content-type: application/json"], body);
    let answer = answer.ok()?;
    let set = answer.lines().find_map(|line| line.strip_prefix("set-cookie: "))?;
    Some(format!("cookie: {}", set.split(';').next()?))
}

/// The status of `/api/me` with this session.
fn me(demo: &Demo, cookie: &str) -> String {
    let answer = exchange(demo, "GET /api/me HTTP/1.1", &[cookie], "");
    assert!(!answer.contains("set-cookie"), "the cookie stays: {answer}");
    answer.split(' ').nth(1).unwrap_or_default().to_owned()
}

/// A service manager ends the process while logins and logouts are under way: what was answered is so for ever.
#[test]
fn nothing_that_was_answered_is_lost_at_the_end() {
    for name in Demo::NAMES {
        let demo = Demo::start(name, &[]);
        let (tell, answered) = mpsc::channel();
        let clients: Vec<_> = (0..8)
            .map(|_| {
                let (address, tell) = (demo.address().to_owned(), tell.clone());
                // Until the demo listens no more.
                thread::spawn(move || {
                    while let Some((kept, left)) = try_cookie(&address).zip(try_cookie(&address)) {
                        tell.send((kept, "200")).expect("the test listens");
                        let answer = try_exchange(&address, "POST /logout HTTP/1.1", &[&left], "");
                        if answer.is_ok_and(|answer| answer.starts_with("HTTP/1.1 303")) {
                            tell.send((left, "401")).expect("the test listens");
                        }
                    }
                })
            })
            .collect();
        drop(tell);
        let mut sessions: Vec<_> = answered.iter().take(20).collect();
        let demo = demo.restart(name, &[]);
        for client in clients {
            client.join().expect("a client ends");
        }
        sessions.extend(answered);
        for (session, expected) in sessions {
            assert_eq!(me(&demo, &session), expected, "{name}");
        }
    }
}

/// With the defaults: five wrong ones, whoever is named and by whichever way, and no sixth. Who signed in on a device before
/// is not kept out by others.
#[test]
fn stop_guessing() {
    let redis = Redis::new().start();
    let in_redis = ["--sessions", &redis.url()];
    for (name, arguments) in Demo::NAMES.iter().flat_map(|name| [(name, &[][..]), (name, &in_redis)]) {
        let demo = Demo::start(name, arguments);
        let form = |name: &str, password: &str, cookies: &str| {
            let body = format!("username={name}&password={password}");
            let kind = "content-type: application/x-www-form-urlencoded";
            exchange(&demo, "POST /login HTTP/1.1", &[kind, cookies], &body)
        };
        let json = |name: &str| {
            let body = format!(r#"{{"username": "{name}", "password": "guess"}}"#);
            exchange(&demo, "POST /login HTTP/1.1", &["content-type: application/json"], &body)
        };
        let basic = |name: &str| {
            let credentials = STANDARD.encode(format!("{name}:another guess"));
            exchange(&demo, "GET /api/me HTTP/1.1", &[&format!("authorization: Basic {credentials}")], "")
        };
        let signed_in = form("bob", "builder", "accept: */*");
        let cookies: Vec<_> = signed_in
            .lines()
            .filter_map(|line| line.strip_prefix("set-cookie: ")?.split(';').next())
            .collect();
        assert_eq!(cookies.len(), 2, "{name}: {signed_in}");
        let cookies = format!("cookie: {}", cookies.join("; "));
        for user in ["alice", "nobody", "bob"] {
            for n in 0..5 {
                let answer = match n % 3 {
                    0 => form(user, &format!("guess{n}"), "accept: */*"),
                    1 => json(user),
                    _ => basic(user),
                };
                assert!(answer.starts_with("HTTP/1.1 401"), "{name}, {user}, {n}: {answer}");
            }
            for answer in [form(user, "guess", "accept: */*"), json(user), basic(user)] {
                assert!(answer.starts_with("HTTP/1.1 429"), "{name}, {user}: {answer}");
                assert!(answer.contains("\r\nretry-after: "), "{name}, {user}: {answer}");
            }
        }
        let again = form("bob", "builder", &cookies);
        assert!(again.starts_with("HTTP/1.1 303"), "{name}: {again}");
    }
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

/// A key is made by a session, shown once, kept over a restart as a hash, and gone with the next request after it was revoked.
#[test]
fn take_api_keys() {
    for name in Demo::NAMES {
        let demo = Demo::start(name, &[]);
        let session = cookie(&demo);
        let json = "content-type: application/json";
        let new = r#"{"name": "export", "scopes": ["members"], "owner": "1"}"#;
        let created = exchange(&demo, "POST /account/keys HTTP/1.1", &[json, &session], new);
        assert!(created.starts_with("HTTP/1.1 201"), "{name}: {created}");
        let body: serde_json::Value =
            serde_json::from_str(created.split("\r\n\r\n").nth(1).expect("a body")).expect("JSON");
        let (id, key) = (body["id"].as_str().expect("an id"), body["key"].as_str().expect("a key"));
        let by_key = format!("authorization: Bearer {key}");
        let me = exchange(&demo, "GET /api/me HTTP/1.1", &[&by_key], "");
        assert!(me.contains(r#""username":"carol","backend":"keys""#), "{name}: {me}");
        let listed =
            exchange(&demo, "GET /account/keys HTTP/1.1", &[&session, "accept: application/json"], "");
        assert!(
            listed.contains(id) && listed.contains("export") && !listed.contains(key),
            "{name}: {listed}"
        );
        for request in ["POST /account/keys HTTP/1.1", "GET /account/keys HTTP/1.1"] {
            let refused = exchange(&demo, request, &[json, &by_key], new);
            assert!(refused.starts_with("HTTP/1.1 401"), "a key makes no keys: {name}: {refused}");
        }
        for bad in ["", r#"{"name": ""}"#] {
            let refused = exchange(&demo, "POST /account/keys HTTP/1.1", &[json, &session], bad);
            assert!(refused.starts_with("HTTP/1.1 400"), "{name}: {refused}");
        }
        let demo = demo.restart(name, &[]);
        assert!(exchange(&demo, "GET /api/me HTTP/1.1", &[&by_key], "").starts_with("HTTP/1.1 200"));
        let delete = format!("DELETE /account/keys/{id} HTTP/1.1");
        assert!(exchange(&demo, &delete, &[&session], "").starts_with("HTTP/1.1 204"), "{name}");
        let refused = exchange(&demo, "GET /api/me HTTP/1.1", &[&by_key], "");
        assert!(refused.starts_with("HTTP/1.1 401"), "{name}: {refused}");
        assert!(refused.contains(r#"Bearer realm="demo", error="invalid_token""#), "{name}: {refused}");
        let nobodys = exchange(&demo, "DELETE /account/keys/00000000000 HTTP/1.1", &[&session], "");
        assert!(nobodys.starts_with("HTTP/1.1 404"), "{name}: {nobodys}");
        let secret = &key.as_bytes()["demo_".len() + 11..];
        for file in fs::read_dir(demo.folder()).expect("the demo's folder") {
            let file = fs::read(file.expect("a file").path()).expect("it can be read");
            assert!(!file.windows(16).any(|some| some == &secret[..16]), "{name}: the database holds a hash");
        }
    }
}
