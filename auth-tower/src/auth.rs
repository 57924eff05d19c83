//! The layer that finds out who is calling.

use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use auth_core::http::{Begin, Frame, Resolving, Saving};
use auth_core::{Access, User};
use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use crate::CurrentUser;
use crate::respond::{self, ProblemBody, Respond};
use crate::view::{Answer, Head};

/// Finds out who is calling before the inner service is called, and writes on the response what it did.
///
/// A resolved caller is in the request's extensions as [`CurrentUser`]. A request that presents nothing goes
/// straight through.
///
/// Events name the client's address if axum serves with `into_make_service_with_connect_info::<SocketAddr>()`.
pub struct AuthLayer<U, R = ProblemBody> {
    auth: auth_core::Auth<U>,
    lazy: bool,
    respond: R,
}

impl<U: User> AuthLayer<U> {
    /// A layer of this configuration.
    pub fn new(auth: auth_core::Auth<U>) -> Self {
        Self { auth, lazy: false, respond: ProblemBody }
    }
}

impl<U: User, R> AuthLayer<U, R> {
    /// Leaves finding out who is calling to the first extractor or guard that asks: a route that does not ask
    /// costs no look-up, and its requests carry no [`CurrentUser`] in their extensions.
    #[must_use]
    pub fn lazy(mut self) -> Self {
        self.lazy = true;
        self
    }

    /// Makes this layer's own responses by `respond`: [`EmptyBody`](crate::EmptyBody), or a closure from a
    /// [`Refusal`](auth_core::http::Refusal) to a body.
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
    type Service = Auth<S, U, R>;

    fn layer(&self, inner: S) -> Self::Service {
        Auth { inner, layer: self.clone() }
    }
}

/// The service that [`AuthLayer`] makes.
pub struct Auth<S, U, R = ProblemBody> {
    inner: S,
    layer: AuthLayer<U, R>,
}

impl<S: Clone, U, R: Clone> Clone for Auth<S, U, R> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), layer: self.layer.clone() }
    }
}

impl<S, U, R, B, B2> Service<Request<B>> for Auth<S, U, R>
where
    S: Service<Request<B>, Response = Response<B2>> + Clone,
    U: User,
    R: Respond<B2>,
{
    type Response = Response<B2>;
    type Error = S::Error;
    type Future = ResponseFuture<S, U, R, B, B2>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let head = Head::of(&request);
        let begin =
            if self.layer.lazy { self.layer.auth.begin_lazy(&head) } else { self.layer.auth.begin(&head) };
        let respond = self.layer.respond.clone();
        let state = match begin {
            // Framed only while its future is polled: this is what every anonymous request pays.
            Begin::Nothing => {
                State::Calling { future: self.inner.call(request), frame: self.layer.auth.frame() }
            }
            Begin::Call(frame) => State::calling(&mut self.inner, request, frame),
            Begin::Refuse(refusal) => {
                State::Answered { response: Some(respond::response(&refusal, &respond)) }
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

pin_project! {
    /// The future of [`Auth`].
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
        Calling { #[pin] future: F, frame: Frame },
        Saving { saving: Saving, frame: Frame, response: Option<Response<B2>> },
        Answered { response: Option<Response<B2>> },
    }
}

impl<S, U, B, B2> State<S, S::Future, U, B, B2>
where
    S: Service<Request<B>, Response = Response<B2>>,
{
    // Always: a future of hundreds of bytes is built where it stays.
    #[inline(always)]
    #[allow(clippy::inline_always)]
    fn calling(service: &mut S, request: Request<B>, mut frame: Frame) -> Self {
        // So that guards find the caller at once, and need not put the request aside until they are polled.
        let future = frame.enter(|| service.call(request));
        Self::Calling { future, frame }
    }
}

impl<S, U, R, B, B2> Future for ResponseFuture<S, U, R, B, B2>
where
    S: Service<Request<B>, Response = Response<B2>>,
    U: User,
    R: Respond<B2>,
{
    type Output = Result<Response<B2>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let next = match this.state.as_mut().project() {
                StateProj::Resolving { resolving, waiting } => {
                    let found = ready!(Pin::new(resolving).poll(cx));
                    let (request, service) = waiting.take().expect(POLLED_AGAIN);
                    match found.caller(&Head::of(&request)) {
                        Ok((frame, access)) => call(service, request, frame, access),
                        Err(refusal) => {
                            State::Answered { response: Some(respond::response(&refusal, this.respond)) }
                        }
                    }
                }
                StateProj::Calling { future, frame } => {
                    let mut polled = frame.enter(|| future.poll(cx));
                    let Poll::Ready(Ok(response)) = &mut polled else { return polled };
                    let Some(saving) = frame.save(response.status().as_u16()) else {
                        frame.finish(&mut Answer(response));
                        return polled;
                    };
                    State::Saving { saving, frame: frame.take(), response: Some(ready!(polled)?) }
                }
                StateProj::Saving { saving, frame, response } => {
                    let saved = ready!(Pin::new(saving).poll(cx));
                    let answered = response.take().expect(POLLED_AGAIN);
                    let mut answer =
                        saved.map_or_else(|refusal| respond::response(&refusal, this.respond), |()| answered);
                    frame.finish(&mut Answer(&mut answer));
                    return Poll::Ready(Ok(answer));
                }
                StateProj::Answered { response } => {
                    return Poll::Ready(Ok(response.take().expect(POLLED_AGAIN)));
                }
            };
            this.state.set(next);
        }
    }
}

/// The contract of `Future`: a future that was ready is not polled again.
const POLLED_AGAIN: &str = "`ResponseFuture` polled after completion";

/// Puts the caller into the request's extensions and calls the service.
fn call<S, U, B, B2>(
    mut service: S,
    mut request: Request<B>,
    frame: Frame,
    access: Option<Access<U>>,
) -> State<S, S::Future, U, B, B2>
where
    S: Service<Request<B>, Response = Response<B2>>,
    U: User,
{
    if let Some(access) = access {
        request.extensions_mut().insert(CurrentUser(Arc::clone(access.user())));
    }
    State::calling(&mut service, request, frame)
}
