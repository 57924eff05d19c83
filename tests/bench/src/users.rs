//! The site's users and configuration.

use std::sync::Arc;

use auth_core::http::Basic;
use auth_core::session::{KeyRing, MemorySessions};
use auth_core::{Argon2Cost, Auth, MemoryBackend, Password, Passwords, Secret, SessionConfig, User, UserId};

use crate::case::Request;

/// A user as an application would keep it in memory.
#[derive(Clone)]
pub(crate) struct Member {
    id: UserId,
    pub(crate) name: Arc<str>,
    stamp: [u8; 16],
}

impl User for Member {
    fn id(&self) -> UserId {
        self.id.clone()
    }

    fn security_stamp(&self) -> &[u8] {
        &self.stamp
    }

    fn is_active(&self) -> bool {
        true
    }
}

/// One password backend, sessions in memory, and Basic where it is measured.
pub(crate) async fn auth(request: Request) -> Auth<Member> {
    // The hash is not what is measured here.
    let cost = Argon2Cost::dangerous_weak(64, 1, 1).expect("valid costs");
    let passwords = Passwords::builder().cost(cost).threads(1).build().expect("hash threads");
    let users = MemoryBackend::new(passwords);
    let id = UserId::new("00000000-0000-01").expect("an id of 16 bytes");
    let alice = Member { id, name: "alice".into(), stamp: [7; 16] };
    users.insert("alice", &Secret::new("wonderland"), alice).await.expect("alice");
    let keys = KeyRing::generate().expect("a key");
    let hour = std::time::Duration::from_secs(3600);
    let auth = Auth::builder()
        .backend::<Password>("local", users)
        .sessions(MemorySessions::new(1000), SessionConfig::new(keys))
        .login_page("/login");
    let auth = match request {
        Request::Basic => auth.scheme(Basic::new("bench").expect("a realm").remember(hour)),
        _ => auth,
    };
    auth.build().expect("a configuration that can be right")
}
