//! Signed JSON Web Tokens of known issuers as bearer tokens, for [`auth_core`].
//!
//! [`Jwt`] verifies them locally: it asks an issuer for its keys, and never about a token. A
//! [`Provisioning`](auth_core::Provisioning) policy decides what becomes of the users in the application's own table:
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
//! # Which tokens are handled
//! A text of three parts that names one of the issuers is accepted or refused here: no other backend may accept a
//! token that its issuer would not stand for. Everything else is [not
//! ours](auth_core::backend::DeclineReason::NotMine), before anything is computed.
//!
//! # Guarantees
//! * Every requirement is explicit: a token must have `iss`, `sub`, `exp`, one of the audiences in `aud`, and the
//!   [type](Issuer::typ) of an access token. [`auth_jws::Expectations`] lists the requirements on each claim, and
//!   [`auth_jws`] says how a token is read.
//! * Everything that needs no key is checked first. A signature is verified only if everything else is right.
//! * Keys come from the configuration, or from a fixed address: `https` except on this machine, no redirects, at most
//!   1 MiB and 100 keys. Nothing in a token leads anywhere.
//! * A verified token is remembered until its `exp`, and no longer than its key. Revocation is checked on every use.
//! * Nothing of a token reaches a log or an error.
//!
//! # Features
//! The crate has no features and needs Rust 1.88. It brings along `auth-http` with reqwest and rustls for fetching
//! keys, and `ring` for signatures. The application installs the cryptography of rustls, as for `auth-http`.
//!
//! # Key rotation
//! | | default |
//! |---|---|
//! | keys are fetched again, in the background, when they are [older](Issuer::fetch_every) than | 10 min |
//! | an unknown key is looked up, unless keys were fetched in the last | [30 s](Issuer::fetch_interval) |
//! | while the issuer is down, keys are good for | [24 h](Issuer::keep_keys_for) |
//! | the name of a key that the issuer did not have is remembered for | 300 s, and 128 of them |
//!
//! For each issuer at most one fetch runs at a time. Fetched keys replace the previous ones: a key that is no longer
//! published is not good any more. If none of the fetched keys can be used, the previous ones stay.
//!
//! If a key cannot be looked up now, the token is neither accepted nor refused: the chain answers 503. It is not an
//! outage either ([`BackendError::undecided`](auth_core::backend::BackendError::undecided)): a client that invents
//! names of keys opens no circuit breaker.
//!
//! # Where next
//! [`Issuer`] has the settings. `auth-http` asks an OAuth server about each token instead (introspection).
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
