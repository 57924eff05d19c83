//! The suite for [`FactorStore`]: a code is used once, however many try concurrently.

use std::sync::Arc;
use std::time::Duration;

use super::together::together;
use crate::factors::{
    FactorId, FactorKind, FactorOwner, FactorStore, Reservation, StoredFactor, Tries, Try, TryEnd,
};
use crate::store_error::StoreErrorKind;
use crate::time::Timestamp;
use crate::{BackendName, UserId};

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);
/// How many tasks try the same thing concurrently.
const CROWD: u64 = 500;
/// How many register the same passkey concurrently.
const REGISTRATIONS: u64 = 64;

/// Runs the suite on empty stores from `make`: two handles of each, like two instances of an application.
///
/// ```
/// use std::sync::Arc;
///
/// use auth_core::conformance::factors::factor_store;
/// use auth_core::factors::MemoryFactors;
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
/// // In a function with `#[tokio::test(flavor = "multi_thread")]`:
/// # runtime.block_on(async {
/// factor_store(async || {
///     let store = Arc::new(MemoryFactors::new(10_000));
///     [Arc::clone(&store), store]
/// })
/// .await;
/// # });
/// ```
///
/// # Panics
/// If the store breaks a rule.
pub async fn factor_store<S: FactorStore>(make: impl AsyncFn() -> [Arc<S>; 2]) {
    what_is_added_is_found(&make().await).await;
    an_owner_has_so_many(&make().await).await;
    owners_are_told_apart(&make().await).await;
    what_is_unconfirmed_is_never_used(&make().await).await;
    steps_only_go_forward(&make().await).await;
    codes_are_used_once(&make().await).await;
    new_codes_replace_old_ones(&make().await).await;
    secrets_are_replaced_as_they_were_read(&make().await).await;
    factors_are_renamed_and_removed(&make().await).await;
    tries_are_counted(&make().await).await;
    tries_end_as_they_ended(&make().await).await;
    what_has_a_lookup_is_found_by_it(&make().await).await;
    uses_are_noted(&make().await).await;
    a_crowd_confirms_once(make().await).await;
    a_crowd_uses_a_step_once(make().await).await;
    a_crowd_uses_a_code_once(make().await).await;
    a_crowd_is_counted(make().await).await;
    a_crowd_registers_once(make().await).await;
}

fn later(seconds: u64) -> Timestamp {
    NOW.plus(Duration::from_secs(seconds))
}

fn owner(backend: &str, user: &str) -> FactorOwner {
    FactorOwner {
        backend: BackendName::new(backend).expect("a plain name"),
        user: UserId::new(user).expect("an id"),
    }
}

fn alice() -> FactorOwner {
    owner("local", "1")
}

fn bob() -> FactorOwner {
    owner("local", "2")
}

const fn id(number: u64) -> FactorId {
    FactorId::from_number(number)
}

/// An unconfirmed app, created this many seconds after the start.
fn app(number: u64, owner: FactorOwner, made: u64) -> StoredFactor {
    StoredFactor {
        id: id(number),
        owner,
        kind: FactorKind::Totp,
        name: "O'Brien's ü \"phone\"".into(),
        created: later(made),
        confirmed: None,
        last_used: None,
        last_step: None,
        secret: (0..=255).collect(),
        codes: Vec::new(),
        lookup: None,
    }
}

fn set(number: u64, owner: FactorOwner, codes: &[u8]) -> StoredFactor {
    StoredFactor {
        kind: FactorKind::RecoveryCodes,
        confirmed: Some(NOW),
        secret: Box::default(),
        codes: codes.iter().map(|code| [*code; 32]).collect(),
        ..app(number, owner, number % 1_000)
    }
}

fn passkey(number: u64, owner: FactorOwner, lookup: u8) -> StoredFactor {
    StoredFactor {
        kind: FactorKind::Passkey,
        confirmed: Some(NOW),
        lookup: Some([lookup; 32]),
        ..app(number, owner, number)
    }
}

async fn by_lookup<S: FactorStore>(store: &S, lookup: u8) -> Option<StoredFactor> {
    store.by_lookup(&[lookup; 32]).await.expect("the store can be read")
}

