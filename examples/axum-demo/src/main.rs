//! The demo site on axum. Read it beside `actix-demo`: what both share is in `demo-site`.

use std::error::Error as StdError;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use auth_sql::SqlUser;
use auth_tower::auth_core::Require;
use auth_tower::auth_core::api_keys::ApiKey;
use auth_tower::auth_core::http::{Audience, Refusal};
use auth_tower::auth_core::time::{Clock as _, SystemClock};
use auth_tower::{AuthLayer, CurrentUser, Error, RequireLayer, Session};
use axum::body::{Body, Bytes, HttpBody as _};
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::header::HeaderName;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::middleware::{self, Next};
use axum::response::{AppendHeaders, Html, IntoResponse, Redirect, Response};
use axum::routing::{MethodRouter, delete, get, post};
use axum::{Json, Router};
use demo_site::{
    ASSETS, Answer, Answered, ApiKeyView, Asset, Demo, Format, Heard, Keys, Login, MAX_BODY_LEN, MEMBERS,
    NewKey, Options, People, Refused, SECURITY_HEADERS, SignIn, Site, UnreadableKey, Visitor,
};
use tokio::net::TcpListener;
use tower_http::compression::CompressionLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;

const SITE: Site = Site::served_by("axum");

#[tokio::main]
async fn main() -> Result<(), Box<dyn StdError>> {
    demo_site::log_to_stderr();
    let options = Options::from_command_line();
    let listener = demo_site::bind(options.listen)?;
    let demo = demo_site::demo(SITE, &options, &listener).await?;
    let app = app(demo).into_make_service_with_connect_info::<SocketAddr>();
    let shutdown = demo_site::shutdown()?;
    demo_site::announce(&listener)?;
    axum::serve(TcpListener::from_std(listener)?, app).with_graceful_shutdown(shutdown).await?;
    Ok(())
}

fn app(Demo { auth, keys, people }: Demo) -> Router {
    let members_only = RequireLayer::new(Require::permission(MEMBERS)).respond(forbidden);
    let signed_in = RequireLayer::new(Require::login()).respond(forbidden);
    let freshly = RequireLayer::new(Require::login().fresh(NewKey::FRESH)).respond(forbidden);
    let site = Router::new()
        .route("/", get(home))
        .route("/logout", post(log_out))
        .route("/me", get(me))
        .route("/members", get(members).layer(members_only))
        .route("/api/me", get(api_me))
        .route("/open", get(open))
        .route("/account/keys", get(list_keys).layer(signed_in).merge(post(create_key).layer(freshly)))
        .route("/account/keys/{id}", delete(delete_key))
        .route("/account/keys/{id}/revoke", post(revoke_key))
        .with_state(keys)
        .merge(login().merge(factors()).with_state(people))
        .fallback(|| async { StatusCode::NOT_FOUND })
        .layer(DefaultBodyLimit::max(MAX_BODY_LEN))
        .layer(middleware::from_fn(error_pages))
        .layer(AuthLayer::new(auth).respond(refused));
    let public = ASSETS.iter().fold(Router::new(), |router, asset| router.route(&asset.path, file(asset)));
    let all = public.route("/healthz", get(|| async { "ok" })).merge(site);
    SECURITY_HEADERS.iter().fold(composed(all), |router, (name, value)| {
        let (name, value) = (HeaderName::from_static(name), HeaderValue::from_static(value));
        router.layer(SetResponseHeaderLayer::overriding(name, value))
    })
}

/// Signing in, step by step.
fn login() -> Router<Arc<People>> {
    Router::new()
        .route("/login", get(login_page).post(log_in))
        .route("/login/passkey/options", post(ask_anybody))
        .route("/login/passkey", post(log_in_by_passkey))
        .route("/login/factor", get(ask_for_code).post(take_code))
        .route("/login/factor/passkey/options", post(ask_owner))
        .route("/login/factor/passkey", post(take_passkey))
        .route("/login/password", post(choose_password))
}

