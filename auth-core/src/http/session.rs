//! [`Session`]: one request's hold on who is calling.

mod any;
mod api_keys;
mod caller;
mod ended;
mod factors;
mod finish;
mod registered;
mod state;
mod values;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::sync::Mutex as AsyncMutex;

use super::client::facts_of;
use super::login::Login;
use super::negotiate::Reader;
use super::origin::OtherSite;
use super::presented::Presented;
use super::settings::Settings;
use super::{Audience, Layered, RequestView};
use crate::event::EventKind;
use crate::session::{
    CookieEffect, Live, Opening, SessionEngine, SessionError, SessionErrorKind, SessionInfo, SessionKey,
    SessionUser,
};
use crate::throttle::Account;
use crate::{Access, Auth, Authenticated, BackendName, Credentials, Denied, RequestFacts, User};
pub use ended::Ended;
pub use factors::OwnFactors;
pub use finish::Pending;
pub(crate) use state::State;

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// One request's hold on its caller: who it is, and how to log in, log out and rotate.
///
/// An adapter makes one per request; clones are the same session. What is done through it becomes headers of
/// the response when the handler returns.
pub struct Session<U>(Arc<Inner<U>>);

struct Inner<U> {
    auth: Auth<U>,
    presented: Presented<U>,
    /// Whose page sent it, if that is another site's and matters.
    other_site: Option<OtherSite>,
    layered: Layered<U>,
    /// Whether somebody asked for the caller, so that the response depends on it.
    asked: AtomicBool,
    /// Whether the response is being made: nobody comes to save what is changed from here on.
    closed: AtomicBool,
    facts: OnceLock<RequestFacts>,
    reader: OnceLock<Reader>,
    /// Where browsers find the application, if that differs from request to request.
    base: OnceLock<Box<str>>,
    resolved: AtomicBool,
    /// Held by whoever finds out who is calling; others wait and find it done.
    resolving: AsyncMutex<()>,
    state: Mutex<State<U>>,
}

impl<U: User> Session<U> {
    pub(crate) fn new(
        auth: Auth<U>,
        presented: Presented<U>,
        other_site: Option<OtherSite>,
        layered: Layered<U>,
    ) -> Self {
        // There is nothing to find out of a request that presents nothing.
        let resolved = AtomicBool::new(presented.is_nothing());
        Self(Arc::new(Inner {
            auth,
            presented,
            other_site,
            layered,
            asked: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            facts: OnceLock::new(),
            reader: OnceLock::new(),
            base: OnceLock::new(),
            resolved,
            resolving: AsyncMutex::const_new(()),
            state: Mutex::new(State::new()),
        }))
    }

    /// The handle of a request that presents nothing and comes from this site.
    #[cfg(feature = "conformance")]
    pub(crate) fn anonymous(auth: Auth<U>, layered: Layered<U>) -> Self {
        Self::new(auth, Presented::NOTHING, None, layered)
    }

    /// The [`Auth`] of this request.
    pub fn auth(&self) -> &Auth<U> {
        &self.0.auth
    }

    /// Adds what the events of this request say about its client. The first call counts.
    pub(crate) fn describe_client(&self, view: &dyn RequestView) {
        self.0.facts.get_or_init(|| {
            let facts = facts_of(&self.0.auth.0.http.proxies, view);
            let Settings { devices, trusted, .. } = &self.auth().0.http;
            // Only what changes something signs somebody in: all other requests spare the look.
            if (devices.is_none() && trusted.is_none()) || matches!(view.method(), "GET" | "HEAD") {
                return facts;
            }
            let found = [
                devices.as_ref().and_then(|cookies| cookies.of(view)),
                trusted.as_ref().and_then(|cookies| cookies.of(view)),
            ];
            facts.with_devices(joined(found))
        });
    }

    /// The same, and who reads the answer.
    pub(crate) fn describe(&self, view: &dyn RequestView) {
        self.describe_client(view);
        self.0.reader.get_or_init(|| Reader::of(view));
        let Settings { base, proxies, .. } = &self.auth().0.http;
        if base.fixed().is_none() {
            self.0.base.get_or_init(|| base.of(proxies, view).into());
        }
    }

    fn base(&self) -> &str {
        let fixed = self.auth().0.http.base.fixed();
        fixed.or(self.0.base.get().map(|said| &**said)).unwrap_or_default()
    }

    pub(crate) fn facts(&self) -> &RequestFacts {
        static NONE: RequestFacts = RequestFacts::NONE;
        self.0.facts.get().unwrap_or(&NONE)
    }

    /// Who reads the answer to this request, by what it says of itself: a person in a browser, or a program.
    pub fn audience(&self) -> Audience {
        self.reader().audience
    }

    pub(crate) fn reader(&self) -> Reader {
        self.0.reader.get().copied().unwrap_or(Reader::UNKNOWN)
    }

    pub(crate) fn presented(&self) -> &Presented<U> {
        &self.0.presented
    }

