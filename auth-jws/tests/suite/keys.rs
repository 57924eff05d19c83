//! Keys that are used, and those that are not.

use auth_jws::{Algorithm, Header, InvalidKey, InvalidKeySet, InvalidSignature, JwkSet, Token, VerifyingKey};
use serde_json::{Value, json};
use test_tokens::{SECRET, Signer, decode, encode, published};

/// A key with other members; `null` removes one.
fn with(mut key: Value, changes: &Value) -> Value {
    let members = key.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        members.remove(name);
        if !value.is_null() {
            members.insert(name.clone(), value.clone());
        }
    }
    key
}

fn rsa() -> Value {
    Signer::of(Algorithm::Rs256).jwk()
}

/// A modulus of so many bits, all of them ones.
fn modulus(bits: usize) -> String {
    let mut bytes = vec![0xff; bits.div_ceil(8)];
    bytes[0] >>= bytes.len() * 8 - bits;
    encode(bytes)
}

fn read(key: &Value) -> Result<VerifyingKey, InvalidKey> {
    VerifyingKey::from_jwk(&key.to_string())
}

#[test]
fn rsa_keys() {
    use InvalidKey::{Malformed, RsaExponent, RsaSize};
    let e = |bytes: &[u8]| json!({"e": encode(bytes)});
    let table = [
        ("as it is", json!({}), None),
        ("2048 bits", json!({"n": modulus(2048)}), None),
        ("2047 bits", json!({"n": modulus(2047)}), Some(RsaSize)),
        ("1024 bits", json!({"n": modulus(1024)}), Some(RsaSize)),
        ("8192 bits", json!({"n": modulus(8192)}), None),
        ("8193 bits", json!({"n": modulus(8193)}), Some(RsaSize)),
        ("an even modulus", json!({"n": encode([vec![0xff; 255], vec![0xfe]].concat())}), Some(RsaExponent)),
        ("a leading zero", json!({"n": encode([vec![0], vec![0xff; 256]].concat())}), Some(Malformed)),
        ("no modulus", json!({"n": null}), Some(Malformed)),
        ("an empty modulus", json!({"n": ""}), Some(Malformed)),
        ("a modulus of another type", json!({"n": 7}), Some(Malformed)),
        ("a padded modulus", json!({"n": format!("{}=", modulus(2048))}), Some(Malformed)),
        ("e = 1", e(&[1]), Some(RsaExponent)),
        ("e = 3", e(&[3]), Some(RsaExponent)),
        ("e = 17", e(&[17]), Some(RsaExponent)),
        ("e = 65535", e(&[0xff, 0xff]), Some(RsaExponent)),
        ("e = 65536", e(&[1, 0, 0]), Some(RsaExponent)),
        ("e = 65537", e(&[1, 0, 1]), None),
        ("e = 65539", e(&[1, 0, 3]), None),
        ("e with a leading zero", e(&[0, 1, 0, 1]), Some(Malformed)),
        ("e of 32 bits", e(&[0xff; 4]), None),
        ("e of 33 bits", e(&[1, 0xff, 0xff, 0xff, 0xff]), None),
        ("e of 34 bits", e(&[2, 0, 0, 0, 1]), Some(RsaExponent)),
        ("e of 48 bits", e(&[1; 6]), Some(RsaExponent)),
        ("no exponent", json!({"e": null}), Some(Malformed)),
        ("e = 0", e(&[0]), Some(Malformed)),
    ];
    for (name, changes, expected) in table {
        assert_eq!(read(&with(rsa(), &changes)).err(), expected, "{name}");
    }
}

