//! What is wrong with a token or a key. The texts are fixed: nothing of either is in them.

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

/// Why a text is no token that is read here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Malformed {
    /// It is longer than [`Token::MAX_LEN`](crate::Token::MAX_LEN).
    TooLong,
    /// It has not exactly three parts, none of them empty.
    Parts,
    /// A part is no canonical base64url without padding.
    Base64,
    /// The header is no JSON object in which every name stands once, or a member of it has another type than it should.
    Header,
    /// The algorithm is absent, `none`, or none that is known here.
    Algorithm,
    /// The key's name is longer than [`Header::MAX_KEY_ID_LEN`](crate::Header::MAX_KEY_ID_LEN).
    KeyId,
    /// The header names extensions that must be understood (`crit`); none is here.
    Critical,
    /// The payload is said to be unencoded (`b64`, RFC 7797).
    Unencoded,
    /// The payload is said to be compressed (`zip`).
    Compressed,
    /// The token is said to be encrypted (`enc`).
    Encrypted,
    /// The token is said to hold another one (`cty`).
    Nested,
    /// The claims are no JSON object in which every name stands once.
    Claims,
    /// A registered claim has another type than RFC 7519 §4.1 gives it, or is a time that can be none.
    ClaimType,
}

texts!(Malformed {
    TooLong => "the token is longer than 16 KiB",
    Parts => "the token has not exactly three parts",
    Base64 => "a part of the token is no canonical base64url",
    Header => "the token's header is no JSON object as it should be",
    Algorithm => "the token's algorithm is none that is supported",
    KeyId => "the token's key id is longer than 256 bytes",
    Critical => "the token's header has critical extensions",
    Unencoded => "the token's payload is unencoded",
    Compressed => "the token's payload is compressed",
    Encrypted => "the token is encrypted",
    Nested => "the token holds another token",
    Claims => "the token's claims are no JSON object in which every name stands once",
    ClaimType => "a registered claim of the token has a type that it cannot have",
});

/// Why a token's signature is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum InvalidSignature {
    /// The key is not for the algorithm that the token names.
    Algorithm,
    /// The signature is not that of this key over this token.
    Mismatch,
}

texts!(InvalidSignature {
    Algorithm => "the key is not for the token's algorithm",
    Mismatch => "the signature is wrong",
});

/// Which expectation a token does not meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum InvalidClaims {
    /// It is of another type (`typ`).
    Type,
    /// It is of another issuer, or of none (`iss`).
    Issuer,
    /// It is for others, or for nobody (`aud`).
    Audience,
    /// It never expires (`exp` is absent).
    NoExpiry,
    /// It has expired (`exp`).
    Expired,
    /// It is not valid yet (`nbf`).
    NotYetValid,
    /// It was issued in the future (`iat`).
    IssuedInFuture,
    /// It is about nobody (`sub` is absent or empty).
    NoSubject,
    /// It is bound to a key (`cnf`, RFC 7800) of which nothing was proved.
    Bound,
}

texts!(InvalidClaims {
    Type => "the token is of another type",
    Issuer => "the token is of another issuer",
    Audience => "the token is for another audience",
    NoExpiry => "the token never expires",
    Expired => "the token has expired",
    NotYetValid => "the token is not valid yet",
    IssuedInFuture => "the token was issued in the future",
    NoSubject => "the token names no subject",
    Bound => "the token is bound to a key that was not proved",
});

/// Why a key is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum InvalidKey {
    /// It is not JSON, PEM or DER as it should be, or a member has another type than it should.
    Malformed,
    /// It is a secret (`oct`), which cannot be published.
    Symmetric,
    /// It has private members: whoever wrote them here published them.
    Private,
    /// It is for something else than signatures (`use`).
    Use,
    /// It is for something else than verifying (`key_ops`).
    Operations,
    /// Its type or curve is none that is supported.
    Unsupported,
    /// It is for an algorithm (`alg`) that is not supported, or does not fit its type and curve.
    Algorithm,
    /// Its name (`kid`) is longer than 256 bytes.
    KeyId,
    /// It is an RSA key of less than 2048 bits, or of more than 8192.
    RsaSize,
    /// It is an RSA key whose modulus or exponent is even, or whose exponent is below 65537 or too large.
    RsaExponent,
    /// It is no point of its curve, or has not the length that it should have.
    Point,
    /// It is a secret that is shorter than the hash it is for: 32, 48 or 64 bytes (RFC 7518 §3.2).
    SecretTooShort,
}

texts!(InvalidKey {
    Malformed => "the key cannot be read",
    Symmetric => "the key is symmetric, and a secret is not published",
    Private => "the key has private members",
    Use => "the key is not for signatures",
    Operations => "the key is not for verifying",
    Unsupported => "the key's type or curve is not supported",
    Algorithm => "the key's algorithm is not supported, or does not fit its type",
    KeyId => "the key's id is longer than 256 bytes",
    RsaSize => "an RSA key has from 2048 to 8192 bits",
    RsaExponent => "an RSA key's modulus and exponent are odd, and the exponent is at least 65537",
    Point => "the key is no point of its curve",
    SecretTooShort => "a secret is at least as long as its hash: 32, 48 or 64 bytes",
});

/// Why a text is no set of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum InvalidKeySet {
    /// It is longer than [`JwkSet::MAX_LEN`](crate::JwkSet::MAX_LEN).
    TooLong,
    /// It has more keys than [`JwkSet::MAX_KEYS`](crate::JwkSet::MAX_KEYS).
    TooMany,
    /// It is no JSON object with an array `keys`, or a name in it stands twice.
    Malformed,
}

texts!(InvalidKeySet {
    TooLong => "the key set is longer than 1 MiB",
    TooMany => "the key set has more than 100 keys",
    Malformed => "the key set is no JSON object with an array of keys",
});
