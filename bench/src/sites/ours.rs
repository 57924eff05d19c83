//! This workspace's library.

mod actix;
mod axum;

use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use auth_core::api_keys::{ApiKeys, MemoryApiKeys, NewApiKey};
use auth_core::backend::{
    Accepted, Attempt, Backend, BackendError, Identity, Outcome, Provisioned, UserSource, provision_fn,
};
use auth_core::factors::{Factors, MemoryFactors};
use auth_core::grant::{Factor, Grant, Proof};
use auth_core::http::{Basic, Bearer};
use auth_core::password::Argon2Cost;
use auth_core::random::{Random, RandomError};
use auth_core::second_factor::{Needs, SecondFactor};
use auth_core::session::{KeyRing, MemorySessions, SessionStore};
use auth_core::time::{Clock as _, SystemClock};
use auth_core::{
    Auth, AuthBuilder, BearerToken, MemoryBackend, Password, Passwords, Secret, SessionConfig, User, UserId,
};
use auth_jwt::{Issuer, Jwt};
use auth_redis::RedisSessions;
use auth_sql::{SqlSessions, SqlUser, SqlUsers};
use redis::Client;
use sqlx::SqlitePool;

use super::opaque::{ApiToken, Opaque, Tokens};
use super::{ALICE, API_KEY, MAX_SESSIONS, PASSWORD, signed};

pub(crate) use self::actix::visit;
pub(crate) use self::axum::router;

/// When it is found out who is calling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resolve {
    Eagerly,
    Lazily,
}

/// A stamp as README's users have it: their password's hash.
pub(crate) const PASSWORD_HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRvZjE2Qnl0ZQ$9mZ8dXH1Nq3o4Jv7l0mA2b6cE5tYwRkQhUsGxPzLtBo";

/// A user as an application would keep it in memory.
#[derive(Clone)]
pub(crate) struct Member {
    id: UserId,
    name: Arc<str>,
}

impl Member {
    pub(crate) fn alice() -> Self {
        let id = UserId::new("00000000-0000-01").expect("an id of 16 bytes");
        Self { id, name: ALICE.into() }
    }

    pub(crate) fn is(&self, id: &UserId) -> bool {
        self.id == *id
    }
}

impl User for Member {
    fn id(&self) -> UserId {
        self.id.clone()
    }

    fn security_stamp(&self) -> &[u8] {
        PASSWORD_HASH.as_bytes()
    }

    fn is_active(&self) -> bool {
        true
    }
}

/// A user whose name a page can show.
pub(crate) trait Named: User {
    fn name(&self) -> &str;
}

impl Named for Member {
    fn name(&self) -> &str {
        &self.name
    }
}

impl Named for SqlUser {
    fn name(&self) -> &str {
        self.username()
    }
}

/// A pool of one thread, with a hash that is as cheap as the peers' is here: the hash is not what is measured.
pub(crate) fn cheap_passwords() -> Passwords {
    let cost = Argon2Cost::dangerous_weak(64, 1, 1).expect("valid costs");
    Passwords::builder().cost(cost).threads(1).build().expect("hash threads")
}

/// Alice in memory.
pub(crate) async fn members(passwords: Passwords) -> MemoryBackend<Member> {
    let users = MemoryBackend::new(passwords);
    users.insert(ALICE, &Secret::new(PASSWORD), Member::alice()).await.expect("alice");
    users
}

/// One password backend over a session store.
pub(crate) fn auth<U: User>(users: impl Backend<Password, User = U>, store: impl SessionStore) -> Auth<U> {
    let builder = Auth::builder().backend::<Password>("local", users);
    build(builder.sessions(store, SessionConfig::new(KeyRing::generate().expect("a key"))))
}

/// All in memory.
pub(crate) async fn memory() -> Auth<Member> {
    auth(members(cheap_passwords()).await, MemorySessions::new(MAX_SESSIONS))
}

/// All in memory, where everybody needs two factors, and Alice gave both.
pub(crate) async fn two_factors() -> Auth<Member> {
    let keys = KeyRing::generate().expect("a key");
    let factors = Factors::new("Bench", MemoryFactors::new(10), &keys).expect("a plain issuer");
    let second = SecondFactor::new(factors).page("/login/factor").policy(|_, _| Needs::second_factor());
    let builder = Auth::builder().backend::<Password>("local", WithCode(members(cheap_passwords()).await));
    let sessions = MemorySessions::new(MAX_SESSIONS);
    build(builder.sessions(sessions, SessionConfig::new(keys)).second_factor(second))
}

/// Members whose passwords are as good as a password and a code.
struct WithCode(MemoryBackend<Member>);

impl UserSource for WithCode {
    type User = Member;

    async fn get_user(&self, id: &UserId) -> Result<Option<Member>, BackendError> {
        self.0.get_user(id).await
    }
}

impl Backend<Password> for WithCode {
    async fn authenticate(
        &self,
        attempt: &Attempt<'_, Password>,
    ) -> Result<Outcome<Accepted<Member>>, BackendError> {
        let judged = Backend::<Password>::authenticate(&self.0, attempt).await?;
        let now = SystemClock.now();
        Ok(judged.map(|accepted| {
            let proofs = [Factor::Password, Factor::Totp].map(|factor| Proof::new(factor, now));
            Accepted::new(accepted.user, proofs.into_iter().fold(Grant::new(), Grant::with_proof))
        }))
    }
}

/// Sessions in `SQLite`, users in memory.
pub(crate) async fn sqlite_sessions(pool: SqlitePool) -> Auth<Member> {
    let sessions = SqlSessions::new(pool);
    sessions.migrate().await.expect("a database that takes the table");
    auth(members(cheap_passwords()).await, sessions)
}

