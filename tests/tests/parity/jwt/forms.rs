//! The one form that a token has.

use auth_core::BearerToken;
use serde_json::json;
use test_tokens::encode;

use super::{OPENS, Party, REFUSED, Row, alice, es256, fixed, header, judged, taking};

/// A token of these two parts, as they are, with a signature that is right.
fn over(party: &Party, header: &str, claims: &str) -> String {
    let message = format!("{header}.{claims}");
    let signature = encode(party.signature(&message));
    format!("{message}.{signature}")
}

/// A good token that is exactly so long: blanks behind JSON mean nothing.
fn of_length(party: &Party, len: usize) -> String {
    let (header, claims) = (party.header().to_string(), alice().to_string());
    let signature = encode([0; 64]).len();
    let fits = |blanks: usize| {
        let header = format!("{header}{}", " ".repeat(blanks));
        let left = len - encode(&header).len() - signature - 2;
        // No text of base64 is a letter longer than so many groups of four.
        (left % 4 != 1).then(|| (header, left * 3 / 4))
    };
    let (header, bytes) = (0..4).find_map(fits).expect("one of them fits");
    let token = party.sign(&header, &format!("{claims}{}", " ".repeat(bytes - claims.len())));
    assert_eq!(token.len(), len);
    token
}

#[tokio::test]
async fn lengths_are_bounded() {
    let party = es256();
    let longest = BearerToken::MAX_LEN;
    let rows = [
        ("the longest", of_length(&party, longest), OPENS),
        ("a byte longer", of_length(&party, longest + 1), REFUSED),
        ("16 KiB", of_length(&party, 16 * 1024), REFUSED),
        ("more than 16 KiB", of_length(&party, 16 * 1024 + 1), REFUSED),
        ("dots", ".".repeat(longest), REFUSED),
        ("two dots and nothing else", format!("{}..", "A".repeat(longest - 2)), REFUSED),
        ("brackets", party.sign(&party.header().to_string(), &"[".repeat(10_000)), REFUSED),
        ("brackets before it", party.sign(&"[".repeat(10_000), &alice().to_string()), REFUSED),
    ];
    judged(taking([fixed(&party)]).await, &rows).await;
}

#[tokio::test]
async fn a_token_has_three_parts() {
    let party = es256();
    let good = party.token(&alice());
    let [head, claims, signature] = good.split('.').collect::<Vec<_>>()[..] else { panic!("three parts") };
    let json = json!({"protected": head, "payload": claims, "signature": signature});
    let general = json!({"payload": claims, "signatures": [{"protected": head, "signature": signature}]});
    let jwe = encode(header(&party, &json!({"alg": "dir", "enc": "A256GCM"})));
    let rows = [
        ("as it should be", good.clone(), OPENS),
        ("nothing", String::new(), REFUSED),
        ("one part", head.to_owned(), REFUSED),
        ("two parts", format!("{head}.{claims}"), REFUSED),
        ("four parts", format!("{good}.{signature}"), REFUSED),
        ("an empty fourth", format!("{good}."), REFUSED),
        ("an empty one before", format!(".{good}"), REFUSED),
        ("an empty one between", format!("{head}..{claims}.{signature}"), REFUSED),
        ("no header", format!(".{claims}.{signature}"), REFUSED),
        ("a detached payload", format!("{head}..{signature}"), REFUSED),
        ("no signature", format!("{head}.{claims}."), REFUSED),
        ("five parts", format!("{good}.{claims}.{signature}"), REFUSED),
        ("an encrypted one", format!("{jwe}..{claims}.{claims}.{signature}"), REFUSED),
        ("as flattened JSON", json.to_string(), REFUSED),
        ("as JSON", general.to_string(), REFUSED),
        ("as JSON in base64url", encode(json.to_string()), REFUSED),
        ("twice", format!("{good} {good}"), REFUSED),
        ("in quotes", format!("\"{good}\""), REFUSED),
        ("with its scheme twice", format!("Bearer {good}"), REFUSED),
        ("parts in another order", format!("{claims}.{head}.{signature}"), REFUSED),
        (
            "another's claims",
            format!("{head}.{}.{signature}", encode(alice().to_string().replace("alice", "admin"))),
            REFUSED,
        ),
    ];
    judged(taking([fixed(&party)]).await, &rows).await;
}

