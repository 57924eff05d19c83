//! The least that could be done by hand, as the limit: scan for the cookie, hash it, look it up in a map, put an
//! `Arc` of the user into the request's extensions. No expiry, no stamp, no backend, no answer to an outage.

mod actix;
mod axum;

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use super::{ALICE, PASSWORD, PeerUsers};

pub(crate) use self::actix::app;
pub(crate) use self::axum::router;

/// A signed-in user.
pub(crate) type Found = Arc<str>;

/// Who is signed in.
#[derive(Clone)]
pub(crate) struct Hand {
    users: PeerUsers,
    sessions: Arc<RwLock<HashMap<[u8; 32], Found>>>,
}

impl Hand {
    pub(crate) fn new() -> Self {
        Self { users: PeerUsers::memory(), sessions: Arc::default() }
    }

    /// The user of the session that a `Cookie` header names.
    pub(crate) fn find(&self, cookies: &[u8]) -> Option<Found> {
        let mut pairs = cookies.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
        let token = pairs.find_map(|pair| pair.strip_prefix(b"__Host-session="))?;
        let key: [u8; 32] = Sha256::digest(token).into();
        self.sessions.read().ok()?.get(&key).cloned()
    }

    /// The cookie of a new session of Alice's.
    pub(crate) async fn login(&self) -> Option<String> {
        let alice = self.users.authenticate(ALICE, PASSWORD.to_owned()).await.ok()??;
        let mut token = [0; 32];
        getrandom::fill(&mut token).ok()?;
        let token = URL_SAFE_NO_PAD.encode(token);
        let key = Sha256::digest(&token).into();
        self.sessions.write().unwrap_or_else(PoisonError::into_inner).insert(key, alice.name);
        Some(format!("__Host-session={token}; Path=/; Secure; HttpOnly; SameSite=Lax"))
    }
}
