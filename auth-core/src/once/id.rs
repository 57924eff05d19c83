//! [`OnceId`]: an id that can be used once.

use std::fmt;

use crate::hidden;
use crate::keyed;
use crate::session::Purpose;

/// An id that can be used once, and its purpose. The same id is different for each purpose.
///
/// ```
/// use auth_core::once::OnceId;
/// use auth_core::session::Purpose;
///
/// let (invites, resets) = (Purpose::new("shop.invites")?, Purpose::new("shop.resets")?);
/// assert_ne!(OnceId::new(&invites, b"9f1c6a")?.key(), OnceId::new(&resets, b"9f1c6a")?.key());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct OnceId<'a> {
    purpose: &'a Purpose,
    id: &'a [u8],
}

/// Not a secret: it separates these hashes from all others. Never change it, or used ids can be used again.
const CONTEXT: &[u8; 32] = b"auth-core: what may be used once";

impl<'a> OnceId<'a> {
    /// The longest id, in bytes.
    pub const MAX_LEN: usize = 255;

    /// Uses an id as it is: ids that differ in one byte are different.
    ///
    /// Do not shorten an id from elsewhere that is too long: refuse what it belongs to.
    ///
    /// ```
    /// use auth_core::once::OnceId;
    /// use auth_core::session::Purpose;
    ///
    /// let invites = Purpose::new("shop.invites")?;
    /// assert!(OnceId::new(&invites, "9f1c6a").is_ok());
    /// assert!(OnceId::new(&invites, "").is_err());
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// [`InvalidOnceId`] if it is empty or longer than [`Self::MAX_LEN`] bytes.
    pub fn new(purpose: &'a Purpose, id: &'a (impl AsRef<[u8]> + ?Sized)) -> Result<Self, InvalidOnceId> {
        let id = id.as_ref();
        if id.is_empty() || id.len() > Self::MAX_LEN {
            return Err(InvalidOnceId);
        }
        Ok(Self { purpose, id })
    }

    /// The purpose.
    pub fn purpose(&self) -> &'a Purpose {
        self.purpose
    }

    /// The id as it is.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.id
    }

    /// The key in stores: a hash of the purpose and the id, with a fixed length and without odd bytes that databases
    /// could compare in different ways. A random id cannot be read from it.
    pub fn key(&self) -> [u8; 32] {
        let [owner, name] = self.purpose.parts().map(str::as_bytes);
        let [owner_len, name_len] = [owner, name].map(|part| (part.len() as u64).to_le_bytes());
        keyed::hash(CONTEXT, [&owner_len, owner, &name_len, name, self.id])
    }
}

impl fmt::Debug for OnceId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = hidden::text(self.id);
        f.debug_struct("OnceId").field("purpose", self.purpose).field("id", &id).finish()
    }
}

/// The bytes are not an id: none, or more than [`OnceId::MAX_LEN`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidOnceId;

impl fmt::Display for InvalidOnceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an id of what is used once has 1 to 255 bytes")
    }
}

impl std::error::Error for InvalidOnceId {}

#[cfg(test)]
mod tests {
    use super::*;

    fn purpose(name: &str) -> Purpose {
        Purpose::new(name).unwrap()
    }

    #[test]
    fn ids_have_a_length() {
        let links = purpose("links");
        for good in [1, 255] {
            assert!(OnceId::new(&links, &vec![0; good]).is_ok());
        }
        for bad in [0, 256] {
            assert_eq!(OnceId::new(&links, &vec![0; bad]), Err(InvalidOnceId));
        }
    }

    #[test]
    fn no_two_ids_have_one_key() {
        let purposes = [
            purpose("a"),
            purpose("ab"),
            purpose("auth-core"),
            Purpose::of_core("a"),
            Purpose::of_core("ab"),
        ];
        let ids: [&[u8]; 6] = [b"a", b"b", b"bc", b"c", b"a\0", b"\0a"];
        let keys: std::collections::HashSet<_> = purposes
            .iter()
            .flat_map(|purpose| ids.map(|id| OnceId::new(purpose, id).unwrap().key()))
            .collect();
        assert_eq!(keys.len(), purposes.len() * ids.len());
    }

    /// Instances of two builds must agree, and what was used before an update stays used.
    #[test]
    fn keys_stay_as_they_are() {
        let key = OnceId::new(&purpose("shop.invites"), b"9f1c6a").unwrap().key();
        assert_eq!(
            blake3::Hash::from(key).to_hex().as_str(),
            "dffd0e33a3a4109b402735d316a770b92725ed422be8172cb2013bf5976a20e1"
        );
    }

    #[test]
    fn ids_are_not_shown() {
        let shown = format!("{:?}", OnceId::new(&purpose("shop.invites"), b"canary-7f3a").unwrap());
        assert!(shown.contains("shop.invites") && shown.contains("(11 bytes)"), "{shown}");
        assert!(!shown.contains("canary") && !shown.contains("99, 97"), "{shown}");
    }
}
