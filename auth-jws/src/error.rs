//! What is wrong with a token or a key. The messages are fixed: they contain nothing of either.

use std::error::Error;
use std::fmt;

macro_rules! texts {
    ($name:ident { $($variant:ident => $text:literal),+ $(,)? }) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$variant => $text),+ })
            }
        }

        impl Error for $name {}
    };
}

/// Why a text is not a supported token.
///
/// ```
/// use auth_jws::{Malformed, Token};
///
/// assert_eq!(Token::parse("a.b").err(), Some(Malformed::Parts));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Malformed {
    /// It is longer than [`Token::MAX_LEN`](crate::Token::MAX_LEN).
    TooLong,
    /// It has not exactly three parts, none of them empty.
    Parts,
    /// A part is not canonical base64url without padding.
    Base64,
    /// The header is not a JSON object, repeats a name, or has a member of the wrong type.
    Header,
    /// The algorithm is absent, `none`, or unknown.
    Algorithm,
    /// The key id is longer than [`Header::MAX_KEY_ID_LEN`](crate::Header::MAX_KEY_ID_LEN).
    KeyId,
    /// The header names extensions that must be understood (`crit`); none is supported.
    Critical,
    /// The header says that the payload is unencoded (`b64`, RFC 7797).
    Unencoded,
    /// The header says that the payload is compressed (`zip`).
    Compressed,
    /// The header says that the token is encrypted (`enc`).
    Encrypted,
    /// The header says that the token contains another one (`cty`).
    Nested,
    /// The claims are not a JSON object, or repeat a name.
    Claims,
    /// A registered claim has another type than in RFC 7519 §4.1, or is an impossible time.
    ClaimType,
}

texts!(Malformed {
    TooLong => "the token is longer than 16 KiB",
    Parts => "the token has not exactly three parts",
    Base64 => "a part of the token is not canonical base64url",
    Header => "the token's header is not a valid JSON object",
    Algorithm => "the token's algorithm is not supported",
    KeyId => "the token's key id is longer than 256 bytes",
    Critical => "the token's header has critical extensions",
    Unencoded => "the token's payload is unencoded",
    Compressed => "the token's payload is compressed",
    Encrypted => "the token is encrypted",
    Nested => "the token holds another token",
    Claims => "the token's claims are not a JSON object, or repeat a name",
    ClaimType => "a registered claim of the token has the wrong type",
});

/// Why a signature is refused.
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
/// let other = VerifyingKey::hmac(b"another secret of at least 32 bytes", Algorithm::Hs256)?;
/// assert_eq!(token.verify(&other).err(), Some(auth_jws::InvalidSignature::Mismatch));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum InvalidSignature {
    /// The key is not for the algorithm that the token names.
    Algorithm,
    /// The signature was not created by this key over this token.
    Mismatch,
}

texts!(InvalidSignature {
    Algorithm => "the key is not for the token's algorithm",
    Mismatch => "the signature is wrong",
});

/// Which expectation a token does not meet.
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
/// let expected = Expectations::of("https://id.example").audience("shop").token_type("JWT");
/// let checked = token.check(&expected, Duration::from_secs(1_800_000_000));
/// assert_eq!(checked, Err(auth_jws::InvalidClaims::Audience));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum InvalidClaims {
    /// It has another type (`typ`).
    Type,
    /// It has another issuer, or none (`iss`).
    Issuer,
    /// It has another audience, or none (`aud`).
    Audience,
    /// It never expires (`exp` is absent).
    NoExpiry,
    /// It has expired (`exp`).
    Expired,
    /// It is not valid yet (`nbf`).
    NotYetValid,
    /// It was issued in the future (`iat`).
    IssuedInFuture,
    /// It has no subject (`sub` is absent or empty).
    NoSubject,
    /// It is bound to a key (`cnf`, RFC 7800), and presenting the token does not prove possession of it.
    Bound,
}

texts!(InvalidClaims {
    Type => "the token has another type",
    Issuer => "the token has another issuer",
    Audience => "the token has another audience",
    NoExpiry => "the token never expires",
    Expired => "the token has expired",
    NotYetValid => "the token is not valid yet",
    IssuedInFuture => "the token was issued in the future",
    NoSubject => "the token names no subject",
    Bound => "the token is bound to a key, possession of which was not proved",
});

/// Why a key is not used: [`VerifyingKey::hmac`](crate::VerifyingKey::hmac) shows an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum InvalidKey {
    /// It is not valid JSON, PEM or DER, or a member has the wrong type.
    Malformed,
    /// It is a secret (`oct`), which cannot be public.
    Symmetric,
    /// It has private members, which are public now.
    Private,
    /// It is for something other than signatures (`use`).
    Use,
    /// It is for something other than verifying (`key_ops`).
    Operations,
    /// Its type or curve is not supported.
    Unsupported,
    /// Its algorithm (`alg`) is not supported, or does not fit its type and curve.
    Algorithm,
    /// Its id (`kid`) is longer than 256 bytes.
    KeyId,
    /// It is an RSA key of less than 2048 bits or more than 8192.
    RsaSize,
    /// It is an RSA key whose modulus or exponent is even, or whose exponent is below 65537 or too large.
    RsaExponent,
    /// It is not a point of its curve, or has the wrong length.
    Point,
    /// It is a secret that is shorter than its hash: 32, 48 or 64 bytes (RFC 7518 §3.2).
    SecretTooShort,
}

texts!(InvalidKey {
    Malformed => "the key cannot be read",
    Symmetric => "the key is symmetric: secrets must not be published",
    Private => "the key has private members",
    Use => "the key is not for signatures",
    Operations => "the key is not for verifying",
    Unsupported => "the key's type or curve is not supported",
    Algorithm => "the key's algorithm is not supported, or does not fit its type",
    KeyId => "the key's id is longer than 256 bytes",
    RsaSize => "an RSA key has from 2048 to 8192 bits",
    RsaExponent => "an RSA key's modulus and exponent are odd, and the exponent is at least 65537",
    Point => "the key is not a point of its curve",
    SecretTooShort => "a secret is at least as long as its hash: 32, 48 or 64 bytes",
});

/// Why a text is not a set of keys.
///
/// ```
/// use auth_jws::{InvalidKeySet, JwkSet};
///
/// assert_eq!(JwkSet::parse(b"{}").err(), Some(InvalidKeySet::Malformed));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum InvalidKeySet {
    /// It is longer than [`JwkSet::MAX_LEN`](crate::JwkSet::MAX_LEN).
    TooLong,
    /// It has more keys than [`JwkSet::MAX_KEYS`](crate::JwkSet::MAX_KEYS).
    TooMany,
    /// It is not a JSON object with an array `keys`, or repeats a name.
    Malformed,
}

texts!(InvalidKeySet {
    TooLong => "the key set is longer than 1 MiB",
    TooMany => "the key set has more than 100 keys",
    Malformed => "the key set is not a JSON object with an array of keys",
});
