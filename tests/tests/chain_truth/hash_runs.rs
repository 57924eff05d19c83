//! C17–C20, PW-8: how much work an attempt is, for the whole chain of two.

use std::sync::Arc;

use auth_core::{
    Auth, BackendPolicy, DeniedKind, DenyReason, MemoryBackend, Password, Passwords, RequestFacts, Secret,
};
use integration_tests::accounts::Account;
use integration_tests::world::weak_passwords;

type Users = Arc<MemoryBackend<Account>>;

/// A table with three people of its own: one who can sign in, one disabled, one without a password.
async fn table(passwords: &Passwords, who: &str) -> Users {
    let users = MemoryBackend::new(passwords.clone());
    let right = Secret::new("right");
    for (id, name) in [(1, who.to_owned()), (2, "both".to_owned())] {
        users.insert(name.clone(), &right, Account::new(id, &name)).await.unwrap();
    }
    let disabled = Account { active: false, ..Account::new(3, "off") };
    users.insert(format!("{who}-off"), &right, disabled).await.unwrap();
    users.insert_without_password(format!("{who}-sso"), Account::new(4, "sso"));
    Arc::new(users)
}

fn chain(first: &Users, second: &Users, policy: BackendPolicy) -> Auth<Account> {
    Auth::builder()
        .backend_with::<Password>("first", Arc::clone(first), policy)
        .backend::<Password>("second", Arc::clone(second))
        .build()
        .unwrap()
}

#[tokio::test]
async fn c17_to_c20_an_attempt_costs_one_hash() {
    let (one, two) = (weak_passwords(), weak_passwords());
    let (first, second) = (table(&one, "ann").await, table(&two, "ben").await);
    let auth = chain(&first, &second, BackendPolicy::new());
    let (long_name, long) = ("x".repeat(256), "x".repeat(4097));
    let disabled = Err(DeniedKind::Denied(DenyReason::Disabled));
    let wrong = Err(DeniedKind::WrongSecret);
    let malformed = Err(DeniedKind::Malformed);
    let cases = [
        ("C17 right in the first", "ann", "right", Ok(()), 1),
        ("C17 right in the second", "ben", "right", Ok(()), 1),
        ("wrong in the first", "ann", "wrong", wrong, 1),
        ("wrong in the second", "ben", "wrong", wrong, 1),
        ("C18 unknown", "nobody", "right", Err(DeniedKind::UnknownUser), 1),
        ("C19 disabled, right, first", "ann-off", "right", disabled, 1),
        ("C19 disabled, right, second", "ben-off", "right", disabled, 1),
        ("C19 disabled, wrong", "ben-off", "wrong", wrong, 1),
        ("unusable, first", "ann-sso", "x", wrong, 1),
        ("unusable, second", "ben-sso", "!", wrong, 1),
        ("C20 nothing", "", "", malformed, 0),
        ("C20 no password", "ann", "", malformed, 0),
        ("C20 no name", "", "right", malformed, 0),
        ("long password", "ann", &long, malformed, 0),
        ("long password, unknown", "nobody", &long, malformed, 0),
        ("long name", &long_name, "x", malformed, 0),
    ];
    for (name, username, password, expected, runs) in cases {
        let before = one.runs() + two.runs();
        let answer = auth.authenticate(Password::new(username, password), &RequestFacts::none()).await;
        assert_eq!(answer.map(|_| ()).map_err(|denied| denied.kind()), expected, "{name}");
        assert_eq!(one.runs() + two.runs() - before, runs, "{name}");
    }
}

/// A name that both tables know costs a second comparison, unless the first one's word is final.
#[tokio::test]
async fn a_name_that_both_know_is_compared_with_both() {
    let passwords = weak_passwords();
    let (first, second) = (table(&passwords, "ann").await, table(&passwords, "ben").await);
    for (policy, runs) in [(BackendPolicy::new(), 2), (BackendPolicy::new().authoritative(), 1)] {
        let auth = chain(&first, &second, policy);
        let before = passwords.runs();
        assert!(auth.authenticate(Password::new("both", "wrong"), &RequestFacts::none()).await.is_err());
        assert_eq!(passwords.runs() - before, runs);
    }
}
