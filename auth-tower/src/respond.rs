//! How a refusal becomes a response.

use auth_core::http::{Refusal, ResponseView};
use http::{Response, StatusCode};

use crate::view::Answer;

/// Makes responses with a body of type `B` out of refusals.
///
/// [`AuthLayer::respond`](crate::AuthLayer::respond) and [`RequireLayer::respond`](crate::RequireLayer::respond) take
/// one: to show the site's own error pages, say.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot make a response with the body `{B}`",
    note = "if the body cannot be made of text (tonic's, for one), add `.respond(EmptyBody)` to the layer"
)]
pub trait Respond<B>: Clone + Send + Sync + 'static {
    /// The response. [`head`] writes status and headers.
    fn respond(&self, refusal: &Refusal) -> Response<B>;
}

/// The default: a JSON problem (RFC 9457) for programs, a short page for browsers.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProblemBody;

impl<B: From<&'static str>> Respond<B> for ProblemBody {
    fn respond(&self, refusal: &Refusal) -> Response<B> {
        head(refusal, B::from(refusal.body_text()))
    }
}

/// Status and headers without a body, for bodies that can only be empty.
#[derive(Clone, Copy, Debug, Default)]
pub struct EmptyBody;

impl<B: Default> Respond<B> for EmptyBody {
    fn respond(&self, refusal: &Refusal) -> Response<B> {
        head(refusal, B::default())
    }
}

impl<B, F> Respond<B> for F
where
    F: Fn(&Refusal) -> B + Clone + Send + Sync + 'static,
{
    fn respond(&self, refusal: &Refusal) -> Response<B> {
        head(refusal, self(refusal))
    }
}

/// A refusal's status and headers around a body.
pub(crate) fn head<B>(refusal: &Refusal, body: B) -> Response<B> {
    let mut response = Response::new(body);
    *response.status_mut() =
        StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in refusal.headers() {
        Answer(&mut response).append(*name, value.clone());
    }
    response
}
