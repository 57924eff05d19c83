//! An `OpenID` provider.

use std::fs;
use std::ops::{Deref, DerefMut};
use std::path::Path;

use crate::node::node;
use crate::{Program, Server};

/// An `OpenID` provider (oidc-provider on node), whose clients get tokens for themselves: signed ones for resources, and
/// opaque ones, about which it can be asked.
///
/// ```
/// use test_servers::Provider;
///
/// let mut provider = Provider::signing_by("first");
/// provider.rotate(&["second", "first"]);
/// assert!(provider.url().starts_with("http://127.0.0.1:"));
/// ```
#[derive(Debug)]
pub struct Provider {
    server: Server,
}

impl Provider {
    /// The client that gets tokens for itself, and its secret.
    pub const SERVICE: (&str, &str) = ("service", "secret-of-the-service");
    /// The client that may ask about tokens, and its secret.
    pub const SITE: (&str, &str) = ("site", "secret-of-the-site");

    /// Starts one with one key, of this name.
    ///
    /// # Panics
    /// If it is not installed, or does not start.
    pub fn signing_by(key: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        name_keys(folder.path(), &[key]);
        let program = Program {
            name: "the OpenID provider",
            package: "nodejs",
            ready: "the provider is ready",
            command: Box::new(|folder, port| {
                let mut command = node("provider.mjs");
                command.current_dir(folder).arg(port.to_string());
                command
            }),
        };
        Self { server: Server::start_in(folder, program) }
    }

    /// Starts it again with these keys: the first signs, all are published. One that it had before under this name is
    /// the same.
    ///
    /// # Panics
    /// If it does not end or start.
    pub fn rotate(&mut self, keys: &[&str]) {
        name_keys(self.folder(), keys);
        self.stop();
        self.start_again();
    }

    /// Its URL, which is also its name in its tokens.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port())
    }
}

fn name_keys(folder: &Path, keys: &[&str]) {
    fs::write(folder.join("keys"), keys.join("\n")).expect("a file can be made in the folder");
}

impl Deref for Provider {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

impl DerefMut for Provider {
    fn deref_mut(&mut self) -> &mut Server {
        &mut self.server
    }
}
