//! Operations on many records: a user's sessions, and the expired ones.

use super::fixture::{
    BEFORE_EXPIRY, EXPIRES, NOW, at, backend, here, key, later, live, ok, sample_record, session_user, stored,
};
use crate::session::{Owner, SessionKey, SessionRecord, SessionStore, SessionUser, Written};

pub(super) async fn check<S: SessionStore>(fresh: &impl AsyncFn() -> S) {
    list_is_oldest_first_with_keys(&fresh().await).await;
    list_shows_live_records_of_one_user(&fresh().await).await;
    list_follows_rotation_touch_and_logout(&fresh().await).await;
    delete_user_ends_all_and_counts(&fresh().await).await;
    delete_user_keeps_the_excepted(&fresh().await).await;
    delete_user_leaves_others_alone(&fresh().await).await;
    delete_user_ends_aliases(&fresh().await).await;
    trim_ends_the_longest_unused(&fresh().await).await;
    trim_keeps_the_newcomer(&fresh().await).await;
    trim_leaves_few_and_others_alone(&fresh().await).await;
    the_excepted_may_have_been_moved(&fresh().await).await;
    purge_removes_the_expired_only(&fresh().await).await;
    purge_honours_its_limit(&fresh().await).await;
}

/// Users whom a careless comparison takes for Alice, and Alice at another backend.
fn others() -> Vec<SessionRecord> {
    let alike = ["Alice", "alice ", "alicé", "alic", "alice2", "%"];
    let of = |name| {
        let mut record = sample_record("alice");
        record.set_owner(Owner::User(SessionUser { backend: backend(name), ..session_user("alice") }));
        record
    };
    let (elsewhere, shouting) = (of("directory"), of("Local"));
    alike.map(sample_record).into_iter().chain([elsewhere, shouting]).collect()
}

/// Creates the records under the keys from `first` on.
async fn create_all<S: SessionStore>(store: &S, first: u16, records: &[SessionRecord]) {
    for (n, record) in (first..).zip(records) {
        ok(store.create(&key(n), record).await);
    }
}

async fn alices<S: SessionStore>(store: &S) -> Vec<(SessionKey, SessionRecord)> {
    ok(store.list_user(here("alice").sessions(), NOW).await)
}

async fn delete_alice<S: SessionStore>(store: &S, except: Option<&SessionKey>) -> u64 {
    ok(store.delete_user(here("alice").sessions(), except).await)
}

async fn list_is_oldest_first_with_keys<S: SessionStore>(store: &S) {
    let aged = |secs| SessionRecord { created: at(secs), ..sample_record("alice") };
    let records = [aged(5), aged(3), aged(9), aged(1), aged(7)];
    create_all(store, 0, &records).await;
    let order = [3, 1, 0, 4, 2];
    let expected: Vec<_> = order.map(|n| (key(n), records[usize::from(n)].clone())).into();
    assert_eq!(alices(store).await, expected, "list_user: all records with their keys, oldest first");
}

async fn list_shows_live_records_of_one_user<S: SessionStore>(store: &S) {
    let mut expired = sample_record("alice");
    expired.expires = NOW;
    create_all(store, 0, &[sample_record("alice"), expired]).await;
    create_all(store, 10, &others()).await;
    let expected = [(key(0), sample_record("alice"))];
    assert_eq!(alices(store).await, expected, "list_user: only this user's live records");
    let nobody = ok(store.list_user(here("nobody").sessions(), NOW).await);
    assert!(nobody.is_empty(), "list_user: none for a user without sessions");
}

async fn list_follows_rotation_touch_and_logout<S: SessionStore>(store: &S) {
    let record = sample_record("alice");
    create_all(store, 0, &[record.clone(), record.clone()]).await;
    let answer = ok(store.rotate(&key(0), &later(0, 1), 1, &record, Some(at(20)), NOW).await);
    assert_eq!(answer, Written::Done, "rotate: at the version read");
    assert_eq!(
        ok(store.touch(&later(0, 1), NOW, at(7_200)).await),
        Written::Done,
        "touch: the record exists"
    );
    ok(store.delete(&key(1)).await);
    let expected = [(later(0, 1), SessionRecord { last_seen: NOW, expires: at(7_200), ..record })];
    assert_eq!(
        alices(store).await,
        expected,
        "list_user: the record as it is now, under its present key only"
    );
}

