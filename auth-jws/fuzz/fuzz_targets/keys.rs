//! `cargo fuzz run keys`: reading keys never panics, in whichever form they come.
#![no_main]

use auth_jws::{JwkSet, VerifyingKey};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = JwkSet::parse(bytes);
    let _ = VerifyingKey::from_der(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = VerifyingKey::from_jwk(text);
        let _ = VerifyingKey::from_pem(text);
    }
});
