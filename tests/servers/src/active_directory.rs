//! Active Directory, by Samba.

use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::ldap::{modify, tls_port};
use crate::server::run;
use crate::{Certificate, Program, Server};

/// A domain controller of an Active Directory (Samba's), with people and groups in it; a kill loses nothing.
///
/// It refuses passwords in the clear. The domain is `example.test`, and `EXAMPLE` for short: a name to bind with is
/// a DN, `alice@example.test` or `EXAMPLE\alice`. All people are in `CN=Users` below [`BASE`](Self::BASE), have an
/// address `NAME@example.test`, and the password [`PASSWORD`](Self::PASSWORD):
///
/// | `sAMAccountName` | | `data` in the message of a bind |
/// | --- | --- | --- |
/// | `alice` | in the groups `staff` and `admins` | |
/// | `bob` | in the group `staff` | |
/// | `anne` | in the group `staff`; her DN is [`AWKWARD`](Self::AWKWARD) | |
/// | `service` | for applications to search with | |
/// | `disabled` | is disabled | `533` |
/// | `mustchange` | must change the password first | `773` |
/// | `expired` | has an account that has ended | `701` |
///
/// Three wrong passwords (`52e`) lock anybody for half an hour (`775`). The group `everyone` has the group `staff` in
/// it.
#[derive(Debug)]
pub struct ActiveDirectory {
    server: Server,
    certificate: Certificate,
}

impl ActiveDirectory {
    /// What all is below.
    pub const BASE: &str = "DC=example,DC=test";
    /// The name of the administrator to bind with.
    pub const ADMIN: &str = "Administrator@example.test";
    /// Everybody's password, and the administrator's.
    pub const PASSWORD: &str = "Us3r-passw0rd";
    /// A person's DN that means something else when it is not escaped: in a DN, and in a filter.
    pub const AWKWARD: &str = r"CN=Änne\, O'Hara (x)\+y,CN=Users,DC=example,DC=test";

    /// Starts a domain controller, which takes some five seconds; or says on standard error why there is none: it
    /// needs a network namespace, and not every machine lets a process make one. Most let root.
    ///
    /// # Panics
    /// If Samba is not installed, or does not start.
    pub fn start_where_allowed() -> Option<Self> {
        let why = match Command::new("unshare").args(["--net", "true"]).output() {
            Ok(output) if output.status.success() => return Some(Self::start()),
            Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
            Err(error) => error.to_string(),
        };
        eprintln!("NOTHING IS TESTED WITH ACTIVE DIRECTORY: no network namespace may be made here ({why})");
        None
    }

    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let certificate = Certificate::new();
        certificate.write_to(folder.path());
        provision(folder.path());
        let program = Program {
            name: "samba",
            package: "samba-ad-dc socat iproute2",
            ready: "connections pass",
            command: Box::new(command),
        };
        let directory = Self { server: Server::start_in(folder, program), certificate };
        directory.modify(include_str!("active_directory/seed.ldif"));
        directory
    }

    /// Its URL, for use with `StartTLS`.
    pub fn url(&self) -> String {
        format!("ldap://127.0.0.1:{}", self.port())
    }

    /// Its URL for TLS from the first byte on.
    pub fn tls_url(&self) -> String {
        format!("ldaps://127.0.0.1:{}", tls_port(self.port()))
    }

    /// The certificate of the authority that vouches for it, as PEM. In the folder it is `authority.pem`.
    pub fn authority(&self) -> &str {
        &self.certificate.authority
    }

    /// Makes the administrator change entries, as LDIF says; a record without a `changetype` is added.
    ///
    /// # Panics
    /// If the server does not do it.
    pub fn modify(&self, ldif: &str) {
        let administrator = ["-D", Self::ADMIN, "-w", Self::PASSWORD];
        modify(self.folder(), &self.tls_url(), &administrator, ldif);
    }
}

fn provision(folder: &Path) {
    let mut provision = Command::new("samba-tool");
    provision.args(["domain", "provision", "--realm=EXAMPLE.TEST", "--domain=EXAMPLE", "--host-name=dc"]);
    provision.args(["--host-ip=127.0.0.1", "--server-role=dc", "--dns-backend=NONE"]);
    provision.arg(format!("--adminpass={}", ActiveDirectory::PASSWORD));
    provision.arg(format!("--targetdir={}", folder.display()));
    provision.args(["--option=interfaces=127.0.0.1", "--option=bind interfaces only=yes"]);
    run(&mut provision, Stdio::null(), folder, "samba-ad-provision");
}

fn command(folder: &Path, port: u16) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", include_str!("active_directory/serve.sh"), "serve"]).current_dir(folder);
    command.args([port, tls_port(port)].map(|port| port.to_string()));
    command
}

impl Deref for ActiveDirectory {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

impl DerefMut for ActiveDirectory {
    fn deref_mut(&mut self) -> &mut Server {
        &mut self.server
    }
}
