//! Adding proofs to a session, and finishing a pending login.

use std::sync::Arc;

use super::Session;
use crate::cause::Cause;
use crate::event::{CodeRefusal, EventKind};
use crate::factors::{FactorOwner, TrustToken, Verdict};
use crate::grant::Proof;
use crate::http::login::{Login, SignedIn, Unfinished};
use crate::random::RandomError;
use crate::second_factor::{Enrolled, Need, SecondFactor};
use crate::session::{Live, SessionError, SessionErrorKind, SessionUser};
use crate::{Access, Authenticated, Secret, User};

/// A login that is not finished: see [`Session::pending`].
///
/// Its user is not the caller of any request yet; only the pages that ask for what is missing need it.
#[derive(Clone, Debug)]
pub struct Pending<U> {
    user: Arc<U>,
    needs: Vec<Need>,
    enrolled: Enrolled,
}

impl<U> Pending<U> {
    /// The user who is logging in.
    pub fn user(&self) -> &Arc<U> {
        &self.user
    }

    /// What the login lacks, in the order in which the user is to give it. Empty if nothing is missing any more: then call
    /// [`Session::finish_login`].
    pub fn needs(&self) -> &[Need] {
        &self.needs
    }

    /// Which kinds of factors the user has; each of them would do.
    pub fn enrolled(&self) -> Enrolled {
        self.enrolled
    }
}

impl<U: User> Session<U> {
    /// The pending login of this request, if there is one: for the page that asks for what it lacks. To all other pages the
    /// request is anonymous.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/site.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let session = Site::new().await.request();
    /// use auth_core::second_factor::Need;
    ///
    /// match session.pending().await? {
    ///     Some(pending) if pending.needs().contains(&Need::SecondFactor) => println!("a form for the code"),
    ///     Some(_) => println!("a form for something else"),
    ///     None => println!("nothing to finish: go to the login page"),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`SessionError`] if the caller could not be resolved.
    pub async fn pending(&self) -> Result<Option<Pending<U>>, SessionError> {
        self.resolve().await?;
        let state = self.state();
        let pending = state.pending.as_ref().map(|waiting| Pending {
            user: Arc::clone(&waiting.user),
            needs: waiting.missing.needs.clone(),
            enrolled: waiting.missing.enrolled,
        });
        Ok(pending)
    }

    /// The user of the session, pending or not, as an owner of factors: for code that asks a device of theirs for a proof.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/site.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let session = Site::new().await.request_of_alice().await;
    /// let owner = session.factor_owner().await?;
    /// assert_eq!(owner.backend.as_str(), "local");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`SessionError`] if there is no session, or the caller could not be resolved.
    pub async fn factor_owner(&self) -> Result<FactorOwner, SessionError> {
        self.resolve().await?;
        let state = self.state();
        let owner = state.any_live().map(|live| live.record.user().owner());
        owner.ok_or_else(|| SessionErrorKind::NoSession.into())
    }

    /// Adds another proof of the same user to their session, pending or not: a passkey, the password once more, or any other
    /// credentials that a backend accepts. The session gets a new id.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/site.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let session = Site::new().await.request_of_alice().await;
    /// // Before an important step, ask for the password again: the session is fresh afterwards.
    /// let alice = session.authenticate(Password::new("alice", "wonderland")).await?;
    /// let login = session.add(alice).await?;
    /// assert!(login.user().is_some());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`SessionError`] of kind [`OtherUser`](SessionErrorKind::OtherUser) if the proof is another user's: the session stays as it
    /// is. Otherwise as [`login`](Self::login), and of kind [`NoSession`](SessionErrorKind::NoSession) if there is none.
    pub async fn add(&self, authenticated: Authenticated<U>) -> Result<Login<U>, SessionError> {
        if authenticated.by != self.auth().id() {
            return Err(SessionErrorKind::ForeignProof.into());
        }
        let live = self.begun().await?;
        if !live.is_of(&authenticated) {
            return Err(SessionErrorKind::OtherUser.into());
        }
        if !authenticated.grant.begins_session() {
            return Err(SessionErrorKind::NotAPerson.into());
        }
        self.add_proofs(live, authenticated.grant.proofs()).await
    }

    /// Adds a second factor to the session, pending or not, by a code that its user typed: one from an authenticator app, or a
    /// recovery code.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/site.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let session = Site::new().await.request_of_alice().await;
    /// use auth_core::session::SessionErrorKind;
    ///
    /// # let code = "123456";
    /// // `code` and `next` come from the form of the page for second factors.
    /// match session.add_code(code).await {
    ///     Ok(login) => println!("answer with {}", login.answer(Some("/orders")).status()),
    ///     Err(error) if error.kind() == SessionErrorKind::WrongCode => println!("show the form again"),
    ///     Err(error) => println!("{error}"),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`SessionError`] of kind [`WrongCode`](SessionErrorKind::WrongCode), [`Throttled`](SessionErrorKind::Throttled) if too many were
    /// wrong, or [`NoSuchFactor`](SessionErrorKind::NoSuchFactor) if the user has no factor that takes codes. Otherwise as
    /// [`add`](Self::add).
    pub async fn add_code(&self, code: impl Into<Secret>) -> Result<Login<U>, SessionError> {
        let code = code.into();
        let live = self.begun().await?;
        let owner = live.record.user().owner();
        let second = self.second_factor()?;
        let verified =
            self.auth().environment().with_factors(self.facts(), second.factors().verify(&owner, &code));
        let refused = |why, error| {
            self.tell_user(EventKind::CodeRefused(why), &live);
            Err(error)
        };
        match verified.await? {
            Verdict::Right(verified) => self.add_proofs(live, &[verified.proof]).await,
            Verdict::Wrong => refused(CodeRefusal::Wrong, SessionErrorKind::WrongCode.into()),
            Verdict::NoFactor => refused(CodeRefusal::NoFactor, SessionErrorKind::NoSuchFactor.into()),
            Verdict::RetryAfter(time) => refused(CodeRefusal::TooMany, SessionError::throttled(time)),
        }
    }

