//! [`Expectations`]: requirements on a token.

use std::time::Duration;

use crate::error::InvalidClaims;
use crate::{Claims, Header};

/// The requirements on a token. What is not set is refused: without an audience no token has the right audience, and
/// without a type none has the right type.
///
/// | claim | |
/// |---|---|
/// | `typ` | one of the [types](Self::token_type), unless [any](Self::accept_any_type) |
/// | `iss` | the issuer, byte for byte |
/// | `aud` | contains one of the [audiences](Self::audience) |
/// | `exp` | required, and in the future |
/// | `nbf`, `iat` | if present, not in the future |
/// | `sub` | required, and not empty, unless [left out](Self::without_subject) |
/// | `cnf` | absent: presenting the token does not prove possession of the key (RFC 7800) |
///
/// ```
/// # use std::time::Duration;
/// # use auth_jws::{Algorithm, Expectations, JwkSet, Token, VerifyingKey};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let secret = b"a secret of at least 32 bytes ...";
/// # let text = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.\
/// #     eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUiLCJhdWQiOiJhcGkiLCJzdWIiOiJhbGljZSIsImV4cCI6MTgwMDAwMDA2MH0.\
/// #     xuY7zGjaprkn45tqmgqlmNoOjsKmseZzDdmVofwwZ1k";
/// # let key = VerifyingKey::hmac(secret, Algorithm::Hs256)?;
/// # let token = Token::parse(text)?;
/// let expected = Expectations::of("https://id.example").audience("api").token_type("JWT");
/// token.check(&expected, Duration::from_secs(1_800_000_000))?;
/// # Ok(())
/// # }
/// ```
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
    /// The largest clock difference that is tolerated.
    pub const MAX_LEEWAY: Duration = Duration::from_secs(60);

    /// Expects tokens of this issuer, without tolerance for clock differences.
    ///
    /// ```
    /// # use auth_jws::Expectations;
    /// let expected = Expectations::of("https://id.example").audience("api").token_type("at+jwt");
    /// ```
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

    /// Adds a name of this service in `aud`. A token must be for one of the names given here.
    ///
    /// ```
    /// # use auth_jws::Expectations;
    /// let expected = Expectations::of("https://id.example").audience("https://api.example").audience("api");
    /// ```
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audiences.push(audience.into());
        self
    }

    /// Adds a type (`typ`) that a token may have, such as `at+jwt`. Case and a leading `application/` are ignored.
    ///
    /// ```
    /// # use auth_jws::Expectations;
    /// let expected = Expectations::of("https://id.example").audience("api").token_type("at+jwt");
    /// ```
    pub fn token_type(mut self, kind: impl Into<String>) -> Self {
        self.types.push(kind.into());
        self
    }

    /// Accepts tokens of every type, and without one. If an issuer signs several kinds for one audience, such as ID
    /// tokens and access tokens, they are then not told apart (RFC 8725 §3.11).
    ///
    /// ```
    /// # use auth_jws::Expectations;
    /// let expected = Expectations::of("https://id.example").audience("api").accept_any_type();
    /// ```
    pub fn accept_any_type(mut self) -> Self {
        self.any_type = true;
        self
    }

    /// Accepts tokens without a subject, such as a logout token for a session.
    ///
    /// ```
    /// # use auth_jws::Expectations;
    /// let logout = Expectations::of("https://id.example").audience("api").token_type("logout+jwt").without_subject();
    /// ```
    pub fn without_subject(mut self) -> Self {
        self.needs_subject = false;
        self
    }

    /// Sets the clock difference to the issuer that is tolerated, at most [`MAX_LEEWAY`](Self::MAX_LEEWAY).
    ///
    /// ```
    /// # use auth_jws::Expectations;
    /// let expected = Expectations::of("https://id.example").leeway(std::time::Duration::from_secs(10));
    /// ```
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
