//! The counter of one key, and what follows from it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;
use crate::{BackendName, UserId};

/// The key of a [`Bucket`]: a hash, which does not reveal the name, the account or the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BucketKey([u8; 16]);

impl BucketKey {
    /// The key with these bytes, from a store.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// A user of a backend, as the backend's look-up found them.
///
/// ```
/// use auth_core::throttle::Account;
/// use auth_core::{BackendName, UserId};
///
/// let local = BackendName::new("local").ok_or("not a name")?;
/// let account = Account::of(&local, &UserId::from(7));
/// assert_eq!((account.backend(), account.id()), ("local", "7"));
/// # Ok::<(), &str>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Account {
    backend: Box<str>,
    id: Box<str>,
}

impl Account {
    /// The account with this id at a backend: a user's id, or an outside system's name for its entry.
    pub fn new(backend: &BackendName, id: impl Into<Box<str>>) -> Self {
        Self { backend: backend.as_str().into(), id: id.into() }
    }

    /// The account of a user.
    ///
    /// ```
    /// use auth_core::throttle::Account;
    /// use auth_core::{BackendName, UserId};
    ///
    /// let account = BackendName::new("local").map(|local| Account::of(&local, &UserId::from(7)));
    /// assert_eq!(account.as_ref().map(Account::id), Some("7"));
    /// ```
    pub fn of(backend: &BackendName, user: &UserId) -> Self {
        Self::new(backend, user.as_str())
    }

    /// An account that no backend has.
    pub(super) fn nobody(key: &BucketKey) -> Self {
        Self { backend: "check".into(), id: format!("{:032x}", u128::from_be_bytes(key.0)).into() }
    }

    /// The backend's name.
    pub fn backend(&self) -> &str {
        &self.backend
    }

    /// The account's id there.
    pub fn id(&self) -> &str {
        &self.id
    }
}

/// The counter of a name, an account, a device or an address. A store keeps it as it is.
///
/// ```
/// use auth_core::throttle::Bucket;
/// use auth_core::time::Timestamp;
///
/// let bucket = Bucket::from_text(&Bucket::default().to_text()).ok_or("unreadable")?;
/// assert!(!bucket.is_delaying(Timestamp::from_secs(1_700_000_000)));
/// # Ok::<(), &str>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bucket {
    /// Attempts that failed since the last success.
    failures: u32,
    /// Attempts that are being judged.
    pending: u32,
    /// When pending attempts are given up and count as failed, because their requests are gone.
    pending_until: Timestamp,
    /// When the next attempt is allowed.
    blocked_until: Timestamp,
    /// When all of the daily allowance is available again.
    spent_until: Timestamp,
    /// Until when a source or device is known.
    known_until: Timestamp,
    /// Since when devices may be known: older ones are not.
    devices_since: Timestamp,
    expires: Timestamp,
    account: Option<Box<Account>>,
}

/// How long an attempt may be judged: longer than any chain takes.
const JUDGED_WITHIN: Duration = Duration::from_secs(60);
pub(super) const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a device is known after the last login on it.
pub(crate) const KNOWN_FOR: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// How many attempts are allowed, and how fast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    /// How many attempts may fail before the first delay.
    pub(super) free: u32,
    /// The delay after the last of those; it doubles with each further one.
    pub(super) first: Duration,
    /// The longest delay.
    pub(super) longest: Duration,
    /// How many may fail in any 24 hours, whatever succeeds in between.
    pub(super) per_day: u32,
    /// How long after the last failure all are forgotten.
    pub(super) forgotten: Duration,
}

impl Limits {
    /// What one instance allows while it cannot reach the store.
    pub(super) fn halved(self) -> Self {
        Self { free: (self.free / 2).max(1), per_day: (self.per_day / 2).max(2), ..self }
    }

    /// How many failures may be spent at once. They are refilled at a rate that keeps any 24 hours within the limit.
    fn allowance(&self) -> u32 {
        (self.per_day / 2).max(1)
    }

    /// How long refilling one takes.
    fn refill(&self) -> Duration {
        DAY / self.allowance()
    }

