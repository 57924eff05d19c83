//! What every backend and every store must do: the suites of [`auth_core::conformance`].
//!
//! Three lines test your own store:
//!
//! ```
//! # use auth_core::session::MemorySessions as MyStore;
//! # let test = async || {
//! // In a function with `#[tokio::test(flavor = "multi_thread")]`:
//! auth_test::conformance::store::session_store(async || MyStore::new(1_000)).await;
//! # };
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test());
//! ```
//!
//! A backend takes as many:
//!
//! ```
//! use auth_core::Password;
//! use auth_test::conformance::backend::{Cases, backend};
//! use auth_test::{Scripted, TestUser};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! # let my_backend = Scripted::new().with_user("alice", "wonderland", TestUser::new("alice"));
//! let cases = Cases::new(Password::new("alice", "wonderland"), Password::new("nobody", "wonderland"));
//! backend(my_backend, cases.wrong_secret(Password::new("alice", "looking-glass"))).await;
//! # }
//! ```

pub use auth_core::conformance::*;
