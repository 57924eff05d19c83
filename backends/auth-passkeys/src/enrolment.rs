//! A signed-in user gets a passkey, and their sessions learn of it.

use auth_core::User;
use auth_core::factors::{FactorKind, FactorStore};
use auth_core::http::{Login, OwnFactors};
use auth_core::once::OnceStore;
use auth_core::session::{SessionError, SessionErrorKind, StoreError};

use crate::error::{PasskeyError, PasskeyErrorKind};
use crate::passkeys::{Begun, Passkeys};

impl<S: FactorStore, O: OnceStore, U: User> Passkeys<S, O, U> {
    /// Asks the calling user's browser for a new passkey, by [`Session::factors`](auth_core::Session::factors). As
    /// [`begin_registration`](Self::begin_registration), whose names these are.
    ///
    /// # Errors
    /// [`SessionError`] of kind [`NotFresh`](SessionErrorKind::NotFresh) if the user proved who they are too long ago; otherwise as
    /// [`begin_registration`](Self::begin_registration).
    pub async fn begin_enrolment<'a, L: AsRef<[u8]> + ?Sized + 'a>(
        &self,
        cookies: impl IntoIterator<Item = &'a L>,
        own: &OwnFactors<'_, U>,
        user_name: &str,
        display_name: &str,
    ) -> Result<Begun, SessionError> {
        let owner = own.fresh_owner()?;
        Ok(self.begin_registration(cookies, &owner, user_name, display_name).await?)
    }

    /// Keeps the passkey that the browser made, tells all sessions of the user and the observer of it, and adds the proof that it is to
    /// this session, under a new id.
    ///
    /// # Errors
    /// [`SessionError`] of kind
    /// * [`AlreadyEnrolled`](SessionErrorKind::AlreadyEnrolled) if it is there. Tell the user that they can sign in with it, not that
    ///   something went wrong;
    /// * [`WrongCode`](SessionErrorKind::WrongCode) if it is no answer to what this user's browser was asked: begin again;
    /// * [`NotFresh`](SessionErrorKind::NotFresh), [`InvalidName`](SessionErrorKind::InvalidName),
    ///   [`TooManyFactors`](SessionErrorKind::TooManyFactors) or [`Unavailable`](SessionErrorKind::Unavailable).
    pub async fn finish_enrolment<'a, L: AsRef<[u8]> + ?Sized + 'a>(
        &self,
        cookies: impl IntoIterator<Item = &'a L>,
        own: &OwnFactors<'_, U>,
        name: &str,
        response: &str,
    ) -> Result<Login<U>, SessionError> {
        let owner = own.fresh_owner()?;
        let registered = self.finish_registration(cookies, &owner, name, response).await?;
        own.enrolled(FactorKind::Passkey, &registered.proofs).await
    }
}

/// For handlers that pass errors on.
impl From<PasskeyError> for SessionError {
    fn from(error: PasskeyError) -> Self {
        match error.kind() {
            PasskeyErrorKind::AlreadyRegistered => SessionErrorKind::AlreadyEnrolled.into(),
            PasskeyErrorKind::NoChallenge | PasskeyErrorKind::Refused => SessionErrorKind::WrongCode.into(),
            PasskeyErrorKind::NoPasskey => SessionErrorKind::NoSuchFactor.into(),
            PasskeyErrorKind::InvalidName => SessionErrorKind::InvalidName.into(),
            PasskeyErrorKind::TooMany => SessionErrorKind::TooManyFactors.into(),
            PasskeyErrorKind::UnknownOwner => SessionErrorKind::NoSuchOwner.into(),
            PasskeyErrorKind::Unreadable | PasskeyErrorKind::Unavailable => {
                StoreError::unavailable(error).into()
            }
        }
    }
}
