//! Whoever signs tokens: a provider that keeps its keys, and libraries of others.

use std::io::{Read, Write};
use std::net::TcpStream;

use test_servers::{Library, Provider};

fn get(provider: &Provider, path: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", provider.port())).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: 127.0.0.1:{}\r\nconnection: close\r\n\r\n", provider.port())
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// What stands behind a name in JSON, for each time that it stands there.
fn texts<'a>(json: &'a str, name: &str) -> Vec<&'a str> {
    let marker = format!("\"{name}\":\"");
    json.split(&marker).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

#[test]
fn a_provider_has_the_keys_that_it_is_told() {
    let mut provider = Provider::signing_by("first");
    let about = get(&provider, "/.well-known/openid-configuration");
    assert_eq!(texts(&about, "issuer"), [provider.url()]);
    let first = get(&provider, "/jwks");
    assert_eq!((texts(&first, "kid"), texts(&first, "d")), (vec!["first"], vec![]));
    provider.rotate(&["second", "first"]);
    let both = get(&provider, "/jwks");
    assert_eq!(texts(&both, "kid"), ["second", "first"]);
    assert_eq!(texts(&both, "x")[1], texts(&first, "x")[0], "it is the same key");
    provider.rotate(&["second"]);
    assert_eq!(texts(&get(&provider, "/jwks"), "kid"), ["second"]);
}

#[test]
fn libraries_sign_by_the_algorithms_that_they_are_told() {
    for library in Library::ALL {
        let lines = library.sign(r#"{"sub":"alice"}"#, &["ES256", "HS256"]);
        assert_eq!(lines.len(), 2, "{library:?}: {lines:?}");
        assert!(lines.iter().all(|line| line.contains("\"token\"")), "{lines:?}");
        assert!(lines[0].contains("\"jwk\"") || lines[0].contains("\"pem\""), "{lines:?}");
        assert!(lines[1].contains("\"secret\""), "{lines:?}");
    }
}
