//! A store with room for one fault.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

use auth_core::session::{
    SessionKey, SessionRecord, SessionStore, StoreError, StoreErrorKind, Stored, UserSessions, Written,
};
use auth_core::time::Timestamp;
use tokio::task::yield_now;

/// What can be wrong with a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    CreateStartsAtZero,
    CreateLosesClient,
    CreateOverwrites,
    CreateInTwoSteps,
    KeysByPrefix,
    LoadShowsExpired,
    LoadIgnoresMilliseconds,
    UpdateInserts,
    UpdateIgnoresVersion,
    UpdateInTwoSteps,
    UpdateKeepsTimes,
    UpdateRevivesExpired,
    TouchInserts,
    TouchDoesNothing,
    TouchMovesBack,
    TouchCounts,
    TouchRewrites,
    TouchMissesMoves,
    RotateInserts,
    RotateDeletesFirst,
    RotateCopiesFirst,
    RotateIgnoresVersion,
    RotateKeepsAlias,
    RotateForgetsAlias,
    RotateTakesAlias,
    AliasIsImmortal,
    DeleteSparesAlias,
    DeleteForgetsWhatMoved,
    DeleteUserOfAllBackends,
    DeleteUserTakesExcepted,
    DeleteUserCountsWrong,
    ListIgnoresCase,
    ListShowsExpired,
    ListIsNewestFirst,
    TrimTakesNewest,
    TrimTakesKept,
    TrimCountsExpired,
    TrimLeavesOneMore,
    TrimCountsWrong,
    PurgeIgnoresLimit,
    PurgeTakesLive,
    PurgeDoesNothing,
    PurgeInTwoSteps,
    PurgeSparesVisitors,
    OwnerIsWhoCreated,
    PendingIsNobodys,
    RealmsAreOne,
}

struct Row {
    record: SessionRecord,
    created: SessionRecord,
    version: u64,
    alias: Option<(SessionKey, Timestamp)>,
}

type Rows = HashMap<SessionKey, Row>;

/// The simplest store there is, with room for one fault.
pub(crate) struct Faulty {
    fault: Option<Fault>,
    rows: Mutex<Rows>,
    /// The last record that was created, for a `touch` that brings it back.
    last: Mutex<Option<SessionRecord>>,
}

impl Faulty {
    pub(crate) fn new(fault: Option<Fault>) -> Self {
        Self { fault, rows: Mutex::default(), last: Mutex::default() }
    }

    fn has(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().unwrap()
    }

    /// What a check shows, with the table still locked; with the fault, others may come in between.
    async fn check<T: Send>(&self, gap: Fault, check: impl Fn(&Rows) -> T) -> (T, MutexGuard<'_, Rows>) {
        if self.has(gap) {
            let answer = check(&self.rows());
            yield_now().await;
            return (answer, self.rows());
        }
        let rows = self.rows();
        (check(&rows), rows)
    }

    /// The present key of the live record under this key or alias.
    fn find(&self, rows: &Rows, key: &SessionKey, now: Timestamp) -> Option<SessionKey> {
        let len = if self.has(Fault::KeysByPrefix) { 16 } else { 32 };
        let same = |one: &SessionKey| one.as_bytes()[..len] == key.as_bytes()[..len];
        let alive = |until: Timestamp| until > now || self.has(Fault::AliasIsImmortal);
        let by_alias = |row: &Row| row.alias.is_some_and(|(alias, until)| same(&alias) && alive(until));
        let is_it = |(at, row): &(&SessionKey, &Row)| self.is_live(row, now) && (same(at) || by_alias(row));
        rows.iter().find(is_it).map(|(at, _)| *at)
    }

    fn is_live(&self, row: &Row, now: Timestamp) -> bool {
        let expires = row.record.expires;
        match self.fault {
            Some(Fault::LoadShowsExpired) => expires >= now,
            Some(Fault::LoadIgnoresMilliseconds) => {
                expires.as_millis() / 1000 > now.as_millis().div_ceil(1000)
            }
            _ => expires > now,
        }
    }

    /// The key of the record to write, or why there is none.
    fn writable(
        &self,
        rows: &Rows,
        key: &SessionKey,
        version: u64,
        now: Timestamp,
    ) -> Result<SessionKey, Written> {
        let at = self.find(rows, key, now).ok_or(Written::Gone)?;
        if rows[&at].version == version { Ok(at) } else { Err(Written::Conflict) }
    }

    fn rotate_now(
        &self,
        old: &SessionKey,
        new: &SessionKey,
        version: u64,
        row: Row,
        now: Timestamp,
    ) -> Result<Written, StoreError> {
        let mut rows = self.rows();
        if in_use(&rows, new) {
            return Err(StoreError::new(StoreErrorKind::Exists));
        }
        let mut row = row;
        match self.writable(&rows, old, version, now) {
            Ok(at) if at != *old && !self.has(Fault::RotateTakesAlias) => return Ok(Written::Gone),
            Ok(at) => row.created = rows.remove(&at).map_or(row.created, |old| old.created),
            Err(Written::Conflict) if self.has(Fault::RotateIgnoresVersion) => _ = rows.remove(old),
            Err(Written::Gone) if self.has(Fault::RotateInserts) => {}
            Err(why) => return Ok(why),
        }
        rows.insert(*new, row);
        Ok(Written::Done)
    }