/// What people do with their own second factors: after a proof that is fresh.
fn factors() -> Router<Arc<People>> {
    Router::new()
        .route("/account/factors", get(list_factors))
        .route("/account/factors/new", get(new_factor).post(enrol))
        .route("/account/factors/recovery-codes", post(recovery_codes))
        .route("/account/factors/forget-browsers", post(forget_browsers))
        .route("/account/factors/passkey", get(new_passkey).post(enrol_passkey))
        .route("/account/factors/passkey/options", post(ask_for_new))
        .route("/account/factors/{id}/{change}", get(ask_change).post(change))
        .route_layer(RequireLayer::new(Require::login().fresh(Site::FACTORS_FRESH)).respond(forbidden))
}

/// What most axum applications have around their routes; the last is the outermost.
fn composed(router: Router) -> Router {
    router
        .layer(CompressionLayer::new())
        .layer(TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, Duration::from_secs(30)))
        .layer(TraceLayer::new_for_http())
}

async fn home(session: Session<SqlUser>) -> Html<String> {
    Html(SITE.home(Visitor::of(&session)))
}

async fn login_page(
    State(people): State<Arc<People>>,
    session: Session<SqlUser>,
    headers: HeaderMap,
    uri: Uri,
) -> impl IntoResponse {
    let next = session.next_or(demo_site::next_of(uri.query().unwrap_or_default()).as_deref(), "/");
    let form = SignIn { next: &next, elsewhere: people.elsewhere(host(&headers)), ..SignIn::default() };
    ([("cache-control", "no-store")], Html(SITE.login(Visitor::of(&session), form, None)))
}

