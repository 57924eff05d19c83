//! The layer that states what a route demands of its caller.

use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use auth_core::http::Refusal;
use auth_core::http::adapter::{Guarded, Resolved, guard};
use http::{Request, Response};
use http_body::Body;
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use crate::Error;
use crate::refused::Refused;
use crate::respond::{ProblemBody, Respond, response};
use crate::view::Head;

/// Lets a request pass only if its caller meets a [rule](auth_core::Require). Stands inside an
/// [`AuthLayer`](crate::AuthLayer), on the routes that it guards: in axum with `route_layer`, so that an unknown
/// path stays a 404.
///
/// ```
/// use auth_core::Require;
/// use auth_tower::RequireLayer;
/// use axum::Router;
/// use axum::routing::get;
///
/// let app: Router = Router::new()
///     .route("/members", get(async || "members only"))
///     .route_layer(RequireLayer::new(Require::permission("members")));
/// # drop(app);
/// ```
#[derive(Clone, Debug)]
pub struct RequireLayer<R = ProblemBody> {
    rule: Arc<auth_core::Require>,
    respond: R,
}

impl RequireLayer {
    /// A layer for this rule.
    pub fn new(rule: auth_core::Require) -> Self {
        Self { rule: Arc::new(rule), respond: ProblemBody }
    }
}

impl<R> RequireLayer<R> {
    /// As [`AuthLayer::respond`](crate::AuthLayer::respond).
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/site.rs"));
    /// # use site::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let auth = auth().await;
    /// use auth_tower::auth_core::{Require, http::Refusal};
    /// use auth_tower::{AuthLayer, RequireLayer};
    /// use axum::{Router, body::Body, response::Response, routing::get};
    ///
    /// fn sorry(refusal: &Refusal, response: Response<()>) -> Response {
    ///     response.map(|()| Body::from(format!("Sorry: {}", refusal.status())))
    /// }
    ///
    /// let members = RequireLayer::new(Require::login()).respond(sorry);
    /// let app = Router::new().route("/members", get(async || "members only").layer(members));
    /// # let app = app.layer(AuthLayer::new(auth));
    /// # assert_eq!(text(send(&app, api("/members")).await).await, "Sorry: 401");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn respond<R2>(self, respond: R2) -> RequireLayer<R2> {
        RequireLayer { rule: self.rule, respond }
    }
}

impl<S, R: Clone> Layer<S> for RequireLayer<R> {
    type Service = RequireService<S, R>;

    fn layer(&self, inner: S) -> Self::Service {
        RequireService { inner, layer: self.clone() }
    }
}

/// The service that [`RequireLayer`] makes.
#[derive(Clone, Debug)]
pub struct RequireService<S, R = ProblemBody> {
    inner: S,
    layer: RequireLayer<R>,
}

impl<S, R, B, B2> Service<Request<B>> for RequireService<S, R>
where
    S: Service<Request<B>, Response = Response<B2>> + Clone,
    R: Respond<B2>,
    B: Body,
{
    type Response = Response<B2>;
    type Error = S::Error;
    type Future = RequireFuture<S, R, B, B2>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let rule = &self.layer.rule;
        let state = match guard(rule, &Head::of(&request)) {
            Guarded::Pass => State::Calling { future: self.inner.call(request) },
            Guarded::Refuse(refusal) => State::refused(request, refusal, &self.layer),
            Guarded::NoLayer => {
                State::refused(request, Error::no_layer("RequireLayer").refusal(), &self.layer)
            }
            Guarded::Resolve(resolving) => {
                State::Resolving { resolving, waiting: Some(self.waiting(request)) }
            }
        };
        RequireFuture { state }
    }
}

impl<S: Clone, R: Clone> RequireService<S, R> {
    /// Takes along what is needed later. The service that was polled ready is the one to call.
    fn waiting<B>(&mut self, request: Request<B>) -> Waiting<S, R, B> {
        let inner = self.inner.clone();
        let inner = mem::replace(&mut self.inner, inner);
        (request, inner, self.layer.clone())
    }
}

/// What is needed to go on later.
type Waiting<S, R, B> = (Request<B>, S, RequireLayer<R>);

pin_project! {
    /// The future of [`RequireService`].
    #[must_use = "futures do nothing unless polled"]
    pub struct RequireFuture<S, R, B, B2>
    where
        S: Service<Request<B>>,
    {
        #[pin]
        state: State<S, S::Future, R, B, B2>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<S, F, R, B, B2> {
        /// Only under a lazy layer, for the first who asks.
        Resolving { resolving: Pin<Box<dyn Future<Output = Resolved> + Send>>, waiting: Option<Waiting<S, R, B>> },
        Calling { #[pin] future: F },
        Refused { refused: Refused<B, Response<B2>> },
    }
}

impl<S, F, R, B, B2> State<S, F, R, B, B2> {
    fn refused(request: Request<B>, refusal: Refusal, layer: &RequireLayer<R>) -> Self
    where
        R: Respond<B2>,
        B: Body,
    {
        Self::Refused { refused: Refused::new(request, response(refusal, &layer.respond)) }
    }
}

impl<S, R, B, B2> Future for RequireFuture<S, R, B, B2>
where
    S: Service<Request<B>, Response = Response<B2>>,
    R: Respond<B2>,
    B: Body,
{
    type Output = Result<Response<B2>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let next = match state.as_mut().project() {
                StateProj::Resolving { resolving, waiting } => {
                    let resolved = ready!(resolving.as_mut().poll(cx));
                    let (request, mut service, layer) = waiting.take().expect(POLLED_AGAIN);
                    match resolved.check(&layer.rule, &Head::of(&request)) {
                        Ok(()) => State::Calling { future: service.call(request) },
                        Err(refusal) => State::refused(request, refusal, &layer),
                    }
                }
                StateProj::Calling { future } => return future.poll(cx),
                StateProj::Refused { refused } => return Pin::new(refused).poll(cx).map(Ok),
            };
            state.set(next);
        }
    }
}

/// The contract of `Future`: a future that was ready is not polled again.
const POLLED_AGAIN: &str = "`RequireFuture` polled after completion";
