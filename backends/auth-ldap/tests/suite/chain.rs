//! As a backend of a chain.

use auth_core::Password;
use auth_core::conformance::backend::{Cases, backend, odd, odd_passwords};
use test_servers::OpenLdap;

use crate::support;

#[tokio::test]
async fn it_is_a_backend() {
    let server = OpenLdap::new().start();
    let cases = Cases::new(Password::new("alice", "alicepw"), Password::new("nobody", "alicepw"))
        .wrong_secret(Password::new("alice", "looking-glass"));
    backend(support::backend(&support::directory(&server)), cases).await;
}

/// Each of them bound by a real server, by each way to find a person.
#[tokio::test]
async fn odd_input_is_about_itself() {
    let server = OpenLdap::new().start();
    let (right, other) = (Password::new("alice", "alicepw"), Password::new("bob", "bobpw"));
    // This server locks users out after three wrong passwords: those are bob's.
    let names = odd_passwords(&right).into_iter().filter(|odd| odd.username() != "alice");
    let secrets = odd_passwords(&other).into_iter().filter(|odd| odd.username() == "bob");
    let all: Vec<_> = names.chain(secrets).collect();
    let by_dn = support::settings(&server).bind_dn("uid={username},ou=people,dc=example,dc=org");
    for directory in [support::directory(&server), by_dn.build().unwrap()] {
        odd(support::backend(&directory), right.clone(), all.clone()).await;
    }
}
