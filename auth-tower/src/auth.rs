//! The layer that resolves the caller of each request.

use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use auth_core::User;
use auth_core::http::adapter::{Begin, Exchange, Layered, RequestExtensions as _, Resolving, Saving, Shown};
use http::{Extensions, Request, Response};
use http_body::Body;
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use crate::CurrentUser;
use crate::refused::Refused;
use crate::respond::{self, ProblemBody, Respond};
use crate::view::{Answer, Head};

/// Resolves the caller before the inner service runs, and writes the session's cookie and headers on the response.
///
/// A resolved caller is in the request's extensions as [`CurrentUser`]. A request that presents nothing goes
/// straight through.
///
/// An error of the inner service passes unchanged: there is no response to write a cookie on. A login that it follows is
/// undone. Turn errors into responses inside of this layer (axum: `HandleErrorLayer` after it in a `ServiceBuilder`).
///
/// Events name the client's address if axum serves with `into_make_service_with_connect_info::<SocketAddr>()`. Without it,
/// or [`Encrypted`](crate::Encrypted), [`Basic`](auth_core::http::Basic) takes every connection for cleartext.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/site.rs"));
/// # use site::*;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let auth = auth().await;
/// use auth_tower::{AuthLayer, CurrentUser};
/// use axum::{Router, routing::get};
///
/// async fn me(user: CurrentUser<Member>) -> String {
///     format!("You are {}", user.name)
/// }
///
/// let app = Router::new().route("/me", get(me)).layer(AuthLayer::new(auth));
/// # let answer = send(&app, page("/me")).await;
/// # assert_eq!(answer.status(), 303);
/// # assert!(answer.headers()["location"].to_str()?.starts_with("/login"));
/// # Ok(())
/// # }
/// ```
pub struct AuthLayer<U, R = ProblemBody> {
    auth: auth_core::Auth<U>,
    lazy: bool,
    respond: R,
}

impl<U: User> AuthLayer<U> {
    /// A layer of this configuration.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/site.rs"));
    /// # use site::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use auth_tower::AuthLayer;
    /// use axum::{Router, routing::get};
    ///
    /// let auth = auth().await;                                 // an `Auth<Member>`, made by `Auth::builder()`
    /// let app = Router::new().route("/", get(async || "Welcome")).layer(AuthLayer::new(auth));
    /// # assert_eq!(text(send(&app, page("/")).await).await, "Welcome");
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
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let auth = auth().await;
    /// use auth_tower::{AuthLayer, CurrentUser};
    /// use axum::{Router, routing::get};
    ///
    /// let app = Router::new()
    ///     .route("/price", get(async || "5 €"))                // asks no store, whatever cookie a request has
    ///     .route("/me", get(async |user: CurrentUser<Member>| user.name.clone()))
    ///     .layer(AuthLayer::new(auth).lazy());
    /// # assert_eq!(text(send(&app, page("/price")).await).await, "5 €");
    /// # assert_eq!(send(&app, api("/me")).await.status(), 401);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn lazy(mut self) -> Self {
        self.lazy = true;
        self
    }

    /// Makes this layer's own responses by `respond`: [`EmptyBody`](crate::EmptyBody), or a closure from a
    /// [`Refusal`](auth_core::http::Refusal) and what it is to be written on; see [`Respond`].
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/site.rs"));
    /// # use site::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let auth = auth().await;
    /// use auth_tower::AuthLayer;
    /// use auth_tower::auth_core::http::Refusal;
    /// use axum::{Router, body::Body, response::Response, routing::get};
    ///
    /// fn sorry(refusal: &Refusal, response: Response<()>) -> Response {
    ///     response.map(|()| Body::from(format!("<h1>Sorry: {}</h1>", refusal.status())))
    /// }
    ///
    /// let app = Router::new().route("/", get(async || "Welcome")).layer(AuthLayer::new(auth).respond(sorry));
    /// # assert_eq!(text(send(&app, page("/")).await).await, "Welcome");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn respond<R2>(self, respond: R2) -> AuthLayer<U, R2> {
        AuthLayer { auth: self.auth, lazy: self.lazy, respond }
    }
}

impl<U, R: Clone> Clone for AuthLayer<U, R> {
    fn clone(&self) -> Self {
        Self { auth: self.auth.clone(), lazy: self.lazy, respond: self.respond.clone() }
    }
}

impl<S, U, R: Clone> Layer<S> for AuthLayer<U, R> {
    type Service = AuthService<S, U, R>;

    fn layer(&self, inner: S) -> Self::Service {
        AuthService { inner, layer: self.clone() }
    }
}

/// The service that [`AuthLayer`] makes.
pub struct AuthService<S, U, R = ProblemBody> {
    inner: S,
    layer: AuthLayer<U, R>,
}

impl<S: Clone, U, R: Clone> Clone for AuthService<S, U, R> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), layer: self.layer.clone() }
    }
}

