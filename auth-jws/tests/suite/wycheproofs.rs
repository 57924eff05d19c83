//! Project Wycheproof: the edges of the primitives, and of the keys that come with them in DER and PEM.

use auth_jws::{Algorithm, InvalidKey, VerifyingKey};
use wycheproof::{TestResult, ecdsa, eddsa, mac, rsa_pkcs1_verify as pkcs1, rsa_pss_verify as pss};

/// How many signatures were taken, and how many were not.
#[derive(Default)]
struct Count {
    taken: usize,
    refused: usize,
}

impl Count {
    fn judge(
        &mut self,
        key: &VerifyingKey,
        algorithm: Algorithm,
        result: TestResult,
        [message, signature]: [&[u8]; 2],
        name: &str,
    ) {
        let is_taken = key.verify(algorithm, message, signature).is_ok();
        match result {
            TestResult::Valid => assert!(is_taken, "{name} is valid"),
            TestResult::Invalid => assert!(!is_taken, "{name} is invalid"),
            TestResult::Acceptable => {}
        }
        if is_taken { self.taken += 1 } else { self.refused += 1 }
    }

    fn is_enough(&self) {
        assert!(self.taken > 25 && self.refused > 10, "{} taken, {} refused", self.taken, self.refused);
    }
}

/// The same key by both of its spellings.
fn key(der: &[u8], pem: &str) -> Result<VerifyingKey, InvalidKey> {
    let key = VerifyingKey::from_der(der);
    match (&key, VerifyingKey::from_pem(pem)) {
        (Ok(key), Ok(other)) => assert!(key.is_same(&other)),
        (key, other) => assert_eq!(key.as_ref().err(), other.err().as_ref()),
    }
    key
}

#[test]
fn ecdsa() {
    for (set, algorithm) in [
        (ecdsa::TestName::EcdsaSecp256r1Sha256P1363, Algorithm::Es256),
        (ecdsa::TestName::EcdsaSecp384r1Sha384P1363, Algorithm::Es384),
    ] {
        let mut count = Count::default();
        for group in ecdsa::TestSet::load(set).unwrap().test_groups {
            let key = key(&group.der, &group.pem).unwrap();
            assert_eq!(key.algorithms(), [algorithm]);
            for test in group.tests {
                let name = format!("{algorithm} {}", test.tc_id);
                count.judge(&key, algorithm, test.result, [&test.msg, &test.sig], &name);
            }
        }
        count.is_enough();
    }
}

/// A signature in DER (RFC 3279 §2.2.3) is none here, valid or not.
#[test]
fn ecdsa_in_der() {
    let mut refused = 0;
    for group in ecdsa::TestSet::load(ecdsa::TestName::EcdsaSecp256r1Sha256).unwrap().test_groups {
        let key = key(&group.der, &group.pem).unwrap();
        for test in group.tests {
            assert!(key.verify(Algorithm::Es256, &test.msg, &test.sig).is_err(), "{}", test.tc_id);
            refused += usize::from(test.result == TestResult::Valid);
        }
    }
    assert!(refused > 100, "valid ones were among them");
}

#[test]
fn ed25519() {
    let mut count = Count::default();
    for group in eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap().test_groups {
        let key = key(&group.der, &group.pem).unwrap();
        for test in group.tests {
            let name = format!("Ed25519 {}", test.tc_id);
            count.judge(&key, Algorithm::EdDsa, test.result, [&test.msg, &test.sig], &name);
        }
    }
    count.is_enough();
}

#[test]
fn rsa_pkcs1() {
    use pkcs1::TestName as Name;
    for (set, algorithm) in [
        (Name::Rsa2048Sha256, Algorithm::Rs256),
        (Name::Rsa3072Sha256, Algorithm::Rs256),
        (Name::Rsa4096Sha256, Algorithm::Rs256),
        (Name::Rsa8192Sha256, Algorithm::Rs256),
        (Name::Rsa2048Sha384, Algorithm::Rs384),
        (Name::Rsa2048Sha512, Algorithm::Rs512),
    ] {
        let mut count = Count::default();
        for group in pkcs1::TestSet::load(set).unwrap().test_groups {
            let Some(key) = rsa_key(&group.der, &group.pem) else { continue };
            for test in group.tests {
                let name = format!("{algorithm} {set:?} {}", test.tc_id);
                count.judge(&key, algorithm, test.result, [&test.msg, &test.sig], &name);
            }
        }
        assert!(
            count.taken > 5 && count.refused > 100,
            "{set:?}: {} taken, {} refused",
            count.taken,
            count.refused
        );
    }
}

