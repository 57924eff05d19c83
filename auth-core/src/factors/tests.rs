//! Tests of factors as a site uses them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::*;
use crate::grant::{Factor, Proof};
use crate::session::{KeyRing, StoreError, StoreErrorKind};
use crate::time::{Clock as _, ManualClock, Timestamp};
use crate::{BackendName, Secret, UserId};

const OLD: &[u8] = b"the secret that was used before..";
const NEW: &[u8] = b"the secret that is used from today";
const STEP: Duration = Duration::from_secs(30);

fn owner(user: i64) -> FactorOwner {
    FactorOwner { backend: BackendName::new("local").unwrap(), user: UserId::from(user) }
}

struct Site {
    factors: Arc<Factors<Arc<MemoryFactors>>>,
    clock: Arc<ManualClock>,
}

fn site() -> Site {
    let clock = Arc::new(ManualClock::at(Timestamp::from_secs(1_800_000_000)));
    with_keys(Arc::new(MemoryFactors::new(100)), &KeyRing::new(OLD).unwrap(), clock)
}

fn with_keys(store: Arc<MemoryFactors>, keys: &KeyRing, clock: Arc<ManualClock>) -> Site {
    let factors = Factors::new("Shop", store, keys).unwrap().clock(Arc::clone(&clock));
    Site { factors: Arc::new(factors), clock }
}

impl Site {
    async fn enrolled(&self, user: i64) -> (FactorId, Totp) {
        let enrolment = self.factors.enrol_totp(&owner(user), "alice", "phone").await.unwrap();
        (enrolment.id, enrolment.secret.expose().parse().unwrap())
    }

    /// One that is confirmed, a minute ago.
    async fn confirmed(&self, user: i64) -> (FactorId, Totp) {
        let (id, totp) = self.enrolled(user).await;
        assert!(is_right(self.factors.confirm(&owner(user), id, &self.code(&totp)).await.unwrap()));
        self.clock.advance(STEP * 2);
        (id, totp)
    }

    fn code(&self, totp: &Totp) -> Secret {
        totp.code(self.clock.now())
    }

    /// A code that is wrong.
    fn wrong(&self, totp: &Totp) -> Secret {
        let is_wrong = |code: &String| totp.matches(code, self.clock.now()).is_none();
        (0..10).map(|n| format!("{n:06}")).find(is_wrong).unwrap().into()
    }

    async fn verify(&self, user: i64, code: &Secret) -> Verdict {
        self.factors.verify(&owner(user), code).await.unwrap()
    }
}

fn is_right(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Right(_))
}

#[tokio::test]
async fn a_code_is_good_once_and_confirming_uses_it() {
    let site = site();
    let (id, totp) = site.enrolled(1).await;
    let code = site.code(&totp);
    assert_eq!(site.verify(1, &code).await, Verdict::NoFactor, "what is unconfirmed is not asked for");
    let wrong = site.wrong(&totp);
    for _ in 0..20 {
        assert_eq!(site.factors.confirm(&owner(1), id, &wrong).await.unwrap(), Verdict::Wrong);
    }
    assert_eq!(site.factors.confirm(&owner(2), id, &code).await.unwrap(), Verdict::NoFactor);
    assert!(is_right(site.factors.confirm(&owner(1), id, &code).await.unwrap()));
    assert_eq!(site.factors.confirm(&owner(1), id, &code).await.unwrap(), Verdict::NoFactor);
    assert_eq!(site.verify(1, &code).await, Verdict::Wrong, "the code that confirmed is used");
    site.clock.advance(STEP);
    let Verdict::Right(verified) = site.verify(1, &site.code(&totp)).await else { panic!("it is right") };
    assert_eq!((verified.id, verified.proof), (id, Proof::new(Factor::Totp, site.clock.now())));
    assert_eq!(site.verify(1, &site.code(&totp)).await, Verdict::Wrong, "once");
    assert_eq!(site.verify(1, &code).await, Verdict::Wrong, "nor one of before");
}

