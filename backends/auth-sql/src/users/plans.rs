//! Tests: no statement on users walks through the table.

use super::statements::Statements;
use super::table::UserTable;
use crate::driver::Dialect;
use crate::plans::{Case, NUMBER, TEXT};

fn users(dialect: &Dialect) -> Case {
    let sql = Statements::new(&UserTable::default(), &[], dialect);
    let permissions = sql.permissions.expect("the default table has some");
    Case {
        table: "auth_users",
        migrate: sql.migrate,
        columns: "username, username_key, password, security_stamp, active, issuer, subject",
        row: |n, hex| format!("'User {n}', '{n}', NULL, {}, TRUE, '7', '{n}'", hex(format!("{n:032x}"))),
        statements: vec![
            (sql.by_id, vec![NUMBER]),
            (sql.by_name, vec![TEXT]),
            (sql.by_identity.expect("the default table has identities"), vec![TEXT, TEXT]),
            (sql.renew, vec![TEXT, NUMBER, TEXT]),
            (sql.set_active.expect("the default table has the column"), vec![NUMBER, NUMBER]),
            (permissions.revoke, vec![TEXT, NUMBER]),
        ],
    }
}

#[tokio::test]
async fn sqlite_uses_indexes() {
    crate::plans::sqlite_uses_indexes(users).await;
}

#[tokio::test]
async fn postgres_uses_indexes() {
    crate::plans::postgres_uses_indexes(users).await;
}

#[tokio::test]
async fn maria_db_uses_indexes() {
    crate::plans::maria_db_uses_indexes(users).await;
}
