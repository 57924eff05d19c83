//! The layer that finds out who is calling.

use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use auth_core::User;
use auth_core::http::{Begin, Frame, Resolving, Saving};
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
/// An error of the inner service passes unchanged: there is no response to write a cookie on. A login that it follows is
/// undone. Turn errors into responses inside of this layer (axum: `HandleErrorLayer` after it in a `ServiceBuilder`).
///
/// Events name the client's address if axum serves with `into_make_service_with_connect_info::<SocketAddr>()`. Without it,
/// or [`Encrypted`](crate::Encrypted), [`Basic`](auth_core::http::Basic) takes every connection for cleartext.
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

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        // An outer layer's caller is not this layer's: who asks the extensions must not take one for the other.
        request.extensions_mut().remove::<CurrentUser<U>>();
        let head = Head::of(&request);
        let begin =
            if self.layer.lazy { self.layer.auth.begin_lazy(&head) } else { self.layer.auth.begin(&head) };
        let respond = self.layer.respond.clone();
        let state = match begin {
            // Called inside its own frame, too: a guard asks in `call`, and would otherwise be answered by the frame of
            // an outer layer, which may be of another site or, for a request made by a handler, of another request.
            Begin::Call(reading) => {
                let mut frame = self.layer.auth.frame(reading);
                let future = frame.enter(|| self.inner.call(request));
                return ResponseFuture { state: State::Calling { future, frame }, respond };
            }
            Begin::CallIn(mut frame) => {
                State::Calling { future: frame.enter(|| self.inner.call(request)), frame }
            }
            Begin::Refuse(refusal) => {
                State::Answered { response: Some(respond::response(refusal, &respond)) }
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
    #[project = ResponseFutureProj]
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

impl<S, U, R, B, B2> Future for ResponseFuture<S, U, R, B, B2>
where
    S: Service<Request<B>, Response = Response<B2>>,
    U: User,
    R: Respond<B2>,
{
    type Output = Result<Response<B2>, S::Error>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let ResponseFutureProj { mut state, respond } = self.project();
        let StateProj::Calling { future, frame } = state.as_mut().project() else {
            return state.poll_presented(respond, cx);
        };
        let polled = frame.enter(|| future.poll(cx));
        if frame.is_idle() { polled } else { state.finish(polled, respond, cx) }
    }
}

impl<S, U, B, B2> State<S, S::Future, U, B, B2>
where
    S: Service<Request<B>, Response = Response<B2>>,
    U: User,
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
            StateProj::Answered { response } => {
                return Poll::Ready(Ok(response.take().expect(POLLED_AGAIN)));
            }
            StateProj::Saving { .. } => return self.poll_saving(respond, cx).map(Ok),
            StateProj::Calling { .. } => unreachable!("`poll` polls it"),
        };
        let (mut request, mut service) = waiting.take().expect(POLLED_AGAIN);
        let (mut frame, user) = match found.caller(&Head::of(&request)) {
            Ok(found) => found,
            Err(refusal) => return Poll::Ready(Ok(respond::response(refusal, respond))),
        };
        if let Some(user) = user {
            request.extensions_mut().insert(CurrentUser(user));
        }
        // Called inside the frame too, so that guards find the caller at once, and need not put the request aside
        // until they are polled.
        let polled = frame.enter(|| {
            self.set(Self::Calling { future: service.call(request), frame: Frame::none() });
            match self.as_mut().project() {
                StateProj::Calling { future, .. } => future.poll(cx),
                _ => unreachable!("it was set just now"),
            }
        });
        if let StateProj::Calling { frame: place, .. } = self.as_mut().project() {
            *place = frame;
        }
        self.finish(polled, respond, cx)
    }

    /// Writes on the response what the handler did; first saves what is to be saved.
    #[inline(never)]
    fn finish(
        mut self: Pin<&mut Self>,
        mut polled: Poll<Result<Response<B2>, S::Error>>,
        respond: &impl Respond<B2>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Response<B2>, S::Error>> {
        let StateProj::Calling { frame, .. } = self.as_mut().project() else { return polled };
        let response = match &mut polled {
            Poll::Pending => return polled,
            Poll::Ready(Ok(response)) => response,
            Poll::Ready(Err(_)) => {
                frame.give_up();
                return polled;
            }
        };
        let Some(saving) = frame.save(|| response.status().as_u16()) else {
            frame.finish(&mut Answer(response));
            return polled;
        };
        let frame = mem::replace(frame, Frame::none());
        self.set(Self::Saving { saving, frame, response: Some(ready!(polled)?) });
        self.poll_saving(respond, cx).map(Ok)
    }

    fn poll_saving(
        self: Pin<&mut Self>,
        respond: &impl Respond<B2>,
        cx: &mut Context<'_>,
    ) -> Poll<Response<B2>> {
        let StateProj::Saving { saving, frame, response } = self.project() else {
            unreachable!("it is polled while it saves")
        };
        let saved = ready!(Pin::new(saving).poll(cx));
        let answered = response.take().expect(POLLED_AGAIN);
        let mut answer = saved.map_or_else(|refusal| respond::response(refusal, respond), |()| answered);
        frame.finish(&mut Answer(&mut answer));
        Poll::Ready(answer)
    }
}

/// The contract of `Future`: a future that was ready is not polled again.
const POLLED_AGAIN: &str = "`ResponseFuture` polled after completion";
