//! An actix-web app as the application of a client.

use std::net::SocketAddr;
use std::rc::Rc;

use actix_http::Request as ActixRequest;
use actix_service::Service;
use actix_web::body::{BoxBody, MessageBody, to_bytes};
use actix_web::dev::ServiceResponse;
use actix_web::test::TestRequest;
use actix_web::{Error, HttpResponse};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};

use crate::Client;
use crate::client::App;

/// An actix-web app behind a [`Client`].
pub struct ActixApp<S>(Rc<S>);

impl<S> ActixApp<S> {
    /// This app, as [`init_service`](actix_web::test::init_service) gives it.
    pub fn new(service: S) -> Self {
        Self(Rc::new(service))
    }
}

impl<S> Client<ActixApp<S>> {
    /// A browser with this application, as [`init_service`](actix_web::test::init_service) gives it.
    ///
    /// ```
    /// use actix_web::test::init_service;
    /// use actix_web::{App, web};
    /// use auth_test::Client;
    ///
    /// # actix_web::rt::System::new().block_on(async {
    /// let app = App::new().route("/", web::get().to(async || "hello"));
    /// let client = Client::actix(init_service(app).await);
    /// assert_eq!(client.get("/").await.assert_status(200).text(), "hello");
    /// # });
    /// ```
    pub fn actix(service: S) -> Self {
        Self::of(ActixApp::new(service))
    }
}

impl<S> Clone for ActixApp<S> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

impl<S, B> App for ActixApp<S>
where
    S: Service<ActixRequest, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody + 'static,
{
    async fn answer(&self, request: Request<Bytes>) -> Response<Bytes> {
        let (head, response) = match self.0.call(native(request)).await {
            Ok(answer) => answer.into_parts().1.map_into_boxed_body().into_parts(),
            Err(error) => HttpResponse::from_error(error).into_parts(),
        };
        foreign(&head, response).await
    }
}

/// The request as actix-web takes it, which speaks an older `http`.
fn native(request: Request<Bytes>) -> ActixRequest {
    let (parts, body) = request.into_parts();
    let method = actix_web::http::Method::from_bytes(parts.method.as_str().as_bytes());
    let mut native =
        TestRequest::with_uri(&parts.uri.to_string()).method(method.unwrap_or_default()).set_payload(body);
    if let Some(address) = parts.extensions.get::<SocketAddr>() {
        native = native.peer_addr(*address);
    }
    for (name, value) in &parts.headers {
        native = native.append_header((name.as_str(), value.as_bytes()));
    }
    native.to_request()
}

async fn foreign(head: &HttpResponse<()>, body: BoxBody) -> Response<Bytes> {
    let body = to_bytes(body).await.unwrap_or_else(|error| panic!("the body broke off: {error}"));
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(head.status().as_u16()).unwrap_or_default();
    for (name, value) in head.headers() {
        let name = HeaderName::from_bytes(name.as_str().as_bytes());
        let value = HeaderValue::from_bytes(value.as_bytes());
        if let (Ok(name), Ok(value)) = (name, value) {
            response.headers_mut().append(name, value);
        }
    }
    response
}
