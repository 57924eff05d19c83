//! Behind a pooler. What holds there for users and sessions is tested with all else; here what it says.

use auth_sql::{SqlSessions, SqlUsers};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use test_servers::{PgBouncer, Postgres};

use crate::support::{LIMIT, passwords, run_case, told};

fn options(pooler: &PgBouncer) -> PgConnectOptions {
    pooler.url().parse().unwrap()
}

async fn connect(options: PgConnectOptions) -> PgPool {
    PgPoolOptions::new().max_connections(2).acquire_timeout(LIMIT).connect_with(options).await.unwrap()
}

async fn migrated(server: &Postgres) {
    let pool = PgPool::connect(&server.url()).await.unwrap();
    SqlSessions::new(pool.clone()).migrate().await.unwrap();
    SqlUsers::new(pool, passwords(16)).migrate().await.unwrap();
}

/// What must never begin to serve: a client may run another's statement, without any error.
#[test]
fn statements_that_meet_are_found_at_the_start() {
    let server = Postgres::start();
    run_case("in transaction mode", async {
        migrated(&server).await;
        for pool_size in ["1", "3"] {
            let pooler = PgBouncer::before_with(&server, &[("default_pool_size", pool_size)]);
            let pool = connect(options(&pooler)).await;
            let errors = [
                told(&SqlSessions::new(pool.clone()).check().await.unwrap_err()),
                told(&SqlUsers::new(pool, passwords(16)).check().await.unwrap_err()),
            ];
            for error in errors {
                for setting in
                    ["statement-cache-capacity=0", "max_prepared_statements", "pool_mode = session"]
                {
                    assert!(error.contains(setting), "{setting}: {error}");
                }
            }
            let pool = connect(options(&pooler).statement_cache_capacity(0)).await;
            SqlSessions::new(pool.clone()).check().await.unwrap();
            SqlUsers::new(pool, passwords(16)).check().await.unwrap();
        }
    });
    run_case("in session mode", async {
        let settings = [("pool_mode", "session"), ("default_pool_size", "10")];
        let pooler = PgBouncer::before_with(&server, &settings);
        let pool = connect(options(&pooler)).await;
        SqlSessions::new(pool.clone()).check().await.unwrap();
        SqlUsers::new(pool, passwords(16)).check().await.unwrap();
    });
    run_case("in session mode with no connection left", async {
        let settings = [("pool_mode", "session"), ("default_pool_size", "1")];
        let pooler = PgBouncer::before_with(&server, &settings);
        let pool = PgPoolOptions::new().max_connections(1).connect_with(options(&pooler)).await.unwrap();
        SqlSessions::new(pool).check().await.unwrap();
    });
    run_case("with a parameter that it does not know", async {
        let pooler = PgBouncer::before_with(&server, &[("ignore_startup_parameters", "")]);
        let pool = PgPoolOptions::new().connect_lazy_with(options(&pooler).statement_cache_capacity(0));
        let error = told(&SqlSessions::new(pool).check().await.unwrap_err());
        assert!(error.contains("`ignore_startup_parameters = extra_float_digits`"), "{error}");
    });
}