#[tokio::test]
async fn wrong_codes_are_counted_over_all_factors_and_what_is_none_is_not() {
    let site = site();
    let ((_, one), (_, other)) = (site.confirmed(1).await, site.confirmed(1).await);
    site.factors.make_recovery_codes(&owner(1)).await.unwrap();
    for none in ["", "12345", "abc", "1234567", "ABCD-EFGH-JKMN"] {
        for _ in 0..5 {
            assert_eq!(site.verify(1, &none.into()).await, Verdict::Wrong, "{none}");
        }
    }
    let wrong = site.wrong(&one);
    for code in [&wrong, &"ABCD-EFGH-JKMN-PQRS".into(), &wrong, &"0000 0000 0000 0000".into(), &wrong] {
        assert_eq!(site.verify(1, code).await, Verdict::Wrong);
    }
    for code in [&wrong, &site.code(&one), &site.code(&other)] {
        assert_eq!(site.verify(1, code).await, Verdict::RetryAfter(STEP), "nor is a right one compared");
    }
    let (_, others) = site.confirmed(2).await;
    assert!(is_right(site.verify(2, &site.code(&others)).await), "another owner");
    site.clock.advance(STEP);
    assert!(is_right(site.verify(1, &site.code(&other)).await));
    for _ in 0..5 {
        assert_eq!(site.verify(1, &site.wrong(&one)).await, Verdict::Wrong, "a right one resets");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_equal_codes_one_is_right() {
    let site = site();
    let (_, totp) = site.confirmed(1).await;
    let codes = site.factors.make_recovery_codes(&owner(1)).await.unwrap();
    for code in [site.code(&totp), codes.codes()[0].clone()] {
        let submit = |_| {
            let (factors, code) = (Arc::clone(&site.factors), code.clone());
            tokio::spawn(async move { factors.verify(&owner(1), &code).await.unwrap() })
        };
        let tasks: Vec<_> = (0..500).map(submit).collect();
        let mut right = 0;
        for task in tasks {
            right += usize::from(is_right(task.await.unwrap()));
        }
        assert_eq!(right, 1);
        site.clock.advance(Tries::LONGEST_DELAY);
    }
}

#[tokio::test]
async fn recovery_codes_are_good_once_and_old_ones_die() {
    let site = site();
    let old = site.factors.make_recovery_codes(&owner(1)).await.unwrap();
    let Verdict::Right(verified) = site.verify(1, &old.codes()[0]).await else { panic!("it is right") };
    assert_eq!((verified.id, verified.codes_left), (old.id(), Some(9)));
    assert_eq!(verified.proof.factor, Factor::RecoveryCode);
    let typed = old.codes()[1].expose().to_lowercase().replace('-', " ");
    assert!(is_right(site.verify(1, &typed.into()).await));
    assert_eq!(site.verify(1, &old.codes()[0]).await, Verdict::Wrong);
    assert_eq!(site.factors.list(&owner(1)).await.unwrap()[0].codes.len(), 8);
    let new = site.factors.make_recovery_codes(&owner(1)).await.unwrap();
    assert_eq!(site.verify(1, &old.codes()[2]).await, Verdict::Wrong);
    assert!(is_right(site.verify(1, &new.codes()[2]).await));
    let (id, _) = site.enrolled(1).await;
    assert_eq!(
        site.factors.confirm(&owner(1), id, &new.codes()[3]).await.unwrap(),
        Verdict::Wrong,
        "none of them confirms an app"
    );
}

/// A database that somebody can write: the row is one of an app that they have.
#[tokio::test]
async fn a_row_that_is_copied_to_another_opens_nothing() {
    let site = site();
    let (_, mallorys) = site.confirmed(2).await;
    let mut row = site.factors.list(&owner(2)).await.unwrap().remove(0);
    row.owner = owner(1);
    site.factors.store().add(&row, 10).await.unwrap();
    for _ in 0..20 {
        let error = site.factors.verify(&owner(1), &site.code(&mallorys)).await.unwrap_err();
        assert_eq!(error.kind(), FactorErrorKind::Unreadable, "an error, which spends no try");
    }
    // Beside one that opens, an error gives no try back: it could be guessed without end.
    let (_, totp) = site.confirmed(1).await;
    for _ in 0..5 {
        let error = site.factors.verify(&owner(1), &site.wrong(&totp)).await.unwrap_err();
        assert_eq!(error.kind(), FactorErrorKind::Unreadable);
    }
    assert!(matches!(site.verify(1, &site.code(&totp)).await, Verdict::RetryAfter(_)));
    site.clock.advance(STEP);
    assert!(is_right(site.verify(1, &site.code(&totp)).await));
}

#[tokio::test]
async fn what_an_old_key_sealed_is_sealed_again_on_use() {
    let before = site();
    let (_, totp) = before.confirmed(1).await;
    let store = Arc::clone(before.factors.store());
    let both = KeyRing::new(NEW).unwrap().with_fallback(OLD).unwrap();
    let new = with_keys(Arc::clone(&store), &KeyRing::new(NEW).unwrap(), Arc::clone(&before.clock));
    let error = new.factors.verify(&owner(1), &before.code(&totp)).await.unwrap_err();
    assert_eq!(error.kind(), FactorErrorKind::Unreadable);
    let both = with_keys(store, &both, Arc::clone(&before.clock));
    assert!(is_right(both.verify(1, &both.code(&totp)).await));
    before.clock.advance(STEP);
    assert!(is_right(new.verify(1, &new.code(&totp)).await), "without the old key");
}

#[tokio::test]
async fn what_nobody_confirms_makes_room() {
    let site = site();
    let (first, totp) = site.enrolled(1).await;
    for _ in 1..20 {
        site.enrolled(1).await;
    }
    let error = site.factors.enrol_totp(&owner(1), "alice", "phone").await.unwrap_err();
    assert_eq!(error.kind(), FactorErrorKind::TooMany);
    site.clock.advance(Duration::from_secs(3_600));
    let late = site.factors.confirm(&owner(1), first, &site.code(&totp)).await.unwrap();
    assert_eq!(late, Verdict::NoFactor, "it was to be confirmed within an hour");
    let (id, _) = site.confirmed(1).await;
    let ids: Vec<_> = site.factors.list(&owner(1)).await.unwrap().iter().map(|factor| factor.id).collect();
    assert_eq!(ids, [id]);
}

#[tokio::test]
async fn factors_are_named_imported_and_removed() {
    let site = site();
    let totp: Totp = "JBSWY3DPEHPK3PXP".parse().unwrap();
    let id = site.factors.import_totp(&owner(1), "old phone", &totp).await.unwrap();
    assert!(is_right(site.verify(1, &site.code(&totp)).await));
    assert!(site.factors.rename(&owner(1), id, "older phone").await.unwrap());
    let error = site.factors.rename(&owner(1), id, " ").await.unwrap_err();
    assert_eq!(error.kind(), FactorErrorKind::InvalidName);
    let shown = format!("{:?} {:?}", site.factors, site.factors.list(&owner(1)).await.unwrap());
    assert!(!shown.contains("older") && !shown.contains("secret"), "{shown}");
    assert!(!site.factors.remove(&owner(2), id).await.unwrap());
    assert!(site.factors.remove(&owner(1), id).await.unwrap());
    assert_eq!(site.verify(1, &site.code(&totp)).await, Verdict::NoFactor);
    site.confirmed(1).await;
    assert_eq!(site.factors.remove_all(&owner(1)).await.unwrap(), 1);
    for bad in ["", " ", "a:b", "a\nb", &"x".repeat(65)] {
        let keys = KeyRing::new(OLD).unwrap();
        assert!(Factors::new(bad, MemoryFactors::new(1), &keys).is_err(), "{bad:?}");
    }
}

/// A store that is down for what decides.
struct Down {
    store: MemoryFactors,
    is_down: AtomicBool,
}

impl Down {
    fn check(&self) -> Result<(), StoreError> {
        let is_down = self.is_down.load(Ordering::SeqCst);
        if is_down { Err(StoreError::new(StoreErrorKind::Unavailable)) } else { Ok(()) }
    }
}

impl FactorStore for Down {
    async fn add(&self, factor: &StoredFactor, max: usize) -> Result<bool, StoreError> {
        self.store.add(factor, max).await
    }
    async fn replace_codes(&self, factor: &StoredFactor) -> Result<(), StoreError> {
        self.store.replace_codes(factor).await
    }
    async fn of_owner(&self, owner: &FactorOwner) -> Result<Vec<StoredFactor>, StoreError> {
        self.store.of_owner(owner).await
    }
    async fn by_lookup(&self, lookup: &FactorLookup) -> Result<Option<StoredFactor>, StoreError> {
        self.store.by_lookup(lookup).await
    }
    async fn note_use(&self, owner: &FactorOwner, id: FactorId, now: Timestamp) -> Result<bool, StoreError> {
        self.store.note_use(owner, id, now).await
    }
    async fn confirm(
        &self,
        o: &FactorOwner,
        id: FactorId,
        step: u64,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        self.check()?;
        self.store.confirm(o, id, step, at).await
    }
    async fn use_step(
        &self,
        o: &FactorOwner,
        id: FactorId,
        step: u64,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        self.check()?;
        self.store.use_step(o, id, step, at).await
    }
    async fn use_recovery_code(
        &self,
        owner: &FactorOwner,
        id: FactorId,
        code: &CodeHash,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.check()?;
        self.store.use_recovery_code(owner, id, code, now).await
    }
    async fn replace_secret(
        &self,
        o: &FactorOwner,
        id: FactorId,
        old: &[u8],
        new: &[u8],
    ) -> Result<bool, StoreError> {
        self.store.replace_secret(o, id, old, new).await
    }
    async fn rename(&self, owner: &FactorOwner, id: FactorId, name: &str) -> Result<bool, StoreError> {
        self.store.rename(owner, id, name).await
    }
    async fn remove(&self, owner: &FactorOwner, id: FactorId) -> Result<bool, StoreError> {
        self.store.remove(owner, id).await
    }
    async fn remove_all(&self, owner: &FactorOwner) -> Result<u64, StoreError> {
        self.store.remove_all(owner).await
    }
    async fn reserve_try(&self, owner: &FactorOwner, now: Timestamp) -> Result<Reservation, StoreError> {
        self.store.reserve_try(owner, now).await
    }
    async fn settle_try(&self, owner: &FactorOwner, tried: Try, end: TryEnd) -> Result<(), StoreError> {
        self.store.settle_try(owner, tried, end).await
    }
}

#[tokio::test]
async fn an_outage_is_no_wrong_code_and_spends_none() {
    let clock = Arc::new(ManualClock::at(Timestamp::from_secs(1_800_000_000)));
    let store = Down { store: MemoryFactors::new(10), is_down: AtomicBool::new(false) };
    let factors = Factors::new("Shop", store, &KeyRing::new(OLD).unwrap()).unwrap().clock(Arc::clone(&clock));
    let totp: Totp = "JBSWY3DPEHPK3PXP".parse().unwrap();
    factors.import_totp(&owner(1), "phone", &totp).await.unwrap();
    let codes = factors.make_recovery_codes(&owner(1)).await.unwrap();
    let both = [totp.code(clock.now()), codes.codes()[0].clone()];
    factors.store().is_down.store(true, Ordering::SeqCst);
    for code in both.iter().cycle().take(20) {
        let error = factors.verify(&owner(1), code).await.unwrap_err();
        assert_eq!(error.kind(), FactorErrorKind::Unavailable);
    }
    factors.store().is_down.store(false, Ordering::SeqCst);
    for code in &both {
        assert!(is_right(factors.verify(&owner(1), code).await.unwrap()));
    }
}
