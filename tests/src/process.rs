//! The demo servers in tests.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use auth_core::{Passwords, Secret, User as _};
use auth_sql::SqlUsers;
use sqlx::SqlitePool;
use tempfile::TempDir;
pub use test_servers::{Ended, Process};

/// In a demo's folder, the authority that it trusts instead of the system's.
const AUTHORITY: &str = "authority.pem";

/// One of the demo servers, on a free port of the loopback interface.
#[derive(Debug)]
pub struct Demo {
    process: Process,
    address: String,
    folder: TempDir,
}

impl Demo {
    /// Both of them, by the names of their programs.
    pub const NAMES: [&str; 2] = ["axum-demo", "actix-demo"];

    /// Starts a demo with a database of its own, new and temporary.
    ///
    /// # Panics
    /// If it was not built, or does not start.
    pub fn start(name: &str, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        Self::start_in(folder, name, arguments)
    }

    /// Ends this demo and starts it again on the same database.
    ///
    /// # Panics
    /// As [`start`](Self::start), or if it does not end.
    #[must_use]
    pub fn restart(self, name: &str, arguments: &[&str]) -> Self {
        self.process.terminate();
        Self::start_in(self.folder, name, arguments)
    }

    /// Starts a demo on a database that others may use too.
    ///
    /// # Panics
    /// As [`start`](Self::start).
    pub fn on(database: &str, name: &str, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        Self::launch(folder, name, &[&["--database", database], arguments].concat())
    }

    /// Starts an example that takes no database.
    ///
    /// # Panics
    /// As [`start`](Self::start).
    pub fn example(name: &str, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        Self::launch(folder, name, arguments)
    }

    /// Starts a demo with a database of its own, which trusts this authority (PEM) and no other.
    ///
    /// # Panics
    /// As [`start`](Self::start).
    pub fn trusting(authority: &str, name: &str, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        fs::write(folder.path().join(AUTHORITY), authority).expect("a file can be made in the folder");
        Self::start_in(folder, name, arguments)
    }

    fn start_in(folder: TempDir, name: &str, arguments: &[&str]) -> Self {
        let database = format!("sqlite:{}", folder.path().join("demo.sqlite3").display());
        Self::launch(folder, name, &[&["--database", &database], arguments].concat())
    }

    fn launch(folder: TempDir, name: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new("sh");
        // A file that may not grow is then an error, as on a disk that is full, and not the end of the process.
        command.args(["-c", r#"trap "" XFSZ; exec "$@""#, name]).arg(binary(name));
        command.args(["--listen", "127.0.0.1:0"]).args(arguments);
        let authority = folder.path().join(AUTHORITY);
        if authority.exists() {
            command.env("SSL_CERT_FILE", authority);
        }
        let process = Process::start(&mut command);
        let line = process.line_with("listening on ");
        let address = line.rsplit('/').next().unwrap_or_default().to_owned();
        Self { process, address, folder }
    }

    /// Where it listens, as `ip:port`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Its origin by the name `localhost`, to which browsers give production cookies without TLS.
    pub fn origin(&self) -> String {
        let port = self.address.rsplit(':').next().unwrap_or_default();
        format!("http://localhost:{port}")
    }

    /// The folder of its database.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Gives a user of its table a password that they must change, as an administrator does.
    ///
    /// # Panics
    /// If there is no such user, or the database takes no password.
    pub async fn give_password(&self, username: &str, password: &str) {
        let url = format!("sqlite:{}", self.folder().join("demo.sqlite3").display());
        let pool = SqlitePool::connect(&url).await.expect("the demo's database");
        let users = SqlUsers::new(pool, Passwords::new().expect("passwords"));
        let user = users.find(username).await.expect("users").expect("the user");
        users.set_temporary_password(&user.id(), &Secret::new(password)).await.expect("it is set");
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Ends it as a service manager does.
    ///
    /// # Panics
    /// If it does not end.
    pub fn terminate(self) -> Ended {
        self.process.terminate()
    }
}

/// A program of this workspace, built and up to date.
fn binary(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its own path");
    let path = test.ancestors().nth(2).expect("tests are in a folder below the programs").join(name);
    let built = fs::metadata(&path).and_then(|about| about.modified());
    let built = built.unwrap_or_else(|_| panic!("{name} is not built: run `cargo build`, or scripts/test"));
    for source in sources(&path) {
        let changed = fs::metadata(&source).and_then(|about| about.modified());
        let current = changed.is_ok_and(|changed| changed <= built);
        assert!(current, "{name} is older than {}: run `cargo build`, or scripts/test", source.display());
    }
    path
}

/// The files that a program was built from, by the list that cargo keeps beside it: `program: file file …`, with
/// blanks in names escaped.
fn sources(program: &Path) -> Vec<PathBuf> {
    let list = fs::read_to_string(program.with_extension("d")).unwrap_or_default().replace("\\ ", "\0");
    let (_, files) = list.split_once(": ").unwrap_or_default();
    files.split_whitespace().map(|file| file.replace('\0', " ").into()).collect()
}
