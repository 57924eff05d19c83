//! What users do with their own second factors.

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
/// Each change needs a proof that is [fresh](SecondFactor::fresh_within), and is an
/// [event](crate::event::EventKind::FactorChanged) to write a mail about. It is written into all sessions of the user, so that no
/// session has to ask a store.
pub struct OwnFactors<'a, U> {
    session: &'a Session<U>,
    second: &'a SecondFactor<U>,
    live: Live,
    user: Arc<U>,
}

impl<U: User> Session<U> {
    /// The second factors of the calling user, or of one whose login lacks nothing but an
    /// [enrolment](Need::Enrolment).
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
    /// Whose they are.
    pub fn owner(&self) -> FactorOwner {
        self.live.record.user().owner()
    }

    /// The factors, confirmed or not, those first that were made first.
    ///
    /// # Errors
    /// [`SessionError`] if the store is down.
    pub async fn list(&self) -> Result<Vec<StoredFactor>, SessionError> {
        let owner = self.owner();
        self.ask(self.factors().list(&owner)).await
    }

    /// The browsers in which the user is not asked for a second factor, those first that were trusted first.
    ///
    /// # Errors
    /// [`SessionError`] if the store is down.
    pub async fn trusted_browsers(&self) -> Result<Vec<StoredFactor>, SessionError> {
        let owner = self.owner();
        self.ask(self.factors().trusted_browsers(&owner)).await
    }

    /// Trusts none of the user's browsers any more.
    ///
    /// # Errors
    /// As [`trusted_browsers`](Self::trusted_browsers).
    pub async fn distrust_browsers(&self) -> Result<(), SessionError> {
        self.session.distrust_browsers(self.live.record.user()).await
    }

    /// Begins to enrol an app: show the answer's `uri` as a QR code and its `secret` as text, once, and
    /// [confirm](Self::confirm_totp) it within the hour. The account is what the app shows beside the site's name, and `name` is what
    /// the user calls it.
    ///
    /// # Errors
    /// [`SessionError`] of kind [`NotFresh`](SessionErrorKind::NotFresh), [`InvalidName`](SessionErrorKind::InvalidName),
    /// [`TooManyFactors`](SessionErrorKind::TooManyFactors), or [`Unavailable`](SessionErrorKind::Unavailable).
    pub async fn enrol_totp(&self, account: &str, name: &str) -> Result<TotpEnrolment, SessionError> {
        let owner = self.fresh_owner()?;
        self.ask(self.factors().enrol_totp(&owner, account, name)).await
    }

    /// Confirms an app by a code that it shows. That is a proof, too: it is added to the session, which gets a new id.
    ///
    /// # Errors
    /// [`SessionError`] of kind [`WrongCode`](SessionErrorKind::WrongCode), [`NoSuchFactor`](SessionErrorKind::NoSuchFactor) if none
    /// with this id waits for it, [`NotFresh`](SessionErrorKind::NotFresh), or [`Unavailable`](SessionErrorKind::Unavailable).
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

    /// Makes ten recovery codes; those that the user has are dead from then on. Show them once.
    ///
    /// # Errors
    /// [`SessionError`] of kind [`NotFresh`](SessionErrorKind::NotFresh), [`NoSuchFactor`](SessionErrorKind::NoSuchFactor) if there is
    /// no factor that they could stand in for, or [`Unavailable`](SessionErrorKind::Unavailable).
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

    /// Gives a factor another name.
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

    /// Removes a factor. With the last one go the recovery codes, which stand in for nothing then.
    ///
    /// # Errors
    /// [`SessionError`] of kind [`NotFresh`](SessionErrorKind::NotFresh), [`LastFactor`](SessionErrorKind::LastFactor) if the policy
    /// asks this user for one, [`NoSuchFactor`](SessionErrorKind::NoSuchFactor), or [`Unavailable`](SessionErrorKind::Unavailable).
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

    /// Whose they are, if a proof of the session is fresh enough to change them: for what adds factors of another kind, which calls
    /// [`enrolled`](Self::enrolled) when that is done.
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

    /// Tells all sessions of the user, and the observer, that a factor was enrolled, and adds the proofs that came with it to this
    /// one.
    ///
    /// # Errors
    /// [`SessionError`] if a store is down. The factor is enrolled all the same: sessions that were not told of it ask for it from
    /// their next login on.
    pub async fn enrolled(&self, kind: FactorKind, proofs: &[Proof]) -> Result<Login<U>, SessionError> {
        self.tell(FactorChange::Enrolled(kind));
        // First here, by a proof: told first, this session would be nobody's for a moment.
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

    /// What is enrolled now, in all sessions of the user; and no browser is trusted any more.
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
