//! What a request with a session costs the servers, by their own logs: one statement or command for the session and
//! one for its user, or none.

use std::fs;

use integration_tests::process::Demo;
use integration_tests::remote::Remote;
use test_servers::{MariaDb, Postgres, Redis};
use tokio::runtime::Builder;

/// How many requests are counted.
const REQUESTS: usize = 20;

/// Sends requests with a session, and gives what `log` has more of than before.
fn logged(demo: &Demo, log: impl Fn() -> Vec<String>) -> Vec<String> {
    Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        let mut site = Remote::new(demo);
        let token = site.login("alice", "wonderland", None).await.expect("a session");
        let mut before = Vec::new();
        // First, connections are made, statements prepared, and a cache is filled.
        for requests in [5, REQUESTS] {
            before = log();
            for _ in 0..requests {
                assert_eq!(site.me(&token).await.expect("an answer").status, 200);
            }
        }
        let mut more = log();
        for line in before {
            let at = more.iter().position(|other| *other == line).expect("a log only grows");
            more.remove(at);
        }
        more
    })
}

/// How many of the lines contain this.
fn count(lines: &[String], what: &str) -> usize {
    lines.iter().filter(|line| line.contains(what)).count()
}

/// What `PostgreSQL` was told to do, each with its kind: also `BEGIN` would be there.
fn statements(postgres: &Postgres) -> Vec<String> {
    let log = postgres.log();
    let told = |line: &&str| line.contains("LOG:  execute") || line.contains("LOG:  statement");
    log.lines().filter(told).map(Into::into).collect()
}

/// Commands that Redis was sent since it was started, other than this question; what a script does inside is not
/// sent.
fn commands(redis: &Redis) -> Vec<String> {
    let mut client = std::process::Command::new("redis-cli");
    client.env("REDISCLI_AUTH", Redis::PASSWORD).args(["-p", &redis.port().to_string()]);
    let answer =
        client.args(["INFO", "commandstats"]).output().expect("redis-cli is there: run scripts/setup");
    let answer = String::from_utf8_lossy(&answer.stdout).into_owned();
    let inside =
        ["hmget", "hset", "hget", "zadd", "zrem", "zrangebyscore", "exists", "pttl", "pexpire", "del"];
    let own = ["info", "auth"];
    let mut sent = Vec::new();
    for line in answer.lines() {
        let Some((name, figures)) = line.strip_prefix("cmdstat_").and_then(|line| line.split_once(":calls="))
        else {
            continue;
        };
        let calls: usize = figures.split(',').next().and_then(|calls| calls.parse().ok()).expect("a number");
        if !inside.contains(&name) && !own.contains(&name) {
            sent.extend(std::iter::repeat_n(name.to_owned(), calls));
        }
    }
    sent
}

#[test]
fn postgres() {
    let server = Postgres::start_with(&[("log_statement", "all")]);
    for name in Demo::NAMES {
        let demo = Demo::on(&server.url(), name, &[]);
        let sent = logged(&demo, || statements(&server));
        assert_eq!(count(&sent, "FROM \"auth_sessions\""), REQUESTS, "{name}: {sent:#?}");
        assert_eq!(count(&sent, "FROM \"auth_users\""), REQUESTS, "{name}: {sent:#?}");
        assert_eq!(sent.len(), 2 * REQUESTS, "{name}: {sent:#?}");
    }
}

#[test]
fn redis_and_postgres() {
    let (redis, postgres) = (Redis::new().start(), Postgres::start_with(&[("log_statement", "all")]));
    for (name, further, users) in [
        ("axum-demo", None, REQUESTS),
        ("actix-demo", None, REQUESTS),
        ("axum-demo", Some("--cache-users"), 0),
        ("actix-demo", Some("--cache-users"), 0),
    ] {
        let url = redis.url();
        let arguments: Vec<_> = ["--sessions", &url].into_iter().chain(further).collect();
        let demo = Demo::on(&postgres.url(), name, &arguments);
        let sent = logged(&demo, || commands(&redis));
        assert_eq!(count(&sent, "getex"), REQUESTS, "{name} {further:?}: {sent:?}");
        assert_eq!(sent.len(), REQUESTS, "{name} {further:?}: {sent:?}");
        let sent = logged(&demo, || statements(&postgres));
        assert_eq!(count(&sent, "FROM \"auth_users\""), users, "{name} {further:?}: {sent:#?}");
        assert_eq!(sent.len(), users, "{name} {further:?}: {sent:#?}");
    }
}

/// `MariaDB` also logs what each new connection begins with, which is left out here, and pings. There is one after
/// each statement, for which no request waits: so sqlx takes a connection back.
#[test]
fn maria_db() {
    let server = MariaDb::start_with(&["--general-log", "--general-log-file=general.log"]);
    let log = || {
        let log = fs::read(server.folder().join("data").join("general.log")).expect("a log");
        let told = ["Execute\t", "\tBEGIN", "\tSTART", "\tCOMMIT"];
        let is_told = |line: &&str| told.iter().any(|what| line.contains(what));
        // Keys are in it as they are: 32 bytes of any kind.
        String::from_utf8_lossy(&log).lines().filter(is_told).map(Into::into).collect()
    };
    for name in Demo::NAMES {
        let demo = Demo::on(&server.url(), name, &[]);
        let sent = logged(&demo, log);
        assert_eq!(count(&sent, "FROM `auth_sessions`"), REQUESTS, "{name}: {sent:#?}");
        assert_eq!(count(&sent, "FROM `auth_users`"), REQUESTS, "{name}: {sent:#?}");
        assert_eq!(sent.len(), 2 * REQUESTS, "{name}: {sent:#?}");
    }
}
