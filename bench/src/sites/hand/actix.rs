//! The site on actix-web.

use std::future::{Ready, ready};
use std::task::{Context, Poll};

use actix_service::{Service, Transform};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::ErrorUnauthorized;
use actix_web::http::header;
use actix_web::{App, Error, HttpMessage, HttpResponse, web};

use super::{Found, Hand};
use crate::sites::Entry;

pub(crate) fn app(hand: Hand) -> App<impl Entry> {
    App::new()
        .app_data(web::Data::new(hand.clone()))
        .wrap(HandLayer(hand))
        .route("/static", web::get().to(async || String::from("static")))
        .route("/open", web::get().to(open))
        .route("/me", web::get().to(me))
        .route("/guarded", web::get().to(me))
        .route("/login", web::post().to(login))
}

async fn open(user: Option<web::ReqData<Found>>) -> String {
    user.map_or_else(|| "anonymous".to_owned(), |user| String::from(&**user))
}

async fn me(user: Option<web::ReqData<Found>>) -> HttpResponse {
    match user {
        Some(user) => HttpResponse::Ok().body(String::from(&**user)),
        None => HttpResponse::Unauthorized().finish(),
    }
}

async fn login(hand: web::Data<Hand>) -> Result<HttpResponse, Error> {
    let cookie = hand.login().await.ok_or_else(|| ErrorUnauthorized("no such user"))?;
    Ok(HttpResponse::Ok().insert_header((header::SET_COOKIE, cookie)).body("welcome"))
}

struct HandLayer(Hand);

impl<S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>, B> Transform<S, ServiceRequest>
    for HandLayer
{
    type Response = S::Response;
    type Error = Error;
    type Transform = HandService<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, inner: S) -> Self::Future {
        ready(Ok(HandService { inner, hand: self.0.clone() }))
    }
}

struct HandService<S> {
    inner: S,
    hand: Hand,
}

impl<S: Service<ServiceRequest>> Service<ServiceRequest> for HandService<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&self, request: ServiceRequest) -> S::Future {
        let cookies = request.headers().get(header::COOKIE);
        if let Some(user) = cookies.and_then(|cookies| self.hand.find(cookies.as_bytes())) {
            request.extensions_mut().insert(user);
        }
        self.inner.call(request)
    }
}
