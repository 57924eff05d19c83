//! A database with the program beside it.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use auth_core::password::{Argon2Cost, Format};
use auth_core::session::KeyRing;
use auth_core::{Auth, BackendPolicy, Password, Passwords, RequestFacts, SessionConfig};
use auth_redis::RedisSessions;
use auth_sql::{Database, SqlSessions, SqlUser, SqlUsers};
use sqlx::mysql::MySqlPool;
use sqlx::postgres::PgPool;
use sqlx::sqlite::SqlitePool;
use tempfile::TempDir;

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_auth-admin");
/// What no rule has anything against.
pub(crate) const GOOD: &str = "the hare pours cold tea";

/// How long anything may take on a machine that has much else to do.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);

/// An application's database, with its tables.
pub(crate) struct Site {
    pub(crate) dir: TempDir,
    pub(crate) database: String,
    sessions: Option<String>,
}

/// What the program did.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Site {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let database = format!("sqlite:{}", dir.path().join("users.db").display());
        Self { dir, database, sessions: None }.migrated()
    }

    pub(crate) fn on(database: String, sessions: Option<String>) -> Self {
        Self { dir: tempfile::tempdir().unwrap(), database, sessions }.migrated()
    }

    fn migrated(self) -> Self {
        for _ in 0..2 {
            assert_eq!(self.run(&["migrate"]).code, 0);
        }
        self
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args(arguments).env("DATABASE_URL", &self.database).env_remove("SESSIONS_URL");
        command.envs(self.sessions.iter().map(|url| ("SESSIONS_URL", url)));
        command
    }

    /// Without a terminal, and with nothing on standard input.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.run_with(arguments, "")
    }

    pub(crate) fn run_with(&self, arguments: &[&str], input: &str) -> Ran {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // It may end without reading.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        Ran {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// It does what it is told.
    pub(crate) fn done(&self, arguments: &[&str]) -> String {
        let ran = self.run(arguments);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{arguments:?}: {ran:?}");
        ran.out
    }

    pub(crate) fn create(&self, username: &str) {
        let ran = self.run_with(&["create-user", "--username", username, "--password-stdin"], GOOD);
        assert_eq!(ran.code, 0, "{ran:?}");
    }

    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    pub(crate) async fn database(&self) -> Database {
        match self.database.split(':').next().unwrap() {
            "sqlite" => SqlitePool::connect(&self.database).await.unwrap().into(),
            "postgres" => PgPool::connect(&self.database).await.unwrap().into(),
            _ => MySqlPool::connect(&self.database).await.unwrap().into(),
        }
    }

    pub(crate) async fn users(&self) -> SqlUsers {
        let cost = Argon2Cost::dangerous_weak(16, 1, 1).unwrap();
        let passwords = Passwords::builder().cost(cost).accept([Argon2Cost::MINIMUM.into()]);
        let passwords = passwords.accept([Format::django_pbkdf2_sha256(1_000)]).without_upgrade();
        SqlUsers::new(self.database().await, passwords.threads(1).wait(PATIENCE).build().unwrap())
    }

    /// The application.
    pub(crate) async fn auth(&self) -> Auth<SqlUser> {
        let config = SessionConfig::new(KeyRing::generate().unwrap()).with_client_facts();
        let config = config.store_timeouts(PATIENCE, PATIENCE);
        let patient = BackendPolicy::new().timeout(PATIENCE);
        let auth = Auth::builder().chain_timeout(PATIENCE);
        let auth = auth.backend_with::<Password>("local", self.users().await, patient);
        match &self.sessions {
            Some(url) => {
                let client = redis::Client::open(url.as_str()).unwrap();
                auth.sessions(RedisSessions::new(client).unwrap(), config).build().unwrap()
            }
            None => auth.sessions(SqlSessions::new(self.database().await), config).build().unwrap(),
        }
    }

    pub(crate) async fn signs_in(&self, username: &str, password: &str) -> bool {
        let login = Password::new(username, password);
        self.auth().await.authenticate(login, &RequestFacts::none()).await.is_ok()
    }

    /// How many users there are.
    pub(crate) async fn count(&self) -> i64 {
        let pool = SqlitePool::connect(&self.database).await.unwrap();
        sqlx::query_scalar("SELECT count(*) FROM auth_users").fetch_one(&pool).await.unwrap()
    }
}
