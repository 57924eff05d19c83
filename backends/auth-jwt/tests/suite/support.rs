//! An issuer that signs and publishes what it is told, and a chain that takes its tokens.

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use auth_core::backend::{
    BackendError, BackendErrorKind, DenyReason, Identity, Outcome, Provisioned, Provisioner, UserSource,
    Verifier,
};
use auth_core::event::{Event, EventKind, Observer};
use auth_core::provisioning::Reports;
use auth_core::time::{ManualClock, Timestamp};
use auth_core::{
    Auth, AuthBuilder, BackendPolicy, BearerToken, ConfigError, DeniedKind, RequestFacts, User, UserId,
};
use auth_jwt::{Endpoint, Issuer, Jwt};
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use axum::{Router, serve};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use rustls::crypto::ring::default_provider;
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub(crate) const ISSUER: &str = "https://id.example";
pub(crate) const NOW: u64 = 1_800_000_000;
pub(crate) const SECRET: &[u8] = b"a secret that is more than 32 bytes long";
/// Long enough for a machine that is busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A key pair of an issuer, and its name.
pub(crate) struct Key {
    pub(crate) id: Option<&'static str>,
    pair: Pair,
}

enum Pair {
    Ed25519(Ed25519KeyPair),
    P256(EcdsaKeyPair),
}

impl Key {
    pub(crate) fn new(id: &'static str) -> Self {
        Self { id: Some(id), ..Self::nameless() }
    }

    pub(crate) fn nameless() -> Self {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).expect("a key");
        Self { id: None, pair: Pair::Ed25519(Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).expect("a key")) }
    }

    pub(crate) fn p256(id: &'static str) -> Self {
        let (algorithm, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).expect("a key");
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &random).expect("a key");
        Self { id: Some(id), pair: Pair::P256(pair) }
    }

    pub(crate) fn jwk(&self) -> Value {
        let mut jwk = match &self.pair {
            Pair::Ed25519(pair) => json!({"kty": "OKP", "crv": "Ed25519", "x": encode(pair.public_key())}),
            Pair::P256(pair) => {
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                json!({"kty": "EC", "crv": "P-256", "x": encode(x), "y": encode(y)})
            }
        };
        if let Some(id) = self.id {
            jwk["kid"] = id.into();
        }
        jwk
    }

    pub(crate) fn header(&self) -> Value {
        let algorithm = match &self.pair {
            Pair::Ed25519(_) => "EdDSA",
            Pair::P256(_) => "ES256",
        };
        let mut header = json!({"alg": algorithm, "typ": "at+jwt"});
        if let Some(id) = self.id {
            header["kid"] = id.into();
        }
        header
    }

    pub(crate) fn token(&self, claims: &Value) -> String {
        self.sign(&self.header().to_string(), &claims.to_string())
    }

    /// A token with this header and these claims, whatever they are.
    pub(crate) fn sign(&self, header: &str, claims: &str) -> String {
        let signed = format!("{}.{}", encode(header), encode(claims));
        let signature = match &self.pair {
            Pair::Ed25519(pair) => encode(pair.sign(signed.as_bytes())),
            Pair::P256(pair) => {
                encode(pair.sign(&SystemRandom::new(), signed.as_bytes()).expect("a signature"))
            }
        };
        format!("{signed}.{signature}")
    }
}

/// A set of public keys, as it is published.
pub(crate) fn set(keys: &[&Key]) -> Value {
    json!({"keys": keys.iter().map(|key| key.jwk()).collect::<Vec<_>>()})
}

/// What Alice's tokens say.
pub(crate) fn claims() -> Value {
    json!({"iss": ISSUER, "sub": "alice", "aud": "api", "exp": NOW + 100_000_000, "iat": NOW, "jti": "1"})
}

/// Those with others; `null` removes one.
pub(crate) fn with(changes: &Value) -> Value {
    let mut claims = claims();
    for (name, value) in changes.as_object().expect("an object") {
        claims[name] = value.clone();
        if value.is_null() {
            claims.as_object_mut().expect("an object").remove(name);
        }
    }
    claims
}

/// The same JSON, longer.
pub(crate) fn padded(json: &str, len: usize) -> String {
    format!("{json}{}", " ".repeat(len - json.len()))
}

