//! Attempts on a whole chain, with hashes that are counted.

mod site;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::{
    Account, Bucket, BucketChange, BucketKey, MemoryThrottle, StoredBucket, Throttle, ThrottleStore, unlock,
};
#[cfg(feature = "conformance")]
use super::{Device, Parts, ReadDevice};
use crate::gate::{Admission, AttemptEnd, Gate as _, GateAttempt};
use crate::password::Argon2Cost;
#[cfg(feature = "conformance")]
use crate::time::Timestamp;
use crate::time::{Clock, ManualClock};
use crate::{Auth, BackendName, DeniedKind, Password, Passwords};
#[cfg(feature = "conformance")]
use site::Heard;
use site::{LIMIT, RIGHT, START, Site, Store, Users, from, with_device};

/// Sixth attempts are too many, whatever the name, and the answer does not reveal it.
#[tokio::test]
async fn names_that_exist_and_others_are_alike() {
    let site = Site::new().await;
    for name in ["alice", "nobody"] {
        let expected = if name == "alice" { DeniedKind::WrongSecret } else { DeniedKind::UnknownUser };
        for _ in 0..LIMIT {
            assert_eq!(site.guess(name, &from("192.0.2.1")).await, expected);
        }
        let before = site.runs();
        let denied =
            site.auth.authenticate(Password::new(name, RIGHT), &from("192.0.2.1")).await.unwrap_err();
        assert_eq!(
            (denied.kind(), denied.retry_after()),
            (DeniedKind::Throttled, Some(Duration::from_secs(1)))
        );
        assert_eq!(site.runs(), before, "nobody is asked");
        assert_eq!(site.guess(&name.to_uppercase(), &from("192.0.2.2")).await, DeniedKind::Throttled);
    }
    assert_eq!(site.heard.0.lock().unwrap().len(), 4);
    site.advance(1);
    assert_eq!(site.try_as("alice", RIGHT, &from("192.0.2.1")).await, Ok(()));
    assert_eq!(
        site.guess("alice", &from("192.0.2.2")).await,
        DeniedKind::WrongSecret,
        "a success clears its lane"
    );
}

/// As many calls of the store, whether there is an account or not: their time must not tell.
#[tokio::test]
async fn a_refused_attempt_asks_the_store_as_often_whoever_is_named() {
    let site = Site::new().await;
    let asks = async |name: &str, password: &str| {
        let before = site.store.asked.load(Ordering::SeqCst);
        let answer = site.try_as(name, password, &from("192.0.2.1")).await;
        (site.store.asked.load(Ordering::SeqCst) - before, answer.is_ok())
    };
    for name in ["alice", "nobody", "somebody"] {
        assert_eq!(
            asks(name, "guess").await.0,
            5,
            "looked and changed for {name}, and for whose it is; at the end once"
        );
    }
    // This process knows now whose they are.
    for name in ["alice", "nobody", "somebody"] {
        assert_eq!(
            asks(name, "guess").await.0,
            3,
            "looked and changed before {name} is judged, changed after"
        );
    }
    for n in 2..LIMIT {
        site.guess("alice", &from(&format!("192.0.3.{n}"))).await;
    }
    // No more for the account: another name of it looks as one that nobody has.
    for n in [5, 3, 3] {
        assert_eq!(asks("alice@example.com", RIGHT).await, (n, false));
        assert_eq!(asks("another", RIGHT).await, (n, false));
    }
    site.advance(1);
    assert_eq!(asks("alice", RIGHT).await, (3, true));
}

/// A user who mistyped a few times and then signed in has all attempts of a known source.
#[tokio::test]
async fn who_got_in_at_last_begins_anew() {
    let site = Site::new().await;
    let home = from("198.51.100.7");
    for _ in 1..LIMIT {
        site.guess("alice", &home).await;
    }
    assert_eq!(site.try_as("alice", RIGHT, &home).await, Ok(()));
    for _ in 1..LIMIT {
        assert_eq!(site.guess("alice", &home).await, DeniedKind::WrongSecret);
    }
    assert_eq!(site.try_as("alice", RIGHT, &home).await, Ok(()));
}

