//! `OpenLDAP`.

use std::fmt::Write as _;
use std::fs;
use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::ldap::{modify, tls_port};
use crate::server::{program, wait_for_listener};
use crate::{Certificate, Program, Server};

/// An `OpenLDAP` directory with people and groups in it; a kill loses nothing.
///
/// Below [`BASE`](Self::BASE), people are in `ou=people`, each with an address `NAME@example.org`; the password of
/// each is its name and `pw`:
///
/// | `uid` | |
/// | --- | --- |
/// | `alice` | in the groups `staff` and `admins` |
/// | `bob` | in the group `staff` |
/// | `anne` | in the group `staff`; her DN is [`AWKWARD`](Self::AWKWARD) |
/// | `twin1`, `twin2` | have the same address, `twins@example.org` |
/// | `locked` | is locked |
/// | `mustchange` | must change the password first |
/// | `expired` | has a password that is too old |
/// | `u000` … `u199` | more than a search finds: 100 |
///
/// Three wrong passwords lock anybody. The groups in `ou=groups` are `groupOfNames`, and people know theirs by
/// `memberOf`; `everyone` has the group `staff` in it. Those in `ou=unix` are `posixGroup`: `wheel` with `alice`,
/// `developers` with `alice` and `bob`. Who is bound may read all but passwords; nobody else may read anything.
#[derive(Debug)]
pub struct OpenLdap {
    server: Server,
    tls_port: u16,
    certificate: Certificate,
}

/// How an [`OpenLdap`] is configured.
#[derive(Clone, Debug, Default)]
pub struct OpenLdapOptions {
    directives: String,
    ports: Option<(u16, u16)>,
    folder: Option<PathBuf>,
}

impl OpenLdap {
    /// What all is below.
    pub const BASE: &str = "dc=example,dc=org";
    /// The DN of an account that applications search with.
    pub const SERVICE: &str = "cn=service,dc=example,dc=org";
    /// The password of [`SERVICE`](Self::SERVICE).
    pub const SERVICE_PASSWORD: &str = "servicepw";
    /// The DN of the administrator, for whom neither rights nor limits count.
    pub const ADMIN: &str = "cn=admin,dc=example,dc=org";
    /// The password of [`ADMIN`](Self::ADMIN).
    pub const ADMIN_PASSWORD: &str = "adminpw";
    /// A person's DN that means something else when it is not escaped: in a DN, and in a filter.
    pub const AWKWARD: &str = r"cn=Änne\, O'Hara (x)\+y,ou=people,dc=example,dc=org";

    /// A directory that is configured like one in production.
    #[expect(clippy::new_ret_no_self, reason = "it is started when all is said")]
    pub fn new() -> OpenLdapOptions {
        OpenLdapOptions::default()
    }

    /// Its URL, for use with `StartTLS` or in the clear.
    pub fn url(&self) -> String {
        // Not "localhost": OpenLDAP's own programs compare the certificate with what that is called otherwise.
        format!("ldap://127.0.0.1:{}", self.port())
    }

    /// Its URL for TLS from the first byte on.
    pub fn tls_url(&self) -> String {
        format!("ldaps://127.0.0.1:{}", self.tls_port)
    }

    /// The certificate of the authority that vouches for it, as PEM. In the folder it is `authority.pem`.
    ///
    /// Another [`Certificate`] that is written to the [`folder`](Server::folder) counts when it starts again.
    pub fn authority(&self) -> &str {
        &self.certificate.authority
    }

    /// Its certificate, to be written back after another.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// As [`Server::start_again`].
    ///
    /// # Panics
    /// If it does not start.
    pub fn start_again(&mut self) {
        self.server.start_again();
        wait_for_listener(self.port());
    }

    /// Makes the administrator change entries, as LDIF says; a record without a `changetype` is added.
    ///
    /// Also attributes that the server else keeps by itself, such as `pwdAccountLockedTime`.
    ///
    /// # Panics
    /// If the server does not do it.
    pub fn modify(&self, ldif: &str) {
        let administrator = ["-e", "relax", "-D", Self::ADMIN, "-w", Self::ADMIN_PASSWORD];
        modify(self.folder(), &local_url(self.folder()), &administrator, ldif);
    }

    /// How many connections were opened over TCP since it was last started.
    pub fn connections(&self) -> usize {
        self.log().lines().filter(|line| line.contains("ACCEPT from IP=")).count()
    }

    /// How many searches it answered since it was last started; each page is one.
    pub fn searches(&self) -> usize {
        self.log().lines().filter(|line| line.contains(" SRCH base=")).count()
    }

