//! Which kinds of factors a user has.

use std::fmt;

use super::FactorKind;

/// Which kinds of second factors a user has enrolled and confirmed.
///
/// A session carries it from the login on, and it is written anew whenever its user's factors change: no store is asked per
/// request.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Enrolled(u8);

impl Enrolled {
    /// Nothing is enrolled.
    pub const NONE: Self = Self(0);

    /// The same, and this kind as well. A trusted browser is none.
    #[must_use]
    pub fn with(self, kind: FactorKind) -> Self {
        Self(self.0 | bit(kind))
    }

    /// Whether a factor of this kind is enrolled.
    pub fn has(self, kind: FactorKind) -> bool {
        self.0 & bit(kind) != 0
    }

    /// Whether there is a second factor. Recovery codes alone are none: they stand in for one that was lost.
    pub fn is_any(self) -> bool {
        self.0 & !bit(FactorKind::RecoveryCodes) != 0
    }

    /// The kinds, in the order in which a page may offer them.
    pub fn kinds(self) -> impl Iterator<Item = FactorKind> {
        FactorKind::PROVING.into_iter().filter(move |kind| self.has(*kind))
    }

    /// As a number in a record.
    pub(crate) fn bits(self) -> u64 {
        self.0.into()
    }

    /// Those kinds of a number that are known here.
    pub(crate) fn known_of(bits: u64) -> Self {
        let is_in = |kind: &FactorKind| bits & u64::from(bit(*kind)) != 0;
        FactorKind::PROVING.into_iter().filter(is_in).collect()
    }

    /// `None` if a kind is among them that is not known here.
    pub(crate) fn from_bits(bits: u64) -> Option<Self> {
        let known = FactorKind::PROVING.into_iter().fold(0, |all, kind| all | bit(kind));
        u8::try_from(bits).ok().filter(|bits| bits & !known == 0).map(Self)
    }
}

/// None for what proves nothing.
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
