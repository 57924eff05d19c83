//! Signatures that are none, and those that some verifiers took.

use auth_jwt::{Algorithm, Issuer};
use test_tokens::{SECRET, encode};

use super::{ISSUER, OPENS, Party, REFUSED, Row, alice, es256, fixed, judged, taking};

/// How many points P-256 has: RFC 6979 appendix A.2.5.
const ORDER: [u8; 32] = *b"\xff\xff\xff\xff\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\
                           \xbc\xe6\xfa\xad\xa7\x17\x9e\x84\xf3\xb9\xca\xc2\xfc\x63\x25\x51";

/// Alice's token without its signature.
fn message(party: &Party) -> String {
    format!("{}.{}", encode(party.header().to_string()), encode(alice().to_string()))
}

/// Rows of this message with other signatures.
fn signed(message: &str, signatures: Vec<(&'static str, Vec<u8>, u16)>) -> Vec<Row> {
    let row = |(name, signature, status): (_, Vec<u8>, _)| {
        (name, format!("{message}.{}", encode(signature)), status)
    };
    signatures.into_iter().map(row).collect()
}

/// The difference of two numbers of 256 bits, the first being larger.
fn minus(from: &[u8], other: &[u8]) -> Vec<u8> {
    let mut rest = vec![0; 32];
    let mut borrow = 0;
    for at in (0..32).rev() {
        let difference = i16::from(from[at]) - i16::from(other[at]) - borrow;
        borrow = i16::from(difference < 0);
        rest[at] = u8::try_from(difference.rem_euclid(256)).expect("a byte");
    }
    rest
}

/// A number in DER.
fn integer(bytes: &[u8]) -> Vec<u8> {
    let start = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len() - 1);
    let sign = if bytes[start] & 0x80 == 0 { &[][..] } else { &[0] };
    let content = [sign, &bytes[start..]].concat();
    [&[2, u8::try_from(content.len()).expect("it is short")], &content[..]].concat()
}

/// CVE-2022-21449, and other shapes of a signature on a curve.
#[tokio::test]
async fn of_a_curve() {
    let party = es256();
    let message = message(&party);
    let good = party.signature(&message);
    let (r, s) = good.split_at(32);
    let (zero, one) = (vec![0; 32], [vec![0; 31], vec![1]].concat());
    let numbers = [integer(r), integer(s)].concat();
    let der = [&[0x30, u8::try_from(numbers.len()).expect("it is short")], &numbers[..]].concat();
    let rows = signed(
        &message,
        vec![
            ("as it should be", good.clone(), OPENS),
            // Both are signatures by the same key: a token is told by its `jti`, and not by its letters.
            ("the other s", [r, &minus(&ORDER, s)].concat(), OPENS),
            ("zeros", vec![0; 64], REFUSED),
            ("r = 0", [&zero, s].concat(), REFUSED),
            ("s = 0", [r, &zero].concat(), REFUSED),
            ("ones", [&one[..], &one].concat(), REFUSED),
            ("r = n", [&ORDER, s].concat(), REFUSED),
            ("s = n", [r, &ORDER].concat(), REFUSED),
            ("both n", [ORDER, ORDER].concat(), REFUSED),
            ("all bits", vec![0xff; 64], REFUSED),
            ("in DER", der, REFUSED),
            ("r and s exchanged", [s, r].concat(), REFUSED),
            ("a byte behind it", [&good[..], &[0]].concat(), REFUSED),
            ("a byte before it", [&[0], &good[..]].concat(), REFUSED),
            ("each number a byte longer", [&[0], r, &[0], s].concat(), REFUSED),
            ("a byte less", good[..63].to_vec(), REFUSED),
            ("half of it", r.to_vec(), REFUSED),
            ("twice", good.repeat(2), REFUSED),
            ("a byte", vec![0], REFUSED),
            ("over other claims", party.signature("a.b"), REFUSED),
            ("by another key", es256().signature(&message), REFUSED),
        ],
    );
    judged(taking([fixed(&party)]).await, &rows).await;
}

#[tokio::test]
async fn of_the_other_algorithms() {
    for algorithm in
        [Algorithm::Es384, Algorithm::EdDsa, Algorithm::Rs256, Algorithm::Ps256, Algorithm::Hs256]
    {
        let party = Party::new(algorithm, "one");
        let issuer = match algorithm {
            Algorithm::Hs256 => Issuer::new(ISSUER).audience("api").secret(SECRET, algorithm),
            _ => fixed(&party),
        };
        let message = message(&party);
        let good = party.signature(&message);
        let flipped = |at: usize| {
            let mut signature = good.clone();
            signature[at] ^= 1;
            signature
        };
        let rows = signed(
            &message,
            vec![
                ("as it should be", good.clone(), OPENS),
                ("zeros", vec![0; good.len()], REFUSED),
                ("all bits", vec![0xff; good.len()], REFUSED),
                ("one", [vec![0; good.len() - 1], vec![1]].concat(), REFUSED),
                ("a bit of the first byte", flipped(0), REFUSED),
                ("a bit of the last byte", flipped(good.len() - 1), REFUSED),
                ("a byte behind it", [&good[..], &[0]].concat(), REFUSED),
                ("a byte before it", [&[0], &good[..]].concat(), REFUSED),
                ("a byte less", good[..good.len() - 1].to_vec(), REFUSED),
                ("half of it", good[..good.len() / 2].to_vec(), REFUSED),
                ("over other claims", party.signature("a.b"), REFUSED),
            ],
        );
        judged(taking([issuer]).await, &rows).await;
    }
}

/// Every bit of a token counts.
#[tokio::test]
async fn whatever_is_changed() {
    let party = es256();
    let good = party.token(&alice());
    let changed = |at: usize| {
        let mut token = good.clone().into_bytes();
        token[at] = if token[at] == b'A' { b'B' } else { b'A' };
        ("a letter", String::from_utf8(token).expect("ASCII"), REFUSED)
    };
    // The last letter of a part has idle bits: the tests of its form have those.
    let rows: Vec<Row> =
        (0..good.len()).step_by(7).filter(|at| good.as_bytes()[*at] != b'.').map(changed).collect();
    assert!(rows.len() > 30);
    judged(taking([fixed(&party)]).await, &rows).await;
}
