//! Rotation: one session, another key.

use super::fixture::{NOW, at, created, failure, here, key, later, live, ok, sample_record, stored};
use crate::session::{SessionKey, SessionRecord, SessionStore, StoreErrorKind, Written};
use crate::time::Timestamp;

/// Until when the old key is an alias in these cases.
const GRACE: Timestamp = at(20);
const IN_GRACE: Timestamp = Timestamp::from_millis(GRACE.as_millis() - 1);

pub(super) async fn check<S: SessionStore>(fresh: &impl AsyncFn() -> S) {
    without_alias_the_old_key_dies_at_once(&fresh().await).await;
    another_version_conflicts(&fresh().await).await;
    an_absent_record_is_gone(&fresh().await).await;
    an_alias_is_a_key_in_use(&fresh().await).await;
    an_alias_loads_until_its_time(&fresh().await).await;
    an_alias_ends_with_the_record(&fresh().await).await;
    an_alias_in_the_past_is_none(&fresh().await).await;
    writes_through_an_alias_reach_the_record(&fresh().await).await;
    an_alias_cannot_be_rotated(&fresh().await).await;
    logout_through_an_alias_ends_the_session(&fresh().await).await;
    logout_ends_the_alias(&fresh().await).await;
    a_later_alias_replaces_the_earlier(&fresh().await).await;
    a_rotation_without_alias_ends_every_alias(&fresh().await).await;
    for alias_until in [None, Some(GRACE)] {
        any_key_that_it_had_ends_the_session(&fresh().await, alias_until).await;
    }
}

/// The session after its first rotation.
fn rotated() -> SessionRecord {
    SessionRecord { rotated: NOW, last_seen: NOW, expires: at(7_200), ..sample_record("alice") }
}

/// Creates a session and moves it.
async fn moved<S: SessionStore>(store: &S, alias_until: Option<Timestamp>) {
    created(store, &key(1)).await;
    let answer = ok(store.rotate(&key(1), &later(1, 1), 1, &rotated(), alias_until, NOW).await);
    assert_eq!(answer, Written::Done, "rotate: at the version read");
}

async fn without_alias_the_old_key_dies_at_once<S: SessionStore>(store: &S) {
    moved(store, None).await;
    assert_eq!(live(store, &key(1)).await, None, "rotate: without an alias the old key is dead");
    let found = live(store, &later(1, 1)).await;
    assert_eq!(
        found,
        stored(later(1, 1), &rotated(), 2),
        "rotate: the new key has the new record at the next version"
    );
    let answer = ok(store.update(&key(1), 1, &rotated(), NOW).await);
    assert_eq!(answer, Written::Gone, "rotate: an update in flight under the old key is gone");
}

async fn another_version_conflicts<S: SessionStore>(store: &S) {
    let record = created(store, &key(1)).await;
    for (version, alias_until) in [(0, None), (2, Some(GRACE)), (u64::MAX, None)] {
        let answer = ok(store.rotate(&key(1), &later(1, 1), version, &rotated(), alias_until, NOW).await);
        assert_eq!(answer, Written::Conflict, "rotate: version {version} is not version 1");
        assert_eq!(
            live(store, &key(1)).await,
            stored(key(1), &record, 1),
            "rotate: a conflict changes nothing"
        );
        assert_eq!(live(store, &later(1, 1)).await, None, "rotate: a conflict makes no new key");
    }
}

async fn an_absent_record_is_gone<S: SessionStore>(store: &S) {
    for alias_until in [None, Some(GRACE)] {
        let answer = ok(store.rotate(&key(1), &later(1, 1), 1, &rotated(), alias_until, NOW).await);
        assert_eq!(answer, Written::Gone, "rotate: an absent record is gone");
        assert_eq!(live(store, &later(1, 1)).await, None, "rotate: never inserts");
        assert_eq!(live(store, &key(1)).await, None, "rotate: never inserts");
    }
}

