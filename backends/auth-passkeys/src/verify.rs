//! [`Verifier`]: uses the computations of `webauthn-rs`, without the decisions that it adds to the specification.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use serde_json::json;
use webauthn_rs_core::WebauthnCore;
use webauthn_rs_core::error::WebauthnError;
use webauthn_rs_core::proto::{
    AuthenticationExtensionsClientOutputs, AuthenticationState, AuthenticatorAssertionResponseRaw,
    AuthenticatorAttestationResponseRaw, PublicKeyCredential, RegisterPublicKeyCredential,
    RegistrationExtensionsClientOutputs, RegistrationState,
};

use crate::base64url;
use crate::kept::Kept;
use crate::response::{Answer, Assertion, Attestation};
use crate::site::Site;
use crate::state::State;

/// The parts of the ceremonies that need CBOR and cryptography.
#[derive(Debug)]
pub(crate) struct Verifier {
    core: WebauthnCore,
}

/// What an assertion showed, besides being correct.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Signed {
    pub(crate) user_verified: bool,
    pub(crate) backed_up: bool,
    pub(crate) counter: u32,
}

/// The answer does not match the request. The reason is for a log, and contains nothing that was sent.
#[derive(Debug)]
pub(crate) struct Wrong(String);

impl std::fmt::Display for Wrong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<WebauthnError> for Wrong {
    fn from(error: WebauthnError) -> Self {
        // Parsers quote their input; the other errors only name the problem.
        Self(match error {
            WebauthnError::ParseJSONFailure(_)
            | WebauthnError::ParseCBORFailure(_)
            | WebauthnError::ParseBase64Failure(_) => "it cannot be read".into(),
            error => error.to_string(),
        })
    }
}

impl Verifier {
    pub(crate) fn new(site: &Site, name: &str, timeout: Duration) -> Self {
        let origins = site.origins.clone();
        let core =
            WebauthnCore::new_unsafe_experts_only(name, &site.id, origins, timeout, Some(false), Some(false));
        Self { core }
    }

    /// `WebAuthn` Level 3, §7.1. Also returns whether the device verified its user.
    pub(crate) fn register(
        &self,
        answer: &Answer,
        attestation: Attestation,
        state: &State,
    ) -> Result<(Kept, bool), Wrong> {
        let asked: RegistrationState = read(json!({
            "policy": "preferred",
            "exclude_credentials": [],
            "challenge": base64url::encode(&state.challenge),
            "credential_algorithms": ["ES256", "RS256"],
            "require_resident_key": false,
            "authenticator_attachment": null,
            "extensions": {},
            "allow_synchronised_authenticators": true,
        }))?;
        let given = RegisterPublicKeyCredential {
            id: base64url::encode(&answer.id),
            raw_id: answer.id.clone(),
            response: AuthenticatorAttestationResponseRaw {
                attestation_object: attestation.object,
                client_data_json: answer.client_data.clone(),
                transports: None,
            },
            type_: "public-key".into(),
            extensions: RegistrationExtensionsClientOutputs::default(),
        };
        let credential = caught(|| self.core.register_credential(&given, &asked, None))?;
        // The unsigned id could name another passkey than the signed one.
        if credential.cred_id != answer.id {
            return Err(Wrong("the id outside is not the one inside".into()));
        }
        let is_verified = credential.user_verified;
        let kept = Kept::of(credential, state.handle.clone(), &attestation.transports);
        let kept = kept.ok_or_else(|| Wrong("the key is of an algorithm that was not offered".into()))?;
        Ok((kept, is_verified))
    }

    /// `WebAuthn` Level 3, §7.2, except for whose the passkey is and what its counter means.
    pub(crate) fn assert(
        &self,
        answer: &Answer,
        assertion: &Assertion,
        state: &State,
        kept: &Kept,
    ) -> Result<Signed, Wrong> {
        let asked: AuthenticationState = read(json!({
            "credentials": [],
            "policy": if state.must_verify { "required" } else { "preferred" },
            "challenge": base64url::encode(&state.challenge),
            "appid": null,
            "allow_backup_eligible_upgrade": false,
        }))?;
        let given = PublicKeyCredential {
            id: base64url::encode(&answer.id),
            raw_id: answer.id.clone(),
            response: AuthenticatorAssertionResponseRaw {
                authenticator_data: assertion.authenticator_data.clone(),
                client_data_json: answer.client_data.clone(),
                signature: assertion.signature.clone(),
                user_handle: assertion.user_handle.clone(),
            },
            extensions: AuthenticationExtensionsClientOutputs::default(),
            type_: "public-key".into(),
        };
        let credential = kept.credential();
        let shown = caught(|| self.core.authenticate_single_credential(&given, &asked, &credential))?;
        Ok(Signed {
            user_verified: shown.user_verified(),
            backed_up: shown.backup_state(),
            counter: shown.counter(),
        })
    }
}

