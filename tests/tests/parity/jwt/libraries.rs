//! What libraries of others sign, by each algorithm.

use auth_jwt::{Algorithm, Issuer};
use serde_json::Value;
use test_servers::Library;
use test_tokens::{decode, encode};

use super::{ISSUER, OPENS, REFUSED, Row, alice, judged, taking};

/// The algorithm and the token of a line, and an issuer with its key.
fn read(line: &str) -> (Algorithm, String, Issuer) {
    let signed: Value = serde_json::from_str(line).expect("JSON");
    let text = |name: &str| signed[name].as_str().map(str::to_owned);
    let algorithm = text("alg").as_deref().and_then(Algorithm::from_name).expect("an algorithm");
    let issuer = Issuer::new(ISSUER).audience("api");
    let issuer = match (text("pem"), text("secret")) {
        (Some(pem), _) => issuer.pem(&pem),
        (_, Some(secret)) => issuer.secret(&decode(&secret), algorithm),
        _ => issuer.jwk(&signed["jwk"].to_string()),
    };
    (algorithm, text("token").expect("a token"), issuer.algorithms([algorithm]))
}

/// The token with a bit of this part changed.
fn flipped(token: &str, part: usize, byte: usize) -> String {
    let mut parts: Vec<_> = token.split('.').map(str::to_owned).collect();
    let mut bytes = decode(&parts[part]);
    bytes[byte] ^= 1;
    parts[part] = encode(bytes);
    parts.join(".")
}

#[tokio::test]
async fn what_others_sign() {
    let names = Algorithm::ALL.map(Algorithm::name);
    for library in Library::ALL {
        let lines = library.sign(&alice().to_string(), &names);
        let signed: Vec<_> = lines.iter().map(|line| read(line)).collect();
        assert_eq!(signed.iter().map(|(algorithm, ..)| *algorithm).collect::<Vec<_>>(), Algorithm::ALL);
        for (algorithm, token, issuer) in &signed {
            let mut rows: Vec<Row> = vec![(algorithm.name(), token.clone(), OPENS)];
            for (part, text) in token.split('.').enumerate() {
                let bytes = (0..decode(text).len()).step_by(9);
                rows.extend(bytes.map(|byte| (algorithm.name(), flipped(token, part, byte), REFUSED)));
            }
            let others = signed.iter().filter(|(other, ..)| other != algorithm);
            rows.extend(others.map(|(other, token, _)| (other.name(), token.clone(), REFUSED)));
            judged(taking([issuer.clone()]).await, &rows).await;
        }
    }
}
