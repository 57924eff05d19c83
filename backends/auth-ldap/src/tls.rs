//! The TLS configuration, if the application does not provide one.

use std::sync::Arc;

use auth_core::ConfigError;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

/// Which authorities may certify a server.
#[derive(Clone)]
pub(crate) enum Trust {
    /// The authorities that the system trusts.
    System,
    /// These authorities, as PEM, and no others.
    Authorities(Vec<u8>),
    /// As the application's configuration says.
    Own(Arc<ClientConfig>),
}

impl Trust {
    pub(crate) fn config(self) -> Result<Arc<ClientConfig>, ConfigError> {
        let roots = match self {
            Self::Own(config) => return Ok(config),
            Self::Authorities(pem) => authorities(&pem)?,
            Self::System => system()?,
        };
        let config = ClientConfig::builder_with_provider(provider()?)
            .with_safe_default_protocol_versions()
            .map_err(|error| ConfigError::new(format!("TLS cannot be set up: {error}")))?;
        Ok(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
    }
}

/// The provider that the application installed, or else the built-in one. rustls panics if two are compiled in and
/// none is installed.
fn provider() -> Result<Arc<CryptoProvider>, ConfigError> {
    let own = || {
        #[cfg(feature = "ring")]
        return Some(Arc::new(rustls::crypto::ring::default_provider()));
        #[cfg(not(feature = "ring"))]
        None
    };
    CryptoProvider::get_default().cloned().or_else(own).ok_or_else(|| {
        ConfigError::new(
            "no cryptography for TLS: install a rustls `CryptoProvider`, or enable the feature `ring`",
        )
    })
}

fn authorities(pem: &[u8]) -> Result<RootCertStore, ConfigError> {
    let refused = || ConfigError::new("the authorities are not certificates in PEM");
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        roots.add(certificate.map_err(|_| refused())?).map_err(|_| refused())?;
    }
    if roots.is_empty() { Err(refused()) } else { Ok(roots) }
}

fn system() -> Result<RootCertStore, ConfigError> {
    let mut roots = RootCertStore::empty();
    // Many systems have some unreadable certificates; servers certified by these are refused.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err(ConfigError::new(
            "the system trusts no certificates: name the directory's with `authorities`",
        ));
    }
    Ok(roots)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_certificates_are_authorities() {
        let good = test_servers::Certificate::new().authority;
        assert!(Trust::Authorities(good.clone().into_bytes()).config().is_ok());
        let bad = ["", "no PEM", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"];
        for bad in bad {
            assert!(Trust::Authorities(bad.into()).config().is_err(), "{bad}");
        }
    }
}
