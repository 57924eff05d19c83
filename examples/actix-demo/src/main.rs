//! The demo site on actix-web. Read it beside `axum-demo`: what both share is in `demo-site`.

use std::error::Error as StdError;
use std::sync::Arc;

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::{self, DefaultHeaders, Next};
use actix_web::web::{self, Bytes, Data, Html, Json, Path, PayloadConfig, Redirect, ServiceConfig};
use actix_web::{
    App, Either, FromRequest, Handler, HttpRequest, HttpResponse, HttpResponseBuilder, HttpServer, Resource,
    Responder,
};
use auth_actix::auth_core::Require;
use auth_actix::auth_core::api_keys::{ApiKey, ApiKeys};
use auth_actix::auth_core::http::{Audience, Refusal};
use auth_actix::auth_core::time::{Clock as _, SystemClock};
use auth_actix::{AuthLayer, CurrentUser, Error, RequireLayer, Session};
use auth_sql::{SqlApiKeys, SqlUser};
use demo_site::{
    ASSETS, Answer, Answered, ApiKeyView, Asset, Demo, Format, Heard, Login, MAX_BODY_LEN, MEMBERS, NewKey,
    Options, People, Refused, SECURITY_HEADERS, SignIn, Site, UnreadableKey, Visitor,
};

const SITE: Site = Site::served_by("actix-web");

#[tokio::main]
async fn main() -> Result<(), Box<dyn StdError>> {
    demo_site::log_to_stderr();
    let options = Options::from_command_line();
    let listener = demo_site::bind(options.listen)?;
    let demo = demo_site::demo(SITE, &options, &listener).await?;
    let shutdown = demo_site::shutdown()?;
    let app = move || {
        let headers = SECURITY_HEADERS.into_iter().fold(DefaultHeaders::new(), DefaultHeaders::add);
        App::new().wrap(headers).configure(files).configure(|config| routes(config, &demo))
    };
    demo_site::announce(&listener)?;
    HttpServer::new(app).shutdown_signal(shutdown).shutdown_timeout(5).listen(listener)?.run().await?;
    Ok(())
}

fn routes(config: &mut ServiceConfig, Demo { auth, keys, people }: &Demo) {
    let members_only = RequireLayer::new(Require::permission(MEMBERS)).respond(forbidden);
    let signed_in = RequireLayer::new(Require::login()).respond(forbidden);
    let freshly = RequireLayer::new(Require::login().fresh(NewKey::FRESH)).respond(forbidden);
    let site = web::scope("")
        .app_data(PayloadConfig::new(MAX_BODY_LEN))
        .app_data(Data::from(Arc::clone(keys)))
        .app_data(Data::from(Arc::clone(people)))
        .service(page("/", home))
        .service(web::resource("/logout").route(web::post().to(log_out)))
        .service(page("/me", me))
        .service(page("/members", members).wrap(members_only))
        .service(page("/api/me", api_me))
        .service(page("/open", open))
        .service(
            web::resource("/account/keys")
                .route(web::get().to(list_keys).wrap(signed_in.clone()))
                .route(web::head().to(list_keys).wrap(signed_in))
                .route(web::post().to(create_key).wrap(freshly)),
        )
        .service(web::resource("/account/keys/{id}").route(web::delete().to(delete_key)))
        .service(web::resource("/account/keys/{id}/revoke").route(web::post().to(revoke_key)))
        .configure(login)
        .configure(factors)
        .default_service(web::to(HttpResponse::NotFound))
        .wrap(middleware::from_fn(error_pages))
        .wrap(AuthLayer::new(auth.clone()).respond(refused));
    config.service(site);
}

/// Signing in, step by step.
fn login(config: &mut ServiceConfig) {
    config
        .service(page("/login", login_page).route(web::post().to(log_in)))
        .service(web::resource("/login/passkey/options").route(web::post().to(ask_anybody)))
        .service(web::resource("/login/passkey").route(web::post().to(log_in_by_passkey)))
        .service(page("/login/factor", ask_for_code).route(web::post().to(take_code)))
        .service(web::resource("/login/factor/passkey/options").route(web::post().to(ask_owner)))
        .service(web::resource("/login/factor/passkey").route(web::post().to(take_passkey)))
        .service(web::resource("/login/password").route(web::post().to(choose_password)));
}

