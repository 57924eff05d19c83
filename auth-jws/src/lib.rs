//! A strict reader of signed JSON Web Tokens (RFC 7515, RFC 7519), over [`ring`].
//!
//! It reads one form and refuses everything else: three parts of canonical base64url, a header and claims without
//! repeated names in which registered claims have their types, signed with an algorithm that the *key* is for. It
//! opens no socket, and ignores what a token says about where its key might be.
//!
//! Reading and trusting are separate steps. [`Token::parse`] trusts nothing. [`Token::check`] compares the claims
//! with what you expect, which is cheap and needs no key. [`Token::verify`] verifies the signature, and only then
//! returns the [`Claims`]:
//!
//! ```
//! use std::time::Duration;
//!
//! use auth_jws::{Algorithm, Expectations, Token, VerifyingKey};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let key = VerifyingKey::hmac(b"a secret of at least 32 bytes ...", Algorithm::Hs256)?;
//! let expected = Expectations::of("https://id.example").audience("api").token_type("JWT");
//! # let text = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.\
//! #     eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUiLCJhdWQiOiJhcGkiLCJzdWIiOiJhbGljZSIsImV4cCI6MTgwMDAwMDA2MH0.\
//! #     xuY7zGjaprkn45tqmgqlmNoOjsKmseZzDdmVofwwZ1k";
//!
//! let token = Token::parse(text)?;
//! token.check(&expected, Duration::from_secs(1_800_000_000))?;
//! let claims = token.verify(&key)?;
//! assert_eq!(claims.subject(), Some("alice"));
//! # Ok(())
//! # }
//! ```
//!
//! # Guarantees
//! * A token has at most [16 KiB](Token::MAX_LEN) and is in compact form. JWE, JSON serialisation, compression,
//!   detached payloads and `none` are refused, and so is every `crit`.
//! * The key determines the algorithm. A token's `alg` must be one that the key was bound to when it was created.
//! * `jwk`, `jku`, `x5u` and `x5c` of a token are ignored. `kid` is an opaque id of up to 256 bytes.
//! * RSA keys have 2048 to 8192 bits and an odd exponent of at least 65537; HMAC secrets are at least as long as the
//!   hash. Private and symmetric keys in a [`JwkSet`] are not used.
//! * No error contains anything of a token or a key.
//!
//! # Features
//! The crate has no features and needs Rust 1.88. It brings along [`ring`] and `spki`.
//!
//! # Where next
//! [`Expectations`] for the claims, [`JwkSet`] for an issuer's published keys. `auth-jwt` fetches the keys and makes
//! a backend of it.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod algorithm;
mod base64url;
mod claims;
mod error;
mod expectations;
mod header;
mod jwk_set;
mod key;
mod owner;
mod primitives;
mod token;

pub use algorithm::Algorithm;
pub use claims::Claims;
pub use error::{InvalidClaims, InvalidKey, InvalidKeySet, InvalidSignature, Malformed};
pub use expectations::Expectations;
pub use header::Header;
pub use jwk_set::{Ignored, JwkSet};
pub use key::VerifyingKey;
pub use owner::claims_issuer;
pub use token::Token;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
