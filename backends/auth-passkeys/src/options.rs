//! The requests to a browser: `PublicKeyCredentialCreationOptionsJSON` and `PublicKeyCredentialRequestOptionsJSON`
//! (`WebAuthn` Level 3, §5.1.9 and §5.1.10).

use std::time::Duration;

use serde_json::{Value, json};

use crate::base64url;
use crate::kept::Kept;
use crate::state::Challenge;

/// ES256 and RS256 (RFC 9053 §2.1, RFC 8812 §2), which the verifier supports. A device with neither cannot have a
/// passkey here.
const ALGORITHMS: [i64; 2] = [-7, -257];

/// Whether a device has to verify its user, by a PIN, a fingerprint or a face: see
/// [`Passkeys::user_verification`](crate::Passkeys::user_verification).
///
/// ```
/// # use std::sync::Arc;
/// # use auth_core::factors::{Factors, MemoryFactors};
/// # use auth_core::once::MemoryOnce;
/// # use auth_core::session::KeyRing;
/// # use auth_core::{MemoryBackend, Passwords, User, UserId};
/// # use auth_passkeys::{Passkeys, UserVerification};
/// # #[derive(Clone)]
/// # struct Account;
/// # impl User for Account {
/// #     fn id(&self) -> UserId { UserId::from(1) }
/// #     fn security_stamp(&self) -> &[u8] { b"" }
/// #     fn is_active(&self) -> bool { true }
/// # }
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let keys = KeyRing::generate()?;
/// # let factors = Arc::new(Factors::new("Shop", MemoryFactors::new(10), &keys)?);
/// # let origins = ["https://example.com"];
/// # let passkeys = Passkeys::<_, _, Account>::new("example.com", origins, factors, MemoryOnce::new(10), &keys)?;
/// // A found security key is then not enough to sign in.
/// let passkeys = passkeys.user_verification(UserVerification::Required);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UserVerification {
    /// Required: an answer without verification is refused.
    Required,
    /// If the device can. An answer without verification proves one factor: that the passkey is there.
    Preferred,
    /// Not needed.
    Discouraged,
}

impl UserVerification {
    fn name(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Preferred => "preferred",
            Self::Discouraged => "discouraged",
        }
    }
}

/// The user who will get a passkey, as their device shows them.
pub(crate) struct Person<'a> {
    pub(crate) handle: &'a [u8],
    pub(crate) name: &'a str,
    pub(crate) display_name: &'a str,
}

pub(crate) fn creation(
    [rp_id, rp_name]: [&str; 2],
    person: &Person<'_>,
    challenge: &Challenge,
    existing: &[Kept],
    is_discoverable: bool,
    timeout: Duration,
) -> String {
    let algorithms = ALGORITHMS.map(|alg| json!({ "type": "public-key", "alg": alg }));
    json!({
        "rp": { "id": rp_id, "name": rp_name },
        "user": {
            "id": base64url::encode(person.handle),
            "name": person.name,
            "displayName": person.display_name,
        },
        "challenge": base64url::encode(challenge),
        "pubKeyCredParams": algorithms,
        "timeout": millis(timeout),
        "excludeCredentials": descriptors(existing),
        "authenticatorSelection": {
            "residentKey": if is_discoverable { "required" } else { "preferred" },
            "requireResidentKey": is_discoverable,
            "userVerification": UserVerification::Preferred.name(),
        },
        "attestation": "none",
    })
    .to_string()
}

/// Without a list of allowed passkeys, the device offers those that it has for this site.
pub(crate) fn request(
    rp_id: &str,
    challenge: &Challenge,
    allowed: &[Kept],
    verification: UserVerification,
    timeout: Duration,
) -> String {
    json!({
        "rpId": rp_id,
        "challenge": base64url::encode(challenge),
        "timeout": millis(timeout),
        "allowCredentials": descriptors(allowed),
        "userVerification": verification.name(),
    })
    .to_string()
}

fn descriptors(passkeys: &[Kept]) -> Vec<Value> {
    let descriptor = |kept: &Kept| {
        let mut one = json!({ "type": "public-key", "id": base64url::encode(&kept.id) });
        if !kept.transports.is_empty() {
            one["transports"] = json!(kept.transports);
        }
        one
    };
    passkeys.iter().map(descriptor).collect()
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