async fn add<S: FactorStore>(store: &S, factor: &StoredFactor) {
    assert!(store.add(factor, 1_000).await.expect("the store takes factors"));
}

async fn all<S: FactorStore>(store: &S, owner: &FactorOwner) -> Vec<StoredFactor> {
    let mut all = store.of_owner(owner).await.expect("the store can be read");
    for factor in &mut all {
        factor.codes.sort_unstable();
    }
    all
}

async fn ids<S: FactorStore>(store: &S, owner: &FactorOwner) -> Vec<u64> {
    all(store, owner).await.iter().map(|factor| factor.id.number()).collect()
}

async fn confirm<S: FactorStore>(store: &S, owner: &FactorOwner, number: u64, step: u64) -> bool {
    store.confirm(owner, id(number), step, later(5)).await.expect("the store can be written")
}

async fn use_step<S: FactorStore>(store: &S, owner: &FactorOwner, number: u64, step: u64) -> bool {
    store.use_step(owner, id(number), step, later(9)).await.expect("the store can be written")
}

async fn use_code<S: FactorStore>(store: &S, owner: &FactorOwner, number: u64, code: u8) -> bool {
    let used = store.use_recovery_code(owner, id(number), &[code; 32], later(9)).await;
    used.expect("the store can be written")
}

async fn reserve<S: FactorStore>(store: &S, owner: &FactorOwner, now: Timestamp) -> Result<Try, Duration> {
    match store.reserve_try(owner, now).await.expect("the store can be written") {
        Reservation::Allowed(tried) => Ok(tried),
        Reservation::RetryAfter(delay) => Err(delay),
    }
}

async fn settle<S: FactorStore>(store: &S, owner: &FactorOwner, tried: Try, end: TryEnd) {
    store.settle_try(owner, tried, end).await.expect("the store can be written");
}

async fn what_is_added_is_found<S: FactorStore>([one, other]: &[Arc<S>; 2]) {
    assert_eq!(all(one, &alice()).await, []);
    let mut whole = app(u64::MAX, alice(), 7);
    (whole.confirmed, whole.last_used, whole.last_step) = (Some(later(8)), Some(later(9)), Some(60_000_000));
    let codes = set(u64::MAX >> 1, alice(), &[1, 2, 255]);
    let bare = StoredFactor { secret: Box::default(), ..app(0, alice(), 3) };
    for factor in [&whole, &codes, &bare] {
        add(one, factor).await;
    }
    let mut expected = vec![bare, whole, codes];
    expected.sort_by_key(|factor| factor.created);
    assert_eq!(all(other, &alice()).await, expected, "all of it, those first that were made first");
    let again = one.add(&app(0, alice(), 9), 1_000).await;
    assert_eq!(again.expect_err("the id is taken").kind(), StoreErrorKind::Exists, "an id is taken");
    assert_eq!(all(other, &alice()).await, expected, "and stays");
}

async fn an_owner_has_so_many<S: FactorStore>([one, other]: &[Arc<S>; 2]) {
    let add = async |factor| one.add(&factor, 2).await.expect("the store takes factors");
    assert!(add(app(1, alice(), 1)).await && add(app(2, alice(), 2)).await);
    assert!(!add(app(3, alice(), 3)).await, "an owner has so many factors");
    assert_eq!(ids(other, &alice()).await, [1, 2], "what is not added is not there");
    assert!(add(app(4, bob(), 4)).await, "another's do not count");
    assert!(one.remove(&alice(), id(1)).await.expect("it can be written"));
    assert!(add(app(5, alice(), 5)).await, "what is removed does not count");
}

