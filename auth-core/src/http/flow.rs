//! The way of a request: read what it presents, find out who is calling.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::frame::Reading;
use super::scheme::{self, Offer};
use super::view::Single;
use super::{Frame, Header, Read, Refusal, RequestView};
use crate::event::EventKind;
use crate::guard::caught;
use crate::remote_user::RemoteUser;
use crate::session::{Failure, Session, Token};
use crate::session::{Found as FoundCookie, Scan};
use crate::{Access, Auth, RequestFacts, User};

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a request presents.
pub(crate) enum Presented<U> {
    Nothing,
    Token(Token),
    Credentials(Offer<U>),
    /// Which must name one user.
    Both(Token, Offer<U>),
    /// Whom a trusted proxy names, and a session that may be of somebody else.
    Remote(Option<Token>, RemoteUser),
    /// Something that cannot be read.
    Failure(Failure),
}

impl<U> Presented<U> {
    fn credentials(&self) -> Option<&Offer<U>> {
        match self {
            Self::Credentials(credentials) | Self::Both(_, credentials) => Some(credentials),
            Self::Nothing | Self::Token(_) | Self::Remote(..) | Self::Failure(_) => None,
        }
    }

    pub(crate) fn remote_user(&self) -> Option<&RemoteUser> {
        match self {
            Self::Remote(_, user) => Some(user),
            _ => None,
        }
    }

    pub(crate) fn token(&self) -> Option<&Token> {
        match self {
            Self::Token(token) | Self::Both(token, _) => Some(token),
            Self::Remote(token, _) => token.as_ref(),
            Self::Nothing | Self::Credentials(_) | Self::Failure(_) => None,
        }
    }
}

/// What an adapter does with a request.
pub enum Begin<U> {
    /// Call the service now, and poll its future inside the [frame](Auth::frame).
    Call(Reading),
    /// The same, with this frame.
    CallIn(Frame),
    /// Await who is calling, then call the service or answer the refusal.
    Resolve(Resolving<U>),
    /// Answer this.
    Refuse(Refusal),
}

impl<U: User> Auth<U> {
    /// Reads what a request presents. Nothing is awaited and nothing allocated for one that presents nothing.
    #[inline]
    pub fn begin(&self, view: &impl RequestView) -> Begin<U> {
        let cookie = self.find_cookie(view);
        let settings = &self.0.http;
        let only_cookies = settings.schemes.is_empty() && settings.remote_user.is_none();
        if only_cookies && matches!(cookie, FoundCookie::Nothing) {
            return Begin::Call(Reading { is_lazy: false });
        }
        self.begin_presented(cookie, view)
    }

    #[inline]
    fn find_cookie<'a>(&self, view: &'a impl RequestView) -> FoundCookie<'a> {
        let Some(name) = &self.0.http.cookie else { return FoundCookie::Nothing };
        let mut scan = Scan::new(name);
        view.values(Header::Cookie, &mut |line| scan.line(line));
        scan.found()
    }

    // Kept out of the way of all other requests.
    #[inline(never)]
    fn begin_presented(&self, cookie: FoundCookie<'_>, view: &impl RequestView) -> Begin<U> {
        match self.read(cookie, view) {
            Ok(None) => Begin::Call(Reading { is_lazy: false }),
            Ok(Some(session)) => {
                let future = session.resolve_now();
                Begin::Resolve(Resolving { session: Some(session), future })
            }
            Err(failure) => Begin::Refuse(self.refuse_failure(failure, view)),
        }
    }

    /// As [`begin`](Self::begin), but leaves finding out who is calling to the first who asks.
    pub fn begin_lazy(&self, view: &impl RequestView) -> Begin<U> {
        if self.is_never_refused(view) {
            return Begin::Call(Reading { is_lazy: true });
        }
        match self.read(self.find_cookie(view), view) {
            Ok(None) => Begin::Call(Reading { is_lazy: false }),
            Ok(session) => Begin::CallIn(Frame::new(self.clone(), session, false)),
            Err(failure) => Begin::Refuse(self.refuse_failure(failure, view)),
        }
    }

    /// The frame of a request that is [called](Begin::Call) at once.
    #[inline]
    pub fn frame(&self, reading: Reading) -> Frame {
        Frame::new(self.clone(), None, reading.is_lazy)
    }

    /// Whether reading what a request presents, for nobody who asks, could only cost time.
    fn is_never_refused(&self, view: &impl RequestView) -> bool {
        let settings = &self.0.http;
        let has_no_credentials =
            settings.schemes.is_empty() || matches!(Single::of(view, Header::Authorization), Single::Absent);
        has_no_credentials && settings.remote_user.is_none() && !settings.origins.is_cross_origin(view)
    }

    /// What the request of a lazy layer presents.
    pub(super) fn read_late(&self, view: &dyn RequestView) -> Option<Session<U>> {
        let read = caught(|| self.read(self.find_cookie(&view), &view)).unwrap_or(Err(Failure::Unavailable));
        read.unwrap_or_else(|failure| {
            // A scheme panicked, or something between the layer and the handler changed the headers.
            Some(Session::new(self.clone(), Presented::Failure(failure), true))
        })
    }

    fn read(&self, cookie: FoundCookie<'_>, view: &impl RequestView) -> Result<Option<Session<U>>, Failure> {
        let token = match cookie {
            FoundCookie::Nothing => None,
            FoundCookie::One(value) => Token::parse(value),
            FoundCookie::Ambiguous => {
                self.emit(EventKind::AmbiguousCookie, None, None, &facts_of(view));
                None
            }
        };
        let has_schemes = !self.0.http.schemes.is_empty();
        let credentials = if has_schemes { self.read_authorization(view)? } else { None };
        let remote = self.read_remote_user(view)?;
        if token.is_none() && credentials.is_none() && remote.is_none() {
            return Ok(None);
        }
        let is_cross_origin = self.0.http.origins.is_cross_origin(view);
        // Cookies and Basic credentials are sent by the browser, whoever's page made the request, and so is what a proxy
        // knows its user by. A token is not, but next to a cookie it does not show who wanted the request.
        let is_ambient =
            token.is_some() || remote.is_some() || credentials.as_ref().is_some_and(Offer::is_ambient);
        if is_ambient && is_cross_origin {
            return Err(Failure::CrossOrigin);
        }
        let is_to_be_judged = matches!(credentials, Some(Offer::Fresh(_))) || remote.is_some();
        let presented = match (token, credentials, remote) {
            (token, None, Some(remote)) => Presented::Remote(token, remote),
            (_, Some(_), Some(_)) => return Err(Failure::Contradiction),
            (Some(token), None, None) => Presented::Token(token),
            (None, Some(credentials), None) => Presented::Credentials(credentials),
            (Some(token), Some(credentials), None) => Presented::Both(token, credentials),
            (None, None, None) => return Ok(None),
        };
        let session = Session::new(self.clone(), presented, is_cross_origin);
        if is_to_be_judged {
            session.describe_client(view);
        }
        Ok(Some(session))
    }

    /// The credentials in `Authorization`. Where a scheme is accepted, a header that none takes is an error: it
    /// never falls back to the cookie or to nobody.
    fn read_authorization(&self, view: &impl RequestView) -> Result<Option<Offer<U>>, Failure> {
        let value = match Single::of(view, Header::Authorization) {
            Single::Absent => return Ok(None),
            Single::Several => return Err(Failure::Malformed),
            Single::One(value) => value,
        };
        for scheme in &self.0.http.schemes {
            match scheme::read(scheme, value, self.clock()) {
                Read::NotMine => {}
                Read::Present(credentials) => {
                    let is_allowed = scheme.allows_cleartext() || self.0.http.transport.is_protected(view);
                    return if is_allowed { Ok(Some(credentials)) } else { Err(Failure::Cleartext) };
                }
                Read::Malformed => break,
            }
        }
        Err(Failure::BadCredentials)
    }

    /// The handle of a request that presents nothing: nobody, until a login.
    pub(super) fn anonymous(&self, view: &dyn RequestView) -> Session<U> {
        let cross_origin = self.0.http.origins.is_cross_origin(view);
        let session = Session::new(self.clone(), Presented::Nothing, cross_origin);
        session.mark_resolved();
        session
    }
}

