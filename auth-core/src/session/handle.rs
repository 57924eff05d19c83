//! [`Session`]: one request's hold on who is calling.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::Mutex as AsyncMutex;

use super::revocation::Undoing;
use super::{
    ClientFacts, Failure, SessionData, SessionError, SessionErrorKind, SessionKey, SessionRecord, StampMac,
    Token,
};
use crate::event::EventKind;
use crate::http::{
    AnyExchange, Audience, Layered, Presented, Refusal, RequestView, ResponseView, Shown, apply_effects,
    facts_of, is_navigation, resolve_both, resolve_credentials,
};
use crate::require::Lacking;
use crate::{
    Access, Auth, Authenticated, BackendName, Credentials, Denied, How, RequestFacts, Require, Timestamp,
    User,
};

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// One request's hold on its caller: who it is, and how to log in, log out and rotate.
///
/// An adapter makes one per request; clones are the same session. What is done through it becomes headers of
/// the response when the handler returns.
pub struct Session<U>(Arc<Inner<U>>);

struct Inner<U> {
    auth: Auth<U>,
    presented: Presented<U>,
    cross_origin: bool,
    layered: Layered<U>,
    /// Whether somebody asked for the caller, so that the response depends on it.
    asked: AtomicBool,
    /// Whether the response is being made: nobody comes to save what is changed from here on.
    closed: AtomicBool,
    facts: OnceLock<RequestFacts>,
    audience: OnceLock<(Audience, bool)>,
    resolved: AtomicBool,
    /// Held by whoever finds out who is calling; others wait and find it done.
    resolving: AsyncMutex<()>,
    state: Mutex<State<U>>,
}

/// What is known and what was done so far.
pub(crate) struct State<U> {
    pub(crate) access: Option<Access<U>>,
    /// The user whom the layer put into the request's extensions.
    put: Option<Arc<U>>,
    pub(crate) live: Option<Live>,
    pub(crate) cookie: CookieEffect,
    pub(crate) patches: BTreeMap<Box<str>, Option<Box<str>>>,
    /// The new id that the session is to get before the response is made.
    pub(crate) renewal: Option<Renewal>,
    /// A session that this request began, which is nobody's before the response is made.
    pub(crate) undelivered: Option<Box<dyn Undoing>>,
    /// Whether a trusted proxy names somebody whom no backend lets in: a login page would not help.
    pub(crate) is_turned_away: bool,
    /// What must be answered instead of whatever the handler answers.
    pub(crate) refusal: Option<Box<Refusal>>,
}

/// What is due when a session is to get a new id.
pub(crate) struct Renewal {
    /// The id that it has.
    pub(crate) key: SessionKey,
    /// Its user's stamp, by the current key.
    pub(crate) stamp: StampMac,
}

/// The session record behind this request.
#[derive(Clone)]
pub(crate) struct Live {
    pub(crate) key: SessionKey,
    pub(crate) version: u64,
    pub(crate) by_alias: bool,
    pub(crate) record: Arc<SessionRecord>,
}

impl Live {
    /// Whether it is a session of this user.
    pub(crate) fn is_of<U: User>(&self, authenticated: &Authenticated<U>) -> bool {
        self.record.backend == authenticated.backend && self.record.user == authenticated.user.id()
    }
}

/// What the response does to the session cookie.
#[derive(Clone)]
pub(crate) enum CookieEffect {
    Keep,
    Set(Token, Option<Duration>),
    Remove,
}

impl<U: User> Session<U> {
    pub(crate) fn new(
        auth: Auth<U>,
        presented: Presented<U>,
        cross_origin: bool,
        layered: Layered<U>,
    ) -> Self {
        // There is nothing to find out of a request that presents nothing.
        let resolved = AtomicBool::new(matches!(presented, Presented::Nothing));
        Self(Arc::new(Inner {
            auth,
            presented,
            cross_origin,
            layered,
            asked: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            facts: OnceLock::new(),
            audience: OnceLock::new(),
            resolved,
            resolving: AsyncMutex::const_new(()),
            state: Mutex::new(State {
                access: None,
                put: None,
                live: None,
                cookie: CookieEffect::Keep,
                patches: BTreeMap::new(),
                renewal: None,
                undelivered: None,
                is_turned_away: false,
                refusal: None,
            }),
        }))
    }