/// What people do with their own second factors: after a proof that is fresh.
fn factors(config: &mut ServiceConfig) {
    let freshly = RequireLayer::new(Require::login().fresh(Site::FACTORS_FRESH)).respond(forbidden);
    config
        .service(page("/account/factors", list_factors).wrap(freshly.clone()))
        .service(page("/account/factors/new", new_factor).route(web::post().to(enrol)).wrap(freshly.clone()))
        .service(
            web::resource("/account/factors/recovery-codes")
                .route(web::post().to(recovery_codes))
                .wrap(freshly.clone()),
        )
        .service(
            web::resource("/account/factors/forget-browsers")
                .route(web::post().to(forget_browsers))
                .wrap(freshly.clone()),
        )
        .service(
            page("/account/factors/passkey", new_passkey)
                .route(web::post().to(enrol_passkey))
                .wrap(freshly.clone()),
        )
        .service(
            web::resource("/account/factors/passkey/options")
                .route(web::post().to(ask_for_new))
                .wrap(freshly.clone()),
        )
        .service(
            page("/account/factors/{id}/{change}", ask_change).route(web::post().to(change)).wrap(freshly),
        );
}

fn files(config: &mut ServiceConfig) {
    config.service(page("/healthz", || async { "ok" }));
    for asset in ASSETS.iter() {
        config.service(page(&asset.path, || async { file(asset) }));
    }
}

/// A resource with GET, and with HEAD as axum adds it by itself.
fn page<A: FromRequest + 'static>(path: &str, get: impl Handler<A, Output: Responder + 'static>) -> Resource {
    web::resource(path).route(web::get().to(get.clone())).route(web::head().to(get))
}

async fn home(session: Session<SqlUser>) -> Html {
    Html::new(SITE.home(Visitor::of(&session)))
}

async fn login_page(people: Data<People>, session: Session<SqlUser>, request: HttpRequest) -> impl Responder {
    let next = session.next_or(demo_site::next_of(request.query_string()).as_deref(), "/");
    let form = SignIn { next: &next, elsewhere: people.elsewhere(host(&request)), ..SignIn::default() };
    let page = Html::new(SITE.login(Visitor::of(&session), form, None));
    page.customize().insert_header(("cache-control", "no-store"))
}

async fn log_in(
    people: Data<People>,
    session: Session<SqlUser>,
    request: HttpRequest,
    body: Bytes,
) -> Result<HttpResponse, Error> {
    let login = match Login::read(kind(&request), &body) {
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
                SignIn { next: &next, username: &username, elsewhere: people.elsewhere(host(&request)) };
            let page = SITE.login(Visitor::of(&session), form, Some(&denied));
            return Err(Error::from(denied).with_page(page));
        }
    };
    let signed_in = session.login(authenticated).await?;
    Ok(send(SITE.signed_in(&session, &signed_in, login.format, login.next.as_deref())))
}

async fn ask_for_code(
    people: Data<People>,
    session: Session<SqlUser>,
    request: HttpRequest,
) -> Result<HttpResponse, Error> {
    let elsewhere = people.elsewhere(host(&request));
    answered(&session, SITE.ask_for_code(&session, request.query_string(), elsewhere).await)
}

async fn take_code(
    people: Data<People>,
    session: Session<SqlUser>,
    request: HttpRequest,
    body: Bytes,
) -> Result<HttpResponse, Error> {
    answered(&session, SITE.take_code(&session, &heard(&people, &request, &body)).await)
}

async fn ask_anybody(
    people: Data<People>,
    session: Session<SqlUser>,
    request: HttpRequest,
    body: Bytes,
) -> Result<HttpResponse, Error> {
    answered(&session, people.ask_anybody(&heard(&people, &request, &body)))
}

async fn log_in_by_passkey(
    people: Data<People>,
    session: Session<SqlUser>,
    request: HttpRequest,
    body: Bytes,
) -> Result<HttpResponse, Error> {
    answered(&session, people.log_in(&session, &heard(&people, &request, &body)).await)
}

async fn ask_owner(
    people: Data<People>,
    session: Session<SqlUser>,
    request: HttpRequest,
    body: Bytes,
) -> Result<HttpResponse, Error> {
    answered(&session, people.ask_owner(&session, &heard(&people, &request, &body)).await)
}

async fn take_passkey(
    people: Data<People>,
    session: Session<SqlUser>,
    request: HttpRequest,
    body: Bytes,
) -> Result<HttpResponse, Error> {
    answered(&session, people.take_passkey(&session, &heard(&people, &request, &body)).await)
}

