//! Kinds of factors that users enrol.

use super::Factor;

/// The kind of an enrolled factor.
///
/// ```
/// use auth_core::grant::FactorKind;
///
/// let names: Vec<&str> = FactorKind::ALL.iter().map(|kind| kind.name()).collect();
/// assert_eq!(names, ["passkey", "totp", "recovery_code", "trusted_browser"]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FactorKind {
    /// An authenticator app that shows time-based codes (RFC 6238).
    Totp,
    /// A set of codes on paper, each of which can be used once.
    RecoveryCodes,
    /// A passkey or a security key (`WebAuthn`).
    Passkey,
    /// A browser that skips the second factor for a while: it replaces one, but is not a factor.
    TrustedBrowser,
}

impl FactorKind {
    /// The kinds that prove something, in the order in which a page should offer them.
    pub(crate) const PROVING: [Self; 3] = [Self::Passkey, Self::Totp, Self::RecoveryCodes];

    /// All kinds.
    pub const ALL: [Self; 4] = [Self::Passkey, Self::Totp, Self::RecoveryCodes, Self::TrustedBrowser];

    /// Its name for programs: `totp`, `recovery_code`, `passkey`, `trusted_browser`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Totp => "totp",
            Self::RecoveryCodes => "recovery_code",
            Self::Passkey => "passkey",
            Self::TrustedBrowser => "trusted_browser",
        }
    }

    /// Its number in stores, which is never reused.
    pub fn code(self) -> u8 {
        match self {
            Self::Totp => 1,
            Self::RecoveryCodes => 2,
            Self::Passkey => 3,
            Self::TrustedBrowser => 4,
        }
    }

    /// The kind with this number, if this version knows it. A store that finds an unknown one returns
    /// [`Newer`](crate::session::StoreErrorKind::Newer): a user with a factor must not pass for a user without
    /// factors.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// What it proves, if anything.
    pub fn factor(self) -> Option<Factor> {
        match self {
            Self::Totp => Some(Factor::Totp),
            Self::RecoveryCodes => Some(Factor::RecoveryCode),
            Self::Passkey => Some(Factor::Passkey),
            Self::TrustedBrowser => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_lead_back() {
        for kind in FactorKind::ALL {
            assert_eq!(FactorKind::from_code(kind.code()), Some(kind));
        }
        assert_eq!((0..=u8::MAX).filter_map(FactorKind::from_code).count(), FactorKind::ALL.len());
    }
}
