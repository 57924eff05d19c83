//! Which keys count: those of the configuration, by an opaque name, for what they are for.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use auth_jwt::{Algorithm, Issuer};
use integration_tests::issuer::{TestIssuer, discovered};
use serde_json::{Value, json};
use test_tokens::{SECRET, encode};
use tokio::net::TcpListener;

use super::{ISSUER, NOW, OPENS, Party, REFUSED, Row, alice, es256, fixed, header, judged, taking};

/// A port of this machine where nobody has any business.
struct Trap {
    url: String,
    touched: Arc<AtomicUsize>,
}

impl Trap {
    async fn set() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/keys", listener.local_addr().expect("an address"));
        let touched = Arc::<AtomicUsize>::default();
        let count = Arc::clone(&touched);
        tokio::spawn(async move {
            while listener.accept().await.is_ok() {
                count.fetch_add(1, Ordering::SeqCst);
            }
        });
        Self { url, touched }
    }
}

/// A header's members that lead to a key.
fn leading(forger: &Party, url: &str) -> Vec<(&'static str, Value)> {
    vec![
        ("a key", json!({"jwk": forger.jwk()})),
        ("an address of keys", json!({"jku": url})),
        ("an address of a certificate", json!({"x5u": url})),
        ("a certificate", json!({"x5c": [encode([0x30; 300])]})),
        ("a print of a certificate", json!({"x5t": encode([0; 20]), "x5t#S256": encode([0; 32])})),
        ("an address as name", json!({"kid": url})),
        ("an address as issuer of the header", json!({"iss": url, "jwks_uri": url})),
        ("all of them", json!({"jwk": forger.jwk(), "jku": url, "x5u": url, "x5c": ["AAAA"], "kid": url})),
    ]
}

/// CVE-2018-0114: nothing in a token leads to a key, and nobody is asked anything.
#[tokio::test]
async fn a_token_brings_no_key() {
    let trap = Trap::set().await;
    let (party, forger) = (es256(), es256());
    let mut rows: Vec<Row> = vec![("as it should be", party.token(&alice()), OPENS)];
    for (name, changes) in leading(&forger, &trap.url) {
        rows.push((name, forger.sign(&header(&forger, &changes), &alice().to_string()), REFUSED));
        // Under the right key's name, and by the right key, they are not looked at.
        let mut named = changes;
        named["kid"] = json!("one");
        rows.push((name, forger.sign(&header(&forger, &named), &alice().to_string()), REFUSED));
        rows.push((name, party.sign(&header(&party, &named), &alice().to_string()), OPENS));
    }
    let elsewhere = super::claims(&json!({"iss": trap.url}));
    rows.push(("an issuer with an address", forger.token(&elsewhere), REFUSED));
    judged(taking([fixed(&party)]).await, &rows).await;
    assert_eq!(trap.touched.load(Ordering::SeqCst), 0, "nothing in a token is followed");
}

/// The same where keys are fetched: from the one address, once, however often a token names another.
#[tokio::test]
async fn a_token_names_no_address() {
    let (trap, issuer, forger) = (Trap::set().await, TestIssuer::start().await, es256());
    let claims = json!({"iss": issuer.url, "sub": "alice", "aud": integration_tests::issuer::AUDIENCE, "exp": NOW + 600});
    let mut rows: Vec<Row> = Vec::new();
    for (name, mut changes) in leading(&forger, &trap.url) {
        changes["kid"] = json!("one");
        rows.push((name, forger.sign(&header(&forger, &changes), &claims.to_string()), REFUSED));
    }
    judged(taking([discovered(&issuer.url)]).await, &rows).await;
    assert_eq!((trap.touched.load(Ordering::SeqCst), issuer.asked()), (0, 1));
}

