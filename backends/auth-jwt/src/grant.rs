//! What a good token is worth.

use auth_core::grant::{Factor, Grant, Proof, Scopes};
use auth_core::time::Timestamp;
use auth_jws::Claims;
use serde_json::Value;

use crate::refusal::Refusal;

/// Where issuers write scopes: RFC 9068 §2.2.3, Entra and Okta, Auth0.
pub(crate) const SCOPES: [&str; 3] = ["scope", "scp", "permissions"];

/// The scopes, the end, and the session at the issuer; and where the issuer is believed, by what the person proved to be
/// there, and when.
pub(crate) fn grant(claims: &Claims, scopes_in: &[String], is_believed: bool) -> Result<Grant, Refusal> {
    // Whether it was revoked is asked on every use, whatever else is remembered of it.
    let mut grant = Grant::new().asked_each_time();
    if let Some(scopes) = scopes(claims, scopes_in)? {
        grant = grant.with_scopes(scopes);
    }
    if let Some(end) = claims.expires() {
        grant = grant.with_expiry(Timestamp::default().plus(end));
    }
    if let (Some(issuer), Some(sid)) = (claims.issuer(), claims.text("sid")) {
        grant = grant.with_external_session(issuer, sid);
    }
    match claims.time("auth_time") {
        Some(at) if is_believed => {
            let at = Timestamp::default().plus(at);
            Ok(factors(claims).fold(grant, |grant, factor| grant.with_proof(Proof::new(factor, at))))
        }
        _ => Ok(grant),
    }
}

/// The first claim that is there says them all. Where there is none, nobody said what the token is for: it has no scopes, and may do
/// what its user may.
fn scopes(claims: &Claims, names: &[String]) -> Result<Option<Scopes>, Refusal> {
    let Some(value) = names.iter().find_map(|name| claims.get(name)) else { return Ok(None) };
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Array(all) => {
            let words: Option<Vec<&str>> = all.iter().map(Value::as_str).collect();
            // A blank in one of them would make two of it.
            let words = words.filter(|words| words.iter().all(|word| !word.contains(' ')));
            words.ok_or(Refusal::Scopes)?.join(" ")
        }
        _ => return Err(Refusal::Scopes),
    };
    Scopes::parse(&text).map(Some).map_err(|_| Refusal::Scopes)
}

/// That there was a login, and by what (RFC 8176 §2, and what the `OpenID` EAP profile calls resistant to phishing). What
/// is not known here proves no more than that.
fn factors(claims: &Claims) -> impl Iterator<Item = Factor> {
    let methods = claims.get("amr").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let by_method = methods.iter().filter_map(Value::as_str).filter_map(|method| match method {
        "pwd" => Some(Factor::Password),
        "otp" => Some(Factor::Totp),
        "hwk" | "swk" | "fido" => Some(Factor::Passkey),
        _ => None,
    });
    let is_resistant = matches!(claims.text("acr"), Some("phr" | "phrh"));
    let by_context = is_resistant.then_some(Factor::Passkey);
    std::iter::once(Factor::Federated).chain(by_method).chain(by_context)
}
