//! The places that attempts take and return: in the store, or in this process while the store is down.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::bucket::Verdict;
use super::lanes::{Ending, LaneLimits, Lanes};
use super::ledger::{Turn, Turns, Updated, Versions, touch, update};
use super::store::DynThrottleStore;
use super::{Account, Bucket, BucketKey, MemoryThrottle, StoredBucket};
use crate::RequestFacts;
use crate::event::{self, Event, EventKind, Observer};
use crate::store_error::{StoreError, StoreErrorKind};
use crate::time::{Clock, Timestamp};

/// How long an attempt waits for a place.
const WAIT: Duration = Duration::from_secs(2);
/// How often a waiting attempt checks whether another instance returned one.
const LOOKS_EVERY: Duration = Duration::from_millis(50);
/// How many buckets this process counts while the store is down.
const LOCAL_BUCKETS: usize = 100_000;
/// How many places are remembered that could not be returned.
const MAX_LATE: usize = 10_000;
/// How many of them one attempt returns, so that it does not wait for all.
const LATE_AT_ONCE: usize = 16;
/// How long a store that just failed is not asked: each attempt would otherwise wait for it several times.
const PAUSE: Duration = Duration::from_secs(1);

/// Where places are taken.
pub(super) struct Places {
    store: Arc<dyn DynThrottleStore>,
    local: MemoryThrottle,
    versions: Versions,
    pause: Pause,
    /// Places that could not be returned yet, because the store did not answer.
    late: Mutex<Vec<Leaving>>,
    turns: Turns,
    limits: LaneLimits,
    clock: Arc<dyn Clock>,
    observer: Arc<dyn Observer>,
}

/// The store did not answer, which has been reported, or is not asked for a moment because of that.
pub(super) struct Unanswered;

/// Since when the store is not asked, in milliseconds.
#[derive(Default)]
struct Pause(AtomicU64);

impl Pause {
    fn begin(&self, now: Timestamp) {
        self.0.store(now.as_millis(), Ordering::Relaxed);
    }

    /// Also if the clock was set back.
    fn is_on(&self, now: Timestamp) -> bool {
        let since = Timestamp::from_millis(self.0.load(Ordering::Relaxed));
        now >= since && now.since(since) < PAUSE
    }
}

/// A place that was taken.
#[derive(Clone)]
pub(super) struct Place {
    lanes: Lanes,
    /// The lane in the store, if it answered.
    stored: Option<Stored>,
    /// The lane in this process, if the store does not answer, or did not recently.
    local: Option<BucketKey>,
}

/// A place in the store.
#[derive(Clone)]
struct Stored {
    lane: BucketKey,
    /// All buckets of the attempt after its change: the next one need not load them first.
    left: Vec<Option<StoredBucket>>,
}

impl Place {
    pub(super) fn lanes(&self) -> &Lanes {
        &self.lanes
    }
}

/// A place that is returned.
#[derive(Clone)]
pub(super) struct Leaving {
    pub(super) place: Place,
    pub(super) ending: Ending,
    /// The account that it concerns.
    pub(super) account: Option<Account>,
}

/// The result of entering.
pub(super) struct Entered {
    pub(super) place: Place,
    /// Whether what the attempt may turn out to concern has a place, in that order.
    pub(super) hoped: Vec<Hoped>,
}

/// The state of a place that will probably be needed.
pub(super) enum Hoped {
    Taken(Box<Place>),
    /// There is no place.
    Exhausted,
    /// Unknown until it is needed.
    Unknown,
}

/// There is no place.
struct Refused {
    verdict: Verdict,
    /// The first bucket, as the store has it.
    seen: Option<StoredBucket>,
}

