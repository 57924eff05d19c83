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
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/site.rs"));
/// # use site::*;
/// # #[actix_web::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let auth = auth().await;
/// # use auth_actix::AuthLayer;
/// use actix_web::get;
/// use auth_actix::CurrentUser;
///
/// /// Members only.
/// #[get("/me")]
/// async fn me(user: CurrentUser<Member>) -> String {
///     format!("You are {}", user.name)
/// }
///
/// /// For everybody.
/// #[get("/")]
/// async fn welcome(user: Option<CurrentUser<Member>>) -> String {
///     user.map_or_else(|| "Hello".into(), |user| format!("Hello {}", user.name))
/// }
/// # let app = || actix_web::App::new().wrap(AuthLayer::new(auth.clone())).service(me).service(welcome);
/// # assert_eq!(send!(app(), api("/me")).0, 401);
/// # assert_eq!(send!(app(), page("/")).2, "Hello");
/// # Ok(())
/// # }
/// ```
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
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/site.rs"));
/// # use site::*;
/// # #[actix_web::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let auth = auth().await;
/// # use auth_actix::AuthLayer;
/// use actix_web::post;
/// use auth_actix::VerifiedUser;
///
/// #[post("/payout")]
/// async fn payout(member: VerifiedUser<Member>) -> String {
///     format!("paid to {}", member.name)
/// }
/// # let app = actix_web::App::new().wrap(AuthLayer::new(auth)).service(payout);
/// # assert_eq!(send!(app, api("/payout").method(actix_web::http::Method::POST)).0, 401);
/// # Ok(())
/// # }
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
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/site.rs"));
/// # use site::*;
/// # #[actix_web::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let auth = auth().await;
/// # use auth_actix::AuthLayer;
/// use actix_web::post;
/// use auth_actix::FreshUser;
///
/// /// Requires a proof that is at most five minutes old.
/// #[post("/address")]
/// async fn change_address(member: FreshUser<Member, 300>) -> String {
///     format!("changed for {}", member.name)
/// }
/// # let app = actix_web::App::new().wrap(AuthLayer::new(auth)).service(change_address);
/// # assert_eq!(send!(app, api("/address").method(actix_web::http::Method::POST)).0, 401);
/// # Ok(())
/// # }
/// ```
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
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/site.rs"));
/// # use site::*;
/// # #[actix_web::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let auth = auth().await;
/// use actix_web::body::MessageBody;
/// use actix_web::dev::{ServiceRequest, ServiceResponse};
/// use actix_web::middleware::{Next, from_fn};
/// use actix_web::{App, web};
/// # use auth_actix::auth_core::Auth;
/// use auth_actix::{AuthLayer, CurrentUser, Error, dangerous_acts_as};
///
/// async fn as_alice(
///     auth: web::Data<Auth<Member>>,
///     request: ServiceRequest,
///     next: Next<impl MessageBody>,
/// ) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
///     # let alice = alice();
///     let acting = auth.dangerous_authenticated(alice, "local").map_err(Error::unavailable)?;
///     dangerous_acts_as(request.request(), acting)?;
///     next.call(request).await
/// }
///
/// # async fn me(user: CurrentUser<Member>) -> String { user.name.clone() }
/// let app = App::new()
///     .app_data(web::Data::new(auth.clone()))
///     .wrap(from_fn(as_alice))
///     .wrap(AuthLayer::new(auth))                          // the last one is the outermost
///     .route("/me", web::get().to(me));
/// # assert_eq!(send!(app, page("/me")).2, "Alice");
/// # Ok(())
/// # }
/// ```
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
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/site.rs"));
/// # use site::*;
/// # #[actix_web::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let auth = auth().await;
/// # use auth_actix::AuthLayer;
/// use actix_web::{HttpResponse, http::header, post, web};
/// use auth_actix::auth_core::{Password, Secret};
/// use auth_actix::{Error, Session};
///
/// # #[derive(serde::Deserialize)]
/// # struct LoginForm { username: String, password: Secret }
/// #[post("/login")]
/// async fn log_in(session: Session<Member>, form: web::Form<LoginForm>) -> Result<HttpResponse, Error> {
///     let form = form.into_inner();
///     let member = session.authenticate(Password::new(form.username, form.password)).await?;
///     Ok(session.login(member).await?.answer(None))
/// }
///
/// #[post("/logout")]
/// async fn log_out(session: Session<Member>) -> Result<HttpResponse, Error> {
///     session.logout().await?;
///     Ok(HttpResponse::SeeOther().insert_header((header::LOCATION, "/")).finish())
/// }
/// # let app = || actix_web::App::new().wrap(AuthLayer::new(auth.clone())).service(log_in).service(log_out);
/// # let (status, headers, _) = send!(app(), form("/login", "username=alice&password=wonderland"));
/// # assert_eq!(status, 303);
/// # let cookie = headers.get("set-cookie").unwrap().to_str()?.split(';').next().unwrap().to_owned();
/// # let (_, headers, _) = send!(app(), form("/logout", "").insert_header(("cookie", cookie)));
/// # assert_eq!(headers.get("location").unwrap(), "/");
/// # Ok(())
/// # }
/// ```
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
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/site.rs"));
    /// # use site::*;
    /// # #[actix_web::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let auth = auth().await;
    /// # use actix_web::{HttpResponse, post};
    /// # use auth_actix::AuthLayer;
    /// # use auth_actix::auth_core::Password;
    /// use auth_actix::{Error, Session};
    ///
    /// # #[post("/login")]
    /// # async fn log_in(session: Session<Member>) -> Result<HttpResponse, Error> {
    /// # let member = session.authenticate(Password::new("alice", "wonderland")).await?;
    /// let login = session.login(member).await?;
    /// let answer = login.answer(Some("/orders?page=2"));       // as the form said
    /// assert_eq!(answer.headers().get("location").unwrap(), "/orders?page=2");
    /// # Ok(answer)
    /// # }
    /// # let app = actix_web::App::new().wrap(AuthLayer::new(auth)).service(log_in);
    /// # assert_eq!(send!(app, form("/login", "")).0, 303);
    /// # Ok(())
    /// # }
    /// ```
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
