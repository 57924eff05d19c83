//! The check at the start of a program: it tries what will be needed, names what is missing, and leaves nothing.

use auth_core::provisioning::Provisioning;
use auth_sql::{SqlOnce, SqlSessions, SqlUsers, UserTable};
use sqlx::mysql::{MySqlConnectOptions, MySqlPool};
use sqlx::postgres::{PgConnectOptions, PgPool};
use sqlx::sqlite::{SqliteJournalMode, SqlitePoolOptions};
use sqlx::{AssertSqlSafe, Executor};
use test_servers::{MariaDb, Postgres};

use crate::support::{Place, on_every_database, open, options, passwords, run_case, told};

on_every_database![
    all_is_there_and_nothing_is_left,
    a_table_that_is_missing_is_named,
    a_column_that_is_missing_is_named,
    an_own_table_is_checked_too,
];

/// What the check says, with all that lies behind it.
#[track_caller]
fn assert_told(answer: Result<(), impl std::error::Error + 'static>, says: &[&str]) {
    let text = told(&answer.expect_err("something is missing"));
    for says in says {
        assert!(text.contains(says), "{says:?} is not told: {text}");
    }
}

async fn all_is_there_and_nothing_is_left(place: &Place) {
    let db = place.db().await;
    let (users, sessions) = (db.users().await, SqlSessions::new(db.database()));
    sessions.migrate().await.unwrap();
    users.create_user("alice", None).await.unwrap();
    for _ in 0..3 {
        users.check().await.unwrap();
        sessions.check().await.unwrap();
    }
    assert_eq!(db.count("SELECT count(*) FROM auth_sessions").await, 0);
    assert_eq!(db.count("SELECT count(*) FROM auth_users").await, 1);
}

async fn a_table_that_is_missing_is_named(place: &Place) {
    let db = place.db().await;
    let (users, sessions) = (SqlUsers::new(db.database(), passwords(16)), SqlSessions::new(db.database()));
    assert_told(users.check().await, &["the table `auth_users` is missing: call `migrate()`"]);
    let says = ["a session cannot be looked for", "the table `auth_sessions` is missing: call `migrate()`"];
    assert_told(sessions.check().await, &says);
    users.migrate().await.unwrap();
    db.execute("DROP TABLE auth_user_permissions").await.unwrap();
    assert_told(users.check().await, &["`auth_user_permissions` is missing"]);
}

async fn a_column_that_is_missing_is_named(place: &Place) {
    let db = place.db().await;
    let (users, sessions) = (db.users().await, SqlSessions::new(db.database()));
    sessions.migrate().await.unwrap();
    for (table, column) in [("auth_sessions", "realm"), ("auth_users", "security_stamp")] {
        db.execute(&format!("ALTER TABLE {table} DROP COLUMN {column}")).await.unwrap();
    }
    let says = ["a session cannot be made", "lacks the column `realm`: call `migrate()`"];
    assert_told(sessions.check().await, &says);
    assert_told(users.check().await, &["security_stamp"]);
}

/// Of whatever type its ids are, and with all that provisioning reads.
async fn an_own_table_is_checked_too(place: &Place) {
    let db = place.db().await;
    let tables = [
        UserTable::new("people").unwrap().with_text_ids().without_security_stamp(),
        UserTable::new("staff").unwrap().with_uuid_ids().without_active(),
        UserTable::new("customers")
            .unwrap()
            .with_identity("issuer", "subject")
            .unwrap()
            .with_tracking("told")
            .unwrap(),
    ];
    for table in tables {
        let users = SqlUsers::new(db.database(), passwords(16)).with_table(table);
        users.check().await.unwrap_err();
        users.migrate().await.unwrap();
        users.check().await.unwrap();
        let provisioned = Provisioning::default().on(users.clone());
        drop(provisioned);
    }
    db.execute("DROP TABLE told").await.unwrap();
    let table = UserTable::new("customers").unwrap().with_identity("issuer", "subject").unwrap();
    let users = SqlUsers::new(db.database(), passwords(16)).with_table(table.with_tracking("told").unwrap());
    assert_told(users.check().await, &["the table `told` is missing"]);
}

const PRIVILEGES: [&str; 4] = ["SELECT", "INSERT", "UPDATE", "DELETE"];

/// Whatever one privilege is missing, it is named, and nothing is left but what could not be deleted. The statements of
/// the administrator, by which `limited` gets some privileges on a table.
macro_rules! each_privilege {
    ($admin:expr, $grant:expr, $limited:expr, $owner:expr) => {{
        let (sessions, users) =
            (SqlSessions::new($limited.clone()), SqlUsers::new($limited.clone(), passwords(16)));
        let set = async |table: &str, without: &str| {
            let granted =
                PRIVILEGES.into_iter().filter(|privilege| *privilege != without).collect::<Vec<_>>();
            for sql in $grant(table, &granted.join(", ")) {
                $admin.execute(AssertSqlSafe(sql)).await.unwrap();
            }
        };
        for table in ["auth_sessions", "auth_users", "auth_user_permissions"] {
            set(table, "none").await;
        }
        sessions.check().await.unwrap();
        users.check().await.unwrap();
        for missing in PRIVILEGES {
            set("auth_sessions", missing).await;
            assert_told(sessions.check().await, &[&format!("`GRANT {missing} ON auth_sessions`")]);
            let left: i64 =
                sqlx::query_scalar("SELECT count(*) FROM auth_sessions").fetch_one(&$owner).await.unwrap();
            assert_eq!(left, i64::from(missing == "DELETE"), "without {missing}");
            $owner.execute("DELETE FROM auth_sessions").await.unwrap();
        }
        for (table, missing) in
            [("auth_users", "SELECT"), ("auth_user_permissions", "SELECT"), ("auth_users", "UPDATE")]
        {
            set(table, missing).await;
            assert_told(users.check().await, &[&format!("`GRANT {missing} ON {table}`")]);
            set(table, "none").await;
        }
        let used = SqlOnce::new($limited.clone());
        set("auth_once", "none").await;
        used.check().await.unwrap();
        for missing in ["INSERT", "DELETE"] {
            set("auth_once", missing).await;
            assert_told(used.check().await, &[&format!("`GRANT {missing} ON auth_once`")]);
        }
        // What a request needs that nobody checked for says so too.
        set("auth_users", "INSERT").await;
        let error = users.create_user("bob", None).await.unwrap_err();
        assert_told(Err(error), &["`GRANT INSERT ON auth_users`"]);
    }};
}

