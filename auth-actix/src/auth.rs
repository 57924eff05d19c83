//! The middleware that resolves the caller of each request.

use std::future::{Future, Ready, ready};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready as ready_or_return};

use actix_service::{Service, Transform};
use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Extensions, ServiceRequest, ServiceResponse};
use actix_web::{Error, HttpMessage, HttpRequest};
use auth_core::User;
use auth_core::http::Refusal;
use auth_core::http::adapter::{
    AnyExchange, Begin, Exchange, Layered, RequestExtensions as _, Resolving, Saving, Shown,
};
use pin_project_lite::pin_project;

use crate::CurrentUser;
use crate::respond::{self, ProblemBody, Respond};
use crate::view::{Answer, Head};

/// Resolves the caller before the inner service runs, and writes the session's cookie and headers on the response.
///
/// A resolved caller is in the request's extensions as [`CurrentUser`]. A request that presents nothing goes
/// straight through.
///
/// Where a middleware inside answers by an error, the response that becomes of it carries the cookie and headers, too.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/site.rs"));
/// # use site::*;
/// # #[actix_web::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let auth = auth().await;
/// use actix_web::{App, get};
/// use auth_actix::{AuthLayer, CurrentUser};
///
/// #[get("/me")]
/// async fn me(user: CurrentUser<Member>) -> String {
///     format!("You are {}", user.name)
/// }
///
/// let app = App::new().wrap(AuthLayer::new(auth)).service(me);
/// # let (status, headers, _) = send!(app, page("/me"));
/// # assert_eq!(status, 303);
/// # assert!(headers.get("location").unwrap().to_str()?.starts_with("/login"));
/// # Ok(())
/// # }
/// ```
pub struct AuthLayer<U, R = ProblemBody> {
    auth: auth_core::Auth<U>,
    lazy: bool,
    respond: R,
}

impl<U: User> AuthLayer<U> {
    /// A middleware of this configuration.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/site.rs"));
    /// # use site::*;
    /// # #[actix_web::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use actix_web::{App, HttpServer, web};
    /// use auth_actix::AuthLayer;
    ///
    /// let auth = auth().await;                                 // an `Auth<Member>`, made by `Auth::builder()`
    /// let app = move || App::new().wrap(AuthLayer::new(auth.clone())).route("/", web::get().to(async || "Welcome"));
    /// # assert_eq!(send!(app(), page("/")).2, "Welcome");
    /// let server = HttpServer::new(app);                       // each worker makes its own `App`; they share `auth`
    /// # drop(server);
    /// # Ok(())
    /// # }
    /// ```
    pub fn new(auth: auth_core::Auth<U>) -> Self {
        Self { auth, lazy: false, respond: ProblemBody }
    }
}

impl<U: User, R> AuthLayer<U, R> {
    /// Resolves the caller only when an extractor or guard asks for it: a route that does not ask
    /// costs no look-up, and its requests carry no [`CurrentUser`] in their extensions.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/site.rs"));
    /// # use site::*;
    /// # #[actix_web::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let auth = auth().await;
    /// use actix_web::{App, web};
    /// use auth_actix::{AuthLayer, CurrentUser};
    ///
    /// let app = App::new()
    ///     .wrap(AuthLayer::new(auth).lazy())
    ///     .route("/price", web::get().to(async || "5 €"))      // asks no store, whatever cookie a request has
    ///     .route("/me", web::get().to(async |user: CurrentUser<Member>| user.name.clone()));
    /// # assert_eq!(send!(app, api("/me")).0, 401);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn lazy(mut self) -> Self {
        self.lazy = true;
        self
    }

    /// Makes this layer's own responses by `respond`: a closure from a [`Refusal`] and what it is to be written on; see
    /// [`Respond`].
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/site.rs"));
    /// # use site::*;
    /// # #[actix_web::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let auth = auth().await;
    /// use actix_web::{App, HttpResponse, body::BoxBody, web};
    /// use auth_actix::AuthLayer;
    /// use auth_actix::auth_core::http::Refusal;
    ///
    /// fn sorry(refusal: &Refusal, response: HttpResponse<()>) -> HttpResponse {
    ///     response.set_body(BoxBody::new(format!("<h1>Sorry: {}</h1>", refusal.status())))
    /// }
    ///
    /// let app = App::new().wrap(AuthLayer::new(auth).respond(sorry)).route("/", web::get().to(async || "Welcome"));
    /// # assert_eq!(send!(app, page("/")).2, "Welcome");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn respond<R2: Respond>(self, respond: R2) -> AuthLayer<U, R2> {
        AuthLayer { auth: self.auth, lazy: self.lazy, respond }
    }
}

