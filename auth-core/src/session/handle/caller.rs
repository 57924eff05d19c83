//! Who is calling: found out once, asked once more, or named by the application.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::{BoxFuture, Live, Session};
use crate::event::EventKind;
use crate::http::{Layered, Presented, Refusal, RequestView, resolve_both, resolve_credentials};
use crate::session::{Failure, SessionError, SessionErrorKind, SessionKey};
use crate::{Access, Authenticated, How, User};

impl<U: User> Session<U> {
    /// Finds out who is calling, once per request.
    pub(crate) async fn resolve(&self) -> Result<(), Failure> {
        if self.is_resolved() {
            return Ok(());
        }
        let _one_at_a_time = self.0.resolving.lock().await;
        if !self.is_resolved() {
            if let Err(failure) = self.resolve_now().await {
                // What was found on the way is of no account.
                self.state().renewal = None;
                return Err(failure);
            }
            self.mark_resolved();
        }
        Ok(())
    }

    /// Finds out who is calling, once per request; `None` for nobody.
    ///
    /// # Errors
    /// Why that cannot be found out: see [`refuse`](Self::refuse).
    pub async fn find_caller(&self) -> Result<Option<Access<U>>, Failure> {
        self.resolve().await?;
        Ok(self.access())
    }

    /// Asks once more who is calling, for a socket or a task that outlives its request: whether the session has ended since,
    /// and who its user is now. Of credentials that came with the request, the backend is asked about their user.
    ///
    /// # Errors
    /// Why that cannot be found out.
    pub async fn find_caller_again(&self) -> Result<Option<Access<U>>, Failure> {
        self.resolve().await?;
        let _one_at_a_time = self.0.resolving.lock().await;
        let (key, access) = {
            let state = self.state();
            (state.live.as_ref().map(|live| live.key), state.access.clone())
        };
        let (live, access) = match (key, access) {
            (Some(key), _) => self.session_again(key).await?,
            (None, Some(access)) => (None, self.reload(access).await?),
            (None, None) => (None, None),
        };
        let mut state = self.state();
        state.live = live;
        state.access.clone_from(&access);
        Ok(access)
    }

    async fn session_again(&self, key: SessionKey) -> Result<(Option<Live>, Option<Access<U>>), Failure> {
        let layered = Layered { shown: None, outer: None };
        let again = Self::new(self.auth().clone(), Presented::Again(key), self.0.cross_origin, layered);
        _ = again.0.facts.set(self.facts().clone());
        again.resolve_now().await?;
        let mut state = again.state();
        Ok((state.live.take(), state.access.take()))
    }

    /// The user of an access as it is now, if it may still be active.
    async fn reload(&self, access: Access<U>) -> Result<Option<Access<U>>, Failure> {
        let Some(source) = self.auth().source(access.backend()) else { return Ok(None) };
        match source.get_user(&access.user().id()).await {
            Ok(user) => Ok(user.filter(User::is_active).map(|user| access.of(Arc::new(user)))),
            Err(error) => {
                let kind = EventKind::BackendFailed(&error);
                self.auth().emit(kind, Some(access.backend()), None, self.facts());
                Err(Failure::Unavailable)
            }
        }
    }

    /// Makes the caller whom the application names, without any proof. The adapter puts it into the request's extensions.
    pub(crate) fn act_as(&self, acting: Authenticated<U>) -> Result<Arc<U>, SessionError> {
        if acting.by != self.auth().id() {
            return Err(SessionErrorKind::ForeignProof.into());
        }
        let Authenticated { user, backend, at, .. } = acting;
        self.auth().emit(EventKind::ActsAs, Some(&backend), Some(&user.id()), self.facts());
        let mut state = self.state();
        state.access = Some(Access::new(Arc::clone(&user), backend, How::ActsAs, at));
        state.put = Some(Arc::clone(&user));
        // Whoever acts as somebody has no session of theirs: what is kept from here on must not go into another's.
        state.live = None;
        state.renewal = None;
        state.patches.clear();
        drop(state);
        self.ask();
        self.mark_resolved();
        Ok(user)
    }

    /// The answer to a request whose caller cannot be found out.
    pub fn refuse(&self, failure: Failure, view: &dyn RequestView) -> Refusal {
        self.auth().refuse_failure(failure, view)
    }

    /// As [`resolve`](Self::resolve), for the request that has just made this session. One box, whatever is
    /// asked, for a request that presents a session only.
    pub(crate) fn resolve_now(&self) -> BoxFuture<'static, Result<(), Failure>> {
        let session = self.clone();
        match (&self.0.presented, self.0.auth.sessions()) {
            (Presented::Token(_) | Presented::Again(_), Some(sessions)) => {
                Arc::clone(sessions).resolve(session)
            }
            (Presented::Remote(..), Some(sessions)) => Arc::clone(sessions).resolve_remote_user(session),
            (Presented::Credentials(_), _) => resolve_credentials(session),
            (Presented::Both(..), _) => Box::pin(resolve_both(session)),
            // Without sessions no token and no header of a proxy is read.
            (Presented::Nothing | Presented::Token(_) | Presented::Remote(..) | Presented::Again(_), _) => {
                Box::pin(std::future::ready(Ok(())))
            }
        }
    }

    pub(crate) fn mark_resolved(&self) {
        self.0.resolved.store(true, Ordering::Release);
    }

    pub(crate) fn is_resolved(&self) -> bool {
        self.0.resolved.load(Ordering::Acquire)
    }
}
