//! The servers, and how each fails.

use std::process::Command;
use std::time::Duration;

use integration_tests::process::Demo;
use integration_tests::remote::Remote;
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Connection, Executor};
use tempfile::TempDir;
use test_servers::{FaultProxy, MariaDb, Postgres, Redis, Way};

use crate::stack::{Reading, Stack};
use crate::table::Row;

/// Longer than anybody waits.
const LONG: Duration = Duration::from_secs(30);
/// In the middle of the first reply.
const HALF: usize = 7;

/// What happens on the way to a server, whatever it is.
macro_rules! on_the_way {
    ($stack:expr, $proxy:ident, $server:literal) => {
        for (name, way) in [
            (concat!($server, " is late"), Way::Delays(LONG)),
            (concat!($server, " is cut off"), Way::Cuts(HALF)),
            (concat!($server, " is swallowed"), Way::Swallows),
            (concat!($server, " is reset"), Way::Resets),
        ] {
            $stack.fault(name, Reading::Fails, |on| on.$proxy.set(way), |on, ()| on.$proxy.set(Way::Passes));
        }
    };
}

/// Both demos on a database and, perhaps, another place for sessions.
fn demos(database: &str, sessions: Option<&str>) -> [Demo; 2] {
    // Read when they start, and not needed any more then.
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let secret = folder.path().join("secret");
    let mut arguments = vec!["--secret", secret.to_str().expect("a plain path")];
    arguments.extend(sessions.into_iter().flat_map(|url| ["--sessions", url]));
    Demo::NAMES.map(|name| Demo::on(database, name, &arguments))
}

struct Both {
    redis: Redis,
    postgres: Postgres,
    to_redis: FaultProxy,
    to_postgres: FaultProxy,
}

/// Sessions in Redis, users in `PostgreSQL`.
pub(crate) fn redis_and_postgres() -> Vec<Row> {
    let (redis, postgres) = (Redis::new().start(), Postgres::start());
    let (to_redis, to_postgres) = (FaultProxy::before(redis.port()), FaultProxy::before(postgres.port()));
    let demos = demos(&to_postgres.url(&postgres.url()), Some(&to_redis.url(&redis.url())));
    let mut stack = Stack::new(Both { redis, postgres, to_redis, to_postgres }, demos);
    let fails = Reading::Fails;
    stack.fault("Redis is killed", fails, |on| on.redis.kill(), |on, ()| on.redis.start_again());
    stack.fault("PostgreSQL is killed", fails, |on| on.postgres.kill(), |on, ()| on.postgres.start_again());
    on_the_way!(stack, to_redis, "Redis");
    on_the_way!(stack, to_postgres, "PostgreSQL");
    stack.fault(
        "Redis becomes a replica",
        fails,
        |on| tell(&on.redis, "REPLICAOF 127.0.0.1 1"),
        |on, ()| tell(&on.redis, "REPLICAOF NO ONE"),
    );
    stack.fault(
        "Redis is full (`noeviction`)",
        Reading::GoesOn,
        |on| tell(&on.redis, "CONFIG SET maxmemory 1"),
        |on, ()| tell(&on.redis, "CONFIG SET maxmemory 0"),
    );
    forgets(&mut stack);
    stack.rows()
}

/// What a Redis without persistence does when it is restarted: everybody is logged out, and that is all.
fn forgets(stack: &mut Stack<Both>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut site = Remote::new(&stack.demos[0]);
    let login = async |site: &mut Remote| site.login("bob", "builder", None).await.expect("a session");
    let token = runtime.block_on(login(&mut site));
    stack.servers.redis.kill();
    let folder = stack.servers.redis.folder().join("appendonlydir");
    std::fs::remove_dir_all(folder).expect("Redis wrote a log");
    stack.servers.redis.start_again();
    runtime.block_on(async {
        assert_eq!(site.me(&token).await.expect("an answer").status, 401);
        let token = login(&mut site).await;
        assert_eq!(site.me(&token).await.expect("an answer").status, 200);
    });
}

fn tell(redis: &Redis, command: &str) {
    let mut client = Command::new("redis-cli");
    client.env("REDISCLI_AUTH", Redis::PASSWORD).args(["-p", &redis.port().to_string()]);
    let answer = client.args(command.split(' ')).output().expect("redis-cli is there: run scripts/setup");
    let said = String::from_utf8_lossy(&answer.stdout);
    assert_eq!(said.trim(), "OK", "{command}");
}

struct OnPostgres {
    postgres: Postgres,
    proxy: FaultProxy,
    runtime: tokio::runtime::Runtime,
}

impl OnPostgres {
    fn administrate(&self, sql: &'static [&'static str]) {
        self.runtime.block_on(async {
            let mut admin = PgConnection::connect(&self.postgres.admin_url()).await.expect("it takes us");
            for sql in sql {
                admin.execute(*sql).await.expect("an administrator may");
            }
        });
    }
}

