//! How a refusal becomes a response.

use actix_web::HttpResponse;
use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use auth_core::http::Refusal;
use auth_core::http::adapter::ResponseView as _;

use crate::view::Answer;

/// Makes the bodies of refusals.
///
/// [`AuthLayer::respond`](crate::AuthLayer::respond) and [`RequireLayer::respond`](crate::RequireLayer::respond) take
/// one: to show the site's own error pages, say.
pub trait Respond: Clone + 'static {
    /// The body; status and headers are written by the layer.
    fn body(&self, refusal: &Refusal) -> BoxBody;
}

/// The default: a JSON problem (RFC 9457) for programs, a short page for browsers.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProblemBody;

impl Respond for ProblemBody {
    fn body(&self, refusal: &Refusal) -> BoxBody {
        BoxBody::new(refusal.body_text())
    }
}

impl<F: Fn(&Refusal) -> BoxBody + Clone + 'static> Respond for F {
    fn body(&self, refusal: &Refusal) -> BoxBody {
        self(refusal)
    }
}

/// A refusal as a response.
pub(crate) fn response(refusal: Refusal, respond: &impl Respond) -> HttpResponse<BoxBody> {
    let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = respond.body(&refusal);
    let mut response = HttpResponse::new(status);
    for (header, value) in refusal.into_headers() {
        Answer(&mut response).append(header, value);
    }
    response.set_body(body)
}
