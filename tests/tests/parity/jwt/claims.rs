//! What a token must say: each claim left out, of another type, and at its edges.

use std::sync::Arc;
use std::time::Duration;

use auth_core::time::{ManualClock, Timestamp};
use auth_jwt::Jwt;
use integration_tests::client::everywhere;
use integration_tests::world::START;
use serde_json::{Value, json};

use super::{
    NOW, OPENS, Party, REFUSED, Row, alice, bearer, check, claims, es256, fixed, judged, remembering, taking,
    verified_by,
};

/// A token whose claim of this name is this text, whatever it is.
fn saying(party: &Party, name: &str, value: &str) -> String {
    let mut claims = alice();
    claims.as_object_mut().expect("an object").remove(name);
    let claims = claims.to_string().replacen('{', &format!("{{\"{name}\":{value},"), 1);
    party.sign(&party.header().to_string(), &claims)
}

fn changed(party: &Party, changes: &Value) -> String {
    party.token(&claims(changes))
}

/// RFC 8725 §3.8, §3.9.
#[tokio::test]
async fn what_must_be_said_is_said() {
    let party = es256();
    let missing = |name: &str| changed(&party, &json!({name: null}));
    let mut rows: Vec<Row> = vec![
        ("all", party.token(&alice()), OPENS),
        ("no exp", missing("exp"), REFUSED),
        ("no iss", missing("iss"), REFUSED),
        ("no aud", missing("aud"), REFUSED),
        ("no sub", missing("sub"), REFUSED),
        ("no iat", missing("iat"), OPENS),
        ("no exp but a lifetime", changed(&party, &json!({"exp": null, "expires_in": 600})), REFUSED),
        ("no claims", party.sign(&party.header().to_string(), "{}"), REFUSED),
        ("bound to a key", changed(&party, &json!({"cnf": {"jkt": "x"}})), REFUSED),
        ("what nobody knows", changed(&party, &json!({"x": [1, {"y": null}]})), OPENS),
    ];
    for name in ["exp", "iss", "aud", "sub"] {
        rows.push(("null for a claim", saying(&party, name, "null"), REFUSED));
        let mut shouting = alice();
        let value = shouting[name].take();
        shouting.as_object_mut().expect("an object").remove(name);
        shouting[name.to_uppercase()] = value;
        rows.push(("the name of a claim in another case", party.token(&shouting), REFUSED));
    }
    judged(taking([fixed(&party)]).await, &rows).await;
}

#[tokio::test]
async fn audiences() {
    let party = es256();
    let table = [
        ("ours", json!("api"), OPENS),
        ("ours in an array", json!(["api"]), OPENS),
        ("ours among others", json!(["other", "api", "third"]), OPENS),
        ("ours twice", json!(["api", "api"]), OPENS),
        ("another", json!("other"), REFUSED),
        ("others", json!(["other", "third"]), REFUSED),
        ("none of an array", json!([]), REFUSED),
        ("the empty text", json!(""), REFUSED),
        ("the empty text in an array", json!([""]), REFUSED),
        ("ours in another case", json!("API"), REFUSED),
        ("longer than ours", json!("api2"), REFUSED),
        ("a part of ours", json!("ap"), REFUSED),
        ("a list in one text", json!("api other"), REFUSED),
        ("an object", json!({"api": true}), REFUSED),
        ("a number", json!(1), REFUSED),
        ("true", json!(true), REFUSED),
        ("ours beside a number", json!(["api", 1]), REFUSED),
        ("ours beside null", json!(["api", null]), REFUSED),
        ("ours within", json!([["api"]]), REFUSED),
    ];
    let mut rows: Vec<Row> = table
        .into_iter()
        .map(|(name, aud, status)| (name, changed(&party, &json!({"aud": aud})), status))
        .collect();
    rows.push(("null", saying(&party, "aud", "null"), REFUSED));
    rows.push(("null in an array", saying(&party, "aud", "[null]"), REFUSED));
    judged(taking([fixed(&party)]).await, &rows).await;
    let rows = [
        ("the one", changed(&party, &json!({"aud": "api"})), OPENS),
        ("the other", changed(&party, &json!({"aud": "api2"})), OPENS),
        ("both as one", changed(&party, &json!({"aud": "api api2"})), REFUSED),
    ];
    judged(taking([fixed(&party).audience("api2")]).await, &rows).await;
}

