//! An identity provider, as far as an API knows it: its discovery document, its keys, and what it signs.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use auth_jwt::{Algorithm, Endpoint, Issuer};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use rustls::crypto::ring::default_provider;
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};
use test_servers::Provider;
use test_tokens::Signer;
use tokio::net::TcpListener;

use crate::remote::Remote;
use crate::site::Request;

/// The audience that the example `api` asks for, and the tokens here name.
pub const AUDIENCE: &str = "https://orders.example.com";

/// How long a machine that is busy may take for an answer.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// An endpoint on this machine. It trusts nobody: reading the system's roots for each test takes its time.
pub fn endpoint(url: &str) -> Endpoint {
    let tls = ClientConfig::builder_with_provider(Arc::new(default_provider()));
    let tls = tls.with_safe_default_protocol_versions().expect("known versions");
    let tls = tls.with_root_certificates(RootCertStore::empty()).with_no_client_auth();
    Endpoint::new(url).tls(tls).timeout(PATIENCE).connect_timeout(PATIENCE)
}

/// An issuer of this name, whose discovery document is below it, and whose tokens are for [`AUDIENCE`].
pub fn discovered(url: &str) -> Issuer {
    let about = format!("{url}/.well-known/openid-configuration");
    Issuer::new(url).audience(AUDIENCE).discover_by(endpoint(&about))
}

/// A token of a real provider, for this resource. It may read orders.
pub async fn access_token(provider: &Provider, resource: &str) -> String {
    let (id, secret) = Provider::SERVICE;
    let fields = [("grant_type", "client_credentials"), ("resource", resource), ("scope", "orders:read")];
    let request = Request::post("/token", &fields).basic(id, secret);
    let mut remote = Remote::at(([127, 0, 0, 1], provider.port()).into());
    let answer = remote.send(&request).await.expect("an answer");
    let granted: Value = serde_json::from_str(&answer.body).expect("JSON");
    granted["access_token"].as_str().unwrap_or_else(|| panic!("no token: {answer:?}")).to_owned()
}

/// A key pair with a name, and the algorithm that it signs by.
#[derive(Debug)]
pub struct Party {
    signer: Signer,
    algorithm: Algorithm,
    id: &'static str,
}

impl Party {
    /// A new one, but for RSA and secrets, of which there is one each.
    pub fn new(algorithm: Algorithm, id: &'static str) -> Self {
        Self { signer: Signer::of(algorithm), algorithm, id }
    }

    /// The public key with its name, as it is published.
    pub fn jwk(&self) -> Value {
        let mut jwk = self.signer.jwk();
        jwk["kid"] = self.id.into();
        jwk
    }

    /// The header of an access token.
    pub fn header(&self) -> Value {
        json!({"alg": self.algorithm.name(), "typ": "at+jwt", "kid": self.id})
    }

    /// An access token with these claims.
    pub fn token(&self, claims: &Value) -> String {
        self.sign(&self.header().to_string(), &claims.to_string())
    }

    /// A token with this header and these claims, whatever they are.
    pub fn sign(&self, header: &str, claims: &str) -> String {
        self.signer.token(self.algorithm, header, claims)
    }

    /// The signature of a message.
    pub fn signature(&self, message: &str) -> Vec<u8> {
        self.signer.sign(self.algorithm, message.as_bytes())
    }
}

/// An issuer on a free port of this machine, until the test's runtime ends.
#[derive(Debug)]
pub struct TestIssuer {
    /// Its name, and the address below which its documents are.
    pub url: String,
    party: Party,
    published: Published,
}

/// What it answers whoever asks for its keys, and how often somebody did.
#[derive(Clone, Debug)]
struct Published {
    says: Arc<Mutex<(StatusCode, Value)>>,
    asked: Arc<AtomicUsize>,
}

impl Published {
    fn answer(&self) -> (StatusCode, Json<Value>) {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let (status, body) = self.says.lock().unwrap_or_else(PoisonError::into_inner).clone();
        (status, Json(body))
    }
}

impl TestIssuer {
    /// Starts one, with one key.
    pub async fn start() -> Self {
        let party = Party::new(Algorithm::Es256, "one");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let about = json!({"issuer": url, "jwks_uri": format!("{url}/jwks")});
        let says = (StatusCode::OK, json!({"keys": [party.jwk()]}));
        let published = Published { says: Arc::new(Mutex::new(says)), asked: Arc::default() };
        let keys = published.clone();
        let app = Router::new()
            .route("/.well-known/openid-configuration", get(|| async { Json(about) }))
            .route("/jwks", get(|| async move { keys.answer() }));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, party, published }
    }

    /// A token of a service, which says this besides. `null` leaves a claim out.
    pub fn token(&self, more: &[(&str, Value)]) -> String {
        self.token_by(&self.party, more)
    }

    /// The same, signed by another.
    pub fn token_by(&self, party: &Party, more: &[(&str, Value)]) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970").as_secs();
        let mut claims = json!({
            "iss": self.url, "sub": "exporter", "aud": AUDIENCE, "exp": now + 600, "iat": now, "client_id": "exporter",
        });
        for (name, value) in more {
            claims[*name] = value.clone();
            if value.is_null() {
                claims.as_object_mut().expect("an object").remove(*name);
            }
        }
        party.token(&claims)
    }

    /// The key that it has from the start.
    pub fn party(&self) -> &Party {
        &self.party
    }

    /// Has these keys from now on.
    pub fn publishes(&self, keys: &[&Party]) {
        let keys: Vec<_> = keys.iter().map(|party| party.jwk()).collect();
        self.says(200, json!({"keys": keys}));
    }

    /// Has no answer from now on.
    pub fn is_down(&self) {
        self.says(500, Value::Null);
    }

    /// Answers so from now on when it is asked for its keys.
    pub fn says(&self, status: u16, body: Value) {
        let status = StatusCode::from_u16(status).expect("a status");
        *self.published.says.lock().unwrap_or_else(PoisonError::into_inner) = (status, body);
    }

    /// How often somebody asked for its keys.
    pub fn asked(&self) -> usize {
        self.published.asked.load(Ordering::SeqCst)
    }
}
