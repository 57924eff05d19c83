//! actix-web extractors.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest, HttpResponse};
use auth_core::http::adapter::{self, Caller, Guarded, HandlerError};
use auth_core::http::{Refusal, RefusalReason};
use auth_core::{Authenticated, Require, User};

use crate::Error;
use crate::respond::{self, ProblemBody};
use crate::view::Head;

auth_core::native_handles!(CurrentUser, Session, Login);
auth_core::native_handles!(@user VerifiedUser);
auth_core::native_handles!(@user FreshUser, SECS);

/// The user who is calling.
///
/// As an extractor it requires a login: an anonymous browser is sent to the login page, another client gets a
/// 401. `Option<CurrentUser<U>>` is `None` for them. In either case a store or backend that is down ends in a 503,
/// and never as "nobody". (actix-web turns every failure of an optional extractor into `None`, a missing
/// [`AuthLayer`](crate::AuthLayer) too: that is logged as an error.)
///
/// Middlewares find it in the request's extensions (not under a [lazy](crate::AuthLayer::lazy) layer).
pub struct CurrentUser<U>(pub Arc<U>);

impl<U: User> FromRequest for CurrentUser<U> {
    type Error = Error;
    type Future = Extracting<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        match adapter::caller::<U>(&Head(request)) {
            Caller::NoLayer => Extracting::ready(Err(no_layer("CurrentUser"))),
            Caller::Known(user) => Extracting::ready(known(request, user)),
            Caller::Unknown(session) => {
                let request = request.clone();
                Extracting(State::Waiting(Box::pin(find(request, session))))
            }
        }
    }
}

/// The user who is calling, who proved who they are by two factors: as a second factor beside the password
/// ([`Require::second_factor`]).
///
/// A browser whose session lacks one is sent to the page that asks for it, another client gets a 401
/// `insufficient_user_authentication` (RFC 9470).
///
/// ```
/// # use auth_core::{User, UserId};
/// # struct Member { name: String }
/// # impl User for Member {
/// #     fn id(&self) -> UserId { UserId::from(1) }
/// #     fn security_stamp(&self) -> &[u8] { b"stamp" }
/// #     fn is_active(&self) -> bool { true }
/// # }
/// use auth_actix::{FreshUser, VerifiedUser};
///
/// async fn payout(member: VerifiedUser<Member>) -> String {
///     format!("paid to {}", member.name)
/// }
///
/// /// Requires a proof that is at most five minutes old.
/// async fn change_address(member: FreshUser<Member, 300>) -> String {
///     format!("sent to {}", member.name)
/// }
/// # let _ = actix_web::App::new()
/// #     .route("/payout", actix_web::web::post().to(payout))
/// #     .route("/address", actix_web::web::post().to(change_address));
/// ```
pub struct VerifiedUser<U>(pub Arc<U>);

impl<U: User> FromRequest for VerifiedUser<U> {
    type Error = Error;
    type Future = Extracting<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        find_proven(request, Require::login().second_factor(), Self)
    }
}

/// The user who is calling, who proved who they are within so many seconds ([`Require::fresh`]).
///
/// A browser is sent to the login page otherwise, another client gets a 401 `insufficient_user_authentication` (RFC 9470).
pub struct FreshUser<U, const SECS: u64>(pub Arc<U>);

impl<U: User, const SECS: u64> FromRequest for FreshUser<U, SECS> {
    type Error = Error;
    type Future = Extracting<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        find_proven(request, Require::login().fresh(Duration::from_secs(SECS)), Self)
    }
}

/// The caller, by a rule.
fn find_proven<U: User, T: 'static>(
    request: &HttpRequest,
    rule: Require,
    of: fn(Arc<U>) -> T,
) -> Extracting<T> {
    let caller = match adapter::guard_of::<U>(&rule, &Head(request)) {
        Guarded::NoLayer => return Extracting::ready(Err(no_layer("CurrentUser"))),
        Guarded::Pass => return Extracting::ready(proven(request, Ok(())).map(of)),
        Guarded::Refuse(refusal) => return Extracting::ready(proven(request, Err(refusal)).map(of)),
        Guarded::Resolve(caller) => caller,
    };
    let request = request.clone();
    Extracting(State::Waiting(Box::pin(async move {
        let checked = caller.await.check(&rule, &Head(&request));
        proven(&request, checked).map(of)
    })))
}

