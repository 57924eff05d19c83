//! What cannot be right is not built, and says why.

use std::time::Duration;

use auth_core::backend::{DeclineReason, Outcome};
use auth_http::{AnswerCache, Endpoint, HttpVerifier, IdentityShape, Introspection};
use serde_json::json;

use crate::support::{endpoint, shape};

const HTTPS: &str = "https://accounts.example/verify";

fn mistake(endpoint: Endpoint) -> String {
    let built = HttpVerifier::builder(endpoint, "issuer", shape()).build();
    built.err().map(|error| error.to_string()).unwrap_or_default()
}

#[test]
fn endpoints() {
    let table = [
        ("https", endpoint(HTTPS), ""),
        ("this machine", endpoint("http://127.0.0.1:8080/"), ""),
        ("this machine, v6", endpoint("http://[::1]/"), ""),
        ("this machine by name", endpoint("http://localhost/"), ""),
        ("cleartext that is asked for", endpoint("http://accounts.example/").insecure_cleartext(), ""),
        ("cleartext", endpoint("http://accounts.example/"), "must be https"),
        ("a name like this machine's", endpoint("http://localhost.example/"), "must be https"),
        ("an address like this machine's", endpoint("http://128.0.0.1/"), "must be https"),
        ("all addresses", endpoint("http://0.0.0.0/"), "must be https"),
        ("another scheme", endpoint("ftp://accounts.example/").insecure_cleartext(), "must be https"),
        ("no address", endpoint("accounts"), "like https://"),
        ("a password in it", endpoint("https://a:canary@accounts.example/"), "must not hold a password"),
        ("two ways", endpoint(HTTPS).bearer("a").basic("b", "c"), "is set twice"),
        ("a header's name", endpoint(HTTPS).header("a b", "c"), "not a valid header name"),
        ("a line break", endpoint(HTTPS).bearer("canary\r\nx: y"), "not valid in a header"),
        ("another's header", endpoint(HTTPS).header("Host", "c"), "must not carry a secret"),
        ("an empty token", endpoint(HTTPS).bearer(""), "is empty"),
        ("an empty client", endpoint(HTTPS).client("", ""), "is empty"),
        ("an empty key", endpoint(HTTPS).header("X-Api-Key", ""), "is empty"),
        ("no time", endpoint(HTTPS).timeout(Duration::ZERO), "above zero"),
        ("no time to connect", endpoint(HTTPS).connect_timeout(Duration::ZERO), "above zero"),
        ("no length", endpoint(HTTPS).max_answer_len(0), "above zero"),
        ("no place", endpoint(HTTPS).max_at_once(0), "above zero"),
        ("too many places", endpoint(HTTPS).max_at_once(usize::MAX), "that many"),
    ];
    for (name, endpoint, expected) in table {
        let told = mistake(endpoint);
        assert!(told.contains(expected) && told.is_empty() == expected.is_empty(), "{name}: {told}");
        assert!(!told.contains("canary"), "{name}: {told}");
    }
}

/// What failed is told by its own name, before the chain gives the whole backend up.
#[test]
fn times_are_shorter_than_the_chains() {
    let times = [Endpoint::CONNECT_TIMEOUT, Endpoint::TIMEOUT, auth_core::backend::BACKEND_TIMEOUT];
    assert_eq!(times.map(|time| time.as_secs()), [2, 4, 5]);
}

#[test]
fn verifiers() {
    let plain = || HttpVerifier::builder(endpoint(HTTPS), "issuer", shape());
    let wrong = Outcome::Decline(DeclineReason::WrongSecret);
    let table = [
        ("as it comes", plain(), true),
        ("no issuer", HttpVerifier::builder(endpoint(HTTPS), "", shape()), false),
        ("no pointer", HttpVerifier::builder(endpoint(HTTPS), "i", IdentityShape::new("id")), false),
        ("no place for the password", plain().request(json!({"u": "{username}"})), false),
        ("a status of success", plain().on_status(200, wrong.clone()), false),
        ("an outage", plain().on_status(503, wrong.clone()), false),
        ("too many requests", plain().on_status(429, wrong.clone()), false),
        ("a time-out", plain().on_status(408, wrong), false),
        ("kept for too long", plain().cache(AnswerCache::new().ttl(Duration::from_secs(61))), false),
    ];
    for (name, builder, is_right) in table {
        assert_eq!(builder.build().is_ok(), is_right, "{name}");
    }
}

#[test]
fn introspections() {
    let plain = || Introspection::builder(endpoint(HTTPS).client("id", "secret"), "issuer");
    let nobody = || Introspection::builder(endpoint(HTTPS), "issuer").audience("api");
    let table = [
        ("as it should be", plain().audience("api"), true),
        ("any audience", plain().without_audience_check(), true),
        ("anybody asks", nobody().without_client_authentication(), true),
        ("no audience", plain(), false),
        ("both", plain().audience("api").without_audience_check(), false),
        ("nobody asks", nobody(), false),
        ("somebody and nobody asks", plain().audience("api").without_client_authentication(), false),
        ("two scopes in one", plain().audience("api").scope("a b"), false),
        ("an empty scope", plain().audience("api").scope(""), false),
        ("too much leeway", plain().audience("api").leeway(Duration::from_secs(301)), false),
        ("no pointer", plain().audience("api").identity(IdentityShape::new("sub")), false),
    ];
    for (name, builder, is_right) in table {
        assert_eq!(builder.build().is_ok(), is_right, "{name}");
    }
}
