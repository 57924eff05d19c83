//! [`Expectations`]: what a token must say.

use std::time::Duration;

use crate::error::InvalidClaims;
use crate::{Claims, Header};

/// What a token must say to be taken. What is not set is refused, not waved through: without an audience no token is for
/// us, and without a type none is of it.
///
/// | claim | |
/// |---|---|
/// | `typ` | one of the [types](Self::token_type), unless [any](Self::accept_any_type) |
/// | `iss` | the issuer, byte for byte |
/// | `aud` | one of the [audiences](Self::audience) among them |
/// | `exp` | required, and in the future |
/// | `nbf`, `iat` | if there, not in the future |
/// | `sub` | required, and not empty, unless [left out](Self::without_subject) |
/// | `cnf` | absent: what the token is bound to is not proved by showing it (RFC 7800) |
#[derive(Clone, Debug)]
#[must_use]
pub struct Expectations {
    issuer: String,
    audiences: Vec<String>,
    types: Vec<String>,
    any_type: bool,
    needs_subject: bool,
    leeway: Duration,
}

impl Expectations {
    /// The most that clocks may be apart.
    pub const MAX_LEEWAY: Duration = Duration::from_secs(60);

    /// Tokens of this issuer. Clocks may not be apart at all.
    pub fn of(issuer: impl Into<String>) -> Self {
        Self {
            issuer: issuer.into(),
            audiences: Vec::new(),
            types: Vec::new(),
            any_type: false,
            needs_subject: true,
            leeway: Duration::ZERO,
        }
    }