/// The caller, who was checked; an outage must not pass for an anonymous one, where the extractor is optional.
fn proven<U: User>(request: &HttpRequest, checked: Result<(), Refusal>) -> Result<Arc<U>, Error> {
    let view = &Head(request);
    if let Err(refusal) = checked {
        if refusal.reason() == Some(RefusalReason::Unavailable)
            && let Some(session) = adapter::session_of::<U>(view)
        {
            adapter::overrule(&session, refusal.clone());
        }
        return Err(Error::of(HandlerError::refused(refusal)));
    }
    match adapter::caller::<U>(view) {
        Caller::Known(Some(user)) => Ok(user),
        _ => Err(Error::anonymous::<U>(request)),
    }
}

/// Makes somebody the caller of this request without any proof, for tests of handlers and for impersonation: by
/// [`Auth::dangerous_authenticated`](auth_core::Auth::dangerous_authenticated). An event names it. For the innermost
/// [`AuthLayer`](crate::AuthLayer) for this type of user, and for what runs inside of where it is called.
///
/// # Errors
/// [`Error`] if there is no such layer around, or `acting` is of another `Auth`.
pub fn dangerous_acts_as<U: User>(request: &HttpRequest, acting: Authenticated<U>) -> Result<(), Error> {
    let user = adapter::act_as(acting, &Head(request)).ok_or_else(|| no_layer("dangerous_acts_as"))??;
    request.extensions_mut().insert(CurrentUser(user));
    Ok(())
}

async fn find<U: User>(
    request: HttpRequest,
    session: auth_core::Session<U>,
) -> Result<CurrentUser<U>, Error> {
    match session.find_caller().await {
        Ok(access) => known(&request, access.map(|access| Arc::clone(access.user()))),
        Err(error) => {
            let error = HandlerError::unresolved(&session, error, &Head(&request));
            adapter::overrule(&session, error.refusal());
            Err(Error::of(error))
        }
    }
}

fn known<U: User>(request: &HttpRequest, user: Option<Arc<U>>) -> Result<CurrentUser<U>, Error> {
    user.map(CurrentUser).ok_or_else(|| Error::anonymous::<U>(request))
}

/// An error that is told to the log here, because an optional extractor would swallow it.
fn no_layer(what: &'static str) -> Error {
    let error = Error::no_layer(what);
    adapter::log_error(&error);
    error
}

/// This request's session: log in, log out, rotate, keep values. See [`auth_core::Session`].
///
/// It is there for anonymous requests too, which log in through it.
pub struct Session<U>(auth_core::Session<U>);

impl<U: User> FromRequest for Session<U> {
    type Error = Error;
    type Future = Extracting<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let session = adapter::session_of(&Head(request)).map(Self);
        Extracting::ready(session.ok_or_else(|| no_layer("Session")))
    }
}

/// The outcome of a login: see [`auth_core::http::Login`].
#[derive(Debug)]
#[must_use = "answer with it: what comes next may be another factor"]
pub struct Login<U: User>(auth_core::http::Login<U>);

impl<U: User> Login<U> {
    /// The response: a redirect to `next`, if it stays on this site, and otherwise to `/`. Pass whatever the client sent.
    pub fn answer(self, next: Option<&str>) -> HttpResponse {
        respond::response(self.0.answer(next), &ProblemBody)
    }
}

/// The future of the extractors: ready at once, unless a lazy layer has to find out who is calling.
#[must_use = "futures do nothing unless polled"]
pub struct Extracting<T>(State<T>);

enum State<T> {
    Ready(Option<Result<T, Error>>),
    Waiting(Pin<Box<dyn Future<Output = Result<T, Error>>>>),
}

impl<T> Extracting<T> {
    fn ready(outcome: Result<T, Error>) -> Self {
        Self(State::Ready(Some(outcome)))
    }
}

// Nothing in it is pinned in place: `T` is only ever moved out.
impl<T> Unpin for Extracting<T> {}

impl<T> Future for Extracting<T> {
    type Output = Result<T, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            // The contract of `Future`: one that was ready is not polled again.
            State::Ready(outcome) => {
                Poll::Ready(outcome.take().expect("`Extracting` polled after completion"))
            }
            State::Waiting(future) => future.as_mut().poll(cx),
        }
    }
}
