//! `MariaDB`.

use std::fs;
use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::geteuid;

use crate::server::run;
use crate::{Program, Server};

/// A `MariaDB` server that asks for passwords. Nothing in it must survive a power failure, so nothing waits for
/// the disk; a kill loses nothing.
#[derive(Debug)]
pub struct MariaDb {
    server: Server,
}

impl MariaDb {
    /// The password of the user `app`, who may do anything in any database, but is no administrator.
    pub const PASSWORD: &str = "s3cret-of-the-tests";

    /// Starts a server.
    ///
    /// # Panics
    /// If it is not installed, or does not start.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts a server with further arguments, such as `--max-connections=5`.
    ///
    /// # Panics
    /// As [`start`](Self::start).
    pub fn start_with(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        initialise(folder.path());
        let arguments: Vec<_> = arguments.iter().map(ToString::to_string).collect();
        let program = Program {
            name: "mariadbd",
            package: "mariadb-server",
            ready: "ready for connections",
            command: Box::new(move |folder, port| command(folder, port, &arguments)),
        };
        Self { server: Server::start_in(folder, program) }
    }

    /// The URL of the database `app`, with user and password.
    pub fn url(&self) -> String {
        self.url_of("app", Self::PASSWORD)
    }

    /// The same for the administrator `root`, who has no password.
    pub fn admin_url(&self) -> String {
        self.url_of("root", "")
    }

    fn url_of(&self, user: &str, password: &str) -> String {
        format!("mysql://{user}:{password}@127.0.0.1:{}/app", self.port())
    }
}

/// What makes the server quick and small. No configuration file is read, so none of Debian's applies.
fn arguments(folder: &Path) -> [String; 9] {
    [
        "--no-defaults".into(),
        // Two that are installed at once would meet in the system's.
        format!("--tmpdir={}", folder.display()),
        format!("--datadir={}", folder.join("data").display()),
        // At a commit, the log goes to the system and not to the disk.
        "--innodb-flush-log-at-trx-commit=2".into(),
        "--innodb-doublewrite=0".into(),
        "--innodb-log-file-size=4M".into(),
        "--innodb-buffer-pool-size=32M".into(),
        "--skip-log-bin".into(),
        "--skip-name-resolve".into(),
    ]
}

/// Makes the system tables, the user and the database.
fn initialise(folder: &Path) {
    let script = folder.join("users.sql");
    let sql = format!(
        "FLUSH PRIVILEGES;\n\
         CREATE DATABASE app;\n\
         CREATE USER app@'127.0.0.1' IDENTIFIED BY '{}';\n\
         GRANT ALL ON `app%`.* TO app@'127.0.0.1';\n\
         CREATE USER IF NOT EXISTS root@'127.0.0.1';\n\
         GRANT ALL ON *.* TO root@'127.0.0.1';\n",
        MariaDb::PASSWORD
    );
    fs::write(&script, sql).expect("a file can be made in the folder");
    let mut install = Command::new("mariadb-install-db");
    install.args(arguments(folder)).args(user()).arg(format!("--extra-file={}", script.display()));
    install.args(["--auth-root-authentication-method=normal", "--skip-test-db"]);
    run(&mut install, Stdio::null(), folder, "mariadb-server");
}

fn command(folder: &Path, port: u16, further: &[String]) -> Command {
    let mut command = Command::new("mariadbd");
    command.args(arguments(folder)).args(user()).args(further);
    command.arg(format!("--socket={}", folder.join("socket").display()));
    command.args(["--bind-address=127.0.0.1", &format!("--port={port}")]);
    command
}

/// The server refuses to run as root unless it is told to.
fn user() -> Option<&'static str> {
    geteuid().is_root().then_some("--user=root")
}

impl Deref for MariaDb {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

impl DerefMut for MariaDb {
    fn deref_mut(&mut self) -> &mut Server {
        &mut self.server
    }
}
