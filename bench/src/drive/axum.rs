//! Calls an axum router.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, header};
use tower::Service;

use super::{ANY_COOKIE, Allocated, Counter, WARM_UP, pair};
use crate::ask::Ask;
use crate::sites::Site;

pub(crate) struct Driven {
    site: Site,
    app: Router,
}

impl Driven {
    /// As `axum::serve` does once for each connection, the handlers are made services here, not at every request.
    pub(crate) fn new(site: Site, app: Router) -> Self {
        Self { site, app: app.with_state(()) }
    }

    pub(crate) async fn send(mut self, ask: Ask, requests: usize) -> Allocated {
        let cookie = if ask.has_cookie() { Some(self.cookie().await) } else { None };
        for _ in 0..WARM_UP {
            self.call(ask, cookie.as_deref()).await;
        }
        let counter = Counter::start();
        for _ in 0..requests {
            self.call(ask, cookie.as_deref()).await;
        }
        counter.stop()
    }

    async fn cookie(&mut self) -> String {
        if self.site.has_no_login() {
            return ANY_COOKIE.to_owned();
        }
        let response = self.call(Ask::Login, None).await;
        pair(response.headers()[header::SET_COOKIE].to_str().expect("text"))
    }

    async fn call(&mut self, ask: Ask, cookie: Option<&str>) -> Response<Body> {
        let builder = if ask == Ask::Login { Request::post(ask.path()) } else { Request::get(ask.path()) };
        let builder =
            ask.headers().iter().fold(builder, |builder, (name, value)| builder.header(*name, *value));
        let builder = match cookie {
            Some(cookie) => builder.header(header::COOKIE, cookie),
            None => builder,
        };
        let request = builder.body(Body::empty()).expect("a request");
        // A router is always ready to be called, and never fails.
        let response = self.app.call(request).await.expect("infallible");
        assert_eq!(response.status().as_u16(), ask.status(), "{} to {ask:?}", self.site.label());
        response
    }
}
