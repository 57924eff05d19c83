//! The test site on axum, behind `auth-tower`.

use auth_tower::{AuthLayer, CurrentUser, Error, FreshUser, RequireLayer, Session, VerifiedUser};
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{ConnectInfo, Extension, Path, State};
use axum::http::{self, HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::Response;
use axum::routing::{any, get, post};
use tower::ServiceExt;

use crate::accounts::Account;
use crate::pages::{self, Reply, Trouble};
use crate::site::{Answer, Answering, Request, Site};
use crate::world::World;

/// The site as an axum router.
#[derive(Debug)]
pub struct Tower {
    name: &'static str,
    router: Router,
}

impl Tower {
    /// The site with its layer.
    pub fn new(world: &World) -> Self {
        let layer = AuthLayer::new(world.auth.clone());
        Self { name: "tower", router: router(world).layer(layer) }
    }

    /// A site of another router.
    pub fn of(name: &'static str, router: Router) -> Self {
        Self { name, router }
    }

    /// The site as a service that may be used from any thread.
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    /// The site with a lazy layer.
    pub fn lazy(world: &World) -> Self {
        let layer = AuthLayer::new(world.auth.clone()).lazy();
        Self { name: "lazy tower", router: router(world).layer(layer) }
    }

    /// The site whose layer was forgotten.
    pub fn without_layer(world: &World) -> Self {
        Self { name: "tower without layer", router: router(world) }
    }
}

impl Site for Tower {
    fn name(&self) -> &'static str {
        self.name
    }

    fn send(&self, request: Request) -> Answering<'_> {
        Box::pin(async move {
            let response = self.router.clone().oneshot(native(request)).await;
            let Ok(response) = response;
            answer(response).await
        })
    }
}

/// The pages without any layer.
pub fn router(world: &World) -> Router {
    let mut router = Router::new()
        .route("/", get(async || respond(Reply::text("home"))))
        .route("/who", any(who))
        .route("/me", any(me))
        .route("/ext", any(extension))
        .route("/verified", any(verified))
        .route("/fresh-user", any(fresh_user))
        .route("/headers", any(headers))
        .route("/login", get(async || respond(Reply::text("sign in"))).post(login))
        .route("/logout", post(logout))
        .route("/act/{action}", any(act))
        .route("/causes/me", any(causes_of_me))
        .route("/causes/act/{action}", any(causes_of_act))
        .route("/open", any(async || respond(Reply::text("open"))))
        .nest("/nested", Router::new().nest("/inner", guarded("/private", auth_core::Require::login())));
    for (path, rule) in pages::rules() {
        router = router.merge(guarded(path, rule));
    }
    router.with_state(world.clone())
}

fn guarded(path: &'static str, rule: auth_core::Require) -> Router<World> {
    Router::new().route(path, any(secret).layer(RequireLayer::new(rule)))
}

async fn secret() -> Response {
    respond(Reply::text("secret"))
}

async fn who(user: Option<CurrentUser<Account>>) -> Response {
    respond(pages::who(user.as_deref()))
}

async fn me(user: CurrentUser<Account>) -> Response {
    respond(pages::me(&user))
}

async fn verified(user: VerifiedUser<Account>) -> Response {
    respond(pages::me(&user))
}

async fn fresh_user(user: FreshUser<Account, 60>) -> Response {
    respond(pages::me(&user))
}

async fn causes_of_me(State(world): State<World>, me: Result<CurrentUser<Account>, Error>) -> Response {
    respond(pages::causes(&world, me.err(), Error::with_page))
}

async fn extension(user: Option<Extension<CurrentUser<Account>>>) -> Response {
    respond(pages::who(user.as_ref().map(|user| &*user.0.0)))
}

async fn headers(headers: HeaderMap) -> Response {
    respond(pages::headers(headers.keys().map(http::HeaderName::as_str)))
}

async fn login(
    state: State<World>,
    session: Session<Account>,
    uri: Uri,
    body: Bytes,
) -> Result<Response, Error> {
    act(state, Path("login".into()), session, uri, body).await
}

async fn logout(
    state: State<World>,
    session: Session<Account>,
    uri: Uri,
    body: Bytes,
) -> Result<Response, Error> {
    act(state, Path("logout".into()), session, uri, body).await
}

async fn act(
    State(world): State<World>,
    Path(action): Path<String>,
    session: Session<Account>,
    uri: Uri,
    body: Bytes,
) -> Result<Response, Error> {
    let query = uri.query().unwrap_or_default();
    let done = pages::act(&world, &action, &session, query, &body).await;
    done.map(respond).map_err(|trouble| match trouble {
        Trouble::Denied(denied) => denied.into(),
        Trouble::Session(error) => error.into(),
    })
}

async fn causes_of_act(
    State(world): State<World>,
    action: Path<String>,
    session: Session<Account>,
    uri: Uri,
    body: Bytes,
) -> Response {
    let done = act(State(world.clone()), action, session, uri, body).await;
    respond(pages::causes(&world, done.err(), Error::with_page))
}

fn respond(reply: Reply) -> Response {
    let mut response = Response::new(Body::from(reply.body));
    *response.status_mut() = StatusCode::from_u16(reply.status).expect("a status");
    for (name, value) in reply.headers {
        response.headers_mut().append(name, HeaderValue::try_from(value).expect("a header value"));
    }
    response
}

/// The request as axum takes it.
pub fn native(request: Request) -> http::Request<Body> {
    let mut native = http::Request::builder().method(request.method.as_str()).uri(request.target);
    for (name, value) in request.headers {
        native = native.header(name, value);
    }
    if let Some(peer) = request.peer {
        native = native.extension(ConnectInfo(peer));
    }
    native.body(Body::from(request.body)).expect("a request")
}

/// The answer of a response.
pub async fn answer(response: Response) -> Answer {
    let (parts, body) = response.into_parts();
    let headers = parts.headers.iter().map(|(name, value)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    });
    let headers: Vec<_> = headers.collect();
    let body = to_bytes(body, usize::MAX).await.expect("a body");
    Answer::new(parts.status.as_u16(), headers.into_iter(), String::from_utf8_lossy(&body).into_owned())
}
