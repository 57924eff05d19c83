//! A site on this machine, as an application makes one of axum.

use std::fmt::Write as _;
use std::sync::Arc;

use auth_core::backend::{Accepted, Attempt, Backend, DeclineReason, Outcome};
use auth_core::backend::{BackendError, UserSource};
use auth_core::factors::{FactorOwner, Factors, MemoryFactors};
use auth_core::http::sealed::SetCookies;
use auth_core::once::MemoryOnce;
use auth_core::session::KeyRing;
use auth_core::{Auth, BackendName, Password, RequestFacts, User, UserId};
use auth_passkeys::{Begun, Passkeys, SCRIPT};
use axum::extract::{Form, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Router, middleware};
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

struct Account;

impl User for Account {
    fn id(&self) -> UserId {
        alice().user
    }

    fn security_stamp(&self) -> &[u8] {
        b"stamp"
    }

    fn is_active(&self) -> bool {
        true
    }
}

/// A table with one user.
struct Table;

impl UserSource for Table {
    type User = Account;

    async fn get_user(&self, id: &UserId) -> Result<Option<Account>, BackendError> {
        Ok((*id == alice().user).then_some(Account))
    }
}

impl Backend<Password> for Table {
    async fn authenticate(
        &self,
        _: &Attempt<'_, Password>,
    ) -> Result<Outcome<Accepted<Account>>, BackendError> {
        Ok(Outcome::Decline(DeclineReason::WrongSecret))
    }
}

fn alice() -> FactorOwner {
    FactorOwner { backend: BackendName::new("local").unwrap(), user: UserId::new("alice").unwrap() }
}

type SitePasskeys = Passkeys<MemoryFactors, MemoryOnce, Account>;

#[derive(Clone)]
struct Parts {
    passkeys: Arc<SitePasskeys>,
    auth: Auth<Account>,
}

pub(crate) struct Site {
    origin: String,
    server: JoinHandle<()>,
}

impl Site {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://localhost:{}", listener.local_addr().unwrap().port());
        let keys = KeyRing::generate().unwrap();
        let factors = Arc::new(Factors::new("Shop", MemoryFactors::new(10), &keys).unwrap());
        let passkeys = Passkeys::new("localhost", [&origin], factors, MemoryOnce::new(1_000), &keys).unwrap();
        let passkeys = passkeys.owners("local", Table).unwrap().require_discoverable().insecure_cookies();
        let passkeys = Arc::new(passkeys);
        let auth = Auth::builder().backend("passkeys", Arc::clone(&passkeys)).backend("local", Table);
        let app = app().with_state(Parts { passkeys, auth: auth.build().unwrap() });
        let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { origin, server }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn app() -> Router<Parts> {
    let page = |body: &'static str| get(async move || Html(body));
    Router::new()
        .route("/passkeys.js", get(async || ([(CONTENT_TYPE, "text/javascript")], SCRIPT)))
        .route("/account", page(ACCOUNT).post(finish))
        .route("/account/options", post(begin))
        .route("/login", page(LOGIN).post(log_in))
        .route("/login/options", post(begin_login))
        .route("/second", get(second))
        .route("/autofill", page(AUTOFILL))
        .layer(middleware::map_response(async |mut response: Response| {
            // No inline script, and nothing of elsewhere.
            let policy = HeaderValue::from_static("default-src 'self'");
            response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
            response
        }))
}

const ACCOUNT: &str = r#"<!doctype html><script type="module" src="/passkeys.js"></script>
<form method="post" action="/account" data-passkey="register" data-passkey-options-from="/account/options">
<input name="name" value="phone" required><input type="hidden" name="response" data-passkey-response>
<button>Add</button><p role="alert" data-passkey-message></p></form>"#;

const LOGIN: &str = r#"<!doctype html><script type="module" src="/passkeys.js"></script>
<form method="post" action="/login" data-passkey="login" data-passkey-options-from="/login/options">
<input type="hidden" name="response" data-passkey-response>
<button>Sign in</button><p role="alert" data-passkey-message></p></form>"#;

/// With the options in it.
const SECOND: &str = r#"<!doctype html><script type="module" src="/passkeys.js"></script>
<form method="post" action="/login" data-passkey="login" data-passkey-options="{}">
<input type="hidden" name="response" data-passkey-response>
<button>Go on</button><p role="alert" data-passkey-message></p></form>"#;

const AUTOFILL: &str = r#"<!doctype html><script type="module" src="/passkeys.js"></script>
<input name="username" autocomplete="username webauthn" autofocus>
<form method="post" action="/login" data-passkey="autofill" data-passkey-options-from="/login/options">
<input type="hidden" name="response" data-passkey-response>
<button>Sign in</button><p role="alert" data-passkey-message></p></form>"#;

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    name: String,
    response: String,
}

fn cookies(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes)
}

fn asked(Begun { options, cookies, .. }: Begun) -> Response {
    let mut response =
        ([(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store")], options).into_response();
    append(&mut response, cookies);
    response
}

fn append(response: &mut Response, cookies: SetCookies) {
    for cookie in cookies {
        response.headers_mut().append(SET_COOKIE, cookie.parse().unwrap());
    }
}

async fn begin(State(parts): State<Parts>, headers: HeaderMap) -> Response {
    let (passkeys, owner) = (parts.passkeys, alice());
    let begun = passkeys.begin_registration(cookies(&headers), &owner, "alice@example.com", "Alice");
    asked(begun.await.unwrap())
}

async fn finish(State(parts): State<Parts>, headers: HeaderMap, Form(answer): Form<Answer>) -> String {
    let (owner, Answer { name, response }) = (alice(), answer);
    let finished = parts.passkeys.finish_registration(cookies(&headers), &owner, &name, &response);
    finished.await.map_or_else(|error| error.to_string(), |_| "registered".into())
}

async fn begin_login(State(parts): State<Parts>, headers: HeaderMap) -> Response {
    asked(parts.passkeys.begin_login(cookies(&headers)).unwrap())
}

async fn second(State(parts): State<Parts>, headers: HeaderMap) -> Response {
    let begun = parts.passkeys.begin_second_factor(cookies(&headers), &alice()).await.unwrap();
    let options = begun.options.replace('&', "&amp;").replace('"', "&quot;");
    let mut response = ([(CACHE_CONTROL, "no-store")], Html(SECOND.replace("{}", &options))).into_response();
    append(&mut response, begun.cookies);
    response
}

async fn log_in(State(parts): State<Parts>, headers: HeaderMap, Form(answer): Form<Answer>) -> Html<String> {
    let assertion = parts.passkeys.assertion(cookies(&headers), &answer.response);
    let mut said = String::new();
    match parts.auth.authenticate(assertion, &RequestFacts::none()).await {
        Ok(done) => {
            let factors: Vec<_> = done.grant().proofs().iter().map(|proof| proof.factor).collect();
            write!(said, "{}/{} by {factors:?}", done.backend(), done.user().id()).unwrap();
        }
        Err(denied) => write!(said, "{denied}").unwrap(),
    }
    Html(format!("<!doctype html><p id=signed-in>{said}</p>"))
}
