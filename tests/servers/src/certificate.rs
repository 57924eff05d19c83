//! Certificates for servers on the loopback interface.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, KeyUsagePurpose, date_time_ymd,
};

/// A server's certificate, and the authority that vouches for it; new each time.
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
    /// For `localhost` and 127.0.0.1.
    ///
    /// # Panics
    /// If the system gives no random numbers.
    pub fn new() -> Self {
        Self::signed(&parameters(&["localhost", "127.0.0.1"]))
    }

    /// For another name: clients must not take it for the one of a server on the loopback interface.
    ///
    /// # Panics
    /// As [`new`](Self::new), and if it is no name.
    pub fn of(name: &str) -> Self {
        Self::signed(&parameters(&[name]))
    }

    /// One whose time was over with the year 2019.
    ///
    /// # Panics
    /// As [`new`](Self::new).
    pub fn expired() -> Self {
        let mut parameters = parameters(&["localhost", "127.0.0.1"]);
        parameters.not_after = date_time_ymd(2020, 1, 1);
        Self::signed(&parameters)
    }

    fn signed(parameters: &CertificateParams) -> Self {
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let authority = CertifiedIssuer::self_signed(authority, new_key()).expect("a valid authority");
        let key = new_key();
        let certificate = parameters.signed_by(&key, &authority).expect("a valid certificate");
        Self { authority: authority.pem(), certificate: certificate.pem(), key: key.serialize_pem() }
    }

    /// Writes `authority.pem`, `certificate.pem` and `key.pem` into a folder. The key is for its owner alone: some
    /// servers take no other.
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
            let mut file = OpenOptions::new();
            file.create(true).truncate(true).write(true).mode(if name == "key.pem" { 0o600 } else { 0o644 });
            let file = file.open(folder.join(name)).and_then(|mut file| file.write_all(text.as_bytes()));
            file.expect("a file can be made in the folder");
        }
    }
}

impl Default for Certificate {
    fn default() -> Self {
        Self::new()
    }
}

fn parameters(names: &[&str]) -> CertificateParams {
    let names: Vec<_> = names.iter().map(ToString::to_string).collect();
    CertificateParams::new(names).expect("valid names")
}

fn new_key() -> KeyPair {
    KeyPair::generate().expect("the system gives random numbers")
}
