//! A backend that knows one user, or none.

use std::sync::{Arc, OnceLock};

use auth_core::backend::{Accepted, Attempt, Backend, BackendError, DeclineReason, Outcome, UserSource};
use auth_core::grant::Grant;
use auth_core::{BearerToken, Password, User, UserId};

/// A backend that finds one user again, and accepts no password: there is none.
pub(super) struct OneUser<U> {
    user: Option<U>,
    token: Option<Token>,
}

/// A token of the test, and what it is worth: that is known when the clock is.
#[derive(Clone)]
pub(super) struct Token {
    pub(super) text: String,
    pub(super) grant: Arc<OnceLock<Grant>>,
}

impl<U> OneUser<U> {
    pub(super) fn none() -> Self {
        Self { user: None, token: None }
    }

    pub(super) fn new(user: U) -> Self {
        Self { user: Some(user), token: None }
    }

    /// A user whose programs present this token.
    pub(super) fn by_token(user: U, token: Token) -> Self {
        Self { user: Some(user), token: Some(token) }
    }

    /// The user and the grant of a token, if the text is one.
    fn bearer(&self, text: &str) -> Option<(&U, Grant)> {
        let token = self.token.as_ref().filter(|token| token.text == text)?;
        Some((self.user.as_ref()?, token.grant.get()?.clone()))
    }
}

impl<U: User + Clone> UserSource for OneUser<U> {
    type User = U;

    async fn get_user(&self, id: &UserId) -> Result<Option<U>, BackendError> {
        Ok(self.user.as_ref().filter(|user| user.id() == *id).cloned())
    }
}

impl<U: User + Clone> Backend<Password> for OneUser<U> {
    async fn authenticate(&self, _: &Attempt<'_, Password>) -> Result<Outcome<Accepted<U>>, BackendError> {
        Ok(Outcome::Decline(DeclineReason::UnknownUser))
    }
}

impl<U: User + Clone> Backend<BearerToken> for OneUser<U> {
    async fn authenticate(
        &self,
        attempt: &Attempt<'_, BearerToken>,
    ) -> Result<Outcome<Accepted<U>>, BackendError> {
        Ok(match self.bearer(attempt.credentials().token().expose()) {
            Some((user, grant)) => Outcome::Accept(Accepted::new(user.clone(), grant)),
            None => Outcome::Decline(DeclineReason::UnknownUser),
        })
    }
}
