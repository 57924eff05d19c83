//! `PgBouncer`.

use std::fmt::Write as _;
use std::fs;
use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::process::Command;

use crate::postgres::{give_to_server, unprivileged};
use crate::server::program;
use crate::{Postgres, Program, Server};

/// A `PgBouncer` in front of a [`Postgres`], which hands each transaction to whichever of its few connections is free.
///
/// ```
/// use test_servers::{PgBouncer, Postgres};
///
/// let postgres = Postgres::start();
/// let pooler = PgBouncer::before(&postgres);
/// assert_ne!(pooler.url(), postgres.url());
/// ```
#[derive(Debug)]
pub struct PgBouncer {
    server: Server,
}

impl PgBouncer {
    /// Starts one.
    ///
    /// # Panics
    /// If it is not installed, or does not start.
    pub fn before(postgres: &Postgres) -> Self {
        Self::before_with(postgres, &[])
    }

    /// Starts one with other settings, such as `("pool_mode", "session")`.
    ///
    /// # Panics
    /// As [`before`](Self::before).
    pub fn before_with(postgres: &Postgres, settings: &[(&str, &str)]) -> Self {
        let (upstream, mut further) = (postgres.port(), String::new());
        for (name, value) in settings {
            _ = writeln!(further, "{name} = {value}");
        }
        let program = Program {
            name: "pgbouncer",
            package: "pgbouncer",
            ready: "process up",
            command: Box::new(move |folder, port| command(folder, &configuration(upstream, port, &further))),
        };
        Self { server: Server::start(program) }
    }

    /// The URL of the database `app` behind it, with user and password.
    pub fn url(&self) -> String {
        format!("postgres://app:{}@127.0.0.1:{}/app", Postgres::PASSWORD, self.port())
    }
}

/// A setting that is named twice has its last value.
fn configuration(upstream: u16, port: u16, further: &str) -> String {
    format!(
        "[databases]\n\
         * = host=127.0.0.1 port={upstream}\n\
         [pgbouncer]\n\
         listen_addr = 127.0.0.1\n\
         listen_port = {port}\n\
         unix_socket_dir =\n\
         auth_type = scram-sha-256\n\
         auth_file = users.txt\n\
         pool_mode = transaction\n\
         default_pool_size = 3\n\
         max_client_conn = 500\n\
         ignore_startup_parameters = extra_float_digits\n\
         {further}"
    )
}

fn command(folder: &Path, configuration: &str) -> Command {
    let users = format!("\"app\" \"{}\"\n", Postgres::PASSWORD);
    for (name, text) in [("users.txt", users.as_str()), ("pgbouncer.ini", configuration)] {
        fs::write(folder.join(name), text).expect("a file can be made in the folder");
    }
    give_to_server(folder);
    let mut command = unprivileged(program("pgbouncer"), folder);
    command.arg("pgbouncer.ini");
    command
}

impl Deref for PgBouncer {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

impl DerefMut for PgBouncer {
    fn deref_mut(&mut self) -> &mut Server {
        &mut self.server
    }
}
