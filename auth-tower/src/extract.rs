//! axum extractors.

use std::sync::Arc;
use std::time::Duration;

use auth_core::http::adapter::{self, Caller, Guarded, HandlerError};
use auth_core::{Authenticated, Require, User};
use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use axum_core::response::Response;
use http::request::Parts;

use crate::Error;
use crate::respond::{self, ProblemBody};
use crate::view::Head;

auth_core::native_handles!(CurrentUser, Session, Login);
auth_core::native_handles!(@user VerifiedUser);
auth_core::native_handles!(@user FreshUser, SECS);

/// The user who is calling.
///
/// As an extractor it requires a login: an anonymous browser is sent to the login page, another client gets a
/// 401. `Option<CurrentUser<U>>` is `None` for them. In either case a store or backend that is down is a 503, and
/// never "nobody".
///
/// Services that are no axum handlers find it in the request's extensions (not under a
/// [lazy](crate::AuthLayer::lazy) layer).
pub struct CurrentUser<U>(pub Arc<U>);

impl<S: Sync, U: User> FromRequestParts<S> for CurrentUser<U> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        match find(parts).await? {
            Some(user) => Ok(user),
            None => Err(refuse_nobody::<U>(&Head::of_parts(parts))),
        }
    }
}

impl<S: Sync, U: User> OptionalFromRequestParts<S> for CurrentUser<U> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Error> {
        find(parts).await
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
/// use auth_tower::{FreshUser, VerifiedUser};
///
/// async fn payout(member: VerifiedUser<Member>) -> String {
///     format!("paid to {}", member.name)
/// }
///
/// /// Requires a proof that is at most five minutes old.
/// async fn change_address(member: FreshUser<Member, 300>) -> String {
///     format!("sent to {}", member.name)
/// }
/// # let _: axum::Router = axum::Router::new()
/// #     .route("/payout", axum::routing::post(payout))
/// #     .route("/address", axum::routing::post(change_address));
/// ```
pub struct VerifiedUser<U>(pub Arc<U>);

impl<S: Sync, U: User> FromRequestParts<S> for VerifiedUser<U> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        let CurrentUser(user) = find_proven(parts, &Require::login().second_factor()).await?;
        Ok(Self(user))
    }
}

/// The user who is calling, who proved who they are within so many seconds ([`Require::fresh`]).
///
/// A browser is sent to the login page otherwise, another client gets a 401 `insufficient_user_authentication` (RFC 9470).
pub struct FreshUser<U, const SECS: u64>(pub Arc<U>);

impl<S: Sync, U: User, const SECS: u64> FromRequestParts<S> for FreshUser<U, SECS> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        let rule = Require::login().fresh(Duration::from_secs(SECS));
        let CurrentUser(user) = find_proven(parts, &rule).await?;
        Ok(Self(user))
    }
}

/// The caller, by a rule.
async fn find_proven<U: User>(parts: &mut Parts, rule: &Require) -> Result<CurrentUser<U>, Error> {
    let checked = match adapter::guard_of::<U>(rule, &Head::of_parts(parts)) {
        Guarded::NoLayer => return Err(Error::no_layer("CurrentUser")),
        Guarded::Pass => Ok(()),
        Guarded::Refuse(refusal) => Err(refusal),
        Guarded::Resolve(caller) => caller.await.check(rule, &Head::of_parts(parts)),
    };
    checked.map_err(|refusal| Error(HandlerError::refused(refusal)))?;
    find(parts).await?.ok_or_else(|| refuse_nobody::<U>(&Head::of_parts(parts)))
}

/// Makes somebody the caller of this request without any proof, for tests of handlers and for impersonation: by
/// [`Auth::dangerous_authenticated`](auth_core::Auth::dangerous_authenticated). An event names it. For the innermost
/// [`AuthLayer`](crate::AuthLayer) for this type of user, and for what runs inside of where it is called.
///
/// # Errors
/// [`Error`] if there is no such layer around, or `acting` is of another `Auth`.
pub fn dangerous_acts_as<U: User, B>(
    request: &mut http::Request<B>,
    acting: Authenticated<U>,
) -> Result<(), Error> {
    let user =
        adapter::act_as(acting, &Head::of(request)).ok_or_else(|| Error::no_layer("dangerous_acts_as"))??;
    request.extensions_mut().insert(CurrentUser(user));
    Ok(())
}

async fn find<U: User>(parts: &mut Parts) -> Result<Option<CurrentUser<U>>, Error> {
    let user = match adapter::caller::<U>(&Head::of_parts(parts)) {
        Caller::NoLayer => return Err(Error::no_layer("CurrentUser")),
        Caller::Known(user) => user,
        Caller::Unknown(session) => {
            let found = session.find_caller().await;
            let head = &Head::of_parts(parts);
            let found = found.map_err(|error| Error(HandlerError::unresolved(&session, error, head)));
            found?.map(|access| Arc::clone(access.user()))
        }
    };
    Ok(user.map(CurrentUser))
}

fn refuse_nobody<U: User>(head: &Head<'_>) -> Error {
    let exchange = adapter::exchange_of::<U>(head);
    exchange.map_or_else(
        || Error::no_layer("CurrentUser"),
        |exchange| Error(HandlerError::nobody(&exchange, head)),
    )
}

/// This request's session: log in, log out, rotate, keep values. See [`auth_core::Session`].
///
/// It is there for anonymous requests too, which log in through it.
pub struct Session<U>(auth_core::Session<U>);

impl<U: User> Session<U> {
    /// The session of a request, for services that are no axum handlers.
    ///
    /// # Errors
    /// [`Error`] if no [`AuthLayer`](crate::AuthLayer) for this type of user is around.
    pub fn of<B>(request: &http::Request<B>) -> Result<Self, Error> {
        Self::found(&Head::of(request))
    }

    fn found(head: &Head<'_>) -> Result<Self, Error> {
        adapter::session_of(head).map(Self).ok_or_else(|| Error::no_layer("Session"))
    }
}

impl<S: Sync, U: User> FromRequestParts<S> for Session<U> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        Self::found(&Head::of_parts(parts))
    }
}

/// The outcome of a login: see [`auth_core::http::Login`].
#[derive(Debug)]
#[must_use = "answer with it: what comes next may be another factor"]
pub struct Login<U: User>(auth_core::http::Login<U>);

impl<U: User> Login<U> {
    /// The response: a redirect to `next`, if it stays on this site, and otherwise to `/`. Pass whatever the client sent.
    pub fn answer(self, next: Option<&str>) -> Response {
        respond::response(self.0.answer(next), &ProblemBody)
    }
}