async fn an_alias_is_a_key_in_use<S: SessionStore>(store: &S) {
    moved(store, Some(GRACE)).await;
    let answer = store.create(&key(1), &sample_record("bob")).await;
    assert_eq!(failure(&answer), Some(StoreErrorKind::Exists), "create: an alias is a key in use");
    for alias_until in [None, Some(GRACE)] {
        let answer = store.rotate(&later(1, 1), &key(1), 2, &rotated(), alias_until, NOW).await;
        assert_eq!(failure(&answer), Some(StoreErrorKind::Exists), "rotate: an alias is a key in use");
    }
    for key in [key(1), later(1, 1)] {
        let found = live(store, &key).await;
        assert_eq!(found, stored(later(1, 1), &rotated(), 2), "an alias is never taken over");
    }
}

async fn an_alias_loads_until_its_time<S: SessionStore>(store: &S) {
    moved(store, Some(GRACE)).await;
    let found = ok(store.load(&key(1), IN_GRACE).await);
    assert_eq!(
        found,
        stored(later(1, 1), &rotated(), 2),
        "rotate: the alias gives the new record and its key"
    );
    assert_eq!(
        live(store, &later(1, 1)).await,
        stored(later(1, 1), &rotated(), 2),
        "rotate: the new key is no alias"
    );
    assert_eq!(ok(store.load(&key(1), GRACE).await), None, "load: an alias is dead from its time on");
    let answer = ok(store.update(&key(1), 2, &rotated(), GRACE).await);
    assert_eq!(answer, Written::Gone, "update: an alias is dead from its time on");
    let answer = ok(store.touch(&key(1), GRACE, at(7_200)).await);
    assert_eq!(answer, Written::Gone, "touch: an alias is dead from its time on");
    let found = ok(store.load(&later(1, 1), GRACE).await);
    assert_eq!(found, stored(later(1, 1), &rotated(), 2), "the record outlives its alias");
}

async fn an_alias_ends_with_the_record<S: SessionStore>(store: &S) {
    moved(store, Some(at(9_000))).await;
    assert_eq!(
        ok(store.load(&key(1), at(7_200)).await),
        None,
        "load: an alias of an expired record is absent"
    );
}

async fn an_alias_in_the_past_is_none<S: SessionStore>(store: &S) {
    moved(store, Some(NOW)).await;
    assert_eq!(live(store, &key(1)).await, None, "rotate: an alias until now is dead at once");
    assert_eq!(
        live(store, &later(1, 1)).await,
        stored(later(1, 1), &rotated(), 2),
        "rotate: the new key has the record"
    );
}

async fn writes_through_an_alias_reach_the_record<S: SessionStore>(store: &S) {
    moved(store, Some(GRACE)).await;
    let changed = SessionRecord { client: None, ..rotated() };
    let answer = ok(store.update(&key(1), 2, &changed, NOW).await);
    assert_eq!(answer, Written::Done, "update: an alias stands for its record");
    assert_eq!(
        live(store, &later(1, 1)).await,
        stored(later(1, 1), &changed, 3),
        "update: through an alias reaches the record"
    );
    let answer = ok(store.update(&key(1), 2, &rotated(), NOW).await);
    assert_eq!(answer, Written::Conflict, "update: through an alias the version counts too");

    let answer = ok(store.touch(&key(1), at(15), at(8_000)).await);
    assert_eq!(answer, Written::Done, "touch: an alias stands for its record");
    let touched = SessionRecord { last_seen: at(15), expires: at(8_000), ..changed };
    assert_eq!(
        live(store, &later(1, 1)).await,
        stored(later(1, 1), &touched, 3),
        "touch: through an alias reaches the record"
    );
    assert_eq!(live(store, &key(1)).await, stored(later(1, 1), &touched, 3), "a write keeps the alias");
}

async fn an_alias_cannot_be_rotated<S: SessionStore>(store: &S) {
    moved(store, Some(GRACE)).await;
    for alias_until in [None, Some(GRACE)] {
        let answer = ok(store.rotate(&key(1), &later(1, 2), 2, &rotated(), alias_until, NOW).await);
        assert_eq!(answer, Written::Gone, "rotate: an alias cannot be rotated");
        assert_eq!(live(store, &later(1, 2)).await, None, "rotate: an alias cannot be rotated");
    }
    assert_eq!(
        live(store, &later(1, 1)).await,
        stored(later(1, 1), &rotated(), 2),
        "rotate: through an alias changes nothing"
    );
    assert_eq!(
        live(store, &key(1)).await,
        stored(later(1, 1), &rotated(), 2),
        "rotate: through an alias changes nothing"
    );
}

