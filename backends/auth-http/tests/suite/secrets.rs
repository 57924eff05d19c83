//! Nothing secret reaches a log, an event, an error or a `Debug`.

use std::io;
use std::sync::{Arc, Mutex};

use auth_core::backend::Confirm;
use auth_http::{AnswerCache, HttpConfirm, HttpVerifier, Introspection};
use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;

use crate::support::{Answer, Chain, ISSUER, Service, endpoint, shape};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn canaries_are_not_found() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_writer(log.clone()).with_max_level(tracing::Level::TRACE);
    let _guard = tracing::subscriber::set_default(subscriber.finish());
    let mut shown = String::new();
    let answers = [
        Answer::json(&json!({"user": {"id": 7, "login": "canary-login"}})),
        Answer::json(&json!({"user": "canary-user", "active": "canary"})),
        Answer::json(&json!({"active": true, "sub": "canary-sub", "aud": "canary-audience"})),
        Answer::new(200, "application/json", r#"{"canary":1,"canary":2}"#),
        Answer::new(200, "text/html", "canary"),
        Answer::redirect(302, "http://127.0.0.1/?canary"),
        Answer::new(500, "text/plain", "canary"),
        Answer::status(401),
    ];
    for answer in answers {
        let service = Service::saying(answer).await;
        let url = format!("{}?key=canary-query", service.url);
        shown += &ask(&url).await;
    }
    shown += &ask("http://127.0.0.1:1/?key=canary-query").await;
    shown += &ask("https://127.0.0.1:1/?key=canary-query").await;
    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(logged.contains("a token was refused"), "the log is read: {logged}");
    for (name, text) in [("shown", shown), ("logged", logged)] {
        assert!(!text.is_empty() && !text.contains("canary") && !text.contains("Y2FuYXJ5"), "{name}: {text}");
    }
}

/// Asks all that can be asked there; what is seen of it.
async fn ask(url: &str) -> String {
    let endpoint = || endpoint(url).client("canary-id", "canary-secret").header("x-key", "canary-key");
    let passwords = HttpVerifier::builder(endpoint(), ISSUER, shape()).cache(AnswerCache::new());
    let tokens = Introspection::builder(endpoint(), ISSUER).audience("api").cache(AnswerCache::new());
    let builders = format!("{:?} {passwords:?} {tokens:?}", endpoint());
    let (passwords, tokens) = (passwords.build().unwrap(), tokens.build().unwrap());
    let confirm = HttpConfirm::new(endpoint(), ISSUER, shape()).unwrap();
    let built = format!("{passwords:?} {tokens:?} {confirm:?}");
    let error = confirm.confirm(ISSUER, "canary-subject").await.unwrap_err();
    let confirmed = format!("{error:?} {error}");
    let (passwords, tokens) = (Chain::of(passwords), Chain::of(tokens));
    let _ = passwords.login("alice", "canary-password").await;
    let _ = tokens.token("canary-token").await;
    [builders, built, confirmed, passwords.heard.texts(), tokens.heard.texts()].join("\n")
}
