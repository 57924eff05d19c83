//! How a refusal becomes a response.

use auth_core::http::Refusal;
use auth_core::http::adapter::ResponseView;
use http::{Response, StatusCode};

use crate::view::Answer;

/// Makes the bodies of refusals.
///
/// [`AuthLayer::respond`](crate::AuthLayer::respond) and [`RequireLayer::respond`](crate::RequireLayer::respond) take
/// one: to show the site's own error pages, say.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot make a body of type `{B}`",
    note = "if the body cannot be made of text (tonic's, for one), add `.respond(EmptyBody)` to the layer"
)]
pub trait Respond<B>: Clone + Send + Sync + 'static {
    /// The body; status and headers are written by the layer.
    fn body(&self, refusal: &Refusal) -> B;
}

/// The default: a JSON problem (RFC 9457) for programs, a short page for browsers.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProblemBody;

impl<B: From<&'static str>> Respond<B> for ProblemBody {
    fn body(&self, refusal: &Refusal) -> B {
        B::from(refusal.body_text())
    }
}

/// No body, for types of bodies that can only be empty.
#[derive(Clone, Copy, Debug, Default)]
pub struct EmptyBody;

impl<B: Default> Respond<B> for EmptyBody {
    fn body(&self, _: &Refusal) -> B {
        B::default()
    }
}

impl<B, F> Respond<B> for F
where
    F: Fn(&Refusal) -> B + Clone + Send + Sync + 'static,
{
    fn body(&self, refusal: &Refusal) -> B {
        self(refusal)
    }
}

/// A refusal as a response.
pub(crate) fn response<B>(refusal: Refusal, respond: &impl Respond<B>) -> Response<B> {
    let mut response = Response::new(respond.body(&refusal));
    *response.status_mut() =
        StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in refusal.into_headers() {
        Answer(&mut response).append(name, value);
    }
    response
}
