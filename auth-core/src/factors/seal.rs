//! Secrets as they are stored.
//!
//! ```text
//! format 1 | key id 4 | nonce 24 | encrypted secret | tag 16
//! ```
//!
//! The key is derived for this purpose, and the associated data contain the owner and the id: a row that is copied to
//! another user, or to another id, cannot be opened.

use chacha20poly1305::{AeadInOut, KeyInit, XChaCha20Poly1305};
use zeroize::Zeroizing;

use super::{FactorId, FactorOwner};
use crate::random::{Random, RandomError};
use crate::session::{Purpose, PurposeKey, PurposeKeys};

pub(super) const PURPOSE: Purpose = Purpose::of_core("factors");
const FORMAT: u8 = 1;
const NONCE_LEN: usize = 24;
const HEAD_LEN: usize = 1 + 4 + NONCE_LEN;
const TAG_LEN: usize = 16;

/// A secret, sealed with the current key.
pub(super) fn seal(
    secret: &[u8],
    owner: &FactorOwner,
    id: FactorId,
    keys: &PurposeKeys,
    random: &dyn Random,
) -> Result<Box<[u8]>, RandomError> {
    let key = keys.current();
    let mut nonce = [0; NONCE_LEN];
    random.fill(&mut nonce)?;
    // With its final capacity, so that growing leaves no copy of the secret behind.
    let mut bytes = Vec::with_capacity(HEAD_LEN + secret.len() + TAG_LEN);
    bytes.push(FORMAT);
    bytes.extend(key.id());
    bytes.extend(nonce);
    bytes.extend(secret);
    let tag = cipher(key)
        .encrypt_inout_detached((&nonce).into(), &data(owner, id), (&mut bytes[HEAD_LEN..]).into())
        // The only limit is that of the cipher, in gigabytes.
        .map_err(|_| RandomError)?;
    bytes.extend(tag);
    Ok(bytes.into())
}

/// The secret, and whether it was sealed with the current key; `None` if none of these keys sealed it for this
/// factor.
pub(super) fn open(
    sealed: &[u8],
    owner: &FactorOwner,
    id: FactorId,
    keys: &PurposeKeys,
) -> Option<(Zeroizing<Vec<u8>>, bool)> {
    let (format, rest) = sealed.split_first()?;
    let (key, rest) = rest.split_first_chunk::<4>()?;
    let (nonce, rest) = rest.split_first_chunk::<NONCE_LEN>()?;
    let (encrypted, tag) = rest.split_last_chunk::<TAG_LEN>()?;
    let key = keys.find(*key).filter(|_| *format == FORMAT)?;
    let mut secret = Zeroizing::new(encrypted.to_vec());
    cipher(key)
        .decrypt_inout_detached(nonce.into(), &data(owner, id), secret.as_mut_slice().into(), tag.into())
        .ok()?;
    Some((secret, key.id() == keys.current().id()))
}

/// Each part is preceded by its length, so that no two owners share it.
fn data(owner: &FactorOwner, id: FactorId) -> Vec<u8> {
    let mut data = Vec::new();
    for part in [owner.backend.as_str(), owner.user.as_str()] {
        data.extend((part.len() as u64).to_le_bytes());
        data.extend(part.as_bytes());
    }
    data.extend(id.number().to_le_bytes());
    data
}

fn cipher(key: &PurposeKey) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(key.expose().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::OsRandom;
    use crate::session::KeyRing;
    use crate::{BackendName, UserId};

    const OLD: &[u8] = b"the secret that was used before..";
    const NEW: &[u8] = b"the secret that is used from today";

    fn owner(backend: &str, user: &str) -> FactorOwner {
        FactorOwner { backend: BackendName::new(backend).unwrap(), user: UserId::new(user).unwrap() }
    }

    fn opened(sealed: &[u8], owner: &FactorOwner, id: u64, keys: &PurposeKeys) -> Option<(Vec<u8>, bool)> {
        open(sealed, owner, FactorId::from_number(id), keys).map(|(secret, is_new)| (secret.to_vec(), is_new))
    }

    #[test]
    fn a_secret_opens_for_its_owner_and_id_alone() {
        let keys = KeyRing::new(OLD).unwrap().keys_for(&PURPOSE);
        let alice = owner("local", "1");
        let sealed = seal(b"canary", &alice, FactorId::from_number(7), &keys, &OsRandom).unwrap();
        assert!(!sealed.windows(6).any(|some| some == b"canary"));
        assert_eq!(opened(&sealed, &alice, 7, &keys), Some((b"canary".to_vec(), true)));
        for other in [owner("local", "2"), owner("other", "1"), owner("local1", "1"), owner("local", "11")] {
            assert_eq!(opened(&sealed, &other, 7, &keys), None, "{other:?}");
        }
        assert_eq!(opened(&sealed, &alice, 8, &keys), None);
        let other = KeyRing::new(OLD).unwrap().keys_for(&Purpose::new("factors").unwrap());
        assert_eq!(opened(&sealed, &alice, 7, &other), None, "an application's purpose of that name");
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(opened(&changed, &alice, 7, &keys), None, "{at}");
            assert_eq!(opened(&sealed[..at], &alice, 7, &keys), None, "{at}");
        }
    }

    #[test]
    fn old_keys_open_as_long_as_they_are_there() {
        let old = KeyRing::new(OLD).unwrap().keys_for(&PURPOSE);
        let both = KeyRing::new(NEW).unwrap().with_fallback(OLD).unwrap().keys_for(&PURPOSE);
        let new = KeyRing::new(NEW).unwrap().keys_for(&PURPOSE);
        let alice = owner("local", "1");
        let sealed = seal(b"canary", &alice, FactorId::from_number(7), &old, &OsRandom).unwrap();
        assert_eq!(opened(&sealed, &alice, 7, &both), Some((b"canary".to_vec(), false)));
        assert_eq!(opened(&sealed, &alice, 7, &new), None);
    }
}
