//! The lanes of attempts, and what is counted in each.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::bucket::{Limits, Verdict};
use super::{Account, Bucket, BucketKey};
use crate::keyed::{self, Key};
use crate::session::PurposeKey;
use crate::time::Timestamp;

/// Derives the keys of buckets. Names and addresses are hashed with a key, or a leaked table could be searched for
/// them; people also type passwords into the wrong field.
pub(super) struct Keys(Key);

impl Keys {
    pub(super) fn new(key: &PurposeKey) -> Self {
        Self(Key::new(*key.expose()))
    }

    fn hash(&self, what: &str, parts: [&[u8]; 2]) -> BucketKey {
        let [what_len, len] = [what.len(), parts[0].len()].map(|len| (len as u64).to_le_bytes());
        first_half(&keyed::hash(&self.0, [&what_len, what.as_bytes(), &len, parts[0], parts[1]]))
    }

    /// For a name as it was typed: see [`fold`].
    pub(super) fn name(&self, name: &str) -> BucketKey {
        self.hash("name", [fold(name).as_bytes(), b""])
    }

    /// For credentials without a name, by their kind and source.
    pub(super) fn nameless(&self, kind: &str, source: Option<&IpNet>) -> BucketKey {
        let source = source.map(bytes_of);
        self.hash("nameless", [kind.as_bytes(), source.as_ref().map_or(&[], |source| &source[..])])
    }

    fn pair(&self, who: &BucketKey, source: &IpNet) -> BucketKey {
        self.hash("pair", [who.as_bytes(), &bytes_of(source)])
    }

    fn device(&self, who: &BucketKey, device: &[u8]) -> BucketKey {
        self.hash("device", [who.as_bytes(), device])
    }

    fn source(&self, source: &IpNet) -> BucketKey {
        self.hash("source", [&bytes_of(source), b""])
    }

    pub(super) fn tokens(&self, source: &IpNet) -> BucketKey {
        self.hash("tokens", [&bytes_of(source), b""])
    }

    pub(super) fn action(&self, action: &str, key: &str) -> BucketKey {
        self.hash("action", [action.as_bytes(), key.as_bytes()])
    }

    /// The lanes of one name or account, for attempts from this source and device.
    pub(super) fn lanes(
        &self,
        who: BucketKey,
        source: Option<&IpNet>,
        counts_source: bool,
        device: Option<(&[u8], Timestamp)>,
    ) -> Lanes {
        Lanes {
            who,
            pair: source.map(|source| self.pair(&who, source)),
            device: device.map(|(device, issued)| (self.device(&who, device), issued)),
            source: source.filter(|_| counts_source).map(|source| self.source(source)),
            cap: None,
        }
    }

    /// For a name that no backend knows, in place of an account.
    pub(super) fn nobody(&self, who: &BucketKey) -> BucketKey {
        self.hash("nobody", [who.as_bytes(), b""])
    }

    /// For all lanes of an account together.
    pub(super) fn cap(&self, who: &BucketKey) -> BucketKey {
        self.hash("cap", [who.as_bytes(), b""])
    }
}

/// Not keyed: a shell that resets an account has no keys. Ids of accounts are not secret.
pub(super) fn account_key(account: &Account) -> BucketKey {
    let (backend, id) = (account.backend().as_bytes(), account.id().as_bytes());
    let len = (backend.len() as u64).to_le_bytes();
    let key = keyed::derive("auth-core 2026 throttled accounts v1", b"");
    first_half(&keyed::hash(&key, [&len, backend, id]))
}

fn first_half(hash: &[u8; 32]) -> BucketKey {
    let mut half = [0; 16];
    half.copy_from_slice(&hash[..16]);
    BucketKey::from_bytes(half)
}

fn bytes_of(source: &IpNet) -> [u8; 17] {
    let mut bytes = [0; 17];
    match source {
        IpNet::V4(net) => bytes[..4].copy_from_slice(&net.network().octets()),
        IpNet::V6(net) => bytes[..16].copy_from_slice(&net.network().octets()),
    }
    bytes[16] = if matches!(source, IpNet::V4(_)) { 4 } else { 6 };
    bytes
}

