//! A microservice that says what it is told, and a chain that asks it.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use auth_core::backend::{
    BackendError, BackendErrorKind, Identity, Outcome, Provisioned, Provisioner, UserSource, Verifier,
};
use auth_core::event::{Event, EventKind, Observer};
use auth_core::provisioning::Reports;
use auth_core::time::{Clock, ManualClock, Timestamp};
use auth_core::{
    Auth, AuthBuilder, BackendPolicy, BearerToken, Credentials, DeniedKind, Password, RequestFacts, User,
    UserId,
};
use auth_http::{Endpoint, IdentityShape};
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::response::Response;
use axum::{Router, serve};
use rustls::crypto::ring::default_provider;
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

pub(crate) const ISSUER: &str = "https://issuer.example";
pub(crate) const NOW: u64 = 1_800_000_000;

/// A request as the service saw it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }
}

/// What the service answers.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn new(status: u16, kind: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: vec![("content-type", kind.into())], body: body.into() }
    }

    pub(crate) fn status(status: u16) -> Self {
        Self::new(status, "text/plain", "")
    }

    pub(crate) fn json(json: &Value) -> Self {
        Self::new(200, "application/json", json.to_string())
    }

    pub(crate) fn redirect(status: u16, to: &str) -> Self {
        Self { headers: vec![("location", to.into())], ..Self::status(status) }
    }
}

type Says = Box<dyn Fn(&Seen) -> Answer + Send>;

/// A service on a free port of this machine; it ends with the test's runtime.
pub(crate) struct Service {
    pub(crate) url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    says: Arc<Mutex<Says>>,
    task: JoinHandle<()>,
}

impl Service {
    pub(crate) async fn start(says: impl Fn(&Seen) -> Answer + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/verify", listener.local_addr().expect("an address"));
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let says: Arc<Mutex<Says>> = Arc::new(Mutex::new(Box::new(says)));
        let router = router(&seen, &says);
        let task = tokio::spawn(async move { serve(listener, router).await.expect("it serves") });
        Self { url, seen, says, task }
    }

    pub(crate) async fn saying(answer: Answer) -> Self {
        Self::start(move |_| answer.clone()).await
    }

    pub(crate) fn now_says(&self, answer: Answer) {
        *self.says.lock().unwrap() = Box::new(move |_| answer.clone());
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// How often it was asked about somebody.
    pub(crate) fn asked(&self) -> usize {
        self.seen.lock().unwrap().iter().filter(|seen| seen.method == "POST").count()
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        endpoint(&self.url)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn router(seen: &Arc<Mutex<Vec<Seen>>>, says: &Arc<Mutex<Says>>) -> Router {
    let (seen, says) = (Arc::clone(seen), Arc::clone(says));
    Router::new().fallback(move |request: Request| async move {
        let request = see(request).await;
        let answer = says.lock().unwrap()(&request);
        seen.lock().unwrap().push(request);
        let mut response = Response::builder().status(answer.status);
        for (name, value) in answer.headers {
            response = response.header(name, value);
        }
        response.body(Body::from(answer.body)).expect("a response")
    })
}

async fn see(request: Request) -> Seen {
    let (parts, body) = request.into_parts();
    let headers = parts
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
    let headers = headers.collect();
    let body = to_bytes(body, 1 << 20).await.expect("a body");
    let body = String::from_utf8(body.to_vec()).expect("UTF-8");
    Seen { method: parts.method.to_string(), target: parts.uri.to_string(), headers, body }
}

/// A server that does with each connection, after the request's head, what it is told.
pub(crate) async fn raw<F: Future<Output = ()> + Send + 'static>(
    handle: impl Fn(TcpStream) -> F + Send + 'static,
) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = [0; 4096];
            let _ = stream.read(&mut head).await;
            tokio::spawn(handle(stream));
        }
    });
    address
}

