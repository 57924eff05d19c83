//! An issuer of signed tokens, as far as a site knows it: its keys, and a token of Alice's.

use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};

use super::ALICE;

/// The issuer.
pub const ISSUER: &str = "https://id.example.com";
/// Whom its tokens are for.
pub const AUDIENCE: &str = "https://bench.example.com";

/// The same for all sites of this process.
pub(crate) static SIGNED: LazyLock<Signed> = LazyLock::new(Signed::new);

/// A token of Alice's, and what it is verified with.
pub struct Signed {
    /// The issuer's keys, as it publishes them.
    pub jwks: String,
    /// The value of an `Authorization` header.
    pub(crate) header: String,
}

impl Signed {
    fn new() -> Self {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).expect("a key");
        let key =
            EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &random).expect("the key that was made");
        let (x, y) = key.public_key().as_ref()[1..].split_at(32);
        let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
        let public = json!({"kty": "EC", "crv": "P-256", "kid": "2026-1", "use": "sig", "alg": "ES256", "x": x, "y": y});
        let signed = format!(
            "{}.{}",
            part(&json!({"alg": "ES256", "typ": "at+jwt", "kid": "2026-1"})),
            part(&claims())
        );
        let signature = key.sign(&random, signed.as_bytes()).expect("a signature");
        let header = format!("Bearer {signed}.{}", URL_SAFE_NO_PAD.encode(signature));
        Self { jwks: json!({"keys": [public]}).to_string(), header }
    }
}

/// What an access token says (RFC 9068 section 2.2), good for a day.
fn claims() -> Value {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970").as_secs();
    json!({
        "iss": ISSUER, "sub": ALICE, "aud": AUDIENCE, "iat": now, "exp": now + 86_400,
        "client_id": "exporter", "jti": "0a1b2c3d4e5f60718293a4b5c6d7e8f9", "scope": "orders:read orders:write",
    })
}

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}
