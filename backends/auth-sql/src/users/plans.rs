//! Tests: no statement on users walks through the table.

use super::statements::Statements;
use super::table::UserTable;
use crate::driver::Dialect;
use crate::plans::{Case, KEY, NUMBER, ROWS, TEXT};

fn table() -> UserTable {
    let table = UserTable::default().with_email("email", "email_verified").unwrap();
    table.with_flag("is_staff").unwrap().with_tracking("auth_user_tracking").unwrap()
}

fn users(dialect: &Dialect) -> Case {
    let sql = Statements::new(&table(), &[], dialect);
    let permissions = sql.permissions.expect("the table has some");
    let accounts = sql.accounts.expect("the table has identities");
    let holders = accounts.permission_holders.expect("the table has permissions");
    let temporary = sql.temporary.expect("the table has the column");
    let tracking = accounts.tracking.expect("the table has tracking");
    Case {
        table: "auth_users",
        migrate: sql.migrate,
        rows: ROWS,
        columns: "username, username_key, password, security_stamp, active, issuer, subject, email, is_staff",
        row: |n, hex| {
            let staff = if n % 5_000 == 0 { "TRUE" } else { "FALSE" };
            format!("'User {n}', '{n}', NULL, {}, TRUE, '7', '{n}', '{n}', {staff}", hex(format!("{n:032x}")))
        },
        statements: vec![
            (sql.by_id, vec![NUMBER]),
            (sql.by_name, vec![TEXT]),
            (accounts.by_identity, vec![TEXT, TEXT]),
            (accounts.by_id, vec![NUMBER]),
            (accounts.identity, vec![NUMBER]),
            (accounts.by_email.expect("the table has addresses"), vec![TEXT]),
            (accounts.by_key, vec![TEXT]),
            (accounts.lock, vec![NUMBER]),
            (holders.other, vec![TEXT, NUMBER]),
            (tracking.read, vec![NUMBER]),
            (sql.renew, vec![TEXT, NUMBER, TEXT]),
            (sql.set_password, vec![TEXT, KEY, NUMBER]),
            (temporary.set_password, vec![TEXT, KEY, NUMBER]),
            (temporary.find, vec![NUMBER]),
            (sql.set_active.expect("the table has the column"), vec![NUMBER, NUMBER]),
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