async fn choose_password(
    people: Data<People>,
    session: Session<SqlUser>,
    request: HttpRequest,
    body: Bytes,
) -> Result<HttpResponse, Error> {
    answered(&session, people.choose_password(&session, &heard(&people, &request, &body)).await)
}

async fn log_out(session: Session<SqlUser>) -> Result<Redirect, Error> {
    session.logout().await?;
    Ok(Redirect::to("/").see_other())
}

async fn me(user: CurrentUser<SqlUser>, session: Session<SqlUser>) -> impl Responder {
    let visitor = Visitor::new(&user, session.backend());
    let is_page = session.audience() == Audience::Page;
    if is_page { Either::Left(Html::new(SITE.me(visitor))) } else { Either::Right(Json(visitor)) }
}

async fn members(user: CurrentUser<SqlUser>, session: Session<SqlUser>) -> Html {
    Html::new(SITE.members(Visitor::new(&user, session.backend())))
}

async fn api_me(user: CurrentUser<SqlUser>, session: Session<SqlUser>) -> Json<Visitor> {
    Json(Visitor::new(&user, session.backend()))
}

async fn open(user: Option<CurrentUser<SqlUser>>) -> String {
    user.map_or_else(|| "anonymous".to_owned(), |user| user.username().to_owned())
}

type Keys = Data<ApiKeys<SqlApiKeys, SqlUser>>;

async fn list_keys(keys: Keys, session: Session<SqlUser>) -> Result<HttpResponse, Error> {
    let listed = shown(&session.list_api_keys(&keys).await?);
    let page = Visitor::of(&session).filter(|_| session.audience() == Audience::Page);
    Ok(match page {
        Some(visitor) => html(HttpResponse::Ok(), SITE.keys(visitor, &listed, None)),
        None => HttpResponse::Ok().json(listed),
    })
}

async fn create_key(
    keys: Keys,
    session: Session<SqlUser>,
    request: HttpRequest,
    body: Bytes,
) -> Result<HttpResponse, Error> {
    let new = match NewKey::read(kind(&request), &body) {
        Ok(new) => new,
        Err(UnreadableKey::MediaType) => return Ok(HttpResponse::UnsupportedMediaType().finish()),
        Err(UnreadableKey::Malformed) => return Ok(HttpResponse::BadRequest().finish()),
    };
    let created = session.create_api_key(&keys, new.key).await?;
    let page = Visitor::of(&session).filter(|_| new.format == Format::Form);
    let Some(visitor) = page else {
        return Ok(HttpResponse::Created().json(ApiKeyView::created(&created)));
    };
    let listed = shown(&session.list_api_keys(&keys).await?);
    Ok(html(HttpResponse::Created(), SITE.keys(visitor, &listed, Some(created.key().expose()))))
}

async fn delete_key(keys: Keys, session: Session<SqlUser>, id: Path<String>) -> Result<HttpResponse, Error> {
    let is_theirs = revoked(&keys, &session, &id).await?;
    Ok(if is_theirs { HttpResponse::NoContent().finish() } else { HttpResponse::NotFound().finish() })
}

async fn revoke_key(
    keys: Keys,
    session: Session<SqlUser>,
    id: Path<String>,
) -> Result<Either<Redirect, HttpResponse>, Error> {
    let is_theirs = revoked(&keys, &session, &id).await?;
    Ok(if is_theirs {
        Either::Left(Redirect::to("/account/keys").see_other())
    } else {
        Either::Right(HttpResponse::NotFound().finish())
    })
}

async fn revoked(keys: &Keys, session: &Session<SqlUser>, id: &str) -> Result<bool, Error> {
    Ok(match id.parse() {
        Ok(id) => session.revoke_api_key(keys, id).await?,
        Err(_) => false,
    })
}

fn shown(keys: &[ApiKey]) -> Vec<ApiKeyView> {
    keys.iter().map(|key| ApiKeyView::new(key, SystemClock.now())).collect()
}

async fn list_factors(session: Session<SqlUser>) -> Result<HttpResponse, Error> {
    answered(&session, SITE.factors(&session).await)
}

async fn new_factor(session: Session<SqlUser>) -> Result<HttpResponse, Error> {
    answered(&session, SITE.new_factor(&session).await)
}

async fn enrol(session: Session<SqlUser>, request: HttpRequest, body: Bytes) -> Result<HttpResponse, Error> {
    answered(&session, SITE.enrol(&session, kind(&request), &body).await)
}

