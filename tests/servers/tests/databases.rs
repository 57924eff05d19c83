//! The database servers take a password, and come back after a kill.

use std::process::{Command, Output};

use test_servers::{MariaDb, PgBouncer, Postgres};

fn answer(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().into()
}

fn psql(url: &str, sql: &str) -> Output {
    Command::new("psql").args(["--no-psqlrc", "-At", url, "-c", sql]).output().unwrap()
}

#[test]
fn postgres() {
    let mut server = Postgres::start();
    let wrong = server.url().replace(Postgres::PASSWORD, "wrong");
    assert!(!psql(&wrong, "SELECT 1").status.success());
    answer(&psql(&server.url(), "CREATE TABLE t AS SELECT 7 AS n"));
    server.kill();
    assert!(!psql(&server.url(), "SELECT 1").status.success());
    server.start_again();
    assert_eq!(answer(&psql(&server.url(), "SELECT n FROM t")), "7");
}

#[test]
fn pgbouncer() {
    let server = Postgres::start();
    let mut pooler = PgBouncer::before_with(&server, &[("default_pool_size", "1")]);
    let wrong = pooler.url().replace(Postgres::PASSWORD, "wrong");
    assert!(!psql(&wrong, "SELECT 1").status.success());
    let process = || answer(&psql(&pooler.url(), "SELECT pg_backend_pid()"));
    assert_eq!(process(), process(), "two clients share the connection");
    pooler.kill();
    assert!(!psql(&pooler.url(), "SELECT 1").status.success());
    pooler.start_again();
    answer(&psql(&pooler.url(), "SELECT 1"));
}

fn mariadb(port: u16, password: &str, sql: &str) -> Output {
    let mut client = Command::new("mariadb");
    client.args(["--no-defaults", "-h127.0.0.1", "-uapp", "-N", "-B", "app", "-e", sql]);
    client.args([format!("-P{port}"), format!("-p{password}")]).output().unwrap()
}

#[test]
fn maria_db() {
    let mut server = MariaDb::start();
    let port = server.port();
    assert!(!mariadb(port, "wrong", "SELECT 1").status.success());
    answer(&mariadb(port, MariaDb::PASSWORD, "CREATE TABLE t AS SELECT 7 AS n"));
    server.kill();
    assert!(!mariadb(port, MariaDb::PASSWORD, "SELECT 1").status.success());
    server.start_again();
    assert_eq!(answer(&mariadb(port, MariaDb::PASSWORD, "SELECT n FROM t")), "7");
}
