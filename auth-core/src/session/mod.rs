//! Sessions: a random token in a cookie, a small typed record in a store.

mod config;
mod cookie;
mod engine;
mod error;
mod handle;
mod keys;
mod memory;
mod record;
mod revocation;
mod store;
mod token;

pub use config::{SameSite, SessionConfig};
pub use error::{Failure, SessionError, SessionErrorKind};
pub use handle::{Session, SessionInfo};
pub use keys::{KeyRing, StampMac};
pub use memory::MemorySessions;
pub use record::{ClientFacts, SessionData, SessionRecord};
pub use store::{SessionStore, StoreError, StoreErrorKind, Stored, Write};
pub use token::SessionKey;

pub(crate) use cookie::{Cookie, Found, Scan};
pub(crate) use engine::{Engine, SessionEngine};
pub(crate) use handle::{AnySession, CookieEffect, Live};
pub(crate) use token::Token;
