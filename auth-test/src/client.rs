//! A browser, or a program, with an application in memory.

mod browser;
mod response;

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};

use auth_core::{Auth, User};
use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Uri};
use serde::Serialize;
use url::Url;

use crate::jar::Jar;
use crate::{Cookies, SignedIn, sign_in};
use browser::{Intent, Manner};
pub use response::Response;

/// After so many redirects a browser gives up.
const MAX_REDIRECTS: usize = 20;

/// An application that a [`Client`] sends its requests to: `TowerApp`, `ActixApp`, or your own.
///
/// ```
/// use auth_test::{App, Client};
/// use bytes::Bytes;
/// use http::{Request, Response};
///
/// struct Echo;
///
/// impl App for Echo {
///     async fn answer(&self, request: Request<Bytes>) -> Response<Bytes> {
///         Response::new(request.into_body())
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// assert_eq!(Client::of(Echo).post_json("/", &[1, 2]).await.text(), "[1,2]");
/// # }
/// ```
pub trait App {
    /// Answers a request. Its extensions hold the client's address, as a [`SocketAddr`].
    fn answer(&self, request: Request<Bytes>) -> impl Future<Output = http::Response<Bytes>>;
}

/// A browser with an application in memory: it keeps cookies, and sends what browsers send, so that checks for other
/// sites' pages and redirects to the login page work as in production.
///
/// It speaks as if over TLS, with `https://localhost` unless [another origin](Self::with_origin) is named, so `Secure`
/// and `__Host-` cookies are kept and sent. Made by `Client::new` (feature `tower`) and `Client::actix` (feature
/// `actix`).
///
/// ```
/// # #[cfg(feature = "tower")] {
/// use auth_test::{Client, TestUser, signed_in_as};
/// use auth_tower::CurrentUser;
/// use axum::Router;
/// use axum::routing::get;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// async fn me(user: CurrentUser<TestUser>) -> String {
///     user.name().to_owned()
/// }
///
/// let app = Router::new().route("/me", get(me)).layer(signed_in_as(TestUser::new("alice")).layer());
/// let client = Client::new(app);
/// assert_eq!(client.get("/me").await.assert_status(200).text(), "alice");
/// # }
/// # main();
/// # }
/// ```
#[derive(Debug)]
pub struct Client<A> {
    app: A,
    jar: Mutex<Jar>,
    manner: Manner,
    origin: Url,
    headers: HeaderMap,
    address: SocketAddr,
    follows: bool,
}

impl<A> Client<A> {
    /// A browser with an application of any kind, which says how it [answers](App::answer).
    #[must_use]
    pub fn of(app: A) -> Self {
        Self {
            app,
            jar: Mutex::default(),
            manner: Manner::Browser,
            origin: localhost(),
            headers: HeaderMap::new(),
            address: SocketAddr::from(([127, 0, 0, 1], 50_000)),
            follows: false,
        }
    }

    /// A program's client: it asks for JSON, and sends nothing that only browsers send. It keeps cookies all the same.
    ///
    /// ```
    /// # #[cfg(feature = "tower")] {
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # use auth_test::{Client, TestUser, anonymous, signed_in_as};
    /// # use auth_tower::CurrentUser;
    /// # use axum::Router;
    /// # use axum::routing::{get, post};
    /// # let me = async |user: CurrentUser<TestUser>| user.name().to_owned();
    /// # let pages = Router::new().route("/me", get(me)).route("/orders", post(async || "made"));
    /// let app = pages.layer(anonymous::<TestUser>().layer_with(|auth| auth.login_page("/login")));
    /// let browser = Client::new(app);
    /// browser.get("/me").await.assert_redirect("/login?next=/me");
    /// browser.another().as_program().get("/me").await.assert_status(401);
    /// # }
    /// # main();
    /// # }
    /// ```
    #[must_use]
    pub fn as_program(mut self) -> Self {
        self.manner = Manner::Program;
        self
    }

