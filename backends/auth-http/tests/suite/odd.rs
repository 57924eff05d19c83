//! An error that the input causes is not an outage: odd input keeps nobody else out.

use std::time::Duration;

use auth_core::backend::{Attempt, BackendError, Identity, Outcome, Verifier};
use auth_core::conformance::backend::{odd, odd_passwords};
use auth_core::{BearerToken, DeniedKind, Password, RequestFacts};
use auth_http::{HttpVerifier, Introspection};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{
    Answer, Chain, ISSUER, Refused, Seen, Service, alice, alices, backend, endpoint, shape,
};

/// How many odd attempts come before another user's.
const ODD: usize = 50;

fn is_odd(seen: &Seen) -> bool {
    seen.body.contains("odd")
}

fn verifier(service: &Service) -> HttpVerifier {
    HttpVerifier::builder(service.endpoint(), ISSUER, shape()).build().unwrap()
}

/// Whatever status an odd name is answered by: the attempt is a 503, and the next one is judged.
#[tokio::test]
async fn a_status_is_about_one_name() {
    for status in (400..=599).filter(|status| *status != 401) {
        let says = move |seen: &Seen| if is_odd(seen) { Answer::status(status) } else { alice() };
        let service = Service::start(says).await;
        let chain = Chain::of(verifier(&service));
        for n in 0..6 {
            let denied =
                chain.auth.authenticate(Password::new(format!("odd{n}"), "x"), &RequestFacts::none()).await;
            assert_eq!(denied.unwrap_err().kind(), DeniedKind::Unavailable, "{status}: no wrong password");
        }
        assert_eq!(chain.login("alice", "wonderland").await, Ok(alices()), "{status}");
    }
}

/// The statuses that frameworks answer odd input by, many times.
#[tokio::test]
async fn many_odd_names_keep_nobody_out() {
    for status in [400, 413, 414, 422, 431, 500] {
        let says = move |seen: &Seen| if is_odd(seen) { Answer::status(status) } else { alice() };
        let service = Service::start(says).await;
        let chain = Chain::of(verifier(&service));
        for n in 0..ODD {
            assert!(chain.login(&format!("odd{n}"), "x").await.is_err());
            assert_eq!(chain.login("alice", "wonderland").await, Ok(alices()), "{status}, after {n}");
        }
    }
}

/// A service that judges by JSON, and calls what is odd unprocessable.
#[tokio::test]
async fn the_suites_odd_input_is_about_itself() {
    let says = |seen: &Seen| {
        let sent = seen.json();
        match (sent["username"].as_str().unwrap(), sent["password"].as_str().unwrap()) {
            ("alice", "wonderland") => alice(),
            (username, password) if !(username.is_ascii() && password.is_ascii()) => Answer::status(422),
            _ => Answer::status(401),
        }
    };
    let service = Service::start(says).await;
    let right = Password::new("alice", "wonderland");
    odd(backend(verifier(&service)), right.clone(), odd_passwords(&right)).await;
    let control = |seen: &Seen| {
        let sent = seen.json();
        let has = |name: &str| sent[name].as_str().unwrap().contains(char::is_control);
        has("username") || has("password")
    };
    assert!(!service.seen().iter().filter(|seen| seen.method == "POST").any(control), "none was sent");
}

/// A token that the server refuses to look at, or falls over.
#[tokio::test]
async fn many_odd_tokens_keep_nobody_out() {
    for status in [400, 413, 414, 422, 431, 500] {
        let good = json!({"active": true, "sub": "7"});
        let says = move |seen: &Seen| if is_odd(seen) { Answer::status(status) } else { Answer::json(&good) };
        let service = Service::start(says).await;
        let verifier = Introspection::builder(service.endpoint().client("orders", "secret"), ISSUER);
        let chain = Chain::of::<BearerToken>(verifier.without_audience_check().build().unwrap());
        for n in 0..ODD {
            assert!(chain.token(&format!("odd{n}")).await.is_err());
        }
        assert!(chain.token("good").await.is_ok(), "{status}");
    }
}

/// Reads a whole question, and does with an odd one what it is told.
async fn serve(mut stream: TcpStream, does: Does) {
    let mut seen = Vec::new();
    let mut some = [0; 4096];
    while !seen.ends_with(b"}") {
        match stream.read(&mut some).await {
            Ok(length @ 1..) => seen.extend_from_slice(&some[..length]),
            _ => break,
        }
        if seen.starts_with(b"OPTIONS") {
            _ = stream.write_all(b"HTTP/1.1 405 no\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await;
            return;
        }
    }
    let odd = String::from_utf8_lossy(&seen).contains("odd");
    match (odd, does) {
        (true, Does::Cuts) => {}
        (true, Does::Garbles) => _ = stream.write_all(b"what\r\n\r\n").await,
        (true, Does::Hangs) => while matches!(stream.read(&mut some).await, Ok(1..)) {},
        (false, _) => {
            let answer = alice();
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n";
            let head = format!("{head}content-length: {}\r\n\r\n", answer.body.len());
            _ = stream.write_all(&[head.as_bytes(), &answer.body].concat()).await;
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Does {
    Hangs,
    Cuts,
    Garbles,
}

/// A service that falls over an odd name, and one that thinks about it for ever.
#[tokio::test]
async fn a_fault_over_an_odd_name_is_about_that_name() {
    for does in [Does::Hangs, Does::Cuts, Does::Garbles] {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, does));
            }
        });
        let asks = |limit| {
            let endpoint = endpoint(&format!("http://{address}/verify")).timeout(limit);
            HttpVerifier::builder(endpoint, ISSUER, shape()).build().unwrap()
        };
        let (hasty, patient) = (asks(Duration::from_millis(100)), asks(Duration::from_secs(30)));
        let chain = Chain::of(ByName { hasty, patient });
        for n in 0..12 {
            let refused = chain.login(&format!("odd{n}"), "x").await;
            assert!(matches!(refused, Err(Refused::Failed(_))), "{does:?}: {refused:?}");
        }
        assert_eq!(chain.login("alice", "wonderland").await, Ok(alices()), "{does:?}");
    }
}

/// One service, with a short limit for odd names, so that the test does not wait long for nothing.
struct ByName {
    hasty: HttpVerifier,
    patient: HttpVerifier,
}

impl Verifier<Password> for ByName {
    async fn verify(&self, attempt: &Attempt<'_, Password>) -> Result<Outcome<Identity>, BackendError> {
        let is_odd = attempt.credentials().username().contains("odd");
        if is_odd { self.hasty.verify(attempt).await } else { self.patient.verify(attempt).await }
    }
}
