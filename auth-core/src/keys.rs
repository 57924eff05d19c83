//! The secrets of an application, and the keyed hash that binds a session to its user's security stamp.

mod purpose;

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::keyed;
use crate::random::{OsRandom, Random};
use crate::{BackendName, ConfigError, User, UserId};
pub use purpose::{Purpose, PurposeKey, PurposeKeys};

/// The secret keys of an application: a current key, and fallbacks that are still accepted, or will be used next.
///
/// To replace a key without logging users out: add the new key as a fallback on every server; then make it the current key
/// and the old one a fallback; drop the old key when the oldest session has ended and nothing that was made with its
/// [keys for purposes](Self::keys_for) is in use.
///
/// ```
/// use auth_core::session::KeyRing;
///
/// let keys = KeyRing::new(b"a secret of at least 32 bytes....")?.with_fallback(b"the one that was used last year.")?;
/// # Ok::<(), auth_core::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct KeyRing {
    /// Never empty. Shared, because a list that grows or is copied would leave keys behind that nobody wipes.
    keys: Vec<Arc<Key>>,
}

/// The keys derived from one secret.
struct Key {
    /// The id of the key in records, which reveals nothing about it.
    id: [u8; 4],
    /// Hashes stamps.
    mac: keyed::Key,
    /// Derives the keys for all other purposes.
    root: keyed::Key,
}

impl KeyRing {
    /// The minimum length of a secret, in bytes.
    pub const MIN_SECRET_LEN: usize = 32;

    /// A ring whose current key is derived from `secret`: at least 32 random bytes, or a text that encodes them. All servers
    /// of a site need the same secret.
    ///
    /// ```
    /// use auth_core::session::KeyRing;
    ///
    /// # let secret = "q3Kf0pW3s0mV6gkV0rXo3Qw8hVnZ7mJt";
    /// // `secret` comes from the environment, and was made by `openssl rand -base64 32`.
    /// let keys = KeyRing::new(secret)?;
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// [`ConfigError`] if the secret is shorter, or repeats a single byte.
    pub fn new(secret: impl AsRef<[u8]>) -> Result<Self, ConfigError> {
        Ok(Self { keys: vec![Arc::new(Key::derive(secret.as_ref())?)] })
    }

    /// Adds a secret that is accepted, but not used for anything new.
    ///
    /// ```
    /// use auth_core::session::KeyRing;
    ///
    /// # let (new, old) = ("a secret of at least 32 bytes ...", "the secret of the year before ...");
    /// let keys = KeyRing::new(new)?.with_fallback(old)?;
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_fallback(mut self, secret: impl AsRef<[u8]>) -> Result<Self, ConfigError> {
        self.keys.push(Arc::new(Key::derive(secret.as_ref())?));
        Ok(self)
    }

    /// A ring with a random key that only this process has: all sessions end with it. For tests, and for stores in memory.
    ///
    /// ```
    /// use auth_core::session::KeyRing;
    ///
    /// let keys = KeyRing::generate()?;
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// [`ConfigError`] if the random source fails.
    pub fn generate() -> Result<Self, ConfigError> {
        let mut secret = Zeroizing::new([0; 32]);
        OsRandom.fill(&mut *secret).map_err(|error| ConfigError::new(error.to_string()))?;
        Self::new(secret.as_slice())
    }

    /// The keys for a purpose, derived from the same secrets.
    ///
    /// ```
    /// use auth_core::session::{KeyRing, Purpose};
    ///
    /// let ring = KeyRing::generate()?;
    /// let invites = ring.keys_for(&Purpose::new("shop.invites")?);
    /// let mac = invites.current().expose();                // 32 bytes, for this purpose only
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    pub fn keys_for(&self, purpose: &Purpose) -> PurposeKeys {
        PurposeKeys::derive(purpose, self.keys.iter().map(|key| (key.id, &key.root)))
    }

    /// The keyed hash of a user's stamp, with the current key.
    pub(crate) fn stamp<U: User>(&self, backend: &BackendName, id: &UserId, user: &U) -> StampMac {
        let current = &self.keys[0];
        StampMac { key: current.id, mac: current.mac(backend, id, user.security_stamp()) }
    }

