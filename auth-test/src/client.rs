//! A browser, or a program, with an application in memory.

mod browser;
mod requests;
mod response;
mod sending;
mod settings;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::{HeaderMap, Request};
use url::Url;

use crate::jar::Jar;
use browser::Manner;
pub use response::Response;

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

fn localhost() -> Url {
    Url::parse("https://localhost").expect("a URL as it is written here")
}