/// Resolves a request that presents credentials.
pub(crate) fn resolve_credentials<U: User>(session: Session<U>) -> BoxFuture<'static, Result<(), Failure>> {
    if let Some(Offer::Fresh(credentials)) = session.presented().credentials() {
        return Arc::clone(credentials).authenticate(session);
    }
    Box::pin(async move {
        match session.presented().credentials() {
            Some(Offer::Recalled(credentials)) => credentials.authenticate(&session).await,
            Some(Offer::Fresh(_)) | None => Ok(()),
        }
    })
}

/// Resolves a request that presents credentials and a session. Both must name one user.
pub(crate) async fn resolve_both<U: User>(session: Session<U>) -> Result<(), Failure> {
    resolve_credentials(session.clone()).await?;
    let by_credentials = session.state().access.take();
    if let Some(sessions) = session.auth().sessions() {
        Arc::clone(sessions).resolve(session.clone()).await?;
    }
    let mut state = session.state();
    match (by_credentials, state.access.take()) {
        (Some(one), Some(other)) if !is_same(&one, &other) => Err(Failure::Contradiction),
        (by_credentials, _) => {
            state.access = by_credentials;
            Ok(())
        }
    }
}

fn is_same<U: User>(one: &Access<U>, other: &Access<U>) -> bool {
    one.backend() == other.backend() && one.user().id() == other.user().id()
}

pub(crate) fn facts_of(view: &dyn RequestView) -> RequestFacts {
    let agent = match Single::of(view, Header::UserAgent) {
        Single::One(agent) => Some(agent),
        Single::Absent | Single::Several => None,
    };
    RequestFacts::none().with_peer(view.peer()).with_user_agent(agent)
}

/// Finding out who is calling.
#[must_use = "futures do nothing unless polled"]
pub struct Resolving<U> {
    session: Option<Session<U>>,
    future: BoxFuture<'static, Result<(), Failure>>,
}

impl<U: User> Future for Resolving<U> {
    type Output = Found<U>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Found<U>> {
        let outcome = ready!(self.future.as_mut().poll(cx));
        // Polled again after it was ready, it has nobody to tell about; that is an adapter's bug.
        let Some(session) = self.session.take() else { return Poll::Pending };
        if outcome.is_ok() {
            session.mark_resolved();
        }
        Poll::Ready(Found { session, outcome })
    }
}

/// Who is calling, or why that cannot be found out.
pub struct Found<U> {
    session: Session<U>,
    outcome: Result<(), Failure>,
}

impl<U: User> Found<U> {
    /// The frame to call the service in, and the caller for the request's extensions.
    ///
    /// # Errors
    /// The [`Refusal`] to answer with.
    pub fn caller(self, view: &dyn RequestView) -> Result<(Frame, Option<Arc<U>>), Refusal> {
        let Self { session, outcome } = self;
        match outcome {
            Ok(()) => {
                let user = session.user();
                Ok((Frame::new(session.auth().clone(), Some(session), false), user))
            }
            Err(failure) => Err(session.auth().refuse_failure(failure, view)),
        }
    }
}