    fn is_of(&self, row: &Row, whose: UserSessions<'_>) -> bool {
        let record = if self.has(Fault::OwnerIsWhoCreated) { &row.created } else { &row.record };
        let Some(own) = record.user_sessions() else { return false };
        if self.has(Fault::PendingIsNobodys) && record.owner().user().is_none() {
            return false;
        }
        if self.has(Fault::ListIgnoresCase) {
            return own.backend == whose.backend
                && own.user.as_str().eq_ignore_ascii_case(whose.user.as_str());
        }
        let whose = if self.has(Fault::RealmsAreOne) {
            UserSessions::everywhere(whose.backend, whose.user)
        } else {
            whose
        };
        whose.contains(record)
    }
}

fn in_use(rows: &Rows, key: &SessionKey) -> bool {
    rows.contains_key(key) || rows.values().any(|row| row.alias.is_some_and(|(alias, _)| alias == *key))
}

fn new_row(record: &SessionRecord) -> Row {
    Row { record: record.clone(), created: record.clone(), version: 1, alias: None }
}

impl SessionStore for Faulty {
    async fn create(&self, key: &SessionKey, record: &SessionRecord) -> Result<(), StoreError> {
        let (taken, mut rows) = self.check(Fault::CreateInTwoSteps, |rows| in_use(rows, key)).await;
        if taken && !self.has(Fault::CreateOverwrites) {
            return Err(StoreError::new(StoreErrorKind::Exists));
        }
        let mut row = new_row(record);
        row.version -= u64::from(self.has(Fault::CreateStartsAtZero));
        row.record.client.take_if(|_| self.has(Fault::CreateLosesClient));
        rows.insert(*key, row);
        *self.last.lock().unwrap() = Some(record.clone());
        Ok(())
    }

    async fn load(&self, key: &SessionKey, now: Timestamp) -> Result<Option<Stored>, StoreError> {
        let rows = self.rows();
        Ok(self.find(&rows, key, now).map(|at| {
            let Row { record, version, .. } = &rows[&at];
            Stored { key: at, record: record.clone().into(), version: *version }
        }))
    }

    async fn update(
        &self,
        key: &SessionKey,
        version: u64,
        record: &SessionRecord,
        now: Timestamp,
    ) -> Result<Written, StoreError> {
        let now = if self.has(Fault::UpdateRevivesExpired) { Timestamp::default() } else { now };
        let writable = |rows: &Rows| self.writable(rows, key, version, now);
        let (at, mut rows) = self.check(Fault::UpdateInTwoSteps, writable).await;
        let at = match at {
            Err(Written::Gone) if self.has(Fault::UpdateInserts) => *key,
            Err(Written::Conflict) if self.has(Fault::UpdateIgnoresVersion) => *key,
            Err(why) => return Ok(why),
            Ok(at) => at,
        };
        let row = rows.entry(at).or_insert_with(|| new_row(record));
        let old = std::mem::replace(&mut row.record, record.clone());
        if self.has(Fault::UpdateKeepsTimes) {
            (row.record.last_seen, row.record.expires) = (old.last_seen, old.expires);
        }
        row.version += 1;
        Ok(Written::Done)
    }

    async fn touch(
        &self,
        key: &SessionKey,
        last_seen: Timestamp,
        expires: Timestamp,
    ) -> Result<Written, StoreError> {
        let read = |rows: &Rows| self.find(rows, key, last_seen).map(|at| (at, rows[&at].record.clone()));
        let gap = if self.has(Fault::TouchMissesMoves) { self.fault } else { None };
        let (found, mut rows) = self.check(gap.unwrap_or(Fault::TouchRewrites), read).await;
        if let (Some(Fault::TouchInserts), None, Some(last)) =
            (self.fault, &found, &*self.last.lock().unwrap())
        {
            rows.insert(*key, new_row(last));
        }
        let Some((at, record)) = found else { return Ok(Written::Gone) };
        let Some(row) = rows.get_mut(&at) else { return Ok(Written::Gone) };
        let record = if gap.is_some() { row.record.clone() } else { record };
        let (mut last_seen, mut expires) = (last_seen, expires);
        if !self.has(Fault::TouchMovesBack) {
            (last_seen, expires) = (last_seen.max(record.last_seen), expires.max(record.expires));
        }
        if !self.has(Fault::TouchDoesNothing) {
            row.record = record;
            (row.record.last_seen, row.record.expires) = (last_seen, expires);
        }
        row.version += u64::from(self.has(Fault::TouchCounts));
        Ok(Written::Done)
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
        let alias = match self.fault {
            Some(Fault::RotateKeepsAlias) => Some((*old, Timestamp::from_millis(u64::MAX))),
            Some(Fault::RotateForgetsAlias) => None,
            _ => alias_until.map(|until| (*old, until)),
        };
        let row = || Row { alias, version: version.saturating_add(1), ..new_row(record) };
        let answer = self.rotate_now(old, new, version, row(), now)?;
        if answer == Written::Done && self.has(Fault::RotateDeletesFirst) {
            let row = self.rows().remove(new);
            yield_now().await;
            self.rows().extend(row.map(|row| (*new, row)));
        }
        if answer == Written::Done && self.has(Fault::RotateCopiesFirst) {
            self.rows().insert(*old, new_row(record));
            yield_now().await;
            self.rows().remove(old);
        }
        Ok(answer)
    }

