//! [`Throttle`]: the limits, checked before they are used.

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

/// What a throttle needs of the configuration around it.
pub(crate) struct Parts {
    /// The ring of the sessions.
    pub(crate) keys: Option<KeyRing>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) observer: Arc<dyn Observer>,
}

/// Limits how often passwords are tried: see the [module](crate::throttle).
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