    /// Compares a session's stamp with its user's.
    pub(crate) fn check<U: User>(
        &self,
        stamp: &StampMac,
        backend: &BackendName,
        id: &UserId,
        user: &U,
    ) -> StampCheck {
        let Some(at) = self.keys.iter().position(|key| key.id == stamp.key) else {
            return StampCheck::Changed;
        };
        let expected = self.keys[at].mac(backend, id, user.security_stamp());
        // Hashes compare in constant time.
        match (blake3::Hash::from(expected) == stamp.mac, at) {
            (true, 0) => StampCheck::Same,
            (true, _) => StampCheck::SameByFallback,
            (false, _) => StampCheck::Changed,
        }
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyRing({} keys)", self.keys.len())
    }
}

impl Key {
    fn derive(secret: &[u8]) -> Result<Self, ConfigError> {
        let constant = secret.iter().all(|byte| Some(byte) == secret.first());
        if secret.len() < KeyRing::MIN_SECRET_LEN || constant {
            return Err(ConfigError::new(
                "a session secret needs at least 32 random bytes, for instance from `openssl rand -base64 32`",
            ));
        }
        let mut id = [0; 4];
        id.copy_from_slice(&keyed::derive("auth-core 2026 session key id v1", secret)[..4]);
        let mac = keyed::derive("auth-core 2026 session stamp v1", secret);
        let root = keyed::derive("auth-core 2026 purposes v1", secret);
        Ok(Self { id, mac, root })
    }

    /// Keyed BLAKE3 over the three parts, each preceded by its length: different parts never form the same message.
    fn mac(&self, backend: &BackendName, id: &UserId, stamp: &[u8]) -> [u8; 32] {
        let (backend, id) = (backend.as_str().as_bytes(), id.as_str().as_bytes());
        let [backend_len, id_len, stamp_len] =
            [backend, id, stamp].map(|part| (part.len() as u64).to_le_bytes());
        let who = [&backend_len[..], backend, &id_len, id, &stamp_len];
        let len = who.iter().map(|part| part.len()).sum();
        let mut short = [0; 128];
        let mut long = Vec::new();
        let joined = if let Some(short) = short.get_mut(..len) {
            short
        } else {
            long.resize(len, 0);
            &mut long[..]
        };
        join(joined, who);
        // The stamp, which may be a password hash, is copied only into the state, which is wiped.
        keyed::hash(&self.mac, [joined, stamp])
    }
}

/// Concatenates the parts; `joined` is as long as all of them.
pub(crate) fn join<const N: usize>(mut joined: &mut [u8], parts: [&[u8]; N]) {
    for part in parts {
        let (place, rest) = joined.split_at_mut(part.len());
        place.copy_from_slice(part);
        joined = rest;
    }
}

/// The result of comparing a session's stamp with its user's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StampCheck {
    Same,
    /// The same, but hashed with a fallback key.
    SameByFallback,
    Changed,
}

/// A keyed hash of a user's security stamp, with the id of the key.
///
/// Its `==` is for stores and tests; sessions compare in constant time.
#[derive(Clone, PartialEq, Eq)]
pub struct StampMac {
    key: [u8; 4],
    mac: [u8; 32],
}

impl fmt::Debug for StampMac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StampMac(key {:08x})", u32::from_be_bytes(self.key))
    }
}

impl StampMac {
    /// Its length as bytes.
    pub const LEN: usize = 36;

    /// Its bytes, for the encoding of records.
    pub(crate) fn to_bytes(&self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        bytes[..4].copy_from_slice(&self.key);
        bytes[4..].copy_from_slice(&self.mac);
        bytes
    }

