//! Devices on which users signed in.

use super::BucketKey;
use crate::time::Timestamp;

/// How many names a device knows: the most recent ones.
const MAX_NAMES: usize = 5;
const ID_LEN: usize = 16;
const NAME_LEN: usize = 16 + 8;

/// The content of a device's cookie: a random id, and who signed in there, and when. It opens nothing: its holders
/// are counted separately from others, and together, however many copies there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Device {
    id: [u8; ID_LEN],
    /// The most recent login first.
    names: Vec<(BucketKey, Timestamp)>,
}

/// Reads a browser's device cookie. How the browser stores it does not concern the throttle.
pub(crate) trait ReadDevice: Send + Sync {
    fn read(&self, cookies: &[u8], now: Timestamp) -> Option<Device>;
}

impl Device {
    /// A device on which nobody has signed in.
    pub(crate) fn new(id: [u8; ID_LEN]) -> Self {
        Self { id, names: Vec::new() }
    }

    pub(super) fn id(&self) -> &[u8] {
        &self.id
    }

    /// When this name last signed in here.
    pub(super) fn knows(&self, name: &BucketKey) -> Option<Timestamp> {
        self.names.iter().find(|(known, _)| known == name).map(|(_, at)| *at)
    }

    /// Records a login. Each name has a separate time: a login of another name does not prolong it.
    pub(crate) fn note(&mut self, name: BucketKey, now: Timestamp) {
        self.names.retain(|(known, _)| *known != name);
        self.names.insert(0, (name, now));
        self.names.truncate(MAX_NAMES);
    }

    pub(crate) fn decode(payload: &[u8]) -> Option<Self> {
        let (id, names) = payload.split_first_chunk::<ID_LEN>()?;
        let name = |bytes: &[u8]| {
            let (key, at) = bytes.split_first_chunk::<16>()?;
            let at = u64::from_le_bytes(at.try_into().ok()?);
            Some((BucketKey::from_bytes(*key), Timestamp::from_millis(at)))
        };
        let names = names.chunks(NAME_LEN).map(name).collect::<Option<Vec<_>>>()?;
        Some(Self { id: *id, names })
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let name = |(key, at): &(BucketKey, Timestamp)| {
            [&key.as_bytes()[..], &at.as_millis().to_le_bytes()].concat()
        };
        [self.id.to_vec(), self.names.iter().flat_map(name).collect()].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_names_are_known() {
        let (mut device, key) = (Device::new([7; ID_LEN]), |n| BucketKey::from_bytes([n; 16]));
        for n in 0..7 {
            device.note(key(n), Timestamp::from_secs(u64::from(n)));
        }
        device.note(key(3), Timestamp::from_secs(9));
        assert_eq!(Device::decode(&device.encode()), Some(device.clone()));
        let known: Vec<_> = (0..7).map(|n| device.knows(&key(n)).map(|at| at.as_millis() / 1_000)).collect();
        assert_eq!(known, [None, None, Some(2), Some(9), Some(4), Some(5), Some(6)]);
        for damaged in [&b""[..], &[7; 15], &[7; 17], &device.encode()[..50]] {
            assert_eq!(Device::decode(damaged), None);
        }
    }
}