/// The states of `webauthn-rs` are deserialised, because their fields are private.
fn read<T: serde::de::DeserializeOwned>(state: serde_json::Value) -> Result<T, Wrong> {
    serde_json::from_value(state)
        .map_err(|_| Wrong("the state does not fit this version of webauthn-rs".into()))
}

/// If an input makes its parsers panic, the answer is the same as for any other wrong input.
fn caught<T>(verify: impl FnOnce() -> Result<T, WebauthnError>) -> Result<T, Wrong> {
    let Ok(verified) = catch_unwind(AssertUnwindSafe(verify)) else {
        tracing::error!(target: "auth", "webauthn-rs panicked over what a browser sent, which is refused");
        return Err(Wrong("webauthn-rs panicked".into()));
    };
    Ok(verified?)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::state::Ceremony;

    #[test]
    fn a_panic_is_a_refusal() {
        let panicked: Result<(), _> = caught(|| panic!("odd bytes"));
        assert!(panicked.is_err());
    }

    fn bytes(hex: &Value) -> Vec<u8> {
        let hex = hex.as_str().unwrap().as_bytes();
        let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
        hex.chunks(2).map(byte).collect()
    }

    /// A vector as a browser would send it, and the state that it answers.
    fn answer(vector: &Value, id: &[u8], ceremony: Ceremony, must_verify: bool) -> (Answer, State) {
        let id = base64url::encode(id);
        let mut whole = json!({ "id": id, "rawId": id, "type": "public-key", "response": {} });
        for (name, hex) in vector.as_object().unwrap() {
            whole["response"][name] = json!(base64url::encode(&bytes(hex)));
        }
        let challenge = bytes(&vector["challenge"]).try_into().unwrap();
        let state = State { ceremony, challenge, must_verify, owner: None, handle: vec![7; 64] };
        (Answer::read(&whole.to_string()).unwrap(), state)
    }

    /// Signed by another program than any of ours.
    #[test]
    fn the_vectors_of_the_specification_are_right() {
        let vectors: Value = serde_json::from_str(include_str!("verify/w3c.json")).unwrap();
        let [registration, authentication] = ["registration", "authentication"].map(|name| &vectors[name]);
        let id = bytes(&registration["credential_id"]);
        let site = Site::new("example.org", ["https://example.org"]).unwrap();
        let verifier = Verifier::new(&site, "Shop", Duration::from_secs(60));

        let (made, asked) = answer(registration, &id, Ceremony::Registration, false);
        assert!(site.has_origin(&made.origin) && !made.is_framed && made.challenge == asked.challenge);
        let (kept, is_verified) = verifier.register(&made, made.attestation().unwrap(), &asked).unwrap();
        assert!(!is_verified);
        assert_eq!((&kept.id, kept.counter), (&id, 0));
        assert!(kept.backup_eligible && kept.backed_up);

        let (signed, asked) = answer(authentication, &id, Ceremony::Assertion, false);
        let assertion = signed.assertion().unwrap();
        let shown = verifier.assert(&signed, &assertion, &asked, &kept).unwrap();
        assert_eq!((shown.user_verified, shown.backed_up, shown.counter), (false, true, 0));
        let (_, strict) = answer(authentication, &id, Ceremony::Assertion, true);
        verifier.assert(&signed, &assertion, &strict, &kept).unwrap_err();
        let other = Site::new("example.com", ["https://example.com"]).unwrap();
        let other = Verifier::new(&other, "Shop", Duration::from_secs(60));
        other.register(&made, made.attestation().unwrap(), &asked).unwrap_err();
        other.assert(&signed, &assertion, &asked, &kept).unwrap_err();
    }
}
