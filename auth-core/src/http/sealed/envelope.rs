//! What the value of a sealed cookie is made of.
//!
//! ```text
//! base64url( key id 4 | nonce 24 | encrypted( issued 8 | expires 8 | payload ) | tag 16 )
//! ```
//!
//! Times are milliseconds, little-endian. The key is the purpose's, and the associated data are the cookie's whole name: a
//! value is nothing under another name, and one that was set without `__Host-` nothing with it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::{AeadInOut, KeyInit, XChaCha20Poly1305};
use zeroize::Zeroizing;

use super::{SealError, SealErrorKind, SealedCookies};
use crate::session::{PurposeKey, PurposeKeys, SessionConfig};
use crate::time::Timestamp;

pub(super) const NONCE_LEN: usize = 24;
const HEAD_LEN: usize = 4 + NONCE_LEN;
const TAG_LEN: usize = 16;
/// The longest value that is read.
const MAX_LEN: usize = ((HEAD_LEN + 16 + SealedCookies::MAX_PAYLOAD + TAG_LEN) * 4).div_ceil(3);

/// What was sealed.
pub(super) struct Envelope {
    pub(super) issued: Timestamp,
    pub(super) expires: Timestamp,
    pub(super) payload: Zeroizing<Vec<u8>>,
}

impl Envelope {
    /// Whether it counts at this moment.
    pub(super) fn is_valid(&self, now: Timestamp) -> bool {
        self.issued <= now.plus(SessionConfig::CLOCK_SKEW) && now < self.expires
    }
}

/// The value of the cookie `name`; the times are when it is issued and when it expires.
pub(super) fn seal(
    payload: &[u8],
    times: [Timestamp; 2],
    key: &PurposeKey,
    nonce: &[u8; NONCE_LEN],
    name: &str,
) -> Result<String, SealError> {
    if payload.len() > SealedCookies::MAX_PAYLOAD {
        return Err(SealErrorKind::TooLarge.into());
    }
    // As long as it will be: had it to grow, a copy of the payload would stay behind.
    let mut bytes = Vec::with_capacity(HEAD_LEN + 16 + payload.len() + TAG_LEN);
    bytes.extend(key.id());
    bytes.extend(nonce);
    for time in times {
        bytes.extend(time.as_millis().to_le_bytes());
    }
    bytes.extend(payload);
    let tag = cipher(key)
        .encrypt_inout_detached(nonce.into(), name.as_bytes(), (&mut bytes[HEAD_LEN..]).into())
        // It has a limit of its own, far above ours.
        .map_err(|_| SealErrorKind::TooLarge)?;
    bytes.extend(tag);
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// What is in the value of the cookie `name`; `None` if that is not what one of these keys sealed for it.
pub(super) fn open(value: &[u8], keys: &PurposeKeys, name: &str) -> Option<Envelope> {
    if value.len() > MAX_LEN {
        return None;
    }
    let mut bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(value).ok()?);
    let (id, rest) = bytes.split_first_chunk_mut::<4>()?;
    let (nonce, rest) = rest.split_first_chunk_mut::<NONCE_LEN>()?;
    let (sealed, tag) = rest.split_last_chunk_mut::<TAG_LEN>()?;
    cipher(keys.find(*id)?)
        .decrypt_inout_detached((&*nonce).into(), name.as_bytes(), (&mut *sealed).into(), (&*tag).into())
        .ok()?;
    let (issued, rest) = sealed.split_first_chunk()?;
    let (expires, payload) = rest.split_first_chunk()?;
    let time = |bytes: &[u8; 8]| Timestamp::from_millis(u64::from_le_bytes(*bytes));
    Some(Envelope { issued: time(issued), expires: time(expires), payload: Zeroizing::new(payload.to_vec()) })
}

