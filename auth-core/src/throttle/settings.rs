//! [`Throttle`]: the limits, validated before use.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::bucket::{DAY, Limits};
use super::device::ReadDevice;
use super::gatekeeper::{Gatekeeper, Rules};
use super::lanes::{Keys, LaneLimits};
use super::store::{DynThrottleStore, ThrottleStore};
use crate::ConfigError;
use crate::event::Observer;
use crate::networks::Networks;
use crate::session::{KeyRing, Purpose};
use crate::time::Clock;

/// What a throttle needs from the surrounding configuration.
pub(crate) struct Parts {
    /// The key ring of the sessions.
    pub(crate) keys: Option<KeyRing>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) observer: Arc<dyn Observer>,
}

/// Limits how often passwords are tried: see the [module](crate::throttle).
///
/// ```
/// use std::time::Duration;
///
/// use auth_core::Throttle;
/// use auth_core::throttle::MemoryThrottle;
///
/// let throttle = Throttle::new(MemoryThrottle::new(100_000))
///     .per_day(50)
///     .exempt_source("203.0.113.0/24")
///     .action("password-reset", 3, Duration::from_secs(3600));
/// ```
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
    /// Uses the default limits, and counts in this store.
    ///
    /// ```
    /// use auth_core::Throttle;
    /// use auth_core::throttle::MemoryThrottle;
    ///
    /// let throttle = Throttle::new(MemoryThrottle::new(100_000));
    /// ```
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
            // An invalid token must not keep out others with the same address: the source becomes slow, and no more.
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

    /// Hashes the counted names and addresses with keys of this ring (default: that of the sessions). All instances
    /// that share a store need the same.
    ///
    /// ```
    /// # use auth_core::Throttle;
    /// # use auth_core::throttle::MemoryThrottle;
    /// # let throttle = Throttle::new(MemoryThrottle::new(100_000));
    /// use auth_core::session::KeyRing;
    ///
    /// let throttle = throttle.keys(&KeyRing::new(b"a secret of at least 32 bytes....")?);
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    pub fn keys(mut self, ring: &KeyRing) -> Self {
        self.keys = Some(ring.clone());
        self
    }

    /// Sets how many attempts of one lane may fail before the first delay (default: 5). It stops a person at a
    /// keyboard; a lower number keeps out people who mistype.
    ///
    /// ```
    /// # use auth_core::Throttle;
    /// # use auth_core::throttle::MemoryThrottle;
    /// # let throttle = Throttle::new(MemoryThrottle::new(100_000));
    /// let throttle = throttle.free_attempts(10);
    /// ```
    pub fn free_attempts(mut self, attempts: u32) -> Self {
        self.limits.lane.free = attempts;
        self
    }

    /// Sets the first delay, which doubles with each failure, and the longest one (default: 1 s and 15 minutes).
    /// Together with the free attempts they stop a program that tries a list of passwords on one account.
    ///
    /// ```
    /// # use auth_core::Throttle;
    /// # use auth_core::throttle::MemoryThrottle;
    /// # let throttle = Throttle::new(MemoryThrottle::new(100_000));
    /// use std::time::Duration;
    ///
    /// let throttle = throttle.delays(Duration::from_secs(2), Duration::from_secs(30 * 60));
    /// ```
    pub fn delays(mut self, first: Duration, longest: Duration) -> Self {
        for limits in [&mut self.limits.lane, &mut self.limits.source] {
            (limits.first, limits.longest) = (first, longest);
        }
        self
    }

    /// Sets how many attempts of one lane may fail in any 24 hours (default: 100, as NIST SP 800-63B-4 §3.2.2
    /// requires). It stops a program that waits out the delays, even while the owner signs in now and then.
    ///
    /// ```
    /// # use auth_core::Throttle;
    /// # use auth_core::throttle::MemoryThrottle;
    /// # let throttle = Throttle::new(MemoryThrottle::new(100_000));
    /// let throttle = throttle.per_day(50);
    /// ```
    pub fn per_day(mut self, attempts: u32) -> Self {
        self.limits.lane.per_day = attempts;
        self
    }

    /// Sets for how many names attempts may fail from one source before the first delay (default: 30 within an hour).
    /// It stops a program that tries the commonest password on every name. Users who signed in from there within 30
    /// days, or who come with a known device, are not affected.
    ///
    /// ```
    /// # use auth_core::Throttle;
    /// # use auth_core::throttle::MemoryThrottle;
    /// # let throttle = Throttle::new(MemoryThrottle::new(100_000));
    /// let throttle = throttle.names_per_source(100);
    /// ```
    pub fn names_per_source(mut self, names: u32) -> Self {
        self.limits.source.free = names;
        self
    }

    /// Sets how many bits of an IPv6 address form one source (default: 64, of which each customer has at least one).
    ///
    /// ```
    /// # use auth_core::Throttle;
    /// # use auth_core::throttle::MemoryThrottle;
    /// # let throttle = Throttle::new(MemoryThrottle::new(100_000));
    /// let throttle = throttle.ipv6_prefix(56);
    /// ```
    pub fn ipv6_prefix(mut self, bits: u8) -> Self {
        self.v6_prefix = bits;
        self
    }

    /// Exempts an address or a network, such as an office behind one address: names are still counted for attempts
    /// from there, but not the source. This machine is exempt, too: otherwise a proxy on it that is not
    /// [named](crate::AuthBuilder::trusted_proxy) would make everybody one source.
    ///
    /// ```
    /// # use auth_core::Throttle;
    /// # use auth_core::throttle::MemoryThrottle;
    /// # let throttle = Throttle::new(MemoryThrottle::new(100_000));
    /// let throttle = throttle.exempt_source("203.0.113.7");
    /// ```
    pub fn exempt_source(mut self, network: impl Into<String>) -> Self {
        self.exempt.push(network.into());
        self
    }

    /// Sets how long a source is known after a login with the same name from there (default: 30 days).
    ///
    /// ```
    /// # use auth_core::Throttle;
    /// # use auth_core::throttle::MemoryThrottle;
    /// # let throttle = Throttle::new(MemoryThrottle::new(100_000));
    /// let throttle = throttle.source_known_for(std::time::Duration::from_secs(7 * 24 * 3600));
    /// ```
    pub fn source_known_for(mut self, time: Duration) -> Self {
        self.known_for = time;
        self
    }

    /// Limits an action of the application that strangers can trigger: sending mail, registering.
    /// [`Auth::act`](crate::Auth::act) counts it for each key: the address that mail is sent to, or a source.
    ///
    /// `times` actions within `time` are allowed at once. Beyond that, as many in each such time, evenly spread.
    ///
    /// ```
    /// # use auth_core::Throttle;
    /// # use auth_core::throttle::MemoryThrottle;
    /// # let throttle = Throttle::new(MemoryThrottle::new(100_000));
    /// let throttle = throttle.action("password-reset", 3, std::time::Duration::from_secs(3600));
    /// // In the handler: `auth.act("password-reset", &address).await?`
    /// ```
    pub fn action(mut self, name: impl Into<Box<str>>, times: u32, time: Duration) -> Self {
        let each = time / times.max(1);
        // The bucket treats each action as a failure: beyond the free ones, as many as are refilled meanwhile.
        let limits = Limits { free: times, first: each, longest: each, per_day: u32::MAX, forgotten: time };
        self.actions.push((name.into(), limits));
        self
    }

    /// # Errors
    /// [`ConfigError`] for a limit that lets nobody in, or everybody try.
    pub(crate) fn build<D: ReadDevice + Clone + 'static>(
        self,
        parts: Parts,
        devices: impl FnOnce(&KeyRing) -> D,
    ) -> Result<(Gatekeeper, D), ConfigError> {
        self.check(&parts)?;
        let mut exempt = Networks::default();
        for network in &self.exempt {
            exempt.add(
                "source that is exempt",
                "try as many names as they like; name the office's address",
                network,
            )?;
        }
        let ring = match self.keys.or(parts.keys) {
            Some(ring) => ring,
            None => KeyRing::generate()?,
        };
        let devices = devices(&ring);
        let rules = Rules {
            keys: Keys::new(ring.keys_for(&Purpose::of_core("throttle")).current()),
            limits: self.limits,
            tokens: self.tokens,
            v6_prefix: self.v6_prefix,
            exempt,
            known_for: self.known_for,
            actions: self.actions,
        };
        let read = Box::new(devices.clone());
        Ok((Gatekeeper::new(self.store, rules, read, parts.clock, parts.observer), devices))
    }

    fn check(&self, parts: &Parts) -> Result<(), ConfigError> {
        let Limits { free, first, longest, per_day, .. } = self.limits.lane;
        if free == 0 || self.limits.source.free == 0 {
            return Err(ConfigError::new(
                "a throttle that allows no attempts lets nobody sign in; allow at least one",
            ));
        }
        if first.is_zero() || longest < first {
            return Err(ConfigError::new(
                "the delays of a throttle must be above zero, and the longest must not be shorter than the first",
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
                "instances that share a throttle's store need the same keys, and there are no sessions to take them from; \
                 add `.keys(…)` to the throttle",
            ));
        }
        Ok(())
    }
}

fn is_shared<S: ThrottleStore>(_: &S) -> bool {
    S::IS_SHARED
}

impl fmt::Debug for Throttle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Throttle").field("limits", &self.limits).finish_non_exhaustive()
    }
}
