//! Sessions: a random token in a cookie, a small typed record in a store.

mod check;
mod config;
mod confirming;
mod cookie;
mod engine;
mod environment;
mod error;
mod live;
mod memory;
mod realm;
mod record;
mod revocation;
mod source;
mod store;
mod token;
mod verified;

pub use crate::keys::{KeyRing, Purpose, PurposeKey, PurposeKeys, StampMac};
pub use crate::store_error::{StoreError, StoreErrorKind};
pub use check::check_store;
pub use config::{SameSite, SessionConfig};
pub use error::{ResolveError, ResolveErrorKind, SessionError, SessionErrorKind};
pub use live::SessionInfo;
pub use memory::MemorySessions;
pub use realm::Realm;
pub use record::{ClientFacts, Owner, SessionData, SessionRecord, SessionUser, Unreadable};
pub use store::{SessionStore, Stored, UserSessions, Written};
pub use token::{Lineage, SessionKey};

pub(crate) use confirming::{Confirming, DynConfirm};
pub(crate) use cookie::{Cookie, CookieMatch, Scan};
pub(crate) use cookie::{MAX_COOKIES_LEN, each_pair};
pub(crate) use engine::{Engine, Opening, SessionEngine};
pub(crate) use environment::Environment;
pub(crate) use live::{Begun, BegunBy, CookieEffect, Live, Renewal, Resolved, Standing, Waiting, Wanted};
pub(crate) use record::{Patches, Rare};
pub(crate) use revocation::Undoing;
pub(crate) use source::{DynUsers, Source};
pub(crate) use token::{Id, Origin, Token};