    /// Follows redirects on this site, as browsers do: answers are what came in the end.
    ///
    /// ```
    /// # #[cfg(feature = "tower")] {
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use auth_test::Client;
    /// use axum::Router;
    /// use axum::response::Redirect;
    /// use axum::routing::get;
    ///
    /// let app = Router::new().route("/old", get(async || Redirect::to("/new"))).route("/new", get(async || "here"));
    /// let client = Client::new(app);
    /// client.get("/old").await.assert_redirect("/new");
    /// assert_eq!(client.following_redirects().get("/old").await.text(), "here");
    /// # }
    /// # main();
    /// # }
    /// ```
    #[must_use]
    pub fn following_redirects(mut self) -> Self {
        self.follows = true;
        self
    }

    /// Finds the application at this origin, as `https://example.com`: for one that names its own
    /// ([`AuthBuilder::origin`](auth_core::AuthBuilder::origin)).
    ///
    /// ```
    /// # #[cfg(feature = "tower")] {
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use auth_test::Client;
    /// use axum::Router;
    /// use axum::http::HeaderMap;
    /// use axum::routing::get;
    ///
    /// let host = async |headers: HeaderMap| headers["host"].to_str().unwrap_or_default().to_owned();
    /// let app = Router::new().route("/", get(host));
    /// let client = Client::new(app).with_origin("https://shop.example");
    /// assert_eq!(client.get("/").await.text(), "shop.example");
    /// # }
    /// # main();
    /// # }
    /// ```
    ///
    /// # Panics
    /// If it is no origin.
    #[must_use]
    #[track_caller]
    pub fn with_origin(mut self, origin: &str) -> Self {
        self.origin = Url::parse(origin).unwrap_or_else(|error| panic!("{origin:?} is no origin: {error}"));
        self
    }

    /// Sends what a page of another site would have the browser send, as `https://evil.example`: for tests that such
    /// requests change nothing. Cookies go along, as if the browser were one without `SameSite`.
    ///
    /// ```
    /// # #[cfg(feature = "tower")] {
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # use auth_test::{Client, TestUser, anonymous, signed_in_as};
    /// # use auth_tower::CurrentUser;
    /// # use axum::Router;
    /// # use axum::routing::{get, post};
    /// # let me = async |user: CurrentUser<TestUser>| user.name().to_owned();
    /// # let pages = Router::new().route("/me", get(me)).route("/orders", post(async || "made"));
    /// let app = pages.layer(signed_in_as(TestUser::new("alice")).layer());
    /// let client = Client::new(app);
    /// client.post_form("/orders", &[("item", "7")]).await.assert_status(200);
    /// let evil = client.another().from_other_site("https://evil.example");
    /// evil.post_form("/orders", &[("item", "7")]).await.assert_status(403);
    /// # }
    /// # main();
    /// # }
    /// ```
    #[must_use]
    pub fn from_other_site(mut self, origin: impl Into<String>) -> Self {
        self.manner = Manner::OtherSite(origin.into());
        self
    }