impl<U, R: Clone> Clone for AuthLayer<U, R> {
    fn clone(&self) -> Self {
        Self { auth: self.auth.clone(), lazy: self.lazy, respond: self.respond.clone() }
    }
}

impl<S, U, R, B> Transform<S, ServiceRequest> for AuthLayer<U, R>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    U: User,
    R: Respond,
    B: MessageBody,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Transform = AuthService<S, U, R>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(AuthService { inner: Rc::new(service), layer: self.clone() }))
    }
}

/// The service that [`AuthLayer`] makes.
pub struct AuthService<S, U, R = ProblemBody> {
    inner: Rc<S>,
    layer: AuthLayer<U, R>,
}

impl<S, U, R, B> Service<ServiceRequest> for AuthService<S, U, R>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    U: User,
    R: Respond,
    B: MessageBody,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Future = ResponseFuture<S, U, R, B>;

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let respond = self.layer.respond.clone();
        let state = match self.layer.begin(&Head(request.request())) {
            Begin::Call(exchange) => {
                let outer = enter(&request, &exchange, None);
                State::Calling { future: self.inner.call(request), exchange: Some(exchange), outer }
            }
            Begin::Refuse(refusal) => {
                State::Answered { response: Some(Box::new(refused(request, refusal, &respond))) }
            }
            Begin::Resolve(resolving) => {
                State::Resolving { resolving, waiting: Some((request, Rc::clone(&self.inner))) }
            }
        };
        ResponseFuture { state, respond }
    }
}

impl<U: User, R> AuthLayer<U, R> {
    fn begin(&self, head: &Head<'_>) -> Begin<U> {
        let shown: Shown<U> = |extensions| {
            Some(Arc::clone(&extensions.downcast_ref::<Extensions>()?.get::<CurrentUser<U>>()?.0))
        };
        self.auth.begin(head, Layered { shown: (!self.lazy).then_some(shown), outer: head.exchange() })
    }
}

/// What the inner service answered, on its way out.
type Answered<B> = Result<ServiceResponse<EitherBody<B>>, Error>;