/// Sessions and users in `SQLite`.
pub(crate) async fn sqlite(pool: SqlitePool) -> Auth<SqlUser> {
    let sessions = SqlSessions::new(pool.clone());
    sessions.migrate().await.expect("a database that takes the table");
    let users = SqlUsers::new(pool, cheap_passwords());
    users.migrate().await.expect("a database that takes the table");
    users.create_user(ALICE, Some(&Secret::new(PASSWORD))).await.expect("alice");
    auth(users, sessions)
}

/// Sessions in Redis, users in memory.
///
/// # Errors
/// If the server cannot be reached.
pub(crate) async fn redis(url: &str) -> Result<Auth<Member>, String> {
    let client = Client::open(url).map_err(|error| error.to_string())?;
    let sessions = RedisSessions::new(client).map_err(|error| error.to_string())?;
    sessions.check().await.map_err(|error| error.to_string())?;
    Ok(auth(members(cheap_passwords()).await, sessions))
}

/// HTTP Basic; what was accepted is remembered for long enough to measure.
pub(crate) async fn basic() -> Auth<Member> {
    build(with_sessions().backend::<Password>("local", members(cheap_passwords()).await).scheme(remembered()))
}

/// The same behind two other schemes and two backends that do not know Alice.
pub(crate) async fn basic_third() -> Auth<Member> {
    let passwords = cheap_passwords();
    let builder = with_sessions()
        .backend::<Password>("staff", MemoryBackend::new(passwords.clone()))
        .backend::<Password>("partners", MemoryBackend::new(passwords.clone()))
        .backend::<Password>("local", members(passwords).await)
        .backend::<ApiToken>("tokens", Tokens::alice())
        .scheme(Opaque::new("Token"))
        .scheme(Opaque::new("Bearer"));
    build(builder.scheme(remembered()))
}

/// An opaque bearer token.
pub(crate) fn bearer() -> Auth<Member> {
    build(with_sessions().backend::<ApiToken>("tokens", Tokens::alice()).scheme(Opaque::new("Bearer")))
}

/// The same behind two other schemes and two backends that do not know the token.
pub(crate) async fn bearer_third() -> Auth<Member> {
    third(Opaque::new("Bearer")).await
}

/// The same, and what was accepted is remembered for long enough to measure.
pub(crate) async fn bearer_remembered() -> Auth<Member> {
    third(Opaque::new("Bearer").remember(REMEMBERED)).await
}

async fn third(scheme: Opaque) -> Auth<Member> {
    let builder = with_sessions()
        .backend::<Password>("local", members(cheap_passwords()).await)
        .backend::<ApiToken>("robots", Tokens::none())
        .backend::<ApiToken>("partners", Tokens::none())
        .backend::<ApiToken>("tokens", Tokens::alice())
        .scheme(remembered())
        .scheme(Opaque::new("Token"));
    build(builder.scheme(scheme))
}

/// API keys, of users that are in memory.
pub(crate) async fn keys() -> Auth<Member> {
    let members = Arc::new(members(cheap_passwords()).await);
    let keys = ApiKeys::new("bench", MemoryApiKeys::new(MAX_SESSIONS)).expect("a prefix").random(Always);
    let keys = keys.owners("local", members.clone()).expect("a backend's name");
    let new = NewApiKey::new("bench").expect("a name");
    let made = keys.create_for("local", &Member::alice().id(), new).await.expect("a key");
    assert_eq!(API_KEY.strip_prefix("Bearer "), Some(made.key().expose()), "what is sent is what is made");
    let builder = with_sessions().backend::<Password>("local", members);
    build(builder.backend::<BearerToken>("keys", keys).scheme(token()))
}

/// Bytes that make the same key each time.
struct Always;

impl Random for Always {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomError> {
        bytes.fill(7);
        Ok(())
    }
}

/// When a signature is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verify {
    /// At the first use of a token.
    Once,
    /// At every use, as at the first.
    EachTime,
}

/// Signed tokens, whose users are nowhere but in them.
///
/// # Errors
/// If the issuer's key is none.
pub(crate) async fn signed(verify: Verify) -> Result<Auth<Member>, String> {
    let issuer = Issuer::new(signed::ISSUER).jwks(&signed::SIGNED.jwks).audience(signed::AUDIENCE);
    let tokens = Jwt::builder().issuer(issuer);
    let tokens = if verify == Verify::EachTime { tokens.capacity(0) } else { tokens };
    let verifier = tokens.build().await.map_err(|error| error.to_string())?;
    let alice = Member::alice();
    let users = provision_fn(move |_: Identity| ready(Ok(Outcome::Accept(alice.clone()))));
    let builder = with_sessions().backend::<BearerToken>("tokens", Provisioned { verifier, users });
    Ok(build(builder.scheme(token())))
}

fn token() -> Bearer {
    Bearer::new("bench").expect("a realm").allow_cleartext()
}

fn with_sessions() -> AuthBuilder<Member> {
    let config = SessionConfig::new(KeyRing::generate().expect("a key"));
    Auth::builder().sessions(MemorySessions::new(MAX_SESSIONS), config)
}

/// Longer than any measurement.
const REMEMBERED: Duration = Duration::from_hours(1);

fn remembered() -> Basic {
    Basic::new("bench").expect("a realm").allow_cleartext().remember(REMEMBERED)
}

fn build<U: User>(builder: AuthBuilder<U>) -> Auth<U> {
    builder.login_page("/login").build().expect("a configuration that can be right")
}