/// The network that counts as one source.
pub(super) fn source_of(address: IpAddr, v6_prefix: u8) -> Option<IpNet> {
    match address.to_canonical() {
        IpAddr::V4(address) => Ipv4Net::new(address, 32).ok().map(IpNet::from),
        IpAddr::V6(address) => Ipv6Net::new(address, v6_prefix).ok().map(|net| net.trunc().into()),
    }
}

/// The name that is counted: backends may accept several spellings of one name, so they are one here. Names that a
/// backend distinguishes may also become one, and then share their attempts.
///
/// It removes white space of all kinds, and ignores case, as Unicode maps it.
fn fold(name: &str) -> String {
    let folded: String = name
        .chars()
        .filter(|c| !c.is_whitespace() && !c.is_control())
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        .collect();
    // A name of nothing but blanks must not equal other such names.
    if folded.is_empty() { name.to_owned() } else { folded }
}

/// The buckets of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lanes {
    /// For the name or the account, from unknown browsers and sources.
    pub(super) who: BucketKey,
    /// For the same from this source.
    pub(super) pair: Option<BucketKey>,
    /// For the same on this device, and since when it is known.
    pub(super) device: Option<(BucketKey, Timestamp)>,
    /// For all names from this source.
    pub(super) source: Option<BucketKey>,
    /// For all attempts on the account, if another system would lock it.
    pub(super) cap: Option<(BucketKey, Limits)>,
}

/// The limits of the lanes.
#[derive(Clone, Copy, Debug)]
pub(super) struct LaneLimits {
    pub(super) lane: Limits,
    pub(super) source: Limits,
}

impl LaneLimits {
    pub(super) fn halved(self) -> Self {
        Self { lane: self.lane.halved(), source: self.source.halved() }
    }
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    Accepted {
        known_until: Timestamp,
    },
    Failed,
    /// It was never judged.
    Undecided,
}

impl Lanes {
    /// In the order in which [`enter`](Self::enter) and [`leave`](Self::leave) expect the buckets.
    pub(super) fn keys(&self) -> Vec<BucketKey> {
        let (device, cap) = (self.device.map(|(key, _)| key), self.cap.map(|(key, _)| key));
        [Some(self.who), self.pair, device, self.source, cap].into_iter().flatten().collect()
    }

    fn at(&self, key: Option<BucketKey>) -> Option<usize> {
        let key = key?;
        self.keys().iter().position(|own| *own == key)
    }

    /// Takes a place in the one lane of this attempt: that of a known device, of a known source, or of everybody
    /// else, who share it and the limit of their source. Returns which one.
    ///
    /// # Errors
    /// Why there is no place; nothing is taken then.
    pub(super) fn enter(
        &self,
        buckets: &mut [Bucket],
        now: Timestamp,
        limits: &LaneLimits,
    ) -> Result<BucketKey, Verdict> {
        let source = self.at(self.source);
        let cap = self.cap.and_then(|(key, limits)| Some((self.at(Some(key))?, limits)));
        for (at, bucket) in buckets.iter_mut().enumerate() {
            let cap = cap.as_ref().filter(|(cap, _)| *cap == at).map(|(_, limits)| limits);
            let own = if Some(at) == source { &limits.source } else { &limits.lane };
            bucket.settle(now, cap.unwrap_or(own));
        }
        let since = buckets[0].devices_since();
        let by_device = self.device.filter(|(_, issued)| *issued >= since).map(|(key, _)| key);
        let is_known = |pair: &BucketKey| self.at(Some(*pair)).is_some_and(|at| buckets[at].is_known(now));
        let lane = by_device.or(self.pair.filter(is_known)).unwrap_or(self.who);
        let at = self.at(Some(lane)).unwrap_or_default();
        let counted = source.filter(|_| lane == self.who);
        let verdict = buckets[at].verdict(now, &limits.lane);
        let verdict =
            verdict.max(counted.map_or(Verdict::Admitted, |at| buckets[at].verdict(now, &limits.source)));
        let capped = cap.as_ref().map_or(Verdict::Admitted, |(at, limits)| buckets[*at].verdict(now, limits));
        let verdict = verdict.max(capped);
        if verdict != Verdict::Admitted {
            return Err(verdict);
        }
        if let Some((at, _)) = cap {
            buckets[at].reserve(now);
        }
        buckets[at].reserve(now);
        if let Some(at) = counted {
            buckets[at].reserve(now);
        }
        Ok(lane)
    }