/// All names of an account share its tries, and none of them shows it.
#[tokio::test]
async fn an_account_has_one_counter_whatever_it_is_called() {
    let site = Site::new().await;
    for _ in 0..LIMIT {
        assert_eq!(site.guess("alice", &from("192.0.2.1")).await, DeniedKind::WrongSecret);
    }
    let alias = "alice@example.com";
    // Also the right one, which is not compared, and costs what a wrong one costs.
    for password in [RIGHT, "guess", RIGHT, "guess", RIGHT] {
        let before = site.runs();
        assert_eq!(site.try_as(alias, password, &from("192.0.2.2")).await, Err(DeniedKind::WrongSecret));
        assert_eq!(site.runs(), before + 1, "the work of a wrong password");
    }
    assert_eq!(
        site.guess(alias, &from("192.0.2.3")).await,
        DeniedKind::Throttled,
        "as any name after so many"
    );
    let told = site.heard.0.lock().unwrap().join("\n");
    assert_eq!(told.matches("nothing was compared").count(), 5, "{told}");
}

/// However many come at once, at one instance or two.
#[tokio::test]
async fn a_crowd_makes_no_more_guesses_than_there_are() {
    let one = Arc::new(Site::new().await);
    let other = Arc::new(Site::on(Arc::clone(&one.store), Arc::clone(&one.clock)).await);
    let runs = one.runs() + other.runs();
    let crowd: Vec<_> = (0..500)
        .map(|n| {
            let site = Arc::clone(if n % 2 == 0 { &one } else { &other });
            tokio::spawn(async move {
                site.try_as("alice", &format!("guess {n}"), &from(&format!("192.0.2.{}", n % 250))).await
            })
        })
        .collect();
    for guess in crowd {
        assert!(guess.await.unwrap().is_err());
    }
    assert_eq!(one.runs() + other.runs() - runs, LIMIT as u64);
}

#[tokio::test]
async fn equal_credentials_at_once_are_one_attempt() {
    let site = Arc::new(Site::new().await);
    let runs = site.runs();
    let logins: Vec<_> = (0..20)
        .map(|_| {
            let site = Arc::clone(&site);
            tokio::spawn(async move { site.try_as("alice", RIGHT, &from("192.0.2.1")).await })
        })
        .collect();
    for login in logins {
        assert_eq!(login.await.unwrap(), Ok(()));
    }
    assert_eq!(site.runs(), runs + 1);
}

/// More attempts than there are places, from as many addresses: an attempt without a place waits for one that is
/// returned.
#[tokio::test]
async fn right_passwords_wait_for_each_other() {
    let site = Arc::new(Site::new().await);
    let logins: Vec<_> = (0..20)
        .map(|n| {
            let site = Arc::clone(&site);
            tokio::spawn(async move { site.try_as("alice", RIGHT, &from(&format!("192.0.2.{n}"))).await })
        })
        .collect();
    for login in logins {
        assert_eq!(login.await.unwrap(), Ok(()));
    }
}

/// Tokens that are no good slow their source down, and nobody else; good ones cost the store nothing.
#[tokio::test]
async fn bad_tokens_have_a_budget_of_their_own() {
    let site = Site::new().await;
    let throttle = site.auth.throttle().unwrap();
    let attempt = async |source: &str, ending: AttemptEnd| {
        let facts = from(source);
        let attempt = GateAttempt {
            credentials: "bearer",
            factor: crate::grant::Factor::Token,
            subject: None,
            is_guessable: false,
            facts: &facts,
        };
        match throttle.reserve(&attempt).await.unwrap() {
            Admission::Admitted(permit) => {
                throttle.report(permit, ending).await;
                true
            }
            Admission::RetryAfter(time) => {
                assert!(time <= Duration::from_secs(8), "slower, and no more");
                false
            }
        }
    };
    for _ in 0..1_000 {
        assert!(attempt("192.0.2.1", AttemptEnd::Accepted).await);
    }
    assert_eq!(site.store.asked.load(Ordering::SeqCst), 0);
    let mut bad = 0;
    while attempt("192.0.2.1", AttemptEnd::Denied(DeniedKind::UnknownUser)).await {
        bad += 1;
    }
    assert_eq!(bad, 300);
    assert!(attempt("192.0.2.2", AttemptEnd::Accepted).await, "others");
    assert_eq!(site.try_as("alice", RIGHT, &from("192.0.2.1")).await, Ok(()), "passwords from there");
    site.advance(8);
    assert!(attempt("192.0.2.1", AttemptEnd::Accepted).await);
}