    /// The [`Auth`] of this request.
    pub fn auth(&self) -> &Auth<U> {
        &self.0.auth
    }

    /// Adds what the events of this request say about its client. The first call counts.
    pub(crate) fn describe_client(&self, view: &dyn RequestView) {
        self.0.facts.get_or_init(|| facts_of(view));
    }

    /// The same, and who reads the answer.
    pub(crate) fn describe(&self, view: &dyn RequestView) {
        self.describe_client(view);
        self.0.audience.get_or_init(|| (Audience::of(view), is_navigation(view)));
    }

    pub(crate) fn facts(&self) -> &RequestFacts {
        static NONE: RequestFacts = RequestFacts::NONE;
        self.0.facts.get().unwrap_or(&NONE)
    }

    /// Who reads the answer to this request, by what it says of itself: a person in a browser, or a program.
    pub fn audience(&self) -> Audience {
        self.0.audience.get().map_or(Audience::Api, |(audience, _)| *audience)
    }

    /// Whether a browser navigates: its next page may be shown from its memory later.
    pub(crate) fn is_navigation(&self) -> bool {
        self.0.audience.get().is_some_and(|(_, is_navigation)| *is_navigation)
    }

    pub(crate) fn presented(&self) -> &Presented<U> {
        &self.0.presented
    }

