//! A session store that fails when a test says so.

use std::sync::Arc;

use auth_core::session::{
    SessionKey, SessionRecord, SessionStore, StoreError, Stored, UserSessions, Written,
};
use auth_core::time::Timestamp;

use crate::switch::Switch;

/// A session store that fails when a test says so. Clones are the same store: one goes into the
/// [`Auth`](auth_core::Auth), one stays.
///
/// "Cannot decide" is never "no": where the store is down, an application answers 503 and leaves the cookie alone.
///
/// ```
/// use auth_core::session::{KeyRing, MemorySessions, SessionConfig};
/// use auth_core::{Auth, Password};
/// use auth_test::{Failing, Scripted, SignInErrorKind, TestUser, sign_in, signed_in_as};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let alice = || TestUser::new("alice");
/// let sessions = Failing::new(MemorySessions::new(100));
/// let auth = Auth::builder()
///     .backend::<Password>("local", Scripted::new().with_user("alice", "wonderland", alice()))
///     .sessions(sessions.clone(), SessionConfig::new(KeyRing::generate()?))
///     .build()?;
///
/// sessions.fail();
/// let down = sign_in(&auth, signed_in_as(alice())).await.unwrap_err();
/// assert_eq!(down.kind(), SignInErrorKind::NotBegun);
///
/// sessions.recover();
/// assert!(sign_in(&auth, signed_in_as(alice())).await.is_ok());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Failing<S> {
    store: Arc<S>,
    switch: Switch,
}

impl<S> Failing<S> {
    /// This store, which works for now.
    pub fn new(store: S) -> Self {
        Self { store: Arc::new(store), switch: Switch::default() }
    }

    /// From now on each call fails, as if the store could not be reached.
    pub fn fail(&self) {
        self.switch.fail();
    }

    /// So many calls fail from now on.
    pub fn fail_next(&self, calls: u64) {
        self.switch.fail_next(calls);
    }

    /// From now on no call is ever answered: what waits for one waits for its timeout
    /// ([`SessionConfig::store_timeouts`](auth_core::SessionConfig::store_timeouts)).
    pub fn hang(&self) {
        self.switch.hang();
    }

    /// From now on it works again.
    pub fn recover(&self) {
        self.switch.recover();
    }

    /// How often it was called, whatever came of it.
    pub fn calls(&self) -> u64 {
        self.switch.asked()
    }

    /// The store behind it, which always works.
    pub fn inner(&self) -> &S {
        &self.store
    }

    async fn ask(&self) -> Result<&S, StoreError> {
        let down = |_| StoreError::unavailable("the test told the store to fail");
        self.switch.ask().await.map(|()| &*self.store).map_err(down)
    }
}

impl<S> Clone for Failing<S> {
    fn clone(&self) -> Self {
        Self { store: Arc::clone(&self.store), switch: self.switch.clone() }
    }
}

impl<S: SessionStore> SessionStore for Failing<S> {
    async fn create(&self, key: &SessionKey, record: &SessionRecord) -> Result<(), StoreError> {
        self.ask().await?.create(key, record).await
    }

    async fn load(&self, key: &SessionKey, now: Timestamp) -> Result<Option<Stored>, StoreError> {
        self.ask().await?.load(key, now).await
    }

    async fn update(
        &self,
        key: &SessionKey,
        version: u64,
        record: &SessionRecord,
        now: Timestamp,
    ) -> Result<Written, StoreError> {
        self.ask().await?.update(key, version, record, now).await
    }

    async fn touch(
        &self,
        key: &SessionKey,
        last_seen: Timestamp,
        expires: Timestamp,
    ) -> Result<Written, StoreError> {
        self.ask().await?.touch(key, last_seen, expires).await
    }

    async fn rotate(
        &self,
        old: &SessionKey,
        new: &SessionKey,
        version: u64,
        record: &SessionRecord,
        alias_until: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Written, StoreError> {
        self.ask().await?.rotate(old, new, version, record, alias_until, now).await
    }

    async fn delete(&self, key: &SessionKey) -> Result<(), StoreError> {
        self.ask().await?.delete(key).await
    }

    async fn delete_user(
        &self,
        whose: UserSessions<'_>,
        except: Option<&SessionKey>,
    ) -> Result<u64, StoreError> {
        self.ask().await?.delete_user(whose, except).await
    }

    async fn trim_user(
        &self,
        whose: UserSessions<'_>,
        max: u64,
        keep: &SessionKey,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        self.ask().await?.trim_user(whose, max, keep, now).await
    }

    async fn list_user(
        &self,
        whose: UserSessions<'_>,
        now: Timestamp,
    ) -> Result<Vec<(SessionKey, SessionRecord)>, StoreError> {
        self.ask().await?.list_user(whose, now).await
    }

    async fn purge_expired(&self, now: Timestamp, limit: u64) -> Result<u64, StoreError> {
        self.ask().await?.purge_expired(now, limit).await
    }
}