/// A stranger with a thousand addresses, at full speed.
#[tokio::test]
async fn the_owner_gets_in_while_strangers_hammer() {
    let site = Site::new().await;
    assert_eq!(site.try_as("alice", RIGHT, &from("198.51.100.7")).await, Ok(()));
    let device = with_device(&site, "alice", from("203.0.113.9"));
    for n in 0..1_000 {
        site.guess("alice", &from(&format!("192.0.{}.{}", n / 250, n % 250))).await;
    }
    assert_eq!(
        site.try_as("alice", RIGHT, &from("203.0.113.9")).await,
        Err(DeniedKind::Throttled),
        "a stranger's place"
    );
    assert_eq!(
        site.try_as("alice", RIGHT, &from("198.51.100.7")).await,
        Ok(()),
        "where she signed in before"
    );
    assert_eq!(site.try_as("alice", RIGHT, &device).await, Ok(()), "the device");
    assert_eq!(
        site.guess("alice", &from("192.0.2.1")).await,
        DeniedKind::Throttled,
        "that cleared no other lane"
    );
    // A stolen cookie is worth a few tries, however many copies of it there are.
    for _ in 0..LIMIT {
        assert_eq!(site.guess("alice", &device).await, DeniedKind::WrongSecret);
    }
    assert_eq!(site.guess("alice", &device).await, DeniedKind::Throttled);
    assert_eq!(site.guess("bob", &device).await, DeniedKind::UnknownUser, "it knows nobody else");
}

#[tokio::test]
async fn a_device_is_forgotten_with_the_password() {
    let site = Site::new().await;
    let device = with_device(&site, "alice", from("203.0.113.9"));
    for _ in 0..LIMIT {
        site.guess("alice", &from("192.0.2.1")).await;
    }
    let local = BackendName::new("local").unwrap();
    site.advance(1);
    site.auth.throttle().unwrap().forget_devices(&Account::new(&local, "1")).await;
    site.guess("alice", &from("192.0.2.1")).await;
    let runs = site.runs();
    assert_eq!(
        site.try_as("alice", RIGHT, &device).await,
        Err(DeniedKind::WrongSecret),
        "its account has no tries left"
    );
    assert_eq!(site.runs(), runs + 1);
    let device = with_device(&site, "alice", from("203.0.113.9"));
    assert_eq!(site.try_as("alice", RIGHT, &device).await, Ok(()), "one that signed in since");
}

/// One password on every name.
#[tokio::test]
async fn a_source_tries_few_names() {
    let site = Site::new().await;
    for n in 0..30 {
        assert_eq!(
            site.guess(&format!("user {n}"), &from("2001:db8::1")).await,
            DeniedKind::UnknownUser,
            "{n}"
        );
    }
    assert_eq!(site.guess("another", &from("2001:db8::ffff")).await, DeniedKind::Throttled, "of its network");
    assert_eq!(site.guess("another", &from("2001:db8:0:1::1")).await, DeniedKind::UnknownUser, "elsewhere");
    // Whose device is known is not concerned, nor whose program runs on this machine.
    let device = with_device(&site, "alice", from("2001:db8::1"));
    assert_eq!(site.try_as("alice", RIGHT, &device).await, Ok(()));
    for n in 0..40 {
        assert_eq!(
            site.guess(&format!("other {n}"), &from("127.0.0.1")).await,
            DeniedKind::UnknownUser,
            "{n}"
        );
    }
}

