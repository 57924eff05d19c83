//! Asking about a user again: from the user back to the outside system.

use super::{ProvisionStore, ProvisionedUsers, Reports};
use crate::UserId;
use crate::backend::{
    BackendError, Confirm, ConfirmUser, DeclineReason, Health, Outcome, Provisioned, Standing,
    UserSource as _,
};

/// A user without an identity (any more) cannot be confirmed, and does not stay: a link that was removed must not
/// last longer than one that the outside system refuses.
impl<V: Confirm, S: ProvisionStore> ConfirmUser for Provisioned<V, ProvisionedUsers<S>> {
    async fn confirm_user(&self, id: &UserId, reports: &Reports) -> Result<Outcome<()>, BackendError> {
        let Some((issuer, subject)) = self.users.store.identity_of(id).await? else {
            return Ok(Outcome::Decline(DeclineReason::UnknownUser));
        };
        match self.verifier.confirm(&issuer, &subject).await? {
            Standing::Gone => Ok(Outcome::Decline(DeclineReason::UnknownUser)),
            Standing::Refused(reason) => Ok(Outcome::Deny(reason)),
            Standing::Good(identity) if identity.issuer() != issuer || identity.subject() != subject => {
                Err(BackendError::undecided("the outside system answered about another user"))
            }
            Standing::Good(identity) => Ok(self.users.sync(&identity, Some(id), reports).await?.map(drop)),
        }
    }

    async fn health(&self) -> Health {
        self.verifier.health().await.and(self.users.health().await)
    }
}