    /// Sends this header with every request, in place of the one that the client adds by itself.
    ///
    /// ```
    /// # #[cfg(feature = "tower")] {
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use auth_test::Client;
    /// use axum::Router;
    /// use axum::http::HeaderMap;
    /// use axum::routing::get;
    ///
    /// let language = async |headers: HeaderMap| headers["accept-language"].to_str().unwrap_or_default().to_owned();
    /// let app = Router::new().route("/", get(language));
    /// assert_eq!(Client::new(app).with_header("accept-language", "de").get("/").await.text(), "de");
    /// # }
    /// # main();
    /// # }
    /// ```
    ///
    /// # Panics
    /// If it is no header.
    #[must_use]
    #[track_caller]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        let native = (HeaderName::try_from(name), HeaderValue::try_from(value));
        let (Ok(native), Ok(text)) = native else { panic!("{name}: {value} is no header") };
        self.headers.append(native, text);
        self
    }

    /// Comes from this address, and no more from this machine: for throttles, events, and applications that
    /// [trust](auth_core::AuthBuilder::trusted_proxy) a proxy by its address.
    ///
    /// An actix-web app in memory knows of no TLS. There, what needs it is accepted from this machine only.
    ///
    /// ```
    /// # #[cfg(feature = "tower")] {
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use std::net::{Ipv4Addr, SocketAddr};
    ///
    /// use auth_test::Client;
    /// use axum::Router;
    /// use axum::extract::ConnectInfo;
    /// use axum::routing::get;
    ///
    /// let from = async |ConnectInfo(from): ConnectInfo<SocketAddr>| from.ip().to_string();
    /// let app = Router::new().route("/", get(from));
    /// let client = Client::new(app);
    /// assert_eq!(client.get("/").await.text(), "127.0.0.1");
    /// let elsewhere = client.from_address(Ipv4Addr::new(203, 0, 113, 7));
    /// assert_eq!(elsewhere.get("/").await.text(), "203.0.113.7");
    /// # }
    /// # main();
    /// # }
    /// ```
    #[must_use]
    pub fn from_address(mut self, address: impl Into<IpAddr>) -> Self {
        self.address.set_ip(address.into());
        self
    }

    /// Presents this token with every request.
    ///
    /// ```
    /// # #[cfg(feature = "tower")] {
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use auth_test::Client;
    /// use axum::Router;
    /// use axum::http::HeaderMap;
    /// use axum::routing::get;
    ///
    /// let app = Router::new().route("/", get(async |headers: HeaderMap| format!("{:?}", headers["authorization"])));
    /// assert_eq!(Client::new(app).with_bearer("t0ken").get("/").await.text(), "\"Bearer t0ken\"");
    /// # }
    /// # main();
    /// # }
    /// ```
    ///
    /// # Panics
    /// If it has what no header has.
    #[must_use]
    #[track_caller]
    pub fn with_bearer(self, token: &str) -> Self {
        self.with_header("authorization", &format!("Bearer {token}"))
    }

    /// The value of a cookie that the client keeps.
    ///
    /// ```
    /// # #[cfg(feature = "tower")] {
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use auth_test::Client;
    /// use axum::Router;
    /// use axum::routing::get;
    ///
    /// let app = Router::new().route("/", get(async || ([("set-cookie", "theme=dark")], "")));
    /// let client = Client::new(app);
    /// client.get("/").await.assert_status(200);
    /// assert_eq!(client.cookie("theme").as_deref(), Some("dark"));
    ///
    /// client.set_cookie("theme=light; Path=/");
    /// assert_eq!(client.cookie("theme").as_deref(), Some("light"));
    ///
    /// client.forget_cookies();
    /// assert_eq!(client.cookie("theme"), None);
    /// # }
    /// # main();
    /// # }
    /// ```
    pub fn cookie(&self, name: &str) -> Option<String> {
        self.jar().value(name).map(str::to_owned)
    }

    /// Keeps a cookie, by its `Set-Cookie` line: see [`cookie`](Self::cookie).
    pub fn set_cookie(&self, line: &str) {
        self.jar().take(line);
    }

    /// Forgets all cookies, as a browser that was closed: the sessions go on without it.
    pub fn forget_cookies(&self) {
        *self.jar() = Jar::default();
    }

    fn jar(&self) -> MutexGuard<'_, Jar> {
        self.jar.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<A: Clone> Client<A> {
    /// Another browser with the same application: it has the same settings, and no cookies.
    ///
    /// ```
    /// # #[cfg(feature = "tower")] {
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # use auth_test::{Client, TestUser, anonymous, signed_in_as};
    /// # use auth_tower::CurrentUser;
    /// # use axum::Router;
    /// # use axum::routing::{get, post};
    /// # let me = async |user: CurrentUser<TestUser>| user.name().to_owned();
    /// # let pages = Router::new().route("/me", get(me)).route("/orders", post(async || "made"));
    /// let client = Client::new(pages.layer(anonymous::<TestUser>().layer()));
    /// client.set_cookie("theme=dark");
    /// let another = client.another();
    /// assert_eq!(another.cookie("theme"), None);
    /// another.get("/me").await.assert_status(401);
    /// # }
    /// # main();
    /// # }
    /// ```
    #[must_use]
    pub fn another(&self) -> Self {
        Self {
            app: self.app.clone(),
            jar: Mutex::default(),
            manner: self.manner.clone(),
            origin: self.origin.clone(),
            headers: self.headers.clone(),
            address: self.address,
            follows: self.follows,
        }
    }
}

