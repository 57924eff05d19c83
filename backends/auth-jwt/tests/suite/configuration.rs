//! What cannot be right is not built, and says why.

use std::time::Duration;

use auth_jwt::{Algorithm, IdentityShape, Issuer, Jwt};
use serde_json::json;

use crate::support::{ISSUER, Key, SECRET, build, clock, encode, endpoint, fixed, set};

async fn mistakes(table: Vec<(&str, Issuer, &str)>) {
    for (name, issuer, expected) in table {
        let told = build(&clock(), [issuer]).await.err().map(|error| error.to_string()).unwrap_or_default();
        assert!(told.contains(expected) && told.is_empty() == expected.is_empty(), "{name}: {told}");
    }
}

fn bare() -> Issuer {
    Issuer::new(ISSUER).audience("api")
}

fn secret() -> Issuer {
    bare().secret(SECRET, Algorithm::Hs256)
}

#[tokio::test]
async fn issuers() {
    let key = Key::new("a");
    let jwk = key.jwk().to_string();
    mistakes(vec![
        ("right", fixed(&key), ""),
        ("no name", Issuer::new("").audience("api").jwk(&jwk), "named as in"),
        ("no audience", Issuer::new(ISSUER).jwk(&jwk), ".audience("),
        ("an empty audience", fixed(&key).audience(""), ".audience("),
        ("the longest leeway", fixed(&key).leeway(Duration::from_secs(60)), ""),
        ("a longer leeway", fixed(&key).leeway(Duration::from_millis(60_001)), "60 s"),
        ("another subject", fixed(&key).identity(IdentityShape::new("/oid")), "/sub"),
        ("no pointer", fixed(&key).identity(IdentityShape::new("/sub").name("name")), "JSON pointer"),
        ("no interval", fixed(&key).fetch_interval(Duration::ZERO), "above zero"),
        ("kept too short", fixed(&key).keep_keys_for(Duration::from_secs(599)), "until they are fetched"),
        ("no keys", bare(), ".jwks_url("),
        ("keys from here and there", fixed(&key).jwks_url("https://id.example/keys"), "either"),
        ("two addresses", bare().discover().jwks_url("https://id.example/keys"), "one address"),
        ("cleartext", bare().jwks_endpoint(endpoint("http://id.example/keys")), "must be https"),
        ("no address", bare().jwks_endpoint(endpoint("keys")), "like https://"),
        ("discovery in cleartext", bare().discover_by(endpoint("http://id.example/")), "must be https"),
    ])
    .await;
}

#[tokio::test]
async fn keys() {
    let pem = "-----BEGIN PUBLIC KEY-----\n\
               MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----";
    let weak = json!({"kty": "RSA", "n": encode([255; 128]), "e": "AQAB"});
    let exponent = json!({"kty": "RSA", "n": encode([255; 256]), "e": "Aw"});
    let secret_jwk = json!({"kty": "oct", "k": encode([7; 64])});
    let private = json!({"kty": "OKP", "crv": "Ed25519", "x": encode([1; 32]), "d": encode([1; 32])});
    mistakes(vec![
        ("a set", bare().jwks(&set(&[&Key::new("a")]).to_string()), ""),
        ("PEM", bare().pem(pem), ""),
        ("a secret", secret(), ""),
        ("no set", bare().jwks("{}"), "array of keys"),
        ("an empty set", bare().jwks(r#"{"keys":[]}"#), "none of the keys"),
        ("a set of private keys", bare().jwks(&json!({"keys": [private]}).to_string()), "none of the keys"),
        ("a private key", bare().jwk(&private.to_string()), "private members"),
        ("a weak key", bare().jwk(&weak.to_string()), "2048"),
        ("a weak exponent", bare().jwk(&exponent.to_string()), "exponent"),
        ("a secret as JSON", bare().jwk(&secret_jwk.to_string()), "symmetric"),
        ("a weak key in a set", bare().jwks(&json!({"keys": [weak]}).to_string()), "none of the keys"),
        ("no key", bare().jwk("{}"), "cannot be read"),
        ("no PEM", bare().pem("BEGIN"), "cannot be read"),
        ("an empty secret", bare().secret(b"", Algorithm::Hs256), "as long as its hash"),
        ("a short secret", bare().secret(&SECRET[..31], Algorithm::Hs256), "as long as its hash"),
        ("a secret too short for HS384", bare().secret(&[7; 47], Algorithm::Hs384), "as long as its hash"),
        ("a secret too short for HS512", bare().secret(&[7; 63], Algorithm::Hs512), "as long as its hash"),
        ("a secret for what it is not", bare().secret(SECRET, Algorithm::Es256), "algorithm"),
    ])
    .await;
}

#[tokio::test]
async fn algorithms() {
    use Algorithm::{EdDsa, Es256, Hs256, Rs256};
    let key = Key::new("a");
    let elsewhere = || bare().jwks_endpoint(endpoint("http://127.0.0.1:1/"));
    mistakes(vec![
        ("a key's", fixed(&key).algorithms([EdDsa]), ""),
        ("a secret's", secret().algorithms([Hs256]), ""),
        ("a secret beside a key", secret().jwk(&key.jwk().to_string()), "with public keys"),
        ("a secret's for a key", fixed(&key).algorithms([Hs256]), "with public keys"),
        ("a secret's, too", fixed(&key).algorithms([EdDsa, Hs256]), "with public keys"),
        ("a key's for a secret", secret().algorithms([EdDsa]), "with public keys"),
        ("a mixture from elsewhere", elsewhere().algorithms([Es256, Hs256]), "with public keys"),
        ("a secret's from elsewhere", elsewhere().algorithms([Hs256]), "with public keys"),
        ("one without a key", fixed(&key).algorithms([Rs256]), "there is no key"),
        ("none", fixed(&key).algorithms([]), "there is no key"),
    ])
    .await;
}

#[tokio::test]
async fn the_whole() {
    let key = Key::new("a");
    let told = |jwt: Result<Jwt, auth_core::ConfigError>| {
        jwt.err().map(|error| error.to_string()).unwrap_or_default()
    };
    assert!(told(Jwt::builder().build().await).contains(".issuer("));
    let twice = build(&clock(), [fixed(&key), fixed(&key)]).await;
    assert!(told(twice).contains("twice"));
    let large = Jwt::builder().issuer(fixed(&key)).capacity(Jwt::MAX_CAPACITY + 1).build().await;
    assert!(told(large).contains("1,000,000"));
    assert!(Jwt::builder().issuer(fixed(&key)).capacity(0).build().await.is_ok());
}
