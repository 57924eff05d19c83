//! [`Kept`]: the stored state of a passkey, before it is sealed.
//!
//! The format belongs to this crate: another verifier can continue with it.

use serde::{Deserialize, Serialize};
use webauthn_rs_core::proto::{
    AttestationFormat, COSEAlgorithm, COSEEC2Key, COSEKey, COSEKeyType, COSERSAKey, Credential, ECDSACurve,
    ParsedAttestation, RegisteredExtensions, UserVerificationPolicy,
};

use crate::base64url;

/// The longest RSA modulus, in bytes. Nobody creates longer ones, and verifying them is expensive.
const MAX_MODULUS: usize = 512;
const MIN_MODULUS: usize = 256;
/// How many transports are remembered.
const MAX_TRANSPORTS: usize = 8;
/// The known transports. Other values that a browser sends are not repeated to it.
const TRANSPORTS: [&str; 6] = ["usb", "nfc", "ble", "smart-card", "hybrid", "internal"];

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// The credential id.
    #[serde(with = "base64url")]
    pub(crate) id: Vec<u8>,
    /// The handle by which the device knows its user.
    #[serde(with = "base64url")]
    pub(crate) handle: Vec<u8>,
    key: Key,
    pub(crate) counter: u32,
    /// Whether it may be copied to other devices of its owner, which never changes.
    pub(crate) backup_eligible: bool,
    /// Whether it has been copied.
    pub(crate) backed_up: bool,
    pub(crate) transports: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "alg")]
enum Key {
    #[serde(rename = "ES256")]
    Es256 {
        #[serde(with = "base64url")]
        x: Vec<u8>,
        #[serde(with = "base64url")]
        y: Vec<u8>,
    },
    #[serde(rename = "RS256")]
    Rs256 {
        #[serde(with = "base64url")]
        n: Vec<u8>,
        e: [u8; 3],
    },
}

impl Key {
    /// Only offered algorithms: a key that claims ES256 may still use another curve.
    fn of(key: COSEKey) -> Option<Self> {
        match (key.type_, key.key) {
            (
                COSEAlgorithm::ES256,
                COSEKeyType::EC_EC2(COSEEC2Key { curve: ECDSACurve::SECP256R1, x, y }),
            ) => (x.len() == 32 && y.len() == 32).then_some(Self::Es256 { x, y }),
            (COSEAlgorithm::RS256, COSEKeyType::RSA(COSERSAKey { n, e })) => {
                (MIN_MODULUS..=MAX_MODULUS).contains(&n.len()).then_some(Self::Rs256 { n, e })
            }
            _ => None,
        }
    }

    fn cose(&self) -> COSEKey {
        match self {
            Self::Es256 { x, y } => COSEKey {
                type_: COSEAlgorithm::ES256,
                key: COSEKeyType::EC_EC2(COSEEC2Key {
                    curve: ECDSACurve::SECP256R1,
                    x: x.clone(),
                    y: y.clone(),
                }),
            },
            Self::Rs256 { n, e } => COSEKey {
                type_: COSEAlgorithm::RS256,
                key: COSEKeyType::RSA(COSERSAKey { n: n.clone(), e: *e }),
            },
        }
    }
}

impl Kept {
    /// The stored state of a credential that was just verified; `None` if its key has an algorithm that was not
    /// offered.
    pub(crate) fn of(credential: Credential, handle: Vec<u8>, transports: &[String]) -> Option<Self> {
        let known = transports.iter().filter(|name| TRANSPORTS.contains(&name.as_str()));
        Some(Self {
            id: credential.cred_id,
            handle,
            key: Key::of(credential.cred)?,
            counter: credential.counter,
            backup_eligible: credential.backup_eligible,
            backed_up: credential.backup_state,
            transports: known.take(MAX_TRANSPORTS).cloned().collect(),
        })
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        // These types always have a JSON form.
        serde_json::to_vec(self).unwrap_or_default()
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    /// In the verifier's form, without what would make it decide by itself: the counter, and whether the user was
    /// verified at the registration, because of which it would require more than this ceremony does.
    pub(crate) fn credential(&self) -> Credential {
        Credential {
            cred_id: self.id.clone(),
            cred: self.key.cose(),
            counter: 0,
            transports: None,
            user_verified: false,
            backup_eligible: self.backup_eligible,
            backup_state: self.backed_up,
            registration_policy: UserVerificationPolicy::Discouraged_DO_NOT_USE,
            extensions: RegisteredExtensions::none(),
            attestation: ParsedAttestation::default(),
            attestation_format: AttestationFormat::None,
        }
    }
}

/// What a new counter means compared to the stored one (`WebAuthn` Level 3, §7.2 step 22).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counter {
    /// It means nothing: the device does not count.
    None,
    Rose,
    /// It did not rise, although one of the two has a value. The stored counter stays, so that counting does not
    /// start anew.
    Fell,
}

