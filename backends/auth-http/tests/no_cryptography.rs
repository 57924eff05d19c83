//! A process that chose no cryptography for TLS: refused with the fix, where the HTTP client would panic.
#![allow(missing_docs)]

use std::sync::Arc;

use auth_http::{Endpoint, HttpVerifier, IdentityShape};
use rustls::ClientConfig;
use rustls::crypto::ring::default_provider;

#[test]
fn it_is_told_what_to_do() {
    let built = |endpoint| HttpVerifier::builder(endpoint, "issuer", IdentityShape::new("/id")).build();
    let told = built(Endpoint::new("https://accounts.example/")).unwrap_err().to_string();
    assert!(told.contains("install_default") && told.contains("Endpoint::tls"), "{told}");
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()));
    let config = config.with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth();
    assert!(built(Endpoint::new("https://accounts.example/").tls(config)).is_ok());
}
