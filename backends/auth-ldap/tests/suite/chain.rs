//! As a backend of a chain.

use auth_core::Password;
use auth_core::conformance::backend::{Cases, backend};
use test_servers::OpenLdap;

use crate::support;

#[tokio::test]
async fn it_is_a_backend() {
    let server = OpenLdap::new().start();
    let cases = Cases::new(Password::new("alice", "alicepw"), Password::new("nobody", "alicepw"))
        .wrong_secret(Password::new("alice", "looking-glass"));
    backend(support::backend(&support::directory(&server)), cases).await;
}
