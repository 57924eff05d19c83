//! The layer that signs requests in.

use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use auth_core::{AuthBuilder, User};
use auth_tower::{AuthLayer, AuthService};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, header};
use tower_layer::Layer;
use tower_service::Service;

use crate::stage::{Sent, Stage};
use crate::{Anonymous, SignedIn};

/// A layer that signs requests in: an [`AuthLayer`] with an [`Auth`](auth_core::Auth) that exists for one test, behind
/// the cookies of one browser. Made by [`SignedIn::layer`] and [`Anonymous::layer`].
pub struct SignedInLayer<U> {
    stage: Arc<Stage<U>>,
}

impl<U: User + Clone> SignedIn<U> {
    /// A layer for handlers and routers without their `AuthLayer`: each request is this user's, by a session that
    /// exists for as long as the layer. See [the front page](crate#handlers-and-routers-alone).
    ///
    /// ```
    /// # #[cfg(feature = "tower")] {
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use auth_test::{Client, TestUser, signed_in_as};
    /// use auth_tower::CurrentUser;
    /// use axum::Router;
    /// use axum::routing::get;
    ///
    /// let me = async |user: CurrentUser<TestUser>| user.name().to_owned();
    /// let app = Router::new().route("/me", get(me)).layer(signed_in_as(TestUser::new("alice")).layer());
    /// assert_eq!(Client::new(app).get("/me").await.text(), "alice");
    /// # }
    /// # main();
    /// # }
    /// ```
    ///
    /// # Panics
    /// If a backend cannot have the [name](Self::by_backend).
    #[track_caller]
    pub fn layer(self) -> SignedInLayer<U> {
        self.layer_with(|auth| auth)
    }

    /// As [`layer`](Self::layer), with an [`Auth`](auth_core::Auth) that is configured further: a login page, a clock,
    /// a policy of second factors. It has its backend and its sessions already.
    ///
    /// ```
    /// use auth_test::{TestUser, signed_in_as};
    ///
    /// let alice = signed_in_as(TestUser::new("alice"));
    /// let layer = alice.layer_with(|auth| auth.login_page("/login").origin("https://example.com"));
    /// # drop(layer);
    /// ```
    ///
    /// # Panics
    /// If the configuration does not build.
    #[track_caller]
    pub fn layer_with(self, configure: impl Fn(AuthBuilder<U>) -> AuthBuilder<U>) -> SignedInLayer<U> {
        let stage = Stage::of(self, &configure).unwrap_or_else(|error| panic!("{error}"));
        SignedInLayer { stage }
    }
}

impl<U: User + Clone> Anonymous<U> {
    /// A layer for handlers that an anonymous visitor calls.
    #[track_caller]
    ///
    /// ```
    /// # #[cfg(feature = "tower")] {
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use auth_test::{Client, TestUser, anonymous};
    /// use auth_tower::CurrentUser;
    /// use axum::Router;
    /// use axum::routing::get;
    ///
    /// let who = async |user: Option<CurrentUser<TestUser>>| if user.is_some() { "a member" } else { "a visitor" };
    /// let app = Router::new().route("/", get(who)).layer(anonymous::<TestUser>().layer());
    /// assert_eq!(Client::new(app).get("/").await.text(), "a visitor");
    /// # }
    /// # main();
    /// # }
    /// ```
    pub fn layer(self) -> SignedInLayer<U> {
        self.layer_with(|auth| auth)
    }

    /// As [`layer`](Self::layer), with an [`Auth`](auth_core::Auth) that is configured further.
    ///
    /// # Panics
    /// If the configuration does not build.
    #[track_caller]
    pub fn layer_with(self, configure: impl Fn(AuthBuilder<U>) -> AuthBuilder<U>) -> SignedInLayer<U> {
        let stage = Stage::anonymous(&configure).unwrap_or_else(|error| panic!("{error}"));
        SignedInLayer { stage }
    }
}

impl<U> Clone for SignedInLayer<U> {
    fn clone(&self) -> Self {
        Self { stage: Arc::clone(&self.stage) }
    }
}

impl<S, U: User> Layer<S> for SignedInLayer<U> {
    type Service = SignedInService<S, U>;

    fn layer(&self, inner: S) -> Self::Service {
        let inner = AuthLayer::new(self.stage.auth.clone()).layer(inner);
        SignedInService { stage: Arc::clone(&self.stage), inner }
    }
}

/// The service that [`SignedInLayer`] makes.
pub struct SignedInService<S, U> {
    stage: Arc<Stage<U>>,
    inner: AuthService<S, U>,
}

impl<S: Clone, U> Clone for SignedInService<S, U> {
    fn clone(&self) -> Self {
        Self { stage: Arc::clone(&self.stage), inner: self.inner.clone() }
    }
}

impl<S, U, B, B2> Service<Request<B>> for SignedInService<S, U>
where
    S: Clone + Send + 'static,
    U: User + Clone,
    B: Send + 'static,
    AuthService<S, U>: Service<Request<B>, Response = Response<B2>>,
    <AuthService<S, U> as Service<Request<B>>>::Future: Send,
{
    type Response = Response<B2>;
    type Error = <AuthService<S, U> as Service<Request<B>>>::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        // The service that was polled ready is the one to call; its clone waits for the next request.
        let inner = self.inner.clone();
        let mut inner = mem::replace(&mut self.inner, inner);
        let stage = Arc::clone(&self.stage);
        Box::pin(async move {
            let added = stage.header(&sent(request.headers())).await;
            if let Some((name, value)) = added.and_then(native) {
                request.headers_mut().append(name, value);
            }
            let response = inner.call(request).await?;
            let lines = response.headers().get_all(header::SET_COOKIE).iter();
            stage.take(lines.filter_map(|line| line.to_str().ok()));
            Ok(response)
        })
    }
}

fn sent(headers: &HeaderMap) -> Sent<'_> {
    Sent {
        cookies: headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes).collect(),
        has_authorization: headers.contains_key(header::AUTHORIZATION),
    }
}

fn native((name, value): (&'static str, String)) -> Option<(HeaderName, HeaderValue)> {
    Some((HeaderName::from_static(name), HeaderValue::try_from(value).ok()?))
}
