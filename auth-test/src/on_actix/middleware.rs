//! The middleware that signs requests in.

use std::future::{Future, Ready, ready};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use actix_service::{Service, Transform};
use actix_web::Error;
use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use auth_actix::{AuthLayer, AuthService};
use auth_core::{AuthBuilder, User};

use crate::stage::{Sent, Stage};
use crate::{Anonymous, SignedIn};

/// A middleware that signs requests in: an [`AuthLayer`] with an [`Auth`](auth_core::Auth) that exists for one test,
/// behind the cookies of one browser. Made by [`SignedIn::middleware`] and [`Anonymous::middleware`].
pub struct SignedInMiddleware<U> {
    stage: Arc<Stage<U>>,
}

impl<U: User + Clone> SignedIn<U> {
    /// A middleware for handlers and apps without their `AuthLayer`: each request is this user's, by a session that
    /// exists for as long as the middleware. See [the front page](crate#handlers-and-routers-alone).
    ///
    /// ```
    /// use actix_web::test::init_service;
    /// use actix_web::{App, web};
    /// use auth_actix::CurrentUser;
    /// use auth_test::{Client, TestUser, signed_in_as};
    ///
    /// # actix_web::rt::System::new().block_on(async {
    /// let me = async |user: CurrentUser<TestUser>| user.name().to_owned();
    /// let alice = signed_in_as(TestUser::new("alice"));
    /// let app = App::new().route("/me", web::get().to(me)).wrap(alice.middleware());
    /// assert_eq!(Client::actix(init_service(app).await).get("/me").await.text(), "alice");
    /// # });
    /// ```
    ///
    /// # Panics
    /// If a backend cannot have the [name](Self::by_backend). When it is called: if a middleware around it keeps a
    /// clone of the request, since actix-web then lets no header be added.
    #[track_caller]
    pub fn middleware(self) -> SignedInMiddleware<U> {
        self.middleware_with(|auth| auth)
    }

    /// As [`middleware`](Self::middleware), with an [`Auth`](auth_core::Auth) that is configured further: a login page,
    /// a clock, a policy of second factors. It has its backend and its sessions already.
    ///
    /// ```
    /// use auth_test::{TestUser, signed_in_as};
    ///
    /// let alice = signed_in_as(TestUser::new("alice"));
    /// let middleware = alice.middleware_with(|auth| auth.login_page("/login"));
    /// # drop(middleware);
    /// ```
    ///
    /// # Panics
    /// If the configuration does not build.
    #[track_caller]
    pub fn middleware_with(
        self,
        configure: impl Fn(AuthBuilder<U>) -> AuthBuilder<U>,
    ) -> SignedInMiddleware<U> {
        let stage = Stage::of(self, &configure).unwrap_or_else(|error| panic!("{error}"));
        SignedInMiddleware { stage }
    }
}

impl<U: User + Clone> Anonymous<U> {
    /// A middleware for handlers that an anonymous visitor calls.
    #[track_caller]
    ///
    /// ```
    /// use actix_web::test::init_service;
    /// use actix_web::{App, web};
    /// use auth_actix::CurrentUser;
    /// use auth_test::{Client, TestUser, anonymous};
    ///
    /// # actix_web::rt::System::new().block_on(async {
    /// let who = async |user: Option<CurrentUser<TestUser>>| if user.is_some() { "a member" } else { "a visitor" };
    /// let app = App::new().route("/", web::get().to(who)).wrap(anonymous::<TestUser>().middleware());
    /// assert_eq!(Client::actix(init_service(app).await).get("/").await.text(), "a visitor");
    /// # });
    /// ```
    pub fn middleware(self) -> SignedInMiddleware<U> {
        self.middleware_with(|auth| auth)
    }

    /// As [`middleware`](Self::middleware), with an [`Auth`](auth_core::Auth) that is configured further.
    ///
    /// # Panics
    /// If the configuration does not build.
    #[track_caller]
    pub fn middleware_with(
        self,
        configure: impl Fn(AuthBuilder<U>) -> AuthBuilder<U>,
    ) -> SignedInMiddleware<U> {
        let stage = Stage::anonymous(&configure).unwrap_or_else(|error| panic!("{error}"));
        SignedInMiddleware { stage }
    }
}

impl<U> Clone for SignedInMiddleware<U> {
    fn clone(&self) -> Self {
        Self { stage: Arc::clone(&self.stage) }
    }
}

impl<S, U, B> Transform<S, ServiceRequest> for SignedInMiddleware<U>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    U: User + Clone,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Transform = SignedInMiddlewareService<S, U>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        let inner = AuthLayer::new(self.stage.auth.clone()).new_transform(service).into_inner();
        let stage = Arc::clone(&self.stage);
        ready(inner.map(|inner| SignedInMiddlewareService { stage, inner: Rc::new(inner) }))
    }
}

/// The service that [`SignedInMiddleware`] makes.
pub struct SignedInMiddlewareService<S, U> {
    stage: Arc<Stage<U>>,
    inner: Rc<AuthService<S, U>>,
}

impl<S, U, B> Service<ServiceRequest> for SignedInMiddlewareService<S, U>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    U: User + Clone,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Error>>>>;

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&self, mut request: ServiceRequest) -> Self::Future {
        let (stage, inner) = (Arc::clone(&self.stage), Rc::clone(&self.inner));
        Box::pin(async move {
            let added = stage.header(&sent(request.headers())).await;
            if let Some((name, value)) = added.and_then(native) {
                request.headers_mut().append(name, value);
            }
            let response = inner.call(request).await?;
            let lines = response.headers().get_all(header::SET_COOKIE);
            stage.take(lines.filter_map(|line| line.to_str().ok()));
            Ok(response)
        })
    }
}

fn sent(headers: &HeaderMap) -> Sent<'_> {
    Sent {
        cookies: headers.get_all(header::COOKIE).map(HeaderValue::as_bytes).collect(),
        has_authorization: headers.contains_key(header::AUTHORIZATION),
    }
}

fn native((name, value): (&'static str, String)) -> Option<(HeaderName, HeaderValue)> {
    Some((HeaderName::from_static(name), HeaderValue::try_from(value).ok()?))
}
