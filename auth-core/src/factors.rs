//! Second factors: what users have enrolled, and how often a code was wrong.

mod check;
mod memory;
mod record;
mod store;
mod totp;
mod tries;

pub use check::check_store;
pub use memory::MemoryFactors;
pub use record::{CodeHash, FactorId, FactorKind, FactorOwner, InvalidFactor, StoredFactor};
pub use store::FactorStore;
pub use totp::Totp;
pub use tries::{Reservation, Tries, Try, TryEnd};
