//! The test site on actix-web, behind `auth-actix`.

use actix_web::body::{MessageBody, to_bytes};
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::{Method, StatusCode, header};
use actix_web::test::{TestRequest, init_service};
use actix_web::web::{self, Bytes, Data, Path, ServiceConfig};
use actix_web::{App, HttpMessage, HttpRequest, HttpResponse};
use auth_actix::{AuthLayer, CurrentUser, Error, FreshUser, RequireLayer, Session, VerifiedUser};

use crate::accounts::Account;
use crate::pages::{self, Reply, Trouble};
use crate::site::{Answer, Answering, Request, Site};
use crate::world::World;

/// The site as an actix-web application.
struct Actix<S> {
    name: &'static str,
    app: S,
}

/// A site of another application.
pub fn of<S, B>(name: &'static str, app: S) -> Box<dyn Site>
where
    S: Service<actix_http::Request, Response = ServiceResponse<B>, Error = actix_web::Error> + 'static,
    B: MessageBody + 'static,
{
    Box::new(Actix { name, app })
}

/// The site with its middleware.
pub async fn site(world: &World) -> Box<dyn Site> {
    let layer = AuthLayer::new(world.auth.clone());
    let app = App::new().wrap(layer).configure(routes(world));
    Box::new(Actix { name: "actix", app: init_service(app).await })
}

/// The site with a lazy middleware.
pub async fn lazy(world: &World) -> Box<dyn Site> {
    let layer = AuthLayer::new(world.auth.clone()).lazy();
    let app = App::new().wrap(layer).configure(routes(world));
    Box::new(Actix { name: "lazy actix", app: init_service(app).await })
}

/// The site whose middleware was forgotten.
pub async fn without_layer(world: &World) -> Box<dyn Site> {
    let app = App::new().configure(routes(world));
    Box::new(Actix { name: "actix without layer", app: init_service(app).await })
}

impl<S, B> Site for Actix<S>
where
    S: Service<actix_http::Request, Response = ServiceResponse<B>, Error = actix_web::Error>,
    B: MessageBody,
{
    fn name(&self) -> &'static str {
        self.name
    }

    fn send(&self, request: Request) -> Answering<'_> {
        Box::pin(async move {
            let is_head = request.method == "HEAD";
            let mut answer = match self.app.call(native(request)).await {
                Ok(response) => answer(response.into_parts().1).await,
                Err(error) => answer(error.error_response()).await,
            };
            // actix-web leaves the body of a HEAD out when it writes on the socket, axum before that.
            if is_head {
                answer.body.clear();
            }
            answer
        })
    }
}

/// The pages without any middleware.
pub fn routes(world: &World) -> impl FnOnce(&mut ServiceConfig) + use<> {
    let world = world.clone();
    move |app| {
        app.app_data(Data::new(world));
        app.app_data(web::PayloadConfig::new(16 * 1024 * 1024));
        app.route("/", web::get().to(async || respond(Reply::text("home"))));
        app.service(web::resource("/who").to(who));
        app.service(web::resource("/me").to(me));
        app.service(web::resource("/ext").to(extension));
        app.service(web::resource("/verified").to(verified));
        app.service(web::resource("/fresh-user").to(fresh_user));
        app.service(web::resource("/headers").to(headers));
        let form = web::get().to(async || respond(Reply::text("sign in")));
        app.service(web::resource("/login").route(form).route(web::post().to(login)));
        app.service(web::resource("/logout").route(web::post().to(logout)));
        app.service(web::resource("/act/{action}").to(act));
        app.service(web::resource("/causes/me").to(causes_of_me));
        app.service(web::resource("/causes/act/{action}").to(causes_of_act));
        app.service(web::resource("/open").to(async || respond(Reply::text("open"))));
        let guard = RequireLayer::new(auth_core::Require::login());
        let nested = web::resource("/private").wrap(guard).to(secret);
        app.service(web::scope("/nested").service(web::scope("/inner").service(nested)));
        for (path, rule) in pages::rules() {
            app.service(web::resource(path).wrap(RequireLayer::new(rule)).to(secret));
        }
    }
}

