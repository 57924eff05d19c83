//! Concurrent tasks. Each case ends in a state that is right in any order.

use std::sync::Arc;

use tokio::task::yield_now;

use super::fixture::{
    BEFORE_EXPIRY, EXPIRES, NOW, at, created, data, failure, here, key, later, live, ok, sample_record, user,
};
use crate::conformance::together::together;
use crate::session::{SessionKey, SessionRecord, SessionStore, StoreErrorKind, Written};

/// How often the tasks of a case are run.
const ROUNDS: u16 = 16;
/// How often a logout races with a rotation. If a store looks for the record twice, the gap between is small.
const LOGOUTS: u16 = 1_000;
/// How many tasks do the same thing concurrently.
const TASKS: u16 = 32;

pub(super) async fn check<S: SessionStore>(fresh: &impl AsyncFn() -> S) {
    one_creator_wins(Arc::new(fresh().await)).await;
    no_update_is_lost(Arc::new(fresh().await)).await;
    one_rotation_wins(Arc::new(fresh().await)).await;
    logout_beats_everything(Arc::new(fresh().await)).await;
    logout_ends_what_was_moved(Arc::new(fresh().await)).await;
    purge_spares_what_was_touched(Arc::new(fresh().await)).await;
    for alias in [false, true] {
        rotation_is_one_step(Arc::new(fresh().await), alias).await;
    }
    what_is_moved_is_not_gone(Arc::new(fresh().await)).await;
    parallel_logins_leave_the_most(Arc::new(fresh().await)).await;
}

async fn one_creator_wins<S: SessionStore>(store: Arc<S>) {
    for round in 0..ROUNDS {
        let create = |n: u16| {
            let store = Arc::clone(&store);
            async move { store.create(&key(round), &sample_record(&n.to_string())).await }
        };
        let answers = together((0..TASKS).map(create)).await;
        let refused = answers.iter().filter(|answer| failure(answer) == Some(StoreErrorKind::Exists)).count();
        let winner: Vec<_> = (0..TASKS).zip(&answers).filter(|(_, answer)| answer.is_ok()).collect();
        assert_eq!(
            (winner.len(), refused + 1),
            (1, answers.len()),
            "create: one of many wins, the others are refused"
        );
        let stored = live(&*store, &key(round)).await;
        let owner = stored.as_ref().and_then(|stored| stored.record.owner().user());
        let winner = user(&winner[0].0.to_string());
        assert_eq!(owner.map(|owner| &owner.id), Some(&winner), "create: the record is the winner's");
    }
}

fn counter(record: &SessionRecord) -> u64 {
    record.data.get("n").and_then(|n| n.parse().ok()).unwrap_or_default()
}

/// Counts up as a session handle does: read, change, write if unchanged, otherwise again.
async fn count_up<S: SessionStore>(store: Arc<S>) {
    loop {
        let loaded = live(&*store, &key(1)).await.expect("load: finds a record that is being updated");
        let next = (counter(&loaded.record) + 1).to_string();
        let record = SessionRecord { data: data([("n", &next)]), ..SessionRecord::clone(&loaded.record) };
        assert_eq!(ok(store.touch(&key(1), NOW, EXPIRES).await), Written::Done, "touch: the record exists");
        match ok(store.update(&key(1), loaded.version, &record, NOW).await) {
            Written::Done => return,
            Written::Conflict => yield_now().await,
            Written::Gone => panic!("update: a live record is not gone"),
        }
    }
}

async fn no_update_is_lost<S: SessionStore>(store: Arc<S>) {
    created(&*store, &key(1)).await;
    together((0..TASKS).map(|_| count_up(Arc::clone(&store)))).await;
    let end = live(&*store, &key(1)).await.expect("update: keeps the record");
    assert_eq!(counter(&end.record), u64::from(TASKS), "update, touch: no update is lost");
    assert_eq!(end.version, 1 + u64::from(TASKS), "update: each adds one to the version");
}

async fn one_rotation_wins<S: SessionStore>(store: Arc<S>) {
    for round in 0..ROUNDS {
        let record = created(&*store, &key(round)).await;
        let rotate = |n: u16| {
            let (store, record) = (Arc::clone(&store), record.clone());
            async move { ok(store.rotate(&key(round), &later(round, 1 + n), 1, &record, Some(at(20)), NOW).await) }
        };
        let answers = together((0..TASKS).map(rotate)).await;
        let done = answers.iter().filter(|answer| **answer == Written::Done).count();
        assert_eq!(done, 1, "rotate: one of many wins");
        let alive = ok(store.list_user(here("alice").sessions(), NOW).await);
        assert_eq!(alive.len(), 1, "rotate: one session stays one session");
        assert_eq!(ok(store.delete_user(here("alice").sessions(), None).await), 1, "delete_user: counts");
    }
}

/// What can happen to the session under the first key.
#[derive(Clone, Copy, Debug)]
enum Deed {
    Delete,
    Update,
    Touch,
    Rotate,
    RotateWithAlias,
    Purge,
}

impl Deed {
    async fn run<S: SessionStore>(self, store: Arc<S>, old: SessionKey, new: SessionKey) -> Written {
        let record = sample_record("alice");
        ok(match self {
            Self::Delete => store.delete(&old).await.map(|()| Written::Done),
            Self::Update => store.update(&old, 1, &record, NOW).await,
            Self::Touch => store.touch(&old, BEFORE_EXPIRY, at(7_200)).await,
            Self::Rotate => store.rotate(&old, &new, 1, &record, None, NOW).await,
            Self::RotateWithAlias => store.rotate(&old, &new, 1, &record, Some(EXPIRES), NOW).await,
            Self::Purge => store.purge_expired(EXPIRES, 100).await.map(|_| Written::Done),
        })
    }
}

