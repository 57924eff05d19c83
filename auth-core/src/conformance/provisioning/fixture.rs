//! What the cases are made of.

use std::collections::BTreeSet;

use crate::UserId;
use crate::backend::Email;
use crate::provisioning::{
    Account, Applied, Change, Found, NewUser, ProvisionStore, Query, Right, Update, Write,
};

pub(super) const ISSUER: &str = "https://issuer.example";

pub(super) fn admin() -> Right {
    Right::permission("admin")
}

pub(super) fn staff() -> Right {
    Right::flag("is_staff")
}

pub(super) fn email(address: &str, verified: bool) -> Email {
    Email { address: address.to_owned(), verified }
}

pub(super) fn new_user(subject: &str, username: &str, changes: Vec<Change>) -> NewUser {
    NewUser { issuer: ISSUER.to_owned(), subject: subject.to_owned(), username: username.to_owned(), changes }
}

pub(super) fn attribute(field: &str, value: &str) -> Change {
    Change::Attribute { field: field.to_owned(), value: Some(value.to_owned()) }
}

pub(super) fn track(field: &str, value: &str) -> Change {
    Change::Track { field: field.to_owned(), value: Some(value.to_owned()) }
}

pub(super) fn take(right: Right) -> Change {
    Change::Take { right, guarded: true }
}

/// Everything that a new user may get.
pub(super) fn all_that_is_new() -> Vec<Change> {
    vec![
        attribute("phone", "1"),
        attribute("town", "Ürümqi 🌍"),
        track("phone", "1"),
        track(Change::EMAIL, "alice@example.org"),
        Change::Email(email("alice@example.org", true)),
        Change::Give(admin()),
        Change::Give(Right::permission("read")),
        Change::Give(staff()),
    ]
}

pub(super) async fn found<S: ProvisionStore>(store: &S, subject: &str, username: &str) -> Found {
    let guarded = BTreeSet::from([admin(), staff()]);
    let query = Query::new(ISSUER, subject, username, &guarded);
    store.load(&query).await.expect("load: answers")
}

pub(super) async fn account<S: ProvisionStore>(store: &S, subject: &str) -> Account {
    found(store, subject, "nobody").await.account.expect("load: finds a user by issuer and subject")
}

pub(super) async fn created<S: ProvisionStore>(store: &S, subject: &str, changes: Vec<Change>) -> UserId {
    let write = Write::Create(new_user(subject, subject, changes));
    match store.apply(&write).await.expect("create: answers") {
        Applied::Done(id) => id,
        Applied::Conflict => panic!("create: nothing stands in the way"),
    }
}

pub(super) async fn update<S: ProvisionStore>(store: &S, before: &Account, changes: Vec<Change>) -> Applied {
    let write = Write::Update(Update { before: before.clone(), changes });
    store.apply(&write).await.expect("update: answers")
}
