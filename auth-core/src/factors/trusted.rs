//! Browsers that skip the second factor: rows beside the factors, which are removed with any of them.

use std::time::Duration;

use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::{
    FactorError, FactorId, FactorKind, FactorLookup, FactorOwner, FactorStore, Factors, StoredFactor, record,
};
use crate::keyed;
use crate::time::Timestamp;

/// Not a secret: it separates these hashes from all others. Never change it, or no browser is trusted any more.
const CONTEXT: &[u8; 32] = b"auth-core: trusted browsers 2026";
/// How many trusted browsers a user has at most: beyond that, the oldest is removed.
const MAX_TRUSTED: usize = 10;

/// The token that a trusted browser stores for a user.
pub(crate) type TrustToken = Zeroizing<[u8; 32]>;

impl<S: FactorStore> Factors<S> {
    /// Trusts a browser as long as its owner's stamp and factors stay the same. The token is for the browser only.
    pub(crate) async fn trust(
        &self,
        owner: &FactorOwner,
        name: &str,
        stamp: &[u8],
    ) -> Result<TrustToken, FactorError> {
        let mut trusted = self.trusted_browsers(owner).await?;
        let over = trusted.len().saturating_sub(MAX_TRUSTED - 1);
        for oldest in trusted.drain(..over) {
            self.store.remove(owner, oldest.id).await?;
        }
        let (now, id) = (self.clock.now(), FactorId::draw(&*self.random)?);
        let mut token = TrustToken::default();
        self.random.fill(&mut *token)?;
        let browser = StoredFactor {
            id,
            owner: owner.clone(),
            kind: FactorKind::TrustedBrowser,
            name: record::name(name)?,
            created: now,
            confirmed: Some(now),
            last_used: None,
            last_step: None,
            secret: stamp_hash(id, stamp).into(),
            codes: Vec::new(),
            lookup: Some(lookup(&token, owner)),
        };
        // They have a separate limit.
        self.store.add(&browser, usize::MAX).await?;
        Ok(token)
    }

    /// The browsers that an owner trusts, oldest first, including those whose trust has ended.
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
    /// assert!(factors.trusted_browsers(&alice).await?.is_empty());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`FactorError`] of kind [`Unavailable`](super::FactorErrorKind::Unavailable).
    pub async fn trusted_browsers(&self, owner: &FactorOwner) -> Result<Vec<StoredFactor>, FactorError> {
        let mut all = self.store.of_owner(owner).await?;
        all.retain(|factor| factor.kind == FactorKind::TrustedBrowser);
        Ok(all)
    }

    /// Ends the trust in all of this owner's browsers.
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
    /// factors.distrust_browsers(&alice).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`trusted_browsers`](Self::trusted_browsers).
    pub async fn distrust_browsers(&self, owner: &FactorOwner) -> Result<(), FactorError> {
        for browser in self.trusted_browsers(owner).await? {
            self.store.remove(owner, browser.id).await?;
        }
        Ok(())
    }

    /// Adds a factor if its owner may have another one: trusted browsers do not count.
    pub(super) async fn add_one(&self, factor: &StoredFactor) -> Result<bool, FactorError> {
        if self.store.add(factor, self.max_per_owner).await? {
            return Ok(true);
        }
        // A new factor ends their trust in any case.
        self.distrust_browsers(&factor.owner).await?;
        Ok(self.store.add(factor, self.max_per_owner).await?)
    }
}

/// Whether a browser with these tokens is trusted by the owner of these factors, who has this stamp.
pub(crate) fn is_trusted(
    factors: &[StoredFactor],
    tokens: &[TrustToken],
    stamp: &[u8],
    lifetime: Duration,
    now: Timestamp,
) -> bool {
    let is_it = |browser: &StoredFactor| {
        browser.kind == FactorKind::TrustedBrowser
            && now < browser.created.plus(lifetime)
            && bool::from(browser.secret[..].ct_eq(&stamp_hash(browser.id, stamp)))
            && tokens.iter().any(|token| browser.lookup == Some(lookup(token, &browser.owner)))
    };
    factors.iter().any(is_it)
}