/// Extensions that must be understood are not, and nothing is unpacked or unwrapped.
#[tokio::test]
async fn headers_that_change_the_meaning() {
    let party = es256();
    let table = [
        ("crit", json!({"crit": ["x"], "x": 1})),
        ("crit of a claim", json!({"crit": ["exp"], "exp": 1})),
        ("crit of what is known", json!({"crit": ["typ"]})),
        ("an empty crit", json!({"crit": []})),
        ("crit that is a text", json!({"crit": "x"})),
        ("b64 in crit", json!({"crit": ["b64"], "b64": false})),
        ("b64", json!({"b64": false})),
        ("b64 that changes nothing", json!({"b64": true})),
        ("zip", json!({"zip": "DEF"})),
        ("enc", json!({"enc": "A128GCM"})),
        ("a token within", json!({"cty": "JWT"})),
        ("many rounds", json!({"alg": "PBES2-HS256+A128KW", "p2c": 2_000_000_000, "p2s": "AAAA"})),
        ("a number as type", json!({"typ": 1})),
        ("a list of types", json!({"typ": ["at+jwt"]})),
        ("a number as the key's name", json!({"kid": 1})),
        ("an object as the key's name", json!({"kid": {"one": 1}})),
    ];
    let signed = |changes| party.sign(&header(&party, &changes), &alice().to_string());
    let mut rows: Vec<Row> = table.map(|(name, changes)| (name, signed(changes), REFUSED)).into();
    for name in ["crit", "b64", "zip", "enc", "typ", "kid", "cty"] {
        let null =
            header(&party, &json!({name: 0})).replace(&format!("\"{name}\":0"), &format!("\"{name}\":null"));
        rows.push(("null", party.sign(&null, &alice().to_string()), REFUSED));
    }
    rows.push(("what nobody knows", signed(json!({"x": {"crit": ["y"]}, "x5t": 1})), OPENS));
    // RFC 7797: as if the payload were not encoded.
    let head = encode(header(&party, &json!({"b64": false, "crit": ["b64"]})));
    rows.push(("an unencoded payload", over(&party, &head, "alice"), REFUSED));
    judged(taking([fixed(&party)]).await, &rows).await;
}