    /// Returns the place, and counts the result. A success clears only the lane that it came in by.
    pub(super) fn leave(
        &self,
        lane: BucketKey,
        ending: Ending,
        account: Option<&Account>,
        buckets: &mut [Bucket],
        now: Timestamp,
        limits: &LaneLimits,
    ) {
        let (at, pair) = (self.at(Some(lane)).unwrap_or_default(), self.at(self.pair));
        let counted = self.at(self.source).filter(|_| lane == self.who);
        if let Some((cap, limits)) = self.cap
            && let Some(at) = self.at(Some(cap))
        {
            match ending {
                Ending::Accepted { .. } => buckets[at].succeed(),
                Ending::Failed => buckets[at].fail(now, &limits),
                Ending::Undecided => buckets[at].release(),
            }
        }
        match ending {
            Ending::Accepted { known_until } => {
                buckets[at].succeed();
                if let Some(pair) = pair.map(|pair| &mut buckets[pair]) {
                    // Earlier failures from here were this person's, who now begins with a separate lane.
                    if !pair.is_known(now) {
                        pair.clear();
                    }
                    pair.know_until(known_until);
                }
                if let Some(source) = counted {
                    buckets[source].release();
                }
            }
            Ending::Failed => {
                buckets[at].fail(now, &limits.lane);
                if let Some(account) = account {
                    buckets[at].is_of(account);
                }
                // A source is limited in the number of names that it tries; repeated attempts on one name are counted
                // by that pair's bucket.
                if let Some((source, pair)) = counted.zip(pair) {
                    if buckets[pair].failures() == 0 {
                        buckets[source].fail(now, &limits.source);
                    } else {
                        buckets[source].release();
                    }
                    buckets[pair].fail(now, &limits.lane);
                }
            }
            Ending::Undecided => {
                buckets[at].release();
                if let Some(source) = counted {
                    buckets[source].release();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_are_one_name() {
        for spelling in ["alice", "Alice", " ALICE\t", "a\u{200a}lice", "ALICE\u{3000}"] {
            assert_eq!(fold(spelling), "alice", "{spelling:?}");
        }
        assert_eq!(fold("STRASSE"), fold("straße"));
        assert_ne!(fold("alice"), fold("bob"));
        assert_ne!(fold(" "), fold("  "));
    }

    #[test]
    fn a_source_is_an_address_or_a_network_of_ipv6() {
        let source = |address: &str| source_of(address.parse().unwrap(), 64);
        assert_eq!(source("2001:db8::1"), source("2001:db8::ffff"));
        assert_ne!(source("2001:db8::1"), source("2001:db8:0:1::1"));
        assert_ne!(source("192.0.2.1"), source("192.0.2.2"));
        assert_eq!(source("192.0.2.1"), source("::ffff:192.0.2.1"));
    }

    #[test]
    fn kinds_of_buckets_have_keys_of_their_own() {
        let keys = Keys(keyed::derive("auth-core tests", b"throttle"));
        let net = source_of("192.0.2.1".parse().unwrap(), 64).unwrap();
        let who = keys.name("alice");
        let all = [
            who,
            keys.name("192.0.2.1"),
            keys.pair(&who, &net),
            keys.source(&net),
            keys.tokens(&net),
            keys.device(&who, &[0; 16]),
            keys.action("alice", ""),
            keys.action("", "alice"),
            keys.nameless("password", None),
            keys.nameless("password", Some(&net)),
            keys.nobody(&who),
            keys.cap(&who),
        ];
        let unique: std::collections::HashSet<_> = all.into_iter().collect();
        assert_eq!(unique.len(), all.len());
    }
}