#[test]
fn in_postgres() {
    let server = Postgres::start();
    let options: PgConnectOptions = server.url().parse().unwrap();
    run_case("privileges", async {
        let owner = PgPool::connect(&server.url()).await.unwrap();
        SqlSessions::new(owner.clone()).migrate().await.unwrap();
        SqlUsers::new(owner.clone(), passwords(16)).migrate().await.unwrap();
        SqlOnce::new(owner.clone()).migrate().await.unwrap();
        let admin = PgPool::connect(&server.admin_url()).await.unwrap();
        admin.execute("CREATE ROLE limited LOGIN PASSWORD 'limited'").await.unwrap();
        let limited = PgPool::connect_with(options.clone().username("limited").password("limited"));
        let limited = limited.await.unwrap();
        let grant = |table: &str, granted: &str| {
            [format!("REVOKE ALL ON {table} FROM limited"), format!("GRANT {granted} ON {table} TO limited")]
        };
        each_privilege!(admin, grant, limited, owner);
        let tables = SqlSessions::new(limited).with_table("others").unwrap();
        assert_told(tables.migrate().await, &["`GRANT CREATE ON SCHEMA public`"]);
    });
    run_case("a replica", async {
        let options = options.options([("default_transaction_read_only", "on")]);
        let pool = PgPool::connect_with(options).await.unwrap();
        let says = ["a session cannot be made", "connect to the primary"];
        assert_told(SqlSessions::new(pool.clone()).check().await, &says);
        assert_told(SqlUsers::new(pool.clone(), passwords(16)).check().await, &["connect to the primary"]);
        assert_told(SqlOnce::new(pool).check().await, &["an id cannot be used", "connect to the primary"]);
    });
}

#[test]
fn in_maria_db() {
    let server = MariaDb::start();
    let options: MySqlConnectOptions = server.url().parse().unwrap();
    run_case("privileges", async {
        let owner = MySqlPool::connect(&server.url()).await.unwrap();
        SqlSessions::new(owner.clone()).migrate().await.unwrap();
        SqlUsers::new(owner.clone(), passwords(16)).migrate().await.unwrap();
        SqlOnce::new(owner.clone()).migrate().await.unwrap();
        let admin = MySqlPool::connect(&server.admin_url()).await.unwrap();
        admin.execute("CREATE USER limited@'127.0.0.1' IDENTIFIED BY 'limited'").await.unwrap();
        admin.execute("GRANT CREATE VIEW ON app.* TO limited@'127.0.0.1'").await.unwrap();
        let limited = MySqlPool::connect_with(options.clone().username("limited").password("limited"));
        let limited = limited.await.unwrap();
        let grant = |table: &str, granted: &str| {
            let to = format!("app.{table} TO limited@'127.0.0.1'");
            let all = "SELECT, INSERT, UPDATE, DELETE";
            [
                // There is nothing to revoke where nothing was granted.
                format!("GRANT {all} ON {to}"),
                format!("REVOKE {all} ON {}", to.replace(" TO ", " FROM ")),
                format!("GRANT {granted} ON {to}"),
            ]
        };
        each_privilege!(admin, grant, limited, owner);
        let tables = SqlSessions::new(limited).with_table("others").unwrap();
        assert_told(tables.migrate().await, &["`GRANT CREATE ON others`"]);
    });
    run_case("a replica", async {
        let admin = MySqlPool::connect(&server.admin_url()).await.unwrap();
        admin.execute("SET GLOBAL read_only = ON").await.unwrap();
        let pool = MySqlPool::connect_with(options).await.unwrap();
        let says = ["a session cannot be made", "connect to the primary"];
        assert_told(SqlSessions::new(pool.clone()).check().await, &says);
        assert_told(SqlUsers::new(pool.clone(), passwords(16)).check().await, &["connect to the primary"]);
        assert_told(SqlOnce::new(pool).check().await, &["an id cannot be used", "connect to the primary"]);
    });
}

#[tokio::test]
async fn a_file_that_is_read_only_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let pool = open(&folder, SqliteJournalMode::Delete, 1).await;
    SqlSessions::new(pool.clone()).migrate().await.unwrap();
    SqlUsers::new(pool.clone(), passwords(16)).migrate().await.unwrap();
    pool.close().await;
    let options = options(&folder, SqliteJournalMode::Delete).create_if_missing(false).read_only(true);
    let pool = SqlitePoolOptions::new().connect_with(options).await.unwrap();
    let says = ["a session cannot be made", "file is read-only: let this program write to it"];
    assert_told(SqlSessions::new(pool.clone()).check().await, &says);
    assert_told(SqlUsers::new(pool, passwords(16)).check().await, &["file is read-only"]);
}
