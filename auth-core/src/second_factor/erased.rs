//! [`Factors`] whose store's type is forgotten.

use std::future::Future;
use std::pin::Pin;

use crate::Secret;
use crate::factors::{
    CreatedRecoveryCodes, FactorError, FactorId, FactorOwner, FactorStore, Factors, StoredFactor,
    TotpEnrolment, Verdict,
};

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, FactorError>> + Send + 'a>>;

/// The dyn twin of [`Factors`].
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
}
