//! Requirements on a token, besides being active.

use std::time::Duration;

use auth_core::backend::{BackendError, DeclineReason, DenyReason, Outcome};
use auth_core::grant::{Factor, Grant, Proof, Scopes};
use auth_core::time::Timestamp;
use serde_json::Value;

use crate::error::invalid;
use crate::shape::words;
use crate::verifier::Refused;

/// The requirements on a token. They are checked on every use, including that of a kept answer.
pub(crate) struct Policy {
    pub(crate) issuer: String,
    /// A token must be for one of these; none accepts every audience.
    pub(crate) audiences: Vec<String>,
    pub(crate) scopes: Vec<String>,
    pub(crate) leeway: Duration,
}

const NOT_MINE: Refused = Outcome::Decline(DeclineReason::NotMine);
const NOT_GOOD: Refused = Outcome::Decline(DeclineReason::WrongSecret);
const EXPIRED: Refused = Outcome::Deny(DenyReason::Expired);
const NOT_PERMITTED: Refused = Outcome::Deny(DenyReason::NotPermitted);

impl Policy {
    /// Why a token with these claims is refused, and in words for the log; `None` if it is good.
    ///
    /// The issuer and the audience are checked first: tokens of others are left to the next backend.
    pub(crate) fn refuse(
        &self,
        claims: &Value,
        now: Timestamp,
    ) -> Result<Option<(Refused, &'static str)>, BackendError> {
        let checks = [
            (!self.is_issuer(claims)?, NOT_MINE, "it has another issuer"),
            (!self.is_audience(claims)?, NOT_MINE, "it has another audience"),
            (!is_bearer(claims)?, NOT_GOOD, "its type is not Bearer"),
            (is_bound(claims), NOT_GOOD, "it is bound to a key, which a bearer token does not prove"),
            (self.is_early(claims, now)?, NOT_GOOD, "it is not valid yet"),
            (self.is_late(claims, now)?, EXPIRED, "it has expired"),
            (!self.has_scopes(claims)?, NOT_PERMITTED, "a required scope is missing"),
        ];
        Ok(checks.into_iter().find(|(fails, ..)| *fails).map(|(_, refused, why)| (refused, why)))
    }

    fn is_issuer(&self, claims: &Value) -> Result<bool, BackendError> {
        Ok(text(claims, "iss")?.is_none_or(|issuer| issuer == self.issuer))
    }

    fn is_audience(&self, claims: &Value) -> Result<bool, BackendError> {
        let is_ours =
            |audience: &str| self.audiences.is_empty() || self.audiences.iter().any(|own| own == audience);
        match claim(claims, "aud") {
            None => Ok(self.audiences.is_empty()),
            Some(Value::String(audience)) => Ok(is_ours(audience)),
            Some(Value::Array(all)) => {
                let all: Option<Vec<&str>> = all.iter().map(Value::as_str).collect();
                Ok(all.ok_or_else(|| invalid("the token's audience is not a text"))?.into_iter().any(is_ours))
            }
            Some(_) => Err(invalid("the token's audience is not a text")),
        }
    }

    fn is_early(&self, claims: &Value, now: Timestamp) -> Result<bool, BackendError> {
        Ok(time(claims, "nbf")?.is_some_and(|begin| now.plus(self.leeway) < begin))
    }

    fn is_late(&self, claims: &Value, now: Timestamp) -> Result<bool, BackendError> {
        Ok(end(claims)?.is_some_and(|end| end.plus(self.leeway) <= now))
    }

    fn has_scopes(&self, claims: &Value) -> Result<bool, BackendError> {
        let held = text(claims, "scope")?.unwrap_or_default();
        Ok(self.scopes.iter().all(|scope| words(held).any(|held| held == scope)))
    }
}

/// What a good token grants: its scopes and its expiry, and the login and the session at its server, if it names
/// them.
pub(crate) fn grant(issuer: &str, claims: &Value) -> Result<Grant, BackendError> {
    let scopes = Scopes::parse(text(claims, "scope")?.unwrap_or_default());
    let mut grant =
        Grant::new().with_scopes(scopes.map_err(|_| invalid("the token's scopes cannot be read"))?);
    if let Some(end) = end(claims)? {
        grant = grant.with_expiry(end);
    }
    if let Some(at) = time(claims, "auth_time")? {
        grant = grant.with_proof(Proof::new(Factor::Federated, at));
    }
    if let Some(sid) = text(claims, "sid")? {
        grant = grant.with_external_session(issuer, sid);
    }
    Ok(grant)
}

/// When the token expires, if the answer says so.
pub(crate) fn end(claims: &Value) -> Result<Option<Timestamp>, BackendError> {
    time(claims, "exp")
}

