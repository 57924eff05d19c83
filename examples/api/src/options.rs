//! The command line.

use std::net::SocketAddr;

use clap::Parser;

/// An API for browsers, scripts and services.
#[derive(Clone, Debug, Parser)]
pub struct Options {
    /// Address to listen on; port 0 picks a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:3000")]
    pub listen: SocketAddr,

    /// The issuer of the services' tokens, by the URL below which its discovery document is [default: none are taken]
    #[arg(long, value_name = "URL")]
    pub issuer: Option<String>,

    /// The audience that tokens must be for
    #[arg(long, value_name = "NAME", default_value = "https://orders.example.com")]
    pub audience: String,

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
