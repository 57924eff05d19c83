//! How a refusal becomes a response.

use auth_core::http::Refusal;
use auth_core::http::adapter::ResponseView;
use http::{Response, StatusCode};

use crate::view::Answer;

/// Makes responses of refusals.
///
/// [`AuthLayer::respond`](crate::AuthLayer::respond) and [`RequireLayer::respond`](crate::RequireLayer::respond) take
/// one: to show the site's own pages, say, or to answer scripts in their own way. A closure is one:
///
/// ```
/// use auth_core::http::{Audience, Refusal, RefusalReason};
/// use http::{HeaderValue, Response};
///
/// /// A script of the page cannot follow a redirect to the login page: htmx can be told to.
/// fn respond(refusal: &Refusal, mut response: Response<()>) -> Response<String> {
///     if refusal.audience() == Audience::Api && refusal.reason() == Some(RefusalReason::NotSignedIn) {
///         response.headers_mut().insert("hx-redirect", HeaderValue::from_static("/login"));
///     }
///     response.map(|()| refusal.body_text().to_owned())
/// }
/// # fn is_one<B>(_: impl auth_tower::Respond<B>) {}
/// # is_one(respond);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot make a response with a body of type `{B}`",
    note = "if the body cannot be made of text (tonic's, for one), add `.respond(EmptyBody)` to the layer"
)]
pub trait Respond<B>: Clone + Send + Sync + 'static {
    /// The response to send. `response` has the status and headers that belong to the refusal, and no body yet; what is
    /// added, replaced or removed there is up to the application.
    fn respond(&self, refusal: &Refusal, response: Response<()>) -> Response<B>;
}

/// The default: a JSON problem (RFC 9457) for programs, a short page for browsers.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/site.rs"));
/// # use site::*;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let auth = auth().await;
/// # use auth_tower::{AuthLayer, RequireLayer};
/// # use auth_tower::auth_core::Require;
/// # use axum::{Router, routing::get};
/// # let app = Router::new()
/// #     .route("/members", get(async || "").layer(RequireLayer::new(Require::login())))
/// #     .layer(AuthLayer::new(auth));
/// # let request = api("/members");
/// // A program asks for a page that requires a login.
/// let answer = send(&app, request).await;
/// assert_eq!(answer.headers()["content-type"], "application/problem+json");
/// assert!(text(answer).await.contains("\"status\":401"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct ProblemBody;

impl<B: From<&'static str>> Respond<B> for ProblemBody {
    fn respond(&self, refusal: &Refusal, response: Response<()>) -> Response<B> {
        response.map(|()| B::from(refusal.body_text()))
    }
}

/// No body, for types of bodies that can only be empty.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/site.rs"));
/// # use site::*;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let auth = auth().await;
/// use auth_tower::auth_core::Require;
/// use auth_tower::{AuthLayer, EmptyBody, RequireLayer};
/// use axum::{Router, routing::get};
///
/// let members = RequireLayer::new(Require::login()).respond(EmptyBody);
/// let app = Router::new()
///     .route("/members", get(async || "members only").layer(members))
///     .layer(AuthLayer::new(auth).respond(EmptyBody));
/// # let answer = send(&app, api("/members")).await;
/// # assert_eq!(answer.status(), 401);
/// # assert_eq!(text(answer).await, "");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct EmptyBody;

impl<B: Default> Respond<B> for EmptyBody {
    fn respond(&self, _: &Refusal, response: Response<()>) -> Response<B> {
        response.map(|()| B::default())
    }
}

impl<B, F> Respond<B> for F
where
    F: Fn(&Refusal, Response<()>) -> Response<B> + Clone + Send + Sync + 'static,
{
    fn respond(&self, refusal: &Refusal, response: Response<()>) -> Response<B> {
        self(refusal, response)
    }
}

/// A refusal as a response.
pub(crate) fn response<B>(mut refusal: Refusal, respond: &impl Respond<B>) -> Response<B> {
    let mut response = Response::new(());
    *response.status_mut() =
        StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in refusal.take_headers() {
        Answer(&mut response).append(name, value);
    }
    respond.respond(&refusal, response)
}