pin_project! {
    #[project = ResponseFutureProj]
    /// The future of [`AuthService`].
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<S, U, R, B>
    where
        S: Service<ServiceRequest>,
    {
        #[pin]
        state: State<S, S::Future, U, B>,
        respond: R,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<S, F, U, B> {
        Resolving { resolving: Resolving<U>, waiting: Option<(ServiceRequest, Rc<S>)> },
        Calling { #[pin] future: F, exchange: Option<Exchange<U>>, outer: Option<CurrentUser<U>> },
        // Boxed: they are rare, and would make the future of every request larger.
        Saving { saving: Saving, exchange: Option<Exchange<U>>, answer: Option<Box<Answered<B>>> },
        Answered { response: Option<Box<ServiceResponse<EitherBody<B>>>> },
    }
}

impl<S, U, R, B> Future for ResponseFuture<S, U, R, B>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    U: User,
    R: Respond,
{
    type Output = Result<ServiceResponse<EitherBody<B>>, Error>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let ResponseFutureProj { mut state, respond } = self.project();
        if !matches!(state.as_mut().project(), StateProj::Calling { .. })
            && let Some(answer) = ready_or_return!(state.as_mut().poll_presented(respond, cx))
        {
            return Poll::Ready(answer);
        }
        let StateProj::Calling { future, exchange, outer } = state.as_mut().project() else {
            unreachable!("the service is called")
        };
        let answer = ready_or_return!(future.poll(cx)).map(ServiceResponse::map_into_left_body);
        let Some(ended) = exchange else { unreachable!("it is taken when the service has answered") };
        if let (Some(around), Ok(response)) = (ended.outer(), &answer) {
            leave(response.request(), around.clone(), outer.take());
        }
        if ended.end() { Poll::Ready(answer) } else { state.finish(answer, respond, cx) }
    }
}

impl<S, U, B> State<S, S::Future, U, B>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    U: User,
{
    /// Polls whatever a request that presents nothing never comes to: kept out of its way. `None` when the service is
    /// called.
    #[inline(never)]
    fn poll_presented(
        mut self: Pin<&mut Self>,
        respond: &impl Respond,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Answered<B>>> {
        let (found, waiting) = match self.as_mut().project() {
            StateProj::Resolving { resolving, waiting } => {
                (ready_or_return!(Pin::new(resolving).poll(cx)), waiting)
            }
            StateProj::Calling { .. } => return Poll::Ready(None),
            StateProj::Saving { .. } => return self.poll_saving(respond, cx).map(Some),
            StateProj::Answered { response } => {
                return Poll::Ready(Some(Ok(*response.take().expect(POLLED_AGAIN))));
            }
        };
        let (request, service) = waiting.take().expect(POLLED_AGAIN);
        let (exchange, user) = match found.caller(&Head(request.request())) {
            Ok(found) => found,
            Err(refusal) => return Poll::Ready(Some(Ok(refused(request, refusal, respond)))),
        };
        let outer = enter(&request, &exchange, user);
        self.set(Self::Calling { future: service.call(request), exchange: Some(exchange), outer });
        Poll::Ready(None)
    }

    /// Writes on the answer what the handler did; first saves what is to be saved.
    #[inline(never)]
    fn finish(
        mut self: Pin<&mut Self>,
        answer: Answered<B>,
        respond: &impl Respond,
        cx: &mut Context<'_>,
    ) -> Poll<Answered<B>> {
        let StateProj::Calling { exchange, .. } = self.as_mut().project() else {
            unreachable!("the service was called")
        };
        let exchange = exchange.take().expect(POLLED_AGAIN);
        if let Some(refusal) = exchange.refusal() {
            return Poll::Ready(overruled(exchange, answer, refusal, respond));
        }
        match exchange.save(|| status(&answer)) {
            None => Poll::Ready(written(exchange, answer)),
            Some(saving) => {
                self.set(Self::Saving { saving, exchange: Some(exchange), answer: Some(Box::new(answer)) });
                self.poll_saving(respond, cx)
            }
        }
    }

    fn poll_saving(self: Pin<&mut Self>, respond: &impl Respond, cx: &mut Context<'_>) -> Poll<Answered<B>> {
        let StateProj::Saving { saving, exchange, answer } = self.project() else {
            unreachable!("it is polled while it saves")
        };
        let saved = ready_or_return!(Pin::new(saving).poll(cx));
        let answer = *answer.take().expect(POLLED_AGAIN);
        let exchange = exchange.take().expect(POLLED_AGAIN);
        Poll::Ready(match saved {
            Ok(()) => written(exchange, answer),
            Err(refusal) => overruled(exchange, answer, refusal, respond),
        })
    }
}

/// Puts into the request's extensions who is calling, and gives back whom a layer around this one put there: an outer
/// layer's caller is not this layer's, and who asks the extensions must not take one for the other.
fn enter<U: User>(
    request: &ServiceRequest,
    exchange: &Exchange<U>,
    user: Option<Arc<U>>,
) -> Option<CurrentUser<U>> {
    let mut extensions = request.extensions_mut();
    extensions.insert(exchange.any());
    match user {
        Some(user) => extensions.insert(CurrentUser(user)),
        None => extensions.remove(),
    }
}

/// All clones of a request have one map of extensions: what the middlewares around this one read there from here on is
/// their own layer's again.
fn leave<U: User>(request: &HttpRequest, around: AnyExchange, outer: Option<CurrentUser<U>>) {
    let mut extensions = request.extensions_mut();
    extensions.insert(around);
    _ = match outer {
        Some(user) => extensions.insert(user),
        None => extensions.remove(),
    };
}

/// The contract of `Future`: a future that was ready is not polled again.
const POLLED_AGAIN: &str = "`ResponseFuture` polled after completion";

fn refused<B>(
    request: ServiceRequest,
    refusal: Refusal,
    respond: &impl Respond,
) -> ServiceResponse<EitherBody<B>> {
    request.into_response(respond::response(refusal, respond)).map_into_right_body()
}

fn status<B>(answer: &Result<ServiceResponse<B>, Error>) -> u16 {
    match answer {
        Ok(response) => response.status(),
        Err(error) => error.error_response().status(),
    }
    .as_u16()
}

/// The answer with what the handler did on it. An error becomes a response somewhere outside, perhaps more than once: the
/// exchange goes along with it, so that the response carries the cookie whoever makes it.
fn written<U: User, B>(exchange: Exchange<U>, mut answer: Answered<B>) -> Answered<B> {
    match &mut answer {
        Ok(response) => exchange.finish(&mut Answer(response.response_mut())),
        Err(error) => error.add_response_mapper(move |mut response| {
            exchange.finish(&mut Answer(&mut response));
            response
        }),
    }
    answer
}

/// The refusal that takes the answer's place.
fn overruled<U: User, B>(
    exchange: Exchange<U>,
    answer: Answered<B>,
    refusal: Refusal,
    respond: &impl Respond,
) -> Answered<B> {
    let answer = match answer {
        Ok(response) => {
            let refused = response.into_response(respond::response(refusal, respond));
            Ok(refused.map_into_right_body())
        }
        Err(mut error) => {
            let respond = respond.clone();
            error.add_response_mapper(move |_| respond::response(refusal.clone(), &respond));
            Err(error)
        }
    };
    written(exchange, answer)
}
