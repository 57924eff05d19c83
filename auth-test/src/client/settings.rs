//! As what a client behaves.

use std::net::IpAddr;

use http::{HeaderName, HeaderValue};
use url::Url;

use super::Client;
use super::browser::Manner;

impl<A> Client<A> {
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
}
