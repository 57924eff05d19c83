//! [`Token`]: a parsed token that is not trusted yet.

use std::fmt;
use std::time::Duration;

use crate::error::{InvalidClaims, InvalidSignature, Malformed};
use crate::{Claims, Expectations, Header, VerifyingKey, base64url};

/// A parsed token that is not trusted yet.
///
/// The claims are available only after [`verify`](Self::verify). Before that, it tells which [issuer](Self::issuer)
/// it claims, to find the keys, and whether its claims are [as expected](Self::check).
///
/// ```
/// # use std::time::Duration;
/// # use auth_jws::{Algorithm, Expectations, JwkSet, Token, VerifyingKey};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let secret = b"a secret of at least 32 bytes ...";
/// # let text = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.\
/// #     eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUiLCJhdWQiOiJhcGkiLCJzdWIiOiJhbGljZSIsImV4cCI6MTgwMDAwMDA2MH0.\
/// #     xuY7zGjaprkn45tqmgqlmNoOjsKmseZzDdmVofwwZ1k";
/// let key = VerifyingKey::hmac(secret, Algorithm::Hs256)?;
/// let expected = Expectations::of("https://id.example").audience("api").token_type("JWT");
///
/// let token = Token::parse(text)?;
/// token.check(&expected, Duration::from_secs(1_800_000_000))?;
/// assert_eq!(token.verify(&key)?.subject(), Some("alice"));
/// # Ok(())
/// # }
/// ```
pub struct Token<'a> {
    header: Header,
    claims: Claims,
    signed: &'a str,
    signature: Vec<u8>,
}

impl<'a> Token<'a> {
    /// The longest accepted token, in bytes.
    pub const MAX_LEN: usize = 16 * 1024;

    /// Parses a token in compact form (RFC 7515 §3.1).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use auth_jws::{Algorithm, Expectations, JwkSet, Token, VerifyingKey};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let secret = b"a secret of at least 32 bytes ...";
    /// # let text = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.\
    /// #     eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUiLCJhdWQiOiJhcGkiLCJzdWIiOiJhbGljZSIsImV4cCI6MTgwMDAwMDA2MH0.\
    /// #     xuY7zGjaprkn45tqmgqlmNoOjsKmseZzDdmVofwwZ1k";
    /// let token = Token::parse(text)?;
    /// assert_eq!(token.issuer(), Some("https://id.example"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Malformed`] if it has any other form, or claims something that is not supported.
    pub fn parse(text: &'a str) -> Result<Self, Malformed> {
        if text.len() > Self::MAX_LEN {
            return Err(Malformed::TooLong);
        }
        let [header, claims, signature] = parts(text).ok_or(Malformed::Parts)?;
        let decoded = |part: &str| base64url::decode(part).ok_or(Malformed::Base64);
        let signature = decoded(signature)?;
        Ok(Self {
            header: Header::read(&decoded(header)?)?,
            claims: Claims::read(&decoded(claims)?)?,
            signed: &text[..header.len() + 1 + claims.len()],
            signature,
        })
    }

    /// The header, which is not trusted.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The issuer that the token claims (`iss`): use it to choose keys, and for nothing else.
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
    /// assert_eq!(token.issuer(), Some("https://id.example"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn issuer(&self) -> Option<&str> {
        self.claims.issuer()
    }

    /// Checks whether the token is as expected at `now`, the time since 1970. This needs no key, so it can come
    /// first. It does not show that the token is genuine.
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
    /// assert!(token.check(&expected, Duration::from_secs(1_800_000_000)).is_ok());
    /// assert!(token.check(&expected, Duration::from_secs(1_900_000_000)).is_err(), "expired");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`InvalidClaims`]: the first expectation that is not met.
    pub fn check(&self, expected: &Expectations, now: Duration) -> Result<(), InvalidClaims> {
        expected.check_type(&self.header)?;
        expected.check_claims(&self.claims, now)
    }

    /// Verifies the signature. The claims are those that the key's owner signed. Whether they are [as
    /// expected](Self::check) is a separate check: make both.
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
    /// assert_eq!(token.verify(&key)?.subject(), Some("alice"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`InvalidSignature`] if the key is not for the token's algorithm, or did not create the signature.
    pub fn verify(&self, key: &VerifyingKey) -> Result<&Claims, InvalidSignature> {
        key.verify(self.header.algorithm(), self.signed.as_bytes(), &self.signature)?;
        Ok(&self.claims)
    }
}

/// Exactly three parts, none of them empty.
pub(crate) fn parts(text: &str) -> Option<[&str; 3]> {
    let mut parts = text.split('.');
    let three = [parts.next()?, parts.next()?, parts.next()?];
    (parts.next().is_none() && three.iter().all(|part| !part.is_empty())).then_some(three)
}

impl fmt::Debug for Token<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("header", &self.header)
            .field("claims", &self.claims)
            .finish_non_exhaustive()
    }
}
