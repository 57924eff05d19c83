//! The command line.

use std::env;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;

/// A small site behind pluggable authentication.
#[derive(Clone, Debug, Parser)]
pub struct Options {
    /// Address to listen on; port 0 picks a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:3000")]
    pub listen: SocketAddr,

    /// Origin of the site for browsers, which passkeys are made for: `https://HOST` behind a proxy with TLS
    /// [default: `http://localhost:PORT`]
    #[arg(long, value_name = "ORIGIN")]
    pub origin: Option<String>,

    /// Database: `sqlite:FILE`; `postgres://…` or `mysql://…` if built with the feature of that name. It is filled
    /// with the demo's accounts on first start
    #[arg(long, value_name = "URL", default_value_t = default_database())]
    pub database: String,

    /// Redis server to keep sessions in, redis://:PASSWORD@HOST:PORT, or rediss: for TLS, if built with the feature
    /// `redis` [default: the database]
    #[arg(long, value_name = "URL")]
    pub sessions: Option<String>,

    /// Secret of the sessions, created on first start; by default beside the database's file, or in a folder of
    /// this user's own. Instances on one database need the same
    #[arg(long, value_name = "FILE")]
    pub secret: Option<PathBuf>,

    /// Keep users in memory for 30 s: so long may somebody stay signed in who was disabled in the database
    #[arg(long)]
    pub cache_users: bool,

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

/// A file of this user's own; both demos share it, so that a session at one is a session at the other.
fn default_database() -> String {
    format!("sqlite:{}", own_file("demo.sqlite3").display())
}

/// The secret of sessions on a server.
pub(crate) fn default_secret() -> PathBuf {
    own_file("demo.secret")
}

fn own_file(name: &str) -> PathBuf {
    data_folder().unwrap_or_else(env::temp_dir).join("auth-demo").join(name)
}

/// Where programs keep a user's data (XDG Base Directory Specification, §3).
fn data_folder() -> Option<PathBuf> {
    let folder = |variable| env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    folder("XDG_DATA_HOME")
        .or_else(|| folder("LOCALAPPDATA"))
        .or_else(|| Some(folder("HOME")?.join(".local").join("share")))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Options::command().debug_assert();
        let options = Options::parse_from(["demo", "--listen", "127.0.0.1:0", "--database", "sqlite:x.db"]);
        assert_eq!((options.listen.port(), options.database.as_str()), (0, "sqlite:x.db"));
        assert!(!options.insecure_cookies && options.sessions.is_none());
    }
}