async fn delete_user_ends_all_and_counts<S: SessionStore>(store: &S) {
    create_all(store, 0, &[(); 3].map(|()| sample_record("alice"))).await;
    assert_eq!(delete_alice(store, None).await, 3, "delete_user: says how many");
    for n in 0..3 {
        assert_eq!(live(store, &key(n)).await, None, "delete_user: the records are gone");
        let answer = ok(store.update(&key(n), 1, &sample_record("alice"), NOW).await);
        assert_eq!(answer, Written::Gone, "delete_user: is final");
    }
    assert_eq!(delete_alice(store, None).await, 0, "delete_user: is idempotent");
}

async fn delete_user_keeps_the_excepted<S: SessionStore>(store: &S) {
    let record = sample_record("alice");
    create_all(store, 0, &[record.clone(), record.clone(), record.clone()]).await;
    assert_eq!(delete_alice(store, Some(&key(1))).await, 2, "delete_user: does not count the excepted");
    assert_eq!(live(store, &key(1)).await, stored(key(1), &record, 1), "delete_user: keeps the excepted");
    assert_eq!(alices(store).await, [(key(1), record)], "delete_user: keeps the excepted only");
    assert_eq!(
        delete_alice(store, Some(&key(7))).await,
        1,
        "delete_user: an unknown exception excepts nothing"
    );
}

/// The session that ends all others may have been moved by another request meanwhile.
async fn the_excepted_may_have_been_moved<S: SessionStore>(store: &S) {
    let record = sample_record("alice");
    create_all(store, 0, &[record.clone(), record.clone(), record.clone()]).await;
    let answer = ok(store.rotate(&key(1), &later(1, 1), 1, &record, None, NOW).await);
    assert_eq!(answer, Written::Done, "rotate: at the version read");
    assert_eq!(trim_alice(store, 2, 1).await, 1, "trim_user: the kept one may have been moved");
    assert_eq!(delete_alice(store, Some(&key(1))).await, 1, "delete_user: the excepted may have been moved");
    assert_eq!(
        alices(store).await,
        [(later(1, 1), record)],
        "delete_user: keeps the excepted where it is now"
    );
}

async fn delete_user_leaves_others_alone<S: SessionStore>(store: &S) {
    create_all(store, 0, &[sample_record("alice")]).await;
    create_all(store, 10, &others()).await;
    assert_eq!(delete_alice(store, None).await, 1, "delete_user: counts this user's records");
    for (n, record) in (10..).zip(others()) {
        let who = record.owner();
        let found = live(store, &key(n)).await;
        assert_eq!(found, stored(key(n), &record, 1), "delete_user: leaves {who:?} alone");
    }
}

async fn delete_user_ends_aliases<S: SessionStore>(store: &S) {
    let record = sample_record("alice");
    create_all(store, 0, std::slice::from_ref(&record)).await;
    let answer = ok(store.rotate(&key(0), &later(0, 1), 1, &record, Some(at(20)), NOW).await);
    assert_eq!(answer, Written::Done, "rotate: at the version read");
    assert_eq!(delete_alice(store, None).await, 1, "delete_user: an alias is no record of its own");
    for key in [key(0), later(0, 1)] {
        assert_eq!(live(store, &key).await, None, "delete_user: ends aliases too");
    }
}

/// Five records that expire at `EXPIRES`, and two that outlive it.
async fn five_and_two<S: SessionStore>(store: &S) {
    create_all(store, 0, &[(); 5].map(|()| sample_record("alice"))).await;
    let longer = SessionRecord { expires: at(3_601), ..sample_record("alice") };
    create_all(store, 5, &[longer.clone(), longer]).await;
}

/// How many of the first `n` keys have a record, seen from before any of them expired.
async fn present<S: SessionStore>(store: &S, keys: std::ops::Range<u16>) -> u64 {
    let mut count = 0;
    for n in keys {
        count += u64::from(live(store, &key(n)).await.is_some());
    }
    count
}

/// Trims Alice's sessions, of which the one under `keep` stays.
async fn trim_alice<S: SessionStore>(store: &S, max: u64, keep: u16) -> u64 {
    ok(store.trim_user(here("alice").sessions(), max, &key(keep), NOW).await)
}