    /// The delay after this many failures.
    fn delay(&self, failures: u32) -> Option<Duration> {
        let doubled = failures.checked_sub(self.free)?;
        let factor = 1_u32.checked_shl(doubled.min(31)).unwrap_or(u32::MAX);
        Some(self.first.saturating_mul(factor).min(self.longest))
    }
}

/// Whether another attempt is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verdict {
    Admitted,
    /// Not before a pending attempt has ended.
    Busy,
    /// Not before this time has passed.
    Later(Duration),
}

impl Bucket {
    /// When a store may forget it.
    pub fn expires(&self) -> Timestamp {
        self.expires
    }

    /// Whether it delays attempts, or has no allowance left: a store with little room keeps it.
    pub fn is_delaying(&self, now: Timestamp) -> bool {
        self.delayed_until() > now && self.expires > now
    }

    /// When the next attempt is allowed.
    pub fn delayed_until(&self) -> Timestamp {
        self.blocked_until
    }

    /// How many attempts failed since the last success, including pending ones.
    pub fn failures(&self) -> u32 {
        self.failures.saturating_add(self.pending)
    }

    /// The account that it concerns, if a backend reported one.
    pub fn account(&self) -> Option<&Account> {
        self.account.as_deref()
    }

    /// Whether it is equivalent to a new one.
    pub(super) fn is_blank(&self) -> bool {
        let Self { failures, pending, blocked_until, spent_until, known_until, devices_since, .. } = self;
        let times = [blocked_until, spent_until, known_until, devices_since];
        (*failures, *pending) == (0, 0) && times.into_iter().all(|time| *time == Timestamp::default())
    }

    /// Forgets what is over. Every time is limited: a clock that was set back makes nobody wait longer than a correct
    /// one.
    pub(super) fn settle(&mut self, now: Timestamp, limits: &Limits) {
        let at_most = |time: &mut Timestamp, ahead: Duration| *time = (*time).min(now.plus(ahead));
        at_most(&mut self.pending_until, JUDGED_WITHIN);
        at_most(&mut self.blocked_until, limits.longest);
        at_most(&mut self.spent_until, DAY + limits.refill());
        for time in [&mut self.blocked_until, &mut self.spent_until, &mut self.known_until] {
            if *time <= now {
                *time = Timestamp::default();
            }
        }
        if self.pending > 0 && self.pending_until <= now {
            for _ in 0..std::mem::take(&mut self.pending) {
                self.count(now, limits);
            }
        }
        if self.expires <= now {
            self.failures = 0;
        }
    }

    pub(super) fn verdict(&self, now: Timestamp, limits: &Limits) -> Verdict {
        if self.blocked_until > now {
            return Verdict::Later(self.blocked_until.since(now));
        }
        // As if the pending attempts had failed.
        let spent = self.spent_until.max(now).plus(limits.refill().saturating_mul(self.pending));
        let room = now.plus(DAY.saturating_sub(limits.refill()));
        if spent > room {
            return Verdict::Later(spent.since(room));
        }
        let places = limits.free.saturating_sub(self.failures).max(1);
        if self.pending >= places { Verdict::Busy } else { Verdict::Admitted }
    }

    pub(super) fn reserve(&mut self, now: Timestamp) {
        self.pending = self.pending.saturating_add(1);
        self.pending_until = now.plus(JUDGED_WITHIN);
        self.keep_until(self.pending_until);
    }

    pub(super) fn release(&mut self) {
        self.pending = self.pending.saturating_sub(1);
    }

    pub(super) fn fail(&mut self, now: Timestamp, limits: &Limits) {
        self.release();
        self.count(now, limits);
    }

    fn count(&mut self, now: Timestamp, limits: &Limits) {
        self.failures = self.failures.saturating_add(1);
        self.spent_until = self.spent_until.max(now).plus(limits.refill());
        if let Some(delay) = limits.delay(self.failures) {
            self.blocked_until = now.plus(delay);
        }
        self.keep_until(now.plus(limits.forgotten));
        self.keep_until(self.spent_until);
    }