/// Finds a token again, and only for its owner: several users of a browser have separate tokens. Hashes of random
/// values may be compared in variable time.
fn lookup(token: &TrustToken, owner: &FactorOwner) -> FactorLookup {
    let backend = owner.backend.as_str();
    let len = (backend.len() as u64).to_le_bytes();
    keyed::hash(CONTEXT, [&token[..], &len, backend.as_bytes(), owner.user.as_str().as_bytes()])
}

/// Distinguishes stamps without revealing them.
fn stamp_hash(id: FactorId, stamp: &[u8]) -> [u8; 32] {
    let key = keyed::derive("auth-core 2026 stamps of trusted browsers v1", &id.number().to_le_bytes());
    keyed::hash(&key, [stamp])
}

#[cfg(test)]
mod tests {
    use super::super::MemoryFactors;
    use super::*;
    use std::sync::Arc;

    use crate::session::KeyRing;
    use crate::time::ManualClock;
    use crate::{BackendName, UserId};

    const DAYS: Duration = Duration::from_secs(30 * 24 * 60 * 60);

    fn owner(user: i64) -> FactorOwner {
        FactorOwner { backend: BackendName::new("local").unwrap(), user: UserId::from(user) }
    }

    fn factors() -> (Factors<MemoryFactors>, Arc<ManualClock>) {
        let keys = KeyRing::generate().unwrap();
        let clock = Arc::new(ManualClock::at(Timestamp::from_secs(1_800_000_000)));
        let factors = Factors::new("Shop", MemoryFactors::new(100), &keys).unwrap();
        (factors.max_per_owner(2).clock(Arc::clone(&clock)), clock)
    }

    #[tokio::test]
    async fn a_browser_is_trusted_by_one_user_for_a_while() {
        let (factors, _) = factors();
        let token = factors.trust(&owner(1), "Firefox", b"stamp").await.unwrap();
        let of = async |user| factors.store().of_owner(&owner(user)).await.unwrap();
        let now = Timestamp::from_secs(1_800_000_000);
        let tokens = [TrustToken::default(), token];
        let (own, others) = (of(1).await, of(2).await);
        assert!(is_trusted(&own, &tokens, b"stamp", DAYS, now));
        let table = [
            ("another user", is_trusted(&others, &tokens, b"stamp", DAYS, now)),
            ("a changed password", is_trusted(&own, &tokens, b"other", DAYS, now)),
            ("another browser", is_trusted(&own, &tokens[..1], b"stamp", DAYS, now)),
            ("later", is_trusted(&own, &tokens, b"stamp", DAYS, now.plus(DAYS))),
        ];
        for (name, trusted) in table {
            assert!(!trusted, "{name}");
        }
        let copied: Vec<_> = own.into_iter().map(|row| StoredFactor { owner: owner(2), ..row }).collect();
        assert!(!is_trusted(&copied, &tokens, b"stamp", DAYS, now), "a row that is copied to another user");
        factors.distrust_browsers(&owner(1)).await.unwrap();
        assert!(of(1).await.is_empty());
    }

    #[tokio::test]
    async fn they_take_no_place_of_a_factor() {
        let (factors, clock) = factors();
        for n in 0..15 {
            clock.advance(Duration::from_secs(1));
            factors.trust(&owner(1), &format!("browser {n}"), b"stamp").await.unwrap();
        }
        let trusted = factors.trusted_browsers(&owner(1)).await.unwrap();
        assert_eq!((trusted.len(), &*trusted[0].name), (10, "browser 5"));
        assert!(factors.list(&owner(1)).await.unwrap().is_empty(), "they are no factors");
        factors.enrol_totp(&owner(1), "alice", "phone").await.unwrap();
        factors.enrol_totp(&owner(1), "alice", "other").await.unwrap();
        assert!(factors.enrol_totp(&owner(1), "alice", "third").await.is_err());
    }
}
