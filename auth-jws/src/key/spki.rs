//! Keys as in X.509: `SubjectPublicKeyInfo` (RFC 5280 §4.1.2.7), in DER and PEM.

use spki::der::asn1::{AnyRef, UintRef};
use spki::der::{Decode, Document, Reader, SliceReader};
use spki::{ObjectIdentifier, SubjectPublicKeyInfoRef};

use crate::error::InvalidKey;
use crate::primitives::Material;

/// RFC 8017 appendix A.1.
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
/// RFC 5480 §2.1.1.
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
/// RFC 8410 §3.
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

pub(super) fn from_pem(text: &str) -> Result<Material, InvalidKey> {
    let (label, document) = Document::from_pem(text.trim()).map_err(|_| InvalidKey::Malformed)?;
    match label {
        "PUBLIC KEY" => from_der(document.as_bytes()),
        label if label.ends_with("PRIVATE KEY") => Err(InvalidKey::Private),
        _ => Err(InvalidKey::Unsupported),
    }
}

pub(super) fn from_der(bytes: &[u8]) -> Result<Material, InvalidKey> {
    let info = SubjectPublicKeyInfoRef::from_der(bytes).map_err(|_| InvalidKey::Malformed)?;
    let key = info.subject_public_key.as_bytes().ok_or(InvalidKey::Malformed)?;
    let parameters = info.algorithm.parameters;
    match info.algorithm.oid {
        RSA if parameters.is_some_and(AnyRef::is_null) => rsa(key),
        EC => match info.algorithm.parameters_oid() {
            Ok(P256) => Material::p256(key.into()),
            Ok(P384) => Material::p384(key.into()),
            _ => Err(InvalidKey::Unsupported),
        },
        ED25519 if parameters.is_none() => Material::ed25519(key.into()),
        RSA | ED25519 => Err(InvalidKey::Malformed),
        _ => Err(InvalidKey::Unsupported),
    }
}

/// RFC 8017 appendix A.1.1.
fn rsa(key: &[u8]) -> Result<Material, InvalidKey> {
    let numbers = || -> spki::der::Result<(UintRef<'_>, UintRef<'_>)> {
        let mut reader = SliceReader::new(key)?;
        let numbers = reader.sequence(|numbers| {
            Ok::<_, spki::der::Error>((UintRef::decode(numbers)?, UintRef::decode(numbers)?))
        })?;
        reader.finish()?;
        Ok(numbers)
    };
    let (modulus, exponent) = numbers().map_err(|_| InvalidKey::Malformed)?;
    Material::rsa(modulus.as_bytes(), exponent.as_bytes())
}