async fn alive<S: SessionStore>(store: &S, keys: std::ops::Range<u16>) -> Vec<u16> {
    let mut alive = Vec::new();
    for n in keys {
        if live(store, &key(n)).await.is_some() {
            alive.push(n);
        }
    }
    alive
}

async fn trim_ends_the_longest_unused<S: SessionStore>(store: &S) {
    // The oldest was used last.
    let used =
        |created, seen| SessionRecord { created: at(created), last_seen: at(seen), ..sample_record("alice") };
    create_all(store, 0, &[used(1, 9), used(2, 5), used(3, 7), used(4, 6), used(5, 8)]).await;
    assert_eq!(trim_alice(store, 3, 0).await, 2, "trim_user: says how many");
    assert_eq!(alive(store, 0..5).await, [0, 2, 4], "trim_user: ends those that were longest not used");
    assert_eq!(trim_alice(store, 3, 0).await, 0, "trim_user: is idempotent");
    let record = used(1, 9);
    let answer = ok(store.rotate(&key(0), &later(0, 1), 1, &record, Some(EXPIRES), NOW).await);
    assert_eq!(answer, Written::Done, "rotate: at the version read");
    assert_eq!(trim_alice(store, 2, 0).await, 1, "trim_user: an alias does not count");
    assert_eq!(trim_alice(store, 1, 4).await, 1, "trim_user: to the one that is kept");
    assert_eq!(alive(store, 0..8).await, [4], "trim_user: ends aliases, too");
}

async fn trim_keeps_the_newcomer<S: SessionStore>(store: &S) {
    // Its clock may be behind, and many may have the same time.
    let used = |seen| SessionRecord { last_seen: at(seen), ..sample_record("alice") };
    create_all(store, 0, &[used(2), used(6), used(6), used(6), used(6)]).await;
    assert_eq!(trim_alice(store, 2, 0).await, 3, "trim_user: the kept one counts");
    let alive = alive(store, 0..5).await;
    assert_eq!((alive.len(), alive[0]), (2, 0), "trim_user: keeps the one it is told to, however old");
}

async fn trim_leaves_few_and_others_alone<S: SessionStore>(store: &S) {
    let mut expired = sample_record("alice");
    expired.expires = NOW;
    create_all(store, 0, &[sample_record("alice"), sample_record("alice"), expired]).await;
    create_all(store, 10, &others()).await;
    assert_eq!(trim_alice(store, 2, 0).await, 0, "trim_user: expired records do not count");
    assert_eq!(trim_alice(store, u64::MAX, 0).await, 0, "trim_user: any number may be left");
    assert_eq!(alive(store, 0..2).await, [0, 1], "trim_user: leaves what is not too many");
    assert_eq!(trim_alice(store, 1, 0).await, 1, "trim_user: says how many");
    let others = alive(store, 10..18).await;
    assert_eq!(others.len(), 8, "trim_user: leaves other users and backends alone");
}

async fn purge_removes_the_expired_only<S: SessionStore>(store: &S) {
    five_and_two(store).await;
    assert_eq!(
        ok(store.purge_expired(BEFORE_EXPIRY, 100).await),
        0,
        "purge_expired: nothing has expired yet"
    );
    assert_eq!(present(store, 0..7).await, 7, "purge_expired: removes nothing that is live");
    assert_eq!(ok(store.purge_expired(EXPIRES, 100).await), 5, "purge_expired: says how many");
    assert_eq!(present(store, 0..5).await, 0, "purge_expired: removes what expired at this moment");
    assert_eq!(present(store, 5..7).await, 2, "purge_expired: removes nothing that is live");
    assert_eq!(ok(store.purge_expired(EXPIRES, 100).await), 0, "purge_expired: is idempotent");
}

async fn purge_honours_its_limit<S: SessionStore>(store: &S) {
    five_and_two(store).await;
    let mut left = 5;
    for (limit, purged) in [(0, 0), (2, 2), (2, 2), (2, 1), (2, 0)] {
        let answer = ok(store.purge_expired(EXPIRES, limit).await);
        left -= purged;
        assert_eq!(answer, purged, "purge_expired: at most {limit}");
        assert_eq!(present(store, 0..5).await, left, "purge_expired: removes as many as it says");
    }
    assert_eq!(present(store, 5..7).await, 2, "purge_expired: removes nothing that is live");
}