    /// Clears the failures. The daily allowance stays spent.
    pub(super) fn succeed(&mut self) {
        self.release();
        (self.failures, self.blocked_until) = (0, Timestamp::default());
    }

    pub(super) fn is_known(&self, now: Timestamp) -> bool {
        self.known_until > now
    }

    pub(super) fn know_until(&mut self, until: Timestamp) {
        self.known_until = until;
        self.keep_until(until);
    }

    pub(super) fn devices_since(&self) -> Timestamp {
        self.devices_since
    }

    /// Forgets all known devices. Kept for as long as one of them could be presented.
    pub(super) fn forget_devices(&mut self, now: Timestamp, until: Timestamp) {
        self.devices_since = now;
        self.keep_until(until);
    }

    pub(super) fn forget_devices_of(&mut self, account: &Account, now: Timestamp) {
        self.forget_devices(now, now.plus(KNOWN_FOR));
        self.is_of(account);
    }

    /// Clears all failures. Known devices stay.
    pub(super) fn clear(&mut self) {
        self.failures = 0;
        (self.blocked_until, self.spent_until) = Default::default();
    }

    pub(super) fn is_of(&mut self, account: &Account) {
        if self.account() != Some(account) {
            self.account = Some(Box::new(account.clone()));
        }
    }

    fn keep_until(&mut self, time: Timestamp) {
        self.expires = self.expires.max(time);
    }

    /// As text, for a store that keeps texts: JSON, in which a later version may find more.
    pub fn to_text(&self) -> String {
        let wire = Wire {
            failures: self.failures,
            pending: self.pending,
            pending_until: self.pending_until.as_millis(),
            blocked_until: self.blocked_until.as_millis(),
            spent_until: self.spent_until.as_millis(),
            known_until: self.known_until.as_millis(),
            devices_since: self.devices_since.as_millis(),
            expires: self.expires.as_millis(),
            account: self.account.clone(),
        };
        // Numbers and texts: JSON can always represent them.
        serde_json::to_string(&wire).unwrap_or_default()
    }

