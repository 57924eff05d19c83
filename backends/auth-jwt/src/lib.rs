//! Signed JSON Web Tokens of known issuers as bearer tokens, for [`auth_core`].
//!
//! [`Jwt`] verifies them here: an issuer is asked for its keys, and never about a token. What becomes of whom they name in
//! the application's own table says a [`Provisioning`](auth_core::Provisioning) policy:
//!
//! ```
//! use auth_core::backend::{Provisioned, Provisioner};
//! use auth_core::http::Bearer;
//! use auth_core::{Auth, AuthBuilder, BearerToken, ConfigError};
//! use auth_jwt::{IdentityShape, Issuer, Jwt};
//!
//! async fn backends<P: Provisioner>(users: P) -> Result<AuthBuilder<P::User>, ConfigError> {
//!     // Fetches the issuer's keys, and fails if there are none.
//!     let tokens = Jwt::builder()
//!         .issuer(
//!             Issuer::new("https://id.example.com")
//!                 .discover()
//!                 .audience("https://orders.example.com")
//!                 .identity(IdentityShape::new("/sub").username("/preferred_username").groups("/groups")),
//!         )
//!         .build()
//!         .await?;
//!     Ok(Auth::builder()
//!         .backend::<BearerToken>("tokens", Provisioned { verifier: tokens, users })
//!         .scheme(Bearer::new("orders")?))
//! }
//! ```
//!
//! # Whose a token is
//! A text of three parts that says it is of one of the issuers ends here, right or wrong: no other backend is asked about
//! what one of our issuers would not stand for. Everything else is [not ours](auth_core::backend::DeclineReason::NotMine),
//! before anything is computed.
//!
//! # What is always so
//! * Nothing is taken that was not said: a token must have `iss`, `sub`, `exp`, an `aud` of ours, and the
//!   [type](Issuer::typ) of an access token. What each claim must be is in [`auth_jws::Expectations`]; how a token
//!   is read, in [`auth_jws`].
//! * Whatever needs no key is judged first. A signature is compared only where everything else is right.
//! * Keys come from the configuration, or from a fixed address: `https` but for this machine, no redirects, at most 1 MiB
//!   and 100 keys. Nothing in a token leads anywhere.
//! * A token that is kept as verified ends with its `exp`, and with its key. Whether it was revoked is asked on every use.
//! * Nothing of a token reaches a log or an error.
//!
//! # Keys that change
//! | | default |
//! |---|---|
//! | keys are fetched again, beside the requests, when they are [older](Issuer::fetch_every) than | 10 min |
//! | a key that is not known is looked for, but not if keys were fetched in the last | [30 s](Issuer::fetch_interval) |
//! | while the issuer is down, keys are good for | [24 h](Issuer::keep_keys_for) |
//! | a name of a key that the issuer did not have is remembered for | 300 s, and 128 of them |
//!
//! One fetch is under way for each issuer. Fetched keys take the place of those before: a key that is no longer there is
//! good for nothing from then on. Where there is none among them that can be used, those before stay.
//!
//! A key that cannot be looked for now means that the token could not be judged: 503, and no refusal. It is no outage
//! either ([`BackendError::undecided`](auth_core::backend::BackendError::undecided)): whoever makes up names of keys
//! opens nobody's circuit breaker.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod cache;
mod discovery;
mod grant;
mod issuer;
mod jwt;
mod keys;
mod refusal;
mod remote;
mod revocation;
mod unknown;

pub use auth_http::{Endpoint, IdentityShape};
pub use auth_jws::{Algorithm, VerifyingKey};
pub use issuer::Issuer;
pub use jwt::{Jwt, JwtBuilder};
pub use revocation::Issued;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