/// What an issuer's server answers.
#[derive(Clone, Debug)]
pub(crate) enum Says {
    Json(Value),
    Text(u16, &'static str, String),
    Redirect(String),
}

/// An issuer's server, on a free port of this machine; it ends with the test's runtime.
pub(crate) struct Server {
    pub(crate) url: String,
    says: Arc<Mutex<Says>>,
    asked: Arc<AtomicUsize>,
    gate: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Server {
    pub(crate) async fn saying(says: Says) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/keys", listener.local_addr().expect("an address"));
        let (says, asked) = (Arc::new(Mutex::new(says)), Arc::<AtomicUsize>::default());
        let (gate, open) = watch::channel(true);
        let router = router(&says, &asked, &open);
        let task = tokio::spawn(async move { serve(listener, router).await.expect("it serves") });
        Self { url, says, asked, gate, task }
    }

    pub(crate) async fn of(keys: &[&Key]) -> Self {
        Self::saying(Says::Json(set(keys))).await
    }

    pub(crate) fn now_says(&self, says: Says) {
        *self.says.lock().unwrap() = says;
    }

    pub(crate) fn now_has(&self, keys: &[&Key]) {
        self.now_says(Says::Json(set(keys)));
    }

    pub(crate) fn is_down(&self) {
        self.now_says(Says::Text(500, "text/plain", String::new()));
    }

    /// Keeps answers back until it is opened again.
    pub(crate) fn close(&self) {
        self.gate.send_replace(false);
    }

    pub(crate) fn open(&self) {
        self.gate.send_replace(true);
    }

    /// How often it was asked.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    pub(crate) fn issuer(&self) -> Issuer {
        Issuer::new(ISSUER).audience("api").jwks_endpoint(endpoint(&self.url))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn router(says: &Arc<Mutex<Says>>, asked: &Arc<AtomicUsize>, open: &watch::Receiver<bool>) -> Router {
    let (says, asked, open) = (Arc::clone(says), Arc::clone(asked), open.clone());
    Router::new().fallback(move |request: Request| async move {
        asked.fetch_add(1, Ordering::SeqCst);
        assert_eq!(request.method(), "GET");
        let mut open = open;
        let _ = open.wait_for(|open| *open).await;
        let answer = says.lock().unwrap().clone();
        let (status, name, value, body) = match answer {
            Says::Json(json) => (200, "content-type", "application/json".into(), json.to_string()),
            Says::Text(status, kind, text) => (status, "content-type", kind.to_owned(), text),
            Says::Redirect(to) => (302, "location", to, String::new()),
        };
        Response::builder().status(status).header(name, value).body(Body::from(body)).expect("a response")
    })
}

/// An endpoint that trusts nobody: reading the system's roots for each test takes its time.
pub(crate) fn endpoint(url: &str) -> Endpoint {
    let tls = ClientConfig::builder_with_provider(Arc::new(default_provider()));
    let tls = tls.with_safe_default_protocol_versions().expect("known versions");
    let tls = tls.with_root_certificates(RootCertStore::empty()).with_no_client_auth();
    Endpoint::new(url).tls(tls).timeout(PATIENCE).connect_timeout(PATIENCE)
}

/// An issuer whose key is known.
pub(crate) fn fixed(key: &Key) -> Issuer {
    Issuer::new(ISSUER).audience("api").jwk(&key.jwk().to_string())
}

pub(crate) fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(Timestamp::from_secs(NOW)))
}

/// A user who is nothing but what was proved.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Person(pub(crate) Identity);

impl User for Person {
    fn id(&self) -> UserId {
        UserId::from(1)
    }

    fn security_stamp(&self) -> &[u8] {
        b"stamp"
    }

    fn is_active(&self) -> bool {
        true
    }
}

/// Takes everybody as they come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Anybody;

impl UserSource for Anybody {
    type User = Person;

    async fn get_user(&self, _: &UserId) -> Result<Option<Person>, BackendError> {
        Ok(None)
    }
}

impl Provisioner for Anybody {
    async fn provision(&self, identity: Identity, _: &Reports) -> Result<Outcome<Person>, BackendError> {
        Ok(Outcome::Accept(Person(identity)))
    }
}

