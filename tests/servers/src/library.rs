//! Libraries of others that sign tokens.

use std::path::Path;
use std::process::Command;

use crate::node::node;

const SIGN_PY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/python/sign.py");

/// A library of others that signs tokens.
#[derive(Clone, Copy, Debug)]
pub enum Library {
    /// npm's jose, which also writes its keys as JWK.
    Jose,
    /// Python's `PyJWT`, with the keys of cryptography, as PEM.
    PyJwt,
}

impl Library {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Jose, Self::PyJwt];

    /// Signs these claims (JSON) by each of these algorithms, with a key that is made for it: a line of JSON for each,
    /// with the token (`token`), and its key as `jwk`, as `pem`, or as `secret` in base64url.
    ///
    /// # Panics
    /// If the library is not installed, or cannot do it.
    pub fn sign(self, claims: &str, algorithms: &[&str]) -> Vec<String> {
        let (mut command, packages) = match self {
            Self::Jose => (node("sign.mjs"), "nodejs"),
            Self::PyJwt => (python(SIGN_PY), "python3-jwt python3-cryptography"),
        };
        let output = command.arg(claims).args(algorithms).output();
        let output = output.unwrap_or_else(|error| {
            panic!("{self:?} cannot be started ({error}): run scripts/setup, or apt-get install {packages}")
        });
        let errors = String::from_utf8_lossy(&output.stderr);
        let hint = format!("{self:?} does not sign: run scripts/setup, or apt-get install {packages}");
        assert!(output.status.success(), "{hint}\n{errors}");
        String::from_utf8_lossy(&output.stdout).lines().map(Into::into).collect()
    }
}

/// The system's, for which Debian's packages are, whichever others are on the path.
fn python(script: &str) -> Command {
    let system = Path::new("/usr/bin/python3");
    let mut command = Command::new(if system.exists() { system } else { Path::new("python3") });
    command.arg(script);
    command
}
