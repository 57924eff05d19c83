//! Certificates for servers on the loopback interface.

use std::fs;
use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, KeyUsagePurpose};

/// A certificate for `localhost` and 127.0.0.1, and the authority that vouches for it; new each time.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// The authority's certificate, for clients, as PEM.
    pub authority: String,
    /// The server's certificate, as PEM.
    pub certificate: String,
    /// The server's private key, as PEM.
    pub key: String,
}

impl Certificate {
    /// Makes a new authority and a certificate.
    ///
    /// # Panics
    /// If the system gives no random numbers.
    pub fn new() -> Self {
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let authority = CertifiedIssuer::self_signed(authority, new_key()).expect("a valid authority");
        let key = new_key();
        let names = ["localhost", "127.0.0.1"].map(String::from);
        let certificate = CertificateParams::new(names).expect("valid names");
        let certificate = certificate.signed_by(&key, &authority).expect("a valid certificate");
        Self { authority: authority.pem(), certificate: certificate.pem(), key: key.serialize_pem() }
    }

    /// Writes `authority.pem`, `certificate.pem` and `key.pem` into a folder.
    ///
    /// # Panics
    /// If the files cannot be written.
    pub fn write_to(&self, folder: &Path) {
        let files = [
            ("authority.pem", &self.authority),
            ("certificate.pem", &self.certificate),
            ("key.pem", &self.key),
        ];
        for (name, text) in files {
            fs::write(folder.join(name), text).expect("a file can be made in the folder");
        }
    }
}

impl Default for Certificate {
    fn default() -> Self {
        Self::new()
    }
}

fn new_key() -> KeyPair {
    KeyPair::generate().expect("the system gives random numbers")
}
