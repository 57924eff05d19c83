//! Pluggable authentication, without a web framework.
//!
//! An application lists **backends** in order. Each is asked whether it knows the credentials of a login, and answers
//! with a user, with nothing (the next one is asked), with a refusal (no other is asked), or with an error because it
//! cannot decide. A **session** remembers the user's id and the backend that vouched for them; on the next request
//! that backend is asked for the user again.
//!
//! This page lists what the author of a site needs; the rest is grouped by module:
//!
//! | module | for |
//! |---|---|
//! | [`session`] | stores, keys, settings and errors of sessions |
//! | [`http`] | schemes, refusals and rules; [`http::adapter`] is for adapters |
//! | [`backend`] | backends of your own: what they are asked and may answer, and outside systems behind them |
//! | [`provisioning`], [`remote_user`] | users who come from outside systems |
//! | [`api_keys`] | tokens that the application issues, for programs |
//! | [`factors`] | second factors: authenticator apps, recovery codes |
//! | [`second_factor`] | which users need a second factor, and logins that still lack it |
//! | [`once`] | ids that can be used only once, however many try |
//! | [`grant`] | what an acceptance is worth: proofs, scopes, an expiry |
//! | [`gate`], [`throttle`], [`event`] | which attempts are allowed; what happened |
//! | [`password`] | formats, costs and policies |
//! | [`time`], [`random`] | clocks and random sources, for tests |
//!
//! This crate makes the decisions; the adapters `auth-tower` and `auth-actix` only translate requests and responses.
//! It opens no socket and no file.
//!
//! ```
//! use auth_core::{Auth, MemoryBackend, Password, Passwords, RequestFacts, Secret, User, UserId};
//!
//! #[derive(Clone)]
//! struct Member {
//!     id: i64,
//! }
//!
//! impl User for Member {
//!     fn id(&self) -> UserId {
//!         UserId::from(self.id)
//!     }
//!     fn security_stamp(&self) -> &[u8] {
//!         b"changes with the password"
//!     }
//!     fn is_active(&self) -> bool {
//!         true
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let users = MemoryBackend::new(Passwords::new()?);
//! users.insert("alice", &Secret::new("wonderland"), Member { id: 1 }).await?;
//! let auth = Auth::builder().backend::<Password>("local", users).build()?;
//!
//! let alice = auth.authenticate(Password::new("alice", "wonderland"), &RequestFacts::none()).await?;
//! assert_eq!(alice.user().id, 1);
//! let nobody = auth.authenticate(Password::new("alice", "wrong"), &RequestFacts::none()).await;
//! assert_eq!(nobody.unwrap_err().to_string(), "the credentials were not accepted");
//! # Ok(())
//! # }
//! ```
//!
//! # Features
//!
//! | feature | brings |
//! |---|---|
//! | `password-policy` | [`PasswordPolicy`](password::PasswordPolicy): rules for new passwords, with lists of common ones (about a megabyte) |
//! | `bcrypt`, `pbkdf2`, `scrypt`, `sha-crypt` | further formats of stored passwords: see [`Format`](password::Format) |
//! | `django` | the first three, and Django's notation of them |
//! | `conformance` | test suites for implementations of this crate's traits |
//!
//! None is on by default. The crate needs Rust 1.88. It brings along pure-Rust cryptography (Argon2, BLAKE3,
//! ChaCha20-Poly1305) and tokio, but no web framework, TLS or database.
//!
//! # Where next
//! `auth-tower` (for axum) and `auth-actix` add it to an application; `auth-sql`, `auth-redis`, `auth-ldap`,
//! `auth-http`, `auth-jwt` and `auth-passkeys` are stores and backends. [`AuthBuilder`] lists the settings.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod access;
mod answers;
pub mod api_keys;
mod attempt;
mod authenticator;
pub mod backend;
mod backend_fn;
mod base62;
mod breaker;
mod cause;
mod chain;
mod confirm;
#[cfg(feature = "conformance")]
pub mod conformance;
mod credentials;
mod denied;
mod encoding;
mod error;
pub mod event;
mod factor_error;
pub mod factors;
mod facts;
pub mod gate;
pub mod grant;
mod guard;
mod health;
mod hidden;
pub mod http;
mod identity;
mod identity_hasher;
mod keyed;
mod keys;
mod memory;
mod networks;
pub mod once;
mod outcome;
pub mod password;
mod provision_fn;
pub mod provisioning;
pub mod random;
mod registered;
pub mod remote_user;
mod report;
mod right;
pub mod second_factor;
mod secret;
pub mod session;
mod store_error;
pub mod throttle;
pub mod time;
mod unheard;
mod user;
mod user_cache;

// What a site's author needs; the rest is grouped by module.
pub use access::{Access, Authenticated, How};
pub use chain::{BackendPolicy, OutagePolicy};
pub use credentials::{BearerToken, Credentials, Password};
pub use denied::{Denied, DeniedKind};
pub use error::ConfigError;
pub use facts::RequestFacts;
pub use http::{Auth, AuthBuilder, Require, Session};
pub use memory::MemoryBackend;
pub use password::Passwords;
pub use provisioning::Provisioning;
pub use remote_user::RemoteUser;
pub use secret::Secret;
pub use session::SessionConfig;
pub use throttle::Throttle;
pub use user::{BackendName, InvalidUserId, User, UserId};
pub use user_cache::UserCache;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
