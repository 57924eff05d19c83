//! The contract that every session store keeps.

use std::future::Future;
use std::sync::Arc;

use super::{Realm, SessionKey, SessionRecord};
use crate::store_error::StoreError;
use crate::time::Timestamp;
use crate::{BackendName, UserId};

/// A place that keeps session records.
///
/// The rules below are what makes a logged-out session stay out. No method has a default: a store that has
/// not thought about one does not compile. `auth_core::conformance` checks an implementation against them.
///
/// * Only [`create`](Self::create) makes a record, and never over another one.
/// * Every other write is conditional on the record still being there, decided by the store in the same step
///   as the write. A write that comes after [`delete`](Self::delete) changes nothing.
/// * A record is *expired* from its `expires` on; every method treats it as absent.
/// * Every key is looked up as it is and never adopted: a client cannot choose one.
/// * The keys that a record has one after the other share their [lineage](SessionKey::lineage), no two records have the
///   same, and any key of it, past or present, ends the record: a logout that a rotation has overtaken is a logout.
/// * A record that has [no user](SessionRecord::user_sessions) is kept as any other, and found by its key alone. An
///   `update` or `rotate` may change whose a record is: from then on it is the new one's in every method.
/// * What a [newer version](super::Unreadable::Newer) wrote is there, and not shown: `load` answers with
///   [`Newer`](super::StoreErrorKind::Newer), `list_user` leaves it out, a conditional write conflicts. It can be deleted.
#[diagnostic::on_unimplemented(
    message = "`{Self}` keeps no sessions",
    label = "no `SessionStore`",
    note = "a pool or a client is none by itself: `SqlSessions::new(pool)`, `RedisSessions::new(client)?`, or in memory \
            `MemorySessions::new(10_000)`"
)]
pub trait SessionStore: Send + Sync + 'static {
    /// Stores a new record at version 1.
    ///
    /// # Errors
    /// [`StoreError`] of kind [`Exists`](super::StoreErrorKind::Exists) if the key is in use (nothing is changed),
    /// or another kind if the store cannot do it now.
    fn create(
        &self,
        key: &SessionKey,
        record: &SessionRecord,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// The record under this key, or under the key that this one is an alias of.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot tell. That is never "absent". Of kind
    /// [`Newer`](super::StoreErrorKind::Newer) if a newer version wrote the record.
    fn load(
        &self,
        key: &SessionKey,
        now: Timestamp,
    ) -> impl Future<Output = Result<Option<Stored>, StoreError>> + Send;

    /// Replaces the record if it exists at `version`, and adds one to the version. Through an alias it
    /// replaces the record that the alias stands for.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot do it now.
    fn update(
        &self,
        key: &SessionKey,
        version: u64,
        record: &SessionRecord,
        now: Timestamp,
    ) -> impl Future<Output = Result<Written, StoreError>> + Send;

    /// Sets `last_seen` (which is now) and `expires` if the record exists, never to an earlier value. The
    /// version stays: a touch conflicts with nothing. Answers [`Written::Done`] or [`Written::Gone`].
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot do it now.
    fn touch(
        &self,
        key: &SessionKey,
        last_seen: Timestamp,
        expires: Timestamp,
    ) -> impl Future<Output = Result<Written, StoreError>> + Send;

    /// Moves the record from `old` to `new`, a key of the same lineage, if it exists at `version`: in one step, replacing
    /// it by `record` and adding one to the version.
    ///
    /// With `alias_until`, `old` stays an alias of the record until then; an earlier alias of it dies.
    /// Otherwise `old` and every alias die at once. An alias itself cannot be rotated: it is *gone*.
    ///
    /// # Errors
    /// [`StoreError`] of kind [`Exists`](super::StoreErrorKind::Exists) if `new` is in use, or another kind if the
    /// store cannot do it now.
    fn rotate(
        &self,
        old: &SessionKey,
        new: &SessionKey,
        version: u64,
        record: &SessionRecord,
        alias_until: Option<Timestamp>,
        now: Timestamp,
    ) -> impl Future<Output = Result<Written, StoreError>> + Send;

    /// Deletes the record that has or had this key, with every alias of it: the record of the key's lineage, whichever key
    /// it has now. Of a `rotate` and a `delete` that meet, the record survives neither order. Idempotent.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot do it now.
    fn delete(&self, key: &SessionKey) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Deletes all records of a user but that of `except`'s lineage, and says how many: also those that cannot be read.
    /// Idempotent.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot do it now.
    fn delete_user(
        &self,
        whose: UserSessions<'_>,
        except: Option<&SessionKey>,
    ) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Deletes live records of a user until at most `max` are left: those that were longest not used, by `last_seen`, and
    /// never the one of `keep`'s lineage, though it counts. Says how many it deleted. Idempotent.
    ///
    /// It follows every login, and nearly always there is nothing to delete: a store should find that out without reading
    /// the records. Among many logins at a time, each of which creates and then trims, the last trim sees all that were
    /// created.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot do it now.
    fn trim_user(
        &self,
        whose: UserSessions<'_>,
        max: u64,
        keep: &SessionKey,
        now: Timestamp,
    ) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// All live records of a user with their keys, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot tell.
    fn list_user(
        &self,
        whose: UserSessions<'_>,
        now: Timestamp,
    ) -> impl Future<Output = Result<Vec<(SessionKey, SessionRecord)>, StoreError>> + Send;

    /// Deletes at most `limit` expired records, and says how many. It looks at about as many: where that finds fewer,
    /// there may be more.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot do it now.
    fn purge_expired(
        &self,
        now: Timestamp,
        limit: u64,
    ) -> impl Future<Output = Result<u64, StoreError>> + Send;
}

