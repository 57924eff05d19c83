//! Pluggable authentication, without a web framework.
//!
//! An application lists **backends** in order; each is asked whether it knows the credentials of a login, and
//! answers with a user, with nothing (the next one is asked), with a refusal (nobody else is asked), or that it
//! cannot decide. A **session** remembers the user's id and which backend vouched; on the next request that
//! backend is asked for the user again.
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

mod access;
mod attempt;
mod authenticator;
mod backend;
mod backend_fn;
mod breaker;
mod cause;
mod chain;
mod confirm;
#[cfg(feature = "conformance")]
pub mod conformance;
mod credentials;
mod denied;
mod error;
mod event;
mod facts;
mod gate;
mod grant;
mod guard;
mod health;
mod hidden;
pub mod http;
mod identity;
mod identity_hasher;
mod keyed;
mod memory;
mod outcome;
mod password;
pub mod provisioning;
mod random;
pub mod remote_user;
mod report;
mod right;
mod secret;
pub mod session;
mod store_error;
mod time;
mod unheard;
mod user;
mod user_cache;

pub use access::{Access, Authenticated, How};
pub use attempt::Attempt;
pub use backend::{Backend, Provisioned, Provisioner, UserSource, Verifier};
pub use backend_fn::{BackendFn, backend_fn};
pub use chain::{BACKEND_TIMEOUT, BackendAnswer, BackendPolicy, CHAIN_TIMEOUT, OutagePolicy};
pub use confirm::{Confirm, ConfirmUser, Confirmation, Standing};
pub use credentials::{BearerToken, Credentials, Password};
pub use denied::{Denied, DeniedKind};
pub use error::{BackendError, BackendErrorKind, ConfigError};
pub use event::{Claim, Event, EventKind, Observer, SessionEnd, TracingObserver};
pub use facts::RequestFacts;
pub use gate::{Admission, AttemptEnd, GATE_TIMEOUT, Gate, GateAttempt};
pub use grant::{ExternalSession, Factor, Grant, InvalidScopes, Proof, Scopes};
pub use health::Health;
pub use http::{Auth, AuthBuilder, Require, Session};
pub use identity::{Email, Groups, Identity};
pub use memory::{MemoryBackend, MemoryDirectory};
pub use outcome::{Accepted, DeclineReason, DenyReason, Outcome};
pub use password::{Argon2Cost, Format, PasswordHash, Passwords, PasswordsBuilder, UnusableHash, Verdict};
#[cfg(feature = "password-policy")]
pub use password::{PasswordPolicy, WeakPassword, Weakness};
pub use provisioning::Provisioning;
pub use random::{OsRandom, Random, RandomError};
pub use remote_user::RemoteUser;
pub use secret::Secret;
pub use session::SessionConfig;
pub use time::{Clock, ManualClock, SystemClock, Timestamp};
pub use user::{BackendName, InvalidUserId, User, UserId};
pub use user_cache::UserCache;
