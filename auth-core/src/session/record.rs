//! What a store keeps about a session.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use super::keys::StampMac;
use crate::hidden;
use crate::time::Timestamp;
use crate::{BackendName, RequestFacts, UserId};

/// What a store keeps about a session. It exists for signed-in users only.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionRecord {
    /// Whose session it is.
    pub user: UserId,
    /// The backend that vouched for the user, and alone reloads it.
    pub backend: BackendName,
    /// A keyed hash of the user's security stamp.
    pub stamp: StampMac,
    /// When the session began. Rotation keeps it.
    pub created: Timestamp,
    /// When the user last proved who they are.
    pub authenticated: Timestamp,
    /// When the outside system that vouched for the user last confirmed that they may sign in: at login, and
    /// whenever it was asked again since.
    pub confirmed: Timestamp,
    /// When the session last got a new id.
    pub rotated: Timestamp,
    /// When the session was last used, within the touch interval.
    pub last_seen: Timestamp,
    /// When it ends unless it is used: the earlier of the idle and the absolute limit.
    pub expires: Timestamp,
    /// The name in the trusted proxy's header that began the session, if one did: it ends when a request comes
    /// with another name, or without.
    pub remote_user: Option<Box<str>>,
    /// The application's own values.
    pub data: SessionData,
    /// The client, for a list of devices; kept only if the configuration says so.
    pub client: Option<Box<ClientFacts>>,
}

impl fmt::Debug for SessionRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionRecord")
            .field("user", &self.user)
            .field("backend", &self.backend)
            .field("stamp", &self.stamp)
            .field("created", &self.created)
            .field("authenticated", &self.authenticated)
            .field("confirmed", &self.confirmed)
            .field("rotated", &self.rotated)
            .field("last_seen", &self.last_seen)
            .field("expires", &self.expires)
            .field("remote_user", &hidden::optional(self.remote_user.as_deref()))
            .field("data", &self.data)
            .field("client", &self.client)
            .finish()
    }
}

/// Which client a session belongs to, in the client's own words.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ClientFacts {
    /// The [client's address](RequestFacts::client) at login.
    pub address: Option<IpAddr>,
    /// The `User-Agent` at login.
    pub user_agent: Option<Box<str>>,
}

impl fmt::Debug for ClientFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientFacts")
            .field("has_address", &self.address.is_some())
            .field("user_agent", &hidden::optional(self.user_agent.as_deref()))
            .finish()
    }
}

impl From<&RequestFacts> for ClientFacts {
    fn from(facts: &RequestFacts) -> Self {
        Self { address: facts.client(), user_agent: facts.user_agent().map(Into::into) }
    }
}

/// The application's values in a session: JSON texts by name.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SessionData(pub(crate) BTreeMap<Box<str>, Box<str>>);

/// Values that are replaced, and those that are removed.
pub(crate) type Patches = BTreeMap<Box<str>, Option<Box<str>>>;

impl fmt::Debug for SessionData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hidden::Names(&self.0, |value| value.len()).fmt(f)
    }
}

impl SessionData {
    /// The most bytes that names and values take together.
    pub const MAX_LEN: usize = 64 * 1024;

    /// Replaces and removes values by name.
    pub(crate) fn apply(&mut self, patches: &Patches) {
        for (name, value) in patches {
            match value {
                Some(value) => _ = self.0.insert(name.clone(), value.clone()),
                None => _ = self.0.remove(name),
            }
        }
    }

    /// Their length in bytes.
    pub(crate) fn len(&self) -> usize {
        self.0.iter().map(|(name, value)| name.len() + value.len()).sum()
    }
}

/// The version of the encoding below. A store never shows a record of another version to anybody.
const VERSION: u8 = 2;

impl SessionRecord {
    /// The record as bytes, for stores that keep bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer(Vec::with_capacity(128));
        out.0.push(VERSION);
        out.text(self.user.as_str());
        out.text(self.backend.as_str());
        out.bytes(&self.stamp.to_bytes());
        let Self { created, authenticated, confirmed, rotated, last_seen, expires, .. } = self;
        for time in [created, authenticated, confirmed, rotated, last_seen, expires] {
            out.number(time.as_millis());
        }
        // No proxy vouches for an empty name.
        out.text(self.remote_user.as_deref().unwrap_or_default());
        out.client(self.client.as_deref());
        out.number(self.data.0.len() as u64);
        for (name, value) in &self.data.0 {
            out.text(name);
            out.text(value);
        }
        out.0
    }

    /// Reads what [`encode`](Self::encode) wrote. `None` for anything else, be it of another version,
    /// damaged or hostile: such a session is no session.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut input = Reader(bytes);
        if input.byte()? != VERSION {
            return None;
        }
        let record = Self {
            user: UserId::new(input.text()?).ok()?,
            backend: BackendName::new(input.text()?)?,
            stamp: StampMac::from_bytes(input.bytes()?)?,
            created: input.time()?,
            authenticated: input.time()?,
            confirmed: input.time()?,
            rotated: input.time()?,
            last_seen: input.time()?,
            expires: input.time()?,
            remote_user: Some(input.text()?).filter(|name| !name.is_empty()).map(Into::into),
            client: if input.flag()? { Some(Box::new(input.client()?)) } else { None },
            data: input.data()?,
        };
        input.0.is_empty().then_some(record)
    }
}

