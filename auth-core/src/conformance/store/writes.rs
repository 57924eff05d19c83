//! Conditional writes: update and touch, and that a logout beats them.

use super::fixture::{EXPIRES, NOW, at, created, data, key, later, live, ok, sample_record, stored};
use crate::session::{SessionRecord, SessionStore, Written};
use crate::time::Timestamp;

pub(super) async fn check<S: SessionStore>(fresh: &impl AsyncFn() -> S) {
    update_replaces_the_record(&fresh().await).await;
    update_at_another_version_conflicts(&fresh().await).await;
    update_of_an_absent_record_is_gone(&fresh().await).await;
    touch_moves_both_times_forward(&fresh().await).await;
    touch_never_moves_back(&fresh().await).await;
    touch_conflicts_with_nothing(&fresh().await).await;
    touch_of_an_absent_record_is_gone(&fresh().await).await;
    logout_beats_an_update_in_flight(&fresh().await).await;
    logout_beats_a_touch_in_flight(&fresh().await).await;
    logout_beats_a_rotation_in_flight(&fresh().await).await;
}

/// Alice's record with every value but the owner changed.
fn changed() -> SessionRecord {
    SessionRecord {
        authenticated: at(102),
        confirmed: at(105),
        rotated: at(103),
        last_seen: at(104),
        expires: at(1_800),
        remote_user: None,
        data: data([("theme", "\"dark\"")]),
        client: None,
        ..sample_record("alice")
    }
}

async fn update_replaces_the_record<S: SessionStore>(store: &S) {
    created(store, &key(1)).await;
    let other = created(store, &key(2)).await;
    assert_eq!(
        ok(store.update(&key(1), 1, &changed(), NOW).await),
        Written::Done,
        "update: at the version read"
    );
    let found = live(store, &key(1)).await;
    assert_eq!(
        found,
        stored(key(1), &changed(), 2),
        "update: replaces the record and adds one to the version"
    );
    assert_eq!(ok(store.load(&key(1), at(1_800)).await), None, "update: the new expiry counts");
    assert_eq!(
        ok(store.update(&key(1), 2, &changed(), NOW).await),
        Written::Done,
        "update: at the next version"
    );
    assert_eq!(live(store, &key(2)).await, stored(key(2), &other, 1), "update: leaves other records alone");
}

async fn update_at_another_version_conflicts<S: SessionStore>(store: &S) {
    let record = created(store, &key(1)).await;
    for version in [0, 2, u64::MAX] {
        let answer = ok(store.update(&key(1), version, &changed(), NOW).await);
        assert_eq!(answer, Written::Conflict, "update: version {version} is not version 1");
        assert_eq!(
            live(store, &key(1)).await,
            stored(key(1), &record, 1),
            "update: a conflict changes nothing"
        );
    }
    assert_eq!(
        ok(store.update(&key(1), 1, &record, NOW).await),
        Written::Done,
        "update: at the version read"
    );
    let late = ok(store.update(&key(1), 1, &changed(), NOW).await);
    assert_eq!(late, Written::Conflict, "update: the second writer of one version conflicts");
    assert_eq!(live(store, &key(1)).await, stored(key(1), &record, 2), "update: a conflict changes nothing");
}

async fn update_of_an_absent_record_is_gone<S: SessionStore>(store: &S) {
    for version in [0, 1] {
        let answer = ok(store.update(&key(1), version, &changed(), NOW).await);
        assert_eq!(answer, Written::Gone, "update: an absent record is gone");
    }
    assert_eq!(live(store, &key(1)).await, None, "update: never inserts");
}

/// Touches Alice's record and returns its times afterwards.
async fn touched<S: SessionStore>(store: &S, last_seen: Timestamp, expires: Timestamp) -> SessionRecord {
    assert_eq!(ok(store.touch(&key(1), last_seen, expires).await), Written::Done, "touch: the record exists");
    let loaded = ok(store.load(&key(1), NOW).await).expect("touch: keeps the record");
    SessionRecord::clone(&loaded.record)
}