    // Nothing in here can panic half-way: a poisoned lock is as good as any.
    pub(crate) fn state(&self) -> MutexGuard<'_, State<U>> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn access(&self) -> Option<Access<U>> {
        self.state().access.clone()
    }

    /// The user who is calling; also after a login in this request.
    ///
    /// Under a lazy layer this is `None` until somebody has asked: call [`find_caller`](Self::find_caller) first, or
    /// take the `CurrentUser` extractor.
    pub fn user(&self) -> Option<Arc<U>> {
        self.state().access.as_ref().map(|access| Arc::clone(access.user()))
    }

    /// The backend that vouches for the user.
    pub fn backend(&self) -> Option<BackendName> {
        self.state().access.as_ref().map(|access| access.backend().clone())
    }

    /// Asks the chain for these credentials.
    ///
    /// # Errors
    /// [`Denied`] if nobody accepted them, or if the request comes from another site: a page must not be able
    /// to try passwords through its visitors' browsers.
    pub async fn authenticate<C: Credentials>(&self, credentials: C) -> Result<Authenticated<U>, Denied> {
        if self.refuses_other_site() {
            return Err(Denied::cross_origin());
        }
        self.auth().authenticate(credentials, self.facts()).await
    }

    /// Logs the user in: a new session id, and the old one dies at once.
    ///
    /// Values in the session of the same user stay; another user's are dropped. The caller of this request
    /// is the new user from here on.
    ///
    /// Where a [second factor](crate::second_factor) is asked for, the session may only have begun: then the caller is nobody. Answer
    /// with [`Login::answer`], which is right for both.
    ///
    /// # Errors
    /// [`SessionError`] if the session store is down, the request comes from another site, the proof is another
    /// `Auth`'s or no person's ([`NotAPerson`](SessionErrorKind::NotAPerson)), or the response is on its way
    /// ([`Answered`](SessionErrorKind::Answered)): nobody would get the cookie.
    pub async fn login(&self, authenticated: Authenticated<U>) -> Result<Login<U>, SessionError> {
        if self.refuses_other_site() {
            return Err(SessionErrorKind::CrossOrigin.into());
        }
        if authenticated.by != self.auth().id() {
            return Err(SessionErrorKind::ForeignProof.into());
        }
        self.before_the_response()?;
        // A request whose caller could not be found out still may log in: its old session, if any, is replaced.
        let _ = self.resolve().await;
        let name = authenticated.name.clone();
        let current = self.state().any_live().cloned();
        let is_others = current.as_ref().is_some_and(|live| !live.is_of(&authenticated));
        let opening = Opening::new(authenticated, current, self.presented().key())?;
        let opening = opening.in_browser(self.trust_tokens());
        let begun = self.sessions()?.login(opening, self.facts()).await?;
        if is_others {
            // Another user's values.
            self.state().deeds_mut().patches.clear();
        }
        self.hand_out(begun);
        if let Some(name) = name {
            self.state().deeds_mut().device = self.known_device(&name).unwrap_or_default();
        }
        self.mark_resolved();
        Ok(self.login_now())
    }

    /// Logs out: the session is deleted, and the response removes the cookie.
    ///
    /// # Errors
    /// [`SessionError`] if the store could not confirm it. The cookie is removed all the same, this process
    /// treats the session as dead from now on, and the deletion is tried again in the background.
    pub async fn logout(&self) -> Result<(), SessionError> {
        if self.refuses_other_site() {
            return Err(SessionErrorKind::CrossOrigin.into());
        }
        let sessions = self.sessions()?;
        let _ = self.resolve().await;
        let presented = self.presented().key();
        let (access, live) = {
            let mut state = self.state();
            let has_cookie = state.any_live().is_some() || presented.is_some();
            let deeds = state.deeds_mut();
            deeds.patches.clear();
            if has_cookie {
                deeds.cookie = CookieEffect::Remove;
            }
            let pending = state.pending.take().map(|waiting| waiting.live);
            (state.access.take(), state.live.take().or(pending))
        };
        let (backend, user) = (access.as_ref().map(Access::backend), access.as_ref().map(|a| a.user().id()));
        self.auth().emit(EventKind::LoggedOut, backend, user.as_ref(), self.facts());
        let ended = match (live, presented) {
            (Some(live), _) => sessions.logout(live.key, self.facts()).await,
            (None, Some(key)) => sessions.logout_presented(key, self.facts()).await,
            (None, None) => Ok(()),
        };
        self.mark_resolved();
        ended
    }

    /// Gives the session a new id; the old one dies at once. For changes of what the session may do.
    ///
    /// # Errors
    /// [`SessionError`] if there is no session, it is gone, the store is down, or the response is on its way
    /// ([`Answered`](SessionErrorKind::Answered)).
    pub async fn rotate(&self) -> Result<(), SessionError> {
        self.before_the_response()?;
        self.move_now(None).await
    }

    /// Binds the session to the user's changed security stamp, so that a user who changes their own password
    /// stays logged in here while all their other sessions end. Gives it a new id as well. A [pending](Self::pending) login that lacked
    /// a new password goes on by it.
    ///
    /// Store the change first: the backend of the session is asked for the user, and answers with the caller of this
    /// request from here on. It must know the same id with the same stamp, which a user of another backend has not.
    ///
    /// # Errors
    /// [`SessionError`] as [`rotate`](Self::rotate), also if the backend is down; of kind
    /// [`NoSession`](SessionErrorKind::NoSession) if `user` is not the one who is calling, as the session's backend
    /// knows them now; of kind [`NotFinished`](SessionErrorKind::NotFinished) if a pending login lacks a second factor: nobody changes
    /// a password without it.
    pub async fn rebind(&self, user: U) -> Result<(), SessionError> {
        self.before_the_response()?;
        self.move_now(Some(user)).await
    }

    async fn move_now(&self, rebind: Option<U>) -> Result<(), SessionError> {
        let live = match &rebind {
            Some(_) => self.current_for_rebind().await?,
            None => self.current().await?,
        };
        let rebound = rebind.is_some().then(|| live.record.user().clone());
        let moved = self.sessions()?.rotate(live, rebind, self.facts()).await?;
        if let Some(user) = rebound {
            self.forget_devices(&user).await;
        }
        self.hand_out(moved);
        Ok(())
    }

    /// All sessions of the calling user, oldest first.
    ///
    /// # Errors
    /// [`SessionError`] if there is no session or the store is down.
    pub async fn list(&self) -> Result<Vec<SessionInfo>, SessionError> {
        let live = self.current().await?;
        self.sessions()?.list(&live, self.facts()).await
    }

    /// Ends one of the calling user's sessions, named as [`list`](Self::list) did. Ask for a fresh login
    /// before ([`Require::fresh`](crate::Require::fresh)).
    ///
    /// # Errors
    /// [`SessionError`] if there is no session or the store is down.
    pub async fn revoke(&self, key: &SessionKey) -> Result<(), SessionError> {
        let live = self.current().await?;
        self.sessions()?.revoke(&live, *key, self.facts()).await
    }

    /// Ends all other sessions of the calling user, and says how many.
    ///
    /// # Errors
    /// [`SessionError`] if there is no session or the store is down.
    pub async fn logout_others(&self) -> Result<u64, SessionError> {
        let live = self.current().await?;
        let ended = self.sessions()?.logout_others(&live, self.facts()).await?;
        self.forget_devices(live.record.user()).await;
        self.distrust_browsers(live.record.user()).await?;
        Ok(ended)
    }

    /// The cookies of a browser on which this name signed in just now.
    fn known_device(&self, name: &str) -> Option<Vec<String>> {
        let (devices, throttle) = self.auth().0.http.devices.as_ref().zip(self.auth().throttle())?;
        let random = &*self.auth().environment().random;
        devices.note(throttle.name(name), self.facts().devices(), self.auth().now(), random)
    }

    /// Whoever signed in elsewhere is a stranger to the throttle from here on.
    async fn forget_devices(&self, user: &SessionUser) {
        if let Some(throttle) = self.auth().throttle() {
            throttle.forget_devices(&Account::of(&user.backend, &user.id)).await;
        }
    }

    /// Whether this is asked for by another site's page, which may not. The observer hears of it.
    fn refuses_other_site(&self) -> bool {
        self.0.other_site.iter().for_each(|other| self.auth().tell_cross_origin(other, self.facts()));
        self.0.other_site.is_some()
    }

    /// What is answered to the browser cannot be changed any more: without the cookie nobody would have the new id.
    fn before_the_response(&self) -> Result<(), SessionError> {
        if self.is_closed() { Err(SessionErrorKind::Answered.into()) } else { Ok(()) }
    }

    /// Where to go after the login: `next` if it stays on this site, otherwise `default`, a path of the application (both
    /// below its [base path](crate::AuthBuilder::base_path)).
    ///
    /// Pass whatever the client sent. What is no path of this site (or a URL of
    /// [`AuthBuilder::origin`](crate::AuthBuilder::origin)) is not followed.
    pub fn next_or(&self, next: Option<&str>, default: &str) -> String {
        self.auth().0.http.next_or(self.base(), next, default)
    }

    /// The session of this request.
    async fn current(&self) -> Result<Live, SessionError> {
        self.resolve().await?;
        self.state().live.clone().ok_or_else(|| SessionErrorKind::NoSession.into())
    }

    fn sessions(&self) -> Result<&Arc<dyn SessionEngine<U>>, SessionError> {
        self.auth().sessions().ok_or_else(|| SessionErrorKind::NotConfigured.into())
    }
}

/// The cookies of both kinds, as one header would have them.
fn joined(found: [Option<Box<[u8]>>; 2]) -> Option<Box<[u8]>> {
    let found: Vec<_> = found.into_iter().flatten().collect();
    (!found.is_empty()).then(|| found.join(&b"; "[..]).into())
}

impl<U> Clone for Session<U> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<U: User> fmt::Debug for Session<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("access", &self.access()).finish_non_exhaustive()
    }
}
