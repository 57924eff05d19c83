//! Owners of records: none, a new one, one of another site, or one that only a newer version can name.

use super::fixture::{
    EXPIRES, NOW, at, created, elsewhere, everywhere, failure, here, key, later, live, ok, realm,
    sample_record, session_user, stored,
};
use crate::session::{Owner, Rare, SessionRecord, SessionStore, StoreErrorKind, Written};

pub(super) async fn check<S: SessionStore>(fresh: &impl AsyncFn() -> S) {
    a_visitor_has_a_session(&fresh().await).await;
    a_visitor_is_no_users(&fresh().await).await;
    a_pending_session_is_its_users(&fresh().await).await;
    for rotates in [false, true] {
        the_new_owner_has_it(&fresh().await, rotates).await;
        nobody_has_it(&fresh().await, rotates).await;
    }
    each_site_has_its_own(&fresh().await).await;
    what_is_of_no_site_is_of_each(&fresh().await).await;
    what_is_newer_is_there_and_not_shown(&fresh().await).await;
}

fn of(owner: Owner) -> SessionRecord {
    let mut record = sample_record("alice");
    record.set_owner(owner);
    record
}

async fn count<S: SessionStore>(store: &S, id: &str) -> usize {
    ok(store.list_user(here(id).sessions(), NOW).await).len()
}

async fn a_visitor_has_a_session<S: SessionStore>(store: &S) {
    let record = of(Owner::Visitor);
    ok(store.create(&key(1), &record).await);
    assert_eq!(live(store, &key(1)).await, stored(key(1), &record, 1), "create: a record may have no user");
    assert_eq!(ok(store.update(&key(1), 1, &record, NOW).await), Written::Done, "update: of no user's");
    assert_eq!(ok(store.touch(&key(1), NOW, at(7_200)).await), Written::Done, "touch: of no user's");
    let answer = ok(store.rotate(&key(1), &later(1, 1), 2, &record, Some(EXPIRES), NOW).await);
    assert_eq!(answer, Written::Done, "rotate: of no user's");
    ok(store.delete(&key(1)).await);
    assert_eq!(live(store, &later(1, 1)).await, None, "delete: of no user's");
    ok(store.create(&key(2), &record).await);
    assert_eq!(ok(store.purge_expired(EXPIRES, 10).await), 1, "purge_expired: also of no user's");
}

async fn a_visitor_is_no_users<S: SessionStore>(store: &S) {
    for n in 1..4 {
        ok(store.create(&key(n), &of(Owner::Visitor)).await);
    }
    let alice = created(store, &key(4)).await;
    assert_eq!(count(store, "alice").await, 1, "list_user: a visitor's session is no user's");
    let trimmed = ok(store.trim_user(here("alice").sessions(), 1, &key(4), NOW).await);
    assert_eq!(trimmed, 0, "trim_user: a visitor's session is no user's");
    assert_eq!(live(store, &key(4)).await, stored(key(4), &alice, 1), "trim_user: keeps the one");
    let ended = ok(store.delete_user(everywhere("alice").sessions(), None).await);
    assert_eq!(ended, 1, "delete_user: a visitor's session is no user's");
    assert!(live(store, &key(1)).await.is_some(), "delete_user: leaves visitors alone");
}

async fn a_pending_session_is_its_users<S: SessionStore>(store: &S) {
    ok(store.create(&key(1), &of(Owner::Pending(session_user("alice")))).await);
    assert_eq!(count(store, "alice").await, 1, "list_user: who has begun to sign in is the user");
    let ended = ok(store.delete_user(here("alice").sessions(), None).await);
    assert_eq!(ended, 1, "delete_user: ends what has only begun");
    assert_eq!(live(store, &key(1)).await, None, "delete_user: ends what has only begun");
}

/// Writes the record, in place or under another key.
async fn write<S: SessionStore>(store: &S, record: &SessionRecord, rotates: bool) {
    let answer = if rotates {
        store.rotate(&key(1), &later(1, 1), 1, record, None, NOW).await
    } else {
        store.update(&key(1), 1, record, NOW).await
    };
    assert_eq!(ok(answer), Written::Done, "update, rotate: at the version read");
}

async fn the_new_owner_has_it<S: SessionStore>(store: &S, rotates: bool) {
    ok(store.create(&key(1), &of(Owner::Visitor)).await);
    write(store, &of(Owner::User(session_user("alice"))), rotates).await;
    assert_eq!(count(store, "alice").await, 1, "update, rotate: the record is its new owner's");
    write_again(store, &of(Owner::User(session_user("bob"))), rotates).await;
    assert_eq!(count(store, "alice").await, 0, "update, rotate: the record is no more the old owner's");
    assert_eq!(count(store, "bob").await, 1, "update, rotate: the record is its new owner's");
    let ended = ok(store.delete_user(here("alice").sessions(), None).await);
    assert_eq!(ended, 0, "delete_user: spares what was the user's once");
    let ended = ok(store.delete_user(here("bob").sessions(), None).await);
    assert_eq!(ended, 1, "delete_user: ends what has become the user's");
}