async fn touch_moves_both_times_forward<S: SessionStore>(store: &S) {
    let record = created(store, &key(1)).await;
    let other = created(store, &key(2)).await;
    let (last_seen, expires) = (at(20), at(7_200));
    let expected = SessionRecord { last_seen, expires, ..record };
    assert_eq!(
        touched(store, last_seen, expires).await,
        expected,
        "touch: sets these two times and no other"
    );
    let alive = ok(store.load(&key(1), EXPIRES).await);
    assert!(alive.is_some(), "touch: the record lives until its new expiry");
    assert_eq!(ok(store.load(&key(1), expires).await), None, "touch: and no longer");
    assert_eq!(live(store, &key(2)).await, stored(key(2), &other, 1), "touch: leaves other records alone");
}

async fn touch_never_moves_back<S: SessionStore>(store: &S) {
    let record = created(store, &key(1)).await;
    let shorter = touched(store, at(20), at(1_800)).await;
    let expected = SessionRecord { last_seen: at(20), ..record };
    assert_eq!(shorter, expected, "touch: never sets an earlier expiry");
    let longer = touched(store, at(2), at(7_200)).await;
    let expected = SessionRecord { expires: at(7_200), ..expected };
    assert_eq!(longer, expected, "touch: never sets an earlier last-seen");
}

async fn touch_conflicts_with_nothing<S: SessionStore>(store: &S) {
    created(store, &key(1)).await;
    touched(store, at(20), EXPIRES).await;
    let version = live(store, &key(1)).await.map(|stored| stored.version);
    assert_eq!(version, Some(1), "touch: keeps the version");
    let answer = ok(store.update(&key(1), 1, &changed(), NOW).await);
    assert_eq!(answer, Written::Done, "touch: an update from before it still fits");
}

async fn touch_of_an_absent_record_is_gone<S: SessionStore>(store: &S) {
    assert_eq!(
        ok(store.touch(&key(1), NOW, EXPIRES).await),
        Written::Gone,
        "touch: an absent record is gone"
    );
    assert_eq!(live(store, &key(1)).await, None, "touch: never inserts");
}

/// One request has loaded the session, another logs out.
async fn logged_out_in_flight<S: SessionStore>(store: &S) -> (u64, SessionRecord) {
    created(store, &key(1)).await;
    let loaded = live(store, &key(1)).await.expect("create: the record can be loaded");
    ok(store.delete(&key(1)).await);
    (loaded.version, SessionRecord::clone(&loaded.record))
}

async fn logout_beats_an_update_in_flight<S: SessionStore>(store: &S) {
    let (version, record) = logged_out_in_flight(store).await;
    let answer = ok(store.update(&key(1), version, &record, NOW).await);
    assert_eq!(answer, Written::Gone, "update: a logged-out session is gone");
    assert_eq!(live(store, &key(1)).await, None, "update: a logged-out session never comes back");
}

async fn logout_beats_a_touch_in_flight<S: SessionStore>(store: &S) {
    let (_, record) = logged_out_in_flight(store).await;
    let answer = ok(store.touch(&key(1), NOW, record.expires).await);
    assert_eq!(answer, Written::Gone, "touch: a logged-out session is gone");
    assert_eq!(live(store, &key(1)).await, None, "touch: a logged-out session never comes back");
}

async fn logout_beats_a_rotation_in_flight<S: SessionStore>(store: &S) {
    let (version, record) = logged_out_in_flight(store).await;
    for alias_until in [None, Some(at(20))] {
        let answer = ok(store.rotate(&key(1), &later(1, 1), version, &record, alias_until, NOW).await);
        assert_eq!(answer, Written::Gone, "rotate: a logged-out session is gone");
        for key in [key(1), later(1, 1)] {
            let found = live(store, &key).await;
            assert_eq!(found, None, "rotate: a logged-out session never comes back");
        }
    }
}