#[test]
fn points() {
    use InvalidKey::{Malformed, Point, Unsupported};
    let [p256, p384, ed] =
        [Algorithm::Es256, Algorithm::Es384, Algorithm::EdDsa].map(|of| Signer::of(of).jwk());
    // The same bytes one after the other, but not the same two numbers.
    let [x, y] = ["x", "y"].map(|name| decode(p256[name].as_str().unwrap()));
    let borrowed =
        with(p256.clone(), &json!({"x": encode([&x[..], &y[..1]].concat()), "y": encode(&y[1..])}));
    let table = [
        ("P-256", with(p256.clone(), &json!({})), None),
        ("P-384", with(p384.clone(), &json!({})), None),
        ("Ed25519", with(ed.clone(), &json!({})), None),
        ("off the curve", with(p256.clone(), &json!({"y": p256["x"]})), Some(Point)),
        ("off the larger curve", with(p384.clone(), &json!({"y": p384["x"]})), Some(Point)),
        (
            "at infinity",
            with(p256.clone(), &json!({"x": encode([0; 32]), "y": encode([0; 32])})),
            Some(Point),
        ),
        ("a short coordinate", with(p256.clone(), &json!({"x": encode([1; 31])})), Some(Point)),
        ("a long coordinate", with(p256.clone(), &json!({"x": encode([0; 33])})), Some(Point)),
        ("coordinates of other lengths", borrowed, Some(Point)),
        ("the other curve", with(p256.clone(), &json!({"crv": "P-384"})), Some(Point)),
        ("a coordinate missing", with(p256.clone(), &json!({"y": null})), Some(Malformed)),
        ("no curve", with(p256.clone(), &json!({"crv": null})), Some(Malformed)),
        ("another curve", with(p256.clone(), &json!({"crv": "secp256k1"})), Some(Unsupported)),
        ("P-521", with(p256.clone(), &json!({"crv": "P-521"})), Some(Unsupported)),
        ("the curve of another type", with(p256, &json!({"crv": "Ed25519"})), Some(Unsupported)),
        ("X25519", with(ed.clone(), &json!({"crv": "X25519"})), Some(Unsupported)),
        ("Ed448", with(ed.clone(), &json!({"crv": "Ed448"})), Some(Unsupported)),
        ("a short point", with(ed.clone(), &json!({"x": encode([1; 31])})), Some(Point)),
        ("a long point", with(ed.clone(), &json!({"x": encode([1; 33])})), Some(Point)),
        ("no point", with(ed, &json!({"x": null})), Some(Malformed)),
    ];
    for (name, key, expected) in table {
        assert_eq!(read(&key).err(), expected, "{name}");
    }
}

