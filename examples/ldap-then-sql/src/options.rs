//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;

/// One page behind an LDAP directory, and a table for everybody else.
#[derive(Clone, Debug, Parser)]
pub struct Options {
    /// Address to listen on; port 0 picks a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:3000")]
    pub listen: SocketAddr,

    /// The directory, as `scripts/directory` starts it; `ldap:` asks for TLS before anything else
    #[arg(long, value_name = "URL", default_value = "ldap://127.0.0.1:3389")]
    pub directory: String,

    /// The authority that vouches for the directory's certificate (PEM) [default: those that the system trusts]
    #[arg(long, value_name = "FILE")]
    pub authority: Option<PathBuf>,

    /// Development without TLS: session cookies without `Secure` and `__Host-`
    #[arg(long)]
    pub insecure_cookies: bool,
}

impl Options {
    /// The options that this program was started with. Ends it with a message if they cannot be understood.
    pub fn from_command_line() -> Self {
        Self::parse()
    }
}
