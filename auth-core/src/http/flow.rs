//! The way of a request: read what it presents, find out who is calling.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::exchange::{AnyExchange, Exchange, Shown};
use super::scheme::{self, Offer, Read as ReadHeader};
use super::view::Single;
use super::{Header, Refusal, RequestView, Settings, log_error};
use crate::event::EventKind;
use crate::guard::caught;
use crate::remote_user::RemoteUser;
use crate::session::{Failure, Session, SessionKey, Token};
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
    /// The session that a request had, asked about once more.
    Again(SessionKey),
}

impl<U> Presented<U> {
    fn credentials(&self) -> Option<&Offer<U>> {
        match self {
            Self::Credentials(credentials) | Self::Both(_, credentials) => Some(credentials),
            Self::Nothing | Self::Token(_) | Self::Remote(..) | Self::Again(_) => None,
        }
    }

    pub(crate) fn remote_user(&self) -> Option<&RemoteUser> {
        match self {
            Self::Remote(_, user) => Some(user),
            _ => None,
        }
    }

    /// The key of the session that is asked for.
    pub(crate) fn key(&self) -> Option<SessionKey> {
        match self {
            Self::Again(key) => Some(*key),
            _ => self.token().map(Token::key),
        }
    }

    pub(crate) fn token(&self) -> Option<&Token> {
        match self {
            Self::Token(token) | Self::Both(token, _) => Some(token),
            Self::Remote(token, _) => token.as_ref(),
            Self::Nothing | Self::Credentials(_) | Self::Again(_) => None,
        }
    }
}

/// What an adapter does with a request.
pub enum Begin<U> {
    /// Put the exchange into the request's extensions and call the service now.
    Call(Exchange<U>),
    /// Await who is calling, then call the service or answer the refusal.
    Resolve(Resolving<U>),
    /// Answer this.
    Refuse(Refusal),
}

/// What an adapter tells of the layer and of the layers around it.
pub struct Layered<U> {
    /// How to find the [`CurrentUser`](Shown) in the request's extensions; `None` for a lazy layer, which puts none there.
    pub shown: Option<Shown<U>>,
    /// What the layer around this one left in the extensions.
    pub outer: Option<AnyExchange>,
}

impl<U: User> Auth<U> {
    /// Reads what a request presents: what is changed on the request later changes nobody. Nothing is awaited for one that
    /// presents nothing, or by a lazy layer, which leaves finding out who is calling to the first who asks.
    #[inline]
    pub fn begin(&self, view: &impl RequestView, layered: Layered<U>) -> Begin<U> {
        let cookie = self.find_cookie(view);
        let settings = &self.0.http;
        let only_cookies = settings.schemes.is_empty() && settings.remote_user.is_none();
        if only_cookies && matches!(cookie, FoundCookie::Nothing) {
            return Begin::Call(self.nobody(view, layered));
        }
        self.begin_presented(cookie, view, layered)
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
    fn begin_presented(
        &self,
        cookie: FoundCookie<'_>,
        view: &impl RequestView,
        layered: Layered<U>,
    ) -> Begin<U> {
        let is_lazy = layered.shown.is_none();
        match self.read(cookie, view) {
            Ok(None) => Begin::Call(self.nobody(view, layered)),
            Ok(Some(Read { presented, is_cross_origin, is_judged })) => {
                let session = Session::new(self.clone(), presented, is_cross_origin, layered);
                if is_judged {
                    session.describe_client(view);
                }
                if is_lazy {
                    return Begin::Call(Exchange(session));
                }
                let future = session.resolve_now();
                Begin::Resolve(Resolving { session: Some(session), future })
            }
            Err(failure) => Begin::Refuse(self.refuse_failure(failure, view)),
        }
    }

    /// The exchange of a request that presents nothing: nobody's, until a login.
    fn nobody(&self, view: &impl RequestView, layered: Layered<U>) -> Exchange<U> {
        let is_cross_origin = self.0.http.origins.is_cross_origin(view);
        Exchange(Session::new(self.clone(), Presented::Nothing, is_cross_origin, layered))
    }

    fn read(&self, cookie: FoundCookie<'_>, view: &impl RequestView) -> Result<Option<Read<U>>, Failure> {
        let token = match cookie {
            FoundCookie::Nothing => None,
            FoundCookie::One(value) => Token::parse(value),
            FoundCookie::Ambiguous => {
                self.emit(EventKind::AmbiguousCookie, None, None, &facts_of(&self.0.http, view));
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
        let is_judged = matches!(credentials, Some(Offer::Fresh(_))) || remote.is_some();
        let presented = match (token, credentials, remote) {
            (token, None, Some(remote)) => Presented::Remote(token, remote),
            (_, Some(_), Some(_)) => return Err(Failure::Contradiction),
            (Some(token), None, None) => Presented::Token(token),
            (None, Some(credentials), None) => Presented::Credentials(credentials),
            (Some(token), Some(credentials), None) => Presented::Both(token, credentials),
            (None, None, None) => return Ok(None),
        };
        Ok(Some(Read { presented, is_cross_origin, is_judged }))
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
            // Schemes are the application's code: a panic in one is an outage of this request.
            let read = caught(|| scheme::read(scheme, value, self.clock()));
            let read = read.map_err(|_| {
                log_error(&"a scheme panicked while it read a request");
                Failure::Unavailable
            })?;
            match read {
                ReadHeader::NotMine => {}
                ReadHeader::Present(credentials) => {
                    let is_allowed = scheme.allows_cleartext() || self.0.http.proxies.is_protected(view);
                    return if is_allowed { Ok(Some(credentials)) } else { Err(Failure::Cleartext) };
                }
                ReadHeader::Malformed => break,
            }
        }
        Err(Failure::BadCredentials)
    }
}

/// What was read of a request that presents something.
struct Read<U> {
    presented: Presented<U>,
    is_cross_origin: bool,
    /// Whether somebody is to be asked about it, so that there will be events.
    is_judged: bool,
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

pub(crate) fn facts_of<U>(settings: &Settings<U>, view: &dyn RequestView) -> RequestFacts {
    let agent = match Single::of(view, Header::UserAgent) {
        Single::One(agent) => Some(agent),
        Single::Absent | Single::Several => None,
    };
    let client = settings.proxies.client(view);
    RequestFacts::none().with_peer(view.peer()).with_client(client).with_user_agent(agent)
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
    /// The exchange, and the caller: both go into the request's extensions.
    ///
    /// # Errors
    /// The [`Refusal`] to answer with.
    pub fn caller(self, view: &dyn RequestView) -> Result<(Exchange<U>, Option<Arc<U>>), Refusal> {
        let Self { session, outcome } = self;
        match outcome {
            Ok(()) => {
                let user = session.put_user();
                Ok((Exchange(session), user))
            }
            Err(failure) => Err(session.auth().refuse_failure(failure, view)),
        }
    }
}
