//! Second factors: what users have enrolled, and how often a code was wrong.
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
//! // Shown once, as a QR code and as text. It counts when she has typed a code that her app shows.
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
//! # What is kept
//!
//! Secrets of apps are sealed under a key of the [`KeyRing`](crate::session::KeyRing), for their owner and id: a copy of the
//! database opens none, nor does a row that is copied to another user. Those of a fallback key are sealed again when they are used.
//! Of recovery codes there are only hashes. Of passkeys, which `auth-passkeys` registers and verifies, there is the public key, sealed
//! as well, and a hash of the id that the device gave it, by which it is found where nobody has said who they are.
//!
//! # What is counted
//!
//! Wrong codes, for each user, whichever factor they were for, and wherever they were tried: five are free, then each has to wait,
//! for 30 seconds at first, and twice as long after each, up to an hour. A code is counted as wrong before it is compared. That
//! holds whether or not a [throttle](crate::throttle) does; nobody gets as far as this without a first proof.

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