    // Nothing in here can panic half-way: a poisoned lock is as good as any.
    pub(crate) fn state(&self) -> MutexGuard<'_, State<U>> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

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
        if self.0.cross_origin {
            return Err(Denied::cross_origin());
        }
        self.auth().authenticate(credentials, self.facts()).await
    }

    /// Logs the user in: a new session id, and the old one dies at once.
    ///
    /// Values in the session of the same user stay; another user's are dropped. The caller of this request
    /// is the new user from here on.
    ///
    /// # Errors
    /// [`SessionError`] if the session store is down, the request comes from another site, the proof is another
    /// `Auth`'s, or the response is on its way ([`Answered`](SessionErrorKind::Answered)): nobody would get the cookie.
    pub async fn login(&self, authenticated: Authenticated<U>) -> Result<Arc<U>, SessionError> {
        if self.0.cross_origin {
            return Err(SessionErrorKind::CrossOrigin.into());
        }
        if authenticated.by != self.auth().id() {
            return Err(SessionErrorKind::ForeignProof.into());
        }
        self.before_the_response()?;
        // A request whose caller could not be found out still may log in: its old session, if any, is replaced.
        let _ = self.resolve().await;
        let user = Arc::clone(&authenticated.user);
        self.sessions()?.login(self, authenticated).await?;
        self.mark_resolved();
        Ok(user)
    }

    /// Logs out: the session is deleted, and the response removes the cookie.
    ///
    /// # Errors
    /// [`SessionError`] if the store could not confirm it. The cookie is removed all the same, this process
    /// treats the session as dead from now on, and the deletion is tried again in the background.
    pub async fn logout(&self) -> Result<(), SessionError> {
        if self.0.cross_origin {
            return Err(SessionErrorKind::CrossOrigin.into());
        }
        let ended = self.sessions()?.logout(self).await;
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
        self.resolve_for_change().await?;
        self.sessions()?.rotate(self, None).await
    }

    /// Binds the session to the user's changed security stamp, so that a user who changes their own password
    /// stays logged in here while all their other sessions end. Gives it a new id as well.
    ///
    /// Store the change first: the backend of the session is asked for the user, and answers with the caller of this
    /// request from here on. It must know the same id with the same stamp, which a user of another backend has not.
    ///
    /// # Errors
    /// [`SessionError`] as [`rotate`](Self::rotate), also if the backend is down; of kind
    /// [`NoSession`](SessionErrorKind::NoSession) if `user` is not the one who is calling, as the session's backend
    /// knows them now.
    pub async fn rebind(&self, user: U) -> Result<(), SessionError> {
        self.before_the_response()?;
        self.resolve_for_change().await?;
        self.sessions()?.rotate(self, Some(user)).await
    }

    /// All sessions of the calling user, oldest first.
    ///
    /// # Errors
    /// [`SessionError`] if there is no session or the store is down.
    pub async fn list(&self) -> Result<Vec<SessionInfo>, SessionError> {
        self.resolve_for_change().await?;
        self.sessions()?.list(self).await
    }

    /// Ends one of the calling user's sessions, named as [`list`](Self::list) did. Ask for a fresh login
    /// before ([`Require::fresh`](crate::Require::fresh)).
    ///
    /// # Errors
    /// [`SessionError`] if there is no session or the store is down.
    pub async fn revoke(&self, key: &SessionKey) -> Result<(), SessionError> {
        self.resolve_for_change().await?;
        self.sessions()?.revoke(self, key).await
    }

    /// Ends all other sessions of the calling user, and says how many.
    ///
    /// # Errors
    /// [`SessionError`] if there is no session or the store is down.
    pub async fn logout_others(&self) -> Result<u64, SessionError> {
        self.resolve_for_change().await?;
        self.sessions()?.logout_others(self).await
    }

    /// A value of the application in this session. `None` if there is none, or it is of another shape.
    ///
    /// # Errors
    /// [`SessionError`] if the caller could not be found out.
    pub async fn get<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, SessionError> {
        self.resolve().await?;
        let state = self.state();
        let text = match state.patches.get(name) {
            Some(patch) => patch.as_deref(),
            None => state.live.as_ref().and_then(|live| live.record.data.0.get(name)).map(|text| &**text),
        };
        Ok(text.and_then(|text| serde_json::from_str(text).ok()))
    }

    /// Keeps a value of the application in this session, replacing one of the same name.
    ///
    /// It is written when the handler has answered, unless the answer is a 5xx, and after that (in a streamed body, a
    /// task, a socket) at once; values of other names that parallel requests write meanwhile stay. Anonymous visitors have
    /// no session to keep it in.
    ///
    /// # Errors
    /// [`SessionError`] if there is no session, the value is not JSON, or the values would take more than
    /// [`SessionData::MAX_LEN`] bytes.
    pub async fn insert<T: Serialize + Sync>(&self, name: &str, value: &T) -> Result<(), SessionError> {
        self.resolve_for_change().await?;
        let text = serde_json::to_string(value).map_err(|_| SessionErrorKind::InvalidValue)?;
        self.patch(name, Some(text.into()))?;
        self.save_late().await
    }

    /// Removes a value of the application.
    ///
    /// # Errors
    /// [`SessionError`] if there is no session.
    pub async fn remove(&self, name: &str) -> Result<(), SessionError> {
        self.resolve_for_change().await?;
        self.patch(name, None)?;
        self.save_late().await
    }

    /// A handle that outlives its request, in a streamed body, a task or a socket, writes at once.
    async fn save_late(&self) -> Result<(), SessionError> {
        if self.is_closed() { self.save(200).await } else { Ok(()) }
    }

    /// What is answered to the browser cannot be changed any more: without the cookie nobody would have the new id.
    fn before_the_response(&self) -> Result<(), SessionError> {
        if self.is_closed() { Err(SessionErrorKind::Answered.into()) } else { Ok(()) }
    }

    fn patch(&self, name: &str, value: Option<Box<str>>) -> Result<(), SessionError> {
        let mut state = self.state();
        let Some(live) = &state.live else { return Err(SessionErrorKind::NoSession.into()) };
        let mut data = live.record.data.clone();
        let mut patches = state.patches.clone();
        patches.insert(name.into(), value);
        apply(&mut data, &patches);
        if data.len() > SessionData::MAX_LEN {
            return Err(SessionErrorKind::InvalidValue.into());
        }
        state.patches = patches;
        Ok(())
    }

    /// Writes the values that the handler changed. Called by the adapter when the handler has answered
    /// `status`.
    pub(crate) async fn save(&self, status: u16) -> Result<(), SessionError> {
        let (patches, renewal) = {
            let mut state = self.state();
            (std::mem::take(&mut state.patches), state.renewal.take())
        };
        if status >= 500 {
            return Ok(());
        }
        if !patches.is_empty() {
            self.sessions()?.save(self, patches).await.inspect_err(|_| self.take_back())?;
        }
        if let Some(renewal) = renewal {
            self.sessions()?.renew(self, renewal).await;
        }
        Ok(())
    }

    /// Undoes a login of this request, to which an error is answered after all. A session that was moved stays: its old
    /// id is dead.
    fn take_back(&self) {
        let undone = {
            let mut state = self.state();
            let undone = state.undelivered.take();
            if undone.is_some() {
                (state.access, state.live, state.cookie) = (None, None, CookieEffect::Keep);
            }
            undone
        };
        drop(undone);
    }

    /// Where to go after the login: `next` if it stays on this site, otherwise `default`.
    ///
    /// Pass whatever the client sent. What is no path of this site (or a URL of
    /// [`AuthBuilder::origin`](crate::AuthBuilder::origin)) is not followed.
    pub fn next_or(&self, next: Option<&str>, default: &str) -> String {
        next.and_then(|next| self.auth().next(next)).unwrap_or(default).to_owned()
    }

    async fn resolve_for_change(&self) -> Result<(), SessionError> {
        Ok(self.resolve().await?)
    }

    fn sessions(&self) -> Result<&Arc<dyn super::SessionEngine<U>>, SessionError> {
        self.auth().sessions().ok_or_else(|| SessionErrorKind::NotConfigured.into())
    }
}

