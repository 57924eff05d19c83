//! Against guessing: how often a password may be tried, by whom, and for whom.
//!
//! ```
//! use auth_core::throttle::{MemoryThrottle, Throttle};
//! # use auth_core::session::{KeyRing, MemorySessions, SessionConfig};
//! # use auth_core::{Auth, MemoryBackend, Password, Passwords};
//! # use auth_core::{User, UserId};
//! # #[derive(Clone)]
//! # struct Member;
//! # impl User for Member {
//! #     fn id(&self) -> UserId { UserId::from(1) }
//! #     fn security_stamp(&self) -> &[u8] { b"stamp" }
//! #     fn is_active(&self) -> bool { true }
//! # }
//! # fn main() -> Result<(), auth_core::ConfigError> {
//! # let users = MemoryBackend::<Member>::new(Passwords::new()?);
//!
//! let auth = Auth::builder()
//!     .backend::<Password>("local", users)
//!     .sessions(MemorySessions::new(10_000), SessionConfig::new(KeyRing::generate()?))
//!     .throttle(Throttle::new(MemoryThrottle::new(100_000)))
//!     .build()?;
//! # Ok(())
//! # }
//! ```
//!
//! # What is counted
//!
//! Passwords that fail, and whatever else people choose and others could guess
//! ([`Credentials::secret`](crate::Credentials::secret)), by whichever way they come: forms, HTTP Basic, gRPC. An attempt
//! comes in by one **lane** and is counted there alone:
//!
//! | lane | who comes in by it | stops |
//! |---|---|---|
//! | a known device | a browser on which this name signed in within 90 days (a sealed cookie says so) | who stole the cookie |
//! | a known source | an address from which this name signed in within [30 days](Throttle::source_known_for) | who shares the address |
//! | everybody else | all others together, for each name and each account | guessing one account from any number of addresses |
//! | a source | who of those comes from one address, or one network of IPv6, by how many names failed | trying one password on many names |
//!
//! So strangers who try a name can keep other strangers out, but not its owner: who has signed in on a device, or from a
//! place, has a lane that strangers do not fill. A success clears the lane that it came in by, and no other.
//!
//! # What an attempt meets
//!
//! 1. Before any backend is asked, the **name** as it was typed takes a place in its lane. Where there is none the answer is
//!    429 with `Retry-After`, the same for names that exist and names that do not.
//! 2. A backend that has found the **account** tells it ([`Attempt::account`](crate::backend::Attempt::account)) before it
//!    compares any secret, and that takes a place, too. Where there is none, the answer and the work are those of a wrong
//!    password, and the secret is not compared: so all names of an account share its tries, and nobody learns that they are
//!    one account's.
//!
//! After [5](Throttle::free_attempts) failures an attempt waits 1 s, then 2 s, 4 s, and up to [15 minutes](Throttle::delays); a failed
//! attempt counts for a day. Whatever succeeds meanwhile, no lane has more than [100](Throttle::per_day) failures in any 24
//! hours. An attempt that comes too early is not made, and lengthens nothing. An outage is nobody's failure. A client that goes away
//! before its answer has failed: to hang up must not make guessing free.
//!
//! A place is taken before an attempt is judged. Of a hundred at once, no more are judged than may fail; the others wait up
//! to 2 s for one that is done, and then hear 429. Equal credentials at once are judged once, for all of them.
//!
//! # When the store is down
//!
//! Each instance then counts for itself, at half the limits, and an event says so. What it counted stays in force until its
//! own time is over, also when the store is back. So *n* instances allow up to *n*/2 times the limit meanwhile.

mod bucket;
mod check;
mod device;
mod flights;
mod gatekeeper;
mod lanes;
mod ledger;
mod memory;
mod store;
#[cfg(test)]
mod tests;

use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::time::Duration;

pub use bucket::{Account, Bucket, BucketKey};
pub use check::check_store;
pub(crate) use flights::Flights;
pub(crate) use gatekeeper::{Gatekeeper, Parts};
pub use memory::MemoryThrottle;
pub use store::{BucketChange, StoredBucket, ThrottleStore};

use bucket::Limits;
use lanes::LaneLimits;
use store::DynThrottleStore;