/// CVE-2026-25537 and its like: of another type is not "absent", and no time is no time.
#[tokio::test]
async fn times_have_their_type() {
    const NO_TIMES: [&str; 17] = [
        "null",
        "true",
        "false",
        "\"1800000600\"",
        "\"\"",
        "\"NaN\"",
        "\"2027-01-15T08:00:00Z\"",
        "[]",
        "[1800000600]",
        "{}",
        "-1",
        "-0.5",
        "-1e300",
        "1e300",
        "1e18",
        "253402300800",
        "18446744073709551616",
    ];
    let party = es256();
    let mut rows: Vec<Row> = Vec::new();
    for name in ["exp", "nbf", "iat"] {
        rows.extend(NO_TIMES.map(|value| (value, saying(&party, name, value), REFUSED)));
        rows.extend(
            ["NaN", "Infinity", "1e999", "01"]
                .map(|no_json| (no_json, saying(&party, name, no_json), REFUSED)),
        );
    }
    rows.extend([
        ("the last second that there is", saying(&party, "exp", "253402300799"), OPENS),
        ("a fraction", saying(&party, "exp", "1800000600.5"), OPENS),
        ("an exponent", saying(&party, "exp", "1.8000006e9"), OPENS),
        ("begun in 1970", saying(&party, "nbf", "0"), OPENS),
        ("issued in 1970", saying(&party, "iat", "0.0"), OPENS),
    ]);
    judged(taking([fixed(&party)]).await, &rows).await;
}

#[tokio::test]
async fn texts_have_their_type() {
    let party = es256();
    let no_texts = ["null", "true", "1", "[]", "{}", r#"["https://id.example"]"#, r#"["alice"]"#];
    let mut rows: Vec<Row> = Vec::new();
    for name in ["iss", "sub", "jti"] {
        rows.extend(no_texts.map(|value| (value, saying(&party, name, value), REFUSED)));
    }
    let issuers = [
        "",
        "https://id.example/",
        "https://ID.example",
        "http://id.example",
        " https://id.example",
        "id.example",
    ];
    rows.extend(issuers.map(|other| (other, changed(&party, &json!({"iss": other})), REFUSED)));
    rows.push(("an empty subject", changed(&party, &json!({"sub": ""})), REFUSED));
    judged(taking([fixed(&party)]).await, &rows).await;
}

/// To the millisecond, for each leeway, and with a clock that goes back; also of tokens that are kept as verified, and where a
/// site remembers what it accepted.
#[tokio::test]
async fn the_edges_of_times_are_exact() {
    let party = es256();
    let end = changed(&party, &json!({"exp": NOW + 100, "iat": null}));
    let begin = changed(&party, &json!({"nbf": NOW + 50, "iat": null}));
    let made = changed(&party, &json!({"iat": NOW + 50}));
    for (leeway, bearer) in [(0, bearer()), (30, bearer()), (60, bearer()), (30, remembering())] {
        let clock = Arc::new(ManualClock::at(START));
        let issuer = fixed(&party).leeway(Duration::from_secs(leeway));
        let setup = verified_by(Jwt::builder().clock(Arc::clone(&clock)).issuer(issuer), bearer).await;
        let (first, last) = ((NOW + 50 - leeway) * 1_000, (NOW + 100 + leeway) * 1_000);
        let table = [
            ("before its end", &end, last - 1, OPENS),
            ("at its end", &end, last, REFUSED),
            ("a second after its end", &end, last + 1_000, REFUSED),
            ("a clock that goes back", &end, last - 1_000, OPENS),
            ("a second before its begin", &begin, first - 1_000, REFUSED),
            ("just before its begin", &begin, first - 1, REFUSED),
            ("at its begin", &begin, first, OPENS),
            ("a clock that goes back behind its begin", &begin, first - 1, REFUSED),
            ("before it was issued", &made, first - 1, REFUSED),
            ("when it was issued", &made, first, OPENS),
        ];
        everywhere(setup, async |client| {
            for (name, token, millis, status) in &table {
                let now = Timestamp::from_millis(*millis);
                clock.set(now);
                client.world.clock.set(now);
                check(&client, &(*name, (*token).clone(), *status)).await;
            }
        })
        .await;
    }
}
