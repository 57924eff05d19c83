//! The caller of a request: resolved once, checked again later, or named by the application.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::Session;
use crate::event::EventKind;
use crate::http::Layered;
use crate::http::layered::AnySession as _;
use crate::http::presented::Presented;
use crate::http::resolve::{Finding, Resolution, is_same};
use crate::http::{Refusal, RequestView};
use crate::session::{Id, Live, ResolveError, ResolveErrorKind, SessionError, SessionErrorKind};
use crate::{Access, Authenticated, How, User};

impl<U: User> Session<U> {
    /// Resolves the caller, once per request.
    pub(crate) async fn resolve(&self) -> Result<(), ResolveError> {
        if self.is_resolved() {
            return Ok(());
        }
        let _one_at_a_time = self.0.resolving.lock().await;
        if !self.is_resolved() {
            self.settle(Finding::of(self).await?);
        }
        Ok(())
    }

    /// Resolves the caller of this request, once; `None` if the request is anonymous.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/site.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let session = Site::new().await.request_of_alice().await;
    /// match session.find_caller().await? {
    ///     Some(access) => println!("{} by {:?}", access.user().name, access.how()),
    ///     None => println!("an anonymous request"),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ResolveError`] if the caller cannot be resolved: [`refuse`](Self::refuse) makes the answer.
    pub async fn find_caller(&self) -> Result<Option<Access<U>>, ResolveError> {
        self.resolve().await?;
        Ok(self.access())
    }

    /// Checks the caller again, for a socket or a task that outlives its request: `None` if the session has ended in the
    /// meantime, and otherwise its user as they are now. If the caller came by other credentials than a session, the backend
    /// loads their user again.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/site.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let session = Site::new().await.request_of_alice().await;
    /// // In a WebSocket, before an important message is handled:
    /// if session.find_caller_again().await?.is_none() {
    ///     println!("close the socket");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ResolveError`] if the caller cannot be resolved.
    pub async fn find_caller_again(&self) -> Result<Option<Access<U>>, ResolveError> {
        self.look_again(Presented::again).await
    }

    /// Checks the caller again, without counting as use of the session.
    pub(super) async fn watch(&self) -> Result<Option<Access<U>>, ResolveError> {
        self.look_again(Presented::watched).await
    }

    async fn look_again(&self, presented: fn(Id) -> Presented<U>) -> Result<Option<Access<U>>, ResolveError> {
        self.resolve().await?;
        let _one_at_a_time = self.0.resolving.lock().await;
        let (id, access) = {
            let state = self.state();
            (state.any_live().map(Live::id), state.access.clone())
        };
        let (live, pending, access) = match (id, access) {
            (Some(id), _) => {
                let resolution = self.session_again(id, presented).await?;
                (resolution.live, resolution.pending, resolution.access)
            }
            (None, Some(access)) => (None, None, self.reload(access).await?),
            (None, None) => (None, None, None),
        };
        let mut state = self.state();
        (state.live, state.pending) = (live, pending);
        state.access.clone_from(&access);
        Ok(access)
    }

    /// The session as it is now. Another request may have given it a new id, about which this connection is not told.
    async fn session_again(
        &self,
        id: Id,
        presented: fn(Id) -> Presented<U>,
    ) -> Result<Resolution<U>, ResolveError> {
        let found = self.session_by(presented(id.clone())).await?;
        let known = self.state().any_live().cloned();
        let Some((sessions, live)) = self.auth().sessions().zip(known).filter(|_| found.is_nobody()) else {
            return Ok(found);
        };
        let moved = sessions.find_moved(&live, self.facts()).await.map_err(SessionError::into_unresolved)?;
        match moved {
            Some(key) => self.session_by(presented(Id { key, ..id })).await,
            None => Ok(found),
        }
    }

    async fn session_by(&self, presented: Presented<U>) -> Result<Resolution<U>, ResolveError> {
        let layered = Layered { shown: None, outer: None };
        let again = Self::new(self.auth().clone(), presented, self.0.other_site.clone(), layered);
        _ = again.0.facts.set(self.facts().clone());
        Finding::of(&again).await
    }

    /// The access with its user as they are now, if they may still sign in.
    async fn reload(&self, access: Access<U>) -> Result<Option<Access<U>>, ResolveError> {
        let (backend, id) = (access.backend(), access.user().id());
        let (environment, facts) = (self.auth().environment(), self.facts());
        let user = environment.reload(backend, &id, access.grant(), facts).await?;
        let Some(access) = user.map(|user| access.of(user)) else { return Ok(None) };
        let is_by_word = access.how() == How::ActsAs;
        let enough = is_by_word || environment.is_enough(&access, facts).await?;
        Ok(enough.then_some(access))
    }

    /// Has the backends judge the credentials of this request again, although they are remembered as accepted: a route that
    /// requires a fresh proof does not count an earlier one.
    ///
    /// They must belong to the same user as before: the handler may have that user already.
    pub(super) async fn judge_again(&self, within: Option<Duration>) -> Result<(), ResolveError> {
        let _one_at_a_time = self.0.resolving.lock().await;
        let Some(known) = self.access().filter(|_| self.0.is_worth_judging(within)) else { return Ok(()) };
        for offer in self.presented().offers().iter().filter(|offer| offer.is_recalled_proof()) {
            let proven = offer.access_anew(self.auth().authenticator(), self.facts()).await?;
            if !is_same(&known, &proven) {
                return Err(ResolveErrorKind::Contradiction.into());
            }
            self.state().access = Some(proven);
        }
        Ok(())
    }

    /// Makes the user whom the application names the caller, without any proof. The adapter puts them into the request's
    /// extensions.
    pub(crate) fn act_as(&self, acting: Authenticated<U>) -> Result<Arc<U>, SessionError> {
        if acting.by != self.auth().id() {
            return Err(SessionErrorKind::ForeignProof.into());
        }
        let user = Arc::clone(&acting.user);
        self.auth().emit(EventKind::ActsAs, Some(&acting.backend), Some(&user.id()), self.facts());
        let mut state = self.state();
        state.access = Some(Access::by_word(acting));
        state.put = Some(Arc::clone(&user));
        // The request has no session of that user, and values set from here on must not go into another user's session.
        (state.live, state.pending) = (None, None);
        if let Some(deeds) = state.done() {
            deeds.renewal = None;
            deeds.patches.clear();
        }
        drop(state);
        self.ask();
        self.mark_resolved();
        Ok(user)
    }

    /// The answer to a request whose caller cannot be resolved. Extractors and guards make it by themselves; it is for code
    /// that calls [`find_caller`](Self::find_caller).
    pub fn refuse(&self, error: &ResolveError, view: &dyn RequestView) -> Refusal {
        self.auth().refuse_unresolved(error, view)
    }

    pub(crate) fn mark_resolved(&self) {
        self.0.resolved.store(true, Ordering::Release);
    }

    pub(crate) fn is_resolved(&self) -> bool {
        self.0.resolved.load(Ordering::Acquire)
    }
}
