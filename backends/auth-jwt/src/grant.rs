//! What a good token grants.

use auth_core::grant::{Factor, Grant, Proof, Scopes};
use auth_core::time::Timestamp;
use auth_jws::Claims;
use serde_json::Value;

use crate::refusal::Refusal;

/// Where issuers write scopes: RFC 9068 §2.2.3, Entra and Okta, Auth0.
pub(crate) const SCOPES: [&str; 3] = ["scope", "scp", "permissions"];

/// The scopes, the expiry and the session at the issuer; and, if the issuer is trusted with it, when and how the
/// person authenticated there.
pub(crate) fn grant(claims: &Claims, scopes_in: &[String], is_believed: bool) -> Result<Grant, Refusal> {
    // Revocation is checked on every use, whatever else is remembered about the token.
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

/// The first claim that is present holds all of them. If none is present, the token holds no scopes, and does not
/// limit the permissions of its user.
fn scopes(claims: &Claims, names: &[String]) -> Result<Option<Scopes>, Refusal> {
    let Some(value) = names.iter().find_map(|name| claims.get(name)) else { return Ok(None) };
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Array(all) => {
            let words: Option<Vec<&str>> = all.iter().map(Value::as_str).collect();
            // A blank within one of them would make it two.
            let words = words.filter(|words| words.iter().all(|word| !word.contains(' ')));
            words.ok_or(Refusal::Scopes)?.join(" ")
        }
        _ => return Err(Refusal::Scopes),
    };
    Scopes::parse(&text).map(Some).map_err(|_| Refusal::Scopes)
}

/// That there was a login, and how (RFC 8176 §2, and the methods that the `OpenID` EAP profile calls
/// phishing-resistant). An unknown method proves no more than that.
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
