//! Second factors: what users have enrolled, and how many codes were wrong.
//!
//! ```
//! use auth_core::factors::{FactorOwner, Factors, MemoryFactors, Totp, Verdict};
//! use auth_core::session::KeyRing;
//! use auth_core::time::{Clock, SystemClock};
//! use auth_core::{BackendName, Secret, UserId};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let keys = KeyRing::new(b"a secret of at least 32 bytes....")?;
//! let factors = Factors::new("Shop", MemoryFactors::new(10_000), &keys)?;
//! let alice = FactorOwner { backend: BackendName::new("local").unwrap(), user: UserId::from(1) };
//!
//! // Shown once, as a QR code and as text. It counts once she has typed a code that her app shows.
//! let enrolment = factors.enrol_totp(&alice, "alice@example.com", "my phone").await?;
//! assert!(enrolment.uri.expose().starts_with("otpauth://totp/Shop:alice%40example.com?secret="));
//! let app: Totp = enrolment.secret.expose().parse()?;
//! let code = app.code(SystemClock.now());
//! assert!(matches!(factors.confirm(&alice, enrolment.id, &code).await?, Verdict::Right(_)));
//! assert_eq!(factors.verify(&alice, &code).await?, Verdict::Wrong, "it is used");
//!
//! let printed = factors.make_recovery_codes(&alice).await?;
//! let Verdict::Right(proven) = factors.verify(&alice, &printed.codes()[3]).await? else { unreachable!() };
//! assert_eq!(proven.codes_left, Some(9));
//! # Ok(())
//! # }
//! ```
//!
//! # What is stored
//!
//! Secrets of apps are sealed with a key of the [`KeyRing`](crate::session::KeyRing), for their owner and id: a copy
//! of the database reveals none, and a row that is copied to another user is useless. Secrets that a fallback key
//! sealed are sealed again when they are used. Recovery codes are stored as hashes only. Of passkeys, which
//! `auth-passkeys` registers and verifies, the store has the public key, sealed as well, and a hash of the id that
//! the device gave it, which finds the passkey before its user is known.
//!
//! # What is counted
//!
//! Wrong codes are counted for each user, whatever the factor and wherever they were tried. Five are free; after each
//! further one the user has to wait, for 30 seconds at first, and twice as long each time, up to an hour. A code
//! counts as wrong before it is compared. This works with and without a [throttle](crate::throttle); only users with
//! a first proof get this far.

mod check;
mod memory;
mod passkeys;
mod record;
mod recovery;
mod seal;
mod service;
mod store;
#[cfg(test)]
mod tests;
mod totp;
mod tries;
mod trusted;

pub use crate::factor_error::{FactorError, FactorErrorKind, InvalidFactor};
pub use crate::grant::FactorKind;
pub use check::check_store;
pub use memory::MemoryFactors;
pub use passkeys::OpenedPasskey;
pub use record::{CodeHash, FactorId, FactorLookup, FactorOwner, StoredFactor};
pub use recovery::CreatedRecoveryCodes;
pub use service::{Factors, TotpEnrolment, Verdict, Verified};
pub use store::FactorStore;
pub use totp::Totp;
pub use tries::{Reservation, Tries, Try, TryEnd};
pub(crate) use trusted::{TrustToken, is_trusted};