/// A [`Session`] whose user type is forgotten: what lies in a request's extensions.
pub(crate) trait AnySession: Any + Send + Sync {
    fn outer(&self) -> Option<&AnyExchange>;
    /// Notes that somebody asks for the caller.
    fn ask(&self);
    fn is_known(&self) -> bool;
    fn resolve(self: Arc<Self>) -> BoxFuture<'static, Result<(), Failure>>;
    fn check(self: Arc<Self>, require: &Require, view: &dyn RequestView) -> Result<(), Refusal>;
    fn refuse_nobody(self: Arc<Self>, view: &dyn RequestView) -> Refusal;
    fn refuse(self: Arc<Self>, failure: Failure, view: &dyn RequestView) -> Refusal;
}

impl<U: User> AnySession for Inner<U> {
    fn outer(&self) -> Option<&AnyExchange> {
        self.layered.outer.as_ref()
    }

    fn ask(&self) {
        self.asked.store(true, Ordering::Release);
    }

    fn is_known(&self) -> bool {
        self.resolved.load(Ordering::Acquire)
    }

    fn resolve(self: Arc<Self>) -> BoxFuture<'static, Result<(), Failure>> {
        Box::pin(async move { Session(self).resolve().await })
    }

    fn check(self: Arc<Self>, require: &Require, view: &dyn RequestView) -> Result<(), Refusal> {
        let session = Session(self);
        let checked = require.check(session.shown(view).as_ref(), session.auth().now());
        checked.map_err(|lacking| session.refuse_lacking(require, lacking, view))
    }

    fn refuse_nobody(self: Arc<Self>, view: &dyn RequestView) -> Refusal {
        Session(self).refuse_lacking(&Require::login(), Lacking::Login, view)
    }

    fn refuse(self: Arc<Self>, failure: Failure, view: &dyn RequestView) -> Refusal {
        self.auth.refuse_failure(failure, view)
    }
}

/// What adapters and extractors ask of a request's session, through [`Exchange`](crate::http::Exchange).
impl<U: User> Session<U> {
    pub(crate) fn into_any(self) -> Arc<dyn AnySession> {
        self.0
    }