async fn recovery_codes(
    session: Session<SqlUser>,
    request: HttpRequest,
    body: Bytes,
) -> Result<HttpResponse, Error> {
    answered(&session, SITE.recovery_codes(&session, kind(&request), &body).await)
}

async fn forget_browsers(
    people: Data<People>,
    session: Session<SqlUser>,
    request: HttpRequest,
    body: Bytes,
) -> Result<HttpResponse, Error> {
    answered(&session, SITE.forget_browsers(&session, &heard(&people, &request, &body)).await)
}

async fn new_passkey(
    people: Data<People>,
    session: Session<SqlUser>,
    request: HttpRequest,
    body: Bytes,
) -> Result<HttpResponse, Error> {
    answered(&session, people.new_passkey(&session, &heard(&people, &request, &body)).await)
}

async fn ask_for_new(
    people: Data<People>,
    session: Session<SqlUser>,
    request: HttpRequest,
    body: Bytes,
) -> Result<HttpResponse, Error> {
    answered(&session, people.ask_for_new(&session, &heard(&people, &request, &body)).await)
}

async fn enrol_passkey(
    people: Data<People>,
    session: Session<SqlUser>,
    request: HttpRequest,
    body: Bytes,
) -> Result<HttpResponse, Error> {
    answered(&session, people.enrol(&session, &heard(&people, &request, &body)).await)
}

async fn ask_change(session: Session<SqlUser>, path: Path<(String, String)>) -> Result<HttpResponse, Error> {
    let (id, change) = path.into_inner();
    answered(&session, SITE.ask_change(&session, &id, &change).await)
}

async fn change(
    session: Session<SqlUser>,
    path: Path<(String, String)>,
    request: HttpRequest,
    body: Bytes,
) -> Result<HttpResponse, Error> {
    let (id, change) = path.into_inner();
    answered(&session, SITE.change(&session, (&id, &change), kind(&request), &body).await)
}

fn kind(request: &HttpRequest) -> Option<&[u8]> {
    request.headers().get("content-type").map(HeaderValue::as_bytes)
}

fn host(request: &HttpRequest) -> Option<&[u8]> {
    request.headers().get("host").map(HeaderValue::as_bytes)
}

/// What both demos look at.
fn heard<'a>(people: &'a People, request: &'a HttpRequest, body: &'a [u8]) -> Heard<'a> {
    let cookies = request.headers().get_all("cookie").map(HeaderValue::as_bytes).collect();
    Heard { content_type: kind(request), cookies, elsewhere: people.elsewhere(host(request)), body }
}

/// What both demos answer alike.
fn answered(session: &Session<SqlUser>, answer: Answered) -> Result<HttpResponse, Error> {
    answer.map(send).map_err(|failed| {
        let (error, page) = SITE.page_of(session, failed);
        let error = match error {
            Refused::Denied(denied) => Error::from(denied),
            Refused::Session(error) => error.into(),
        };
        page.into_iter().fold(error, Error::with_page)
    })
}

fn send(Answer { status, headers, body }: Answer) -> HttpResponse {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(status);
    for (name, value) in headers {
        response.append_header((name, value.into_owned()));
    }
    response.body(body)
}

fn html(mut response: HttpResponseBuilder, page: String) -> HttpResponse {
    response.content_type("text/html; charset=utf-8").body(page)
}

fn file(asset: &'static Asset) -> impl Responder {
    asset.body.customize().insert_header(("content-type", asset.content_type)).insert_header(Asset::KEPT)
}

/// Gives errors without a body one: of unknown paths, of methods that a path does not have, and of rules. It stands inside
/// the `AuthLayer`, and so its pages know who is asking.
async fn error_pages(
    session: Session<SqlUser>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let mut response = next.call(request).await?.map_into_boxed_body();
    if !matches!(response.response().body().size(), BodySize::None | BodySize::Sized(0)) {
        return Ok(response);
    }
    let Some(error) = SITE.bare_error(&session, response.status().as_u16()) else { return Ok(response) };
    for (name, value) in error.headers {
        response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_str(&value)?);
    }
    Ok(response.map_body(|_, _| BoxBody::new(error.body)))
}

/// What the outer layer answers by itself, as the site's own page.
fn refused(refusal: &Refusal, response: HttpResponse<()>) -> HttpResponse {
    response.set_body(BoxBody::new(SITE.refused(refusal)))
}

/// What rules answer, before `error_pages`.
fn forbidden(refusal: &Refusal, response: HttpResponse<()>) -> HttpResponse {
    response.set_body(BoxBody::new(Site::forbidden(refusal)))
}
