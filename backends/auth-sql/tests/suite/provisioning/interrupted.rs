//! A server whose connections die between the statements of a first login leaves nothing half-made.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use auth_core::User;
use auth_core::backend::{Identity, Provisioner};
use auth_core::provisioning::{AttributeRule, Provisioning, Reports, Right};
use auth_sql::SqlUsers;
use sqlx::mysql::MySqlPoolOptions;
use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, Executor, Row};
use test_servers::{MariaDb, Postgres};

use super::site::{Site, table};
use crate::support::{Place, passwords, run_case};

/// How many people sign in for the first time while connections die.
const PEOPLE: usize = 150;
/// After how many of them the next connection dies.
const EACH: usize = 3;
const RIGHTS: [&str; 4] = ["one", "two", "three", "four"];

fn policy() -> Provisioning {
    let policy = Provisioning::builder().attribute("phone", AttributeRule::of("tel"));
    RIGHTS
        .iter()
        .fold(policy, |policy, right| policy.grant("group", Right::permission(*right)))
        .build()
        .unwrap()
}

/// Counts the logins, so that the test knows when to kill.
#[derive(Clone, Default)]
struct Progress(Arc<AtomicUsize>);

impl Progress {
    fn is_over(&self) -> bool {
        self.0.load(Ordering::Relaxed) >= PEOPLE
    }

    /// Waits until some more people tried.
    async fn wait(&self) {
        let now = self.0.load(Ordering::Relaxed);
        while self.0.load(Ordering::Relaxed) < now + EACH && !self.is_over() {
            tokio::task::yield_now().await;
        }
    }
}

/// Signs people in while connections die. Every user has all rights, whatever each login was answered, and who came in
/// is there.
async fn nobody_is_half_made(users: SqlUsers, progress: Progress) {
    let provisioned = policy().on(users.clone()).unwrap();
    let (mut came_in, mut failed, mut made) = (0, 0, 0);
    for n in 0..PEOPLE {
        let person = Identity::new("ldap", format!("{n}")).with_username(format!("user{n}"));
        let person = person.with_attribute("tel", "1").with_groups(["group"]);
        match provisioned.provision(person, &Reports::new()).await {
            Ok(_) => came_in += 1,
            Err(_) => failed += 1,
        }
        progress.0.fetch_add(1, Ordering::Relaxed);
    }
    for n in 0..PEOPLE {
        let name = format!("user{n}");
        // The connections of the pool may have been killed, too: each says so once.
        let mut user = users.find(&name).await;
        for _ in 0..4 {
            if user.is_err() {
                user = users.find(&name).await;
            }
        }
        let Some(user) = user.unwrap() else { continue };
        made += 1;
        assert!(RIGHTS.iter().all(|right| user.has_permission(right)), "{user:?} is half-made");
    }
    let counts = format!("{came_in} came in, {failed} failed, {made} were made");
    println!("{counts}");
    assert!(failed > 0 && came_in > 0 && made >= came_in && made < PEOPLE, "{counts}");
}

#[test]
fn postgres() {
    let server = Postgres::start();
    run_case("killed connections", async {
        let pool = PgPoolOptions::new().max_connections(2).connect(&server.url()).await.unwrap();
        let users = SqlUsers::new(pool, passwords(16)).with_table(table());
        users.migrate().await.unwrap();
        let (killer, progress) =
            (PgPoolOptions::new().connect(&server.url()).await.unwrap(), Progress::default());
        let killing = tokio::spawn({
            let progress = progress.clone();
            async move {
                // Only those that are between two statements of a transaction, and wrote something.
                let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                            WHERE state = 'idle in transaction' AND backend_xid IS NOT NULL";
                while !progress.is_over() {
                    if !killer.fetch_all(kill).await.unwrap().is_empty() {
                        progress.wait().await;
                    }
                }
            }
        });
        nobody_is_half_made(users, progress).await;
        killing.await.unwrap();
    });
}

#[test]
fn maria_db() {
    let server = MariaDb::start();
    run_case("killed connections", async {
        let pool = MySqlPoolOptions::new().max_connections(2).connect(&server.url()).await.unwrap();
        let users = SqlUsers::new(pool, passwords(16)).with_table(table());
        users.migrate().await.unwrap();
        let killer = MySqlPoolOptions::new().connect(&server.admin_url()).await.unwrap();
        let progress = Progress::default();
        let killing = tokio::spawn({
            let progress = progress.clone();
            async move {
                // In the midst of a write: the server tells no better whether a transaction is under way.
                let writes = "SELECT CAST(id AS SIGNED) FROM information_schema.processlist \
                              WHERE user = 'app' AND info LIKE 'INSERT INTO `auth_user_permissions`%'";
                while !progress.is_over() {
                    let writing = killer.fetch_all(writes).await.unwrap();
                    for row in &writing {
                        let kill = format!("KILL {}", row.get::<i64, _>(0));
                        // It may be gone already.
                        let _ = killer.execute(AssertSqlSafe(kill)).await;
                    }
                    if !writing.is_empty() {
                        progress.wait().await;
                    }
                }
            }
        });
        nobody_is_half_made(users, progress).await;
        killing.await.unwrap();
    });
}

/// No connection dies here; the statement that gives the last right does, after the user and all else was written.
#[tokio::test]
async fn sqlite() {
    let site = Site::new(&Place::Sqlite).await;
    let users = policy().on(site.users.clone()).unwrap();
    let person =
        || Identity::new("ldap", "1").with_username("user").with_attribute("tel", "1").with_groups(["group"]);
    let fail = "CREATE TRIGGER fail BEFORE INSERT ON auth_user_permissions WHEN NEW.permission = 'two' \
                BEGIN SELECT RAISE(ABORT, 'told to'); END";
    site.db.execute(fail).await.unwrap();
    assert!(users.provision(person(), &Reports::new()).await.is_err());
    for table in ["auth_users", "auth_user_permissions"] {
        assert_eq!(site.db.count(&format!("SELECT count(*) FROM {table}")).await, 0, "{table}");
    }
    site.db.execute("DROP TRIGGER fail").await.unwrap();
    assert!(users.provision(person(), &Reports::new()).await.is_ok());
    assert_eq!(site.db.count("SELECT count(*) FROM auth_user_permissions").await, 4);
}
