//! [`Token`]: a token that was read, and is not believed yet.

use std::fmt;
use std::time::Duration;

use crate::error::{InvalidClaims, InvalidSignature, Malformed};
use crate::{Claims, Expectations, Header, VerifyingKey, base64url};

/// A token that was read, and of which nothing is believed yet.
///
/// Its claims are there only after [`verify`](Self::verify). Before, it says who its [issuer](Self::issuer) claims to be,
/// to find the keys, and whether what it claims would be [as expected](Self::check).
pub struct Token<'a> {
    header: Header,
    claims: Claims,
    signed: &'a str,
    signature: Vec<u8>,
}

impl<'a> Token<'a> {
    /// The longest token that is read, in bytes.
    pub const MAX_LEN: usize = 16 * 1024;

    /// Reads a token in compact form (RFC 7515 §3.1).
    ///
    /// # Errors
    /// [`Malformed`] if it is not exactly that, or claims to be something that is not understood here.
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

    /// The header. It is not believed.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Who the token claims to be of (`iss`): good for choosing among keys, and for nothing else.
    pub fn issuer(&self) -> Option<&str> {
        self.claims.issuer()
    }

    /// Whether the token is as expected at `now`, the time since 1970. That needs no key, so it can be asked first; it says
    /// nothing of whether the token is genuine.
    ///
    /// # Errors
    /// [`InvalidClaims`], the first that is not met.
    pub fn check(&self, expected: &Expectations, now: Duration) -> Result<(), InvalidClaims> {
        expected.check_type(&self.header)?;
        expected.check_claims(&self.claims, now)
    }

    /// Verifies the signature. The claims are those that the key's owner signed; whether they are
    /// [as expected](Self::check) is another question, and both must be asked.
    ///
    /// # Errors
    /// [`InvalidSignature`] if the key is not for the token's algorithm, or the signature is not its.
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