    /// A name of ours in `aud`. A token must be for it, or for another that is named.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audiences.push(audience.into());
        self
    }

    /// A type (`typ`) that a token may have, such as `at+jwt`. The case does not count, nor a leading `application/`.
    pub fn token_type(mut self, kind: impl Into<String>) -> Self {
        self.types.push(kind.into());
        self
    }

    /// Takes tokens of every type, and those without one. An issuer that signs several kinds for one audience, such as ID
    /// tokens and access tokens, does not tell them apart then (RFC 8725 §3.11).
    pub fn accept_any_type(mut self) -> Self {
        self.any_type = true;
        self
    }

    /// Takes tokens without a subject, such as a logout token for a session.
    pub fn without_subject(mut self) -> Self {
        self.needs_subject = false;
        self
    }

    /// How far this machine's clock may be from the issuer's; more than [`MAX_LEEWAY`](Self::MAX_LEEWAY) counts as that.
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway.min(Self::MAX_LEEWAY);
        self
    }

    pub(crate) fn check_type(&self, header: &Header) -> Result<(), InvalidClaims> {
        let fits = self.any_type || self.types.iter().any(|kind| header.is_of_type(kind));
        if fits { Ok(()) } else { Err(InvalidClaims::Type) }
    }

    /// Whether the claims are as expected at `now`, the time since 1970.
    pub(crate) fn check_claims(&self, claims: &Claims, now: Duration) -> Result<(), InvalidClaims> {
        if claims.issuer() != Some(&self.issuer) {
            return Err(InvalidClaims::Issuer);
        }
        if !claims.audiences().any(|audience| self.audiences.iter().any(|own| own == audience)) {
            return Err(InvalidClaims::Audience);
        }
        self.check_times(claims, now)?;
        if self.needs_subject && claims.subject().is_none_or(str::is_empty) {
            return Err(InvalidClaims::NoSubject);
        }
        if claims.get("cnf").is_some() {
            return Err(InvalidClaims::Bound);
        }
        Ok(())
    }

    fn check_times(&self, claims: &Claims, now: Duration) -> Result<(), InvalidClaims> {
        let latest = now.saturating_add(self.leeway);
        let expires = claims.expires().ok_or(InvalidClaims::NoExpiry)?;
        if expires.saturating_add(self.leeway) <= now {
            return Err(InvalidClaims::Expired);
        }
        if claims.not_before().is_some_and(|begin| latest < begin) {
            return Err(InvalidClaims::NotYetValid);
        }
        if claims.issued_at().is_some_and(|issued| latest < issued) {
            return Err(InvalidClaims::IssuedInFuture);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const NOW: u64 = 1_800_000_000;

    fn expected() -> Expectations {
        Expectations::of("https://id.example")
            .audience("api")
            .audience("api2")
            .leeway(Duration::from_secs(30))
    }

    fn judged(expected: &Expectations, name: &str, value: Value) -> Result<(), InvalidClaims> {
        let mut claims = json!({
            "iss": "https://id.example", "aud": ["other", "api"], "sub": "alice", "exp": NOW + 1, "nbf": NOW, "iat": NOW,
        });
        let members = claims.as_object_mut().unwrap();
        members.remove(name);
        if !value.is_null() {
            members.insert(name.into(), value);
        }
        let claims = Claims::read(claims.to_string().as_bytes()).unwrap();
        expected.check_claims(&claims, Duration::from_secs(NOW))
    }

    /// One claim is changed in turn, or removed where the value is null.
    #[test]
    fn every_claim_counts() {
        use InvalidClaims::{
            Audience, Bound, Expired, IssuedInFuture, Issuer, NoExpiry, NoSubject, NotYetValid,
        };
        let table = [
            ("as it should be", "x", json!(1), Ok(())),
            ("no issuer", "iss", json!(null), Err(Issuer)),
            ("another issuer", "iss", json!("https://id.example/"), Err(Issuer)),
            ("the issuer in another case", "iss", json!("https://ID.example"), Err(Issuer)),
            ("an empty issuer", "iss", json!(""), Err(Issuer)),
            ("one audience", "aud", json!("api2"), Ok(())),
            ("no audience", "aud", json!(null), Err(Audience)),
            ("no audiences", "aud", json!([]), Err(Audience)),
            ("other audiences", "aud", json!(["API", "api3", "xapi", ""]), Err(Audience)),
            ("never expires", "exp", json!(null), Err(NoExpiry)),
            ("expires just within the leeway", "exp", json!(NOW - 29), Ok(())),
            ("expires by a fraction within it", "exp", json!(1_799_999_970.5), Ok(())),
            ("expired by it", "exp", json!(NOW - 30), Err(Expired)),
            ("expired at the beginning", "exp", json!(0), Err(Expired)),
            ("no begin", "nbf", json!(null), Ok(())),
            ("begins within the leeway", "nbf", json!(NOW + 30), Ok(())),
            ("begins beyond it", "nbf", json!(NOW + 31), Err(NotYetValid)),
            ("begins by a fraction beyond it", "nbf", json!(1_800_000_030.5), Err(NotYetValid)),
            ("not said when issued", "iat", json!(null), Ok(())),
            ("issued within the leeway", "iat", json!(NOW + 30), Ok(())),
            ("issued beyond it", "iat", json!(NOW + 31), Err(IssuedInFuture)),
            ("issued long ago", "iat", json!(0), Ok(())),
            ("no subject", "sub", json!(null), Err(NoSubject)),
            ("an empty subject", "sub", json!(""), Err(NoSubject)),
            ("bound to a key", "cnf", json!({"jkt": "a"}), Err(Bound)),
            ("bound to nothing", "cnf", json!(false), Err(Bound)),
        ];
        for (name, claim, value, verdict) in table {
            assert_eq!(judged(&expected(), claim, value), verdict, "{name}");
        }
    }

    #[test]
    fn what_is_not_set_is_refused() {
        let no_audience = Expectations::of("https://id.example");
        assert_eq!(judged(&no_audience, "x", json!(1)), Err(InvalidClaims::Audience));
        let header = Header::read(br#"{"alg":"ES256","typ":"JWT"}"#).unwrap();
        let table = [
            ("no type is named", expected(), false),
            ("another", expected().token_type("at+jwt"), false),
            ("the same", expected().token_type("at+jwt").token_type("jwt"), true),
            ("any", expected().accept_any_type(), true),
        ];
        for (name, expected, fits) in table {
            assert_eq!(expected.check_type(&header).is_ok(), fits, "{name}");
        }
        assert_eq!(judged(&expected().without_subject(), "sub", json!(null)), Ok(()));
    }

    #[test]
    fn the_leeway_is_bounded() {
        let long = expected().leeway(Duration::from_secs(3_600));
        assert_eq!(judged(&long, "exp", json!(NOW - 59)), Ok(()));
        assert_eq!(judged(&long, "exp", json!(NOW - 60)), Err(InvalidClaims::Expired));
        let none = expected().leeway(Duration::ZERO);
        assert_eq!(judged(&none, "exp", json!(NOW)), Err(InvalidClaims::Expired));
        assert_eq!(judged(&none, "iat", json!(NOW + 1)), Err(InvalidClaims::IssuedInFuture));
    }
}