async fn log_in(
    State(people): State<Arc<People>>,
    session: Session<SqlUser>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Error> {
    let login = match Login::read(kind(&headers), &body) {
        Ok(login) => login,
        Err(unreadable) => return Ok(send(unreadable)),
    };
    let next = session.next_or(login.next.as_deref(), "/");
    let username = login.credentials.username().to_owned();
    let authenticated = match (session.authenticate(login.credentials).await, login.format) {
        (Ok(authenticated), _) => authenticated,
        (Err(denied), Format::Json) => return Err(denied.into()),
        (Err(denied), Format::Form) => {
            let form =
                SignIn { next: &next, username: &username, elsewhere: people.elsewhere(host(&headers)) };
            let page = SITE.login(Visitor::of(&session), form, Some(&denied));
            return Err(Error::from(denied).with_page(page));
        }
    };
    let signed_in = session.login(authenticated).await?;
    Ok(send(SITE.signed_in(&session, &signed_in, login.format, login.next.as_deref())))
}

async fn ask_for_code(
    State(people): State<Arc<People>>,
    session: Session<SqlUser>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Error> {
    let elsewhere = people.elsewhere(host(&headers));
    answered(&session, SITE.ask_for_code(&session, uri.query().unwrap_or_default(), elsewhere).await)
}

async fn take_code(
    State(people): State<Arc<People>>,
    session: Session<SqlUser>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Error> {
    answered(&session, SITE.take_code(&session, &heard(&people, &headers, &body)).await)
}

async fn ask_anybody(
    State(people): State<Arc<People>>,
    session: Session<SqlUser>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Error> {
    answered(&session, people.ask_anybody(&heard(&people, &headers, &body)))
}

async fn log_in_by_passkey(
    State(people): State<Arc<People>>,
    session: Session<SqlUser>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Error> {
    answered(&session, people.log_in(&session, &heard(&people, &headers, &body)).await)
}

async fn ask_owner(
    State(people): State<Arc<People>>,
    session: Session<SqlUser>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Error> {
    answered(&session, people.ask_owner(&session, &heard(&people, &headers, &body)).await)
}

async fn take_passkey(
    State(people): State<Arc<People>>,
    session: Session<SqlUser>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Error> {
    answered(&session, people.take_passkey(&session, &heard(&people, &headers, &body)).await)
}

async fn choose_password(
    State(people): State<Arc<People>>,
    session: Session<SqlUser>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Error> {
    answered(&session, people.choose_password(&session, &heard(&people, &headers, &body)).await)
}

async fn log_out(session: Session<SqlUser>) -> Result<Redirect, Error> {
    session.logout().await?;
    Ok(Redirect::to("/"))
}

async fn me(user: CurrentUser<SqlUser>, session: Session<SqlUser>) -> Response {
    let visitor = Visitor::new(&user, session.backend());
    let is_page = session.audience() == Audience::Page;
    if is_page { Html(SITE.me(visitor)).into_response() } else { Json(visitor).into_response() }
}

async fn members(user: CurrentUser<SqlUser>, session: Session<SqlUser>) -> Html<String> {
    Html(SITE.members(Visitor::new(&user, session.backend())))
}

async fn api_me(user: CurrentUser<SqlUser>, session: Session<SqlUser>) -> Json<Visitor> {
    Json(Visitor::new(&user, session.backend()))
}

async fn open(user: Option<CurrentUser<SqlUser>>) -> String {
    user.map_or_else(|| "anonymous".to_owned(), |user| user.username().to_owned())
}

async fn list_keys(State(keys): State<Keys>, session: Session<SqlUser>) -> Result<Response, Error> {
    let listed = shown(&session.list_api_keys(&keys).await?);
    let page = Visitor::of(&session).filter(|_| session.audience() == Audience::Page);
    Ok(match page {
        Some(visitor) => Html(SITE.keys(visitor, &listed, None)).into_response(),
        None => Json(listed).into_response(),
    })
}

async fn create_key(
    State(keys): State<Keys>,
    session: Session<SqlUser>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Error> {
    let new = match NewKey::read(kind(&headers), &body) {
        Ok(new) => new,
        Err(UnreadableKey::MediaType) => return Ok(StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response()),
        Err(UnreadableKey::Malformed) => return Ok(StatusCode::BAD_REQUEST.into_response()),
    };
    let created = session.create_api_key(&keys, new.key).await?;
    let page = Visitor::of(&session).filter(|_| new.format == Format::Form);
    let Some(visitor) = page else {
        return Ok((StatusCode::CREATED, Json(ApiKeyView::created(&created))).into_response());
    };
    let listed = shown(&session.list_api_keys(&keys).await?);
    let page = SITE.keys(visitor, &listed, Some(created.key().expose()));
    Ok((StatusCode::CREATED, Html(page)).into_response())
}

async fn delete_key(
    State(keys): State<Keys>,
    session: Session<SqlUser>,
    Path(id): Path<String>,
) -> Result<StatusCode, Error> {
    let is_theirs = match id.parse() {
        Ok(id) => session.revoke_api_key(&keys, id).await?,
        Err(_) => false,
    };
    Ok(if is_theirs { StatusCode::NO_CONTENT } else { StatusCode::NOT_FOUND })
}

async fn revoke_key(
    keys: State<Keys>,
    session: Session<SqlUser>,
    id: Path<String>,
) -> Result<Response, Error> {
    Ok(match delete_key(keys, session, id).await? {
        StatusCode::NO_CONTENT => Redirect::to("/account/keys").into_response(),
        status => status.into_response(),
    })
}

fn shown(keys: &[ApiKey]) -> Vec<ApiKeyView> {
    keys.iter().map(|key| ApiKeyView::new(key, SystemClock.now())).collect()
}

async fn list_factors(session: Session<SqlUser>) -> Result<Response, Error> {
    answered(&session, SITE.factors(&session).await)
}

async fn new_factor(session: Session<SqlUser>) -> Result<Response, Error> {
    answered(&session, SITE.new_factor(&session).await)
}

async fn enrol(session: Session<SqlUser>, headers: HeaderMap, body: Bytes) -> Result<Response, Error> {
    answered(&session, SITE.enrol(&session, kind(&headers), &body).await)
}

async fn recovery_codes(
    session: Session<SqlUser>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Error> {
    answered(&session, SITE.recovery_codes(&session, kind(&headers), &body).await)
}

async fn forget_browsers(
    State(people): State<Arc<People>>,
    session: Session<SqlUser>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Error> {
    answered(&session, SITE.forget_browsers(&session, &heard(&people, &headers, &body)).await)
}

async fn new_passkey(
    State(people): State<Arc<People>>,
    session: Session<SqlUser>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Error> {
    answered(&session, people.new_passkey(&session, &heard(&people, &headers, &body)).await)
}

async fn ask_for_new(
    State(people): State<Arc<People>>,
    session: Session<SqlUser>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Error> {
    answered(&session, people.ask_for_new(&session, &heard(&people, &headers, &body)).await)
}

async fn enrol_passkey(
    State(people): State<Arc<People>>,
    session: Session<SqlUser>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Error> {
    answered(&session, people.enrol(&session, &heard(&people, &headers, &body)).await)
}

async fn ask_change(
    session: Session<SqlUser>,
    Path((id, change)): Path<(String, String)>,
) -> Result<Response, Error> {
    answered(&session, SITE.ask_change(&session, &id, &change).await)
}

async fn change(
    session: Session<SqlUser>,
    Path((id, change)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Error> {
    answered(&session, SITE.change(&session, (&id, &change), kind(&headers), &body).await)
}

fn kind(headers: &HeaderMap) -> Option<&[u8]> {
    headers.get("content-type").map(HeaderValue::as_bytes)
}

fn host(headers: &HeaderMap) -> Option<&[u8]> {
    headers.get("host").map(HeaderValue::as_bytes)
}

/// What both demos look at.
fn heard<'a>(people: &'a People, headers: &'a HeaderMap, body: &'a [u8]) -> Heard<'a> {
    let cookies = headers.get_all("cookie").iter().map(HeaderValue::as_bytes).collect();
    Heard { content_type: kind(headers), cookies, elsewhere: people.elsewhere(host(headers)), body }
}

/// What both demos answer alike.
fn answered(session: &Session<SqlUser>, answer: Answered) -> Result<Response, Error> {
    answer.map(send).map_err(|failed| {
        let (error, page) = SITE.page_of(session, failed);
        let error = match error {
            Refused::Denied(denied) => Error::from(denied),
            Refused::Session(error) => error.into(),
        };
        page.into_iter().fold(error, Error::with_page)
    })
}

fn send(Answer { status, headers, body }: Answer) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = headers.into_iter().map(|(name, value)| (name, value.into_owned()));
    (status, AppendHeaders(headers), Body::from(body)).into_response()
}

/// Gives errors without a body one: of unknown paths, of methods that a path does not have, and of rules. It stands inside
/// the `AuthLayer`, and so its pages know who is asking.
async fn error_pages(session: Session<SqlUser>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if response.body().size_hint().exact() != Some(0) {
        return response;
    }
    if let Some(error) = SITE.bare_error(&session, response.status().as_u16()) {
        let error = send(error);
        response.headers_mut().extend(error.headers().clone());
        *response.body_mut() = error.into_body();
    }
    response
}

/// What the outer layer answers by itself, as the site's own page.
fn refused(refusal: &Refusal, response: axum::http::Response<()>) -> Response {
    response.map(|()| SITE.refused(refusal).into())
}

/// What rules answer, before `error_pages`.
fn forbidden(refusal: &Refusal, response: axum::http::Response<()>) -> Response {
    response.map(|()| Site::forbidden(refusal).into())
}

fn file(asset: &'static Asset) -> MethodRouter {
    get(|| async { ([("content-type", asset.content_type), Asset::KEPT], asset.body) })
}