/// Takes every connection, also those that the sites have.
async fn all_connections(postgres: &Postgres) -> Vec<PgConnection> {
    let options: PgConnectOptions = postgres.url().parse().expect("a URL");
    let options = options.application_name("taker");
    let mut admin = PgConnection::connect(&postgres.admin_url()).await.expect("some are kept for us");
    let mut taken = Vec::new();
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
        WHERE usename = 'app' AND application_name <> 'taker'";
    while admin.execute(end).await.expect("an administrator may").rows_affected() > 0 {
        while let Ok(one) = PgConnection::connect_with(&options).await {
            taken.push(one);
        }
    }
    taken
}

/// Users and sessions in `PostgreSQL`.
pub(crate) fn postgres() -> Vec<Row> {
    let postgres = Postgres::start_with(&[("max_connections", "30")]);
    let proxy = FaultProxy::before(postgres.port());
    let demos = demos(&proxy.url(&postgres.url()), None);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let mut stack = Stack::new(OnPostgres { postgres, proxy, runtime }, demos);
    let name = "PostgreSQL with sessions is killed";
    stack.fault(name, Reading::Fails, |on| on.postgres.kill(), |on, ()| on.postgres.start_again());
    on_the_way!(stack, proxy, "PostgreSQL with sessions");
    stack.fault(
        "PostgreSQL: all connections wait for a lock",
        Reading::Fails,
        |on| {
            on.runtime.block_on(async {
                let pool = PgPool::connect(&on.postgres.url()).await.expect("it takes us");
                let mut lock = pool.begin().await.expect("a transaction");
                lock.execute("LOCK TABLE auth_sessions, auth_users").await.expect("the lock");
                lock
            })
        },
        |on, lock| on.runtime.block_on(lock.rollback()).expect("the lock is given back"),
    );
    stack.fault(
        "PostgreSQL has no connection left",
        Reading::Fails,
        |on| on.runtime.block_on(all_connections(&on.postgres)),
        |_, taken| drop(taken),
    );
    stack.fault(
        "PostgreSQL is read-only",
        Reading::GoesOn,
        |on| {
            on.administrate(&[
                "ALTER SYSTEM SET default_transaction_read_only = on",
                "SELECT pg_reload_conf()",
            ]);
        },
        |on, ()| {
            on.administrate(&["ALTER SYSTEM RESET default_transaction_read_only", "SELECT pg_reload_conf()"]);
        },
    );
    stack.rows()
}

/// Users and sessions in `MariaDB`.
pub(crate) fn maria_db() -> Vec<Row> {
    struct On {
        server: MariaDb,
        proxy: FaultProxy,
    }
    let server = MariaDb::start();
    let proxy = FaultProxy::before(server.port());
    let demos = demos(&proxy.url(&server.url()), None);
    let mut stack = Stack::new(On { server, proxy }, demos);
    let fails = Reading::Fails;
    stack.fault("MariaDB is killed", fails, |on| on.server.kill(), |on, ()| on.server.start_again());
    on_the_way!(stack, proxy, "MariaDB");
    stack.rows()
}

/// Users and sessions in a file.
pub(crate) fn sqlite() -> Vec<Row> {
    struct On {
        folder: TempDir,
        demos: [u32; 2],
        runtime: tokio::runtime::Runtime,
    }
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let demos = demos(&format!("sqlite:{}", folder.path().join("demo.sqlite3").display()), None);
    let ids = [demos[0].id(), demos[1].id()];
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut stack = Stack::new(On { folder, demos: ids, runtime }, demos);
    stack.fault(
        "SQLite's file is locked",
        Reading::GoesOn,
        |on| {
            on.runtime.block_on(async {
                let file = SqliteConnectOptions::new().filename(on.folder.path().join("demo.sqlite3"));
                let mut lock = SqliteConnection::connect_with(&file).await.expect("the file");
                lock.execute("BEGIN EXCLUSIVE").await.expect("the lock");
                lock
            })
        },
        |on, mut lock| {
            on.runtime.block_on(lock.execute("ROLLBACK")).expect("the lock is given back");
        },
    );
    let unlimited = getrlimit(Resource::Fsize);
    let allow = |on: &On, limit: Rlimit| {
        for id in on.demos {
            let id = Pid::from_raw(id.cast_signed());
            prlimit(id, Resource::Fsize, limit).expect("a child's limit can be set");
        }
    };
    stack.fault(
        "SQLite's disk is full",
        Reading::GoesOn,
        |on| allow(on, Rlimit { current: Some(0), ..unlimited }),
        |on, ()| allow(on, unlimited),
    );
    stack.rows()
}