    /// A stamp from its bytes.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (key, mac) = bytes.split_at_checked(4)?;
        Some(Self { key: key.try_into().ok()?, mac: mac.try_into().ok()? })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(in super::super) struct Stamped(pub(in super::super) &'static [u8]);

    impl User for Stamped {
        fn id(&self) -> UserId {
            UserId::from(1)
        }
        fn security_stamp(&self) -> &[u8] {
            self.0
        }
        fn is_active(&self) -> bool {
            true
        }
    }

    /// Does not compile for what is left in memory when it is dropped.
    fn is_wiped<T: zeroize::ZeroizeOnDrop>(_: &T) {}

    #[test]
    fn keys_are_wiped() {
        let ring = KeyRing::new(OLD).unwrap().with_fallback(NEW).unwrap();
        ring.keys.iter().for_each(|key| [&key.mac, &key.root].into_iter().for_each(is_wiped));
        is_wiped(&crate::keyed::derive("auth-core tests", OLD));
    }

    const OLD: &[u8] = b"the secret that was used before..";
    const NEW: &[u8] = b"the secret that is used from today";

    fn name(name: &str) -> BackendName {
        BackendName::new(name).unwrap()
    }

    #[test]
    fn rotation_accepts_fallbacks_and_forgets_removed_keys() {
        let (backend, id, user) = (name("local"), UserId::from(1), Stamped(b"one"));
        let old = KeyRing::new(OLD).unwrap();
        let stamp = old.stamp(&backend, &id, &user);
        let check = |ring: &KeyRing, user: &Stamped| ring.check(&stamp, &backend, &id, user);
        assert_eq!(check(&old, &user), StampCheck::Same);
        assert_eq!(check(&old, &Stamped(b"two")), StampCheck::Changed);
        let both = KeyRing::new(NEW).unwrap().with_fallback(OLD).unwrap();
        assert_eq!(check(&both, &user), StampCheck::SameByFallback);
        assert_eq!(check(&KeyRing::new(NEW).unwrap(), &user), StampCheck::Changed);
    }

    /// Stored records name their key so, and hold hashes of this one: were either derived differently, all sessions would
    /// end. Both are BLAKE3's `derive_key`.
    #[test]
    fn key_id_and_stamp_key_are_as_they_were() {
        let ring = KeyRing::new(OLD).unwrap();
        let mac = "b49e4a609562b0e6de51030db59452478b3919114a7e1206989689f897e4689c";
        assert_eq!(ring.keys[0].id, [0x5a, 0x6b, 0xca, 0x9e]);
        assert_eq!(*ring.keys[0].mac, *blake3::Hash::from_hex(mac).unwrap().as_bytes());
    }

    /// What stands in every stored record: three lengths of 8 bytes, little-endian, each before its part, however long.
    #[test]
    fn the_message_is_as_it_was() {
        let (ring, long) = (KeyRing::new(OLD).unwrap(), "i".repeat(UserId::MAX_LEN));
        for id in ["1", &long] {
            let (backend, id) = (name("local"), UserId::new(id).unwrap());
            let mut message = Vec::new();
            for part in ["local", id.as_str(), "stamp"] {
                message.extend((part.len() as u64).to_le_bytes());
                message.extend(part.as_bytes());
            }
            let stamp = ring.stamp(&backend, &id, &Stamped(b"stamp"));
            assert_eq!(stamp.mac, *blake3::keyed_hash(&ring.keys[0].mac, &message).as_bytes());
        }
    }

    /// "ab" + "c" is not "a" + "bc".
    #[test]
    fn parts_cannot_be_shifted() {
        let ring = KeyRing::new(OLD).unwrap();
        let one = ring.stamp(&name("ab"), &UserId::new("c").unwrap(), &Stamped(b"x"));
        let two = ring.stamp(&name("a"), &UserId::new("bc").unwrap(), &Stamped(b"x"));
        assert_ne!(one, two);
    }

    /// No short, empty or constant secret.
    #[test]
    fn weak_secrets_are_refused() {
        for secret in [&b""[..], b"short", &[0; 32], &[b'x'; 64], &OLD[..31]] {
            assert!(KeyRing::new(secret).is_err(), "{secret:?}");
        }
        assert!(!format!("{:?}", KeyRing::new(OLD).unwrap()).contains("secret"));
    }
}
