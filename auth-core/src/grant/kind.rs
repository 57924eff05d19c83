//! Kinds of factors that users enrol.

use super::Factor;

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
    /// A browser in which the second factor is not asked for again for a while: it stands in for one, and is none.
    TrustedBrowser,
}

impl FactorKind {
    /// Those that prove something, in the order in which a page may offer them.
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

    /// Its number in stores. None is ever given to another one.
    pub fn code(self) -> u8 {
        match self {
            Self::Totp => 1,
            Self::RecoveryCodes => 2,
            Self::Passkey => 3,
            Self::TrustedBrowser => 4,
        }
    }

    /// The kind with this number, if it is known here. A store that finds another answers
    /// [`Newer`](crate::session::StoreErrorKind::Newer): whoever has a factor must not be taken for somebody who has none.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// What a proof by it is, if it is one.
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
