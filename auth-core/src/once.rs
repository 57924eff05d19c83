//! Ids that can be used only once: a challenge, the token of a link, the id of a logout token, the nonce of a sealed
//! cookie.
//!
//! ```
//! use std::time::Duration;
//!
//! use auth_core::once::{MemoryOnce, OnceId, OnceStore};
//! use auth_core::session::Purpose;
//! use auth_core::time::{Clock, SystemClock};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let used = MemoryOnce::new(100_000);
//! let invites = Purpose::new("shop.invites")?;
//!
//! // From a token whose signature has been verified, and with it how long it is good.
//! let now = SystemClock.now();
//! let until = now.plus(Duration::from_secs(600));
//! let id = OnceId::new(&invites, b"9f1c6a")?;
//! assert!(used.use_once(id, until, now).await?, "the first one may");
//! assert!(!used.use_once(id, until, now).await?, "and nobody else");
//! # Ok(())
//! # }
//! ```
//!
//! # In which order
//!
//! **Verify first, then use.** An entry is kept until its id expires. A site that stored invented ids would let
//! strangers fill its store, and use up ids that they have read somewhere.
//!
//! **Use the id before you act on it.** If you begin a session first and use the id afterwards, a second request gets
//! through in between. The id stays used if anything fails later on: its owner has to begin again.

mod check;
mod id;
mod memory;
mod store;

pub use check::check_store;
pub use id::{InvalidOnceId, OnceId};
pub use memory::MemoryOnce;
pub use store::{KEPT_BEYOND, OnceStore, kept_until};
