//! Protection against guessing: how often passwords may be tried, by whom, and on which accounts.
//!
//! ```
//! use auth_core::throttle::{MemoryThrottle, Throttle};
//! # use auth_core::session::{KeyRing, MemorySessions, SessionConfig};
//! # use auth_core::{Auth, MemoryBackend, Password, Passwords};
//! # use auth_core::{User, UserId};
//! # #[derive(Clone)]
//! # struct Member;
//! # impl User for Member {
//! #     fn id(&self) -> UserId { UserId::from(1) }
//! #     fn security_stamp(&self) -> &[u8] { b"stamp" }
//! #     fn is_active(&self) -> bool { true }
//! # }
//! # fn main() -> Result<(), auth_core::ConfigError> {
//! # let users = MemoryBackend::<Member>::new(Passwords::new()?);
//!
//! let auth = Auth::builder()
//!     .backend::<Password>("local", users)
//!     .sessions(MemorySessions::new(10_000), SessionConfig::new(KeyRing::generate()?))
//!     .throttle(Throttle::new(MemoryThrottle::new(100_000)))
//!     .build()?;
//! # Ok(())
//! # }
//! ```
//!
//! # What is counted
//!
//! Failed passwords, and other secrets that people choose and others could guess
//! ([`Credentials::secret`](crate::Credentials::secret)), however they arrive: forms, HTTP Basic, gRPC. An attempt
//! uses one **lane** and is counted there alone:
//!
//! | lane | attempts in it | stops |
//! |---|---|---|
//! | a known device | from a browser on which this name signed in within 90 days (a sealed cookie says so) | a stolen cookie |
//! | a known source | from an address from which this name signed in within [30 days](Throttle::source_known_for) | others at the same address |
//! | everybody else | all others together, for each name and each account | guessing one account from any number of addresses |
//! | a source | those of everybody else from one address, or one IPv6 network, by how many names failed | trying one password on many names |
//!
//! So strangers who try a name can keep other strangers out, but not its owner: a user who has signed in on a device,
//! or from an address, has a lane that strangers cannot fill. A success clears the lane that it used, and no other.
//!
//! # How an attempt is admitted
//!
//! 1. Before any backend is asked, the **name** as it was typed takes a place in its lane. Without a free place the
//!    answer is 429 with `Retry-After`, whether or not the name exists.
//! 2. A backend that has found the **account** reports it ([`Attempt::account`](crate::backend::Attempt::account))
//!    before it compares any secret, which takes a place, too. Without a free place, the answer and the work are
//!    those of a wrong password, and the secret is not compared. So all names of an account share its attempts, and
//!    nobody learns that they belong to one account.
//!
//! After [5](Throttle::free_attempts) failures an attempt waits 1 s, then 2 s, 4 s, and up to [15
//! minutes](Throttle::delays); a failed attempt counts for a day. Whatever succeeds in between, no lane has more than
//! [100](Throttle::per_day) failures in any 24 hours. An attempt that comes too early is not made, and prolongs
//! nothing. An outage is not a failure. If a client goes away before the answer, the attempt has failed: otherwise
//! hanging up would make guessing free.
//!
//! A place is taken before an attempt is judged. Of a hundred concurrent attempts, no more are judged than may fail;
//! the others wait up to 2 s for one that ends, and then get 429. Concurrent equal credentials are judged once, for
//! all of them.
//!
//! # What it costs
//!
//! Sessions and remembered credentials do not use it. A login changes the store's counters once before it is judged
//! (a load and a change) and once after (a change). The first login with a name in a process loads once more, because
//! nobody knows yet whose name it is. Unknown names cost the same, so that the time does not reveal them.
//!
//! # When the store is down
//!
//! Each instance then counts separately, with half the limits, and an event says so. After a second it checks whether
//! the store is back. What it counted stays in force until it expires, even after the store is back. So *n* instances
//! together allow up to *n*/2 times the limit meanwhile.

mod bucket;
mod check;
mod device;
mod flights;
mod gatekeeper;
mod lanes;
mod ledger;
mod memory;
mod places;
mod settings;
mod store;
#[cfg(test)]
mod tests;
mod unlock;
mod whose;

pub(crate) use bucket::KNOWN_FOR;
pub use bucket::{Account, Bucket, BucketKey};
pub use check::check_store;
pub(crate) use device::{Device, ReadDevice};
pub(crate) use flights::Flights;
pub(crate) use gatekeeper::Gatekeeper;
pub use memory::MemoryThrottle;
pub(crate) use settings::Parts;
pub use settings::Throttle;
pub use store::{BucketChange, StoredBucket, ThrottleStore};
pub use unlock::{forget_devices, unlock};