impl<A: App> Client<A> {
    /// Signs a user in at the application's own [`Auth`] and keeps the cookies: see [`sign_in`].
    ///
    /// ```
    /// # #[cfg(feature = "tower")] {
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use auth_core::session::{KeyRing, MemorySessions, SessionConfig};
    /// use auth_core::{Auth, Password};
    /// use auth_test::{Client, Scripted, TestUser, signed_in_as};
    /// use auth_tower::{AuthLayer, CurrentUser};
    /// use axum::Router;
    /// use axum::routing::get;
    ///
    /// let keys = KeyRing::generate().unwrap();
    /// let auth = Auth::builder()
    ///     .backend::<Password>("local", Scripted::new().knowing(TestUser::new("alice")))
    ///     .sessions(MemorySessions::new(100), SessionConfig::new(keys))
    ///     .build()
    ///     .unwrap();
    /// let me = async |user: CurrentUser<TestUser>| user.name().to_owned();
    /// let client = Client::new(Router::new().route("/me", get(me)).layer(AuthLayer::new(auth.clone())));
    ///
    /// client.sign_in(&auth, signed_in_as(TestUser::new("alice"))).await;
    /// assert_eq!(client.get("/me").await.assert_status(200).text(), "alice");
    /// # }
    /// # main();
    /// # }
    /// ```
    ///
    /// # Panics
    /// If the user cannot be signed in. The text says why.
    pub async fn sign_in<U: User>(&self, auth: &Auth<U>, who: SignedIn<U>) -> Cookies {
        let cookies = sign_in(auth, who)
            .await
            .unwrap_or_else(|error| panic!("the user cannot be signed in: {error:?}"));
        let mut jar = self.jar();
        cookies.set_cookie_lines().for_each(|line| jar.take(line));
        drop(jar);
        cookies
    }

    /// Opens a page.
    pub async fn get(&self, path: &str) -> Response {
        self.send(self.plain(Method::GET, path), Intent::Navigate).await
    }

    /// Submits a form of the page that is there.
    ///
    /// ```
    /// # #[cfg(feature = "tower")] {
    /// use auth_test::Client;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # let app = axum::Router::new().route("/login", axum::routing::post(async |body: String| body));
    /// let client = Client::new(app);
    /// let answer = client.post_form("/login", &[("username", "alice"), ("password", "a b&c")]).await;
    /// # assert_eq!(answer.text(), "username=alice&password=a+b%26c");
    /// # }
    /// # main();
    /// # }
    /// ```
    pub async fn post_form(&self, path: &str, fields: &[(&str, &str)]) -> Response {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = self.plain(Method::POST, path);
        let request = with_type(request, "application/x-www-form-urlencoded", Bytes::from(body));
        self.send(request, Intent::Navigate).await
    }

    /// Posts JSON, as a page's script does, or a program.
    ///
    /// ```
    /// # #[cfg(feature = "tower")] {
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use auth_test::Client;
    /// use axum::routing::post;
    /// use axum::{Json, Router};
    ///
    /// let sum = async |Json(numbers): Json<Vec<u64>>| Json(numbers.iter().sum::<u64>());
    /// let client = Client::new(Router::new().route("/sum", post(sum)));
    /// assert_eq!(client.post_json("/sum", &[1, 2, 3]).await.json::<u64>(), 6);
    /// # }
    /// # main();
    /// # }
    /// ```
    ///
    /// # Panics
    /// If the value has no JSON.
    pub async fn post_json(&self, path: &str, value: &impl Serialize) -> Response {
        let body = serde_json::to_vec(value).unwrap_or_else(|error| panic!("no JSON: {error}"));
        let request = with_type(self.plain(Method::POST, path), "application/json", Bytes::from(body));
        self.send(request, Intent::Fetch).await
    }

