//! TLS, and who asks shown by a certificate.

use std::sync::Arc;

use auth_http::{Endpoint, HttpVerifier, Introspection};
use rustls::client::{ClientConfig, WantsClientCert};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ServerConfig, WebPkiClientVerifier};
use rustls::{ConfigBuilder, RootCertStore};
use test_servers::Certificate;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::support::{Chain, DOWN, ISSUER, UNREADABLE, alices, endpoint, shape};

fn roots(authority: &Certificate) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.authority.as_bytes()).unwrap()).unwrap();
    roots
}

fn identity(certificate: &Certificate) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
    let chain = vec![CertificateDer::from_pem_slice(certificate.certificate.as_bytes()).unwrap()];
    (chain, PrivateKeyDer::from_pem_slice(certificate.key.as_bytes()).unwrap())
}

fn client(authority: &Certificate) -> ConfigBuilder<ClientConfig, WantsClientCert> {
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()));
    config.with_safe_default_protocol_versions().unwrap().with_root_certificates(roots(authority))
}

/// A service that knows Alice; its port. With `clients`, only clients certified by this authority may ask.
async fn service(certificate: &Certificate, clients: Option<&Certificate>) -> u16 {
    let provider = Arc::new(default_provider());
    let config = ServerConfig::builder_with_provider(Arc::clone(&provider));
    let config = config.with_safe_default_protocol_versions().unwrap();
    let config = match clients {
        None => config.with_no_client_auth(),
        Some(authority) => config.with_client_cert_verifier(
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots(authority)), provider)
                .build()
                .unwrap(),
        ),
    };
    let (chain, key) = identity(certificate);
    let acceptor = TlsAcceptor::from(Arc::new(config.with_single_cert(chain, key).unwrap()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            let body = r#"{"user":{"id":7,"login":"alice","groups":["staff"]}}"#;
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n";
            let answer = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    });
    port
}

async fn asked(
    url: &str,
    config: ClientConfig,
) -> Result<auth_core::backend::Identity, crate::support::Refused> {
    let verifier = HttpVerifier::builder(endpoint(url).tls(config), ISSUER, shape());
    Chain::of(verifier.build().unwrap()).login("alice", "wonderland").await
}

#[tokio::test]
async fn only_a_certificate_of_the_right_authority_and_name_will_do() {
    let (own, other) = (Certificate::new(), Certificate::new());
    let port = service(&own, None).await;
    let plain = |authority| client(authority).with_no_client_auth();
    let (by_name, by_address) = (format!("https://localhost:{port}/"), format!("https://127.0.0.1:{port}/"));
    assert_eq!(asked(&by_name, plain(&own)).await, Ok(alices()));
    assert_eq!(asked(&by_address, plain(&own)).await, Ok(alices()));
    assert_eq!(asked(&by_name, plain(&other)).await, Err(DOWN), "another authority");
    let another_name = format!("https://127.0.0.2:{port}/");
    assert_eq!(asked(&another_name, plain(&own)).await, Err(DOWN), "another name");
    // The process may have it from another test.
    let _ = default_provider().install_default();
    let system = HttpVerifier::builder(Endpoint::new(&by_name), ISSUER, shape()).build();
    let system = Chain::of(system.unwrap());
    assert_eq!(system.login("alice", "wonderland").await, Err(DOWN), "unknown to the system");
}

/// A certificate is a way to show who asks.
#[tokio::test]
async fn who_asks_is_shown_by_a_certificate() {
    let (own, stranger) = (Certificate::new(), Certificate::new());
    let url = format!("https://localhost:{}/", service(&own, Some(&own)).await);
    let with = |certificate| {
        let (chain, key) = identity(certificate);
        client(&own).with_client_auth_cert(chain, key).unwrap()
    };
    assert_eq!(asked(&url, with(&own)).await, Ok(alices()));
    // TLS 1.3 says so after the handshake, when the question is on its way.
    assert_eq!(asked(&url, with(&stranger)).await, Err(UNREADABLE), "another's certificate");
    assert_eq!(asked(&url, client(&own).with_no_client_auth()).await, Err(UNREADABLE), "no certificate");
    let introspection =
        |config| Introspection::builder(endpoint(&url).tls(config), ISSUER).audience("api").build();
    assert!(introspection(with(&own)).is_ok());
    assert!(introspection(client(&own).with_no_client_auth()).is_err());
}
