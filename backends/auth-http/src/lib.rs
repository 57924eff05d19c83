//! An HTTP service as an authority, for [`auth_core`]: a microservice of your own for passwords ([`HttpVerifier`]),
//! or an OAuth 2.0 server for bearer tokens ([`Introspection`], RFC 7662).
//!
//! Both identify the caller. A [`Provisioning`](auth_core::Provisioning) policy decides what becomes of that in the
//! application's own table:
//!
//! ```
//! use auth_core::http::Bearer;
//! use auth_core::{Auth, AuthBuilder, BearerToken, ConfigError, Password, Secret};
//! use auth_core::backend::{Provisioned, Provisioner};
//! use auth_http::{Endpoint, HttpVerifier, IdentityShape, Introspection};
//!
//! fn backends<P: Provisioner + Clone>(
//!     users: P,
//!     key: Secret,
//!     client_secret: Secret,
//! ) -> Result<AuthBuilder<P::User>, ConfigError> {
//!     // POST {"username": …, "password": …}; the answer is 401, or 200 and {"user": {"id": 7, …}}.
//!     let accounts = HttpVerifier::builder(
//!         Endpoint::new("https://accounts.example.com/verify").header("X-Api-Key", key),
//!         "https://accounts.example.com",
//!         IdentityShape::new("/user/id").username("/user/login").groups("/user/groups"),
//!     );
//!     let tokens = Introspection::builder(
//!         Endpoint::new("https://id.example.com/introspect").client("orders", client_secret),
//!         "https://id.example.com",
//!     );
//!     let tokens = tokens.audience("https://orders.example.com").build()?;
//!     Ok(Auth::builder()
//!         .backend::<Password>("accounts", Provisioned { verifier: accounts.build()?, users: users.clone() })
//!         .backend::<BearerToken>("tokens", Provisioned { verifier: tokens, users })
//!         .scheme(Bearer::new("orders")?))
//! }
//! ```
//!
//! # Guarantees
//! * Addresses are fixed, and must be `https` except on this machine. Redirects are not followed, and proxies of the
//!   environment are not used. Passwords and tokens travel in bodies only.
//! * A request is sent once. It may count as a failed login there, so it is never retried.
//! * An answer must be complete in time (4 s, of which 2 s to connect) and not too long (64 KiB), even if it never
//!   ends or arrives byte by byte. JSON that repeats a name, or is nested deeper than 32, is not understood.
//! * Anything that is neither a clear yes nor a clear no is an error: the chain answers 503, and no password is
//!   "wrong".
//! * Nothing that is sent or answered reaches a log or an error.
//!
//! [`Endpoint`] has the settings for all of this, and the ways to authenticate this service: a secret header, HTTP
//! Basic, an OAuth client's secret, a bearer token, a client certificate.
//!
//! # Features
//! The crate has no features and needs Rust 1.88. It brings along reqwest with rustls, and no cryptography: the
//! application installs a `CryptoProvider` or passes a configuration to [`Endpoint::tls`].
//!
//! # Where next
//! [`HttpConfirm`] asks the service whether a signed-in user may stay. [`AnswerCache`] saves requests. `auth-jwt`
//! verifies signed tokens without a request for each.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod cache;
mod client;
mod confirm;
mod document;
mod endpoint;
mod error;
mod introspection;
mod json;
mod policy;
mod shape;
mod template;
mod verifier;

pub use cache::AnswerCache;
pub use confirm::HttpConfirm;
pub use document::Document;
pub use endpoint::Endpoint;
pub use introspection::{Introspection, IntrospectionBuilder};
pub use shape::IdentityShape;
pub use verifier::{HttpVerifier, HttpVerifierBuilder};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