    /// Sends any request, as a page's script does, or a program. What it has no headers for, as `Origin`, is added, and
    /// the cookies are.
    ///
    /// ```
    /// # #[cfg(feature = "tower")] {
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), http::Error> {
    /// # let app = axum::Router::new().route("/things/7", axum::routing::put(async |body: String| body));
    /// use auth_test::Client;
    ///
    /// let request = http::Request::put("/things/7").header("content-type", "text/plain").body("seven")?;
    /// assert_eq!(Client::new(app).request(request).await.text(), "seven");
    /// # Ok(())
    /// # }
    /// # main().unwrap();
    /// # }
    /// ```
    pub async fn request<B: Into<Bytes>>(&self, request: Request<B>) -> Response {
        self.send(request.map(Into::into), Intent::Fetch).await
    }

    #[track_caller]
    fn plain(&self, method: Method, path: &str) -> Request<Bytes> {
        let mut request = Request::new(Bytes::new());
        *request.method_mut() = method;
        *request.uri_mut() = target(&self.origin, path);
        request
    }

    async fn send(&self, mut request: Request<Bytes>, intent: Intent) -> Response {
        for _ in 0..=MAX_REDIRECTS {
            let again = request.clone();
            let response = self.send_once(request, intent).await;
            let Some(next) = self.next(again, &response) else { return response };
            request = next;
        }
        panic!("the application redirects in a circle")
    }

    async fn send_once(&self, mut request: Request<Bytes>, intent: Intent) -> Response {
        let what = format!("{} {}", request.method(), request.uri());
        let added = self.manner.headers(&request, intent, &self.origin);
        let headers = request.headers_mut();
        for name in
            self.headers.keys().filter(|name| !headers.contains_key(*name)).cloned().collect::<Vec<_>>()
        {
            self.headers.get_all(&name).iter().for_each(|value| _ = headers.append(&name, value.clone()));
        }
        for (name, value) in added {
            headers.entry(name).or_insert(value);
        }
        self.add_cookies(&mut request);
        request.extensions_mut().insert(self.address);
        let response = self.app.answer(request).await;
        let mut jar = self.jar();
        let lines = response.headers().get_all(header::SET_COOKIE).iter();
        lines.filter_map(|line| line.to_str().ok()).for_each(|line| jar.take(line));
        Response::new(what, response)
    }

    fn add_cookies(&self, request: &mut Request<Bytes>) {
        let line = self.jar().line(request.uri().path());
        if let Some(Ok(line)) = line.map(HeaderValue::try_from) {
            request.headers_mut().append(header::COOKIE, line);
        }
    }

    /// What a browser sends where it is redirected to (RFC 9110 §15.4).
    fn next(&self, mut request: Request<Bytes>, response: &Response) -> Option<Request<Bytes>> {
        let location = response.location().filter(|_| self.follows)?;
        if !matches!(response.status(), 301 | 302 | 303 | 307 | 308) {
            return None;
        }
        let here = self.origin.join(&request.uri().to_string()).ok()?;
        let there = here.join(location).ok().filter(|there| there.origin() == self.origin.origin())?;
        *request.uri_mut() = target(&self.origin, there.as_str());
        if response.status() < 307 && *request.method() != Method::HEAD {
            *request.method_mut() = Method::GET;
            *request.body_mut() = Bytes::new();
            request.headers_mut().remove(header::CONTENT_TYPE);
        }
        Some(request)
    }
}

fn localhost() -> Url {
    Url::parse("https://localhost").expect("a URL as it is written here")
}

/// Path and query, as servers are sent them.
#[track_caller]
fn target(origin: &Url, path: &str) -> Uri {
    let url = origin.join(path).unwrap_or_else(|error| panic!("{path:?} is no path: {error}"));
    url[url::Position::BeforePath..url::Position::AfterQuery]
        .parse()
        .unwrap_or_else(|error| panic!("{path:?} is no path: {error}"))
}

fn with_type(mut request: Request<Bytes>, kind: &'static str, body: Bytes) -> Request<Bytes> {
    request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    *request.body_mut() = body;
    request
}
