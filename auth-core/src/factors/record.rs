//! Factors as they are kept.

use std::fmt;
use std::str::FromStr;

use crate::grant::Factor;
use crate::random::{Random, RandomError};
use crate::time::Timestamp;
use crate::{BackendName, UserId, base62, hidden};

/// Whose a factor is: a user, as a backend knows them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FactorOwner {
    /// The backend's name.
    pub backend: BackendName,
    /// Who that is there.
    pub user: UserId,
}

/// Names a factor in lists, forms and logs. It is no secret.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FactorId(u64);

impl FactorId {
    /// The id with this number.
    pub const fn from_number(number: u64) -> Self {
        Self(number)
    }

    /// Its number.
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

    /// As it is [displayed](fmt::Display): eleven letters and digits.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        base62::read_id(text).map(Self).ok_or(InvalidFactor::ID)
    }
}

/// What kind of factor it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FactorKind {
    /// An authenticator app, which shows a code that changes with time (RFC 6238).
    Totp,
    /// A set of codes on paper, each good for one time.
    RecoveryCodes,
    /// A passkey or a security key (`WebAuthn`).
    Passkey,
}

impl FactorKind {
    const ALL: [Self; 3] = [Self::Totp, Self::RecoveryCodes, Self::Passkey];

    /// Its number in stores. None is ever given to another one.
    pub fn code(self) -> u8 {
        match self {
            Self::Totp => 1,
            Self::RecoveryCodes => 2,
            Self::Passkey => 3,
        }
    }

    /// The kind with this number, if it is known here. A store that finds another answers
    /// [`Newer`](crate::session::StoreErrorKind::Newer): whoever has a factor must not be taken for somebody who has none.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// What a proof by it is.
    pub fn factor(self) -> Factor {
        match self {
            Self::Totp => Factor::Totp,
            Self::RecoveryCodes => Factor::RecoveryCode,
            Self::Passkey => Factor::Passkey,
        }
    }
}

/// By what a factor is found where nobody has said whose it is: a hash of the id that its device gave it.
pub type FactorLookup = [u8; 32];

/// The hash of a recovery code.
pub type CodeHash = [u8; 32];

/// A factor as a store keeps it: its secret only as sealed bytes or hashes.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredFactor {
    /// Its id.
    pub id: FactorId,
    /// Whose it is.
    pub owner: FactorOwner,
    /// What kind it is.
    pub kind: FactorKind,
    /// The name that its owner gave it.
    pub name: Box<str>,
    /// When it was made.
    pub created: Timestamp,
    /// When its owner showed that they have it. Before that it is nobody's second factor.
    pub confirmed: Option<Timestamp>,
    /// When it was last used.
    pub last_used: Option<Timestamp>,
    /// The last time step of which a code was accepted. No code of it, or of one before it, is accepted again.
    pub last_step: Option<u64>,
    /// The secret, sealed; empty where there is none.
    pub secret: Box<[u8]>,
    /// The hashes of the recovery codes that are left, in no order.
    pub codes: Vec<CodeHash>,
    /// By what it is found without its owner; no two factors of a store have the same. Only passkeys have one.
    pub lookup: Option<FactorLookup>,
}

impl StoredFactor {
    /// The longest name, in bytes.
    pub const MAX_NAME_LEN: usize = 100;

    /// Whether it counts as one of its owner's factors.
    pub fn is_confirmed(&self) -> bool {
        self.confirmed.is_some()
    }
}

impl fmt::Debug for StoredFactor {
    /// Neither the secret nor a hash.
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

/// A name that a person may give a factor.
pub(super) fn name(name: &str) -> Result<Box<str>, InvalidFactor> {
    let fits = name.len() <= StoredFactor::MAX_NAME_LEN && !name.trim().is_empty();
    if !fits || name.chars().any(char::is_control) {
        return Err(InvalidFactor::NAME);
    }
    Ok(name.into())
}

/// What cannot be an id, a name or a secret of a factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidFactor(&'static str);

impl InvalidFactor {
    const ID: Self = Self("the id of a factor has eleven letters and digits");
    pub(super) const SECRET: Self = Self("the secret of an app has 10 to 64 bytes, as base32");
    const NAME: Self =
        Self("the name of a factor has 1 to 100 bytes, not all of them blank, and no control characters");
}

impl fmt::Display for InvalidFactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for InvalidFactor {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_and_ids_lead_back() {
        for kind in FactorKind::ALL {
            assert_eq!(FactorKind::from_code(kind.code()), Some(kind));
        }
        assert_eq!((0..=u8::MAX).filter_map(FactorKind::from_code).count(), 3);
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
