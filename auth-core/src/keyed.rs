//! Keyed BLAKE3 that leaves no key behind.
//!
//! A hash state contains its key, and its last input, until something overwrites them: it is wiped.

use blake3::Hasher;
use zeroize::{Zeroize, Zeroizing};

/// A key for one purpose.
pub(crate) type Key = Zeroizing<[u8; 32]>;

/// The keyed hash of a message, given in parts.
pub(crate) fn hash<const N: usize>(key: &[u8; 32], message: [&[u8]; N]) -> [u8; 32] {
    wiped(Hasher::new_keyed(key), message)
}

/// The same for any number of parts, each preceded by its length, so that different parts never have the same hash.
pub(crate) fn hash_parts<'a>(key: &[u8; 32], parts: impl IntoIterator<Item = &'a [u8]>) -> [u8; 32] {
    let mut hasher = Hasher::new_keyed(key);
    for part in parts {
        hasher.update(&part.len().to_le_bytes()).update(part);
    }
    finish(hasher)
}

/// The hash of a session's token, without a key.
///
/// Its state is not wiped, which would take as long as the hash: the token is also in the memory of the request,
/// which nobody wipes.
pub(crate) fn of_token(token: &[u8]) -> [u8; 32] {
    *blake3::hash(token).as_bytes()
}

/// A key for the purpose of this context.
pub(crate) fn derive(context: &'static str, secret: &[u8]) -> Key {
    Zeroizing::new(wiped(Hasher::new_derive_key(context), [secret]))
}

fn wiped<const N: usize>(mut hasher: Hasher, message: [&[u8]; N]) -> [u8; 32] {
    for part in message {
        hasher.update(part);
    }
    finish(hasher)
}

fn finish(mut hasher: Hasher) -> [u8; 32] {
    let hash = *hasher.finalize().as_bytes();
    hasher.zeroize();
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where the features that wipe hash states are missing, this does not compile.
    #[test]
    fn states_can_be_wiped() {
        fn wipes<T: Zeroize>() {}
        fn is_wiped<T: zeroize::ZeroizeOnDrop>() {}
        wipes::<Hasher>();
        is_wiped::<sha2::Sha256>();
        is_wiped::<Key>();
    }

    #[test]
    fn they_are_the_hashes_of_the_library() {
        for message in [&b""[..], b"short", &[7; 1_024], &[7; 5_000]] {
            let hashed = blake3::keyed_hash(&[3; 32], message);
            let (one, other) = message.split_at(message.len() / 3);
            assert_eq!(hash(&[3; 32], [message]), *hashed.as_bytes());
            assert_eq!(hash(&[3; 32], [one, other]), *hashed.as_bytes());
            assert_eq!(*derive("auth-core tests", message), blake3::derive_key("auth-core tests", message));
        }
    }
}