async fn logout_through_an_alias_ends_the_session<S: SessionStore>(store: &S) {
    moved(store, Some(GRACE)).await;
    ok(store.delete(&key(1)).await);
    assert_eq!(live(store, &key(1)).await, None, "delete: through an alias ends the alias");
    assert_eq!(live(store, &later(1, 1)).await, None, "delete: through an alias ends the session");
    let answer = ok(store.update(&later(1, 1), 2, &rotated(), NOW).await);
    assert_eq!(answer, Written::Gone, "delete: through an alias is final");
}

async fn logout_ends_the_alias<S: SessionStore>(store: &S) {
    moved(store, Some(GRACE)).await;
    ok(store.delete(&later(1, 1)).await);
    assert_eq!(live(store, &key(1)).await, None, "delete: ends every alias of the record");
    let answer = ok(store.touch(&key(1), NOW, at(7_200)).await);
    assert_eq!(answer, Written::Gone, "touch: the alias of a logged-out session is gone");
    assert_eq!(live(store, &later(1, 1)).await, None, "delete: the record is gone");
}

async fn a_later_alias_replaces_the_earlier<S: SessionStore>(store: &S) {
    moved(store, Some(GRACE)).await;
    let answer = ok(store.rotate(&later(1, 1), &later(1, 2), 2, &rotated(), Some(GRACE), NOW).await);
    assert_eq!(answer, Written::Done, "rotate: a record may be rotated again");
    assert_eq!(live(store, &key(1)).await, None, "rotate: an earlier alias dies");
    assert_eq!(
        live(store, &later(1, 1)).await,
        stored(later(1, 2), &rotated(), 3),
        "rotate: the last key is the alias"
    );
    assert_eq!(
        live(store, &later(1, 2)).await,
        stored(later(1, 2), &rotated(), 3),
        "rotate: the new key has the record"
    );
}

async fn a_rotation_without_alias_ends_every_alias<S: SessionStore>(store: &S) {
    moved(store, Some(GRACE)).await;
    let answer = ok(store.rotate(&later(1, 1), &later(1, 2), 2, &rotated(), None, NOW).await);
    assert_eq!(answer, Written::Done, "rotate: a record may be rotated again");
    for key in [key(1), later(1, 1)] {
        let found = live(store, &key).await;
        assert_eq!(found, None, "rotate: without an alias every earlier key is dead");
    }
    assert_eq!(
        live(store, &later(1, 2)).await,
        stored(later(1, 2), &rotated(), 3),
        "rotate: the new key has the record"
    );
}

async fn any_key_that_it_had_ends_the_session<S: SessionStore>(store: &S, alias_until: Option<Timestamp>) {
    const MOVES: u16 = 4;
    for had in 0..=MOVES {
        // A separate session for each.
        let n = 10 + had;
        ok(store.create(&key(n), &rotated()).await);
        for moves in 0..MOVES {
            let (from, to) = (later(n, moves), later(n, moves + 1));
            let answer = store.rotate(&from, &to, (moves + 1).into(), &rotated(), alias_until, NOW).await;
            assert_eq!(ok(answer), Written::Done, "rotate: at the version read");
        }
        let other = created_beside(store, n).await;
        ok(store.delete(&later(n, had)).await);
        for moves in 0..=MOVES {
            let found = live(store, &later(n, moves)).await;
            assert_eq!(found, None, "delete: any key that a session had ends it, over {MOVES} moves");
        }
        let late = (MOVES + 1).into();
        let answer =
            ok(store.rotate(&later(n, MOVES), &later(n, MOVES + 1), late, &rotated(), None, NOW).await);
        assert_eq!(answer, Written::Gone, "delete: by any key is final");
        assert!(live(store, &other).await.is_some(), "delete: leaves other sessions alone");
        let again = ok(store.list_user(here("alice").sessions(), NOW).await);
        assert!(
            again.iter().all(|(at, _)| at.lineage() != key(n).lineage()),
            "delete: leaves no trace in lists"
        );
    }
}

async fn created_beside<S: SessionStore>(store: &S, n: u16) -> SessionKey {
    let other = key(100 + n);
    ok(store.create(&other, &sample_record("alice")).await);
    other
}
