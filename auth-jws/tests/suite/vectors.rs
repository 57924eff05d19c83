//! Published tokens and signatures.

use std::time::Duration;

use auth_jws::{
    Algorithm, Expectations, InvalidClaims, InvalidKey, InvalidSignature, Malformed, Token, VerifyingKey,
};
use serde_json::Value;
use test_tokens::{decode, published};

/// The claims of RFC 7515 appendix A.1.1.
const CLAIMS: &str =
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

const A1_SECRET: &str =
    "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
const A1: (&str, &str) =
    ("eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");

const A2_KEY: &str = r#"{"kty":"RSA","e":"AQAB","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"}"#;
const A2: (&str, &str) = (
    "eyJhbGciOiJSUzI1NiJ9",
    "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
);

const A3_KEY: &str = r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;
const A3: (&str, &str) = (
    "eyJhbGciOiJFUzI1NiJ9",
    "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
);

const A4_KEY: &str = r#"{"kty":"EC","crv":"P-521","x":"AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk","y":"ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2"}"#;
const A4: &str = "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA.AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn";

fn joined((header, signature): (&str, &str)) -> String {
    format!("{header}.{CLAIMS}.{signature}")
}

/// RFC 7515 appendices A.1 to A.3.
#[test]
fn rfc_7515_is_verified() {
    let secret = VerifyingKey::hmac(&decode(A1_SECRET), Algorithm::Hs256).unwrap();
    let [rsa, ec] = [A2_KEY, A3_KEY].map(|key| VerifyingKey::from_jwk(key).unwrap());
    for (name, parts, key, others) in [
        ("A.1", A1, &secret, [&rsa, &ec]),
        ("A.2", A2, &rsa, [&secret, &ec]),
        ("A.3", A3, &ec, [&secret, &rsa]),
    ] {
        let text = joined(parts);
        let token = Token::parse(&text).unwrap();
        let claims = token.verify(key).unwrap_or_else(|why| panic!("{name}: {why}"));
        assert_eq!(claims.issuer(), Some("joe"), "{name}");
        assert_eq!(claims.expires(), Some(Duration::from_secs(1_300_819_380)), "{name}");
        assert_eq!(claims.get("http://example.com/is_root"), Some(&Value::Bool(true)), "{name}");
        for other in others {
            assert_eq!(token.verify(other).unwrap_err(), InvalidSignature::Algorithm, "{name}");
        }
        let expected = Expectations::of("joe").audience("api").accept_any_type();
        let found = token.check(&expected, Duration::from_secs(1_300_819_379));
        assert_eq!(found, Err(InvalidClaims::Audience), "{name}: it is for nobody");
    }
}

/// RFC 7515 appendices A.4 and A.5.
#[test]
fn rfc_7515_is_refused_where_it_is_not_supported() {
    assert_eq!(Token::parse(A4).unwrap_err(), Malformed::Algorithm);
    assert_eq!(VerifyingKey::from_jwk(A4_KEY).unwrap_err(), InvalidKey::Unsupported);
    let unsecured = joined(("eyJhbGciOiJub25lIn0", ""));
    assert_eq!(Token::parse(&unsecured).unwrap_err(), Malformed::Parts);
    let with_signature = joined(("eyJhbGciOiJub25lIn0", "AA"));
    assert_eq!(Token::parse(&with_signature).unwrap_err(), Malformed::Algorithm);
}

/// RFC 7520 §4.1, §4.2, §4.4, and RFC 8037 appendix A. What they sign is prose, and no claims.
#[test]
fn rfc_7520_is_verified() {
    let published = published();
    for name in ["4.1", "4.2", "4.4", "RFC 8037 A"] {
        let vector = &published[name];
        let algorithm = Algorithm::from_name(vector["alg"].as_str().unwrap()).unwrap();
        let compact = vector["compact"].as_str().unwrap();
        assert_eq!(Token::parse(compact).unwrap_err(), Malformed::Claims, "{name}");
        let (signed, signature) = compact.rsplit_once('.').unwrap();
        let (key, signature) = (key_of(&vector["key"], algorithm), decode(signature));
        assert_eq!(key.verify(algorithm, signed.as_bytes(), &signature), Ok(()), "{name}");
        let tampered = signed.replacen("e30", "e31", 1) + "x";
        let found = key.verify(algorithm, tampered.as_bytes(), &signature);
        assert_eq!(found, Err(InvalidSignature::Mismatch), "{name}");
    }
    let vector = &published["4.3"];
    assert_eq!(Token::parse(vector["compact"].as_str().unwrap()).unwrap_err(), Malformed::Algorithm);
}

/// The published keys are private ones.
fn key_of(jwk: &Value, algorithm: Algorithm) -> VerifyingKey {
    if let Some(secret) = jwk["k"].as_str() {
        assert_eq!(VerifyingKey::from_jwk(&jwk.to_string()).unwrap_err(), InvalidKey::Symmetric);
        return VerifyingKey::hmac(&decode(secret), algorithm).unwrap();
    }
    assert_eq!(VerifyingKey::from_jwk(&jwk.to_string()).unwrap_err(), InvalidKey::Private);
    let mut public = jwk.clone();
    public
        .as_object_mut()
        .unwrap()
        .retain(|name, _| !["d", "p", "q", "dp", "dq", "qi"].contains(&name.as_str()));
    VerifyingKey::from_jwk(&public.to_string()).unwrap()
}