/// Long enough for a machine that is busy; those who test the limits set their own.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// An endpoint that trusts nobody: reading the system's roots for each test takes its time.
pub(crate) fn endpoint(url: &str) -> Endpoint {
    let tls = ClientConfig::builder_with_provider(Arc::new(default_provider()));
    let tls = tls.with_safe_default_protocol_versions().expect("known versions");
    let tls = tls.with_root_certificates(RootCertStore::empty()).with_no_client_auth();
    Endpoint::new(url).tls(tls).timeout(PATIENCE).connect_timeout(PATIENCE)
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

pub(crate) fn backend<V>(verifier: V) -> Provisioned<V, Anybody> {
    Provisioned { verifier, users: Anybody }
}

/// What could not be decided, and every event as text.
#[derive(Clone, Default)]
pub(crate) struct Heard {
    failures: Arc<Mutex<Vec<BackendErrorKind>>>,
    texts: Arc<Mutex<Vec<String>>>,
}

impl Heard {
    pub(crate) fn failures(&self) -> Vec<BackendErrorKind> {
        std::mem::take(&mut *self.failures.lock().unwrap())
    }

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

/// Why nobody was accepted; for an outage, what failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    No(DeniedKind),
    Failed(BackendErrorKind),
}

pub(crate) const DOWN: Refused = Refused::Failed(BackendErrorKind::Unavailable);
pub(crate) const UNREADABLE: Refused = Refused::Failed(BackendErrorKind::InvalidData);
pub(crate) const LATE: Refused = Refused::Failed(BackendErrorKind::TimedOut);
pub(crate) const UNDECIDED: Refused = Refused::Failed(BackendErrorKind::Undecided);
pub(crate) const CROWDED: Refused = Refused::Failed(BackendErrorKind::Overloaded);

/// A chain over verifiers, with its clock.
pub(crate) struct Chain {
    pub(crate) auth: Auth<Person>,
    pub(crate) heard: Heard,
    pub(crate) clock: Arc<ManualClock>,
}

impl Chain {
    pub(crate) fn new(add: impl FnOnce(AuthBuilder<Person>) -> AuthBuilder<Person>) -> Self {
        let (heard, clock) = (Heard::default(), clock());
        let auth = add(Auth::builder()).observer(heard.clone()).clock(Arc::clone(&clock));
        Self { auth: auth.build().expect("the chain is right"), heard, clock }
    }

    pub(crate) fn of<C: Credentials>(verifier: impl Verifier<C>) -> Self {
        let patient = BackendPolicy::new().timeout(PATIENCE);
        Self::new(|auth| {
            auth.chain_timeout(PATIENCE).backend_with::<C>("service", backend(verifier), patient)
        })
    }

    pub(crate) async fn ask<C: Credentials>(&self, credentials: C) -> Result<Identity, Refused> {
        let answer = self.auth.authenticate(credentials, &RequestFacts::none()).await;
        let failed = self.heard.failures();
        match answer {
            Ok(accepted) => Ok(accepted.user().0.clone()),
            Err(denied) => Err(match failed.last() {
                Some(kind) if denied.is_unavailable() => Refused::Failed(*kind),
                _ => Refused::No(denied.kind()),
            }),
        }
    }

    pub(crate) async fn login(&self, username: &str, password: &str) -> Result<Identity, Refused> {
        self.ask(Password::new(username, password)).await
    }

    pub(crate) async fn token(&self, token: &str) -> Result<Identity, Refused> {
        self.ask(BearerToken::new(token)).await
    }
}

pub(crate) fn clock() -> Arc<ManualClock> {
    let clock = ManualClock::at(Timestamp::from_secs(NOW));
    assert_eq!(clock.now(), Timestamp::from_secs(NOW));
    Arc::new(clock)
}

pub(crate) fn shape() -> IdentityShape {
    IdentityShape::new("/user/id").username("/user/login").groups("/user/groups")
}

/// What the service says of Alice.
pub(crate) fn alice() -> Answer {
    Answer::json(&serde_json::json!({"user": {"id": 7, "login": "alice", "groups": ["staff"]}}))
}

pub(crate) fn alices() -> Identity {
    Identity::new(ISSUER, "7").with_username("alice").with_groups(["staff"])
}
