//! Hashes that cost nearly nothing.

use auth_core::Passwords;
use auth_core::password::Argon2Cost;

/// [`Passwords`] whose hashes cost nearly nothing and protect nobody: for users whom a test creates with a password.
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
    let built = Passwords::builder().cost(cost).dangerous_weak().threads(1).build();
    built.expect("a thread for hashes")
}
