//! actix-web-httpauth's middleware, written as its documentation writes it: with a function.

use actix_web::dev::ServiceRequest;
use actix_web::{App, Error, HttpMessage, web};
use actix_web_httpauth::extractors::AuthenticationError;
use actix_web_httpauth::extractors::basic::{self, BasicAuth};
use actix_web_httpauth::extractors::bearer::{self, BearerAuth};
use actix_web_httpauth::middleware::HttpAuthentication;

use super::Entry;
use super::basic::{Name, by_password, by_token};

type Checked = Result<ServiceRequest, (Error, ServiceRequest)>;

pub(crate) fn basic() -> App<impl Entry> {
    App::new()
        .wrap(HttpAuthentication::basic(check_basic))
        .route("/me", web::get().to(me))
        .route("/guarded", web::get().to(me))
}

pub(crate) fn bearer() -> App<impl Entry> {
    App::new()
        .wrap(HttpAuthentication::bearer(check_bearer))
        .route("/me", web::get().to(me))
        .route("/guarded", web::get().to(me))
}

async fn check_basic(request: ServiceRequest, credentials: BasicAuth) -> Checked {
    match by_password(credentials.user_id(), credentials.password().unwrap_or_default()) {
        Some(name) => Ok(with(request, name)),
        None => Err((AuthenticationError::from(basic::Config::default()).into(), request)),
    }
}

async fn check_bearer(request: ServiceRequest, credentials: BearerAuth) -> Checked {
    match by_token(credentials.token()) {
        Some(name) => Ok(with(request, name)),
        None => Err((AuthenticationError::from(bearer::Config::default()).into(), request)),
    }
}

fn with(request: ServiceRequest, name: Name) -> ServiceRequest {
    request.extensions_mut().insert(name);
    request
}

async fn me(name: web::ReqData<Name>) -> String {
    String::from(&**name)
}