impl Places {
    pub(super) fn new(
        store: Arc<dyn DynThrottleStore>,
        limits: LaneLimits,
        clock: Arc<dyn Clock>,
        observer: Arc<dyn Observer>,
    ) -> Self {
        Self {
            store,
            local: MemoryThrottle::new(LOCAL_BUCKETS),
            versions: Versions::starting_at(RandomState::new().hash_one(0)),
            pause: Pause::default(),
            late: Mutex::default(),
            turns: Turns::new(),
            limits,
            clock,
            observer,
        }
    }

    /// The turn for changing this bucket in this process.
    pub(super) async fn turn(&self, key: &BucketKey) -> Turn<'_> {
        self.turns.take(&[*key]).await
    }

    /// Changes buckets of the store.
    pub(super) async fn update<T>(
        &self,
        keys: &[BucketKey],
        facts: &RequestFacts,
        change: impl Fn(&mut [Bucket]) -> T,
    ) -> Result<T, Unanswered> {
        self.update_known(keys, None, facts, change).await.map(|updated| updated.answer)
    }

    async fn update_known<T>(
        &self,
        keys: &[BucketKey],
        known: Option<Vec<Option<StoredBucket>>>,
        facts: &RequestFacts,
        change: impl Fn(&mut [Bucket]) -> T,
    ) -> Result<Updated<T>, Unanswered> {
        let now = self.clock.now();
        if self.pause.is_on(now) {
            return Err(Unanswered);
        }
        match update(&*self.store, &self.versions, keys, known, now, change).await {
            Ok(changed) => Ok(changed),
            Err(error) => {
                // A store without room still answers others.
                if error.kind() != StoreErrorKind::Full {
                    self.pause.begin(now);
                }
                self.tell(&error, facts);
                Err(Unanswered)
            }
        }
    }

    /// Whether this process has counted anything under one of these keys.
    pub(super) fn knows_locally(&self, keys: &[BucketKey]) -> bool {
        self.local.knows(keys)
    }

    /// Changes buckets of this process. `None` if there is no room.
    pub(super) async fn update_locally<T>(
        &self,
        keys: &[BucketKey],
        change: impl Fn(&mut [Bucket]) -> T,
    ) -> Option<T> {
        let updated = update(&self.local, &self.versions, keys, None, self.clock.now(), change).await;
        updated.ok().map(|updated| updated.answer)
    }

    /// Takes the place of a name, waiting a while for one. Places for what the attempt probably concerns are taken at
    /// the same time, if available, so that the store is asked once.
    ///
    /// # Errors
    /// When to try again.
    pub(super) async fn enter(
        &self,
        lanes: Lanes,
        hoped: Vec<Lanes>,
        facts: &RequestFacts,
    ) -> Result<Entered, Duration> {
        let entered = self.wait_for(&[vec![lanes], hoped].concat(), facts).await;
        entered.map_err(|refused| match refused.verdict {
            Verdict::Later(time) => time,
            Verdict::Admitted | Verdict::Busy => self.limits.lane.first,
        })
    }

    /// Takes the place of what an attempt turned out to concern. Without a free place the store does the same work,
    /// so that the time does not reveal whose name it is.
    pub(super) async fn enter_found(&self, lanes: Lanes, facts: &RequestFacts) -> Option<Place> {
        let all = [lanes];
        match self.wait_for(&all, facts).await {
            Ok(entered) => Some(entered.place),
            Err(refused) => {
                if !self.pause.is_on(self.clock.now()) {
                    touch(&*self.store, &self.versions, all[0].who, refused.seen, self.clock.now()).await;
                }
                None
            }
        }
    }

    async fn wait_for(&self, all: &[Lanes], facts: &RequestFacts) -> Result<Entered, Refused> {
        let deadline = Instant::now() + WAIT;
        loop {
            // Registered before checking, so that a place that is returned in between is noticed.
            let settled = self.turns.settled(&all[0].who);
            tokio::pin!(settled);
            settled.as_mut().enable();
            match self.try_enter(all, facts).await {
                Ok(entered) => return Ok(entered),
                Err(refused) if refused.verdict != Verdict::Busy || Instant::now() >= deadline => {
                    return Err(refused);
                }
                Err(_) => _ = timeout_at(deadline.min(Instant::now() + LOOKS_EVERY), settled).await,
            }
        }
    }

    /// Takes the first of them, or fails; the others are taken if available.
    async fn try_enter(&self, all: &[Lanes], facts: &RequestFacts) -> Result<Entered, Refused> {
        self.leave_late().await;
        let _turn = self.turns.take(&all.iter().map(|lanes| lanes.who).collect::<Vec<_>>()).await;
        let (now, keys) = (self.clock.now(), all[0].keys());
        // What was counted while the store was down stays in force, and the larger number counts.
        let local =
            if self.local.knows(&keys) { Some(self.enter_locally(&all[0], &keys, now).await?) } else { None };
        match self.enter_stored(all, now, facts).await {
            Ok(Ok((stored, hoped))) => {
                let place = Place { lanes: all[0].clone(), stored: Some(stored), local };
                Ok(Entered { place, hoped })
            }
            Ok(Err(refused)) => {
                if let Some(lane) = local {
                    self.leave_locally(&all[0], lane, Ending::Undecided, None).await;
                }
                Err(refused)
            }
            Err(Unanswered) => {
                let local = match local {
                    Some(local) => local,
                    None => self.enter_locally(&all[0], &keys, now).await?,
                };
                let place = Place { lanes: all[0].clone(), stored: None, local: Some(local) };
                let hoped = all[1..].iter().map(|_| Hoped::Unknown).collect();
                Ok(Entered { place, hoped })
            }
        }
    }

    async fn enter_stored(
        &self,
        all: &[Lanes],
        now: Timestamp,
        facts: &RequestFacts,
    ) -> Result<Result<(Stored, Vec<Hoped>), Refused>, Unanswered> {
        let asked: Vec<_> = all.iter().map(|lanes| (lanes, lanes.keys())).collect();
        let keys: Vec<_> = asked.iter().flat_map(|(_, keys)| keys.iter().copied()).collect();
        let enter = |mut buckets: &mut [Bucket]| {
            let mut lanes_entered = Vec::with_capacity(all.len());
            for (at, (lanes, keys)) in asked.iter().enumerate() {
                let (own, others) = buckets.split_at_mut(keys.len());
                buckets = others;
                // What this process counted for an account is consulted when the account is found.
                let is_left = at > 0 && self.local.knows(keys);
                let entered = if is_left { Err(Verdict::Busy) } else { lanes.enter(own, now, &self.limits) };
                if at == 0 && entered.is_err() {
                    return vec![entered];
                }
                lanes_entered.push(entered);
            }
            lanes_entered
        };
        let Updated { answer, mut left } = self.update_known(&keys, None, facts, enter).await?;
        let mut entered = answer.into_iter().zip(&asked).map(|(entered, (lanes, keys))| {
            let others = left.split_off(keys.len());
            let left = std::mem::replace(&mut left, others);
            (*lanes, left, entered)
        });
        let Some((_, left, lane)) = entered.next() else { return Err(Unanswered) };
        let stored = match lane {
            Ok(lane) => Stored { lane, left },
            Err(verdict) => return Ok(Err(Refused { verdict, seen: left.into_iter().next().flatten() })),
        };
        let hoped = entered.map(|(lanes, left, lane)| match lane {
            Ok(lane) => {
                let stored = Some(Stored { lane, left });
                Hoped::Taken(Box::new(Place { lanes: lanes.clone(), stored, local: None }))
            }
            Err(Verdict::Later(_)) => Hoped::Exhausted,
            Err(_) => Hoped::Unknown,
        });
        Ok(Ok((stored, hoped.collect())))
    }

    async fn enter_locally(
        &self,
        lanes: &Lanes,
        keys: &[BucketKey],
        now: Timestamp,
    ) -> Result<BucketKey, Refused> {
        let limits = self.limits.halved();
        let entered = self.update_locally(keys, |buckets| lanes.enter(buckets, now, &limits)).await;
        // A full table means no place.
        let entered = entered.unwrap_or(Err(Verdict::Later(limits.lane.longest)));
        entered.map_err(|verdict| Refused { verdict, seen: None })
    }

    async fn leave_locally(&self, lanes: &Lanes, lane: BucketKey, ending: Ending, account: Option<&Account>) {
        let (now, limits) = (self.clock.now(), self.limits.halved());
        let leave = |buckets: &mut [Bucket]| lanes.leave(lane, ending, account, buckets, now, &limits);
        self.update_locally(&lanes.keys(), leave).await;
    }

    /// Returns all places of an attempt, in one change.
    pub(super) async fn leave(&self, leaving: Vec<Leaving>) {
        let who: Vec<_> = leaving.iter().map(|leaving| leaving.place.lanes.who).collect();
        {
            let _turn = self.turns.take(&who).await;
            for Leaving { place, ending, account } in &leaving {
                if let Some(lane) = place.local {
                    self.leave_locally(&place.lanes, lane, *ending, account.as_ref()).await;
                }
            }
            if self.leave_stored(&leaving).await.is_err() {
                for Leaving { place, ending, account } in &leaving {
                    // It takes effect here at once, and in the store once that answers.
                    let failed = *ending == Ending::Failed && place.local.is_none();
                    if let Some(stored) = place.stored.as_ref().filter(|_| failed) {
                        self.leave_locally(&place.lanes, stored.lane, *ending, account.as_ref()).await;
                    }
                }
                self.leave_later(leaving.iter().filter(|leaving| leaving.place.stored.is_some()).cloned());
            }
        }
        for who in &who {
            self.turns.settle(who);
        }
    }

    /// Returns the places in the store.
    async fn leave_stored(&self, leaving: &[Leaving]) -> Result<(), Unanswered> {
        let now = self.clock.now();
        let stored = || leaving.iter().filter_map(|leaving| Some((leaving, leaving.place.stored.as_ref()?)));
        let keys: Vec<_> = stored().flat_map(|(leaving, _)| leaving.place.lanes.keys()).collect();
        let known = stored().flat_map(|(_, stored)| stored.left.iter().cloned()).collect();
        let leave = |mut buckets: &mut [Bucket]| {
            for (Leaving { place: Place { lanes, .. }, ending, account }, Stored { lane, .. }) in stored() {
                let (own, others) = buckets.split_at_mut(lanes.keys().len());
                lanes.leave(*lane, *ending, account.as_ref(), own, now, &self.limits);
                buckets = others;
            }
        };
        self.update_known(&keys, Some(known), &RequestFacts::NONE, leave).await.map(|_| ())
    }

    /// Returns earlier places once the store answers again: an attempt that succeeded must not appear to be still in
    /// progress.
    async fn leave_late(&self) {
        if self.late().is_empty() || self.pause.is_on(self.clock.now()) {
            return;
        }
        for _ in 0..LATE_AT_ONCE {
            // One at a time: if the client goes away in between, the others stay remembered.
            let Some(leaving) = self.late().pop() else { return };
            if self.leave_stored(std::slice::from_ref(&leaving)).await.is_err() {
                return self.leave_later([leaving]);
            }
        }
    }

    /// Beyond the limit, the store lets them expire, which counts as a failure.
    fn leave_later(&self, leaving: impl IntoIterator<Item = Leaving>) {
        let mut late = self.late();
        let room = MAX_LATE.saturating_sub(late.len());
        late.extend(leaving.into_iter().take(room));
    }

    // Nothing in here can panic half-way.
    fn late(&self) -> MutexGuard<'_, Vec<Leaving>> {
        self.late.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, error: &StoreError, facts: &RequestFacts) {
        let kind = EventKind::ThrottleStoreFailed(error);
        event::emit(&*self.observer, &Event { kind, at: self.clock.now(), backend: None, user: None, facts });
    }
}
