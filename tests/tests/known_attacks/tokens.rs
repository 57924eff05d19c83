//! A right, or an account, that was taken away while its holder has a token: it counts with the next request, though not every
//! request is compared with the table.

use std::sync::Arc;

use auth_core::backend::Provisioned;
use auth_core::provisioning::{Provisioning, ProvisioningBuilder, Right};
use auth_core::time::ManualClock;
use auth_core::{Auth, BearerToken, DeniedKind, RequestFacts, User as _, UserId};
use auth_jwt::{Algorithm, IdentityShape, Issuer, Jwt};
use auth_sql::{SqlUser, SqlUsers};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use integration_tests::world::{START, weak_passwords};
use ring::hmac;
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use sqlx::sqlite::{SqlitePool, SqlitePoolOptions};

const SECRET: &[u8] = b"the secret of the issuer, of 32 bytes or more";

/// A token of Ann's, good for a day; no two are alike.
fn token(number: u64, groups: &[&str]) -> BearerToken {
    let now = START.as_millis() / 1_000;
    let claims = json!({
        "iss": "https://id.example", "sub": "ann", "aud": "orders", "client_id": "shell", "jti": number.to_string(),
        "iat": now, "exp": now + 86_400 + number, "groups": groups,
    });
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(&json!({"alg": "HS256", "typ": "at+jwt"})), part(&claims));
    let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SECRET), signed.as_bytes());
    BearerToken::new(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

struct Site {
    auth: Auth<SqlUser>,
    users: SqlUsers,
    pool: SqlitePool,
    clock: Arc<ManualClock>,
}

impl Site {
    async fn new() -> Self {
        let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await.unwrap();
        let users = SqlUsers::new(pool.clone(), weak_passwords());
        users.migrate().await.unwrap();
        let clock = Arc::new(ManualClock::at(START));
        let issuer = Issuer::new("https://id.example")
            .audience("orders")
            .secret(SECRET, Algorithm::Hs256)
            .identity(IdentityShape::new("/sub").groups("/groups"));
        let verifier = Jwt::builder().issuer(issuer).clock(Arc::clone(&clock)).build().await.unwrap();
        let policy = Provisioning::builder().grant("staff", Right::permission("read")).build().unwrap();
        let provisioned = policy.on(users.clone()).unwrap().clock(Arc::clone(&clock));
        let backend = Provisioned { verifier, users: provisioned };
        let auth = Auth::builder().backend::<BearerToken>("tokens", backend).clock(Arc::clone(&clock));
        Self { auth: auth.build().unwrap(), users, pool, clock }
    }

    /// The caller, and whether they may read.
    async fn request(&self, token: BearerToken) -> Result<(UserId, bool), DeniedKind> {
        let answer = self.auth.authenticate(token, &RequestFacts::none()).await;
        answer
            .map(|proof| (proof.user().id(), proof.user().has_permission("read")))
            .map_err(|denied| denied.kind())
    }
}

#[tokio::test]
async fn what_an_issuer_takes_away_is_gone_with_the_next_token() {
    let site = Site::new().await;
    let (ann, reads) = site.request(token(1, &["staff"])).await.unwrap();
    assert!(reads);
    for number in 2..5 {
        assert_eq!(site.request(token(number, &[])).await, Ok((ann.clone(), false)), "demoted at once");
        assert_eq!(site.request(token(number, &["staff"])).await, Ok((ann.clone(), true)));
    }
}

/// What is decided here counts at once; that the issuer says otherwise, after the time.
#[tokio::test]
async fn what_is_taken_away_here_is_gone_with_the_next_request() {
    let site = Site::new().await;
    let (ann, _) = site.request(token(1, &["staff"])).await.unwrap();
    site.users.revoke(&ann, "read").await.unwrap();
    for number in [1, 2] {
        assert_eq!(site.request(token(number, &["staff"])).await, Ok((ann.clone(), false)));
    }
    site.clock.advance(ProvisioningBuilder::SEEN_FOR);
    assert_eq!(site.request(token(3, &["staff"])).await, Ok((ann.clone(), true)), "the issuer's word again");
    site.users.set_active(&ann, false).await.unwrap();
    for number in [3, 4] {
        assert!(site.request(token(number, &["staff"])).await.is_err(), "deactivated");
    }
    site.users.set_active(&ann, true).await.unwrap();
    assert!(site.request(token(4, &["staff"])).await.is_ok());
    for table in ["auth_user_permissions", "auth_users"] {
        sqlx::query(AssertSqlSafe(format!("DELETE FROM {table}"))).execute(&site.pool).await.unwrap();
    }
    let (_, reads) = site.request(token(4, &["staff"])).await.unwrap();
    assert!(reads, "removed, and made anew by the policy");
}
