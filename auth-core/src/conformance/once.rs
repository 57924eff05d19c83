//! The suite for [`OnceStore`].

use std::sync::Arc;
use std::time::Duration;

use super::together::together;
use crate::once::{KEPT_BEYOND, OnceId, OnceStore};
use crate::session::Purpose;
use crate::time::Timestamp;

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

/// The number of concurrent calls.
const CROWD: usize = 500;

/// Runs the suite on empty stores from `make`. It uses two handles of each, like two instances of an application:
/// over separate connections, if instances share the store.
///
/// ```
/// use std::sync::Arc;
///
/// use auth_core::conformance::once::once_store;
/// use auth_core::once::MemoryOnce;
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
/// // In a function with `#[tokio::test(flavor = "multi_thread")]`:
/// # runtime.block_on(async {
/// once_store(async || {
///     let store = Arc::new(MemoryOnce::new(10_000));
///     [Arc::clone(&store), store]
/// })
/// .await;
/// # });
/// ```
///
/// # Panics
/// If the store breaks a rule.
pub async fn once_store<S: OnceStore>(make: impl AsyncFn() -> [Arc<S>; 2]) {
    what_is_used_is_used(make().await).await;
    ids_are_told_apart(make().await).await;
    purposes_are_told_apart(make().await).await;
    what_is_over_is_nobodys(make().await).await;
    what_is_used_is_kept(make().await).await;
    a_refusal_changes_nothing(make().await).await;
    a_clock_that_is_ahead_makes_nothing_good_again(make().await).await;
    purging_has_a_limit(make().await).await;
    of_a_crowd_one_is_first(make().await).await;
    a_crowd_at_many_ids_has_one_first_each(make().await).await;
}

/// Runs the suite on a store that cannot be reached or written: it has to report that for every id, used or not.
///
/// # Panics
/// If it answers.
pub async fn once_store_that_is_down<S: OnceStore>(store: &S) {
    let purpose = purpose("tests");
    for id in ["a", "b"] {
        let answer = store.use_once(once(&purpose, id.as_bytes()), later(60), NOW).await;
        assert!(answer.is_err(), "outage: neither yes nor no, and not {answer:?}");
    }
    let answer = store.purge(later(600), 10).await;
    // A store that expires entries by itself need not be asked.
    assert!(matches!(answer, Err(_) | Ok(0)), "outage: nothing was removed, and not {answer:?}");
}

fn later(seconds: u64) -> Timestamp {
    NOW.plus(Duration::from_secs(seconds))
}

/// The moment before.
fn before(time: Timestamp) -> Timestamp {
    Timestamp::from_millis(time.as_millis() - 1)
}

fn purpose(name: &str) -> Purpose {
    Purpose::new(name).expect("a plain name")
}

fn once<'a>(purpose: &'a Purpose, id: &'a [u8]) -> OnceId<'a> {
    OnceId::new(purpose, id).expect("an id")
}

/// Whether the id may be used at this time.
async fn at<S: OnceStore>(store: &S, now: Timestamp, id: &str, until: Timestamp) -> bool {
    let purpose = purpose("tests");
    store.use_once(once(&purpose, id.as_bytes()), until, now).await.expect("the store can be written")
}

async fn used<S: OnceStore>(store: &S, id: &str, until: Timestamp) -> bool {
    at(store, NOW, id, until).await
}

async fn purge<S: OnceStore>(store: &S, before: Timestamp, limit: u64) -> u64 {
    store.purge(before, limit).await.expect("the store purges")
}

async fn what_is_used_is_used<S: OnceStore>([one, other]: [Arc<S>; 2]) {
    for (id, until) in [("a", later(60)), ("b", Timestamp::from_millis(u64::MAX)), ("c", later(0x7fff_ffff))]
    {
        assert!(used(&*one, id, until).await, "use_once: the first one may ({id})");
        assert!(!used(&*one, id, until).await, "use_once: nobody else may ({id})");
        assert!(!used(&*other, id, until).await, "use_once: no other instance may ({id})");
    }
    assert!(used(&*other, "d", later(60)).await, "use_once: another instance may be first");
    assert!(!used(&*one, "d", later(60)).await, "use_once: what another instance used is used");
    assert!(!used(&one, "d", later(60)).await, "use_once: also behind an Arc");
}

/// Also where databases tend to see no difference: in case, in trailing blanks and zeros, in accents, and after many
/// bytes.
async fn ids_are_told_apart<S: OnceStore>([one, other]: [Arc<S>; 2]) {
    let purpose = purpose("tests");
    let long = |last: &[u8]| [&[b'x'; OnceId::MAX_LEN - 1], last].concat();
    let ids: Vec<Vec<u8>> =
        [&b"a"[..], b"A", b"a ", b" a", b"a\0", b"\0a", b"a\0b", b"aa", b"\0", b"\0\0", b"\xff"]
            .into_iter()
            .chain(["ä", "Ä", "a\u{308}", "a:b", "a%", "a_", "*", "'", "7", "07"].map(str::as_bytes))
            .map(<[u8]>::to_vec)
            .chain([long(b"x"), long(b"y")])
            .collect();
    for id in &ids {
        let first =
            one.use_once(once(&purpose, id), later(60), NOW).await.expect("the store takes any bytes");
        assert!(first, "use_once: {id:?} is another id");
    }
    for id in &ids {
        let first =
            other.use_once(once(&purpose, id), later(60), NOW).await.expect("the store takes any bytes");
        assert!(!first, "use_once: {id:?} was used");
    }
}