/// Also if names and ids differ only in case, or in where one ends and the other begins.
async fn owners_are_told_apart<S: FactorStore>([one, other]: &[Arc<S>; 2]) {
    let owners = [
        alice(),
        owner("local", "1 "),
        owner("Local", "1"),
        owner("local", "A"),
        owner("local", "a"),
        owner("local1", "1"),
    ];
    for (number, owner) in (0..).zip(&owners) {
        add(one, &app(number, owner.clone(), 0)).await;
    }
    for (number, owner) in (0..).zip(&owners) {
        assert_eq!(ids(other, owner).await, [number], "owners are told apart: {owner:?}");
    }
    add(one, &set(9, alice(), &[1])).await;
    for stranger in &owners[1..] {
        assert!(!confirm(one, stranger, 0, 1).await, "another's factor is not confirmed");
        assert!(!use_code(one, stranger, 9, 1).await, "another's code is not used");
        assert!(!one.rename(stranger, id(0), "mine").await.expect("it can be written"), "nor renamed");
        assert!(!one.remove(stranger, id(0)).await.expect("it can be written"), "another's is not removed");
        let replaced = one.replace_secret(stranger, id(0), &app(0, alice(), 0).secret, &[1]).await;
        assert!(!replaced.expect("it can be written"), "another's secret is not replaced");
    }
    assert!(confirm(one, &alice(), 0, 1).await);
    for stranger in &owners[1..] {
        assert!(!use_step(one, stranger, 0, 2).await, "another's step is not used");
    }
    assert_eq!(all(other, &alice()).await.len(), 2);
}

async fn what_is_unconfirmed_is_never_used<S: FactorStore>([one, other]: &[Arc<S>; 2]) {
    add(one, &app(1, alice(), 0)).await;
    assert!(!use_step(one, &alice(), 1, 5).await, "what is unconfirmed is never used");
    assert_eq!(all(other, &alice()).await, [app(1, alice(), 0)]);
    assert!(!confirm(one, &alice(), 2, 5).await, "what is not there is not confirmed");
    assert!(confirm(one, &alice(), 1, 5).await);
    let confirmed = StoredFactor { confirmed: Some(later(5)), last_step: Some(5), ..app(1, alice(), 0) };
    assert_eq!(all(other, &alice()).await, [confirmed], "by a step, which is used");
    assert!(!confirm(other, &alice(), 1, 9).await, "what is confirmed is not confirmed again");
    assert!(!use_step(other, &alice(), 1, 5).await, "the code that confirmed is used");
    assert!(use_step(other, &alice(), 1, 6).await);
}

async fn steps_only_go_forward<S: FactorStore>([one, other]: &[Arc<S>; 2]) {
    add(one, &app(1, alice(), 0)).await;
    assert!(confirm(one, &alice(), 1, 5).await && use_step(one, &alice(), 1, 8).await);
    for past in [8, 7, 0] {
        assert!(!use_step(other, &alice(), 1, past).await, "no step is used twice, or after a later one");
    }
    let last = all(other, &alice()).await.remove(0);
    assert_eq!((last.last_step, last.last_used), (Some(8), Some(later(9))));
    assert!(!use_step(other, &alice(), 2, 9).await, "what is not there is not used");
    assert!(use_step(other, &alice(), 1, 9).await, "each factor has steps of its own");
}

async fn codes_are_used_once<S: FactorStore>([one, other]: &[Arc<S>; 2]) {
    add(one, &set(1, alice(), &[1, 2, 3])).await;
    add(one, &set(2, bob(), &[1])).await;
    assert!(!use_code(one, &alice(), 1, 4).await, "what is no code is not used");
    assert!(!use_code(one, &alice(), 2, 1).await, "nor another's");
    assert!(use_code(one, &alice(), 1, 1).await);
    assert!(!use_code(other, &alice(), 1, 1).await, "a code is used once");
    let left = all(other, &alice()).await.remove(0);
    assert_eq!((left.codes, left.last_used), (vec![[2; 32], [3; 32]], Some(later(9))), "the others are left");
    assert!(use_code(other, &bob(), 2, 1).await, "each owner has codes of their own");
    assert_eq!(all(one, &bob()).await[0].codes, [[0; 32]; 0], "a set without codes stays");
}

async fn new_codes_replace_old_ones<S: FactorStore>([one, other]: &[Arc<S>; 2]) {
    add(one, &app(1, alice(), 0)).await;
    add(one, &set(2, bob(), &[1])).await;
    for (number, code) in [(3, 1), (4, 2)] {
        one.replace_codes(&set(number, alice(), &[code, 9])).await.expect("the store takes codes");
    }
    assert_eq!(ids(other, &alice()).await, [1, 4], "new codes replace the old ones, and nothing else");
    for (number, code) in [(3, 1), (3, 9), (4, 1)] {
        assert!(!use_code(other, &alice(), number, code).await, "old codes are dead");
    }
    assert!(use_code(other, &alice(), 4, 9).await && use_code(other, &bob(), 2, 1).await);
}