    /// Checks again what a pending login lacks, after the application has done its part: the user has accepted the terms, say.
    /// The backend loads the user anew.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/site.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let session = Site::new().await.request_of_alice().await;
    /// // The application has stored that the terms are accepted.
    /// let login = session.finish_login().await?;
    /// assert!(login.user().is_some(), "nothing else is missing");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`add`](Self::add).
    pub async fn finish_login(&self) -> Result<Login<U>, SessionError> {
        let live = self.begun().await?;
        self.add_proofs(live, &[]).await
    }

    /// Trusts this browser: logins in it do not ask for the second factor for as long as
    /// [`trust_browsers`](SecondFactor::trust_browsers) says. Call it if the user ticked a box when they gave the factor. Trust
    /// is no proof: a route that requires the factor still asks for it.
    ///
    /// The trust ends with any change of the user's security stamp or factors, and when they end their other sessions. Lists
    /// show `name`; an invalid name becomes `browser`.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/site.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let session = Site::new().await.request_of_alice().await;
    /// use auth_core::session::SessionErrorKind;
    ///
    /// # let is_ticked = true;
    /// if is_ticked {
    ///     let refused = session.trust_browser("Firefox on Linux").await.unwrap_err();
    ///     // Alice gave her password only.
    ///     assert_eq!(refused.kind(), SessionErrorKind::NotFinished);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`SessionError`] of kind [`NotFinished`](SessionErrorKind::NotFinished) if the session was not proven by two factors;
    /// [`NoSecondFactor`](SessionErrorKind::NoSecondFactor) if no browser may be trusted here; otherwise as [`add`](Self::add).
    pub async fn trust_browser(&self, name: &str) -> Result<(), SessionError> {
        let live = self.begun().await?;
        let access = self.access().filter(|_| self.state().live.is_some());
        let access = access.filter(Access::is_two_factor).ok_or(SessionErrorKind::NotFinished)?;
        let cookies = self.auth().0.http.trusted.as_ref().ok_or(SessionErrorKind::NoSecondFactor)?;
        let (second, owner) = (self.second_factor()?, live.record.user().owner());
        let environment = self.auth().environment();
        let trusted = second.factors().trust(&owner, name, access.user().security_stamp());
        let token = environment.with_factors(self.facts(), trusted).await?;
        let set = cookies.note(&token, self.facts().devices(), environment.now(), &*environment.random);
        let set = set.ok_or_else(|| SessionError::unavailable(Cause::of(RandomError)))?;
        self.state().deeds_mut().device.extend(set);
        Ok(())
    }

    /// The tokens by which this browser's users trust it.
    pub(super) fn trust_tokens(&self) -> Vec<TrustToken> {
        let cookies = self.auth().0.http.trusted.as_ref();
        cookies.map(|cookies| cookies.tokens(self.facts().devices(), self.auth().now())).unwrap_or_default()
    }

    /// Ends the trust in all of the user's browsers, after they ended their other sessions.
    pub(super) async fn distrust_browsers(&self, user: &SessionUser) -> Result<(), SessionError> {
        let Some(second) = &self.auth().environment().second else { return Ok(()) };
        let owner = user.owner();
        Ok(self
            .auth()
            .environment()
            .with_factors(self.facts(), second.factors().distrust_browsers(&owner))
            .await?)
    }

    pub(super) async fn add_proofs(&self, live: Live, proofs: &[Proof]) -> Result<Login<U>, SessionError> {
        let begun = self.sessions()?.add(live, proofs, self.facts()).await?;
        self.hand_out(begun);
        Ok(self.login_now())
    }

    /// The session of this request, finished or pending, if this request may change it.
    pub(super) async fn begun(&self) -> Result<Live, SessionError> {
        if self.refuses_other_site() {
            return Err(SessionErrorKind::CrossOrigin.into());
        }
        self.before_the_response()?;
        self.resolve().await?;
        self.state().any_live().cloned().ok_or_else(|| SessionErrorKind::NoSession.into())
    }

    /// The session of a user whose password was changed: only after the second factor was given.
    pub(super) async fn current_for_rebind(&self) -> Result<Live, SessionError> {
        self.resolve().await?;
        let state = self.state();
        match &state.pending {
            Some(waiting) if waiting.missing.first() == Some(Need::SecondFactor) => {
                Err(SessionErrorKind::NotFinished.into())
            }
            _ => state.any_live().cloned().ok_or_else(|| SessionErrorKind::NoSession.into()),
        }
    }

    /// The outcome of a login, as the state has it now.
    pub(super) fn login_now(&self) -> Login<U> {
        let state = self.state();
        if let Some(waiting) = &state.pending {
            let audience = self.reader().audience;
            return Login::Pending(Unfinished::new(
                waiting.missing.clone(),
                self.auth().clone(),
                self.base(),
                audience,
            ));
        }
        let user = state.access.as_ref().map(|access| Arc::clone(access.user()));
        Login::Done(SignedIn::new(user, self.auth().clone(), self.base()))
    }

    pub(super) fn second_factor(&self) -> Result<&SecondFactor<U>, SessionError> {
        let second = self.auth().environment().second.as_ref();
        second.ok_or_else(|| SessionErrorKind::NoSecondFactor.into())
    }

    pub(super) fn tell_user(&self, kind: EventKind<'_>, live: &Live) {
        let user = live.record.user();
        self.auth().emit(kind, Some(&user.backend), Some(&user.id), self.facts());
    }
}
