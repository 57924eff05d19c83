//! [`Session`]: the handle of one request on its caller's session.

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

/// The session of one request: says who is calling, and logs users in and out.
///
/// An adapter makes one per request, also for anonymous callers; clones are the same session. What a handler does
/// with it becomes headers of the response when the handler returns.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/site.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let session = Site::new().await.request();
/// let alice = session.authenticate(Password::new("alice", "wonderland")).await?;
/// let login = session.login(alice).await?;
/// assert_eq!(login.user().unwrap().name, "Alice");
///
/// session.insert("theme", &"dark").await?;
/// session.logout().await?;
/// assert!(session.user().is_none());
/// # Ok(())
/// # }
/// ```
pub struct Session<U>(Arc<Inner<U>>);

struct Inner<U> {
    auth: Auth<U>,
    presented: Presented<U>,
    /// The other site whose page sent the request, where that matters.
    other_site: Option<OtherSite>,
    layered: Layered<U>,
    /// Whether a handler or guard asked for the caller, so that the response depends on it.
    asked: AtomicBool,
    /// Whether the response is being made. The adapter saves nothing that changes after that.
    closed: AtomicBool,
    facts: OnceLock<RequestFacts>,
    reader: OnceLock<Reader>,
    /// Where browsers find the application, if that differs from request to request.
    base: OnceLock<Box<str>>,
    resolved: AtomicBool,
    /// Held while the caller is resolved: a second task waits, and finds it done.
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
        // A request that presents nothing has nothing to resolve.
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
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/site.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let session = Site::new().await.request();
    /// use auth_core::RequestFacts;
    ///
    /// // Checks a password without logging anybody in.
    /// let password = Password::new("alice", "wonderland");
    /// assert!(session.auth().authenticate(password, &RequestFacts::none()).await.is_ok());
    /// # Ok(())
    /// # }
    /// ```
    pub fn auth(&self) -> &Auth<U> {
        &self.0.auth
    }