async fn secrets_are_replaced_as_they_were_read<S: FactorStore>([one, other]: &[Arc<S>; 2]) {
    let old = app(1, alice(), 0);
    add(one, &old).await;
    let replace = async |from: &[u8], to: &[u8]| {
        other.replace_secret(&alice(), id(1), from, to).await.expect("it can be written")
    };
    assert!(!replace(b"another", b"new").await, "a secret is replaced only as it was read");
    assert!(replace(&old.secret, b"new").await);
    assert!(!replace(&old.secret, b"newer").await, "a secret is replaced only as it was read");
    assert_eq!(*all(one, &alice()).await[0].secret, *b"new");
}

async fn factors_are_renamed_and_removed<S: FactorStore>([one, other]: &[Arc<S>; 2]) {
    for (number, owner) in [(1, alice()), (2, alice()), (3, bob()), (4, owner("other", "1"))] {
        add(one, &app(number, owner, number)).await;
    }
    assert!(one.rename(&alice(), id(1), "tablet").await.expect("it can be written"));
    assert!(one.rename(&alice(), id(1), "tablet").await.expect("it can be written"), "again the same");
    let names: Vec<_> = all(other, &alice()).await.into_iter().map(|factor| factor.name).collect();
    assert_eq!(names, ["tablet".into(), app(2, alice(), 0).name]);
    assert!(one.remove(&alice(), id(1)).await.expect("it can be written"));
    assert!(!other.remove(&alice(), id(1)).await.expect("it can be written"), "what is removed is gone");
    one.replace_codes(&set(5, alice(), &[1])).await.expect("the store takes codes");
    assert!(one.remove(&alice(), id(5)).await.expect("it can be written"));
    assert!(!use_code(other, &alice(), 5, 1).await, "its codes go with a set");
    one.replace_codes(&set(6, alice(), &[1])).await.expect("the store takes codes");
    for _ in 0..Tries::FREE {
        assert!(reserve(one, &alice(), NOW).await.is_ok());
    }
    assert_eq!(one.remove_all(&alice()).await.expect("it can be written"), 2, "says how many there were");
    assert_eq!(ids(other, &alice()).await, [0; 0]);
    assert!(!use_code(other, &alice(), 6, 1).await, "codes go with everything");
    assert!(reserve(other, &alice(), NOW).await.is_ok(), "and so does what was counted");
    assert_eq!(ids(other, &bob()).await, [3], "others keep theirs");
    assert_eq!(ids(other, &owner("other", "1")).await, [4], "others keep theirs");
}

async fn tries_are_counted<S: FactorStore>([one, other]: &[Arc<S>; 2]) {
    for n in 0..Tries::FREE {
        let store = if n % 2 == 0 { one } else { other };
        let tried = reserve(store, &alice(), NOW).await.expect("some are free");
        // A try that is never settled counts as well.
        if n > 1 {
            settle(other, &alice(), tried, TryEnd::Wrong).await;
        }
    }
    let mut now = NOW;
    for delay in [30, 60, 120, 240, 480, 960, 1_920, 3_600, 3_600].map(Duration::from_secs) {
        for store in [one, other] {
            assert_eq!(reserve(store, &alice(), now).await, Err(delay), "delays double up to an hour");
        }
        let early = now.plus(delay / 2);
        assert_eq!(reserve(one, &alice(), early).await, Err(delay / 2), "asking makes nobody wait longer");
        now = now.plus(delay);
        let tried = reserve(other, &alice(), now).await.expect("one more after the delay");
        settle(one, &alice(), tried, TryEnd::Wrong).await;
    }
    for stranger in [bob(), owner("Local", "1"), owner("local", "1 ")] {
        assert!(reserve(one, &stranger, NOW).await.is_ok(), "each owner has tries of their own");
    }
}

