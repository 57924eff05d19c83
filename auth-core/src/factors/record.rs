//! Factors as they are stored.

use std::fmt;
use std::str::FromStr;

use crate::factor_error::InvalidFactor;
use crate::grant::{Enrolled, FactorKind};
use crate::random::{Random, RandomError};
use crate::time::Timestamp;
use crate::{BackendName, UserId, base62, hidden};

/// The owner of a factor: a user, as a backend knows them.
///
/// ```
/// use auth_core::factors::FactorOwner;
/// use auth_core::{BackendName, UserId};
///
/// let alice = FactorOwner { backend: BackendName::new("local").ok_or("not a name")?, user: UserId::from(1) };
/// # Ok::<(), &str>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FactorOwner {
    /// The backend's name.
    pub backend: BackendName,
    /// The user's id there.
    pub user: UserId,
}

/// The id of a factor, for lists, forms and logs. It is not secret.
///
/// ```
/// use auth_core::factors::FactorId;
///
/// let id = FactorId::from_number(7);
/// assert_eq!(id.to_string().parse::<FactorId>()?, id);
/// # Ok::<(), auth_core::factors::InvalidFactor>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FactorId(u64);

impl FactorId {
    /// The id with this number.
    pub const fn from_number(number: u64) -> Self {
        Self(number)
    }

    /// The number of this id.
    pub const fn number(self) -> u64 {
        self.0
    }

    pub(super) fn draw(random: &dyn Random) -> Result<Self, RandomError> {
        let mut id = [0; 8];
        random.fill(&mut id)?;
        Ok(Self(u64::from_le_bytes(id)))
    }
}

impl fmt::Display for FactorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        base62::write_id(self.0, f)
    }
}

impl fmt::Debug for FactorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for FactorId {
    type Err = InvalidFactor;

    /// Reads its [display](fmt::Display) form: eleven letters and digits.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        base62::read_id(text).map(Self).ok_or(InvalidFactor::ID)
    }
}

/// Finds a factor before its owner is known: a hash of the id that its device gave it.
pub type FactorLookup = [u8; 32];

/// The hash of a recovery code.
pub type CodeHash = [u8; 32];

/// A factor as a store keeps it: its secret only as sealed bytes or hashes.
///
/// ```
/// # use auth_core::factors::{FactorOwner, Factors, MemoryFactors, Totp, Verdict};
/// # use auth_core::session::KeyRing;
/// # use auth_core::time::{Clock, SystemClock};
/// # use auth_core::{BackendName, Secret, UserId};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let keys = KeyRing::generate()?;
/// # let factors = Factors::new("Shop", MemoryFactors::new(10_000), &keys)?;
/// # let alice = FactorOwner { backend: BackendName::new("local").ok_or("not a name")?, user: UserId::from(1) };
/// factors.enrol_totp(&alice, "alice@example.com", "my phone").await?;
/// for factor in factors.list(&alice).await? {
///     println!("{}: {} ({:?}), confirmed: {}", factor.id, factor.name, factor.kind, factor.is_confirmed());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct StoredFactor {
    /// Its id.
    pub id: FactorId,
    /// Its owner.
    pub owner: FactorOwner,
    /// Its kind.
    pub kind: FactorKind,
    /// The name that its owner gave it.
    pub name: Box<str>,
    /// When it was created.
    pub created: Timestamp,
    /// When its owner proved that they have it. Before that it does not count as a second factor.
    pub confirmed: Option<Timestamp>,
    /// When it was last used.
    pub last_used: Option<Timestamp>,
    /// The last time step with an accepted code. No code of this step, or of an earlier one, is accepted again.
    pub last_step: Option<u64>,
    /// The sealed secret; empty if there is none.
    pub secret: Box<[u8]>,
    /// The hashes of the remaining recovery codes, unordered.
    pub codes: Vec<CodeHash>,
    /// Finds it before its owner is known, and is unique in a store. Only passkeys have one.
    pub lookup: Option<FactorLookup>,
}

impl StoredFactor {
    /// The longest name, in bytes.
    pub const MAX_NAME_LEN: usize = 100;

    /// What these factors enrol: only confirmed ones count.
    pub(crate) fn enrolled<'a>(factors: impl IntoIterator<Item = &'a Self>) -> Enrolled {
        let is_proof = |factor: &&Self| factor.is_confirmed() && factor.kind.factor().is_some();
        factors.into_iter().filter(is_proof).map(|factor| factor.kind).collect()
    }

    /// Whether it counts as one of its owner's factors.
    ///
    /// ```
    /// # use auth_core::factors::{FactorOwner, Factors, MemoryFactors, Totp, Verdict};
    /// # use auth_core::session::KeyRing;
    /// # use auth_core::time::{Clock, SystemClock};
    /// # use auth_core::{BackendName, Secret, UserId};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let keys = KeyRing::generate()?;
    /// # let factors = Factors::new("Shop", MemoryFactors::new(10_000), &keys)?;
    /// # let alice = FactorOwner { backend: BackendName::new("local").ok_or("not a name")?, user: UserId::from(1) };
    /// factors.enrol_totp(&alice, "alice@example.com", "my phone").await?;
    /// assert!(factors.list(&alice).await?.iter().all(|factor| !factor.is_confirmed()));
    /// # Ok(())
    /// # }
    /// ```
    pub fn is_confirmed(&self) -> bool {
        self.confirmed.is_some()
    }
}

impl fmt::Debug for StoredFactor {
    /// Without the secret and the hashes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredFactor")
            .field("id", &self.id)
            .field("owner", &self.owner)
            .field("kind", &self.kind)
            .field("name", &hidden::text(&*self.name))
            .field("confirmed", &self.confirmed)
            .field("last_used", &self.last_used)
            .field("codes", &self.codes.len())
            .finish_non_exhaustive()
    }
}

/// A valid name for a factor.
pub(super) fn name(name: &str) -> Result<Box<str>, InvalidFactor> {
    let fits = name.len() <= StoredFactor::MAX_NAME_LEN && !name.trim().is_empty();
    if !fits || name.chars().any(char::is_control) {
        return Err(InvalidFactor::NAME);
    }
    Ok(name.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_lead_back() {
        let id = FactorId::from_number(u64::MAX - 7);
        assert_eq!(id.to_string().parse(), Ok(id));
        for bad in ["", "0", "zzzzzzzzzzz", "0000000000-"] {
            assert!(bad.parse::<FactorId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn names_are_bounded() {
        assert!(name("O'Brien's ü phone").is_ok() && name(&"x".repeat(100)).is_ok());
        for bad in ["", "  ", "a\nb", &"x".repeat(101)] {
            assert!(name(bad).is_err(), "{bad:?}");
        }
    }
}
