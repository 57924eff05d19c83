//! [`Factors`] with any type of store.

use std::future::Future;
use std::pin::Pin;

use crate::Secret;
use crate::factors::{
    CreatedRecoveryCodes, FactorError, FactorErrorKind, FactorId, FactorOwner, FactorStore, Factors,
    StoredFactor, TotpEnrolment, TrustToken, Verdict,
};

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, FactorError>> + Send + 'a>>;

/// The dyn-compatible twin of [`Factors`].
pub(crate) trait DynFactors: Send + Sync {
    fn list<'a>(&'a self, owner: &'a FactorOwner) -> BoxFuture<'a, Vec<StoredFactor>>;
    fn verify<'a>(&'a self, owner: &'a FactorOwner, code: &'a Secret) -> BoxFuture<'a, Verdict>;
    fn enrol_totp<'a>(
        &'a self,
        owner: &'a FactorOwner,
        account: &'a str,
        name: &'a str,
    ) -> BoxFuture<'a, TotpEnrolment>;
    fn confirm<'a>(
        &'a self,
        owner: &'a FactorOwner,
        id: FactorId,
        code: &'a Secret,
    ) -> BoxFuture<'a, Verdict>;
    fn make_recovery_codes<'a>(&'a self, owner: &'a FactorOwner) -> BoxFuture<'a, CreatedRecoveryCodes>;
    fn rename<'a>(&'a self, owner: &'a FactorOwner, id: FactorId, name: &'a str) -> BoxFuture<'a, bool>;
    fn remove<'a>(&'a self, owner: &'a FactorOwner, id: FactorId) -> BoxFuture<'a, bool>;
    /// Factors and trusted browsers.
    fn all<'a>(&'a self, owner: &'a FactorOwner) -> BoxFuture<'a, Vec<StoredFactor>>;
    fn trust<'a>(
        &'a self,
        owner: &'a FactorOwner,
        name: &'a str,
        stamp: &'a [u8],
    ) -> BoxFuture<'a, TrustToken>;
    fn trusted_browsers<'a>(&'a self, owner: &'a FactorOwner) -> BoxFuture<'a, Vec<StoredFactor>>;
    fn distrust_browsers<'a>(&'a self, owner: &'a FactorOwner) -> BoxFuture<'a, ()>;
}

impl<S: FactorStore> DynFactors for Factors<S> {
    fn list<'a>(&'a self, owner: &'a FactorOwner) -> BoxFuture<'a, Vec<StoredFactor>> {
        Box::pin(Self::list(self, owner))
    }

    fn verify<'a>(&'a self, owner: &'a FactorOwner, code: &'a Secret) -> BoxFuture<'a, Verdict> {
        Box::pin(Self::verify(self, owner, code))
    }

    fn enrol_totp<'a>(
        &'a self,
        owner: &'a FactorOwner,
        account: &'a str,
        name: &'a str,
    ) -> BoxFuture<'a, TotpEnrolment> {
        Box::pin(Self::enrol_totp(self, owner, account, name))
    }

    fn confirm<'a>(
        &'a self,
        owner: &'a FactorOwner,
        id: FactorId,
        code: &'a Secret,
    ) -> BoxFuture<'a, Verdict> {
        Box::pin(Self::confirm(self, owner, id, code))
    }

    fn make_recovery_codes<'a>(&'a self, owner: &'a FactorOwner) -> BoxFuture<'a, CreatedRecoveryCodes> {
        Box::pin(Self::make_recovery_codes(self, owner))
    }

    fn rename<'a>(&'a self, owner: &'a FactorOwner, id: FactorId, name: &'a str) -> BoxFuture<'a, bool> {
        Box::pin(Self::rename(self, owner, id, name))
    }

    fn remove<'a>(&'a self, owner: &'a FactorOwner, id: FactorId) -> BoxFuture<'a, bool> {
        Box::pin(Self::remove(self, owner, id))
    }

    fn all<'a>(&'a self, owner: &'a FactorOwner) -> BoxFuture<'a, Vec<StoredFactor>> {
        Box::pin(async move { Ok(self.store().of_owner(owner).await?) })
    }

    fn trust<'a>(
        &'a self,
        owner: &'a FactorOwner,
        name: &'a str,
        stamp: &'a [u8],
    ) -> BoxFuture<'a, TrustToken> {
        Box::pin(async move {
            match Self::trust(self, owner, name, stamp).await {
                Err(error) if error.kind() == FactorErrorKind::InvalidName => {
                    Self::trust(self, owner, "browser", stamp).await
                }
                trusted => trusted,
            }
        })
    }

    fn trusted_browsers<'a>(&'a self, owner: &'a FactorOwner) -> BoxFuture<'a, Vec<StoredFactor>> {
        Box::pin(Self::trusted_browsers(self, owner))
    }

    fn distrust_browsers<'a>(&'a self, owner: &'a FactorOwner) -> BoxFuture<'a, ()> {
        Box::pin(Self::distrust_browsers(self, owner))
    }
}