async fn tries_end_as_they_ended<S: FactorStore>([one, other]: &[Arc<S>; 2]) {
    for _ in 0..20 {
        let tried = reserve(one, &alice(), NOW).await.expect("a fault gives the try back");
        settle(other, &alice(), tried, TryEnd::Fault).await;
    }
    for _ in 0..3 {
        for _ in 1..Tries::FREE {
            let tried = reserve(one, &alice(), NOW).await.expect("right codes reset what was counted");
            settle(other, &alice(), tried, TryEnd::Wrong).await;
        }
        let tried = reserve(other, &alice(), NOW).await.expect("right codes reset what was counted");
        settle(one, &alice(), tried, TryEnd::Right).await;
    }
    // The fifth faults: neither it nor its delay stays.
    for _ in 1..Tries::FREE {
        reserve(one, &alice(), NOW).await.expect("four are free");
    }
    let fifth = reserve(one, &alice(), NOW).await.expect("the fifth is free");
    settle(other, &alice(), fifth, TryEnd::Fault).await;
    let fifth = reserve(one, &alice(), NOW).await.expect("a fault takes its delay back");
    assert!(reserve(one, &alice(), NOW).await.is_err());
    settle(one, &alice(), fifth, TryEnd::Right).await;
    assert!(reserve(one, &alice(), NOW).await.is_ok());
    settle(one, &bob(), fifth, TryEnd::Fault).await;
    settle(one, &bob(), fifth, TryEnd::Right).await;
}

/// Hashes that begin alike, and contain every byte.
async fn what_has_a_lookup_is_found_by_it<S: FactorStore>([one, other]: &[Arc<S>; 2]) {
    add(one, &app(1, alice(), 0)).await;
    add(one, &set(2, alice(), &[7])).await;
    assert_eq!(by_lookup(other, 7).await, None, "what has no lookup is not found by one");
    let mut lookup = [0; 32];
    for (byte, value) in lookup.iter_mut().zip((0..=u8::MAX).step_by(7)) {
        *byte = value;
    }
    let (mut hers, mut near) = (passkey(3, alice(), 0), passkey(4, bob(), 0));
    (hers.lookup, near.lookup) =
        (Some(lookup), Some(lookup.map(|byte| if byte == 217 { 218 } else { byte })));
    for factor in [&hers, &near, &passkey(5, alice(), 0), &passkey(6, bob(), 255)] {
        add(one, factor).await;
    }
    let found = async |lookup| other.by_lookup(&lookup).await.expect("the store can be read");
    assert_eq!(found(lookup).await, Some(hers.clone()), "all of it, by its lookup");
    assert_eq!(found(near.lookup.unwrap_or_default()).await, Some(near), "all of it, by its lookup");
    assert_eq!(by_lookup(other, 255).await.map(|found| found.owner), Some(bob()));
    let list = all(other, &alice()).await;
    assert!(list.contains(&hers), "a list has it as well");
    for stranger in [alice(), bob()] {
        let again = other.add(&passkey(7, stranger, 255), 1_000).await;
        let kind = again.expect_err("the lookup is taken").kind();
        assert_eq!(kind, StoreErrorKind::Exists, "a lookup is one factor's, whoever adds another");
    }
    assert_eq!(ids(one, &bob()).await, [4, 6], "what is not added is not there");
    assert!(one.remove(&bob(), id(6)).await.expect("it can be written"));
    assert_eq!(by_lookup(other, 255).await, None, "what is removed is not found");
    add(other, &passkey(7, alice(), 255)).await;
    assert_eq!(by_lookup(one, 255).await.map(|found| found.owner), Some(alice()), "its place is free again");
    assert_eq!(one.remove_all(&alice()).await.expect("it can be written"), 5);
    for lookup in [0, 255] {
        assert_eq!(by_lookup(other, lookup).await, None, "nothing is found of whose all was removed");
    }
    add(other, &passkey(8, bob(), 255)).await;
}

