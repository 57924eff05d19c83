//! How a refusal becomes a response.

use actix_web::HttpResponse;
use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use auth_core::http::Refusal;
use auth_core::http::adapter::ResponseView as _;

use crate::view::Answer;

/// Makes responses of refusals.
///
/// [`AuthLayer::respond`](crate::AuthLayer::respond) and [`RequireLayer::respond`](crate::RequireLayer::respond) take
/// one: to show the site's own pages, say, or to answer scripts in their own way. A closure is one:
///
/// ```
/// use actix_web::HttpResponse;
/// use actix_web::body::BoxBody;
/// use actix_web::http::header::{HeaderName, HeaderValue};
/// use auth_core::http::{Audience, Refusal, RefusalReason};
///
/// /// A script of the page cannot follow a redirect to the login page: htmx can be told to.
/// fn respond(refusal: &Refusal, mut response: HttpResponse<()>) -> HttpResponse {
///     if refusal.audience() == Audience::Api && refusal.reason() == Some(RefusalReason::NotSignedIn) {
///         let (name, to) = (HeaderName::from_static("hx-redirect"), HeaderValue::from_static("/login"));
///         response.headers_mut().insert(name, to);
///     }
///     response.set_body(BoxBody::new(refusal.body_text()))
/// }
/// # fn is_one(_: impl auth_actix::Respond) {}
/// # is_one(respond);
/// ```
pub trait Respond: Clone + 'static {
    /// The response to send. `response` has the status and headers that belong to the refusal, and no body yet; what is
    /// added, replaced or removed there is up to the application.
    fn respond(&self, refusal: &Refusal, response: HttpResponse<()>) -> HttpResponse<BoxBody>;
}

/// The default: a JSON problem (RFC 9457) for programs, a short page for browsers.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/site.rs"));
/// # use site::*;
/// # #[actix_web::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let auth = auth().await;
/// # use actix_web::{App, web};
/// # use auth_actix::{AuthLayer, RequireLayer};
/// # use auth_actix::auth_core::Require;
/// # let members = web::resource("/members").wrap(RequireLayer::new(Require::login())).to(async || "");
/// # let app = App::new().wrap(AuthLayer::new(auth)).service(members);
/// # let request = api("/members");
/// // A program asks for a page that requires a login.
/// let (status, headers, body) = send!(app, request);
/// assert_eq!(headers.get("content-type").unwrap(), "application/problem+json");
/// assert!(body.contains("\"status\":401"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct ProblemBody;

impl Respond for ProblemBody {
    fn respond(&self, refusal: &Refusal, response: HttpResponse<()>) -> HttpResponse<BoxBody> {
        response.set_body(BoxBody::new(refusal.body_text()))
    }
}

impl<F: Fn(&Refusal, HttpResponse<()>) -> HttpResponse<BoxBody> + Clone + 'static> Respond for F {
    fn respond(&self, refusal: &Refusal, response: HttpResponse<()>) -> HttpResponse<BoxBody> {
        self(refusal, response)
    }
}

/// A refusal as a response.
pub(crate) fn response(mut refusal: Refusal, respond: &impl Respond) -> HttpResponse<BoxBody> {
    let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::with_body(status, ());
    for (header, value) in refusal.take_headers() {
        Answer(&mut response).append(header, value);
    }
    respond.respond(&refusal, response)
}