#[test]
fn what_keys_are_for() {
    use InvalidKey::{
        Algorithm as Other, KeyId, Malformed, Operations, Private, Symmetric, Unsupported, Use,
    };
    let table = [
        ("for signatures", json!({"use": "sig"}), None),
        ("for encryption", json!({"use": "enc"}), Some(Use)),
        ("for signatures in another case", json!({"use": "SIG"}), Some(Use)),
        ("for two things", json!({"use": ["sig"]}), Some(Malformed)),
        ("for verifying", json!({"key_ops": ["verify"]}), None),
        ("for signing", json!({"key_ops": ["sign"]}), Some(Operations)),
        ("for nothing", json!({"key_ops": []}), Some(Operations)),
        ("for something", json!({"key_ops": "verify"}), Some(Malformed)),
        ("for numbers", json!({"key_ops": ["verify", 1]}), Some(Malformed)),
        ("its algorithm", json!({"alg": "PS512"}), None),
        ("that of another type", json!({"alg": "ES256"}), Some(Other)),
        ("a symmetric one", json!({"alg": "HS256"}), Some(Other)),
        ("one for encryption", json!({"alg": "RSA-OAEP"}), Some(Other)),
        ("none", json!({"alg": "none"}), Some(Other)),
        ("a number", json!({"alg": 256}), Some(Malformed)),
        ("its private exponent", json!({"d": "AQ"}), Some(Private)),
        ("a prime", json!({"p": "AQ"}), Some(Private)),
        ("more primes", json!({"oth": []}), Some(Private)),
        ("a secret", json!({"k": "AQ"}), Some(Private)),
        ("a symmetric key", json!({"kty": "oct", "k": encode(SECRET)}), Some(Symmetric)),
        ("an unknown type", json!({"kty": "AKP"}), Some(Unsupported)),
        ("the type in another case", json!({"kty": "rsa"}), Some(Unsupported)),
        ("no type", json!({"kty": null}), Some(Malformed)),
        ("a type that is a list", json!({"kty": ["RSA"]}), Some(Malformed)),
        ("a name", json!({"kid": "k".repeat(Header::MAX_KEY_ID_LEN)}), None),
        ("a name too long", json!({"kid": "k".repeat(Header::MAX_KEY_ID_LEN + 1)}), Some(KeyId)),
        ("a number as name", json!({"kid": 1}), Some(Malformed)),
        ("a certificate", json!({"x5c": ["AAAA"], "x5u": "https://evil.example", "x5t": 1}), None),
    ];
    for (name, changes, expected) in table {
        assert_eq!(read(&with(rsa(), &changes)).err(), expected, "{name}");
    }
    assert_eq!(VerifyingKey::from_jwk(r#"{"kty":"RSA","kty":"RSA"}"#).unwrap_err(), InvalidKey::Malformed);
    let bound = read(&with(rsa(), &json!({"alg": "PS512"}))).unwrap();
    assert_eq!(bound.algorithms(), [Algorithm::Ps512]);
    assert_eq!(read(&rsa()).unwrap().algorithms().len(), 6);
}

#[test]
fn secrets_have_their_length() {
    for (algorithm, len) in [(Algorithm::Hs256, 32), (Algorithm::Hs384, 48), (Algorithm::Hs512, 64)] {
        for (len, fits) in [(0, false), (1, false), (len - 1, false), (len, true), (200, true)] {
            let key = VerifyingKey::hmac(&vec![7; len], algorithm);
            assert_eq!(
                key.as_ref().err(),
                (!fits).then_some(&InvalidKey::SecretTooShort),
                "{algorithm}, {len}"
            );
            assert!(key.is_err() || key.unwrap().algorithms() == [algorithm]);
        }
    }
    assert_eq!(VerifyingKey::hmac(SECRET, Algorithm::Rs256).unwrap_err(), InvalidKey::Algorithm);
    let key = VerifyingKey::hmac(SECRET, Algorithm::Hs256).unwrap();
    assert!(!format!("{key:?}").contains("secret"));
}

/// CVE-2015-9235, CVE-2022-29217, CVE-2024-37568: the public key, in whatever spelling, is no secret.
#[test]
fn a_public_key_is_no_secret() {
    let signer = Signer::of(Algorithm::Rs256);
    let (key, jwk) = (signer.key(Algorithm::Rs256), signer.jwk().to_string());
    let message = format!("{}.{}", encode(r#"{"alg":"HS256"}"#), encode(r#"{"sub":"a"}"#));
    for secret in
        [jwk.as_bytes(), jwk.trim().as_bytes(), &published()["4.1"]["key"]["n"].to_string().into_bytes()]
    {
        let forger = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret);
        let text = format!("{message}.{}", encode(ring::hmac::sign(&forger, message.as_bytes())));
        let token = Token::parse(&text).unwrap();
        assert_eq!(token.verify(&key).unwrap_err(), InvalidSignature::Algorithm);
    }
}

#[test]
fn pem_that_is_no_public_key() {
    let body = "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
    let pem = |label: &str| format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n");
    let table = [
        ("a public key", pem("PUBLIC KEY"), None),
        ("with blanks around", format!("\n\n{}\n\n", pem("PUBLIC KEY")), None),
        ("a private key", pem("PRIVATE KEY"), Some(InvalidKey::Private)),
        ("an older private key", pem("RSA PRIVATE KEY"), Some(InvalidKey::Private)),
        ("a certificate", pem("CERTIFICATE"), Some(InvalidKey::Unsupported)),
        ("PKCS #1", pem("RSA PUBLIC KEY"), Some(InvalidKey::Unsupported)),
        ("two", pem("PUBLIC KEY").repeat(2), Some(InvalidKey::Malformed)),
        ("cut off", pem("PUBLIC KEY")[..60].into(), Some(InvalidKey::Malformed)),
        ("nothing", String::new(), Some(InvalidKey::Malformed)),
        ("a byte too many", pem("PUBLIC KEY").replace("URo=", "URoA"), Some(InvalidKey::Malformed)),
        ("another type", pem("PUBLIC KEY").replace("K2Vw", "K2Vu"), Some(InvalidKey::Unsupported)),
    ];
    for (name, pem, expected) in table {
        assert_eq!(VerifyingKey::from_pem(&pem).err(), expected, "{name}");
    }
    let vector = &published()["RFC 8037 A"]["key"];
    let same = read(&json!({"kty": "OKP", "crv": "Ed25519", "x": vector["x"]})).unwrap();
    assert!(VerifyingKey::from_pem(&pem("PUBLIC KEY")).unwrap().is_same(&same));
}

/// A value in DER (X.690 §8.1), of up to 64 KiB.
fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let len = u16::try_from(content.len()).unwrap();
    let [high, low] = len.to_be_bytes();
    let header = match len {
        0..128 => vec![tag, low],
        128..256 => vec![tag, 0x81, low],
        _ => vec![tag, 0x82, high, low],
    };
    [header, content].concat()
}

/// X.509's spelling, with this algorithm and key.
fn info(algorithm: &[&[u8]], key: &[u8]) -> Vec<u8> {
    der(0x30, &[&der(0x30, algorithm), &der(0x03, &[&[0], key])])
}

#[test]
fn der_is_read_strictly() {
    use InvalidKey::{Malformed, Point, RsaExponent, RsaSize, Unsupported};
    let oid = |bytes: &[u8]| der(0x06, &[bytes]);
    let (rsa, pss) =
        (oid(b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"), oid(b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a"));
    let (ec, p256) = (oid(b"\x2a\x86\x48\xce\x3d\x02\x01"), oid(b"\x2a\x86\x48\xce\x3d\x03\x01\x07"));
    let (p521, ed, null) = (oid(b"\x2b\x81\x04\x00\x23"), oid(b"\x2b\x65\x70"), der(0x05, &[]));
    let numbers = |bytes: usize, e: &[u8]| {
        let n = vec![0xff; bytes];
        der(0x30, &[&der(0x02, &[&[0], &n]), &der(0x02, &[e])])
    };
    let good = numbers(256, &[1, 0, 1]);
    let longer = [&good[..], &[0]].concat();
    let trailing = [info(&[&rsa, &null], &good), vec![0]].concat();
    let jwk = Signer::of(Algorithm::Es256).jwk();
    let [x, y] = ["x", "y"].map(|name| decode(jwk[name].as_str().unwrap()));
    let point = [&[4], &x[..], &y[..]].concat();
    let compressed = [&[2 + (y[31] & 1)], &x[..]].concat();
    let table = [
        ("RSA", info(&[&rsa, &null], &good), None),
        ("RSA without parameters", info(&[&rsa], &good), Some(Malformed)),
        ("RSA with other parameters", info(&[&rsa, &p256], &good), Some(Malformed)),
        ("RSA for PSS alone", info(&[&pss], &good), Some(Unsupported)),
        ("1024 bits", info(&[&rsa, &null], &numbers(128, &[1, 0, 1])), Some(RsaSize)),
        ("e = 3", info(&[&rsa, &null], &numbers(256, &[3])), Some(RsaExponent)),
        ("e below zero", info(&[&rsa, &null], &numbers(256, &[0xff, 0, 1])), Some(Malformed)),
        ("a byte within", info(&[&rsa, &null], &longer), Some(Malformed)),
        ("a byte behind", trailing, Some(Malformed)),
        ("P-256", info(&[&ec, &p256], &point), None),
        ("a compressed point", info(&[&ec, &p256], &compressed), Some(Point)),
        ("no point", info(&[&ec, &p256], &[&point[..64], &[!point[64]]].concat()), Some(Point)),
        ("no curve", info(&[&ec], &point), Some(Unsupported)),
        ("another curve", info(&[&ec, &p521], &point), Some(Unsupported)),
        ("Ed25519", info(&[&ed], &[1; 32]), None),
        ("Ed25519 with parameters", info(&[&ed, &null], &[1; 32]), Some(Malformed)),
        ("a short Ed25519", info(&[&ed], &[1; 31]), Some(Point)),
        ("nothing", Vec::new(), Some(Malformed)),
    ];
    for (name, bytes, expected) in table {
        assert_eq!(VerifyingKey::from_der(&bytes).err(), expected, "{name}");
    }
}

#[test]
fn sets_leave_out_what_cannot_be_used() {
    let ed = Signer::of(Algorithm::EdDsa).jwk();
    let set = json!({"keys": [
        with(rsa(), &json!({"kid": "a", "alg": "RS256"})),
        with(rsa(), &json!({"kid": "b", "use": "enc"})),
        {"kty": "oct", "kid": "c", "k": encode(SECRET)},
        "a text",
        published()["4.1"]["key"],
        with(ed, &json!({"kid": "a"})),
    ], "other": 1});
    let set = JwkSet::parse(set.to_string().as_bytes()).unwrap();
    let ignored: Vec<_> = set.ignored().iter().map(|ignored| (ignored.position, ignored.reason)).collect();
    let expected = [
        (1, InvalidKey::Use),
        (2, InvalidKey::Symmetric),
        (3, InvalidKey::Malformed),
        (4, InvalidKey::Private),
    ];
    assert_eq!(ignored, expected);
    assert_eq!(set.keys().len(), 2);
    assert!(set.has_id("a") && !set.has_id("b") && !set.has_id(""));
    assert!(JwkSet::parse(br#"{"keys":[]}"#).unwrap().is_empty());
}

#[test]
fn sets_are_bounded() {
    let of = |count| json!({"keys": vec![rsa(); count]}).to_string();
    assert_eq!(JwkSet::parse(of(JwkSet::MAX_KEYS).as_bytes()).unwrap().keys().len(), JwkSet::MAX_KEYS);
    assert_eq!(JwkSet::parse(of(JwkSet::MAX_KEYS + 1).as_bytes()).unwrap_err(), InvalidKeySet::TooMany);
    let padded = |len: usize| format!("{}{}", r#"{"keys":[]}"#, " ".repeat(len - 11));
    assert!(JwkSet::parse(padded(JwkSet::MAX_LEN).as_bytes()).is_ok());
    assert_eq!(JwkSet::parse(padded(JwkSet::MAX_LEN + 1).as_bytes()).unwrap_err(), InvalidKeySet::TooLong);
    for text in ["", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":null}"#, r#"{"keys":[],"keys":[]}"#, "<html>"] {
        assert_eq!(JwkSet::parse(text.as_bytes()).unwrap_err(), InvalidKeySet::Malformed, "{text}");
    }
}

/// By name where there is one, and by algorithm always.
#[test]
fn keys_are_found_by_name_and_algorithm() {
    let named = |id: &str| Signer::of(Algorithm::EdDsa).key(Algorithm::EdDsa).with_id(id).unwrap();
    let (a, b, nameless) = (named("a"), named("b"), Signer::of(Algorithm::EdDsa).key(Algorithm::EdDsa));
    let set: JwkSet = [a.clone(), b.clone(), nameless.clone()].into_iter().collect();
    let found = |header: Value| {
        let text = format!("{}.{}.AA", encode(header.to_string()), encode("{}"));
        let token = Token::parse(&text).unwrap();
        let found: Vec<_> = set.candidates(token.header()).cloned().collect();
        found
    };
    let is = |found: &[VerifyingKey], expected: &[&VerifyingKey]| {
        found.len() == expected.len() && found.iter().zip(expected).all(|(own, other)| own.is_same(other))
    };
    assert!(is(&found(json!({"alg": "EdDSA", "kid": "a"})), &[&a, &nameless]));
    assert!(is(&found(json!({"alg": "EdDSA", "kid": "c"})), &[&nameless]));
    assert!(is(&found(json!({"alg": "EdDSA"})), &[&a, &b, &nameless]));
    assert!(found(json!({"alg": "ES256", "kid": "a"})).is_empty());
    assert!(
        set.contains(&a) && !set.contains(&a.clone().with_id("b").unwrap()) && !set.contains(&named("a"))
    );
    let many: JwkSet = std::iter::repeat_n(a, 50).collect();
    let text = format!("{}.{}.AA", encode(r#"{"alg":"EdDSA"}"#), encode("{}"));
    assert_eq!(many.candidates(Token::parse(&text).unwrap().header()).count(), JwkSet::MAX_TRIED);
}
