//! Keys as JSON (RFC 7517, RFC 7518 §6, RFC 8037).

use serde_json::{Map, Value};

use super::VerifyingKey;
use crate::error::InvalidKey;
use crate::primitives::Material;
use crate::{Algorithm, base64url};

/// Members that only the owner of a key has. `k` belongs to a secret.
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

type Members = Map<String, Value>;

/// Reads a public key for signatures.
pub(crate) fn read(members: &Members) -> Result<VerifyingKey, InvalidKey> {
    let kind = text(members, "kty")?.ok_or(InvalidKey::Malformed)?;
    if kind == "oct" {
        return Err(InvalidKey::Symmetric);
    }
    if PRIVATE.iter().any(|name| members.contains_key(*name)) {
        return Err(InvalidKey::Private);
    }
    check_use(members)?;
    let mut key = VerifyingKey::new(material(kind, members)?);
    if let Some(algorithm) = text(members, "alg")? {
        key = key.only_for(Algorithm::from_name(algorithm).ok_or(InvalidKey::Algorithm)?)?;
    }
    match text(members, "kid")? {
        Some(id) => key.with_id(id),
        None => Ok(key),
    }
}

/// RFC 7517 §4.2, §4.3.
fn check_use(members: &Members) -> Result<(), InvalidKey> {
    if text(members, "use")?.is_some_and(|purpose| purpose != "sig") {
        return Err(InvalidKey::Use);
    }
    match members.get("key_ops") {
        None => Ok(()),
        Some(Value::Array(all)) if all.iter().all(Value::is_string) => {
            let verifies = all.iter().any(|operation| operation == "verify");
            if verifies { Ok(()) } else { Err(InvalidKey::Operations) }
        }
        Some(_) => Err(InvalidKey::Malformed),
    }
}

fn material(kind: &str, members: &Members) -> Result<Material, InvalidKey> {
    let curve = text(members, "crv")?;
    match (kind, curve) {
        ("RSA", _) => Material::rsa(&bytes(members, "n")?, &bytes(members, "e")?),
        ("EC", Some("P-256")) => Material::p256(point(members, 32)?),
        ("EC", Some("P-384")) => Material::p384(point(members, 48)?),
        ("OKP", Some("Ed25519")) => Material::ed25519(bytes(members, "x")?),
        ("EC" | "OKP", None) => Err(InvalidKey::Malformed),
        _ => Err(InvalidKey::Unsupported),
    }
}

/// RFC 7518 §6.2.1.2: both coordinates have the full length of the curve's field.
fn point(members: &Members, len: usize) -> Result<Vec<u8>, InvalidKey> {
    let (x, y) = (bytes(members, "x")?, bytes(members, "y")?);
    if x.len() != len || y.len() != len {
        return Err(InvalidKey::Point);
    }
    Ok([&[4], &x[..], &y[..]].concat())
}

fn bytes(members: &Members, name: &str) -> Result<Vec<u8>, InvalidKey> {
    text(members, name)?.and_then(base64url::decode).ok_or(InvalidKey::Malformed)
}

fn text<'a>(members: &'a Members, name: &str) -> Result<Option<&'a str>, InvalidKey> {
    match members.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(InvalidKey::Malformed),
    }
}
