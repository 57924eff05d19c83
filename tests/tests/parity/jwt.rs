//! Signed tokens: what opens a site, and what does not, each in a table of names, tokens and answers.
//!
//! Whatever is wrong with a token, the answer is the same to the letter: it tells nobody why.

mod algorithms;
mod claims;
mod fetched;
mod forms;
mod identity;
mod keys;
mod libraries;
mod provider;
mod signatures;
mod types;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use auth_core::backend::{BackendError, Identity, Outcome, Provisioned, Provisioner, UserSource};
use auth_core::http::Bearer;
use auth_core::provisioning::Reports;
use auth_core::time::{Clock, ManualClock};
use auth_core::{AuthBuilder, BackendPolicy, BearerToken, UserId};
use auth_jwt::{Algorithm, Issuer, Jwt, JwtBuilder};
use integration_tests::accounts::Account;
use integration_tests::client::{Client, everywhere};
use integration_tests::expected::{COOKIE, VARY_REFUSED, answer, personal, problem, problem_body};
use integration_tests::issuer::{PATIENCE, Party};
use integration_tests::site::{Answer, Request};
use integration_tests::world::{START, Setup};
use serde_json::{Value, json};

const ISSUER: &str = "https://id.example";
const NOW: u64 = START.as_millis() / 1_000;

/// A row: what is wrong or odd, the token, and the status of the answer.
type Row = (&'static str, String, u16);

const OPENS: u16 = 200;
const REFUSED: u16 = 401;

/// Whoever comes with a good token gets a user of their own, by issuer and subject.
#[derive(Clone, Debug, Default)]
struct People(Arc<Mutex<Vec<(String, String)>>>);

impl UserSource for People {
    type User = Account;

    async fn get_user(&self, _: &UserId) -> Result<Option<Account>, BackendError> {
        Ok(None)
    }
}

impl Provisioner for People {
    async fn provision(&self, identity: Identity, _: &Reports) -> Result<Outcome<Account>, BackendError> {
        let whose = (identity.issuer().to_owned(), identity.subject().to_owned());
        let name = format!("{} of {}", whose.1, whose.0);
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = known.iter().position(|known| *known == whose).unwrap_or_else(|| {
            known.push(whose);
            known.len() - 1
        });
        let id = i64::try_from(at).expect("they are few") + 100;
        Ok(Outcome::Accept(Account::new(id, &name)))
    }
}

/// An issuer whose key is known.
fn fixed(party: &Party) -> Issuer {
    Issuer::new(ISSUER).audience("api").jwk(&party.jwk().to_string())
}

fn es256() -> Party {
    Party::new(Algorithm::Es256, "one")
}

/// What Alice's tokens say, with others; `null` leaves one out.
fn claims(changes: &Value) -> Value {
    let mut claims = json!({"iss": ISSUER, "sub": "alice", "aud": "api", "exp": NOW + 600, "iat": NOW});
    for (name, value) in changes.as_object().expect("an object") {
        claims[name] = value.clone();
        if value.is_null() {
            claims.as_object_mut().expect("an object").remove(name);
        }
    }
    claims
}

fn alice() -> Value {
    claims(&json!({}))
}

/// The header of this party's tokens, with others.
fn header(party: &Party, changes: &Value) -> String {
    let mut header = party.header();
    for (name, value) in changes.as_object().expect("an object") {
        header[name] = value.clone();
        if value.is_null() {
            header.as_object_mut().expect("an object").remove(name);
        }
    }
    header.to_string()
}

/// A site that takes tokens of these issuers. None is kept as verified: each site judges each.
async fn taking(issuers: impl IntoIterator<Item = Issuer>) -> Setup {
    by_clock(ManualClock::at(START), issuers).await
}

/// The same, by this clock.
async fn by_clock(clock: impl Clock, issuers: impl IntoIterator<Item = Issuer>) -> Setup {
    let builder = Jwt::builder().clock(clock).capacity(0);
    verified_by(issuers.into_iter().fold(builder, JwtBuilder::issuer), bearer()).await
}

fn bearer() -> Bearer {
    Bearer::new("tests").expect("a plain realm").allow_cleartext()
}

/// One that remembers for five minutes what was accepted.
fn remembering() -> Bearer {
    bearer().remember(Duration::from_secs(300))
}

/// A site with this verifier, whose tokens come so.
async fn verified_by(builder: JwtBuilder, bearer: Bearer) -> Setup {
    let jwt = builder.build().await.expect("the issuers are right");
    Setup::default()
        .basic(None)
        .configure(move |auth| with_backend(auth, jwt.clone()).scheme(bearer.clone()).login_page("/login"))
}

fn with_backend(auth: AuthBuilder<Account>, verifier: Jwt) -> AuthBuilder<Account> {
    let backend = Provisioned { verifier, users: People::default() };
    let patient = BackendPolicy::new().timeout(PATIENCE);
    auth.chain_timeout(PATIENCE).backend_with::<BearerToken>("tokens", backend, patient)
}

fn with(token: &str, target: &str) -> Request {
    Request::get(target).with("authorization", format!("Bearer {token}"))
}

async fn me(client: &Client<'_>, token: &str) -> Answer {
    client.bare(with(token, "/me")).await
}

/// What everybody hears who comes with a token that is no good.
fn refused() -> Answer {
    let headers = [
        ("cache-control", "no-store"),
        ("content-type", "application/problem+json"),
        ("vary", VARY_REFUSED),
        ("www-authenticate", r#"Bearer realm="tests", error="invalid_token""#),
        ("www-authenticate", COOKIE),
    ];
    answer(401, &headers, &problem_body(401))
}

/// What Alice sees.
fn opened() -> Answer {
    personal(&format!("100 alice of {ISSUER}"))
}

/// Sends each row to all sites.
async fn judged(setup: Setup, rows: &[Row]) {
    everywhere(setup, async |client| {
        for row in rows {
            check(&client, row).await;
        }
    })
    .await;
}

async fn check(client: &Client<'_>, (name, token, status): &Row) {
    let found = me(client, token).await;
    let expected = match *status {
        OPENS => opened(),
        REFUSED => refused(),
        other => Answer { headers: found.headers.clone(), ..problem(other) },
    };
    assert_eq!(found, expected, "{}: {name}", client.site());
    if *status == REFUSED {
        let open = client.probe(with(token, "/who")).await;
        assert_eq!(open, refused(), "{}: {name}: nobody is what no good token makes", client.site());
    }
}