async fn purposes_are_told_apart<S: OnceStore>([one, other]: [Arc<S>; 2]) {
    let purposes = ["a", "ab", "a.b", "a-b", &"x".repeat(Purpose::MAX_LEN)].map(purpose);
    let ours = Purpose::of_core("a");
    for purpose in purposes.iter().chain([&ours]) {
        for id in [b"c", &b"bc"[..], b".bc"] {
            let first = |store: &Arc<S>| {
                let store = Arc::clone(store);
                async move { store.use_once(once(purpose, id), later(60), NOW).await.expect("it can be written") }
            };
            assert!(first(&one).await, "use_once: an id is nothing in another purpose ({purpose:?}, {id:?})");
            assert!(!first(&other).await, "use_once: nobody else may ({purpose:?}, {id:?})");
        }
    }
}

/// An expired id may have been forgotten, so nobody may use it, whether it was used or not.
async fn what_is_over_is_nobodys<S: OnceStore>([one, _]: [Arc<S>; 2]) {
    for (id, until) in [("a", Timestamp::from_millis(0)), ("b", before(NOW)), ("c", NOW)] {
        assert!(!used(&*one, id, until).await, "use_once: what is over is nobody's ({id})");
    }
    assert!(used(&*one, "d", NOW.plus(Duration::from_millis(1))).await, "use_once: until then it is good");
}

async fn what_is_used_is_kept<S: OnceStore>([one, other]: [Arc<S>; 2]) {
    let until = later(10);
    assert!(used(&*one, "a", until).await, "use_once: the first one may");
    for time in [NOW, before(until), until, before(until.plus(KEPT_BEYOND))] {
        assert_eq!(purge(&*other, time, 100).await, 0, "purge: an entry is kept for a minute longer");
        assert!(!used(&*one, "a", until).await, "purge: what was used stays used");
    }
    // A store that expires entries by itself may still have it, and the others no longer: both are right.
    assert!(purge(&*other, until.plus(KEPT_BEYOND), 100).await <= 1, "purge: says how many");
    assert!(!at(&*one, until.plus(KEPT_BEYOND), "a", until).await, "use_once: what is over stays over");
}

/// A refused caller must not be able to shorten the time for which the id is known, or to add it again.
async fn a_refusal_changes_nothing<S: OnceStore>([one, other]: [Arc<S>; 2]) {
    assert!(used(&*one, "a", later(600)).await, "use_once: the first one may");
    assert!(!used(&*other, "a", later(1)).await, "use_once: nobody else may");
    assert!(!used(&*other, "a", NOW).await, "use_once: nobody else may");
    purge(&*one, later(300), 100).await;
    let again = at(&*one, later(300), "a", later(600)).await;
    assert!(!again, "use_once: a refusal does not shorten the entry");
}

/// An instance whose clock is a minute ahead purges when the id has expired for it.
async fn a_clock_that_is_ahead_makes_nothing_good_again<S: OnceStore>([one, other]: [Arc<S>; 2]) {
    let until = later(10);
    assert!(used(&*one, "a", until).await, "use_once: the first one may");
    let ahead = before(before(until).plus(KEPT_BEYOND));
    for n in 0..20 {
        assert!(at(&*other, ahead, &format!("other {n}"), later(600)).await, "use_once: the first one may");
    }
    purge(&*other, ahead, 100).await;
    let again = at(&*one, before(until), "a", until).await;
    assert!(!again, "use_once: a clock that is ahead makes nothing good again");
}

async fn purging_has_a_limit<S: OnceStore>([one, other]: [Arc<S>; 2]) {
    for n in 0..6 {
        assert!(used(&*one, &format!("over {n}"), later(10)).await, "use_once: the first one may");
        assert!(used(&*one, &format!("good {n}"), later(600)).await, "use_once: the first one may");
    }
    let time = later(10).plus(KEPT_BEYOND);
    assert!(purge(&*other, time, 4).await <= 4, "purge: at most so many");
    assert!(purge(&*one, time, 100).await <= 6, "purge: says how many");
    assert_eq!(purge(&*other, time, 100).await, 0, "purge: says how many");
    for n in 0..6 {
        let again = at(&*other, time, &format!("good {n}"), later(600)).await;
        assert!(!again, "purge: what was used stays used");
    }
}

async fn of_a_crowd_one_is_first<S: OnceStore>(stores: [Arc<S>; 2]) {
    for round in 0..3 {
        let ask = |n: usize| {
            let store = Arc::clone(&stores[n % 2]);
            async move { used(&*store, &format!("round {round}"), later(60)).await }
        };
        let first = together((0..CROWD).map(ask)).await.into_iter().filter(|first| *first).count();
        assert_eq!(first, 1, "use_once: exactly one of a crowd may");
    }
}

async fn a_crowd_at_many_ids_has_one_first_each<S: OnceStore>(stores: [Arc<S>; 2]) {
    const IDS: usize = 50;
    let ask = |n: usize| {
        let store = Arc::clone(&stores[n / IDS % 2]);
        async move { (n % IDS, used(&*store, &format!("id {}", n % IDS), later(60)).await) }
    };
    let mut firsts = [0; IDS];
    for (id, first) in together((0..CROWD).map(ask)).await {
        firsts[id] += usize::from(first);
    }
    assert_eq!(firsts, [1; IDS], "use_once: exactly one of a crowd may, for each id");
}
