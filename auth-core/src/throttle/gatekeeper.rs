//! The gate of a configured throttle.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ipnet::IpNet;
use tokio::time::{Instant, timeout_at};

use super::bucket::{DAY, Limits, Verdict};
use super::device::{Device, ReadDevice};
use super::lanes::{Ending, Keys, LaneLimits, Lanes, account_key, source_of};
use super::ledger::{Turns, Versions, update};
use super::store::DynThrottleStore;
use super::{Account, Bucket, BucketKey, MemoryThrottle};
use crate::backend::BackendError;
use crate::event::{self, Event, EventKind, Observer};
use crate::gate::{Admission, AttemptEnd, Gate, GateAccount, GateAttempt};
use crate::grant::Factor;
use crate::networks::Networks;
use crate::store_error::{StoreError, StoreErrorKind};
use crate::time::{Clock, Timestamp};
use crate::unheard::log_error;
use crate::{DeniedKind, RequestFacts};

/// How long an attempt waits for a place that others may give back.
const WAIT: Duration = Duration::from_secs(2);
/// How often whoever waits looks whether another instance gave one back.
const LOOKS_EVERY: Duration = Duration::from_millis(50);
/// What is counted in this process while the store is down, in buckets.
const LOCAL_BUCKETS: usize = 100_000;

/// What is limited, and how.
pub(super) struct Rules {
    pub(super) keys: Keys,
    pub(super) limits: LaneLimits,
    /// Of tokens that are no good, from one source.
    pub(super) tokens: Limits,
    pub(super) v6_prefix: u8,
    pub(super) exempt: Networks,
    pub(super) known_for: Duration,
    pub(super) actions: Vec<(Box<str>, Limits)>,
}

pub(crate) struct Gatekeeper {
    store: Arc<dyn DynThrottleStore>,
    local: MemoryThrottle,
    versions: Versions,
    pause: Pause,
    /// Places that could not be given back yet, since the store did not answer.
    late: Mutex<Vec<Leaving>>,
    turns: Turns,
    rules: Rules,
    devices: Box<dyn ReadDevice>,
    clock: Arc<dyn Clock>,
    observer: Arc<dyn Observer>,
}

/// How many places are kept that could not be given back.
const MAX_LATE: usize = 10_000;
/// How many of them one attempt gives back: it does not wait for all.
const LATE_AT_ONCE: usize = 16;

/// The store did not answer, which has been told, or is left alone for a moment since it did not.
struct Unanswered;

/// For how long a store is not asked that has just failed: each attempt would wait for it several times.
const PAUSE: Duration = Duration::from_secs(1);

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

/// A place that an attempt has.
pub(crate) enum Permit {
    /// Nobody could guess what it holds.
    Free,
    /// A token, whose source is counted if it is no good.
    Token(BucketKey),
    Guess(Box<Guess>),
}

/// An attempt with a secret that could be guessed.
pub(crate) struct Guess {
    source: Option<IpNet>,
    device: Option<Device>,
    /// The device's word for the name, and since when.
    device_since: Option<Timestamp>,
    name: Place,
    /// Of the accounts that backends found.
    accounts: Vec<(Account, Place)>,
    exhausted: Vec<Account>,
}

/// A place that is given back.
#[derive(Clone)]
struct Leaving {
    place: Place,
    ending: Ending,
    /// Whose account it is about.
    account: Option<Account>,
}

/// What was taken.
#[derive(Clone)]
struct Place {
    lanes: Lanes,
    /// The lane in the store, if it answered.
    stored: Option<BucketKey>,
    /// The lane in this process, where the store did not, or had not lately.
    local: Option<BucketKey>,
}

impl Gatekeeper {
    pub(super) fn new(
        store: Arc<dyn DynThrottleStore>,
        rules: Rules,
        devices: Box<dyn ReadDevice>,
        clock: Arc<dyn Clock>,
        observer: Arc<dyn Observer>,
    ) -> Self {
        let local = MemoryThrottle::new(LOCAL_BUCKETS);
        let versions = Versions::starting_at(RandomState::new().hash_one(0));
        Self {
            store,
            local,
            versions,
            pause: Pause::default(),
            late: Mutex::default(),
            turns: Turns::new(),
            rules,
            devices,
            clock,
            observer,
        }
    }

    fn source(&self, facts: &RequestFacts) -> Option<IpNet> {
        source_of(facts.client()?, self.rules.v6_prefix)
    }

    /// Whether a source is counted by itself.
    fn counts(&self, source: &IpNet) -> bool {
        !source.addr().is_loopback() && !self.rules.exempt.contains(source.addr())
    }