/// Runs the deeds concurrently on a new session; returns its keys and the result of each deed.
async fn meet<S: SessionStore>(
    store: &Arc<S>,
    round: u16,
    deeds: &[Deed],
) -> ([SessionKey; 2], Vec<Written>) {
    let (old, new) = (key(round), later(round, 1));
    created(&**store, &old).await;
    // Every order of starting is tried.
    let first = usize::from(round) % deeds.len();
    let tasks = deeds.iter().cycle().skip(first).take(deeds.len());
    let mut answers = together(tasks.map(|deed| deed.run(Arc::clone(store), old, new))).await;
    answers.rotate_right(first);
    ([old, new], answers)
}

async fn logout_beats_everything<S: SessionStore>(store: Arc<S>) {
    let deeds = [Deed::Delete, Deed::Update, Deed::Touch, Deed::RotateWithAlias];
    for round in 0..ROUNDS {
        let (keys, answers) = meet(&store, round, &deeds).await;
        for key in keys {
            let found = live(&*store, &key).await;
            assert_eq!(found, None, "delete: nothing survives a logout; {deeds:?} answered {answers:?}");
        }
    }
}

/// A logout that a rotation has overtaken, with an id that no longer opens anything, is still a logout.
async fn logout_ends_what_was_moved<S: SessionStore>(store: Arc<S>) {
    for round in 0..LOGOUTS {
        let (keys, answers) = meet(&store, round, &[Deed::Delete, Deed::Rotate]).await;
        for key in keys {
            let found = live(&*store, &key).await;
            assert_eq!(found, None, "delete: ends what was moved; rotate answered {:?}", answers[1]);
        }
    }
}

async fn purge_spares_what_was_touched<S: SessionStore>(store: Arc<S>) {
    for round in 0..ROUNDS {
        let ([old, _], answers) = meet(&store, round, &[Deed::Purge, Deed::Touch]).await;
        let alive = live(&*store, &old).await.is_some();
        assert_eq!(
            alive,
            answers[1] == Written::Done,
            "purge_expired: a record that was touched in time lives on"
        );
    }
}

async fn rotation_is_one_step<S: SessionStore>(store: Arc<S>, alias: bool) {
    for round in 0..ROUNDS {
        let (old, new) = (key(round), later(round, 1));
        created(&*store, &old).await;
        let act = |rotates: bool| {
            let store = Arc::clone(&store);
            async move {
                if rotates {
                    let deed = if alias { Deed::RotateWithAlias } else { Deed::Rotate };
                    assert_eq!(deed.run(store, old, new).await, Written::Done, "rotate: at the version read");
                } else {
                    watch(&*store, &old, &new, alias).await;
                }
            }
        };
        together([false, true].map(act)).await;
    }
}

async fn what_is_moved_is_not_gone<S: SessionStore>(store: Arc<S>) {
    let deeds = [Deed::Update, Deed::RotateWithAlias, Deed::Touch];
    for round in 0..2 * ROUNDS {
        let ([old, _], answers) = meet(&store, round, &deeds).await;
        assert_ne!(answers[0], Written::Gone, "update: a record that is being moved is not gone");
        assert_ne!(answers[1], Written::Gone, "rotate: a record that is being written is not gone");
        assert_eq!(answers[2], Written::Done, "touch: a record that is being moved is not gone");
        assert!(live(&*store, &old).await.is_some(), "rotate: the old key is a key or an alias");
    }
}

/// How many sessions a user may have after many concurrent logins.
const MOST: u16 = 5;

async fn parallel_logins_leave_the_most<S: SessionStore>(store: Arc<S>) {
    let log_in = |n: u16| {
        let store = Arc::clone(&store);
        async move {
            let record = SessionRecord { last_seen: at(u64::from(n)), ..sample_record("alice") };
            ok(store.create(&key(n), &record).await);
            ok(store.trim_user(here("alice").sessions(), MOST.into(), &key(n), NOW).await)
        }
    };
    let ended = together((0..2 * TASKS).map(log_in)).await.into_iter().sum::<u64>();
    let left = ok(store.list_user(here("alice").sessions(), NOW).await).len();
    assert!(left <= usize::from(MOST), "trim_user: of many logins the last leaves at most {MOST}: {left}");
    // Each spares its own session, which others may end.
    assert!(left + 1 >= usize::from(MOST), "trim_user: leaves as many as it may: {left}");
    let made = u64::from(2 * TASKS);
    assert_eq!(ended + left as u64, made, "trim_user: counts each that it ended, and once");
}

/// Looks at both keys repeatedly while the session moves from one to the other.
async fn watch<S: SessionStore>(store: &S, old: &SessionKey, new: &SessionKey, alias: bool) {
    for _ in 0..ROUNDS {
        // The session goes from `old` to `new`: looked at in this order it is never missed,
        let by_old = live(store, old).await.is_some();
        let by_new = live(store, new).await.is_some();
        assert!(by_old || by_new, "rotate: at no moment is the session under neither key");
        assert!(by_old || !alias, "rotate: with an alias the old key never fails");
        // and in this order never seen twice.
        if by_new && !alias {
            assert_eq!(live(store, old).await, None, "rotate: at no moment is the session under both keys");
        }
        yield_now().await;
    }
}
