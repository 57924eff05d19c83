//! The cookie of a browser that a user trusts.

use std::time::Duration;

use super::RequestView;
use super::sealed::{SealedCookies, those_of};
use crate::factors::TrustToken;
use crate::random::Random;
use crate::session::{KeyRing, Purpose};
use crate::time::Timestamp;

/// Sealed cookies with a token in them, one for each user of a browser.
pub(crate) struct TrustedCookies {
    sealed: SealedCookies,
    lifetime: Duration,
}

impl TrustedCookies {
    pub(crate) fn new(ring: &KeyRing, secure: bool, lifetime: Duration) -> Self {
        let sealed = SealedCookies::new(ring, &Purpose::of_core("trusted"));
        Self { sealed: if secure { sealed } else { sealed.insecure_cookies() }, lifetime }
    }

    /// Those of a request, unopened: few requests need them.
    pub(crate) fn of(&self, view: &dyn RequestView) -> Option<Box<[u8]>> {
        those_of(view, self.sealed.prefix())
    }

    /// The tokens in these cookies.
    pub(crate) fn tokens(&self, cookies: &[u8], now: Timestamp) -> Vec<TrustToken> {
        let opened = self.sealed.open([cookies], now);
        let token = |payload: &[u8]| <[u8; 32]>::try_from(payload).ok().map(TrustToken::new);
        opened.iter().filter_map(|cookie| token(cookie.payload())).collect()
    }

    /// The `Set-Cookie` values for a browser with these cookies that is trusted from here on.
    pub(crate) fn note(
        &self,
        token: &TrustToken,
        cookies: &[u8],
        now: Timestamp,
        random: &dyn Random,
    ) -> Option<Vec<String>> {
        let set = self.sealed.seal([cookies], &**token, self.lifetime, now, random);
        Some(set.ok()?.into_iter().collect())
    }
}
