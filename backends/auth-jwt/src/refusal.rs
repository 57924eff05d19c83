//! Why a token of a configured issuer is refused.

use std::fmt;

use auth_core::backend::{DenyReason, Outcome};
use auth_jws::{InvalidClaims, InvalidSignature, Malformed};

/// Why a token is refused. The refusal is final: the next backend is not asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    Malformed(Malformed),
    /// It is signed with an algorithm that the issuer does not use.
    Algorithm,
    Claims(InvalidClaims),
    /// It names a key that the issuer does not have.
    Key,
    Signature(InvalidSignature),
    /// A claim about the user has an unexpected type.
    Identity,
    /// Its scopes cannot be read.
    Scopes,
    Revoked,
}

impl Refusal {
    pub(crate) fn outcome<T>(self) -> Outcome<T> {
        Outcome::Deny(match self {
            Self::Claims(InvalidClaims::Expired) => DenyReason::Expired,
            Self::Revoked => DenyReason::Revoked,
            _ => DenyReason::WrongSecret,
        })
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(why) => why.fmt(f),
            Self::Algorithm => {
                f.write_str("the token is signed by an algorithm that its issuer does not use")
            }
            Self::Claims(why) => why.fmt(f),
            Self::Key => f.write_str("the token names a key that its issuer does not have"),
            Self::Signature(why) => why.fmt(f),
            Self::Identity => f.write_str("a claim about the user has an unexpected type"),
            Self::Scopes => f.write_str("the token's scopes cannot be read"),
            Self::Revoked => f.write_str("the token was revoked"),
        }
    }
}
