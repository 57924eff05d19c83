//! The kinds of factors that a user has.

use std::fmt;

use super::FactorKind;

/// The kinds of second factors that a user has enrolled and confirmed.
///
/// A session stores it from the login on, and it is updated whenever the user's factors change: requests do not ask a
/// store.
///
/// ```
/// use auth_core::grant::{Enrolled, FactorKind};
///
/// let enrolled = Enrolled::NONE.with(FactorKind::Totp);
/// assert!(enrolled.is_any() && enrolled.has(FactorKind::Totp));
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Enrolled(u8);

impl Enrolled {
    /// No factors.
    pub const NONE: Self = Self(0);

    /// The same with this kind. A trusted browser does not count.
    ///
    /// ```
    /// use auth_core::grant::{Enrolled, FactorKind};
    ///
    /// assert!(Enrolled::NONE.with(FactorKind::Totp).has(FactorKind::Totp));
    /// ```
    #[must_use]
    pub fn with(self, kind: FactorKind) -> Self {
        Self(self.0 | bit(kind))
    }

    /// Whether a factor of this kind is enrolled.
    pub fn has(self, kind: FactorKind) -> bool {
        self.0 & bit(kind) != 0
    }

    /// Whether there is a second factor. Recovery codes alone are none: they replace one that was lost.
    ///
    /// ```
    /// use auth_core::grant::{Enrolled, FactorKind};
    ///
    /// assert!(!Enrolled::NONE.with(FactorKind::RecoveryCodes).is_any());
    /// ```
    pub fn is_any(self) -> bool {
        self.0 & !bit(FactorKind::RecoveryCodes) != 0
    }

    /// The kinds, in the order in which a page should offer them.
    ///
    /// ```
    /// use auth_core::grant::{Enrolled, FactorKind};
    ///
    /// let enrolled = Enrolled::NONE.with(FactorKind::RecoveryCodes).with(FactorKind::Passkey);
    /// assert!(enrolled.kinds().eq([FactorKind::Passkey, FactorKind::RecoveryCodes]));
    /// ```
    pub fn kinds(self) -> impl Iterator<Item = FactorKind> {
        FactorKind::PROVING.into_iter().filter(move |kind| self.has(*kind))
    }

    /// As a number in a record.
    pub(crate) fn bits(self) -> u64 {
        self.0.into()
    }

    /// The kinds of a number that this version knows.
    pub(crate) fn known_of(bits: u64) -> Self {
        let is_in = |kind: &FactorKind| bits & u64::from(bit(*kind)) != 0;
        FactorKind::PROVING.into_iter().filter(is_in).collect()
    }

    /// `None` if it contains a kind that this version does not know.
    pub(crate) fn from_bits(bits: u64) -> Option<Self> {
        let known = FactorKind::PROVING.into_iter().fold(0, |all, kind| all | bit(kind));
        u8::try_from(bits).ok().filter(|bits| bits & !known == 0).map(Self)
    }
}

/// No bit for a kind that proves nothing.
fn bit(kind: FactorKind) -> u8 {
    if kind.factor().is_some() { 1 << (kind.code() - 1) } else { 0 }
}

impl fmt::Debug for Enrolled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.kinds()).finish()
    }
}

impl FromIterator<FactorKind> for Enrolled {
    fn from_iter<I: IntoIterator<Item = FactorKind>>(kinds: I) -> Self {
        kinds.into_iter().fold(Self::NONE, Self::with)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recovery_codes_alone_are_no_second_factor() {
        let codes = Enrolled::NONE.with(FactorKind::RecoveryCodes);
        assert!(!Enrolled::NONE.is_any() && !codes.is_any());
        assert!(codes.with(FactorKind::Totp).is_any());
        assert_eq!(codes.kinds().collect::<Vec<_>>(), [FactorKind::RecoveryCodes]);
    }

    #[test]
    fn an_unknown_kind_is_not_left_out() {
        let all = Enrolled::from_iter(FactorKind::PROVING);
        assert_eq!(Enrolled::from_bits(all.bits()), Some(all));
        for unknown in [0x80, 0x81, 0x100, u64::MAX] {
            assert_eq!(Enrolled::from_bits(unknown), None, "{unknown:x}");
        }
    }
}
