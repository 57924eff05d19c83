//! The subcommands in an application's own binary, on its own table.

use std::process::ExitCode;

use auth_admin::{Admin, Command};
use auth_core::{Passwords, User, UserId};
use auth_sql::{RowError, SqlSessions, SqlUser, SqlUsers, TableUser, UserRow, UserTable};
use clap::Parser;
use sqlx::sqlite::SqlitePool;

use crate::site::{PATIENCE, Site};

#[derive(Parser)]
enum Shop {
    #[command(flatten)]
    Admin(Command),
}

struct Customer(SqlUser);

impl User for Customer {
    fn id(&self) -> UserId {
        self.0.id()
    }
    fn security_stamp(&self) -> &[u8] {
        self.0.security_stamp()
    }
    fn is_active(&self) -> bool {
        self.0.is_active()
    }
}

impl TableUser for Customer {
    const COLUMNS: &'static [&'static str] = &["shoe_size"];

    fn from_row(user: SqlUser, row: &UserRow<'_>) -> Result<Self, RowError> {
        row.int("shoe_size")?.map(|_| Self(user)).ok_or(RowError::new("a customer has no shoes"))
    }
}

#[tokio::test]
async fn an_application_administers_its_own_table() {
    let site = Site::new();
    let pool = SqlitePool::connect(&site.database).await.unwrap();
    let create = "CREATE TABLE people (id INTEGER PRIMARY KEY, mail TEXT UNIQUE, hash TEXT, enabled INTEGER, \
        shoe_size INTEGER DEFAULT 42)";
    sqlx::query(create).execute(&pool).await.unwrap();
    let table = UserTable::new("people").unwrap().with_username("mail", "mail").unwrap();
    let table = table.with_password("hash").unwrap().with_active("enabled").unwrap().without_security_stamp();
    let users =
        SqlUsers::new(pool.clone(), Passwords::builder().wait(PATIENCE).build().unwrap()).with_table(table);
    let users = users.with_user::<Customer>().unwrap();
    let admin = Admin::new(users, SqlSessions::new(pool.clone()), "shop").unwrap();

    let hash = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$lgaRVAYNlyMDR0ekHwbcMN1mEwTRMpNyGt3l2y6Q8L8";
    let file = site.file("people.csv", &format!("username,password\nbob@example.com,\"{hash}\"\n"));
    let file = file.to_str().unwrap();
    let table: [(&[&str], ExitCode); 7] = [
        (&["create-user", "--username", "Alice@example.com", "--no-password"], ExitCode::SUCCESS),
        (&["disable", "alice@example.com"], ExitCode::SUCCESS),
        (&["log-out-everywhere", "alice@example.com"], ExitCode::SUCCESS),
        (&["grant", "alice@example.com", "no such table"], ExitCode::from(1)),
        (&["import-users", file], ExitCode::SUCCESS),
        (&["import-users", file], ExitCode::SUCCESS),
        (&["show-user", "carol@example.com"], ExitCode::from(1)),
    ];
    for (arguments, code) in table {
        let Shop::Admin(command) = Shop::parse_from([&["shop"], arguments].concat());
        assert_eq!(admin.run(command).await, code, "{arguments:?}");
    }
    let people =
        "SELECT group_concat(mail || ' ' || enabled || ' ' || shoe_size, ', ' ORDER BY mail) FROM people";
    let people: String = sqlx::query_scalar(people).fetch_one(&pool).await.unwrap();
    assert_eq!(people, "alice@example.com 0 42, bob@example.com 1 42");
}