    /// Reads the text of [`to_text`](Self::to_text); `None` for any other text.
    pub fn from_text(text: &str) -> Option<Self> {
        let wire: Wire = serde_json::from_str(text).ok()?;
        Some(Self {
            failures: wire.failures,
            pending: wire.pending,
            pending_until: Timestamp::from_millis(wire.pending_until),
            blocked_until: Timestamp::from_millis(wire.blocked_until),
            spent_until: Timestamp::from_millis(wire.spent_until),
            known_until: Timestamp::from_millis(wire.known_until),
            devices_since: Timestamp::from_millis(wire.devices_since),
            expires: Timestamp::from_millis(wire.expires),
            account: wire.account,
        })
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[derive(Serialize, Deserialize)]
struct Wire {
    #[serde(default)]
    failures: u32,
    #[serde(default)]
    pending: u32,
    #[serde(default, skip_serializing_if = "is_zero")]
    pending_until: u64,
    #[serde(default, skip_serializing_if = "is_zero")]
    blocked_until: u64,
    #[serde(default, skip_serializing_if = "is_zero")]
    spent_until: u64,
    #[serde(default, skip_serializing_if = "is_zero")]
    known_until: u64,
    #[serde(default, skip_serializing_if = "is_zero")]
    devices_since: u64,
    expires: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    account: Option<Box<Account>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_secs(1_800_000_000);
    const LIMITS: Limits = Limits {
        free: 5,
        first: Duration::from_secs(1),
        longest: Duration::from_secs(900),
        per_day: 100,
        forgotten: DAY,
    };

    fn try_at(bucket: &mut Bucket, now: Timestamp) -> Verdict {
        bucket.settle(now, &LIMITS);
        let verdict = bucket.verdict(now, &LIMITS);
        if verdict == Verdict::Admitted {
            bucket.reserve(now);
            bucket.fail(now, &LIMITS);
        }
        verdict
    }

    #[test]
    fn delays_begin_after_the_free_ones_and_double() {
        let (mut bucket, mut now) = (Bucket::default(), START);
        for _ in 0..5 {
            assert_eq!(try_at(&mut bucket, now), Verdict::Admitted);
        }
        for seconds in [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900] {
            let delay = Duration::from_secs(seconds);
            assert_eq!(try_at(&mut bucket, now), Verdict::Later(delay));
            // To knock meanwhile makes it no longer.
            assert_eq!(try_at(&mut bucket, now), Verdict::Later(delay));
            now = now.plus(delay);
            assert_eq!(try_at(&mut bucket, now), Verdict::Admitted, "after {seconds} s");
        }
    }

    /// Whatever succeeds in between: an owner's script must not hand strangers new tries.
    #[test]
    fn no_day_has_more_than_its_limit() {
        for success_every in [None, Some(Duration::from_secs(30)), Some(Duration::from_secs(3600))] {
            let (mut bucket, mut tried) = (Bucket::default(), Vec::<Timestamp>::new());
            let mut now = START;
            let mut succeeded = START;
            while now < START.plus(DAY * 3) {
                if try_at(&mut bucket, now) == Verdict::Admitted {
                    tried.push(now);
                }
                if success_every.is_some_and(|every| now.since(succeeded) >= every) {
                    bucket.succeed();
                    succeeded = now;
                }
                now = now.plus(Duration::from_secs(1));
            }
            let within =
                |from: Timestamp| tried.iter().filter(|at| **at >= from && at.since(from) < DAY).count();
            let most = tried.iter().map(|at| within(*at)).max().unwrap();
            assert!((50..=100).contains(&most), "{most} in a day with successes every {success_every:?}");
        }
    }

    #[test]
    fn places_are_what_is_left_and_one_at_a_time_after_that() {
        let (mut bucket, now) = (Bucket::default(), START);
        for _ in 0..5 {
            assert_eq!(bucket.verdict(now, &LIMITS), Verdict::Admitted);
            bucket.reserve(now);
        }
        assert_eq!(bucket.verdict(now, &LIMITS), Verdict::Busy);
        bucket.fail(now, &LIMITS);
        assert_eq!(bucket.verdict(now, &LIMITS), Verdict::Busy, "what failed gives its place to nobody");
        bucket.release();
        assert_eq!(bucket.verdict(now, &LIMITS), Verdict::Admitted, "an outage gives it back");
        bucket.succeed();
        assert_eq!(bucket.failures(), 2);
    }

    #[test]
    fn who_never_hears_an_answer_has_failed() {
        let mut bucket = Bucket::default();
        (0..5).for_each(|_| bucket.reserve(START));
        let now = START.plus(JUDGED_WITHIN);
        bucket.settle(now, &LIMITS);
        assert_eq!((bucket.failures, bucket.pending), (5, 0));
        assert_eq!(bucket.verdict(now, &LIMITS), Verdict::Later(LIMITS.first));
    }

    #[test]
    fn a_clock_that_goes_back_keeps_nobody_out_for_long() {
        let mut bucket = Bucket::default();
        let late = START.plus(DAY * 365);
        (0..20).for_each(|_| bucket.count(late, &LIMITS));
        bucket.settle(START, &LIMITS);
        let Verdict::Later(time) = bucket.verdict(START, &LIMITS) else { panic!("it waits") };
        assert!(time <= LIMITS.longest);
    }

    #[test]
    fn what_is_kept_is_what_was_counted() {
        let mut bucket = Bucket::default();
        assert_eq!(Bucket::from_text(&bucket.to_text()), Some(bucket.clone()));
        (0..7).for_each(|_| bucket.count(START, &LIMITS));
        bucket.reserve(START);
        bucket.know_until(START.plus(DAY));
        bucket.forget_devices(START, START.plus(DAY));
        bucket.is_of(&Account { backend: "local".into(), id: "7".into() });
        assert_eq!(Bucket::from_text(&bucket.to_text()), Some(bucket));
        assert_eq!(Bucket::from_text("{}"), None);
        assert!(Bucket::from_text(r#"{"expires": 1, "of a later version": true}"#).is_some());
    }
}