async fn uses_are_noted<S: FactorStore>([one, other]: &[Arc<S>; 2]) {
    for number in [1, 2] {
        add(one, &passkey(number, alice(), 10 + u8::try_from(number).unwrap_or_default())).await;
    }
    add(one, &app(3, alice(), 30)).await;
    let note = async |owner: &FactorOwner, number| {
        other.note_use(owner, id(number), later(9)).await.expect("it can be written")
    };
    assert!(note(&alice(), 1).await && note(&alice(), 1).await, "again the same");
    assert!(!note(&bob(), 1).await, "another's use is not noted");
    assert!(!note(&alice(), 9).await, "nor of what is not there");
    assert!(!note(&alice(), 3).await, "nor of what is not confirmed");
    let used: Vec<_> = all(one, &alice()).await.iter().map(|factor| factor.last_used).collect();
    assert_eq!(used, [Some(later(9)), None, None]);
}

/// All tasks do the same at one moment, half of them at each instance.
async fn crowd<S, T, F>([one, other]: [Arc<S>; 2], size: u64, task: impl Fn(Arc<S>, u64) -> F) -> Vec<T>
where
    S: FactorStore,
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let tasks = (0..size).map(|n| task(Arc::clone(if n % 2 == 0 { &one } else { &other }), n));
    together(tasks).await
}

fn wins(answers: &[bool]) -> usize {
    answers.iter().filter(|won| **won).count()
}

async fn a_crowd_confirms_once<S: FactorStore>(stores: [Arc<S>; 2]) {
    add(&stores[0], &app(1, alice(), 0)).await;
    let confirm = |store: Arc<S>, n| async move { confirm(&store, &alice(), 1, 100 + n % 3).await };
    assert_eq!(wins(&crowd(stores, CROWD, confirm).await), 1, "one of many confirms");
}

async fn a_crowd_uses_a_step_once<S: FactorStore>(stores: [Arc<S>; 2]) {
    add(&stores[0], &app(1, alice(), 0)).await;
    assert!(confirm(&stores[0], &alice(), 1, 5).await);
    let last = Arc::clone(&stores[1]);
    let submit = |store: Arc<S>, _| async move { use_step(&store, &alice(), 1, 6).await };
    assert_eq!(wins(&crowd(stores, CROWD, submit).await), 1, "one of many uses a step");
    assert_eq!(all(&last, &alice()).await[0].last_step, Some(6));
}

async fn a_crowd_uses_a_code_once<S: FactorStore>(stores: [Arc<S>; 2]) {
    add(&stores[0], &set(1, alice(), &[1, 2])).await;
    let last = Arc::clone(&stores[1]);
    let submit = |store: Arc<S>, _| async move { use_code(&store, &alice(), 1, 1).await };
    assert_eq!(wins(&crowd(stores, CROWD, submit).await), 1, "one of many uses a code");
    assert_eq!(all(&last, &alice()).await[0].codes, [[2; 32]]);
}

/// A thousand wrong codes: each is counted before it is compared.
async fn a_crowd_is_counted<S: FactorStore>(stores: [Arc<S>; 2]) {
    let last = Arc::clone(&stores[0]);
    let guess = |store: Arc<S>, _| async move {
        let tried = reserve(&store, &alice(), NOW).await;
        if let Ok(tried) = tried {
            settle(&store, &alice(), tried, TryEnd::Wrong).await;
        }
        tried.is_ok()
    };
    let allowed = wins(&crowd(stores, 2 * CROWD, guess).await);
    assert_eq!(allowed, Tries::FREE as usize, "no more of many are compared than are free");
    assert_eq!(reserve(&last, &alice(), NOW).await, Err(Tries::FIRST_DELAY));
}

/// With one credential, half of them for another user.
async fn a_crowd_registers_once<S: FactorStore>(stores: [Arc<S>; 2]) {
    let last = Arc::clone(&stores[1]);
    let register = |store: Arc<S>, n| async move {
        let owner = if n % 3 == 0 { bob() } else { alice() };
        match store.add(&passkey(100 + n, owner, 7), 1_000).await {
            Ok(added) => added,
            Err(error) if error.kind() == StoreErrorKind::Exists => false,
            Err(error) => panic!("the store takes factors: {error}"),
        }
    };
    assert_eq!(wins(&crowd(stores, REGISTRATIONS, register).await), 1, "one of many registers");
    let kept = all(&last, &alice()).await.len() + all(&last, &bob()).await.len();
    assert_eq!(kept, 1, "one of many registers");
    assert!(by_lookup(&last, 7).await.is_some());
}