#[tokio::test]
async fn outages_count_for_nobody_and_who_hangs_up_has_failed() {
    let site = Arc::new(Site::new().await);
    site.users.is_down.store(true, Ordering::SeqCst);
    for _ in 0..3 * LIMIT {
        assert_eq!(site.guess("alice", &from("192.0.2.1")).await, DeniedKind::Unavailable);
    }
    site.users.is_down.store(false, Ordering::SeqCst);
    site.users.hangs.store(true, Ordering::SeqCst);
    for n in 0..LIMIT {
        let own = Arc::clone(&site);
        let attempt =
            tokio::spawn(async move { own.try_as("alice", &format!("guess {n}"), &from("192.0.2.1")).await });
        while site.users.asked.load(Ordering::SeqCst) <= n {
            tokio::task::yield_now().await;
        }
        attempt.abort();
    }
    site.users.hangs.store(false, Ordering::SeqCst);
    // What was dropped is settled in tasks of their own.
    let settled = async {
        while site.guess("alice", &from("192.0.2.1")).await != DeniedKind::Throttled {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), settled).await.unwrap();
}

/// The first backend is down, and the second has alice: an outage of one must not let anybody guess at the other.
#[tokio::test]
async fn an_outage_of_one_backend_opens_no_other() {
    let site = Site::new().await;
    let down = Users::new(site.users.passwords.clone(), String::new());
    down.is_down.store(true, Ordering::SeqCst);
    let policy = crate::BackendPolicy::new().outage(crate::OutagePolicy::Continue).without_breaker();
    let auth = Auth::builder()
        .backend_with::<Password>("first", down, policy)
        .backend::<Password>("second", Arc::clone(&site.users))
        .throttle(Throttle::new(MemoryThrottle::new(1_000)))
        .clock(Arc::clone(&site.clock))
        .build()
        .unwrap();
    let attempt = async |name: &str, n: usize| {
        let answer = auth.authenticate(Password::new(name, format!("guess {n}")), &from("192.0.2.1")).await;
        answer.unwrap_err().kind()
    };
    for n in 0..LIMIT {
        assert_eq!(attempt("alice", n).await, DeniedKind::Unavailable);
    }
    assert_eq!(attempt("alice", 9).await, DeniedKind::Throttled);
    // Nothing was compared for an unknown name.
    for n in 0..3 * LIMIT {
        assert_eq!(attempt("carol", n).await, DeniedKind::Unavailable);
    }
}

/// The store is down: half of it, for each instance. What was counted then counts when it is back, too.
#[tokio::test]
async fn without_the_store_it_is_half() {
    let site = Site::new().await;
    site.store.is_down.store(true, Ordering::SeqCst);
    for _ in 0..LIMIT / 2 {
        assert_eq!(site.guess("alice", &from("192.0.2.1")).await, DeniedKind::WrongSecret);
    }
    assert_eq!(site.guess("alice", &from("192.0.2.1")).await, DeniedKind::Throttled);
    assert!(site.heard.0.lock().unwrap().iter().any(|told| told.contains("with half the limits")));
    site.store.is_down.store(false, Ordering::SeqCst);
    assert_eq!(site.guess("alice", &from("192.0.2.1")).await, DeniedKind::Throttled, "still");
    site.advance(1);
    assert_eq!(site.guess("alice", &from("192.0.2.1")).await, DeniedKind::WrongSecret);
}

/// The store goes down while a right password is being judged: that is no failure when it is back.
#[tokio::test]
async fn a_success_is_not_forgotten_with_the_store() {
    let site = Arc::new(Site::new().await);
    for _ in 0..3 * LIMIT {
        // Admitted by the store, and judged while that is down.
        site.users.breaks.store(true, Ordering::SeqCst);
        assert_eq!(site.try_as("alice", RIGHT, &from("192.0.2.1")).await, Ok(()));
        site.store.is_down.store(false, Ordering::SeqCst);
        site.advance(2);
    }
    assert_eq!(site.try_as("alice", RIGHT, &from("192.0.2.2")).await, Ok(()));
    assert_eq!(site.guess("alice", &from("192.0.2.3")).await, DeniedKind::WrongSecret);
}