    async fn delete(&self, key: &SessionKey) -> Result<(), StoreError> {
        let by_alias = |row: &Row| row.alias.is_some_and(|(alias, _)| alias == *key);
        let is_it = |at: &SessionKey, row: &Row| match self.fault {
            Some(Fault::DeleteSparesAlias) => at == key,
            Some(Fault::DeleteForgetsWhatMoved) => at == key || by_alias(row),
            _ => at.lineage() == key.lineage(),
        };
        self.rows().retain(|at, row| !is_it(at, row));
        Ok(())
    }

    async fn delete_user(
        &self,
        whose: UserSessions<'_>,
        except: Option<&SessionKey>,
    ) -> Result<u64, StoreError> {
        let mut rows = self.rows();
        let before = rows.len();
        let except = except.filter(|_| !self.has(Fault::DeleteUserTakesExcepted));
        let everywhere = |row: &Row| {
            let own = row.record.user_sessions();
            self.has(Fault::DeleteUserOfAllBackends) && own.is_some_and(|own| own.user == whose.user)
        };
        let is_excepted = |at: &SessionKey| except.is_some_and(|except| except.lineage() == at.lineage());
        rows.retain(|at, row| is_excepted(at) || !(self.is_of(row, whose) || everywhere(row)));
        let count = if self.has(Fault::DeleteUserCountsWrong) { 1 } else { before - rows.len() };
        Ok(count as u64)
    }

    async fn trim_user(
        &self,
        whose: UserSessions<'_>,
        max: u64,
        keep: &SessionKey,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let max = usize::try_from(max).unwrap_or(usize::MAX);
        let newest_first = self.has(Fault::TrimTakesNewest);
        let live = |row: &Row| row.record.expires > now || self.has(Fault::TrimCountsExpired);
        let doomed = |rows: &Rows| -> Vec<_> {
            let theirs = rows.iter().filter(|(_, row)| self.is_of(row, whose) && live(row));
            let others =
                theirs.filter(|(at, _)| at.lineage() != keep.lineage() || self.has(Fault::TrimTakesKept));
            let mut others: Vec<_> = others.map(|(at, row)| (row.record.last_seen, *at)).collect();
            others.sort_unstable();
            if newest_first {
                others.reverse();
            }
            let left = if self.has(Fault::TrimLeavesOneMore) { max } else { max.saturating_sub(1) };
            let many = others.len().saturating_sub(left);
            others.into_iter().take(many).map(|(_, at)| at).collect()
        };
        let mut rows = self.rows();
        let keys = doomed(&rows);
        rows.retain(|at, _| !keys.contains(at));
        Ok(if self.has(Fault::TrimCountsWrong) { 1 } else { keys.len() as u64 })
    }

    async fn list_user(
        &self,
        whose: UserSessions<'_>,
        now: Timestamp,
    ) -> Result<Vec<(SessionKey, SessionRecord)>, StoreError> {
        let shown = |row: &Row| row.record.expires > now || self.has(Fault::ListShowsExpired);
        let rows = self.rows();
        let rows = rows.iter().filter(|(_, row)| self.is_of(row, whose) && shown(row));
        let mut list: Vec<_> = rows.map(|(at, row)| (*at, row.record.clone())).collect();
        list.sort_by_key(|(_, record)| record.created);
        if self.has(Fault::ListIsNewestFirst) {
            list.reverse();
        }
        Ok(list)
    }

    async fn purge_expired(&self, now: Timestamp, limit: u64) -> Result<u64, StoreError> {
        if self.has(Fault::PurgeDoesNothing) {
            return Ok(0);
        }
        let limit = if self.has(Fault::PurgeIgnoresLimit) { u64::MAX } else { limit };
        let spared = |row: &Row| self.has(Fault::PurgeSparesVisitors) && row.record.user_sessions().is_none();
        let over = |row: &Row| (row.record.expires <= now || self.has(Fault::PurgeTakesLive)) && !spared(row);
        let expired = |rows: &Rows| -> Vec<_> {
            let keys = rows.iter().filter(|(_, row)| over(row)).map(|(at, _)| *at);
            keys.take(usize::try_from(limit).unwrap_or(usize::MAX)).collect()
        };
        let (keys, mut rows) = self.check(Fault::PurgeInTwoSteps, expired).await;
        rows.retain(|at, _| !keys.contains(at));
        Ok(keys.len() as u64)
    }
}
