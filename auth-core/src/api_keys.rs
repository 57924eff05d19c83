//! API keys: tokens issued by the application, for programs that act for one of its users.
//!
//! ```
//! use std::sync::Arc;
//!
//! use auth_core::api_keys::{ApiKeys, MemoryApiKeys, NewApiKey};
//! use auth_core::grant::Scopes;
//! use auth_core::http::Bearer;
//! # use auth_core::session::{KeyRing, MemorySessions, SessionConfig};
//! # use auth_core::{Auth, BearerToken, MemoryBackend, Password, Passwords, RequestFacts};
//! # use auth_core::{Secret, User, UserId};
//! # #[derive(Clone)]
//! # struct Member;
//! # impl User for Member {
//! #     fn id(&self) -> UserId { UserId::from(1) }
//! #     fn security_stamp(&self) -> &[u8] { b"stamp" }
//! #     fn is_active(&self) -> bool { true }
//! #     fn has_permission(&self, permission: &str) -> bool { permission == "orders:read" }
//! # }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let users = Arc::new(MemoryBackend::<Member>::new(Passwords::new()?));
//! # users.insert("alice", &Secret::new("wonderland"), Member).await?;
//! let keys = Arc::new(ApiKeys::new("shop", MemoryApiKeys::new(10_000))?.owners("local", Arc::clone(&users))?);
//! let auth = Auth::builder()
//!     .backend::<Password>("local", users)
//!     .backend::<BearerToken>("keys", Arc::clone(&keys))
//!     .scheme(Bearer::new("shop")?)
//!     .sessions(MemorySessions::new(10_000), SessionConfig::new(KeyRing::generate()?))
//!     .build()?;
//!
//! // From a shell; a handler calls `session.create_api_key(&keys, …)`.
//! let new = NewApiKey::new("nightly export")?.scopes(Scopes::parse("orders:read")?);
//! let created = keys.create_for("local", &UserId::from(1), new).await?;
//! let shown_once = created.key().expose();
//! assert!(shown_once.starts_with("shop_"));
//! let caller = auth.authenticate(BearerToken::new(shown_once), &RequestFacts::none()).await?;
//! assert!(caller.grant().scopes().contains("orders:read"));
//! # Ok(())
//! # }
//! ```
//!
//! # What a key is
//!
//! `shop_` and 61 letters and digits: an id, 256 random bits, and a checksum. The store contains a hash, so a copy of
//! it opens nothing. Typing errors and invented keys fail by the checksum and are not looked up. Secret scanners find
//! keys by their prefix and recognise them by the checksum, a CRC-32 of everything before it, in base 62.
//!
//! # Guarantees
//!
//! - A token with the prefix is accepted or refused by this backend: no other backend of the chain, and no outside
//!   system, ever sees a key.
//! - A key that arrives as a user name or a password, in a form or by HTTP Basic, was put into the wrong field: it is
//!   refused before it reaches a hasher, another system, or a log. If clients support only HTTP Basic,
//!   [`BasicToken`](crate::http::BasicToken) accepts it there.
//! - A key acts for its owner, as they are now: the keys of a disabled or removed user do not work, and a key's
//!   scopes count only as far as its owner has the permissions. The key and its owner are looked up on every request,
//!   whatever [`Bearer::remember`](crate::http::Bearer::remember) says: a revoked key is refused on the next request.
//! - A key proves no person: no session begins with it, it is never [fresh](crate::Require::fresh), and no key
//!   creates another.
//! - A key ends after [90 days](NewApiKey::lifetime), unless set; when it is revoked; with its owner; and, if it is
//!   [bound to it](NewApiKey::bound_to_stamp), when the owner's security stamp changes.
//!
//! # Scopes and permissions
//!
//! [`Require::scope`](crate::Require::scope) admits keys that have the scope, and every session. Scopes are named
//! like permissions: a scope never allows what its owner may not do. A rule that requires a permission admits a key
//! only if the permission is among its scopes, so a key without scopes opens no route that requires a permission. If
//! your scopes are not permissions, call [`ApiKeys::free_scopes`].

mod check;
mod key;
mod keys;
mod memory;
mod record;
mod store;
#[cfg(test)]
mod tests;
mod uses;

pub use check::check_store;
pub use key::ApiKeyId;
pub(crate) use key::Prefix;
pub use keys::{ApiKeys, CreatedApiKey};
pub use memory::MemoryApiKeys;
pub use record::{ApiKey, ApiKeyOwner, InvalidApiKey, NewApiKey};
pub use store::{ApiKeyStore, KeyEnd};
