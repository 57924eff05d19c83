//! [`OnceId`]: what is used.

use std::fmt;

use crate::hidden;
use crate::keyed;
use crate::session::Purpose;

/// What is used: an id, and what it is for. The same id is something else for each purpose.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct OnceId<'a> {
    purpose: &'a Purpose,
    id: &'a [u8],
}

/// Not a secret: it sets these hashes apart from all others. Never to be changed, or what was used before is good again.
const CONTEXT: &[u8; 32] = b"auth-core: what may be used once";

impl<'a> OnceId<'a> {
    /// The longest id, in bytes.
    pub const MAX_LEN: usize = 255;

    /// Takes an id as it is: whatever differs in a byte is another one.
    ///
    /// An id that comes from elsewhere is not shortened if it is too long: what it belongs to is to be refused.
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

    /// What it is for.
    pub fn purpose(&self) -> &'a Purpose {
        self.purpose
    }

    /// The id as it is.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.id
    }

    /// What stores keep of it: a hash of the purpose and the id, which has one length and no odd bytes for a database to
    /// compare in a way of its own. Nobody reads the id in it, if that was drawn at random.
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

/// The bytes are no id of what is used once: none, or more than [`OnceId::MAX_LEN`].
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
