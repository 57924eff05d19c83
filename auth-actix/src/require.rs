//! The middleware that states what a route demands of its caller.

use std::future::{Future, Ready, ready};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready as ready_or_return};

use actix_service::{Service, Transform};
use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use auth_core::http::Refusal;
use auth_core::http::adapter::{Guarded, Resolved, guard};
use pin_project_lite::pin_project;

use crate::Error;
use crate::respond::{ProblemBody, Respond, response};
use crate::view::Head;

/// Lets a request pass only if its caller meets a [rule](auth_core::Require). Stands inside an
/// [`AuthLayer`](crate::AuthLayer), on the resources that it guards: around a whole `App` it would answer unknown
/// paths too.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/site.rs"));
/// # use site::*;
/// # #[actix_web::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let auth = auth().await;
/// use actix_web::{App, web};
/// use auth_actix::auth_core::Require;
/// use auth_actix::{AuthLayer, RequireLayer};
///
/// let members = web::resource("/members")
///     .wrap(RequireLayer::new(Require::permission("members")))
///     .to(async || "members only");
/// let app = App::new().wrap(AuthLayer::new(auth)).service(members);
/// # assert_eq!(send!(app, api("/members")).0, 401);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct RequireLayer<R = ProblemBody> {
    rule: Arc<auth_core::Require>,
    respond: R,
}

impl RequireLayer {
    /// A middleware for this rule.
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
    /// # #[actix_web::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let auth = auth().await;
    /// use actix_web::{App, HttpResponse, body::BoxBody, web};
    /// use auth_actix::auth_core::{Require, http::Refusal};
    /// use auth_actix::{AuthLayer, RequireLayer};
    ///
    /// fn sorry(refusal: &Refusal, response: HttpResponse<()>) -> HttpResponse {
    ///     response.set_body(BoxBody::new(format!("Sorry: {}", refusal.status())))
    /// }
    ///
    /// let members = RequireLayer::new(Require::login()).respond(sorry);
    /// let members = web::resource("/members").wrap(members).to(async || "members only");
    /// # let app = App::new().wrap(AuthLayer::new(auth)).service(members);
    /// # assert_eq!(send!(app, api("/members")).2, "Sorry: 401");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn respond<R2: Respond>(self, respond: R2) -> RequireLayer<R2> {
        RequireLayer { rule: self.rule, respond }
    }
}

impl<S, R, B> Transform<S, ServiceRequest> for RequireLayer<R>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = actix_web::Error> + 'static,
    R: Respond,
    B: MessageBody,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = actix_web::Error;
    type Transform = RequireService<S, R>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(RequireService { inner: Rc::new(service), layer: self.clone() }))
    }
}

/// The service that [`RequireLayer`] makes.
pub struct RequireService<S, R = ProblemBody> {
    inner: Rc<S>,
    layer: RequireLayer<R>,
}

impl<S, R, B> Service<ServiceRequest> for RequireService<S, R>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = actix_web::Error> + 'static,
    R: Respond,
    B: MessageBody,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = actix_web::Error;
    type Future = RequireFuture<S, R, B>;

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let state = match guard(&self.layer.rule, &Head(request.request())) {
            Guarded::Pass => State::Calling { future: self.inner.call(request) },
            Guarded::Refuse(refusal) => State::refused(request, refusal, &self.layer.respond),
            Guarded::NoLayer => {
                let refusal = Error::no_layer("RequireLayer").refusal();
                State::refused(request, refusal, &self.layer.respond)
            }
            Guarded::Resolve(resolving) => {
                State::Resolving { resolving, waiting: Some(self.waiting(request)) }
            }
        };
        RequireFuture { state }
    }
}

impl<S, R: Clone> RequireService<S, R> {
    /// Takes along what is needed later.
    fn waiting(&self, request: ServiceRequest) -> Waiting<S, R> {
        (request, Rc::clone(&self.inner), self.layer.clone())
    }
}

/// What is needed to go on later.
type Waiting<S, R> = (ServiceRequest, Rc<S>, RequireLayer<R>);

pin_project! {
    /// The future of [`RequireService`].
    #[must_use = "futures do nothing unless polled"]
    pub struct RequireFuture<S, R, B>
    where
        S: Service<ServiceRequest>,
    {
        #[pin]
        state: State<S, S::Future, R, B>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<S, F, R, B> {
        /// Only under a lazy layer, for the first who asks.
        Resolving { resolving: Pin<Box<dyn Future<Output = Resolved> + Send>>, waiting: Option<Waiting<S, R>> },
        Calling { #[pin] future: F },
        Refused { response: Option<ServiceResponse<EitherBody<B>>> },
    }
}

impl<S, F, R, B> State<S, F, R, B> {
    fn refused(request: ServiceRequest, refusal: Refusal, respond: &impl Respond) -> Self {
        let response = request.into_response(response(refusal, respond)).map_into_right_body();
        Self::Refused { response: Some(response) }
    }
}

impl<S, R, B> Future for RequireFuture<S, R, B>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = actix_web::Error>,
    R: Respond,
{
    type Output = Result<ServiceResponse<EitherBody<B>>, actix_web::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let next = match state.as_mut().project() {
                StateProj::Resolving { resolving, waiting } => {
                    let resolved = ready_or_return!(resolving.as_mut().poll(cx));
                    let (request, service, layer) = waiting.take().expect(POLLED_AGAIN);
                    match resolved.check(&layer.rule, &Head(request.request())) {
                        Ok(()) => State::Calling { future: service.call(request) },
                        Err(refusal) => State::refused(request, refusal, &layer.respond),
                    }
                }
                StateProj::Calling { future } => {
                    let response = ready_or_return!(future.poll(cx))?;
                    return Poll::Ready(Ok(response.map_into_left_body()));
                }
                StateProj::Refused { response } => {
                    return Poll::Ready(Ok(response.take().expect(POLLED_AGAIN)));
                }
            };
            state.set(next);
        }
    }
}

/// The contract of `Future`: a future that was ready is not polled again.
const POLLED_AGAIN: &str = "`RequireFuture` polled after completion";
