//! Converting between a session and its row.

use auth_core::session::{Realm, SessionKey, SessionRecord, Unreadable, UserSessions};
use auth_core::time::Timestamp;

use crate::driver::{Columns, Value, number as number_in};
use crate::error::DbError;

/// The row of a record.
pub(super) struct Row<'a> {
    record: &'a SessionRecord,
    encoded: Vec<u8>,
}

impl<'a> Row<'a> {
    pub(super) fn of(record: &'a SessionRecord) -> Self {
        Self { record, encoded: record.encode() }
    }

    /// In the order of the statements. A visitor's session has an empty backend and user, and one without a realm has
    /// an empty realm; no operation on a user's sessions asks for these.
    pub(super) fn values(&self) -> [Value<'_>; 6] {
        let (record, user) = (self.record, self.record.user_sessions());
        [
            user.map_or("", |user| user.backend.as_str()).into(),
            user.map_or("", |user| user.user.as_str()).into(),
            record.realm.as_ref().map_or("", Realm::as_str).into(),
            time(record.last_seen),
            time(record.expires),
            self.encoded.as_slice().into(),
        ]
    }
}

/// The values of the condition that there is a live record under this key or alias.
pub(super) fn live(key: &SessionKey, now: Timestamp) -> [Value<'_>; 4] {
    [bytes(key), bytes(key), time(now), time(now)]
}

/// The values of the condition that a session belongs to this user.
pub(super) fn theirs(whose: UserSessions<'_>) -> [Value<'_>; 4] {
    let realm = whose.realm.map_or("", Realm::as_str).into();
    [whose.backend.as_str().into(), whose.user.as_str().into(), realm, realm]
}

/// The first and the last key that the session of this one may have.
pub(super) fn lineage(key: &SessionKey) -> [SessionKey; 2] {
    let (first, last) = key.lineage().keys().into_inner();
    [first, last]
}

pub(super) fn bytes(key: &SessionKey) -> Value<'_> {
    key.as_bytes()[..].into()
}

pub(super) fn time(time: Timestamp) -> Value<'static> {
    millis(time).into()
}

pub(crate) fn millis(time: Timestamp) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

/// A version or a count. The table never contains one that does not fit.
pub(crate) fn number(number: u64) -> Value<'static> {
    i64::try_from(number).unwrap_or(i64::MAX).into()
}

pub(super) fn key_of(row: &dyn Columns, at: usize) -> Result<Option<SessionKey>, DbError> {
    Ok(row.bytes(at)?.and_then(|bytes| bytes.try_into().ok()).map(SessionKey::from_bytes))
}

/// A live row.
pub(super) struct LiveRow {
    pub(super) key: SessionKey,
    pub(super) version: u64,
    /// `None` for a record that only a newer version can read.
    pub(super) record: Option<SessionRecord>,
}

/// `None` if the record is damaged.
pub(super) fn found(key: SessionKey, row: &dyn Columns) -> Result<Option<LiveRow>, DbError> {
    let record = match record_of(row)? {
        Ok(record) => Some(record),
        Err(Unreadable::Damaged) => return Ok(None),
        Err(_) => None,
    };
    let version = number_in(row, 3)?.try_into().unwrap_or_default();
    Ok(Some(LiveRow { key, version, record }))
}

pub(super) fn entry(row: &dyn Columns) -> Result<Option<(SessionKey, SessionRecord)>, DbError> {
    Ok(key_of(row, 3)?.zip(record_of(row)?.ok()))
}

/// The columns that `load` and `list_user` begin with: last seen, expires, record.
fn record_of(row: &dyn Columns) -> Result<Result<SessionRecord, Unreadable>, DbError> {
    let moment =
        |at| number_in(row, at).map(|millis| Timestamp::from_millis(millis.try_into().unwrap_or_default()));
    let (last_seen, expires) = (moment(0)?, moment(1)?);
    let record = SessionRecord::decode(row.bytes(2)?.unwrap_or_default());
    if matches!(record, Err(Unreadable::Damaged)) {
        tracing::warn!(target: "auth", "a stored session cannot be read: it counts as absent");
    }
    Ok(record.map(|mut record| {
        // `touch` writes these two columns only.
        (record.last_seen, record.expires) = (last_seen, expires);
        record
    }))
}
