//! Calls an actix-web service.

use actix_http::Request;
use actix_service::Service;
use actix_web::body::MessageBody;
use actix_web::dev::ServiceResponse;
use actix_web::http::header;
use actix_web::test::{TestRequest, init_service};
use actix_web::{App, Error};

use super::{ANY_COOKIE, Allocated, Counter, WARM_UP, pair};
use crate::ask::Ask;
use crate::sites::{Entry, Site, Visit};

pub(crate) struct Driver {
    pub(crate) site: Site,
    pub(crate) ask: Ask,
    pub(crate) requests: usize,
}

impl Visit for Driver {
    type Output = Allocated;

    async fn visit<E: Entry>(self, app: impl Fn() -> App<E> + Clone + Send + 'static) -> Allocated {
        let service = init_service(app()).await;
        let cookie = if self.ask.has_cookie() { Some(self.cookie(&service).await) } else { None };
        for _ in 0..WARM_UP {
            call(&service, self.ask, cookie.as_deref()).await;
        }
        let counter = Counter::start();
        for _ in 0..self.requests {
            call(&service, self.ask, cookie.as_deref()).await;
        }
        counter.stop()
    }
}

impl Driver {
    async fn cookie<S, B>(&self, service: &S) -> String
    where
        S: Service<Request, Response = ServiceResponse<B>, Error = Error>,
        B: MessageBody,
    {
        if self.site.has_no_login() {
            return ANY_COOKIE.to_owned();
        }
        let response = call(service, Ask::Login, None).await;
        pair(response.headers().get(header::SET_COOKIE).expect("a cookie").to_str().expect("text"))
    }
}

async fn call<S, B>(service: &S, ask: Ask, cookie: Option<&str>) -> ServiceResponse<B>
where
    S: Service<Request, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    let builder = if ask == Ask::Login { TestRequest::post() } else { TestRequest::get() };
    let builder = ask.headers().iter().fold(builder, |builder, header| builder.insert_header(*header));
    let builder = match cookie {
        Some(cookie) => builder.insert_header((header::COOKIE, cookie)),
        None => builder,
    };
    let response = service.call(builder.uri(ask.path()).to_request()).await.expect("answered");
    assert_eq!(response.status().as_u16(), ask.status(), "{ask:?}");
    response
}
