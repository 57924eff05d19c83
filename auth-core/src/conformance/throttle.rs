//! The suite for [`ThrottleStore`]: buckets that change concurrently.

use std::sync::Arc;
use std::time::Duration;

use super::together::together;
use crate::BackendName;
use crate::throttle::{Account, Bucket, BucketChange, BucketKey, StoredBucket, ThrottleStore};
use crate::time::Timestamp;

/// Later than any server's clock: nothing expires by itself.
const NOW: Timestamp = Timestamp::from_secs(10_000_000_000);

/// Runs the suite on empty stores from `make`.
///
/// ```
/// use std::sync::Arc;
///
/// use auth_core::conformance::throttle::throttle_store;
/// use auth_core::throttle::MemoryThrottle;
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
/// // In a function with `#[tokio::test(flavor = "multi_thread")]`:
/// # runtime.block_on(async {
/// throttle_store(async || Arc::new(MemoryThrottle::new(10_000))).await;
/// # });
/// ```
///
/// # Panics
/// If the store breaks a rule.
pub async fn throttle_store<S: ThrottleStore>(make: impl AsyncFn() -> Arc<S>) {
    what_is_put_is_there(&*make().await).await;
    a_bucket_that_changed_is_not_replaced(&*make().await).await;
    all_or_nothing(&*make().await).await;
    a_crowd_loses_nothing(make().await).await;
    what_came_back_is_another(&*make().await).await;
    accounts_are_found(&*make().await).await;
    only_what_expired_is_purged(&*make().await).await;
}

fn key(n: u64) -> BucketKey {
    let mut key = [7; 16];
    key[8..].copy_from_slice(&n.to_be_bytes());
    BucketKey::from_bytes(key)
}

