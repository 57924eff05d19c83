//! The algorithm is the key's: nothing that a token says changes it.

use auth_jwt::{Algorithm, Issuer};
use ring::hmac;
use ring::signature::KeyPair;
use serde_json::json;
use test_tokens::{Signer, encode};

use super::{ISSUER, OPENS, Party, REFUSED, Row, alice, es256, fixed, header, judged, taking};

/// What `SubjectPublicKeyInfo` says before an RSA key of 2048 bits.
const RSA_INFO: &[u8] =
    b"\x30\x82\x01\x22\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00\x03\x82\x01\x0f\x00";

/// A token that was signed by what everybody can read, as if it were a secret.
fn by_hmac(header: &str, secret: &[u8]) -> String {
    let message = format!("{}.{}", encode(header), encode(alice().to_string()));
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    format!("{message}.{}", encode(hmac::sign(&key, message.as_bytes())))
}

/// The spellings of the RSA key that a confused verifier may take for its secret.
fn spellings(party: &Party) -> Vec<(&'static str, Vec<u8>)> {
    use base64::Engine;
    let Signer::Rsa(pair) = Signer::of(Algorithm::Rs256) else { panic!("RSA has pairs") };
    let pkcs1 = pair.public_key().as_ref().to_vec();
    let der = [RSA_INFO, &pkcs1].concat();
    let body = base64::engine::general_purpose::STANDARD.encode(&der);
    let lines: Vec<_> = body.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line)).collect();
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"));
    let jwk = party.jwk();
    let modulus = jwk["n"].as_str().expect("a text").as_bytes().to_vec();
    vec![
        ("the public key as PEM", pem.clone().into_bytes()),
        ("the public key as PEM, without the last line break", pem.trim_end().as_bytes().to_vec()),
        ("the public key as DER", der),
        ("the public key as PKCS #1", pkcs1),
        ("the public key as JWK", jwk.to_string().into_bytes()),
        ("the public key's modulus", modulus),
        ("the empty secret", Vec::new()),
    ]
}

/// CVE-2015-9235, CVE-2022-29217, CVE-2024-37568.
#[tokio::test]
async fn a_public_key_is_no_secret() {
    let party = Party::new(Algorithm::Rs256, "one");
    let forged = |header: String| {
        spellings(&party).into_iter().map(move |(name, secret)| (name, by_hmac(&header, &secret)))
    };
    let named = forged(header(&party, &json!({"alg": "HS256"})));
    let nameless = forged(header(&party, &json!({"alg": "HS256", "kid": null})));
    let mut rows: Vec<Row> = named.chain(nameless).map(|(name, token)| (name, token, REFUSED)).collect();
    rows.push(("signed by the private key", party.token(&alice()), OPENS));
    judged(taking([fixed(&party)]).await, &rows).await;
    // The same where the key was configured as PEM, and may be of any algorithm.
    let pem = String::from_utf8(spellings(&party)[0].1.clone()).expect("PEM is ASCII");
    judged(taking([Issuer::new(ISSUER).audience("api").pem(&pem)]).await, &rows).await;
}

/// CVE-2015-9235 again: unsigned, in all its spellings.
#[tokio::test]
async fn unsigned_tokens_are_refused() {
    let party = es256();
    let mut rows: Vec<Row> = Vec::new();
    for none in ["none", "None", "NONE", "nOnE", "none ", ""] {
        let head = header(&party, &json!({"alg": none}));
        let signed = party.sign(&head, &alice().to_string());
        let (message, _) = signed.rsplit_once('.').expect("three parts");
        rows.push(("with a signature all the same", signed.clone(), REFUSED));
        rows.push(("without a signature", format!("{message}."), REFUSED));
        rows.push(("without a third part", message.to_owned(), REFUSED));
        rows.push(("with a signature of one byte", format!("{message}.AA"), REFUSED));
    }
    for changes in [json!({"alg": null}), json!({"alg": ["ES256"]}), json!({"alg": 256}), json!({"alg": {}})]
    {
        let token = party.sign(&header(&party, &changes), &alice().to_string());
        rows.push(("an algorithm of another type, or none", token, REFUSED));
    }
    let null = party.header().to_string().replace(r#""ES256""#, "null");
    rows.push(("null as algorithm", party.sign(&null, &alice().to_string()), REFUSED));
    rows.push(("as it should be", party.token(&alice()), OPENS));
    judged(taking([fixed(&party)]).await, &rows).await;
}

/// Each algorithm's key, and a token that names another one: signed by that key, and by the other's.
#[tokio::test]
async fn a_key_is_for_its_algorithms_alone() {
    use Algorithm::{EdDsa, Es256, Es384, Hs256, Ps256, Rs256};
    let all = [Rs256, Es256, Es384, EdDsa, Hs256];
    for own in all {
        let party = Party::new(own, "one");
        let issuer = Issuer::new(ISSUER).audience("api");
        let issuer = if own == Hs256 {
            issuer.secret(test_tokens::SECRET, Hs256)
        } else {
            issuer.jwk(&party.jwk().to_string())
        };
        let mut rows = vec![("as it should be", party.token(&alice()), OPENS)];
        for other in all.into_iter().filter(|other| *other != own) {
            let stranger = Party::new(other, "one");
            let named = header(&party, &json!({"alg": other.name()}));
            rows.push((
                "another name over its own signature",
                party.sign(&named, &alice().to_string()),
                REFUSED,
            ));
            rows.push(("another key's, by its name", stranger.token(&alice()), REFUSED));
            let named = header(&party, &json!({}));
            rows.push(("another key's, by this name", stranger.sign(&named, &alice().to_string()), REFUSED));
        }
        judged(taking([issuer]).await, &rows).await;
    }
    // One key of RSA is for several, and an issuer signs by those that are configured.
    let (rs, ps) = (Party::new(Rs256, "one"), Party::new(Ps256, "one"));
    let rows = [("RS256", rs.token(&alice()), OPENS), ("PS256", ps.token(&alice()), OPENS)];
    judged(taking([fixed(&rs)]).await, &rows).await;
    let rows = [("RS256", rs.token(&alice()), REFUSED), ("PS256", ps.token(&alice()), OPENS)];
    judged(taking([fixed(&rs).algorithms([Ps256])]).await, &rows).await;
}

/// The name of an algorithm is exact, and what is not supported is no other.
#[tokio::test]
async fn names_of_algorithms_are_exact() {
    let party = es256();
    let names = [
        "es256",
        "Es256",
        "ES256 ",
        " ES256",
        "ES256K",
        "ES512",
        "EC256",
        "ES-256",
        "ES256\u{0}",
        "A256KW",
        "dir",
    ];
    let mut rows: Vec<Row> = Vec::new();
    for name in names {
        let head = header(&party, &json!({"alg": name}));
        rows.push((name, party.sign(&head, &alice().to_string()), REFUSED));
    }
    judged(taking([fixed(&party)]).await, &rows).await;
}
