//! A service that is asked over HTTP as an authority, for [`auth_core`]: a microservice of your own for passwords
//! ([`HttpVerifier`]), an OAuth 2.0 server for bearer tokens ([`Introspection`], RFC 7662).
//!
//! Both say who somebody is. What becomes of that in the application's own table says a
//! [`Provisioning`](auth_core::Provisioning) policy:
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
//! # What is always so
//! * Addresses are fixed, and `https` but for this machine; redirects are not followed; proxies of the environment are
//!   not asked. Passwords and tokens travel in bodies only.
//! * A question is asked once. It may count as a failed login there, so nothing is tried again.
//! * An answer has its time (4 s, of which 2 s to connect) and its length (64 KiB), also one that never ends or comes
//!   drop by drop. JSON in which a name stands twice, or that is deeper than 32, is not understood.
//! * What is not clearly yes or no is that it could not be decided: the chain answers 503, and no password is "wrong".
//! * Nothing of what is sent or answered reaches a log or an error.
//!
//! [`Endpoint`] has the settings of all that, and the ways to show who asks: a secret header, HTTP Basic, an OAuth
//! client's secret, a bearer token, a client certificate.
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
