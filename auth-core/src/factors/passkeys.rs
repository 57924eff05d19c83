//! Passkeys as factors: their stored state, for the crate that verifies them (`auth-passkeys`).

use std::fmt;

use zeroize::Zeroizing;

use super::{
    FactorError, FactorErrorKind, FactorId, FactorKind, FactorLookup, FactorOwner, FactorStore, Factors,
    StoredFactor, record, seal,
};
use crate::keyed;
use crate::unheard::log_warning;

/// Not a secret: it separates these hashes from all others. Never change it, or no passkey is found any more.
const CONTEXT: &[u8; 32] = b"auth-core: credential ids, 2026.";

/// A stored passkey, with its opened secret. Only `auth-passkeys`, or another verifier, uses it.
pub struct OpenedPasskey {
    factor: StoredFactor,
    secret: Zeroizing<Vec<u8>>,
    is_current: bool,
}

impl OpenedPasskey {
    /// Its id.
    pub fn id(&self) -> FactorId {
        self.factor.id
    }

    /// Its owner.
    pub fn owner(&self) -> &FactorOwner {
        &self.factor.owner
    }

    /// The sealed data: its public key, and what else a verifier stores.
    pub fn secret(&self) -> &[u8] {
        &self.secret
    }

    /// Whether it was sealed with the current key. If not, [replace](Factors::replace_passkey) it by itself.
    pub fn is_current(&self) -> bool {
        self.is_current
    }
}

impl fmt::Debug for OpenedPasskey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenedPasskey").field("factor", &self.factor).finish_non_exhaustive()
    }
}

/// Passkeys, for a verifier of their signatures: applications call `auth-passkeys`. This crate stores them, sealed
/// for their owners, and finds them. Registering a passkey proves possession, so passkeys are confirmed from the
/// start.
impl<S: FactorStore> Factors<S> {
    /// The site's name, as apps and devices show it.
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
    /// assert_eq!(factors.issuer(), "Shop");
    /// # Ok(())
    /// # }
    /// ```
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Adds a passkey with the credential id that its device gave it.
    ///
    /// # Errors
    /// [`FactorError`] of kind [`Exists`](FactorErrorKind::Exists) if any user has a passkey with this credential id,
    /// checked in one step with adding it; [`TooMany`](FactorErrorKind::TooMany),
    /// [`InvalidName`](FactorErrorKind::InvalidName) or [`Unavailable`](FactorErrorKind::Unavailable).
    pub async fn add_passkey(
        &self,
        owner: &FactorOwner,
        name: &str,
        credential: &[u8],
        secret: &[u8],
    ) -> Result<FactorId, FactorError> {
        let (now, id) = (self.clock.now(), FactorId::draw(&*self.random)?);
        let factor = StoredFactor {
            id,
            owner: owner.clone(),
            kind: FactorKind::Passkey,
            name: record::name(name)?,
            created: now,
            confirmed: Some(now),
            last_used: None,
            last_step: None,
            secret: seal::seal(secret, owner, id, &self.keys, &*self.random)?,
            codes: Vec::new(),
            lookup: Some(lookup(credential)),
        };
        let is_added = self.add_one(&factor).await?;
        is_added.then_some(id).ok_or_else(|| FactorErrorKind::TooMany.into())
    }

    /// The owner's passkeys, oldest first, without those that cannot be opened.
    ///
    /// # Errors
    /// [`FactorError`] of kind [`Unavailable`](FactorErrorKind::Unavailable), or [`Unreadable`](FactorErrorKind::Unreadable) if there
    /// are some and none of them can be opened.
    pub async fn passkeys(&self, owner: &FactorOwner) -> Result<Vec<OpenedPasskey>, FactorError> {
        let mut all = self.store.of_owner(owner).await?;
        all.retain(|factor| factor.kind == FactorKind::Passkey && factor.is_confirmed());
        let has_some = !all.is_empty();
        let opened: Vec<_> = all.into_iter().filter_map(|factor| self.open_passkey(factor).ok()).collect();
        if has_some && opened.is_empty() {
            return Err(FactorErrorKind::Unreadable.into());
        }
        Ok(opened)
    }

    /// The passkey with this credential id, of any owner.
    ///
    /// # Errors
    /// [`FactorError`] of kind [`Unavailable`](FactorErrorKind::Unavailable), or [`Unreadable`](FactorErrorKind::Unreadable) if it
    /// cannot be opened.
    pub async fn passkey(&self, credential: &[u8]) -> Result<Option<OpenedPasskey>, FactorError> {
        let found = self.store.by_lookup(&lookup(credential)).await?;
        let found = found.filter(|factor| factor.kind == FactorKind::Passkey && factor.is_confirmed());
        found.map(|factor| self.open_passkey(factor)).transpose()
    }

    /// Replaces the sealed data of a passkey, sealed with the current key; `false` if it was changed or removed since
    /// it was read.
    ///
    /// # Errors
    /// [`FactorError`] of kind [`Unavailable`](FactorErrorKind::Unavailable).
    pub async fn replace_passkey(&self, passkey: &OpenedPasskey, secret: &[u8]) -> Result<bool, FactorError> {
        let StoredFactor { id, owner, secret: old, .. } = &passkey.factor;
        let sealed = seal::seal(secret, owner, *id, &self.keys, &*self.random)?;
        Ok(self.store.replace_secret(owner, *id, old, &sealed).await?)
    }

    /// Records that a passkey was used; `false` if it was removed since it was read.
    ///
    /// # Errors
    /// As [`replace_passkey`](Self::replace_passkey).
    pub async fn note_passkey_use(&self, passkey: &OpenedPasskey) -> Result<bool, FactorError> {
        let StoredFactor { id, owner, .. } = &passkey.factor;
        Ok(self.store.note_use(owner, *id, self.clock.now()).await?)
    }

