//! Pluggable authentication, without a web framework.
//!
//! An application lists **backends** in order; each is asked whether it knows the credentials of a login, and
//! answers with a user, with nothing (the next one is asked), with a refusal (nobody else is asked), or that it
//! cannot decide. A **session** remembers the user's id and which backend vouched; on the next request that
//! backend is asked for the user again.
//!
//! What the author of a site needs is on this page; the rest is found by module:
//!
//! | module | for |
//! |---|---|
//! | [`session`] | stores, keys and settings of sessions, and what can go wrong with one |
//! | [`http`] | schemes, refusals and rules; what adapters call is in [`http::adapter`] |
//! | [`backend`] | backends of one's own: what they are asked and may answer, and outside systems behind them |
//! | [`provisioning`], [`remote_user`] | users who come from elsewhere |
//! | [`api_keys`] | tokens of the application's own, for programs |
//! | [`factors`] | second factors: codes of an app, recovery codes |
//! | [`second_factor`] | who needs one at the login, and what a login is that lacks it |
//! | [`once`] | what may be used once, however many try |
//! | [`grant`] | what an acceptance is worth: proofs, scopes, an expiry |
//! | [`gate`], [`event`] | what may be tried at all; what happened |
//! | [`password`] | formats, costs and policies |
//! | [`time`], [`random`] | clocks and random sources, for tests |
//!
//! This crate decides; the adapters `auth-tower` and `auth-actix` only translate requests and responses. It
//! opens no socket and no file.
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

// What a site's author needs; the rest is found by module.
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