    /// Notes what the events of this request say about its client. The first call counts.
    pub(crate) fn describe_client(&self, view: &dyn RequestView) {
        self.0.facts.get_or_init(|| {
            let facts = facts_of(&self.0.auth.0.http.proxies, view);
            let Settings { devices, trusted, .. } = &self.auth().0.http;
            // Only a request that may change something can sign a user in; the others do not pay for the look.
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

    /// The same, and notes who reads the answer.
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

    /// Who reads the answer to this request, judged by its headers: a person in a browser, or a program.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/site.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let session = Site::new().await.request();
    /// use auth_core::http::Audience;
    ///
    /// let answer = match session.audience() {
    ///     Audience::Page => "<h1>Not found</h1>",
    ///     _ => r#"{"error":"not found"}"#,
    /// };
    /// # _ = answer;
    /// # Ok(())
    /// # }
    /// ```
    pub fn audience(&self) -> Audience {
        self.reader().audience
    }

    pub(crate) fn reader(&self) -> Reader {
        self.0.reader.get().copied().unwrap_or(Reader::UNKNOWN)
    }

    pub(crate) fn presented(&self) -> &Presented<U> {
        &self.0.presented
    }

    // No code panics halfway through a change of the state, so a poisoned lock still guards a valid one.
    pub(crate) fn state(&self) -> MutexGuard<'_, State<U>> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn access(&self) -> Option<Access<U>> {
        self.state().access.clone()
    }

    /// The user who is calling, also after a login in this request.
    ///
    /// Under a lazy layer this is `None` until a handler or guard has asked for the caller: call
    /// [`find_caller`](Self::find_caller) first, or take the `CurrentUser` extractor.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/site.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let session = Site::new().await.request_of_alice().await;
    /// let greeting = match session.user() {
    ///     Some(user) => format!("Hello, {}", user.name),
    ///     None => "Hello, stranger".to_owned(),
    /// };
    /// assert_eq!(greeting, "Hello, Alice");
    /// # Ok(())
    /// # }
    /// ```
    pub fn user(&self) -> Option<Arc<U>> {
        self.state().access.as_ref().map(|access| Arc::clone(access.user()))
    }

    /// The backend that vouches for the user, by its name in the configuration.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/site.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let session = Site::new().await.request_of_alice().await;
    /// let may_change_password = session.backend().is_some_and(|backend| backend.as_str() == "local");
    /// assert!(may_change_password);
    /// # Ok(())
    /// # }
    /// ```
    pub fn backend(&self) -> Option<BackendName> {
        self.state().access.as_ref().map(|access| access.backend().clone())
    }

    /// Has the backends judge these credentials. [`login`](Self::login) takes what it returns.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/site.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let session = Site::new().await.request();
    /// let denied = session.authenticate(Password::new("alice", "wrong")).await.unwrap_err();
    /// assert_eq!(denied.to_string(), "the credentials were not accepted");
    ///
    /// let alice = session.authenticate(Password::new("alice", "wonderland")).await?;
    /// assert_eq!(alice.user().name, "Alice");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Denied`] if no backend accepted them, or if the request comes from another site: no page may try passwords
    /// through the browsers of its visitors.
    pub async fn authenticate<C: Credentials>(&self, credentials: C) -> Result<Authenticated<U>, Denied> {
        if self.refuses_other_site() {
            return Err(Denied::cross_origin());
        }
        self.auth().authenticate(credentials, self.facts()).await
    }

    /// Logs the user in: the session gets a new id, and the old id stops working at once.
    ///
    /// Values in the session stay if it was the same user's, and are dropped if it was another's. From here on the new
    /// user is the caller of this request.
    ///
    /// Where a [second factor](crate::second_factor) is required, the login may still be pending; until it is finished, the
    /// request has no caller. Answer with [`Login::answer`], which is right in both cases.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/site.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let session = Site::new().await.request();
    /// let next = Some("/orders");                            // where the form says to go
    ///
    /// let alice = session.authenticate(Password::new("alice", "wonderland")).await?;
    /// let answer = session.login(alice).await?.answer(next); // the adapters make a response of it
    /// assert_eq!(answer.status(), 303);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`SessionError`] if the session store is down; if the request comes from another site; if the proof was made by
    /// another `Auth`, or is not a person's ([`NotAPerson`](SessionErrorKind::NotAPerson)); or if the response is on its
    /// way ([`Answered`](SessionErrorKind::Answered)), as the cookie would not reach the browser.
    pub async fn login(&self, authenticated: Authenticated<U>) -> Result<Login<U>, SessionError> {
        if self.refuses_other_site() {
            return Err(SessionErrorKind::CrossOrigin.into());
        }
        if authenticated.by != self.auth().id() {
            return Err(SessionErrorKind::ForeignProof.into());
        }
        self.before_the_response()?;
        // A user may log in although the caller could not be resolved: the old session, if any, is replaced.
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

    /// Logs the caller out: the session is deleted, and the response removes the cookie.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/site.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let session = Site::new().await.request_of_alice().await;
    /// session.logout().await?;
    /// assert!(session.user().is_none());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`SessionError`] if the store could not confirm the deletion. The response removes the cookie all the same, this
    /// process treats the session as ended from now on, and retries the deletion in the background.
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

    /// Gives the session a new id; the old id stops working at once. Call it when the session's privileges change.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/site.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let session = Site::new().await.request_of_alice().await;
    /// session.insert("role", &"moderator").await?;
    /// session.rotate().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`SessionError`] if there is no session, it is gone, the store is down, or the response is on its way
    /// ([`Answered`](SessionErrorKind::Answered)).
    pub async fn rotate(&self) -> Result<(), SessionError> {
        self.before_the_response()?;
        self.move_now(None).await
    }

    /// Binds the session to the user's changed security stamp: a user who changes their own password stays logged in
    /// here, and all their other sessions end. The session gets a new id, too. A [pending](Self::pending) login that
    /// lacked a new password continues.
    ///
    /// Store the change first. The session's backend then loads the user, who is the caller of this request from here on;
    /// it must know the same id with the same stamp.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/site.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let site = Site::new().await;
    /// # let session = site.request_of_alice().await;
    /// // The application stores the new password, which changes the stamp.
    /// site.users.change("alice", |alice| alice.stamp = b"2".to_vec());
    ///
    /// let alice = Member { id: 1, name: "Alice".into(), stamp: b"2".to_vec() };
    /// session.rebind(alice).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`SessionError`] as [`rotate`](Self::rotate), also if the backend is down; of kind
    /// [`NoSession`](SessionErrorKind::NoSession) if `user` is not the caller as the session's backend knows them now; of
    /// kind [`NotFinished`](SessionErrorKind::NotFinished) if a pending login lacks a second factor, without which no
    /// password may be changed.
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

    /// Lists all sessions of the calling user, oldest first: for a page of devices.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/site.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let session = Site::new().await.request_of_alice().await;
    /// for device in session.list().await? {
    ///     println!("{}: signed in {:?}, this one: {}", device.key, device.created, device.is_current);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`SessionError`] if there is no session or the store is down.
    pub async fn list(&self) -> Result<Vec<SessionInfo>, SessionError> {
        let live = self.current().await?;
        self.sessions()?.list(&live, self.facts()).await
    }

    /// Ends one of the calling user's sessions, by a key from [`list`](Self::list). Require a fresh login for it
    /// ([`Require::fresh`](crate::Require::fresh)).
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/site.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let session = Site::new().await.request_of_alice().await;
    /// use auth_core::session::SessionKey;
    ///
    /// # let text = session.list().await?[0].key.to_string();
    /// // `text` is the field of a form that was made from the list.
    /// if let Some(key) = SessionKey::from_hex(&text) {
    ///     session.revoke(&key).await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`SessionError`] if there is no session or the store is down.
    pub async fn revoke(&self, key: &SessionKey) -> Result<(), SessionError> {
        let live = self.current().await?;
        self.sessions()?.revoke(&live, *key, self.facts()).await
    }

    /// Ends all other sessions of the calling user, and returns how many there were.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/site.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let site = Site::new().await;
    /// # let session = site.request_of_alice().await;
    /// let phone = site.request_of_alice().await;
    /// assert_eq!(session.logout_others().await?, 1);
    /// assert!(phone.find_caller_again().await?.is_none());
    /// # Ok(())
    /// # }
    /// ```
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

    /// The `Set-Cookie` values for a browser on which a user of this name has just signed in.
    fn known_device(&self, name: &str) -> Option<Vec<String>> {
        let (devices, throttle) = self.auth().0.http.devices.as_ref().zip(self.auth().throttle())?;
        let random = &*self.auth().environment().random;
        devices.note(throttle.name(name), self.facts().devices(), self.auth().now(), random)
    }

    /// Makes the throttle forget the devices on which this user signed in.
    async fn forget_devices(&self, user: &SessionUser) {
        if let Some(throttle) = self.auth().throttle() {
            throttle.forget_devices(&Account::of(&user.backend, &user.id)).await;
        }
    }

    /// Whether a page of another site sent the request, which may not do this. Tells the observer.
    fn refuses_other_site(&self) -> bool {
        self.0.other_site.iter().for_each(|other| self.auth().tell_cross_origin(other, self.facts()));
        self.0.other_site.is_some()
    }

    /// Refuses what would need a cookie on a response that is on its way: the new id would not reach the browser.
    fn before_the_response(&self) -> Result<(), SessionError> {
        if self.is_closed() { Err(SessionErrorKind::Answered.into()) } else { Ok(()) }
    }

    /// Where to redirect after the login: to `next` if it stays on this site, otherwise to `default`, a path of the
    /// application (both below its [base path](crate::AuthBuilder::base_path)).
    ///
    /// Pass what the client sent as it is. A `next` that is neither a path of this site nor a URL of its
    /// [origin](crate::AuthBuilder::origin) is ignored.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/site.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let session = Site::new().await.request();
    /// assert_eq!(session.next_or(Some("/orders?page=2"), "/"), "/orders?page=2");
    /// assert_eq!(session.next_or(Some("https://evil.example"), "/"), "/");
    /// assert_eq!(session.next_or(None, "/home"), "/home");
    /// # Ok(())
    /// # }
    /// ```
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

/// The cookies of both kinds, joined as in one header.
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
