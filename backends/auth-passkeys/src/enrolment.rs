//! Enrolling a passkey for the signed-in user, whose sessions learn of it.

use auth_core::User;
use auth_core::factors::{FactorKind, FactorStore};
use auth_core::http::{Login, OwnFactors};
use auth_core::once::OnceStore;
use auth_core::session::{SessionError, SessionErrorKind, StoreError};

use crate::error::{PasskeyError, PasskeyErrorKind};
use crate::passkeys::{Begun, Passkeys};

impl<S: FactorStore, O: OnceStore, U: User> Passkeys<S, O, U> {
    /// Asks the calling user's browser for a new passkey, by [`Session::factors`](auth_core::Session::factors). The
    /// names are those of [`begin_registration`](Self::begin_registration).
    ///
    /// ```
    /// # use auth_core::factors::{FactorOwner, MemoryFactors};
    /// # use auth_core::http::Login;
    /// # use auth_core::once::MemoryOnce;
    /// # use auth_core::{Session, User, UserId};
    /// # use auth_passkeys::{Begun, Passkeys, PasskeyError};
    /// # #[derive(Clone)]
    /// # struct Account;
    /// # impl User for Account {
    /// #     fn id(&self) -> UserId { UserId::from(1) }
    /// #     fn security_stamp(&self) -> &[u8] { b"" }
    /// #     fn is_active(&self) -> bool { true }
    /// # }
    /// # type SitePasskeys = Passkeys<MemoryFactors, MemoryOnce, Account>;
    /// # type Error = Box<dyn std::error::Error>;
    /// async fn options(session: &Session<Account>, passkeys: &SitePasskeys, cookies: &[&[u8]]) -> Result<Begun, Error> {
    ///     let own = session.factors().await?;
    ///     Ok(passkeys.begin_enrolment(cookies.iter().copied(), &own, "alice@example.com", "Alice").await?)
    /// }
    /// ```
    ///
    /// # Errors
    /// [`SessionError`] of kind [`NotFresh`](SessionErrorKind::NotFresh) if the user authenticated too long ago;
    /// otherwise as for [`begin_registration`](Self::begin_registration).
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

    /// Stores the passkey that the browser created, informs all sessions of the user and the observer, and adds the
    /// proof to this session, which gets a new id.
    ///
    /// ```
    /// # use auth_core::factors::{FactorOwner, MemoryFactors};
    /// # use auth_core::http::Login;
    /// # use auth_core::once::MemoryOnce;
    /// # use auth_core::{Session, User, UserId};
    /// # use auth_passkeys::{Begun, Passkeys, PasskeyError};
    /// # #[derive(Clone)]
    /// # struct Account;
    /// # impl User for Account {
    /// #     fn id(&self) -> UserId { UserId::from(1) }
    /// #     fn security_stamp(&self) -> &[u8] { b"" }
    /// #     fn is_active(&self) -> bool { true }
    /// # }
    /// # type SitePasskeys = Passkeys<MemoryFactors, MemoryOnce, Account>;
    /// # type Error = Box<dyn std::error::Error>;
    /// # use auth_core::session::SessionErrorKind;
    /// async fn enrol(session: &Session<Account>, passkeys: &SitePasskeys, cookies: &[&[u8]], response: &str) -> Result<&'static str, Error> {
    ///     let own = session.factors().await?;
    ///     match passkeys.finish_enrolment(cookies.iter().copied(), &own, "My phone", response).await {
    ///         Ok(_) => Ok("You can sign in with it from now on."),
    ///         Err(error) if error.kind() == SessionErrorKind::AlreadyEnrolled => Ok("You can sign in with it already."),
    ///         Err(error) => Err(error.into()),
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    /// [`SessionError`] of kind
    /// * [`AlreadyEnrolled`](SessionErrorKind::AlreadyEnrolled) if it is registered. Tell the user that they can sign
    ///   in with it, not that something went wrong;
    /// * [`WrongCode`](SessionErrorKind::WrongCode) if it does not answer the challenge of this user's browser: begin
    ///   again;
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

/// For handlers that return errors.
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