/// Numbers are LEB128, texts and bytes have their length in front.
struct Writer(Vec<u8>);

impl Writer {
    fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(number.to_le_bytes()[0] | 0x80);
            number >>= 7;
        }
        self.0.push(number.to_le_bytes()[0]);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    fn client(&mut self, client: Option<&ClientFacts>) {
        let Some(client) = client else { return self.0.push(0) };
        self.0.push(1);
        self.text(&client.address.map(|address| address.to_string()).unwrap_or_default());
        self.text(client.user_agent.as_deref().unwrap_or_default());
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn number(&mut self) -> Option<u64> {
        let mut number = 0_u64;
        for (shift, (at, byte)) in (0..64).step_by(7).zip(self.0.iter().enumerate()) {
            // Of the tenth byte one bit is left.
            if shift == 63 && *byte > 1 {
                return None;
            }
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                self.0 = &self.0[at + 1..];
                return Some(number);
            }
        }
        None
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let len = usize::try_from(self.number()?).ok()?;
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes()?).ok()
    }

    fn time(&mut self) -> Option<Timestamp> {
        self.number().map(Timestamp::from_millis)
    }

    fn flag(&mut self) -> Option<bool> {
        match self.byte()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    fn client(&mut self) -> Option<ClientFacts> {
        let address = self.text()?;
        let address = if address.is_empty() { None } else { Some(address.parse().ok()?) };
        let user_agent = Some(self.text()?).filter(|agent| !agent.is_empty()).map(Into::into);
        Some(ClientFacts { address, user_agent })
    }

    fn data(&mut self) -> Option<SessionData> {
        let mut data = BTreeMap::new();
        for _ in 0..self.number()? {
            data.insert(self.text()?.into(), self.text()?.into());
        }
        Some(SessionData(data))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    pub(crate) fn record() -> SessionRecord {
        let at = Timestamp::from_secs(1_700_000_000);
        let data = [("cart".into(), "[1,2]".into()), ("theme".into(), "\"dark\"".into())];
        SessionRecord {
            user: UserId::from(7),
            backend: BackendName::new("local").unwrap(),
            stamp: StampMac::from_bytes(&[9; StampMac::LEN]).unwrap(),
            created: at,
            authenticated: at,
            confirmed: at,
            rotated: at,
            last_seen: at,
            expires: Timestamp::from_secs(1_700_003_600),
            remote_user: Some("ann@example.org".into()),
            data: SessionData(data.into_iter().collect()),
            client: Some(Box::new(ClientFacts {
                address: "::1".parse().ok(),
                user_agent: Some("Firefox".into()),
            })),
        }
    }

    #[test]
    fn a_record_survives_its_bytes() {
        let full = record();
        assert_eq!(SessionRecord::decode(&full.encode()), Some(full.clone()));
        let bare = SessionRecord { client: None, remote_user: None, data: SessionData::default(), ..full };
        assert_eq!(SessionRecord::decode(&bare.encode()), Some(bare.clone()));
        assert!(bare.encode().len() < 100, "{} bytes", bare.encode().len());
    }

    /// Damage anywhere is no session, and never a panic.
    #[test]
    fn damage_is_no_session() {
        let good = record().encode();
        for end in 0..good.len() {
            assert_eq!(SessionRecord::decode(&good[..end]), None, "cut at {end}");
        }
        let mut other_version = good.clone();
        other_version[0] = VERSION + 1;
        assert_eq!(SessionRecord::decode(&other_version), None);
        let mut longer = good;
        longer.push(0);
        assert_eq!(SessionRecord::decode(&longer), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), at in 0_usize..120) {
            let _ = SessionRecord::decode(&bytes);
            let mut damaged = record().encode();
            let at = at.min(damaged.len());
            damaged.splice(at..at, bytes);
            let _ = SessionRecord::decode(&damaged);
        }
    }
}