fn cipher(key: &PurposeKey) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(key.expose().into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::session::{KeyRing, Purpose};

    const NAME: &str = "__Host-application-shop.invites-07070707";
    const TIMES: [Timestamp; 2] = [Timestamp::from_secs(1_800_000_000), Timestamp::from_secs(1_800_000_600)];

    fn keys(purpose: &str) -> PurposeKeys {
        let ring = KeyRing::new(b"the secret that was used before..").unwrap();
        ring.keys_for(&Purpose::new(purpose).unwrap())
    }

    fn sealed(payload: &[u8]) -> String {
        seal(payload, TIMES, keys("shop.invites").current(), &[7; NONCE_LEN], NAME).unwrap()
    }

    fn is_nothing(value: &[u8]) -> bool {
        open(value, &keys("shop.invites"), NAME).is_none()
    }

    /// Browsers keep it across an update of the server. Made by other implementations of BLAKE3 and XChaCha20-Poly1305.
    #[test]
    fn the_value_is_as_it_was() {
        let value = sealed(b"from alice");
        assert_eq!(
            value,
            "WmvKngcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHB5P4eqatgzuOsYKyKMsuZZ_rvMONvL9LpxgCtsHrMPzB5SGX72aj8MsfMA"
        );
        let envelope = open(value.as_bytes(), &keys("shop.invites"), NAME).unwrap();
        assert_eq!((&**envelope.payload, [envelope.issued, envelope.expires]), (&b"from alice"[..], TIMES));
    }

    /// The key alone keeps purposes apart, and so does the name.
    #[test]
    fn key_and_name_are_bound() {
        let value = sealed(b"from alice");
        let other_purpose = NAME.replace("invites", "baskets");
        let other_id = NAME.replace("07070707", "07070708");
        let insecure = NAME.strip_prefix("__Host-").unwrap();
        assert!(open(value.as_bytes(), &keys("shop.baskets"), NAME).is_none());
        for name in [&other_purpose, &other_id, insecure, ""] {
            assert!(open(value.as_bytes(), &keys("shop.invites"), name).is_none(), "{name}");
        }
    }

    #[test]
    fn other_spellings_are_nothing() {
        let value = sealed(b"from alice");
        let last = if value.ends_with('A') { 'B' } else { 'A' };
        for other in [
            String::new(),
            format!("{value}="),
            format!("{value}=="),
            format!("{value}A"),
            format!("\"{value}\""),
            value.replace('-', "+").replace('_', "/") + "==",
            value.replacen('W', "%57", 1),
            // What the last character says beyond the last byte is not said here.
            format!("{}{last}", &value[..value.len() - 1]),
        ] {
            assert!(is_nothing(other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn whatever_is_taken_off_or_put_in_its_place_is_nothing() {
        let value = sealed(b"from alice");
        for at in 0..value.len() {
            assert!(is_nothing(&value.as_bytes()[..at]), "up to {at}");
            assert!(is_nothing(&value.as_bytes()[at + 1..]), "from {at}");
            for byte in 0..=u8::MAX {
                let mut changed = value.clone().into_bytes();
                changed[at] = byte;
                assert!(changed == value.as_bytes() || is_nothing(&changed), "{byte} at {at}");
            }
        }
    }

    #[test]
    fn values_are_wiped() {
        fn is_wiped<T: zeroize::ZeroizeOnDrop>(_: &T) {}
        is_wiped(&cipher(keys("shop.invites").current()));
        let value = sealed(b"from alice");
        is_wiped(&open(value.as_bytes(), &keys("shop.invites"), NAME).unwrap().payload);
    }

    proptest! {
        #[test]
        fn what_is_sealed_opens_and_no_changed_byte_does(
            payload in proptest::collection::vec(any::<u8>(), 0..=SealedCookies::MAX_PAYLOAD),
            at in any::<proptest::sample::Index>(),
            flip in 1..=u8::MAX,
        ) {
            let value = sealed(&payload);
            let envelope = open(value.as_bytes(), &keys("shop.invites"), NAME).unwrap();
            prop_assert_eq!(&*envelope.payload, &payload);
            let mut bytes = URL_SAFE_NO_PAD.decode(&value).unwrap();
            let at = at.index(bytes.len());
            bytes[at] ^= flip;
            prop_assert!(is_nothing(URL_SAFE_NO_PAD.encode(&bytes).as_bytes()));
            prop_assert!(is_nothing(URL_SAFE_NO_PAD.encode(&bytes[..at]).as_bytes()));
        }

        #[test]
        fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(is_nothing(&bytes));
            prop_assert!(is_nothing(URL_SAFE_NO_PAD.encode(&bytes).as_bytes()));
        }
    }
}