impl<S, U, R, B, B2> Service<Request<B>> for AuthService<S, U, R>
where
    S: Service<Request<B>, Response = Response<B2>> + Clone,
    U: User,
    R: Respond<B2>,
    B: Body,
{
    type Response = Response<B2>;
    type Error = S::Error;
    type Future = ResponseFuture<S, U, R, B, B2>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let respond = self.layer.respond.clone();
        let state = match self.layer.begin(&Head::of(&request)) {
            Begin::Call(exchange) => {
                enter(request.extensions_mut(), &exchange, None);
                State::Calling { future: self.inner.call(request), exchange: Some(exchange) }
            }
            Begin::Refuse(refusal) => {
                State::Refused { refused: Refused::new(request, respond::response(refusal, &respond)) }
            }
            Begin::Resolve(resolving) => {
                // The service that was polled ready is the one to call; its clone waits for the next request.
                let inner = self.inner.clone();
                let inner = mem::replace(&mut self.inner, inner);
                State::Resolving { resolving, waiting: Some((request, inner)) }
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

pin_project! {
    #[project = ResponseFutureProj]
    /// The future of [`AuthService`].
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<S, U, R, B, B2>
    where
        S: Service<Request<B>>,
    {
        #[pin]
        state: State<S, S::Future, U, B, B2>,
        respond: R,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<S, F, U, B, B2> {
        Resolving { resolving: Resolving<U>, waiting: Option<(Request<B>, S)> },
        Calling { #[pin] future: F, exchange: Option<Exchange<U>> },
        Saving { saving: Saving, exchange: Exchange<U>, response: Option<Response<B2>> },
        Refused { refused: Refused<B, Response<B2>> },
    }
}

impl<S, U, R, B, B2> Future for ResponseFuture<S, U, R, B, B2>
where
    S: Service<Request<B>, Response = Response<B2>>,
    U: User,
    R: Respond<B2>,
    B: Body,
{
    type Output = Result<Response<B2>, S::Error>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let ResponseFutureProj { mut state, respond } = self.project();
        let StateProj::Calling { future, exchange } = state.as_mut().project() else {
            return state.poll_presented(respond, cx);
        };
        let answer = ready!(future.poll(cx));
        if exchange.as_ref().is_none_or(Exchange::end) {
            return Poll::Ready(answer);
        }
        state.finish(answer, respond, cx)
    }
}

impl<S, U, B, B2> State<S, S::Future, U, B, B2>
where
    S: Service<Request<B>, Response = Response<B2>>,
    U: User,
    B: Body,
{
    /// Polls whatever a request that presents nothing never comes to: kept out of its way.
    #[inline(never)]
    fn poll_presented(
        mut self: Pin<&mut Self>,
        respond: &impl Respond<B2>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Response<B2>, S::Error>> {
        let (found, waiting) = match self.as_mut().project() {
            StateProj::Resolving { resolving, waiting } => (ready!(Pin::new(resolving).poll(cx)), waiting),
            StateProj::Refused { refused } => return Pin::new(refused).poll(cx).map(Ok),
            StateProj::Saving { .. } => return self.poll_saving(respond, cx).map(Ok),
            StateProj::Calling { .. } => unreachable!("`poll` polls it"),
        };
        let (mut request, mut service) = waiting.take().expect(POLLED_AGAIN);
        let (exchange, user) = match found.caller(&Head::of(&request)) {
            Ok(found) => found,
            Err(refusal) => {
                let refused = Refused::new(request, respond::response(refusal, respond));
                self.set(Self::Refused { refused });
                return self.poll_presented(respond, cx);
            }
        };
        enter(request.extensions_mut(), &exchange, user);
        self.set(Self::Calling { future: service.call(request), exchange: Some(exchange) });
        let StateProj::Calling { future, exchange } = self.as_mut().project() else {
            unreachable!("it was set just now")
        };
        let answer = ready!(future.poll(cx));
        if exchange.as_ref().is_none_or(Exchange::end) {
            return Poll::Ready(answer);
        }
        self.finish(answer, respond, cx)
    }

    /// Writes on the response what the handler did; first saves what is to be saved.
    #[inline(never)]
    fn finish(
        mut self: Pin<&mut Self>,
        answer: Result<Response<B2>, S::Error>,
        respond: &impl Respond<B2>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Response<B2>, S::Error>> {
        let StateProj::Calling { exchange, .. } = self.as_mut().project() else {
            unreachable!("the service was called")
        };
        let exchange = exchange.take().expect(POLLED_AGAIN);
        let mut response = answer.inspect_err(|_| exchange.give_up())?;
        let Some(saving) = exchange.save(|| response.status().as_u16()) else {
            exchange.finish(&mut Answer(&mut response));
            return Poll::Ready(Ok(response));
        };
        self.set(Self::Saving { saving, exchange, response: Some(response) });
        self.poll_saving(respond, cx).map(Ok)
    }

    fn poll_saving(
        self: Pin<&mut Self>,
        respond: &impl Respond<B2>,
        cx: &mut Context<'_>,
    ) -> Poll<Response<B2>> {
        let StateProj::Saving { saving, exchange, response } = self.project() else {
            unreachable!("it is polled while it saves")
        };
        let saved = ready!(Pin::new(saving).poll(cx));
        let answered = response.take().expect(POLLED_AGAIN);
        let mut answer = saved.map_or_else(|refusal| respond::response(refusal, respond), |()| answered);
        exchange.finish(&mut Answer(&mut answer));
        Poll::Ready(answer)
    }
}

/// Puts into the request's extensions who is calling. An outer layer's caller is not this layer's: who asks the extensions
/// must not take one for the other.
fn enter<U: User>(extensions: &mut Extensions, exchange: &Exchange<U>, user: Option<Arc<U>>) {
    extensions.insert(exchange.any());
    _ = match user {
        Some(user) => extensions.insert(CurrentUser(user)),
        None => extensions.remove(),
    };
}

/// The contract of `Future`: a future that was ready is not polled again.
const POLLED_AGAIN: &str = "`ResponseFuture` polled after completion";