/// What stands twice means one thing here and another elsewhere.
#[tokio::test]
async fn json_means_one_thing() {
    let party = es256();
    let (head, claims) = (party.header().to_string(), alice().to_string());
    let first = |json: &str, member: &str| json.replacen('{', &format!("{{{member},"), 1);
    let last = |json: &str, member: &str| format!("{},{member}}}", &json[..json.len() - 1]);
    let mut rows: Vec<Row> = Vec::new();
    for member in
        [r#""alg":"none""#, r#""alg":"ES256""#, r#""kid":"two""#, r#""typ":"JWT""#, r#""\u0061lg":"none""#]
    {
        rows.push(("a member of the header twice", party.sign(&first(&head, member), &claims), REFUSED));
        rows.push(("a member of the header again", party.sign(&last(&head, member), &claims), REFUSED));
    }
    for member in [
        r#""sub":"admin""#,
        r#""iss":"https://evil.example""#,
        r#""iss":"https://id.example""#,
        r#""aud":"other""#,
        r#""exp":1""#,
        r#""exp":9999999999"#,
        r#""\u0073ub":"admin""#,
        r#""x":{"y":1,"y":2}"#,
    ] {
        rows.push(("a claim twice", party.sign(&head, &first(&claims, member)), REFUSED));
        rows.push(("a claim again", party.sign(&head, &last(&claims, member)), REFUSED));
    }
    let nested = |depth: usize| last(&claims, &format!("\"x\":{}1{}", "[".repeat(depth), "]".repeat(depth)));
    let mut no_utf8 = claims.clone().into_bytes();
    no_utf8[claims.find("alice").expect("it is there")] = 0xff;
    rows.extend([
        ("deep", party.sign(&head, &nested(31)), OPENS),
        ("too deep", party.sign(&head, &nested(32)), REFUSED),
        ("an array", party.sign(&head, &format!("[{claims}]")), REFUSED),
        ("a text", party.sign(&head, "\"alice\""), REFUSED),
        ("null", party.sign(&head, "null"), REFUSED),
        ("cut off", party.sign(&head, &claims[..claims.len() - 1]), REFUSED),
        ("more behind it", party.sign(&head, &format!("{claims}{{}}")), REFUSED),
        ("a NUL behind it", party.sign(&head, &format!("{claims}\0")), REFUSED),
        ("a byte order mark", party.sign(&head, &format!("\u{feff}{claims}")), REFUSED),
        ("a comment", party.sign(&head, &last(&claims, "/**/\"x\":1")), REFUSED),
        ("a comma too many", party.sign(&head, &format!("{},}}", &claims[..claims.len() - 1])), REFUSED),
        ("half a surrogate", party.sign(&head, &claims.replace("alice", r"\ud83d")), REFUSED),
        ("not UTF-8", over(&party, &encode(&head), &encode(no_utf8)), REFUSED),
        ("blanks around", party.sign(&format!(" {head}\n"), &format!("\t{claims} ")), OPENS),
    ]);
    judged(taking([fixed(&party)]).await, &rows).await;
}

/// The letter that stands for the same bits and others that count for nothing.
fn with_idle_bits(part: &str) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let last = part.bytes().last().expect("a letter");
    let at = LETTERS.iter().position(|letter| *letter == last).expect("base64url");
    assert!(!part.len().is_multiple_of(4) && at.is_multiple_of(4), "there are idle bits");
    format!("{}{}", &part[..part.len() - 1], char::from(LETTERS[at + 1]))
}

/// One spelling for each value, also where the signature is right over another.
#[tokio::test]
async fn base64url_is_canonical() {
    let party = es256();
    let even = |json: String| format!("{json}{}", " ".repeat((4 - json.len() % 3) % 3));
    let (head, claims) = (encode(even(party.header().to_string())), encode(even(alice().to_string())));
    let odd = encode(alice().to_string().replace("alice", "alice\u{fff}~~~???>>>"));
    assert!(odd.contains('-') && odd.contains('_'));
    let other = odd.replace('-', "+").replace('_', "/");
    let good = over(&party, &head, &claims);
    let (message, signature) = good.rsplit_once('.').expect("three parts");
    let rows = [
        ("as it should be", good.clone(), OPENS),
        ("idle bits in the header", over(&party, &with_idle_bits(&head), &claims), REFUSED),
        ("idle bits in the claims", over(&party, &head, &with_idle_bits(&claims)), REFUSED),
        ("idle bits in the signature", format!("{message}.{}", with_idle_bits(signature)), REFUSED),
        ("a padded header", over(&party, &format!("{head}=="), &claims), REFUSED),
        ("padded claims", over(&party, &head, &format!("{claims}==")), REFUSED),
        ("a padded signature", format!("{good}=="), REFUSED),
        ("the other alphabet", over(&party, &head, &other), REFUSED),
        ("a letter too many", over(&party, &head, &format!("{claims}AAA")), REFUSED),
        ("a letter behind it", format!("{good}A"), REFUSED),
        ("a tilde", over(&party, &head, &format!("{claims}~")), REFUSED),
        ("percent signs", good.replace('.', "%2E"), REFUSED),
    ];
    judged(taking([fixed(&party)]).await, &rows).await;
}
