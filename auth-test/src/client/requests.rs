//! The requests that a client sends.

use auth_core::{Auth, User};
use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{Method, Request};
use serde::Serialize;

use super::browser::Intent;
use super::{App, Client, Response};
use crate::{Cookies, SignedIn, sign_in};

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
}

fn with_type(mut request: Request<Bytes>, kind: &'static str, body: Bytes) -> Request<Bytes> {
    request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    *request.body_mut() = body;
    request
}
