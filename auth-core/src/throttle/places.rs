//! Places that attempts take, and give back: in the store, and in this process while the store is down.

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

/// How long an attempt waits for a place that others may give back.
const WAIT: Duration = Duration::from_secs(2);
/// How often whoever waits looks whether another instance gave one back.
const LOOKS_EVERY: Duration = Duration::from_millis(50);
/// What is counted in this process while the store is down, in buckets.
const LOCAL_BUCKETS: usize = 100_000;
/// How many places are kept that could not be given back.
const MAX_LATE: usize = 10_000;
/// How many of them one attempt gives back: it does not wait for all.
const LATE_AT_ONCE: usize = 16;
/// For how long a store is not asked that has just failed: each attempt would wait for it several times.
const PAUSE: Duration = Duration::from_secs(1);

/// Where places are taken.
pub(super) struct Places {
    store: Arc<dyn DynThrottleStore>,
    local: MemoryThrottle,
    versions: Versions,
    pause: Pause,
    /// Places that could not be given back yet, since the store did not answer.
    late: Mutex<Vec<Leaving>>,
    turns: Turns,
    limits: LaneLimits,
    clock: Arc<dyn Clock>,
    observer: Arc<dyn Observer>,
}

/// The store did not answer, which has been told, or is left alone for a moment since it did not.
pub(super) struct Unanswered;

/// Since when the store is left alone, in milliseconds.
#[derive(Default)]
struct Pause(AtomicU64);

impl Pause {
    fn begin(&self, now: Timestamp) {
        self.0.store(now.as_millis(), Ordering::Relaxed);
    }

    /// Also by a clock that went back.
    fn is_on(&self, now: Timestamp) -> bool {
        let since = Timestamp::from_millis(self.0.load(Ordering::Relaxed));
        now >= since && now.since(since) < PAUSE
    }
}

/// What was taken.
#[derive(Clone)]
pub(super) struct Place {
    lanes: Lanes,
    /// The lane in the store, if it answered.
    stored: Option<Stored>,
    /// The lane in this process, where the store did not, or had not lately.
    local: Option<BucketKey>,
}

/// A place in the store.
#[derive(Clone)]
struct Stored {
    lane: BucketKey,
    /// All buckets of the attempt as it left them: the next change need not look first.
    left: Vec<Option<StoredBucket>>,
}

impl Place {
    pub(super) fn lanes(&self) -> &Lanes {
        &self.lanes
    }
}

/// A place that is given back.
#[derive(Clone)]
pub(super) struct Leaving {
    pub(super) place: Place,
    pub(super) ending: Ending,
    /// Whose account it is about.
    pub(super) account: Option<Account>,
}

/// What an attempt got at the start.
pub(super) struct Entered {
    pub(super) place: Place,
    /// Of what it may turn out to be about, in that order.
    pub(super) hoped: Vec<Hoped>,
}

/// What became of a place that is hoped to be needed.
pub(super) enum Hoped {
    Taken(Box<Place>),
    /// There is none.
    Exhausted,
    /// That is to be seen when it is needed.
    Unknown,
}

/// There is no place.
struct Refused {
    verdict: Verdict,
    /// The first bucket, as it is in the store.
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

    /// The turn of whoever changes this bucket in this process.
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
                // One without room answers others.
                if error.kind() != StoreErrorKind::Full {
                    self.pause.begin(now);
                }
                self.tell(&error, facts);
                Err(Unanswered)
            }
        }
    }

    /// Whether anything was counted in this process under one of these keys.
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

    /// Takes the place of a name, and waits a while for one. Others, of what the attempt is hoped to turn out to be about, are
    /// taken with it if they are there: the store is asked once.
    ///
    /// # Errors
    /// When there may be one.
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

    /// Takes the place of what an attempt turned out to be about. The store has as much to do if there is none: how long that
    /// takes must not tell whose name it is.
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
            // Before it is looked: what is given back between looking and waiting is heard of.
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

    /// The first of them is taken, or there is none; the others as they are there.
    async fn try_enter(&self, all: &[Lanes], facts: &RequestFacts) -> Result<Entered, Refused> {
        self.leave_late().await;
        let _turn = self.turns.take(&all.iter().map(|lanes| lanes.who).collect::<Vec<_>>()).await;
        let (now, keys) = (self.clock.now(), all[0].keys());
        // What was counted while the store was down stays in force, and the larger counts.
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
                // What this process counted of an account is looked at when that is found.
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
        // No room is no place.
        let entered = entered.unwrap_or(Err(Verdict::Later(limits.lane.longest)));
        entered.map_err(|verdict| Refused { verdict, seen: None })
    }

    async fn leave_locally(&self, lanes: &Lanes, lane: BucketKey, ending: Ending, account: Option<&Account>) {
        let (now, limits) = (self.clock.now(), self.limits.halved());
        let leave = |buckets: &mut [Bucket]| lanes.leave(lane, ending, account, buckets, now, &limits);
        self.update_locally(&lanes.keys(), leave).await;
    }

    /// Gives all places of an attempt back, in one change.
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
                    // It is in force here at once, and in the store as soon as that answers.
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

    /// Gives back what is held in the store.
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

    /// Gives back what could not be given back before, if the store answers again: whoever succeeded then must not be taken
    /// for somebody who is still being judged.
    async fn leave_late(&self) {
        if self.late().is_empty() || self.pause.is_on(self.clock.now()) {
            return;
        }
        for _ in 0..LATE_AT_ONCE {
            // One at a time: whoever goes away in between leaves the others where they are.
            let Some(leaving) = self.late().pop() else { return };
            if self.leave_stored(std::slice::from_ref(&leaving)).await.is_err() {
                return self.leave_later([leaving]);
            }
        }
    }

    /// Beyond what is kept, the store lets them expire, which is a failure.
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