impl Counter {
    pub(crate) fn judge(kept: u32, new: u32) -> Self {
        match (kept, new) {
            (0, 0) => Self::None,
            (kept, new) if new > kept => Self::Rose,
            _ => Self::Fell,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(key: Key) -> Kept {
        Kept {
            id: vec![0, 255, 7],
            handle: vec![9; 64],
            key,
            counter: u32::MAX,
            backup_eligible: true,
            backed_up: false,
            transports: vec!["internal".into()],
        }
    }

    /// Rows of today are read by the versions to come.
    #[test]
    fn what_is_kept_stays_as_it_is() {
        let es256 = kept(Key::Es256 { x: vec![1; 32], y: vec![2; 32] });
        let text = format!(
            r#"{{"id":"AP8H","handle":"{}","key":{{"alg":"ES256","x":"{}","y":"{}"}},"counter":4294967295,"backup_eligible":true,"backed_up":false,"transports":["internal"]}}"#,
            "CQkJ".repeat(21) + "CQ",
            "AQEB".repeat(10) + "AQE",
            "AgIC".repeat(10) + "AgI"
        );
        assert_eq!(String::from_utf8(es256.to_bytes()).unwrap(), text);
        let rs256 = kept(Key::Rs256 { n: vec![5; 256], e: [1, 0, 1] });
        for kept in [es256, rs256] {
            assert_eq!(Kept::from_bytes(&kept.to_bytes()), Some(kept));
        }
        for bad in [&b""[..], b"{}", b"null", &[0xff; 40]] {
            assert_eq!(Kept::from_bytes(bad), None);
        }
    }

    #[test]
    fn keys_are_of_the_algorithms_that_were_offered() {
        let ec = |type_, curve| COSEKey {
            type_,
            key: COSEKeyType::EC_EC2(COSEEC2Key { curve, x: vec![1; 32], y: vec![2; 32] }),
        };
        let rsa = |type_, len| COSEKey {
            type_,
            key: COSEKeyType::RSA(COSERSAKey { n: vec![1; len], e: [1, 0, 1] }),
        };
        assert!(Key::of(ec(COSEAlgorithm::ES256, ECDSACurve::SECP256R1)).is_some());
        assert!(Key::of(rsa(COSEAlgorithm::RS256, 256)).is_some());
        for other in [
            ec(COSEAlgorithm::ES256, ECDSACurve::SECP384R1),
            ec(COSEAlgorithm::ES384, ECDSACurve::SECP384R1),
            ec(COSEAlgorithm::RS256, ECDSACurve::SECP256R1),
            rsa(COSEAlgorithm::ES256, 256),
            rsa(COSEAlgorithm::RS384, 256),
            rsa(COSEAlgorithm::INSECURE_RS1, 256),
            rsa(COSEAlgorithm::RS256, 128),
            rsa(COSEAlgorithm::RS256, 513),
        ] {
            assert_eq!(Key::of(other.clone()), None, "{other:?}");
        }
    }

    #[test]
    fn counters_rise_or_fall_or_are_none() {
        for (old, new, expected) in [
            (0, 0, Counter::None),
            (0, 1, Counter::Rose),
            (7, 8, Counter::Rose),
            (7, u32::MAX, Counter::Rose),
            (7, 7, Counter::Fell),
            (7, 6, Counter::Fell),
            (7, 0, Counter::Fell),
            (u32::MAX, 0, Counter::Fell),
        ] {
            assert_eq!(Counter::judge(old, new), expected, "{old} {new}");
        }
    }
}