/// Types other than Bearer require a proof besides the token (RFC 9449, `DPoP`).
fn is_bearer(claims: &Value) -> Result<bool, BackendError> {
    Ok(text(claims, "token_type")?.is_none_or(|kind| kind.eq_ignore_ascii_case("Bearer")))
}

/// RFC 7800, RFC 8705 §3.2: a stolen token of this kind is useless, as long as somebody checks the binding.
fn is_bound(claims: &Value) -> bool {
    claim(claims, "cnf").is_some()
}

fn claim<'a>(claims: &'a Value, name: &str) -> Option<&'a Value> {
    claims.get(name).filter(|value| !value.is_null())
}

fn text<'a>(claims: &'a Value, name: &str) -> Result<Option<&'a str>, BackendError> {
    match claim(claims, name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(invalid("a text in the answer has an unexpected type")),
    }
}

/// RFC 7662 §2.2: an integer, in seconds since 1970.
fn time(claims: &Value, name: &str) -> Result<Option<Timestamp>, BackendError> {
    match claim(claims, name) {
        None => Ok(None),
        Some(value) => match value.as_u64() {
            Some(seconds) => Ok(Some(Timestamp::from_secs(seconds))),
            None => Err(invalid("a time in the answer is not an integer")),
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: u64 = 1_800_000_000;

    fn policy() -> Policy {
        Policy {
            issuer: "https://issuer.example".into(),
            audiences: vec!["api".into(), "api2".into()],
            scopes: vec!["read".into(), "write".into()],
            leeway: Duration::from_secs(30),
        }
    }

    fn good() -> Value {
        json!({
            "active": true, "iss": "https://issuer.example", "aud": ["other", "api"], "scope": "write read more",
            "token_type": "bearer", "exp": NOW + 1, "nbf": NOW,
        })
    }

    /// `good` with another value for one claim.
    fn with(name: &str, value: Value) -> Value {
        let mut claims = good();
        claims[name] = value;
        claims
    }

    fn judged(claims: &Value) -> Result<Option<Refused>, BackendError> {
        let refused = policy().refuse(claims, Timestamp::from_secs(NOW))?;
        Ok(refused.map(|(refused, _)| refused))
    }

    /// Each claim is changed in turn.
    #[test]
    fn every_claim_counts() {
        let table = [
            ("good", good(), None),
            ("one audience", with("aud", json!("api2")), None),
            ("no issuer told", with("iss", json!(null)), None),
            ("no type told", with("token_type", json!(null)), None),
            ("no end told", with("exp", json!(null)), None),
            ("ended within the leeway", with("exp", json!(NOW - 29)), None),
            ("begins within the leeway", with("nbf", json!(NOW + 30)), None),
            ("another issuer", with("iss", json!("https://issuer.example/")), Some(NOT_MINE)),
            ("no audience told", with("aud", json!(null)), Some(NOT_MINE)),
            ("another audience", with("aud", json!("API")), Some(NOT_MINE)),
            ("a longer audience", with("aud", json!(["api3", "xapi"])), Some(NOT_MINE)),
            ("no audience at all", with("aud", json!([])), Some(NOT_MINE)),
            ("DPoP", with("token_type", json!("DPoP")), Some(NOT_GOOD)),
            ("bound to a key", with("cnf", json!({"x5t#S256": "a"})), Some(NOT_GOOD)),
            ("ended", with("exp", json!(NOW - 30)), Some(EXPIRED)),
            ("not begun", with("nbf", json!(NOW + 31)), Some(NOT_GOOD)),
            ("a scope missing", with("scope", json!("read")), Some(NOT_PERMITTED)),
            ("no scope told", with("scope", json!(null)), Some(NOT_PERMITTED)),
            ("a scope within another", with("scope", json!("read writes")), Some(NOT_PERMITTED)),
            ("a scope by another blank", with("scope", json!("read\twrite")), Some(NOT_PERMITTED)),
        ];
        for (name, claims, expected) in table {
            assert_eq!(judged(&claims).unwrap(), expected, "{name}");
        }
    }

    #[test]
    fn claims_of_another_type_are_not_understood() {
        let table = [
            ("iss", json!(1)),
            ("aud", json!({})),
            ("aud", json!(["api", 1])),
            ("token_type", json!(["Bearer"])),
            ("exp", json!("2027-01-01")),
            ("exp", json!(NOW.to_string())),
            ("exp", json!(-1)),
            ("exp", json!(1e300)),
            ("nbf", json!(true)),
            ("scope", json!(["read", "write"])),
        ];
        for (name, value) in table {
            assert!(judged(&with(name, value.clone())).is_err(), "{name}: {value}");
        }
        assert_eq!(judged(&with("exp", json!(u64::MAX))).unwrap(), None, "times saturate");
    }
}
