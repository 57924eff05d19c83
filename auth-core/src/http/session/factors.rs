//! [`OwnFactors`]: how users manage their own second factors.

use std::sync::Arc;

use super::Session;
use crate::event::{EventKind, FactorChange};
use crate::factors::{
    CreatedRecoveryCodes, FactorError, FactorId, FactorKind, FactorOwner, StoredFactor, TotpEnrolment,
    Verdict,
};
use crate::grant::Proof;
use crate::http::login::Login;
use crate::second_factor::{DynFactors, Need, SecondFactor};
use crate::session::{Live, SessionError, SessionErrorKind};
use crate::{Secret, User};

/// The second factors of the calling user: see [`Session::factors`].
///
/// Each change needs a [fresh](SecondFactor::fresh_within) proof, and emits an
/// [event](crate::event::EventKind::FactorChanged), about which the application can notify the user. Changes are written
/// into all sessions of the user, so that no request has to ask the factor store.
pub struct OwnFactors<'a, U> {
    session: &'a Session<U>,
    second: &'a SecondFactor<U>,
    live: Live,
    user: Arc<U>,
}

impl<U: User> Session<U> {
    /// The second factors of the calling user, or of a user whose pending login lacks nothing but an
    /// [enrolment](Need::Enrolment).
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/site.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let session = Site::new().await.request_of_alice().await;
    /// for factor in session.factors().await?.list().await? {
    ///     println!("{} ({:?}), confirmed: {}", factor.name, factor.kind, factor.is_confirmed());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`SessionError`] if there is no session, the request comes from another site, or no
    /// [second factor](crate::AuthBuilder::second_factor) is configured; of kind [`NotFinished`](SessionErrorKind::NotFinished) if the
    /// login has to be finished first.
    pub async fn factors(&self) -> Result<OwnFactors<'_, U>, SessionError> {
        let second = self.second_factor()?;
        let live = self.begun().await?;
        let state = self.state();
        let user = match (&state.access, &state.pending) {
            (_, Some(waiting)) if waiting.missing.first() == Some(Need::Enrolment) => {
                Arc::clone(&waiting.user)
            }
            (_, Some(_)) => return Err(SessionErrorKind::NotFinished.into()),
            // Of the session, and of nothing else that the request brings.
            (Some(access), None) if state.live.is_some() => Arc::clone(access.user()),
            _ => return Err(SessionErrorKind::NoSession.into()),
        };
        drop(state);
        Ok(OwnFactors { session: self, second, live, user })
    }
}