    fn open_passkey(&self, factor: StoredFactor) -> Result<OpenedPasskey, FactorError> {
        let opened = seal::open(&factor.secret, &factor.owner, factor.id, &self.keys);
        let Some((secret, is_current)) = opened else {
            log_warning(&format_args!(
                "the passkey {} cannot be opened with the keys of this site",
                factor.id
            ));
            return Err(FactorErrorKind::Unreadable.into());
        };
        Ok(OpenedPasskey { factor, secret, is_current })
    }
}

/// A hash: credential ids have any length, and databases compare arbitrary bytes in different ways.
fn lookup(credential: &[u8]) -> FactorLookup {
    keyed::hash(CONTEXT, [credential])
}

#[cfg(test)]
mod tests {
    use super::super::MemoryFactors;
    use super::*;
    use crate::session::KeyRing;
    use crate::{BackendName, UserId};

    const OLD: &[u8] = b"the secret that was used before..";
    const NEW: &[u8] = b"the secret that is used from today";

    fn owner(user: i64) -> FactorOwner {
        FactorOwner { backend: BackendName::new("local").unwrap(), user: UserId::from(user) }
    }

    fn factors() -> Factors<MemoryFactors> {
        Factors::new("Shop", MemoryFactors::new(10), &KeyRing::new(OLD).unwrap()).unwrap()
    }

    #[tokio::test]
    async fn a_credential_is_one_persons() {
        let factors = factors().max_per_owner(2);
        let id = factors.add_passkey(&owner(1), "phone", b"credential", b"canary").await.unwrap();
        for other in [owner(1), owner(2)] {
            let again = factors.add_passkey(&other, "phone", b"credential", b"other").await;
            assert_eq!(again.unwrap_err().kind(), FactorErrorKind::Exists, "{other:?}");
        }
        let found = factors.passkey(b"credential").await.unwrap().unwrap();
        assert_eq!((found.id(), found.owner(), found.secret()), (id, &owner(1), &b"canary"[..]));
        assert!(found.is_current() && !format!("{found:?}").contains("canary"));
        assert!(factors.passkey(b"another").await.unwrap().is_none());
        assert!(factors.passkeys(&owner(2)).await.unwrap().is_empty());
        factors.add_passkey(&owner(1), "key", b"another", b"").await.unwrap();
        let third = factors.add_passkey(&owner(1), "key", b"third", b"").await.unwrap_err();
        assert_eq!(third.kind(), FactorErrorKind::TooMany);
        let blank = factors.add_passkey(&owner(2), " ", b"third", b"").await.unwrap_err();
        assert_eq!(blank.kind(), FactorErrorKind::InvalidName);
        assert!(factors.remove(&owner(1), id).await.unwrap());
        assert!(factors.passkey(b"credential").await.unwrap().is_none());
        factors.add_passkey(&owner(2), "phone", b"credential", b"hers now").await.unwrap();
    }

    #[tokio::test]
    async fn it_is_replaced_as_it_was_read() {
        let factors = factors();
        let id = factors.add_passkey(&owner(1), "phone", b"credential", b"one").await.unwrap();
        let read = async || factors.passkey(b"credential").await.unwrap().unwrap();
        let (first, second) = (read().await, read().await);
        assert!(factors.replace_passkey(&first, b"two").await.unwrap());
        assert!(!factors.replace_passkey(&second, b"three").await.unwrap());
        assert_eq!(read().await.secret(), b"two");
        assert!(factors.note_passkey_use(&first).await.unwrap());
        assert!(factors.list(&owner(1)).await.unwrap()[0].last_used.is_some());
        factors.remove(&owner(1), id).await.unwrap();
        assert!(!factors.note_passkey_use(&first).await.unwrap());
        assert!(!factors.replace_passkey(&first, b"four").await.unwrap());
    }

    #[tokio::test]
    async fn an_old_key_opens_and_is_told() {
        let store = std::sync::Arc::new(MemoryFactors::new(10));
        let with = |keys: &KeyRing| Factors::new("Shop", std::sync::Arc::clone(&store), keys).unwrap();
        let old = with(&KeyRing::new(OLD).unwrap());
        let both = with(&KeyRing::new(NEW).unwrap().with_fallback(OLD).unwrap());
        let new = with(&KeyRing::new(NEW).unwrap());
        old.add_passkey(&owner(1), "phone", b"credential", b"one").await.unwrap();
        assert_eq!(new.passkey(b"credential").await.unwrap_err().kind(), FactorErrorKind::Unreadable);
        assert_eq!(new.passkeys(&owner(1)).await.unwrap_err().kind(), FactorErrorKind::Unreadable);
        let found = both.passkey(b"credential").await.unwrap().unwrap();
        assert!(!found.is_current());
        new.add_passkey(&owner(1), "key", b"another", b"two").await.unwrap();
        let left = new.passkeys(&owner(1)).await.unwrap();
        assert_eq!(left.iter().map(OpenedPasskey::secret).collect::<Vec<_>>(), [b"two"], "one is left");
        assert!(both.replace_passkey(&found, found.secret()).await.unwrap());
        assert!(new.passkey(b"credential").await.unwrap().unwrap().is_current());
    }

    /// Whoever registered before an update is found after it.
    #[test]
    fn lookups_stay_as_they_are() {
        let hash = blake3::keyed_hash(b"auth-core: credential ids, 2026.", b"credential");
        assert_eq!(lookup(b"credential"), *hash.as_bytes());
    }
}