/// A bucket with this many failures, until this time.
fn bucket(failures: u32, expires: Timestamp, blocked_until: Timestamp, account: &str) -> Bucket {
    let account = match account.split_once('/') {
        Some((backend, id)) => format!(r#","account":{{"backend":"{backend}","id":"{id}"}}"#),
        None => String::new(),
    };
    let (expires, until) = (expires.as_millis(), blocked_until.as_millis());
    let text = format!(r#"{{"failures":{failures},"blocked_until":{until},"expires":{expires}{account}}}"#);
    Bucket::from_text(&text).expect("a bucket's text")
}

fn failed(failures: u32) -> Bucket {
    bucket(failures, NOW.plus(Duration::from_secs(3600)), Timestamp::default(), "")
}

fn change(key: BucketKey, expected: Option<u64>, new: Option<(Bucket, u64)>) -> BucketChange {
    BucketChange { key, expected, new: new.map(|(bucket, version)| StoredBucket { bucket, version }) }
}

async fn replace<S: ThrottleStore>(store: &S, changes: &[BucketChange]) -> bool {
    store.replace(changes, NOW).await.expect("the store takes changes")
}

async fn at<S: ThrottleStore>(store: &S, key: BucketKey) -> Option<(u32, u64)> {
    let found = store.load(&[key]).await.expect("the store can be read");
    assert_eq!(found.len(), 1, "one answer for each key");
    found[0].as_ref().map(|stored| (stored.bucket.failures(), stored.version))
}

async fn what_is_put_is_there<S: ThrottleStore>(store: &S) {
    assert_eq!(at(store, key(1)).await, None);
    let until = NOW.plus(Duration::from_secs(60));
    let whole = bucket(3, until, until, "local/O'Brien:ü");
    assert!(replace(store, &[change(key(1), None, Some((whole.clone(), 1)))]).await);
    let found = store.load(&[key(2), key(1), key(3), key(1)]).await.expect("the store can be read");
    let one = Some(StoredBucket { bucket: whole, version: 1 });
    assert_eq!(found, [None, one.clone(), None, one], "in the order of the keys");
    assert!(replace(store, &[change(key(1), Some(1), Some((failed(4), u64::MAX >> 1)))]).await);
    assert_eq!(at(store, key(1)).await, Some((4, u64::MAX >> 1)));
    assert!(replace(store, &[change(key(1), Some(u64::MAX >> 1), None)]).await);
    assert_eq!(at(store, key(1)).await, None);
    assert!(replace(store, &[]).await, "nothing is soon done");
}

async fn a_bucket_that_changed_is_not_replaced<S: ThrottleStore>(store: &S) {
    assert!(replace(store, &[change(key(1), None, Some((failed(1), 1)))]).await);
    for late in [
        change(key(1), None, Some((failed(9), 9))),
        change(key(1), Some(2), Some((failed(9), 9))),
        change(key(1), Some(2), None),
        change(key(2), Some(1), Some((failed(9), 9))),
        change(key(2), Some(1), None),
    ] {
        assert!(!replace(store, std::slice::from_ref(&late)).await, "{late:?}");
    }
    assert_eq!((at(store, key(1)).await, at(store, key(2)).await), (Some((1, 1)), None));
}

async fn all_or_nothing<S: ThrottleStore>(store: &S) {
    assert!(replace(store, &[change(key(2), None, Some((failed(1), 1)))]).await);
    let good = [change(key(3), None, Some((failed(3), 3))), change(key(2), Some(1), Some((failed(2), 2)))];
    for bad in [change(key(1), Some(7), Some((failed(9), 9))), change(key(9), Some(7), None)] {
        let mut changes = good.to_vec();
        changes.push(bad);
        assert!(!replace(store, &changes).await);
        assert_eq!((at(store, key(2)).await, at(store, key(3)).await), (Some((1, 1)), None));
    }
    assert!(replace(store, &good).await);
    assert_eq!((at(store, key(2)).await, at(store, key(3)).await), (Some((2, 2)), Some((3, 3))));
}

/// Two buckets, which change together.
async fn a_crowd_loses_nothing<S: ThrottleStore>(store: Arc<S>) {
    const CROWD: u32 = 40;
    let one_more = |own: u64| {
        let store = Arc::clone(&store);
        async move {
            for version in (own * 1_000_000).. {
                // In varying order: there must be no deadlock.
                let keys = if own.is_multiple_of(2) { [key(1), key(2)] } else { [key(2), key(1)] };
                let found = store.load(&keys).await.expect("the store can be read");
                let changes: Vec<_> = keys
                    .iter()
                    .zip(found)
                    .map(|(key, found)| {
                        let count = found.as_ref().map_or(0, |stored| stored.bucket.failures());
                        change(*key, found.map(|stored| stored.version), Some((failed(count + 1), version)))
                    })
                    .collect();
                if replace(&*store, &changes).await {
                    return;
                }
            }
        }
    };
    together((1..=u64::from(CROWD)).map(one_more)).await;
    for key in [key(1), key(2)] {
        assert_eq!(at(&*store, key).await.map(|(failures, _)| failures), Some(CROWD));
    }
}

async fn what_came_back_is_another<S: ThrottleStore>(store: &S) {
    assert!(replace(store, &[change(key(1), None, Some((failed(1), 1)))]).await);
    assert!(replace(store, &[change(key(1), Some(1), None)]).await);
    assert!(replace(store, &[change(key(1), None, Some((failed(2), 2)))]).await);
    assert!(!replace(store, &[change(key(1), Some(1), Some((failed(9), 9)))]).await);
}

async fn accounts_are_found<S: ThrottleStore>(store: &S) {
    let later = |seconds| NOW.plus(Duration::from_secs(seconds));
    let local = BackendName::new("local").expect("a plain name");
    let put = [
        (1, bucket(5, later(900), later(10), "local/7")),
        (2, bucket(6, later(900), later(20), "local/7")),
        (3, bucket(5, later(900), later(30), "local/8")),
        (4, bucket(5, later(900), later(40), "other/7")),
        (5, bucket(5, later(900), later(50), "")),
        (6, bucket(1, later(900), Timestamp::default(), "local/9")),
    ];
    for (n, bucket) in put {
        assert!(replace(store, &[change(key(n), None, Some((bucket, n)))]).await);
    }
    let of = async |id: &str| {
        let found = store.of_account(&Account::new(&local, id)).await.expect("the store can be read");
        let mut keys: Vec<_> = found.into_iter().map(|(key, stored)| (key, stored.version)).collect();
        keys.sort_unstable();
        keys
    };
    assert_eq!(of("7").await, [(key(1), 1), (key(2), 2)]);
    assert_eq!(of("9").await, [(key(6), 6)]);
    assert_eq!(of("").await, []);
    let delaying = async |seconds, limit| {
        let found = store.delaying(later(seconds), limit).await.expect("the store can be read");
        let of = |bucket: &Bucket| {
            bucket.account().map_or(String::new(), |of| format!("{}/{}", of.backend(), of.id()))
        };
        found.iter().map(of).collect::<Vec<_>>()
    };
    assert_eq!(
        delaying(15, 10).await,
        ["other/7", "local/8", "local/7"],
        "those first that wait the longest"
    );
    assert_eq!(delaying(0, 2).await, ["other/7", "local/8"]);
    assert_eq!(delaying(60, 10).await, [""; 0]);
    assert!(
        replace(store, &[change(key(4), Some(4), None), change(key(3), Some(3), Some((failed(1), 9)))]).await
    );
    assert_eq!(
        delaying(0, 10).await,
        ["local/7", "local/7"],
        "what is no more, or about nobody, is not among them"
    );
    assert_eq!(of("8").await, []);
}

async fn only_what_expired_is_purged<S: ThrottleStore>(store: &S) {
    let (soon, late) = (NOW.plus(Duration::from_secs(1)), NOW.plus(Duration::from_secs(3600)));
    for n in 0..10 {
        let expires = if n % 2 == 0 { soon } else { late };
        let bucket = bucket(1, expires, Timestamp::default(), "");
        assert!(replace(store, &[change(key(n), None, Some((bucket, n)))]).await);
    }
    assert_eq!(store.purge_expired(NOW, 100).await.expect("the store purges"), 0);
    assert!(store.purge_expired(soon, 2).await.expect("the store purges") <= 2);
    assert!(store.purge_expired(soon, 100).await.expect("the store purges") <= 3);
    for n in (1..10).step_by(2) {
        assert_eq!(at(store, key(n)).await, Some((1, n)));
    }
}
