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
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/site.rs"));
/// # use site::*;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let auth = auth().await;
/// # use auth_tower::AuthLayer;
/// use auth_tower::CurrentUser;
/// # use axum::{Router, routing::get};
///
/// /// Members only.
/// async fn me(user: CurrentUser<Member>) -> String {
///     format!("You are {}", user.name)
/// }
///
/// /// For everybody.
/// async fn welcome(user: Option<CurrentUser<Member>>) -> String {
///     user.map_or_else(|| "Hello".into(), |user| format!("Hello {}", user.name))
/// }
/// # let app = Router::new().route("/me", get(me)).route("/", get(welcome)).layer(AuthLayer::new(auth));
/// # assert_eq!(send(&app, api("/me")).await.status(), 401);
/// # assert_eq!(text(send(&app, page("/")).await).await, "Hello");
/// # Ok(())
/// # }
/// ```
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
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/site.rs"));
/// # use site::*;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let auth = auth().await;
/// # use auth_tower::AuthLayer;
/// use auth_tower::VerifiedUser;
/// # use axum::{Router, routing::get};
///
/// async fn payout(member: VerifiedUser<Member>) -> String {
///     format!("paid to {}", member.name)
/// }
/// # let app = Router::new().route("/payout", get(payout)).layer(AuthLayer::new(auth));
/// # assert_eq!(send(&app, api("/payout")).await.status(), 401);
/// # Ok(())
/// # }
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
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/site.rs"));
/// # use site::*;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let auth = auth().await;
/// # use auth_tower::AuthLayer;
/// use auth_tower::FreshUser;
/// # use axum::{Router, routing::get};
///
/// /// Requires a proof that is at most five minutes old.
/// async fn change_address(member: FreshUser<Member, 300>) -> String {
///     format!("changed for {}", member.name)
/// }
/// # let app = Router::new().route("/address", get(change_address)).layer(AuthLayer::new(auth));
/// # assert_eq!(send(&app, api("/address")).await.status(), 401);
/// # Ok(())
/// # }
/// ```
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
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/site.rs"));
/// # use site::*;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let auth = auth().await;
/// use auth_tower::{AuthLayer, CurrentUser, Error, dangerous_acts_as};
/// use axum::extract::{Request, State};
/// use axum::middleware::{Next, from_fn_with_state};
/// # use auth_tower::auth_core::Auth;
/// # use axum::{Router, response::Response, routing::get};
///
/// async fn as_alice(State(auth): State<Auth<Member>>, mut request: Request, next: Next) -> Result<Response, Error> {
///     # let alice = alice();
///     let acting = auth.dangerous_authenticated(alice, "local").map_err(Error::unavailable)?;
///     dangerous_acts_as(&mut request, acting)?;
///     Ok(next.run(request).await)
/// }
///
/// # async fn me(user: CurrentUser<Member>) -> String { user.name.clone() }
/// let app = Router::new()
///     .route("/me", get(me))
///     .layer(from_fn_with_state(auth.clone(), as_alice))
///     .layer(AuthLayer::new(auth));
/// # assert_eq!(text(send(&app, page("/me")).await).await, "Alice");
/// # Ok(())
/// # }
/// ```
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
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/site.rs"));
/// # use site::*;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let auth = auth().await;
/// # use auth_tower::AuthLayer;
/// use auth_tower::auth_core::{Password, Secret};
/// use auth_tower::{Error, Session};
/// use axum::{extract::Form, response::{Redirect, Response}};
/// # use axum::{Router, routing::post};
///
/// # #[derive(serde::Deserialize)]
/// # struct LoginForm { username: String, password: Secret }
/// async fn log_in(session: Session<Member>, Form(form): Form<LoginForm>) -> Result<Response, Error> {
///     let member = session.authenticate(Password::new(form.username, form.password)).await?;
///     Ok(session.login(member).await?.answer(None))
/// }
///
/// async fn log_out(session: Session<Member>) -> Result<Redirect, Error> {
///     session.logout().await?;
///     Ok(Redirect::to("/"))
/// }
/// # let app = Router::new().route("/login", post(log_in)).route("/logout", post(log_out)).layer(AuthLayer::new(auth));
/// # let answer = send(&app, form("/login", "username=alice&password=wonderland")).await;
/// # assert_eq!(answer.status(), 303);
/// # let cookie = answer.headers()["set-cookie"].to_str()?.split(';').next().unwrap().parse()?;
/// # let mut logout = form("/logout", "");
/// # logout.headers_mut().insert("cookie", cookie);
/// # assert_eq!(send(&app, logout).await.headers()["location"], "/");
/// # Ok(())
/// # }
/// ```
pub struct Session<U>(auth_core::Session<U>);

impl<U: User> Session<U> {
    /// The session of a request, for services that are no axum handlers.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/site.rs"));
    /// # use site::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let auth = auth().await;
    /// # use auth_tower::AuthLayer;
    /// use auth_tower::{Error, Session};
    /// use axum::{extract::Request, middleware::Next, response::Response};
    /// # use axum::{Router, middleware::from_fn, routing::get};
    ///
    /// /// Ends the session of a browser that asks to be forgotten.
    /// async fn forget(request: Request, next: Next) -> Result<Response, Error> {
    ///     if request.uri().query() == Some("forget") {
    ///         Session::<Member>::of(&request)?.logout().await?;
    ///     }
    ///     Ok(next.run(request).await)
    /// }
    /// # let app = Router::new().route("/", get(async || "Welcome")).layer(from_fn(forget)).layer(AuthLayer::new(auth));
    /// # assert_eq!(text(send(&app, page("/?forget")).await).await, "Welcome");
    /// # Ok(())
    /// # }
    /// ```
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
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/site.rs"));
    /// # use site::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let auth = auth().await;
    /// # use auth_tower::AuthLayer;
    /// # use auth_tower::auth_core::Password;
    /// use auth_tower::{Error, Session};
    /// # use axum::{Router, response::Response, routing::post};
    ///
    /// # async fn log_in(session: Session<Member>) -> Result<Response, Error> {
    /// # let member = session.authenticate(Password::new("alice", "wonderland")).await?;
    /// let login = session.login(member).await?;
    /// let answer = login.answer(Some("/orders?page=2"));       // as the form said
    /// assert_eq!(answer.headers()["location"], "/orders?page=2");
    /// # Ok(answer)
    /// # }
    /// # let app = Router::new().route("/login", post(log_in)).layer(AuthLayer::new(auth));
    /// # assert_eq!(send(&app, form("/login", "")).await.status(), 303);
    /// # Ok(())
    /// # }
    /// ```
    pub fn answer(self, next: Option<&str>) -> Response {
        respond::response(self.0.answer(next), &ProblemBody)
    }
}
