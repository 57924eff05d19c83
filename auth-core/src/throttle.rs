//! Against guessing: how often a password may be tried, by whom, and for whom.
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
//! Passwords that fail, and whatever else people choose and others could guess
//! ([`Credentials::secret`](crate::Credentials::secret)), by whichever way they come: forms, HTTP Basic, gRPC. An attempt
//! comes in by one **lane** and is counted there alone:
//!
//! | lane | who comes in by it | stops |
//! |---|---|---|
//! | a known device | a browser on which this name signed in within 90 days (a sealed cookie says so) | who stole the cookie |
//! | a known source | an address from which this name signed in within [30 days](Throttle::source_known_for) | who shares the address |
//! | everybody else | all others together, for each name and each account | guessing one account from any number of addresses |
//! | a source | who of those comes from one address, or one network of IPv6, by how many names failed | trying one password on many names |
//!
//! So strangers who try a name can keep other strangers out, but not its owner: who has signed in on a device, or from a
//! place, has a lane that strangers do not fill. A success clears the lane that it came in by, and no other.
//!
//! # What an attempt meets
//!
//! 1. Before any backend is asked, the **name** as it was typed takes a place in its lane. Where there is none the answer is
//!    429 with `Retry-After`, the same for names that exist and names that do not.
//! 2. A backend that has found the **account** tells it ([`Attempt::account`](crate::backend::Attempt::account)) before it
//!    compares any secret, and that takes a place, too. Where there is none, the answer and the work are those of a wrong
//!    password, and the secret is not compared: so all names of an account share its tries, and nobody learns that they are
//!    one account's.
//!
//! After [5](Throttle::free_attempts) failures an attempt waits 1 s, then 2 s, 4 s, and up to [15 minutes](Throttle::delays); a failed
//! attempt counts for a day. Whatever succeeds meanwhile, no lane has more than [100](Throttle::per_day) failures in any 24
//! hours. An attempt that comes too early is not made, and lengthens nothing. An outage is nobody's failure. A client that goes away
//! before its answer has failed: to hang up must not make guessing free.
//!
//! A place is taken before an attempt is judged. Of a hundred at once, no more are judged than may fail; the others wait up
//! to 2 s for one that is done, and then hear 429. Equal credentials at once are judged once, for all of them.
//!
//! # What it costs
//!
//! A session, and whatever is remembered, asks nothing of it. A login changes the store's counters once before it is judged (a
//! look and a change) and once after (a change). The first login with a name in a process looks once more, since nobody knows
//! yet whose name it is. Names that nobody has cost the same, so that their time does not tell.
//!
//! # When the store is down
//!
//! Each instance then counts for itself, at half the limits, and an event says so; after a second it looks whether the store
//! is back. What it counted stays in force until its own time is over, also when the store is back. So *n* instances allow up to *n*/2 times the limit meanwhile.

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