#[test]
fn rsa_pss() {
    use pss::TestName as Name;
    for (set, algorithm) in [
        (Name::RsaPss2048Sha256Mgf1SaltLen32, Algorithm::Ps256),
        (Name::RsaPss3072Sha256Mgf1SaltLen32, Algorithm::Ps256),
        (Name::RsaPss4096Sha256Mgf1SaltLen32, Algorithm::Ps256),
        (Name::RsaPss2048Sha384Mgf1SaltLen48, Algorithm::Ps384),
        (Name::RsaPss4096Sha384Mgf1SaltLen48, Algorithm::Ps384),
        (Name::RsaPss4096Sha512Mgf1SaltLen64, Algorithm::Ps512),
    ] {
        let mut count = Count::default();
        for group in pss::TestSet::load(set).unwrap().test_groups {
            let key = rsa_key(&group.der, &group.pem).expect("a key");
            for test in group.tests {
                let name = format!("{algorithm} {set:?} {}", test.tc_id);
                count.judge(&key, algorithm, test.result, [&test.msg, &test.sig], &name);
            }
        }
        count.is_enough();
    }
}

/// RFC 7518 §3.5: the salt is as long as the hash. Another length, or none, is no signature.
#[test]
fn rsa_pss_with_another_salt() {
    use pss::TestName as Name;
    for (set, algorithm) in [
        (Name::RsaPss2048Sha256Mgf1SaltLen0, Algorithm::Ps256),
        (Name::RsaPss2048Sha256Mgf1Sha1_20, Algorithm::Ps256),
        (Name::RsaPss4096Sha512Mgf1SaltLen32, Algorithm::Ps512),
    ] {
        let mut valid = 0;
        for group in pss::TestSet::load(set).unwrap().test_groups {
            let key = rsa_key(&group.der, &group.pem).expect("a key");
            // Of those that are invalid there, some have our salt.
            for test in group.tests.iter().filter(|test| test.result == TestResult::Valid) {
                valid += 1;
                assert!(key.verify(algorithm, &test.msg, &test.sig).is_err(), "{set:?} {}", test.tc_id);
            }
        }
        assert!(valid > 10, "{set:?}: {valid}");
    }
}

/// A few of the keys have an exponent of 3; those are not used.
fn rsa_key(der: &[u8], pem: &str) -> Option<VerifyingKey> {
    match key(der, pem) {
        Ok(key) => Some(key),
        Err(why) => {
            assert_eq!(why, InvalidKey::RsaExponent);
            None
        }
    }
}

#[test]
fn hmac() {
    for (set, algorithm, len) in [
        (mac::TestName::HmacSha256, Algorithm::Hs256, 32),
        (mac::TestName::HmacSha384, Algorithm::Hs384, 48),
        (mac::TestName::HmacSha512, Algorithm::Hs512, 64),
    ] {
        let mut count = Count::default();
        for group in mac::TestSet::load(set).unwrap().test_groups {
            for test in group.tests {
                let name = format!("{algorithm} {}", test.tc_id);
                if test.key.len() < len {
                    let refused = VerifyingKey::hmac(&test.key, algorithm).unwrap_err();
                    assert_eq!(refused, InvalidKey::SecretTooShort, "{name}");
                    continue;
                }
                // RFC 7518 §3.2: a MAC is never cut short.
                let result = if group.tag_size == len * 8 { test.result } else { TestResult::Invalid };
                let key = VerifyingKey::hmac(&test.key, algorithm).unwrap();
                count.judge(&key, algorithm, result, [&test.msg, &test.tag], &name);
            }
        }
        count.is_enough();
    }
}
