//! A `tower::Service` as the application of a client.

use std::fmt::Debug;
use std::future::poll_fn;
use std::net::SocketAddr;

use auth_tower::Encrypted;
use axum::extract::ConnectInfo;
use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::{BodyExt as _, Full};
use tower_service::Service;

use crate::Client;
use crate::client::App;

/// A [`tower::Service`](tower_service::Service), as an axum `Router`, behind a [`Client`].
#[derive(Clone, Debug)]
pub struct TowerApp<S>(S);

impl<S> TowerApp<S> {
    /// This service.
    pub fn new(service: S) -> Self {
        Self(service)
    }
}

impl<S> Client<TowerApp<S>> {
    /// A browser with this application: an axum `Router`, or another service whose requests have bodies of
    /// [`Full<Bytes>`](http_body_util::Full). For services of another body, map it (`tower::ServiceExt::map_request`).
    ///
    /// ```
    /// use auth_test::Client;
    /// use axum::Router;
    /// use axum::routing::get;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let app = Router::new().route("/", get(async || "hello"));
    /// assert_eq!(Client::new(app).get("/").await.assert_status(200).text(), "hello");
    /// # }
    /// ```
    pub fn new(service: S) -> Self {
        Self::of(TowerApp::new(service))
    }
}

impl<S, B> App for TowerApp<S>
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>> + Clone,
    S::Error: Debug,
    B: Body,
    B::Error: Debug,
{
    async fn answer(&self, request: Request<Bytes>) -> Response<Bytes> {
        let mut service = self.0.clone();
        let mut request = request.map(Full::new);
        // The client speaks TLS, which "ends" here.
        request.extensions_mut().insert(Encrypted);
        if let Some(address) = request.extensions().get::<SocketAddr>().copied() {
            request.extensions_mut().insert(ConnectInfo(address));
        }
        let ready = poll_fn(|cx| service.poll_ready(cx)).await;
        ready.unwrap_or_else(|error| panic!("the application is not ready: {error:?}"));
        let answer = service.call(request).await;
        let (parts, body) =
            answer.unwrap_or_else(|error| panic!("the application failed: {error:?}")).into_parts();
        let body = body.collect().await.unwrap_or_else(|error| panic!("the body broke off: {error:?}"));
        Response::from_parts(parts, body.to_bytes())
    }
}