use crate::ConfigError;
use crate::http::Networks;
use crate::session::KeyRing;
use crate::store_error::{StoreError, StoreErrorKind};
use crate::time::Timestamp;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Limits how often passwords are tried: see the [module](self).
#[must_use = "nothing is limited until it is given to `AuthBuilder::throttle`"]
pub struct Throttle {
    store: Arc<dyn DynThrottleStore>,
    is_shared: bool,
    keys: Option<KeyRing>,
    limits: LaneLimits,
    tokens: Limits,
    v6_prefix: u8,
    exempt: Vec<String>,
    known_for: Duration,
    actions: Vec<(Box<str>, Limits)>,
}

impl Throttle {
    /// The default limits, counted in this store.
    pub fn new(store: impl ThrottleStore) -> Self {
        Self {
            is_shared: is_shared(&store),
            store: Arc::new(store),
            keys: None,
            limits: LaneLimits {
                lane: Limits {
                    free: 5,
                    first: Duration::from_secs(1),
                    longest: Duration::from_secs(15 * 60),
                    per_day: 100,
                    forgotten: DAY,
                },
                source: Limits {
                    free: 30,
                    first: Duration::from_secs(1),
                    longest: Duration::from_secs(15 * 60),
                    per_day: 1_000,
                    forgotten: Duration::from_secs(60 * 60),
                },
            },
            // Whoever shares an address with somebody who sends bad tokens must not be kept out: it becomes slow, and
            // no more.
            tokens: Limits {
                free: 300,
                first: Duration::from_secs(1),
                longest: Duration::from_secs(8),
                per_day: 200_000,
                forgotten: Duration::from_secs(10 * 60),
            },
            v6_prefix: 64,
            exempt: Vec::new(),
            known_for: DAY * 30,
            actions: Vec::new(),
        }
    }

    /// Hashes what is counted with keys of this ring (default: that of the sessions). All instances that share a store need
    /// the same.
    pub fn keys(mut self, ring: &KeyRing) -> Self {
        self.keys = Some(ring.clone());
        self
    }

    /// How many attempts of one lane may fail before the first delay (default: 5). It stops a person at a keyboard; fewer
    /// keep out who mistypes.
    pub fn free_attempts(mut self, attempts: u32) -> Self {
        self.limits.lane.free = attempts;
        self
    }

    /// The first delay, which doubles with each failure, and the longest (default: 1 s and 15 minutes). Together with the
    /// free attempts they stop a program that tries a list of passwords on one account.
    pub fn delays(mut self, first: Duration, longest: Duration) -> Self {
        for limits in [&mut self.limits.lane, &mut self.limits.source] {
            (limits.first, limits.longest) = (first, longest);
        }
        self
    }

    /// How many attempts of one lane may fail in any 24 hours (default: 100, as NIST SP 800-63B-4 §3.2.2 asks for): what
    /// stops a program that waits out the delays, also while the owner signs in now and then.
    pub fn per_day(mut self, attempts: u32) -> Self {
        self.limits.lane.per_day = attempts;
        self
    }

    /// Of how many names attempts may fail from one source before the first delay (default: 30 within an hour). It stops who tries
    /// the commonest password on every name. Who signed in from there within 30 days, or comes with a known device, is
    /// not concerned.
    pub fn names_per_source(mut self, names: u32) -> Self {
        self.limits.source.free = names;
        self
    }

    /// How many bits of an IPv6 address are one source (default: 64, of which one customer has at least one).
    pub fn ipv6_prefix(mut self, bits: u8) -> Self {
        self.v6_prefix = bits;
        self
    }

    /// An address, or a network, that is no source: names are counted for those who come from there, the address is not. For an
    /// office behind one address. This machine is none either: a proxy on it that is not
    /// [named](crate::AuthBuilder::trusted_proxy) would make one source of everybody.
    pub fn exempt_source(mut self, network: impl Into<String>) -> Self {
        self.exempt.push(network.into());
        self
    }

    /// For how long a source is known after a login of the same name from there (default: 30 days).
    pub fn source_known_for(mut self, time: Duration) -> Self {
        self.known_for = time;
        self
    }

    /// A limit for something that the application does itself, and that strangers could have it do: sending mail, registering.
    /// [`Auth::act`](crate::Auth::act) counts it for each key: an address that mail is sent to, a source.
    ///
    /// `times` within `time` are done at once; beyond that, as many in each such time, spread over it.
    pub fn action(mut self, name: impl Into<Box<str>>, times: u32, time: Duration) -> Self {
        let each = time / times.max(1);
        // Each is a failure to the bucket: beyond the free ones, as many as come back meanwhile.
        let limits = Limits { free: times, first: each, longest: each, per_day: u32::MAX, forgotten: time };
        self.actions.push((name.into(), limits));
        self
    }

