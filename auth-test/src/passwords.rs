//! Hashes that cost nearly nothing.

use std::time::Duration;

use auth_core::Passwords;
use auth_core::password::Argon2Cost;

/// No attempt is turned away, however busy the machine is that runs the tests.
const QUEUE: usize = 10_000;
/// See above.
const WAIT: Duration = Duration::from_secs(600);

/// [`Passwords`] whose hashes cost nearly nothing and protect nothing: for users that a test creates with a password.
///
/// ```
/// use auth_core::{MemoryBackend, Secret};
/// use auth_test::{TestUser, dangerously_weak_passwords};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let users = MemoryBackend::new(dangerously_weak_passwords());
/// users.insert("alice", &Secret::new("wonderland"), TestUser::new("alice")).await?;
/// # Ok(())
/// # }
/// ```
///
/// # Panics
/// If a thread cannot be started.
pub fn dangerously_weak_passwords() -> Passwords {
    let cost = Argon2Cost::dangerous_weak(16, 1, 1).expect("costs that Argon2 allows");
    let settings = Passwords::builder().cost(cost).dangerous_weak().threads(1);
    settings.queue(QUEUE).wait(WAIT).build().expect("a thread for hashes")
}
