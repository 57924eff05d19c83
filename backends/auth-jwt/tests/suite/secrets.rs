//! Nothing of a token reaches a log, an event, an error or a `Debug`.

use std::fmt::Write;
use std::io;
use std::sync::{Arc, Mutex};

use auth_jwt::Issuer;
use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;

use crate::support::{Chain, ISSUER, Key, Says, Server, build, clock, endpoint, with};

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
    let key = Key::new("canary-key");
    let server = Server::of(&[&key]).await;
    let at = endpoint(&format!("{}?canary-query", server.url)).bearer("canary-secret");
    let issuer = Issuer::new(ISSUER).audience("api").jwks_endpoint(at);
    let mut shown = format!("{issuer:?} {:?}", auth_jwt::Jwt::builder().issuer(issuer.clone()));
    let jwt = build(&clock(), [issuer.clone()]).await.unwrap();
    write!(shown, "{jwt:?}").unwrap();
    let chain = Chain::of([issuer]).await;
    let canary = json!({"sub": "canary-subject", "jti": "canary-id"});
    let tokens = [
        key.token(&with(&canary)),
        Key::new("canary-key").token(&with(&canary)),
        Key::new("canary-other").token(&with(&canary)),
        key.token(&with(&json!({"sub": "canary-subject", "exp": "canary"}))),
        key.token(&with(&json!({"sub": "canary-subject", "aud": "canary"}))),
        key.sign(r#"{"alg":"canary"}"#, &with(&canary).to_string()),
    ];
    for token in &tokens {
        write!(shown, "{:?}", chain.token(token).await).unwrap();
    }
    for says in [Says::Text(500, "text/plain", "canary".into()), Says::Json(json!({"keys": ["canary"]}))] {
        server.now_says(says);
        chain.clock.advance(Issuer::FETCH_INTERVAL);
        write!(shown, "{:?}", chain.token(&tokens[2]).await).unwrap();
    }
    shown += &chain.heard.texts();
    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(logged.contains("a token was refused") && logged.contains("could not be fetched"), "{logged}");
    for (name, text) in [("shown", shown), ("logged", logged)] {
        let signatures = tokens.iter().map(|token| token.rsplit_once('.').unwrap().1);
        assert!(!text.contains("canary") && !text.contains("Y2FuYXJ5"), "{name}: {text}");
        assert!(signatures.into_iter().all(|signature| !text.contains(signature)), "{name}");
    }
}