    pub(crate) fn from_any(session: &Arc<dyn AnySession>) -> Option<Self> {
        let session: Arc<dyn Any + Send + Sync> = Arc::clone(session) as _;
        session.downcast().ok().map(Self)
    }

    fn refuse_lacking(&self, require: &Require, lacking: Lacking, view: &dyn RequestView) -> Refusal {
        let is_turned_away = lacking == Lacking::Login && self.state().is_turned_away;
        let lacking = if is_turned_away { Lacking::Permission } else { lacking };
        self.auth().refuse_lacking(require, lacking, view)
    }

    pub(crate) fn outer(&self) -> Option<&AnyExchange> {
        self.0.layered.outer.as_ref()
    }

    pub(crate) fn ask(&self) {
        AnySession::ask(&*self.0);
    }

    /// Whether the response depends on it. A caller that nobody asked for (a lazy layer) has no effect.
    #[inline]
    pub(crate) fn has_effects(&self) -> bool {
        let presents = || !matches!(self.0.presented, Presented::Nothing) && self.is_resolved();
        self.0.asked.load(Ordering::Acquire) || presents()
    }

    pub(crate) fn changes_cookie(&self) -> bool {
        !matches!(self.state().cookie, CookieEffect::Keep)
    }

    pub(crate) fn has_unsaved(&self) -> bool {
        let unsaved = |state: &State<U>| !state.patches.is_empty() || state.renewal.is_some();
        self.has_effects() && unsaved(&self.state())
    }

    fn is_closed(&self) -> bool {
        self.0.closed.load(Ordering::Acquire)
    }

    pub(crate) fn finish(&self, response: &mut dyn ResponseView) {
        apply_effects(self, response);
        let delivered = self.state().undelivered.take();
        if let Some(undo) = delivered {
            undo.disarm();
        }
    }

    /// The caller, whom the adapter puts into the request's extensions.
    pub(crate) fn put_user(&self) -> Option<Arc<U>> {
        let mut state = self.state();
        state.put = state.access.as_ref().map(|access| Arc::clone(access.user()));
        state.put.clone()
    }

    /// The caller as the request shows it. Where the layer put one into the extensions, whoever took it out made nobody of
    /// the caller, and whatever was put in its place is no proof of anything.
    pub(crate) fn shown(&self, view: &dyn RequestView) -> Option<Access<U>> {
        let (access, put) = {
            let state = self.state();
            (state.access.clone()?, state.put.clone())
        };
        match (put, self.0.layered.shown) {
            (Some(put), Some(shown)) => is_shown(&put, shown, view).then_some(access),
            _ => Some(access),
        }
    }
}

fn is_shown<U>(put: &Arc<U>, shown: Shown<U>, view: &dyn RequestView) -> bool {
    let mut is_there = false;
    view.extensions(&mut |extensions| {
        is_there = shown(extensions).is_some_and(|user| Arc::ptr_eq(&user, put));
    });
    is_there
}

/// Replaces and removes values by name.
pub(crate) fn apply(data: &mut SessionData, patches: &BTreeMap<Box<str>, Option<Box<str>>>) {
    for (name, value) in patches {
        match value {
            Some(value) => _ = data.0.insert(name.clone(), value.clone()),
            None => _ = data.0.remove(name),
        }
    }
}

impl<U> Session<U> {
    /// From here on nobody comes to save what is changed. Before [`has_unsaved`](Self::has_unsaved): whoever changes
    /// something under the lock after that has been looked at finds the exchange closed, and saves it.
    pub(crate) fn close(&self) {
        self.0.closed.store(true, Ordering::Release);
    }
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

/// One session of a user, for a list of devices.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SessionInfo {
    /// Names it in [`Session::revoke`]. It is a hash, and no way into the session.
    pub key: SessionKey,
    /// When it began.
    pub created: Timestamp,
    /// When it was last used, within the touch interval.
    pub last_seen: Timestamp,
    /// The client, if the configuration keeps it.
    pub client: Option<ClientFacts>,
    /// Whether it is the session of this request.
    pub is_current: bool,
}
