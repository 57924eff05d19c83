//! Devices that somebody signed in on.

use crate::http::sealed::{Opened, SealedCookies, SetCookies};
use crate::random::Random;
use crate::time::Timestamp;

use super::BucketKey;

/// For how long a device is known after the last login on it.
pub(super) const KNOWN_FOR: std::time::Duration = std::time::Duration::from_secs(90 * 24 * 60 * 60);

/// How many names are known on one device: the last ones.
const MAX_NAMES: usize = 5;
const ID_LEN: usize = 16;
const NAME_LEN: usize = 16 + 8;

/// What a device's cookie says: a random id, and who signed in there, and when. It opens nothing: who has it is counted by
/// themselves, however many copies of it there are.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Device {
    id: [u8; ID_LEN],
    /// The last login first.
    names: Vec<(BucketKey, Timestamp)>,
}

impl Device {
    pub(super) fn id(&self) -> &[u8] {
        &self.id
    }

    /// When this name last signed in here.
    pub(super) fn knows(&self, name: &BucketKey) -> Option<Timestamp> {
        self.names.iter().find(|(known, _)| known == name).map(|(_, at)| *at)
    }

    fn decode(payload: &[u8]) -> Option<Self> {
        let (id, names) = payload.split_first_chunk::<ID_LEN>()?;
        let name = |bytes: &[u8]| {
            let (key, at) = bytes.split_first_chunk::<16>()?;
            Some((
                BucketKey::from_bytes(*key),
                Timestamp::from_millis(u64::from_le_bytes(at.try_into().ok()?)),
            ))
        };
        let names = names.chunks(NAME_LEN).map(name).collect::<Option<Vec<_>>>()?;
        Some(Self { id: *id, names })
    }

    fn encode(&self) -> Vec<u8> {
        let names = self
            .names
            .iter()
            .flat_map(|(key, at)| key.as_bytes().iter().copied().chain(at.as_millis().to_le_bytes()));
        self.id.iter().copied().chain(names).collect()
    }

    /// The one that a browser's cookies name: of several, the last.
    pub(super) fn of(cookies: &[u8], sealed: &SealedCookies, now: Timestamp) -> Option<Self> {
        sealed.open([cookies], now).iter().map(Opened::payload).find_map(Self::decode)
    }

    /// The cookies of a browser on which this name signed in just now.
    pub(super) fn note(
        name: BucketKey,
        cookies: &[u8],
        sealed: &SealedCookies,
        now: Timestamp,
        random: &dyn Random,
    ) -> Option<Vec<String>> {
        let opened = sealed.open([cookies], now);
        let known = opened.iter().map(Opened::payload).find_map(Self::decode);
        let mut device = match known {
            Some(device) => device,
            None => {
                let mut id = [0; ID_LEN];
                random.fill(&mut id).ok()?;
                Self { id, names: Vec::new() }
            }
        };
        device.names.retain(|(known, _)| *known != name);
        device.names.insert(0, (name, now));
        device.names.truncate(MAX_NAMES);
        // One for each browser: the old ones make room.
        let mut set: Vec<String> =
            opened.iter().map(Opened::remove).flat_map(SetCookies::into_iter).collect();
        set.extend(sealed.seal([b""], &device.encode(), KNOWN_FOR, now, random).ok()?);
        Some(set)
    }
}