impl<U: User> OwnFactors<'_, U> {
    /// The user to whom they belong.
    pub fn owner(&self) -> FactorOwner {
        self.live.record.user().owner()
    }

    /// Lists the factors, confirmed or not, oldest first.
    ///
    /// # Errors
    /// [`SessionError`] if the store is down.
    pub async fn list(&self) -> Result<Vec<StoredFactor>, SessionError> {
        let owner = self.owner();
        self.ask(self.factors().list(&owner)).await
    }

    /// Lists the browsers that the user [trusts](Session::trust_browser), oldest first: no second factor is asked for
    /// there.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/site.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let session = Site::new().await.request_of_alice().await;
    /// for browser in session.factors().await?.trusted_browsers().await? {
    ///     println!("{}", browser.name);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`SessionError`] if the store is down.
    pub async fn trusted_browsers(&self) -> Result<Vec<StoredFactor>, SessionError> {
        let owner = self.owner();
        self.ask(self.factors().trusted_browsers(&owner)).await
    }

    /// Ends the trust in all of the user's browsers.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/site.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let session = Site::new().await.request_of_alice().await;
    /// session.factors().await?.distrust_browsers().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`trusted_browsers`](Self::trusted_browsers).
    pub async fn distrust_browsers(&self) -> Result<(), SessionError> {
        self.session.distrust_browsers(self.live.record.user()).await
    }

    /// Begins to enrol an authenticator app. Show the returned `uri` as a QR code and the `secret` as text, once, and
    /// [confirm](Self::confirm_totp) the factor within the hour. The app shows `account` beside the site's name; `name` is
    /// the user's name for the factor.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/site.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let session = Site::new().await.request_of_alice().await;
    /// let enrolment = session.factors().await?.enrol_totp("alice@example.com", "My phone").await?;
    /// assert!(enrolment.uri.expose().starts_with("otpauth://totp/"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`SessionError`] of kind [`NotFresh`](SessionErrorKind::NotFresh), [`InvalidName`](SessionErrorKind::InvalidName),
    /// [`TooManyFactors`](SessionErrorKind::TooManyFactors), or [`Unavailable`](SessionErrorKind::Unavailable).
    pub async fn enrol_totp(&self, account: &str, name: &str) -> Result<TotpEnrolment, SessionError> {
        let owner = self.fresh_owner()?;
        self.ask(self.factors().enrol_totp(&owner, account, name)).await
    }

    /// Confirms an authenticator app by a code that it shows. The code is a proof as well: it is added to the session, which
    /// gets a new id.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/site.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let session = Site::new().await.request_of_alice().await;
    /// let factors = session.factors().await?;
    /// # let enrolment = factors.enrol_totp("alice", "My phone").await?;
    /// # let code = "not the code of the app";
    /// // `code` comes from a form.
    /// match factors.confirm_totp(enrolment.id, code).await {
    ///     Ok(login) => println!("answer {}", login.answer(Some("/account")).status()),
    ///     Err(error) => println!("show the form again: {error}"),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`SessionError`] of kind [`WrongCode`](SessionErrorKind::WrongCode), [`NoSuchFactor`](SessionErrorKind::NoSuchFactor) if no
    /// factor with this id waits for confirmation, [`NotFresh`](SessionErrorKind::NotFresh), or [`Unavailable`](SessionErrorKind::Unavailable).
    pub async fn confirm_totp(
        &self,
        id: FactorId,
        code: impl Into<Secret>,
    ) -> Result<Login<U>, SessionError> {
        let (owner, code) = (self.fresh_owner()?, code.into());
        match self.ask(self.factors().confirm(&owner, id, &code)).await? {
            Verdict::Right(verified) => self.enrolled(FactorKind::Totp, &[verified.proof]).await,
            Verdict::NoFactor => Err(SessionErrorKind::NoSuchFactor.into()),
            Verdict::RetryAfter(time) => Err(SessionError::throttled(time)),
            Verdict::Wrong => Err(SessionErrorKind::WrongCode.into()),
        }
    }

    /// Makes ten recovery codes, which replace those that the user has. Show them once.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/site.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let session = Site::new().await.request_of_alice().await;
    /// use auth_core::session::SessionErrorKind;
    ///
    /// let codes = session.factors().await?.make_recovery_codes().await;
    /// // There must be a factor for which they can stand in.
    /// assert_eq!(codes.unwrap_err().kind(), SessionErrorKind::NoSuchFactor);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`SessionError`] of kind [`NotFresh`](SessionErrorKind::NotFresh), [`NoSuchFactor`](SessionErrorKind::NoSuchFactor) if the
    /// user has no factor that they could stand in for, or [`Unavailable`](SessionErrorKind::Unavailable).
    pub async fn make_recovery_codes(&self) -> Result<CreatedRecoveryCodes, SessionError> {
        let owner = self.fresh_owner()?;
        if !StoredFactor::enrolled(&self.list().await?).is_any() {
            return Err(SessionErrorKind::NoSuchFactor.into());
        }
        let codes = self.ask(self.factors().make_recovery_codes(&owner)).await?;
        self.tell(FactorChange::Enrolled(FactorKind::RecoveryCodes));
        self.write_enrolled().await?;
        Ok(codes)
    }

    /// Renames a factor.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/site.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let session = Site::new().await.request_of_alice().await;
    /// let factors = session.factors().await?;
    /// # let enrolment = factors.enrol_totp("alice", "My phone").await?;
    /// factors.rename(enrolment.id, "Old phone").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`SessionError`] of kind [`NotFresh`](SessionErrorKind::NotFresh), [`InvalidName`](SessionErrorKind::InvalidName),
    /// [`NoSuchFactor`](SessionErrorKind::NoSuchFactor), or [`Unavailable`](SessionErrorKind::Unavailable).
    pub async fn rename(&self, id: FactorId, name: &str) -> Result<(), SessionError> {
        let owner = self.fresh_owner()?;
        let kind = self.find(id).await?.kind;
        found(self.ask(self.factors().rename(&owner, id, name)).await?)?;
        self.tell(FactorChange::Renamed(kind));
        Ok(())
    }

    /// Removes a factor. With the last one, the recovery codes are removed too: they would stand in for nothing.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/site.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let session = Site::new().await.request_of_alice().await;
    /// let factors = session.factors().await?;
    /// # let enrolment = factors.enrol_totp("alice", "My phone").await?;
    /// factors.remove(enrolment.id).await?;
    /// # assert!(factors.list().await?.is_empty());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`SessionError`] of kind [`NotFresh`](SessionErrorKind::NotFresh), [`LastFactor`](SessionErrorKind::LastFactor) if the policy
    /// requires one of this user, [`NoSuchFactor`](SessionErrorKind::NoSuchFactor), or [`Unavailable`](SessionErrorKind::Unavailable).
    pub async fn remove(&self, id: FactorId) -> Result<(), SessionError> {
        let owner = self.fresh_owner()?;
        let mut left = self.list().await?;
        let place = left.iter().position(|factor| factor.id == id);
        let removed = left.remove(place.ok_or(SessionErrorKind::NoSuchFactor)?);
        let had_one = StoredFactor::enrolled(left.iter().chain([&removed])).is_any();
        let left_over = StoredFactor::enrolled(&left);
        let is_last = had_one && !left_over.is_any();
        if is_last && self.second.needs(&self.user, left_over).asks_second_factor() {
            return Err(SessionErrorKind::LastFactor.into());
        }
        found(self.ask(self.factors().remove(&owner, id)).await?)?;
        self.tell(FactorChange::Removed(removed.kind));
        let codes = left.iter().filter(|factor| is_last && factor.kind == FactorKind::RecoveryCodes);
        for codes in codes {
            if self.ask(self.factors().remove(&owner, codes.id)).await? {
                self.tell(FactorChange::Removed(FactorKind::RecoveryCodes));
            }
        }
        self.write_enrolled().await
    }

    /// The user to whom they belong, if the session has a proof that is fresh enough to change factors. A crate that adds
    /// factors of another kind asks for it first, and calls [`enrolled`](Self::enrolled) when the factor is stored.
    ///
    /// # Errors
    /// [`SessionError`] of kind [`NotFresh`](SessionErrorKind::NotFresh).
    pub fn fresh_owner(&self) -> Result<FactorOwner, SessionError> {
        let proven = self.live.record.authenticated;
        if self.session.auth().now().since(proven) > self.second.freshness() {
            return Err(SessionErrorKind::NotFresh.into());
        }
        Ok(self.owner())
    }

    /// Tells the observer and all sessions of the user that a factor was enrolled, and adds the proofs that came with it to
    /// this session.
    ///
    /// # Errors
    /// [`SessionError`] if a store is down. The factor is enrolled all the same; a session that was not told asks for it from
    /// its next login on.
    pub async fn enrolled(&self, kind: FactorKind, proofs: &[Proof]) -> Result<Login<U>, SessionError> {
        self.tell(FactorChange::Enrolled(kind));
        // First the proof here: if all sessions were told first, this one would be pending for a moment.
        let live = self.session.begun().await?;
        let login = self.session.add_proofs(live, proofs).await?;
        self.write_enrolled().await?;
        Ok(login)
    }

    fn factors(&self) -> &dyn DynFactors {
        self.second.factors()
    }

    async fn ask<T>(&self, work: impl Future<Output = Result<T, FactorError>>) -> Result<T, SessionError> {
        let (environment, facts) = (self.session.auth().environment(), self.session.facts());
        Ok(environment.with_factors(facts, work).await?)
    }

    async fn find(&self, id: FactorId) -> Result<StoredFactor, SessionError> {
        let found = self.list().await?.into_iter().find(|factor| factor.id == id);
        found.ok_or_else(|| SessionErrorKind::NoSuchFactor.into())
    }

    /// Writes what is enrolled now into all sessions of the user, and ends the trust in browsers.
    async fn write_enrolled(&self) -> Result<(), SessionError> {
        self.second.note_change();
        self.session.distrust_browsers(self.live.record.user()).await?;
        let enrolled = StoredFactor::enrolled(&self.list().await?);
        let sessions = self.session.sessions()?;
        sessions.note_enrolled(self.live.record.user(), enrolled, self.session.facts()).await
    }

    fn tell(&self, change: FactorChange) {
        self.session.tell_user(EventKind::FactorChanged(change), &self.live);
    }
}

fn found(is_found: bool) -> Result<(), SessionError> {
    if is_found { Ok(()) } else { Err(SessionErrorKind::NoSuchFactor.into()) }
}