async fn write_again<S: SessionStore>(store: &S, record: &SessionRecord, moved: bool) {
    let at = later(1, u16::from(moved));
    assert_eq!(ok(store.update(&at, 2, record, NOW).await), Written::Done, "update: at the version read");
}

async fn nobody_has_it<S: SessionStore>(store: &S, rotates: bool) {
    created(store, &key(1)).await;
    write(store, &of(Owner::Visitor), rotates).await;
    assert_eq!(count(store, "alice").await, 0, "update, rotate: the record is no more the old owner's");
    let ended = ok(store.delete_user(here("alice").sessions(), None).await);
    assert_eq!(ended, 0, "delete_user: spares what was the user's once");
    assert_eq!(ok(store.purge_expired(EXPIRES, 10).await), 1, "purge_expired: whoever's it was");
}

async fn each_site_has_its_own<S: SessionStore>(store: &S) {
    let there = SessionRecord { realm: Some(realm("forum")), ..sample_record("alice") };
    created(store, &key(1)).await;
    created(store, &key(2)).await;
    ok(store.create(&key(3), &there).await);
    let found = live(store, &key(3)).await;
    assert_eq!(found, stored(key(3), &there, 1), "load: gives a record of any site");
    assert_eq!(count(store, "alice").await, 2, "list_user: only this site's");
    let all = ok(store.list_user(everywhere("alice").sessions(), NOW).await);
    assert_eq!(all.len(), 3, "list_user: of all sites where none is named");
    let trimmed = ok(store.trim_user(here("alice").sessions(), 2, &key(1), NOW).await);
    assert_eq!(trimmed, 0, "trim_user: counts only this site's");
    let ended = ok(store.delete_user(here("alice").sessions(), Some(&key(1))).await);
    assert_eq!(ended, 1, "delete_user: only this site's");
    assert!(live(store, &key(3)).await.is_some(), "delete_user: leaves other sites alone");
    let ended = ok(store.delete_user(elsewhere("forum", "alice").sessions(), None).await);
    assert_eq!(ended, 1, "delete_user: on the other site");
    ok(store.create(&key(4), &there).await);
    let ended = ok(store.delete_user(everywhere("alice").sessions(), None).await);
    assert_eq!(ended, 2, "delete_user: on all sites where none is named");
}

async fn what_is_of_no_site_is_of_each<S: SessionStore>(store: &S) {
    let record = SessionRecord { realm: None, ..sample_record("alice") };
    ok(store.create(&key(1), &record).await);
    for site in ["shop", "forum"] {
        let found = ok(store.list_user(elsewhere(site, "alice").sessions(), NOW).await);
        assert_eq!(found.len(), 1, "list_user: what is of no site is of each");
    }
    write(store, &sample_record("alice"), false).await;
    let found = ok(store.list_user(elsewhere("forum", "alice").sessions(), NOW).await);
    assert!(found.is_empty(), "update: gives a record to a site");
    assert_eq!(count(store, "alice").await, 1, "update: gives a record to a site");
}

/// A store that keeps records as they are, and not their bytes, has nothing to parse.
async fn what_is_newer_is_there_and_not_shown<S: SessionStore>(store: &S) {
    let newer = SessionRecord { rare: Rare::new(vec![0x7f, 0], None), ..sample_record("alice") };
    ok(store.create(&key(1), &newer).await);
    match store.load(&key(1), NOW).await {
        Ok(Some(kept)) if *kept.record == newer => return,
        answer => {
            assert_eq!(failure(&answer), Some(StoreErrorKind::Newer), "load: says that a record is newer");
        }
    }
    created(store, &key(2)).await;
    assert_eq!(count(store, "alice").await, 1, "list_user: leaves out what is newer");
    let record = sample_record("alice");
    let answer = ok(store.update(&key(1), 9, &record, NOW).await);
    assert_eq!(answer, Written::Conflict, "update: what is newer is there, at another version");
    let answer = ok(store.rotate(&key(1), &later(1, 1), 9, &record, None, NOW).await);
    assert_eq!(answer, Written::Conflict, "rotate: what is newer is there, at another version");
    let taken = store.create(&key(1), &record).await;
    assert_eq!(failure(&taken), Some(StoreErrorKind::Exists), "create: what is newer is there");
    let answer = store.load(&key(1), NOW).await;
    assert_eq!(failure(&answer), Some(StoreErrorKind::Newer), "what is newer stays as it is");
    ok(store.delete(&key(1)).await);
    assert_eq!(live(store, &key(1)).await, None, "delete: ends what is newer");
    ok(store.create(&key(3), &newer).await);
    let ended = ok(store.delete_user(here("alice").sessions(), None).await);
    assert_eq!(ended, 2, "delete_user: ends what is newer, too");
}