async fn secret() -> HttpResponse {
    respond(Reply::text("secret"))
}

async fn who(user: Option<CurrentUser<Account>>) -> HttpResponse {
    respond(pages::who(user.as_deref()))
}

async fn me(user: CurrentUser<Account>) -> HttpResponse {
    respond(pages::me(&user))
}

async fn verified(user: VerifiedUser<Account>) -> HttpResponse {
    respond(pages::me(&user))
}

async fn fresh_user(user: FreshUser<Account, 60>) -> HttpResponse {
    respond(pages::me(&user))
}

async fn causes_of_me(world: Data<World>, me: Result<CurrentUser<Account>, Error>) -> HttpResponse {
    respond(pages::causes(&world, me.err(), Error::with_page))
}

async fn extension(request: HttpRequest) -> HttpResponse {
    let user = request.extensions().get::<CurrentUser<Account>>().cloned();
    respond(pages::who(user.as_deref()))
}

async fn headers(request: HttpRequest) -> HttpResponse {
    respond(pages::headers(request.headers().keys().map(header::HeaderName::as_str)))
}

async fn login(
    world: Data<World>,
    session: Session<Account>,
    request: HttpRequest,
    body: Bytes,
) -> Result<HttpResponse, Error> {
    run(&world, "login", &session, &request, &body).await
}

async fn logout(
    world: Data<World>,
    session: Session<Account>,
    request: HttpRequest,
    body: Bytes,
) -> Result<HttpResponse, Error> {
    run(&world, "logout", &session, &request, &body).await
}

async fn act(
    world: Data<World>,
    action: Path<String>,
    session: Session<Account>,
    request: HttpRequest,
    body: Bytes,
) -> Result<HttpResponse, Error> {
    run(&world, &action, &session, &request, &body).await
}

async fn causes_of_act(
    world: Data<World>,
    action: Path<String>,
    session: Session<Account>,
    request: HttpRequest,
    body: Bytes,
) -> HttpResponse {
    let done = run(&world, &action, &session, &request, &body).await;
    respond(pages::causes(&world, done.err(), Error::with_page))
}

async fn run(
    world: &World,
    action: &str,
    session: &Session<Account>,
    request: &HttpRequest,
    body: &[u8],
) -> Result<HttpResponse, Error> {
    let done = pages::act(world, action, session, request.query_string(), body).await;
    done.map(respond).map_err(|trouble| match trouble {
        Trouble::Denied(denied) => denied.into(),
        Trouble::Session(error) => error.into(),
    })
}

fn respond(reply: Reply) -> HttpResponse {
    let mut response = HttpResponse::build(StatusCode::from_u16(reply.status).expect("a status"));
    for (name, value) in reply.headers {
        response.append_header((name, value));
    }
    response.body(reply.body)
}

fn native(request: Request) -> actix_http::Request {
    let method = Method::from_bytes(request.method.as_bytes()).expect("a method");
    let mut native = TestRequest::default().method(method).uri(&request.target).set_payload(request.body);
    for (name, value) in request.headers {
        let value = header::HeaderValue::from_bytes(&value).expect("a header value");
        native = native.append_header((name.as_str(), value));
    }
    if let Some(peer) = request.peer {
        native = native.peer_addr(peer);
    }
    native.to_request()
}

async fn answer(response: HttpResponse<impl MessageBody>) -> Answer {
    let headers: Vec<_> = response
        .headers()
        .iter()
        .map(|(name, value)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        })
        .collect();
    let status = response.status().as_u16();
    let Ok(body) = to_bytes(response.into_body()).await else { panic!("the body cannot be read") };
    Answer::new(status, headers.into_iter(), String::from_utf8_lossy(&body).into_owned())
}