/// Down and up again every ten seconds, while somebody tries every 100 ms: no more than once the limit and half of it.
#[tokio::test]
async fn a_flapping_store_hands_out_no_more() {
    let site = Site::new().await;
    let runs = site.runs();
    for tenth in 0..600_u64 {
        site.store.is_down.store(tenth / 100 % 2 == 1, Ordering::SeqCst);
        site.guess("alice", &from("192.0.2.1")).await;
        site.clock.advance(Duration::from_millis(100));
    }
    let steady = Site::new().await;
    let steady_runs = steady.runs();
    for _ in 0..600 {
        steady.guess("alice", &from("192.0.2.1")).await;
        steady.clock.advance(Duration::from_millis(100));
    }
    let (flapping, steady) = (site.runs() - runs, steady.runs() - steady_runs);
    assert!(flapping <= steady + steady / 2 + 1, "{flapping} with a flapping store, {steady} without");
}

/// Whatever else is tried, a name that waits goes on waiting.
#[tokio::test]
async fn a_flood_of_names_forgets_nobody_who_waits() {
    const MAX: usize = 10_000;
    let store = MemoryThrottle::new(MAX);
    let delaying = BucketKey::from_bytes([7; 16]);
    let mut bucket = Bucket::default();
    let limits = super::bucket::Limits {
        free: 1,
        first: Duration::from_secs(60),
        longest: Duration::from_secs(60),
        per_day: 100,
        forgotten: Duration::from_secs(3600),
    };
    bucket.reserve(START);
    bucket.fail(START, &limits);
    let new = Some(StoredBucket { bucket: bucket.clone(), version: 1 });
    assert!(store.replace(&[BucketChange { key: delaying, expected: None, new }], START).await.unwrap());
    let mut flood = Bucket::default();
    flood.reserve(START);
    for n in 0..1_000_000_u64 {
        let mut key = [0; 16];
        key[..8].copy_from_slice(&n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
        key[15] = n.to_le_bytes()[0];
        let new = Some(StoredBucket { bucket: flood.clone(), version: n });
        let change = BucketChange { key: BucketKey::from_bytes(key), expected: None, new };
        assert!(store.replace(&[change], START).await.unwrap());
    }
    assert!(store.len() <= MAX + 64, "{}", store.len());
    assert_eq!(store.load(&[delaying]).await.unwrap()[0].as_ref().unwrap().bucket, bucket);
    let over = START.plus(Duration::from_secs(24 * 3600));
    while store.purge_expired(over, 1_000).await.unwrap() > 0 {}
    assert!(store.is_empty());
}

#[tokio::test]
async fn who_is_unlocked_may_try_again() {
    let site = Site::new().await;
    for name in ["alice", "alice@example.com"] {
        for _ in 0..LIMIT {
            site.guess(name, &from("192.0.2.1")).await;
        }
        assert_eq!(site.guess(name, &from("192.0.2.1")).await, DeniedKind::Throttled);
    }
    let waiting = site.store.delaying(site.clock.now(), 10).await.unwrap();
    let account = waiting[0].account().unwrap().clone();
    assert_eq!((account.backend(), account.id()), ("local", "1"));
    assert_eq!(
        unlock(&site.store, &account, site.clock.now()).await.unwrap(),
        3,
        "two names and the account"
    );
    for name in ["alice", "alice@example.com"] {
        assert_eq!(site.try_as(name, RIGHT, &from("192.0.2.99")).await, Ok(()), "{name}");
    }
}

/// Credentials that name nobody share their tries with others from the same place, and with nobody else.
#[tokio::test]
async fn who_names_nobody_is_counted_by_their_source() {
    let site = Site::new().await;
    let throttle = site.auth.throttle().unwrap();
    let attempt = async |source: &str| {
        let facts = from(source);
        let attempt = GateAttempt {
            credentials: "code",
            factor: crate::grant::Factor::Totp,
            subject: None,
            is_guessable: true,
            facts: &facts,
        };
        match throttle.reserve(&attempt).await.unwrap() {
            Admission::Admitted(permit) => {
                throttle.report(permit, AttemptEnd::Denied(DeniedKind::UnknownUser)).await;
                true
            }
            Admission::RetryAfter(_) => false,
        }
    };
    for _ in 0..LIMIT {
        assert!(attempt("192.0.2.1").await);
    }
    assert!(!attempt("192.0.2.1").await);
    assert!(attempt("192.0.2.2").await);
}

#[cfg(feature = "conformance")]
#[tokio::test(start_paused = true)]
async fn it_is_a_gate_like_any() {
    crate::conformance::gate::run(LIMIT, || {
        let parts = Parts {
            keys: None,
            clock: Arc::new(ManualClock::at(START)),
            observer: Arc::new(Heard::default()),
        };
        Throttle::new(MemoryThrottle::new(1_000)).build(parts, |_| NoDevice).unwrap().0
    })
    .await;
}

#[cfg(feature = "conformance")]
#[derive(Clone)]
struct NoDevice;

#[cfg(feature = "conformance")]
impl ReadDevice for NoDevice {
    fn read(&self, _: &[u8], _: Timestamp) -> Option<Device> {
        None
    }
}

#[tokio::test]
async fn actions_have_limits_of_their_own() {
    let store = Arc::new(Store::new(1_000));
    let site = Site::with(store, Arc::new(ManualClock::at(START)), |throttle| {
        throttle.action("mail", 3, Duration::from_secs(300))
    })
    .await;
    for _ in 0..3 {
        assert_eq!(site.auth.act("mail", "alice@example.com").await, Ok(()));
    }
    assert_eq!(site.auth.act("mail", "alice@example.com").await, Err(Duration::from_secs(100)));
    assert_eq!(site.auth.act("mail", "bob@example.com").await, Ok(()));
    site.advance(100);
    assert_eq!(site.auth.act("mail", "alice@example.com").await, Ok(()));
    assert!(site.auth.act("mail", "alice@example.com").await.is_err(), "spread over the time");
    site.advance(400);
    for _ in 0..3 {
        assert_eq!(site.auth.act("mail", "alice@example.com").await, Ok(()));
    }
    assert!(site.auth.act("post", "alice").await.is_err(), "an action that nobody named");
}

/// A directory that would lock the account: known devices count, too.
#[tokio::test]
async fn an_account_is_tried_as_often_as_another_system_allows() {
    let site = Site::new().await;
    site.users.at_most.store(3, Ordering::SeqCst);
    let device = with_device(&site, "alice", from("203.0.113.9"));
    assert_eq!(site.guess("alice", &device).await, DeniedKind::WrongSecret);
    for n in 0..4 {
        site.guess("alice", &from(&format!("192.0.2.{n}"))).await;
    }
    let told = site.heard.0.lock().unwrap().join("\n");
    assert_eq!(told.matches("nothing was compared").count(), 2, "{told}");
    assert_eq!(site.try_as("alice", RIGHT, &device).await, Err(DeniedKind::WrongSecret), "nor by her");
    site.advance(1_800);
    assert_eq!(site.try_as("alice", RIGHT, &device).await, Ok(()));
}

#[tokio::test]
async fn what_lets_nobody_in_does_not_build() {
    let users = |throttle: Throttle| {
        let cost = Argon2Cost::dangerous_weak(16, 1, 1).unwrap();
        let passwords = Passwords::builder().cost(cost).threads(1).build().unwrap();
        let users = Users::new(passwords, String::new());
        let built = Auth::builder().backend::<Password>("local", users).throttle(throttle).build();
        built.map(|_| ()).map_err(|error| error.to_string())
    };
    let memory = || Throttle::new(MemoryThrottle::new(100));
    assert_eq!(users(memory()), Ok(()));
    let second = Duration::from_secs(1);
    for (throttle, why) in [
        (memory().free_attempts(0), "allows no attempt"),
        (memory().names_per_source(0), "allows no attempt"),
        (memory().delays(Duration::ZERO, second), "above zero"),
        (memory().delays(second * 2, second), "not be shorter"),
        (memory().per_day(9), "at least 10"),
        (memory().ipv6_prefix(0), "16 to 128"),
        (memory().exempt_source("0.0.0.0/0"), "covers (almost) all"),
        (Throttle::new(Store::new(1)), "`.keys(…)`"),
    ] {
        let refused = users(throttle).unwrap_err();
        assert!(refused.contains(why), "{refused}");
    }
}
