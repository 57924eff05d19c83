//! `PostgreSQL`.

use std::fs;
use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::process::geteuid;

use crate::server::run;
use crate::{Program, Server};

/// A `PostgreSQL` server that asks for passwords (SCRAM-SHA-256). Nothing in it must survive a power failure, so
/// nothing waits for the disk; a kill loses nothing.
#[derive(Debug)]
pub struct Postgres {
    server: Server,
}

impl Postgres {
    /// The password of the user `app`, who owns the database `app` and may create others.
    pub const PASSWORD: &str = "s3cret-of-the-tests";

    /// Starts a server.
    ///
    /// # Panics
    /// If it is not installed, or does not start.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts a server with further settings, such as `("max_connections", "5")`.
    ///
    /// # Panics
    /// As [`start`](Self::start).
    pub fn start_with(settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        initialise(folder.path());
        let settings: Vec<_> = settings.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let program = Program {
            name: "postgres",
            package: "postgresql",
            ready: "database system is ready to accept connections",
            command: Box::new(move |folder, port| command(folder, port, &settings)),
        };
        Self { server: Server::start_in(folder, program) }
    }

    /// The URL of the database `app`, with user and password.
    pub fn url(&self) -> String {
        self.url_of("app")
    }

    /// The same for the administrator `postgres`.
    pub fn admin_url(&self) -> String {
        self.url_of("postgres")
    }

    fn url_of(&self, user: &str) -> String {
        format!("postgres://{user}:{}@127.0.0.1:{}/app", Self::PASSWORD, self.port())
    }
}

/// Makes the data folder, the user and the database, by way of a server that serves nobody else.
fn initialise(folder: &Path) {
    let password = folder.join("password");
    fs::write(&password, Postgres::PASSWORD).expect("a file can be made in the folder");
    give_to_server(folder);
    let mut initdb = unprivileged(program_path("initdb"), folder);
    initdb.args(["--pgdata=data", "--username=postgres", "--pwfile=password", "--auth=scram-sha-256"]);
    initdb.args(["--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]);
    run(&mut initdb, Stdio::null(), folder, "postgresql");
    let quiet = "-c log_min_messages=fatal -c fsync=off";
    let script = folder.join("users.sql");
    let sql = format!(
        "CREATE ROLE app LOGIN CREATEDB PASSWORD '{}';\nCREATE DATABASE app OWNER app;\n",
        Postgres::PASSWORD
    );
    fs::write(&script, sql).expect("a file can be made in the folder");
    let mut single = unprivileged(program_path("postgres"), folder);
    let script = fs::File::open(script).expect("the file can be read");
    single.args(["--single", "-D", "data"]).args(quiet.split(' ')).arg("postgres");
    run(&mut single, script, folder, "postgresql");
}

fn command(folder: &Path, port: u16, settings: &[String]) -> Command {
    let mut command = unprivileged(program_path("postgres"), folder);
    command.args(["-D", "data", "-p", &port.to_string()]);
    let fixed = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off"];
    for setting in fixed.into_iter().chain(settings.iter().map(String::as_str)) {
        command.args(["-c", setting]);
    }
    command
}

/// Gives the folder and what is in it to the user that [`unprivileged`] programs run as.
pub(crate) fn give_to_server(folder: &Path) {
    if geteuid().is_root() {
        let mut chown = Command::new("chown");
        run(chown.arg("-R").arg("postgres:").arg(folder), Stdio::null(), folder, "postgresql");
    }
}

/// A program, as a user whom the server accepts: it refuses to run as root.
pub(crate) fn unprivileged(program: PathBuf, folder: &Path) -> Command {
    let mut command = Command::new("setpriv");
    if geteuid().is_root() {
        command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]);
    }
    command.arg(program).current_dir(folder);
    command
}

/// Debian keeps the programs of each version in a folder of its own; elsewhere they are on the path.
fn program_path(program: &str) -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let version = |folder: &PathBuf| folder.file_name()?.to_str()?.parse::<u32>().ok();
    let newest =
        versions.map(|entry| entry.path()).filter(|folder| version(folder).is_some()).max_by_key(version);
    newest.map_or(program.into(), |folder| folder.join("bin").join(program))
}

impl Deref for Postgres {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

impl DerefMut for Postgres {
    fn deref_mut(&mut self) -> &mut Server {
        &mut self.server
    }
}
