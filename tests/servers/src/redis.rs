//! Redis.

use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::process::Command;

use crate::{Certificate, Program, Server};

/// A Redis server, with a password. It keeps what it was told on disk: a kill loses nothing.
#[derive(Debug)]
pub struct Redis {
    server: Server,
    certificate: Option<Certificate>,
}

/// How a [`Redis`] is configured.
#[derive(Clone, Debug, Default)]
pub struct RedisOptions {
    arguments: Vec<String>,
    tls: bool,
}

impl Redis {
    /// The password of the user `default`.
    pub const PASSWORD: &str = "s3cret-of-the-tests";

    /// A server that is configured as far as possible like one in production.
    #[expect(clippy::new_ret_no_self, reason = "it is started when all is said")]
    pub fn new() -> RedisOptions {
        RedisOptions::default()
    }

    /// Its URL, with the password.
    pub fn url(&self) -> String {
        let (scheme, host) =
            if self.certificate.is_some() { ("rediss", "localhost") } else { ("redis", "127.0.0.1") };
        format!("{scheme}://:{}@{host}:{}/0", Self::PASSWORD, self.port())
    }

    /// The certificate of the authority that vouches for it, as PEM; the empty text without TLS.
    pub fn authority(&self) -> &str {
        self.certificate.as_ref().map_or("", |certificate| &certificate.authority)
    }
}

impl RedisOptions {
    /// With a directive of the server's configuration, such as `maxmemory`.
    #[must_use]
    pub fn with(mut self, directive: &str, value: &str) -> Self {
        self.arguments.extend([format!("--{directive}"), value.into()]);
        self
    }

    /// With TLS, and without a port that takes anything else.
    #[must_use]
    pub fn with_tls(mut self) -> Self {
        self.tls = true;
        self
    }

    /// Starts the server.
    ///
    /// # Panics
    /// If it is not installed, or does not start.
    pub fn start(self) -> Redis {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let certificate = self.tls.then(Certificate::new);
        if let Some(certificate) = &certificate {
            certificate.write_to(folder.path());
        }
        let program = Program {
            name: "redis-server",
            package: "redis-server",
            ready: "Ready to accept connections",
            command: Box::new(move |folder, port| self.command(folder, port)),
        };
        Redis { server: Server::start_in(folder, program), certificate }
    }

    fn command(&self, folder: &Path, port: u16) -> Command {
        let mut command = Command::new("redis-server");
        let port = port.to_string();
        command.current_dir(folder);
        command.args(["--bind", "127.0.0.1", "--requirepass", Redis::PASSWORD]);
        // The system's memory holds what was written, also when the server is killed.
        command.args(["--appendonly", "yes", "--appendfsync", "no", "--save", ""]);
        if self.tls {
            command.args(["--port", "0", "--tls-port", &port, "--tls-auth-clients", "no"]);
            command.args(["--tls-cert-file", "certificate.pem", "--tls-key-file", "key.pem"]);
            command.args(["--tls-ca-cert-file", "authority.pem"]);
        } else {
            command.args(["--port", &port]);
        }
        command.args(&self.arguments);
        command
    }
}

impl Deref for Redis {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

impl DerefMut for Redis {
    fn deref_mut(&mut self) -> &mut Server {
        &mut self.server
    }
}