    fn lanes(
        &self,
        who: BucketKey,
        source: Option<&IpNet>,
        is_name: bool,
        device: Option<(&[u8], Timestamp)>,
    ) -> Lanes {
        let counts_source = is_name && source.is_some_and(|source| self.counts(source));
        self.rules.keys.lanes(who, source, counts_source, device)
    }

    async fn store_update<T>(
        &self,
        keys: &[BucketKey],
        facts: &RequestFacts,
        change: impl Fn(&mut [Bucket]) -> T,
    ) -> Result<T, Unanswered> {
        let now = self.clock.now();
        if self.pause.is_on(now) {
            return Err(Unanswered);
        }
        match update(&*self.store, &self.versions, keys, now, change).await {
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

    /// In this process. `None` if there is no room.
    async fn local_update<T>(&self, keys: &[BucketKey], change: impl Fn(&mut [Bucket]) -> T) -> Option<T> {
        update(&self.local, &self.versions, keys, self.clock.now(), change).await.ok()
    }

    /// Takes a place, and waits a while for one.
    async fn enter(&self, lanes: Lanes, facts: &RequestFacts) -> Result<Place, Duration> {
        let deadline = Instant::now() + WAIT;
        loop {
            // Before it is looked: what is given back between looking and waiting is heard of.
            let settled = self.turns.settled(&lanes.who);
            tokio::pin!(settled);
            settled.as_mut().enable();
            match self.try_enter(&lanes, facts).await {
                Ok((stored, local)) => return Ok(Place { lanes, stored, local }),
                Err(Verdict::Later(time)) => return Err(time),
                Err(_) if Instant::now() >= deadline => return Err(self.rules.limits.lane.first),
                Err(_) => _ = timeout_at(deadline.min(Instant::now() + LOOKS_EVERY), settled).await,
            }
        }
    }

    async fn try_enter(
        &self,
        lanes: &Lanes,
        facts: &RequestFacts,
    ) -> Result<(Option<BucketKey>, Option<BucketKey>), Verdict> {
        self.leave_late().await;
        let _turn = self.turns.take(&lanes.who).await;
        let (now, keys) = (self.clock.now(), lanes.keys());
        // What was counted while the store was down stays in force, and the larger counts.
        let local =
            if self.local.knows(&keys) { Some(self.enter_locally(lanes, &keys, now).await?) } else { None };
        let stored =
            self.store_update(&keys, facts, |buckets| lanes.enter(buckets, now, &self.rules.limits)).await;
        match stored {
            Ok(Ok(lane)) => Ok((Some(lane), local)),
            Ok(Err(verdict)) => {
                if let Some(lane) = local {
                    self.leave_locally(lanes, lane, Ending::Undecided, None).await;
                }
                Err(verdict)
            }
            Err(Unanswered) => match local {
                Some(local) => Ok((None, Some(local))),
                None => Ok((None, Some(self.enter_locally(lanes, &keys, now).await?))),
            },
        }
    }

    async fn enter_locally(
        &self,
        lanes: &Lanes,
        keys: &[BucketKey],
        now: Timestamp,
    ) -> Result<BucketKey, Verdict> {
        let limits = self.rules.limits.halved();
        let entered = self.local_update(keys, |buckets| lanes.enter(buckets, now, &limits)).await;
        // No room is no place.
        entered.unwrap_or(Err(Verdict::Later(limits.lane.longest)))
    }

    async fn leave_locally(&self, lanes: &Lanes, lane: BucketKey, ending: Ending, account: Option<&Account>) {
        let (now, limits) = (self.clock.now(), self.rules.limits.halved());
        let leave = |buckets: &mut [Bucket]| lanes.leave(lane, ending, account, buckets, now, &limits);
        self.local_update(&lanes.keys(), leave).await;
    }

    /// Gives all places of an attempt back, in one change.
    async fn leave(&self, who: &BucketKey, leaving: Vec<Leaving>) {
        {
            let _turn = self.turns.take(who).await;
            for Leaving { place, ending, account } in &leaving {
                if let Some(lane) = place.local {
                    self.leave_locally(&place.lanes, lane, *ending, account.as_ref()).await;
                }
            }
            if self.leave_stored(&leaving).await.is_err() {
                for Leaving { place, ending, account } in &leaving {
                    // It is in force here at once, and in the store as soon as that answers.
                    if let Some(lane) =
                        place.stored.filter(|_| *ending == Ending::Failed && place.local.is_none())
                    {
                        self.leave_locally(&place.lanes, lane, *ending, account.as_ref()).await;
                    }
                }
                self.leave_later(leaving.iter().filter(|leaving| leaving.place.stored.is_some()).cloned());
            }
        }
        self.turns.settle(who);
        for Leaving { place, .. } in &leaving {
            self.turns.settle(&place.lanes.who);
        }
    }

    /// Gives back what is held in the store.
    async fn leave_stored(&self, leaving: &[Leaving]) -> Result<(), Unanswered> {
        let now = self.clock.now();
        let stored = || leaving.iter().filter_map(|leaving| Some((leaving, leaving.place.stored?)));
        let keys: Vec<_> = stored().flat_map(|(leaving, _)| leaving.place.lanes.keys()).collect();
        let leave = |mut buckets: &mut [Bucket]| {
            for (Leaving { place: Place { lanes, .. }, ending, account }, lane) in stored() {
                let (own, others) = buckets.split_at_mut(lanes.keys().len());
                lanes.leave(lane, *ending, account.as_ref(), own, now, &self.rules.limits);
                buckets = others;
            }
        };
        self.store_update(&keys, &RequestFacts::NONE, leave).await
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

    async fn reserve_token(&self, facts: &RequestFacts) -> Admission<Permit> {
        let Some(source) = self.source(facts).filter(|source| self.counts(source)) else {
            return Admission::Admitted(Permit::Free);
        };
        let (key, now) = (self.rules.keys.tokens(&source), self.clock.now());
        // Only what this process knows: a good token costs the store nothing.
        if self.local.knows(&[key]) {
            let look = |buckets: &mut [Bucket]| {
                buckets[0].settle(now, &self.rules.tokens);
                buckets[0].verdict(now, &self.rules.tokens)
            };
            if let Some(Verdict::Later(time)) = self.local_update(&[key], look).await {
                return Admission::RetryAfter(time);
            }
        }
        Admission::Admitted(Permit::Token(key))
    }

    async fn report_token(&self, key: BucketKey, ending: AttemptEnd) {
        if ending_of(ending, Timestamp::default()) != Ending::Failed {
            return;
        }
        let now = self.clock.now();
        let count = |buckets: &mut [Bucket]| {
            buckets[0].settle(now, &self.rules.tokens);
            buckets[0].fail(now, &self.rules.tokens);
            buckets[0].clone()
        };
        let _turn = self.turns.take(&key).await;
        match self.store_update(&[key], &RequestFacts::NONE, count).await {
            // As all instances counted it.
            Ok(counted) => _ = self.local_update(&[key], |buckets| buckets[0] = counted.clone()).await,
            Err(Unanswered) => _ = self.local_update(&[key], count).await,
        }
    }

    /// Counts one more of an application's own actions, if that may be done now.
    pub(crate) async fn act(&self, action: &str, key: &str) -> Result<(), Duration> {
        let Some((_, limits)) = self.rules.actions.iter().find(|(name, _)| **name == *action) else {
            // A limit that nobody set is an application's mistake: to let everything pass would hide it.
            log_error(&format_args!(
                "the throttle has no action {action:?}: add `.action({action:?}, …)` to it"
            ));
            return Err(DAY);
        };
        let (key, now) = (self.rules.keys.action(action, key), self.clock.now());
        let take = |limits: Limits| {
            move |buckets: &mut [Bucket]| {
                let bucket = &mut buckets[0];
                bucket.settle(now, &limits);
                match bucket.verdict(now, &limits) {
                    Verdict::Admitted => {
                        bucket.fail(now, &limits);
                        Ok(())
                    }
                    Verdict::Busy => Err(limits.first),
                    Verdict::Later(time) => Err(time),
                }
            }
        };
        let _turn = self.turns.take(&key).await;
        let halved = take(limits.halved());
        if self.local.knows(&[key]) {
            self.local_update(&[key], &halved).await.unwrap_or(Err(limits.longest))?;
        }
        match self.store_update(&[key], &RequestFacts::NONE, take(*limits)).await {
            Ok(taken) => taken,
            Err(Unanswered) => self.local_update(&[key], &halved).await.unwrap_or(Err(limits.longest)),
        }
    }

    /// What a name is counted under.
    pub(crate) fn name(&self, name: &str) -> BucketKey {
        self.rules.keys.name(name)
    }

    /// No device that an account was known on is known any more.
    pub(crate) async fn forget_devices(&self, account: &Account) {
        let (key, now) = (account_key(account), self.clock.now());
        let forget = |buckets: &mut [Bucket]| buckets[0].forget_devices_of(account, now);
        let _turn = self.turns.take(&key).await;
        // What went wrong has been told.
        _ = self.store_update(&[key], &RequestFacts::NONE, forget).await;
    }
}

impl Gate for Gatekeeper {
    type Permit = Permit;

    async fn reserve(&self, attempt: &GateAttempt<'_>) -> Result<Admission<Permit>, BackendError> {
        if !attempt.is_guessable {
            return Ok(match attempt.factor {
                Factor::Token => self.reserve_token(attempt.facts).await,
                _ => Admission::Admitted(Permit::Free),
            });
        }
        let source = self.source(attempt.facts);
        let who = match attempt.subject.filter(|name| !name.is_empty()) {
            Some(name) => self.rules.keys.name(name),
            // Without a name it is where they come from that is counted: all who name nobody are not one person.
            None => self.rules.keys.nameless(attempt.credentials, source.as_ref()),
        };
        let cookies = attempt.facts.devices();
        let device = if cookies.is_empty() { None } else { self.devices.read(cookies, self.clock.now()) };
        let device_since = device.as_ref().and_then(|device| device.knows(&who));
        let known = device.as_ref().map(Device::id).zip(device_since);
        let lanes = self.lanes(who, source.as_ref(), true, known);
        Ok(match self.enter(lanes, attempt.facts).await {
            Ok(name) => Admission::Admitted(Permit::Guess(Box::new(Guess {
                source,
                device,
                device_since,
                name,
                accounts: Vec::new(),
                exhausted: Vec::new(),
            }))),
            Err(time) => Admission::RetryAfter(time),
        })
    }

    async fn account(
        &self,
        permit: &mut Permit,
        account: &GateAccount<'_>,
    ) -> Result<Admission<()>, BackendError> {
        let Permit::Guess(guess) = permit else { return Ok(Admission::Admitted(())) };
        let found = Account::new(account.backend, account.id);
        if guess.accounts.iter().any(|(own, _)| *own == found) {
            return Ok(Admission::Admitted(()));
        }
        if !guess.exhausted.contains(&found) {
            let known = guess.device.as_ref().map(Device::id).zip(guess.device_since);
            let mut lanes = self.lanes(account_key(&found), guess.source.as_ref(), false, known);
            if let Some((failures, within)) = account.at_most {
                let limits = Limits {
                    free: failures,
                    first: within,
                    longest: within,
                    per_day: u32::MAX,
                    forgotten: within,
                };
                lanes.cap = Some((self.rules.keys.cap(&lanes.who), limits));
            }
            match self.enter(lanes, account.facts).await {
                Ok(place) => {
                    guess.accounts.push((found, place));
                    return Ok(Admission::Admitted(()));
                }
                Err(_) => guess.exhausted.push(found),
            }
        }
        Ok(Admission::RetryAfter(self.rules.limits.lane.first))
    }

    async fn report(&self, permit: Permit, ending: AttemptEnd) {
        let guess = match permit {
            Permit::Free => return,
            Permit::Token(key) => return self.report_token(key, ending).await,
            Permit::Guess(guess) => guess,
        };
        let ending = ending_of(ending, self.clock.now().plus(self.rules.known_for));
        let Guess { source, name, mut accounts, exhausted, .. } = *guess;
        let who = name.lanes.who;
        let account = accounts.first().map(|(account, _)| account).or(exhausted.first()).cloned();
        // A name that no backend knows has no account, and would be answered sooner: it costs what an account does.
        let is_nobodys = accounts.is_empty() && ending == Ending::Failed;
        let nobody = if is_nobodys {
            let lanes = self.lanes(self.rules.keys.nobody(&who), source.as_ref(), false, None);
            self.enter(lanes, &RequestFacts::NONE).await.ok()
        } else {
            None
        };
        // The chain ends with whoever accepts: that the backends before it did not is no failure, and no success.
        let last = accounts.pop();
        let passed_over = if ending == Ending::Failed { Ending::Failed } else { Ending::Undecided };
        let mut leaving = vec![Leaving { place: name, ending, account }];
        leaving.extend(nobody.map(|place| Leaving { place, ending, account: None }));
        leaving.extend(last.map(|(account, place)| Leaving { place, ending, account: Some(account) }));
        leaving.extend(accounts.into_iter().map(|(account, place)| Leaving {
            place,
            ending: passed_over,
            account: Some(account),
        }));
        self.leave(&who, leaving).await;
    }
}

fn ending_of(ending: AttemptEnd, known_until: Timestamp) -> Ending {
    match ending {
        AttemptEnd::Accepted => Ending::Accepted { known_until },
        AttemptEnd::Denied(
            DeniedKind::Unavailable | DeniedKind::Throttled | DeniedKind::NoBackend | DeniedKind::CrossOrigin,
        ) => Ending::Undecided,
        AttemptEnd::Denied(
            DeniedKind::Denied(_) | DeniedKind::WrongSecret | DeniedKind::UnknownUser | DeniedKind::Malformed,
        )
        | AttemptEnd::Aborted => Ending::Failed,
    }
}
