//! Sessions as a login makes them, of many users.

use std::sync::Arc;
use std::time::Duration;

use auth_core::session::{
    MemorySessions, Owner, SessionKey, SessionRecord, SessionStore, SessionUser, UserSessions,
};
use auth_core::time::{Clock, SystemClock, Timestamp};
use auth_core::{Auth, BackendName, Password};

use crate::person::Person;
use crate::scale::site::{People, SiteName, build, router};

/// What a login left in a store.
#[derive(Clone)]
pub(super) struct Records {
    record: SessionRecord,
    user: SessionUser,
}

impl Records {
    /// Logs in at the site that the other parts measure, too.
    pub(super) async fn of_a_login() -> Result<Self, String> {
        const BACKEND: &str = "people";
        let store = Arc::new(MemorySessions::new(1));
        let auth = build(Auth::builder().backend::<Password>(BACKEND, People::Known), Arc::clone(&store));
        SiteName::Ours.log_in(&mut router(auth), 0).await;
        let (backend, Person(user)) = (BackendName::new(BACKEND).ok_or("no name")?, Person::numbered(0));
        let list = store.list_user(UserSessions::everywhere(&backend, &user), SystemClock.now()).await;
        let record = list.ok().and_then(|mut list| list.pop()).map(|(_, record)| record);
        let record = record.ok_or("a login left no session")?;
        let user = record.owner().user().cloned().ok_or("a login left a session of nobody")?;
        Ok(Self { record, user })
    }

    /// When that login was.
    pub(super) fn start(&self) -> Timestamp {
        self.record.created
    }

    /// The same for the user of this number, at another time.
    pub(super) fn record(&self, user: usize, now: Timestamp, lives: Duration) -> SessionRecord {
        let mut record = self.record.clone();
        let Person(id) = Person::numbered(user);
        record.set_owner(Owner::User(SessionUser { id, ..self.user.clone() }));
        record.created = now;
        record.authenticated = now;
        record.confirmed = now;
        record.rotated = now;
        record.last_seen = now;
        record.expires = now.plus(lives);
        record
    }
}

/// The key of another session.
pub(super) fn random_key() -> SessionKey {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).expect("the system has random numbers");
    SessionKey::from_bytes(bytes)
}
