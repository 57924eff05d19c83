//! What the directories have in common.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::NamedTempFile;

use crate::server::run;

/// The answer of a directory that refuses `StartTLS`, when nothing was asked before: an `ExtendedResponse` with the
/// result code 52, unavailable (RFC 4511, 4.12). For [`Way::Answers`](crate::Way::Answers).
pub const START_TLS_REFUSED: &[u8] = b"\x30\x0C\x02\x01\x01\x78\x07\x0A\x01\x34\x04\x00\x04\x00";

/// The port for TLS from the first byte on, beside that for all else: if it is taken, the server does not start, and
/// other ports are tried.
pub(crate) fn tls_port(port: u16) -> u16 {
    port + 1
}

/// Changes entries of the directory at this URL, as LDIF says; a record without a `changetype` is added. The
/// arguments say who does it.
pub(crate) fn modify(folder: &Path, url: &str, arguments: &[&str], ldif: &str) {
    let mut file = NamedTempFile::new_in(folder).expect("a file can be made in the folder");
    file.write_all(ldif.as_bytes()).expect("the file can be written");
    let mut modify = Command::new("ldapmodify");
    modify.env("LDAPTLS_CACERT", folder.join("authority.pem"));
    modify.args(["-a", "-x", "-H", url]).args(arguments).arg("-f").arg(file.path());
    run(&mut modify, Stdio::null(), folder, "ldap-utils");
}
