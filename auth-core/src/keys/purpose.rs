//! Keys for single purposes, derived from the secrets of a [`KeyRing`](super::KeyRing).

use std::borrow::Cow;
use std::fmt;

use zeroize::Zeroizing;

use crate::ConfigError;
use crate::keyed::{self, Key};

/// What a key is for. Keys of different purposes are unrelated, and an application cannot name a purpose of this
/// crate.
///
/// Two parts of an application that use the same name share its keys: begin names with the part. Use the keys of a
/// purpose for one thing, in one format.
///
/// ```
/// use auth_core::session::{KeyRing, Purpose};
///
/// let ring = KeyRing::new(b"a secret of at least 32 bytes....")?;
/// let invites = ring.keys_for(&Purpose::new("shop.invites")?);
/// let key: &[u8; 32] = invites.current().expose();
/// # Ok::<(), auth_core::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Purpose {
    owner: Owner,
    name: Cow<'static, str>,
}

/// The owner of a purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Owner {
    AuthCore,
    Application,
}

impl Owner {
    /// Keys are derived from it: never change it.
    fn label(self) -> &'static str {
        match self {
            Self::AuthCore => "auth-core",
            Self::Application => "application",
        }
    }
}

impl Purpose {
    /// The longest name, in bytes.
    pub const MAX_LEN: usize = 64;

    /// A purpose of an application: 1 to 64 ASCII lower-case letters, digits, `-`, `_` or `.`.
    ///
    /// ```
    /// use auth_core::session::Purpose;
    ///
    /// assert!(Purpose::new("shop.invites").is_ok());
    /// assert!(Purpose::new("Shop invites").is_err());
    /// ```
    ///
    /// # Errors
    /// [`ConfigError`] for any other name.
    pub fn new(name: impl Into<String>) -> Result<Self, ConfigError> {
        let name = name.into();
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
        if !(1..=Self::MAX_LEN).contains(&name.len()) || !name.bytes().all(plain) {
            return Err(ConfigError::new(
                "the name of a purpose has 1 to 64 small letters, digits, '-', '_' or '.'",
            ));
        }
        Ok(Self { owner: Owner::Application, name: name.into() })
    }

    /// A purpose of this crate, which no application can name.
    pub(crate) const fn of_core(name: &'static str) -> Self {
        Self { owner: Owner::AuthCore, name: Cow::Borrowed(name) }
    }

    /// Its owner and its name.
    pub(crate) fn parts(&self) -> [&str; 2] {
        [self.owner.label(), &self.name]
    }

    /// Its key, as the keyed hash of its owner and its name, each preceded by its length: different purposes never
    /// form the same message.
    fn key(&self, root: &Key) -> Key {
        let parts = self.parts().map(str::as_bytes);
        let [owner_len, name_len] = parts.map(|part| (part.len() as u64).to_le_bytes());
        Zeroizing::new(keyed::hash(root, [&owner_len, parts[0], &name_len, parts[1]]))
    }
}

/// The keys of a [`KeyRing`](super::KeyRing) for one [`Purpose`]: the current one, and those that are still accepted.
/// They are wiped from memory when dropped.
///
/// ```
/// use auth_core::session::{KeyRing, Purpose};
///
/// let keys = KeyRing::generate()?.keys_for(&Purpose::new("shop.invites")?);
/// let id = keys.current().id(); // store it next to what the key signs
/// assert!(keys.find(id).is_some());
/// # Ok::<(), auth_core::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct PurposeKeys(Vec<PurposeKey>);

impl PurposeKeys {
    /// From the ids and roots of a ring's keys, the current one first.
    pub(super) fn derive<'a>(
        purpose: &Purpose,
        roots: impl ExactSizeIterator<Item = ([u8; 4], &'a Key)>,
    ) -> Self {
        Self(roots.map(|(id, root)| PurposeKey { id, key: purpose.key(root) }).collect())
    }

    /// The key for everything new.
    pub fn current(&self) -> &PurposeKey {
        // A ring has at least one.
        &self.0[0]
    }

    /// The key with this id, for what was made before; `None` if it was removed, or never existed.
    ///
    /// ```
    /// use auth_core::session::{KeyRing, Purpose};
    ///
    /// let keys = KeyRing::generate()?.keys_for(&Purpose::new("shop.invites")?);
    /// assert!(keys.find(keys.current().id()).is_some());
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    pub fn find(&self, id: [u8; 4]) -> Option<&PurposeKey> {
        self.0.iter().find(|key| key.id == id)
    }
}