    /// # Errors
    /// [`ConfigError`] for a limit that lets nobody in, or everybody try.
    pub(crate) fn build(self, parts: Parts) -> Result<Gatekeeper, ConfigError> {
        let Limits { free, first, longest, per_day, .. } = self.limits.lane;
        if free == 0 || self.limits.source.free == 0 {
            return Err(ConfigError::new(
                "a throttle that allows no attempt lets nobody sign in; allow at least one",
            ));
        }
        if first.is_zero() || longest < first {
            return Err(ConfigError::new(
                "the delays of a throttle begin above zero, and the longest is no shorter than the first",
            ));
        }
        if per_day < 2 * free {
            return Err(ConfigError::new(format!(
                "a throttle that allows {free} attempts at once allows at least {} in a day",
                2 * free
            )));
        }
        if let Some((name, _)) =
            self.actions.iter().find(|(_, limits)| limits.free == 0 || limits.first.is_zero())
        {
            return Err(ConfigError::new(format!(
                "the throttle's action {name:?} is never allowed; allow it once"
            )));
        }
        if !(16..=128).contains(&self.v6_prefix) {
            return Err(ConfigError::new("a source has 16 to 128 bits of an IPv6 address"));
        }
        if self.is_shared && self.keys.is_none() && parts.keys.is_none() {
            return Err(ConfigError::new(
                "instances that share a throttle's store need the same keys, and there are no sessions that have some; \
                 add `.keys(…)` to the throttle",
            ));
        }
        let mut exempt = Networks::default();
        for network in &self.exempt {
            exempt.add("source that is exempt", "try as many names as they like", network)?;
        }
        Gatekeeper::new(self, exempt, parts)
    }
}

/// Lets an account be tried again at once: everything that failed for it is forgotten, under whatever name. Says how many
/// buckets that concerned.
///
/// For an administrator, and for an application that has made sure by other means who is asking (a link by mail). Strangers
/// have all their tries again, too.
///
/// # Errors
/// [`StoreError`] if the store fails, or somebody tries the account without a pause.
pub async fn unlock<S: ThrottleStore>(
    store: &S,
    account: &Account,
    now: Timestamp,
) -> Result<u64, StoreError> {
    for _ in 0..ROUNDS {
        let found = store.of_account(account).await?;
        let cleared = |(key, stored)| changed(key, Some(stored), Bucket::clear);
        let changes: Vec<_> = found.into_iter().filter_map(cleared).collect();
        if changes.is_empty() || store.replace(&changes, now).await? {
            return Ok(changes.len() as u64);
        }
    }
    Err(StoreError::new(StoreErrorKind::TimedOut))
}

/// No device that an account was known on is known any more: after a password was set for somebody, or all their sessions were
/// ended. [`Session::rebind`](crate::Session::rebind) and [`logout_others`](crate::Session::logout_others) do it by themselves.
///
/// # Errors
/// As [`unlock`].
pub async fn forget_devices<S: ThrottleStore>(
    store: &S,
    account: &Account,
    now: Timestamp,
) -> Result<(), StoreError> {
    let key = lanes::account_key(account);
    for _ in 0..ROUNDS {
        let found = store.load(&[key]).await?.into_iter().next().flatten();
        let change = changed(key, found, |bucket| bucket.forget_devices_of(account, now));
        if store.replace(change.as_slice(), now).await? {
            return Ok(());
        }
    }
    Err(StoreError::new(StoreErrorKind::TimedOut))
}

/// How often a change is tried that others come in between.
const ROUNDS: usize = 20;

/// The change of a bucket, if it is one.
fn changed(
    key: BucketKey,
    stored: Option<StoredBucket>,
    change: impl FnOnce(&mut Bucket),
) -> Option<BucketChange> {
    let expected = stored.as_ref().map(|stored| stored.version);
    let old = stored.map(|stored| stored.bucket).unwrap_or_default();
    let mut bucket = old.clone();
    change(&mut bucket);
    let version = RandomState::new().hash_one(0) >> 1;
    let new = (!bucket.is_blank()).then(|| StoredBucket { bucket: bucket.clone(), version });
    (bucket != old).then_some(BucketChange { key, expected, new })
}

fn is_shared<S: ThrottleStore>(_: &S) -> bool {
    S::IS_SHARED
}

impl fmt::Debug for Throttle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Throttle").field("limits", &self.limits).finish_non_exhaustive()
    }
}
