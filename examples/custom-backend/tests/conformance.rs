//! The backend keeps what every backend promises.

use std::time::Duration;

use auth_core::conformance::backend::{Cases, backend};
use auth_core::{Passwords, Secret, UserId};
use custom_backend::{Badge, Badges, Employee};

#[tokio::test]
async fn badges_are_a_backend() {
    // The suite asks 16 times at once, and a debug build on a busy machine hashes slowly: nobody is turned away.
    let passwords = Passwords::builder().wait(Duration::from_secs(300)).build().unwrap();
    let pin = passwords.hash(&Secret::new("2718")).await.unwrap();
    let ada = Employee { id: UserId::from(4242), name: "Ada".into(), pin, active: true };
    let bob = Employee { id: UserId::from(1001), name: "Bob".into(), active: false, ..ada.clone() };
    let badge = |number: &str, pin: &str| Badge { number: number.into(), pin: Secret::new(pin) };
    backend(
        Badges::new(passwords, [ada, bob]),
        Cases::new(badge("4242", "2718"), badge("7007", "2718"))
            .wrong_secret(badge("4242", "3141"))
            .disabled(badge("1001", "2718")),
    )
    .await;
}