/// A name is compared, and never a path, an address or a query.
#[tokio::test]
async fn names_of_keys_are_opaque() {
    const NAMES: [&str; 9] = [
        "../../../../dev/null",
        "/etc/hostname",
        "file:///etc/hostname",
        "x' OR '1'='1",
        "x' UNION SELECT 'AAAA",
        "%00",
        "{{7*7}}",
        "\u{0}",
        " ",
    ];
    let party = es256();
    let by_name = |id: &str| party.sign(&header(&party, &json!({"kid": id})), &alice().to_string());
    let longest: &'static str = "k".repeat(256).leak();
    for id in NAMES.into_iter().chain([longest]) {
        let mut jwk = party.jwk();
        jwk["kid"] = id.into();
        let issuer = Issuer::new(ISSUER).audience("api").jwk(&jwk.to_string());
        let rows = [
            (id, by_name(id), OPENS),
            ("another name", by_name("one"), REFUSED),
            ("a longer name", by_name(&format!("{id}x")), REFUSED),
            ("the name in another case", by_name(&format!("{id}X").to_uppercase()), REFUSED),
            ("an empty name", by_name(""), REFUSED),
        ];
        judged(taking([issuer]).await, &rows).await;
    }
    let mut rows: Vec<Row> = NAMES.map(|id| (id, by_name(id), REFUSED)).into();
    rows.push(("257 bytes", by_name(&"k".repeat(257)), REFUSED));
    rows.push(("257 bytes in fewer letters", by_name(&format!("{}x", "é".repeat(128))), REFUSED));
    rows.push(("16 KiB", by_name(&"k".repeat(10_000)), REFUSED));
    rows.push(("its name", by_name("one"), OPENS));
    judged(taking([fixed(&party)]).await, &rows).await;
    // A key without a name is tried on a token of any, but not of one that is too long.
    let mut nameless = party.jwk();
    nameless.as_object_mut().expect("an object").remove("kid");
    let rows = [
        ("any name", by_name("any"), OPENS),
        ("256 bytes", by_name(longest), OPENS),
        ("257 bytes", by_name(&format!("{longest}k")), REFUSED),
    ];
    let issuer = Issuer::new(ISSUER).audience("api").jwk(&nameless.to_string());
    judged(taking([issuer]).await, &rows).await;
}

/// RFC 7517 §4: what a set has besides keys for signatures is left out, and spoils nothing.
#[tokio::test]
async fn keys_are_for_what_they_say() {
    let good = es256();
    let of = |id: &'static str| Party::new(Algorithm::Es256, id);
    let odd = [
        (of("enc"), json!({"use": "enc"})),
        (of("ops"), json!({"key_ops": ["deriveKey"]})),
        (of("other"), json!({"alg": "RS256"})),
        (of("symmetric"), json!({"alg": "HS256"})),
        (of("unknown"), json!({"alg": "XS256"})),
        (of("exchange"), json!({"alg": "ECDH-ES"})),
        (of("private"), json!({"d": encode([1; 32])})),
        (of("use"), json!({"use": ["sig"]})),
        (of("curve"), json!({"crv": "secp256k1"})),
        (of("kind"), json!({"kty": "RSA"})),
        (of("point"), json!({"x": encode([1; 32])})),
    ];
    let mut set = vec![
        good.jwk(),
        json!({"kty": "oct", "kid": "oct", "alg": "HS256", "k": encode(SECRET)}),
        json!("text"),
    ];
    let mut rows = vec![("the one that is for signatures", good.token(&alice()), OPENS)];
    for (party, changes) in &odd {
        let mut jwk = party.jwk();
        for (name, value) in changes.as_object().expect("an object") {
            jwk[name] = value.clone();
        }
        set.push(jwk);
        rows.push(("a key for something else", party.token(&alice()), REFUSED));
        let nameless = header(party, &json!({"kid": null}));
        rows.push(("the same without its name", party.sign(&nameless, &alice().to_string()), REFUSED));
    }
    let secret = Party::new(Algorithm::Hs256, "oct");
    rows.push(("a secret that was published", secret.token(&alice()), REFUSED));
    // A key of RSA that is bound to one algorithm.
    let (rs, ps) = (Party::new(Algorithm::Rs256, "rsa"), Party::new(Algorithm::Ps256, "rsa"));
    let mut bound = rs.jwk();
    bound["alg"] = "PS256".into();
    set.push(bound);
    rows.push(("bound to the other algorithm", rs.token(&alice()), REFUSED));
    rows.push(("bound to its algorithm", ps.token(&alice()), OPENS));
    let issuer = Issuer::new(ISSUER).audience("api").jwks(&json!({"keys": set}).to_string());
    judged(taking([issuer]).await, &rows).await;
}