impl fmt::Debug for PurposeKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PurposeKeys({} keys)", self.0.len())
    }
}

/// A key for one purpose.
#[derive(Clone)]
pub struct PurposeKey {
    id: [u8; 4],
    key: Key,
}

impl PurposeKey {
    /// The id of the key, to be stored next to what was made with it. It reveals nothing about the key, and is the
    /// same for all purposes of a secret.
    pub fn id(&self) -> [u8; 4] {
        self.id
    }

    /// The key itself. A review should look at every call.
    pub fn expose(&self) -> &[u8; 32] {
        &self.key
    }
}

impl fmt::Debug for PurposeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PurposeKey({:08x})", u32::from_be_bytes(self.id))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::session::KeyRing;

    const OLD: &[u8] = b"the secret that was used before..";
    const NEW: &[u8] = b"the secret that is used from today";

    fn key(purpose: &Purpose) -> [u8; 32] {
        *KeyRing::new(OLD).unwrap().keys_for(purpose).current().expose()
    }

    fn named(name: &str) -> Purpose {
        Purpose::new(name).unwrap()
    }

    /// What applications keep depends on them. Made by another implementation of BLAKE3.
    #[test]
    fn keys_are_as_they_were() {
        let table = [
            (named("shop.invites"), "000eddfaf7676f0b3876df142374e16a6fc5ddbc06998f65678c436747d66b43"),
            (
                Purpose::of_core("shop.invites"),
                "b609576dbbc2393cf77286486794a1cfe9b2d32ed630c48fb4d2e2532d2f6ae1",
            ),
        ];
        for (purpose, expected) in table {
            assert_eq!(key(&purpose), *blake3::Hash::from_hex(expected).unwrap().as_bytes());
        }
    }

    /// Nor those of two secrets.
    #[test]
    fn no_two_purposes_meet() {
        let names = ["x", "xx", "x.x", "application", "auth-core", "auth-core.x"];
        let purposes = names.map(|name| [named(name), Purpose::of_core(name)]);
        let ring = KeyRing::new(OLD).unwrap().with_fallback(NEW).unwrap();
        let mut seen = HashSet::new();
        for purpose in purposes.as_flattened() {
            for key in ring.keys_for(purpose).0 {
                assert!(seen.insert(*key.expose()), "{purpose:?}");
            }
        }
    }

    /// "ab" + "c" is not "a" + "bc": each part has its length in front, of 8 bytes, little-endian.
    #[test]
    fn parts_cannot_be_shifted() {
        let root = keyed::derive("auth-core tests", OLD);
        let mut message = Vec::new();
        for part in ["application", "bc"] {
            message.extend((part.len() as u64).to_le_bytes());
            message.extend(part.as_bytes());
        }
        assert_eq!(*named("bc").key(&root), keyed::hash(&root, [&message]));
    }

    #[test]
    fn names_are_plain() {
        for good in ["x", "shop.invites-2_b", &"x".repeat(64)] {
            assert!(Purpose::new(good).is_ok(), "{good}");
        }
        for bad in ["", "a b", "a/b", "a=b", "a;b", "ä", "a\n", "Shop", "a\0", &"x".repeat(65)] {
            assert!(Purpose::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn keys_are_found_by_name_as_long_as_they_are_in_the_ring() {
        let purpose = named("x");
        let old = KeyRing::new(OLD).unwrap().keys_for(&purpose);
        let both = KeyRing::new(NEW).unwrap().with_fallback(OLD).unwrap().keys_for(&purpose);
        let new = KeyRing::new(NEW).unwrap().keys_for(&purpose);
        let old = old.current();
        assert_eq!(both.find(old.id()).unwrap().expose(), old.expose());
        assert_eq!(both.current().expose(), new.current().expose());
        assert!(new.find(old.id()).is_none());
    }

    #[test]
    fn keys_are_wiped_and_not_shown() {
        fn is_wiped<T: zeroize::ZeroizeOnDrop>(_: &T) {}
        let keys = KeyRing::new(OLD).unwrap().keys_for(&named("x"));
        is_wiped(&keys.current().key);
        assert_eq!(format!("{keys:?} {:?}", keys.current()), "PurposeKeys(1 keys) PurposeKey(5a6bca9e)");
    }
}