/// What could not be decided, and every event as text.
#[derive(Clone, Default)]
pub(crate) struct Heard {
    failures: Arc<Mutex<Vec<BackendErrorKind>>>,
    texts: Arc<Mutex<Vec<String>>>,
}

impl Heard {
    pub(crate) fn texts(&self) -> String {
        self.texts.lock().unwrap().join("\n")
    }
}

impl Observer for Heard {
    fn on_event(&self, event: &Event<'_>) {
        if let EventKind::BackendFailed(error) = event.kind {
            self.failures.lock().unwrap().push(error.kind());
            self.texts.lock().unwrap().push(format!("{error:?}"));
        }
        self.texts.lock().unwrap().push(event.kind.to_string());
    }
}

/// Why nobody was accepted; where it could not be decided, what failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    No(DeniedKind),
    Failed(BackendErrorKind),
}

pub(crate) const WRONG: Refused = Refused::No(DeniedKind::Denied(DenyReason::WrongSecret));
pub(crate) const EXPIRED: Refused = Refused::No(DeniedKind::Denied(DenyReason::Expired));
pub(crate) const REVOKED: Refused = Refused::No(DeniedKind::Denied(DenyReason::Revoked));
pub(crate) const NOT_MINE: Refused = Refused::No(DeniedKind::NoBackend);
pub(crate) const UNDECIDED: Refused = Refused::Failed(BackendErrorKind::Undecided);

/// A chain over verifiers, with its clock.
pub(crate) struct Chain {
    auth: Auth<Person>,
    pub(crate) heard: Heard,
    pub(crate) clock: Arc<ManualClock>,
}

impl Chain {
    pub(crate) fn new(
        clock: Arc<ManualClock>,
        add: impl FnOnce(AuthBuilder<Person>) -> AuthBuilder<Person>,
    ) -> Self {
        let heard = Heard::default();
        let auth =
            add(Auth::builder().chain_timeout(PATIENCE)).observer(heard.clone()).clock(Arc::clone(&clock));
        Self { auth: auth.build().expect("the chain is right"), heard, clock }
    }

    pub(crate) async fn of(issuers: impl IntoIterator<Item = Issuer>) -> Self {
        let clock = clock();
        let jwt = build(&clock, issuers).await.expect("the issuers are right");
        Self::new(clock, |auth| auth.backend_with::<BearerToken>("tokens", backend(jwt), patient()))
    }

    pub(crate) async fn token(&self, token: &str) -> Result<Identity, Refused> {
        let answer = self.auth.authenticate(BearerToken::new(token), &RequestFacts::none()).await;
        let failed = std::mem::take(&mut *self.heard.failures.lock().unwrap());
        match answer {
            Ok(accepted) => Ok(accepted.user().0.clone()),
            Err(denied) => Err(match failed.last() {
                Some(kind) if denied.is_unavailable() => Refused::Failed(*kind),
                _ => Refused::No(denied.kind()),
            }),
        }
    }

    /// Whose a token is, or why it is nobody's.
    pub(crate) async fn subject(&self, token: &str) -> Result<String, Refused> {
        self.token(token).await.map(|identity| identity.subject().to_owned())
    }
}

/// Who verifies tokens of these issuers, by this clock.
pub(crate) async fn build(
    clock: &Arc<ManualClock>,
    issuers: impl IntoIterator<Item = Issuer>,
) -> Result<Jwt, ConfigError> {
    let builder = Jwt::builder().clock(Arc::clone(clock));
    issuers.into_iter().fold(builder, auth_jwt::JwtBuilder::issuer).build().await
}

pub(crate) fn backend<V>(verifier: V) -> Provisioned<V, Anybody>
where
    V: Verifier<BearerToken>,
{
    Provisioned { verifier, users: Anybody }
}

pub(crate) fn patient() -> BackendPolicy {
    BackendPolicy::new().timeout(PATIENCE)
}

/// Waits for what happens beside the requests.
pub(crate) async fn until<F: Future<Output = bool>>(is_so: impl Fn() -> F) {
    let waiting = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("it comes");
}