/// All sessions of one user: of a backend's, on one site or on all that share the store.
///
/// One that was written before there were realms is of every site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserSessions<'a> {
    /// On which site; `None` for all.
    pub realm: Option<&'a Realm>,
    /// The backend that vouched for the user.
    pub backend: &'a BackendName,
    /// Who that is there.
    pub user: &'a UserId,
}

impl<'a> UserSessions<'a> {
    /// On one site.
    pub fn on(realm: &'a Realm, backend: &'a BackendName, user: &'a UserId) -> Self {
        Self { realm: Some(realm), backend, user }
    }

    /// On all sites that keep their sessions in this store, whatever the ids of their users mean.
    pub fn everywhere(backend: &'a BackendName, user: &'a UserId) -> Self {
        Self { realm: None, backend, user }
    }

    /// Whether a record is one of them.
    pub fn contains(&self, record: &SessionRecord) -> bool {
        record.user_sessions().is_some_and(|own| {
            let is_here = self.realm.zip(own.realm).is_none_or(|(one, other)| one == other);
            own.user == self.user && own.backend == self.backend && is_here
        })
    }
}

/// A record as it was loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The key of the record. Where it differs from the one that was asked for, that one is an alias.
    pub key: SessionKey,
    /// The record. Shared: a store in memory lends what it keeps.
    pub record: Arc<SessionRecord>,
    /// Its version, for a conditional write.
    pub version: u64,
}

/// What became of a conditional write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Written {
    /// It was made.
    Done,
    /// The record no longer exists; nothing was changed.
    Gone,
    /// The record is at another version; nothing was changed. Load it and try again.
    Conflict,
}

impl<S: SessionStore> SessionStore for Arc<S> {
    async fn create(&self, key: &SessionKey, record: &SessionRecord) -> Result<(), StoreError> {
        (**self).create(key, record).await
    }

    async fn load(&self, key: &SessionKey, now: Timestamp) -> Result<Option<Stored>, StoreError> {
        (**self).load(key, now).await
    }

    async fn update(
        &self,
        key: &SessionKey,
        version: u64,
        record: &SessionRecord,
        now: Timestamp,
    ) -> Result<Written, StoreError> {
        (**self).update(key, version, record, now).await
    }

    async fn touch(
        &self,
        key: &SessionKey,
        last_seen: Timestamp,
        expires: Timestamp,
    ) -> Result<Written, StoreError> {
        (**self).touch(key, last_seen, expires).await
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
        (**self).rotate(old, new, version, record, alias_until, now).await
    }

    async fn delete(&self, key: &SessionKey) -> Result<(), StoreError> {
        (**self).delete(key).await
    }

    async fn delete_user(
        &self,
        whose: UserSessions<'_>,
        except: Option<&SessionKey>,
    ) -> Result<u64, StoreError> {
        (**self).delete_user(whose, except).await
    }

    async fn trim_user(
        &self,
        whose: UserSessions<'_>,
        max: u64,
        keep: &SessionKey,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        (**self).trim_user(whose, max, keep, now).await
    }

    async fn list_user(
        &self,
        whose: UserSessions<'_>,
        now: Timestamp,
    ) -> Result<Vec<(SessionKey, SessionRecord)>, StoreError> {
        (**self).list_user(whose, now).await
    }

    async fn purge_expired(&self, now: Timestamp, limit: u64) -> Result<u64, StoreError> {
        (**self).purge_expired(now, limit).await
    }
}
