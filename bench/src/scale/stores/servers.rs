//! Stores on database servers: in a program of its own, because of what the drivers add to every look-up in `SQLite`.

use std::{io, process, thread};

use auth_sql::{Database, SqlSessions};
use clap::Args;
use sqlx::mysql::{MySqlPool, MySqlPoolOptions};
use sqlx::postgres::{PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, raw_sql};
use test_servers::{MariaDb, Postgres};

use super::ground::{Ground, started};
use super::measured;

/// What the child process is told.
#[derive(Args)]
pub(crate) struct Servers {
    rounds: usize,
    sessions: Vec<usize>,
}

/// The child: measures, and prints the rows as JSON.
pub(crate) fn child(options: &Servers) -> Result<(), String> {
    end_with_parent();
    // Both are started first: what is not installed is missed at once. Each has room for all of it in memory, as a server
    // has that was made for so many.
    let postgres = started(|| Postgres::start_with(&[("shared_buffers", "1GB"), ("max_wal_size", "8GB")]))?;
    let maria_db =
        started(|| MariaDb::start_with(&["--innodb-buffer-pool-size=2G", "--innodb-log-file-size=1G"]))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let rows = runtime.map_err(|error| error.to_string())?.block_on(rows(options, postgres, maria_db))?;
    println!("{}", serde_json::to_string(&rows).map_err(|error| error.to_string())?);
    Ok(())
}

/// Who started this process holds its standard input. The servers end with it, however it ends.
fn end_with_parent() {
    thread::spawn(|| {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        process::exit(1)
    });
}

async fn rows(
    Servers { rounds, sessions }: &Servers,
    postgres: Postgres,
    maria_db: MariaDb,
) -> Result<Vec<Vec<String>>, String> {
    let pool = Pool::postgres(&postgres.url()).await?;
    let mut rows = measured("PostgreSQL", OnServer::each(&pool, sessions).await?, sessions, *rounds).await?;
    drop(postgres);
    let pool = Pool::maria_db(&maria_db.url()).await?;
    rows.extend(measured("MariaDB", OnServer::each(&pool, sessions).await?, sessions, *rounds).await?);
    Ok(rows)
}

/// How many connections fill a table.
const CONNECTIONS: u32 = 8;

/// Connections that are not asked whether they still are some before they are lent: that is not what is measured.
#[derive(Clone)]
enum Pool {
    Postgres(PgPool),
    MariaDb(MySqlPool),
}

impl Pool {
    async fn postgres(url: &str) -> Result<Self, String> {
        let options = PgPoolOptions::new().max_connections(CONNECTIONS).test_before_acquire(false);
        let pool = options.connect(url).await.map_err(|error| format!("PostgreSQL: {error}"))?;
        Ok(Self::Postgres(pool))
    }

    async fn maria_db(url: &str) -> Result<Self, String> {
        let options = MySqlPoolOptions::new().max_connections(CONNECTIONS).test_before_acquire(false);
        let pool = options.connect(url).await.map_err(|error| format!("MariaDB: {error}"))?;
        Ok(Self::MariaDb(pool))
    }

    fn database(&self) -> Database {
        match self {
            Self::Postgres(pool) => pool.clone().into(),
            Self::MariaDb(pool) => pool.clone().into(),
        }
    }

    /// Does what the server does by itself before long: its planner then knows how big the table is.
    async fn analyse(&self, table: &str) -> Result<(), sqlx::Error> {
        match self {
            Self::Postgres(pool) => {
                let sql = AssertSqlSafe(format!("VACUUM (ANALYZE) {table}"));
                raw_sql(sql).execute(pool).await.map(|_| ())
            }
            Self::MariaDb(pool) => {
                let sql = AssertSqlSafe(format!("ANALYZE TABLE {table}"));
                raw_sql(sql).execute(pool).await.map(|_| ())
            }
        }
    }
}

/// A table on a server that others are on, too.
struct OnServer {
    sessions: SqlSessions,
    pool: Pool,
    table: String,
}

impl OnServer {
    /// One for each number of sessions.
    async fn each(pool: &Pool, sizes: &[usize]) -> Result<Vec<Self>, String> {
        let mut tables = Vec::new();
        for size in sizes {
            let table = format!("sessions_{size}");
            let sessions = SqlSessions::new(pool.database()).with_table(&table);
            let sessions = sessions.map_err(|error| error.to_string())?;
            sessions.migrate().await.map_err(|error| format!("no table {table}: {error}"))?;
            tables.push(Self { sessions, pool: pool.clone(), table });
        }
        Ok(tables)
    }
}

impl Ground for OnServer {
    type Store = SqlSessions;

    fn store(&self) -> &SqlSessions {
        &self.sessions
    }

    fn writers(&self) -> usize {
        CONNECTIONS as usize
    }

    async fn settle(&self) -> Result<(), String> {
        let analysed = self.pool.analyse(&self.table).await;
        analysed.map_err(|error| format!("{} cannot be analysed: {error}", self.table))
    }
}