    /// The DNs of all binds since it was last started, of those that failed as well, in their order.
    pub fn binds(&self) -> Vec<String> {
        let log = self.log();
        // The line about a bind's success has no method.
        let binds = log.lines().filter_map(|line| line.split_once("BIND dn=\"")?.1.split_once("\" method="));
        binds.map(|(dn, _)| dn.to_owned()).collect()
    }
}

impl OpenLdapOptions {
    /// With a directive for the whole server, as in slapd.conf(5), such as `security` and `tls=1`.
    #[must_use]
    pub fn with(mut self, directive: &str, value: &str) -> Self {
        _ = writeln!(self.directives, "{directive} {value}");
        self
    }

    /// Lets a bind with a name and an empty password succeed, as anonymous (RFC 4513, 5.1.2). Many directories do.
    #[must_use]
    pub fn with_unauthenticated_binds(self) -> Self {
        self.with("allow", "bind_anon_cred bind_anon_dn")
    }

    /// On these ports, for `ldap:` and `ldaps:`, and not on free ones.
    #[must_use]
    pub fn on_ports(mut self, port: u16, tls_port: u16) -> Self {
        self.ports = Some((port, tls_port));
        self
    }

    /// In this folder, which must not exist yet. It is removed when the server ends.
    #[must_use]
    pub fn in_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// Starts the directory.
    ///
    /// # Panics
    /// If it is not installed, or does not start.
    pub fn start(self) -> OpenLdap {
        let folder = self.folder.as_deref().map_or_else(tempfile::tempdir, make_folder);
        let folder = folder.unwrap_or_else(|error| panic!("the folder cannot be made: {error}"));
        let certificate = Certificate::new();
        certificate.write_to(folder.path());
        self.write_configuration(folder.path());
        let ports = self.ports;
        let tls_port = move |port| ports.map_or_else(|| tls_port(port), |(_, tls_port)| tls_port);
        let program = Program {
            name: "slapd",
            package: "slapd",
            ready: "slapd starting",
            command: Box::new(move |folder, port| command(folder, port, tls_port(port))),
        };
        let server = match ports {
            Some((port, _)) => Server::start_at(folder, port, program),
            None => Server::start_in(folder, program),
        };
        let directory = OpenLdap { tls_port: tls_port(server.port()), server, certificate };
        wait_for_listener(directory.port());
        directory.modify(&seed());
        directory
    }

    fn write_configuration(&self, folder: &Path) {
        fs::create_dir(folder.join("db")).expect("a folder can be made in the folder");
        let configuration = format!(
            include_str!("openldap/slapd.conf"),
            folder = folder.display(),
            directives = self.directives,
            password = OpenLdap::ADMIN_PASSWORD,
        );
        fs::write(folder.join("slapd.conf"), configuration).expect("a file can be made in the folder");
    }
}

/// A folder of this name, and no other.
fn make_folder(path: &Path) -> std::io::Result<TempDir> {
    let (parent, name) = (path.parent().unwrap_or(Path::new("")), path.file_name().unwrap_or_default());
    let parent = std::path::absolute(parent.join("."))?;
    tempfile::Builder::new().prefix(name).rand_bytes(0).tempdir_in(parent)
}

fn command(folder: &Path, port: u16, tls_port: u16) -> Command {
    let mut command = Command::new(program("slapd"));
    // They are listened on in this order, a moment after it says that it starts.
    let urls = format!("{} ldaps://127.0.0.1:{tls_port} ldap://127.0.0.1:{port}", local_url(folder));
    // In the foreground, with a line for each connection, operation and result.
    command.args(["-d", "stats", "-h", &urls, "-f"]).arg(folder.join("slapd.conf"));
    command
}

/// For the administrator: it needs no TLS, and who uses it is none of the connections that are counted.
fn local_url(folder: &Path) -> String {
    format!("ldapi://{}", folder.join("ldapi").display().to_string().replace('/', "%2F"))
}

/// All entries. They come by way of the server: its overlays would not see what `slapadd` writes.
fn seed() -> String {
    let mut seed = include_str!("openldap/seed.ldif").to_owned();
    for n in 0..200 {
        let uid = format!("u{n:03}");
        _ = write!(
            seed,
            "\ndn: uid={uid},ou=people,{}\nobjectClass: inetOrgPerson\nuid: {uid}\ncn: User {n}\nsn: {n}\n\
             mail: {uid}@example.org\nuserPassword: {uid}pw\n",
            OpenLdap::BASE
        );
    }
    seed
}

impl Deref for OpenLdap {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

impl DerefMut for OpenLdap {
    fn deref_mut(&mut self) -> &mut Server {
        &mut self.server
    }
}
