//! Test kit of the authentication library: signed-in requests, a client with cookies, scripted backends, failing
//! stores.
//!
//! For `[dev-dependencies]`, with the feature of the framework (`tower` or `actix`; there is none by default):
//!
//! ```toml
//! [dev-dependencies]
//! auth-test = { version = "0.1", features = ["tower"] }
//! ```
//!
//! | to test | take |
//! |---|---|
//! | a handler or a router, without its `AuthLayer` | [`signed_in_as`], [`anonymous()`]; `.layer()`, `.middleware()` |
//! | a whole application with its own [`Auth`](auth_core::Auth) | [`sign_in`], [`Client::sign_in`] |
//! | what browsers and programs see | [`Client`] |
//! | logins, denials, outages of a directory | [`Scripted`], [`ScriptedVerifier`] |
//! | outages of the session store | [`Failing`] |
//! | what happens an hour later | [`TestClock`] |
//! | your own backend or store | [`conformance`] |
//!
//! # Handlers and routers alone
//!
//! A `CurrentUser` that a test inserts into the extensions of a request is answered with a 500: no layer vouches for
//! it. The kit provides that layer. It contains an `Auth` for this one test, with one user and sessions in memory. It
//! begins a real session and adds the cookie to each request, so extractors, guards, rules, session values,
//! `session.logout()` and `rotate()` work as they do in production.
//!
//! Each request loads the user again, so the user type must be `Clone`. Routes below an `AuthLayer` ask that layer and
//! not this one: for them, see [whole applications](#whole-applications).
//!
//! ```
//! # #[cfg(feature = "tower")] {
//! use auth_core::Require;
//! use auth_test::{Client, TestUser, anonymous, signed_in_as};
//! use auth_tower::{CurrentUser, RequireLayer};
//! use axum::Router;
//! use axum::routing::get;
//!
//! async fn me(user: CurrentUser<TestUser>) -> String {
//!     format!("You are {}", user.name())
//! }
//!
//! fn pages() -> Router {
//!     let members = RequireLayer::new(Require::permission("members"));
//!     Router::new().route("/me", get(me)).route("/members", get(async || "members only").layer(members))
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let alice = TestUser::new("alice").with_permission("members");
//! let client = Client::new(pages().layer(signed_in_as(alice).layer()));
//! assert_eq!(client.get("/me").await.assert_status(200).text(), "You are alice");
//! client.get("/members").await.assert_status(200);
//!
//! let client = Client::new(pages().layer(signed_in_as(TestUser::new("bob")).layer()));
//! client.get("/members").await.assert_status(403);
//!
//! let client = Client::new(pages().layer(anonymous::<TestUser>().layer())).as_program();
//! client.get("/me").await.assert_status(401);
//! # }
//! # main();
//! # }
//! ```
//!
//! For actix-web it is `.wrap(signed_in_as(alice).middleware())`:
//!
//! ```
//! # #[cfg(feature = "actix")] {
//! use actix_web::test::init_service;
//! use actix_web::{App, web};
//! use auth_actix::{CurrentUser, RequireLayer};
//! use auth_core::Require;
//! use auth_test::{Client, TestUser, signed_in_as};
//!
//! async fn me(user: CurrentUser<TestUser>) -> String {
//!     format!("You are {}", user.name())
//! }
//!
//! fn pages(config: &mut web::ServiceConfig) {
//!     let members = RequireLayer::new(Require::permission("members"));
//!     let members = web::resource("/members").wrap(members).get(async || "members only");
//!     config.route("/me", web::get().to(me)).service(members);
//! }
//!
//! # actix_web::rt::System::new().block_on(async {
//! let alice = signed_in_as(TestUser::new("alice").with_permission("members"));
//! let client = Client::actix(init_service(App::new().configure(pages).wrap(alice.middleware())).await);
//! assert_eq!(client.get("/me").await.assert_status(200).text(), "You are alice");
//! client.get("/members").await.assert_status(200);
//! # });
//! # }
//! ```
//!
//! # Whole applications
//!
//! [`sign_in`] signs a user in at the application's own `Auth`. It skips the password and no other rule: the backend
//! must find the user, and the policy of second factors holds. [`Client::sign_in`] does the same and keeps the cookies.
//!
//! ```
//! # #[cfg(feature = "tower")] {
//! use std::time::Duration;
//!
//! use auth_core::session::{KeyRing, MemorySessions, SessionConfig};
//! use auth_core::{Auth, Password};
//! use auth_test::{Client, Failing, Scripted, TestUser, signed_in_as};
//! use auth_tower::{AuthLayer, Error, FreshUser, Session};
//! use axum::Router;
//! use axum::response::Redirect;
//! use axum::routing::{get, post};
//!
//! /// The application, as it is in production.
//! fn app(auth: Auth<TestUser>) -> Router {
//!     let logout = async |session: Session<TestUser>| -> Result<Redirect, Error> {
//!         session.logout().await?;
//!         Ok(Redirect::to("/"))
//!     };
//!     let keys = async |_: FreshUser<TestUser, 300>| "keys";
//!     Router::new().route("/keys", get(keys)).route("/logout", post(logout)).layer(AuthLayer::new(auth))
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), auth_core::ConfigError> {
//! let alice = || signed_in_as(TestUser::new("alice"));
//! let sessions = Failing::new(MemorySessions::new(100));
//! let auth = Auth::builder()
//!     .backend::<Password>("local", Scripted::new().knowing(TestUser::new("alice")))
//!     .sessions(sessions.clone(), SessionConfig::new(KeyRing::generate()?))
//!     .login_page("/login")
//!     .build()?;
//! let client = Client::new(app(auth.clone()));
//! client.get("/keys").await.assert_redirect("/login?next=/keys");
//!
//! client.sign_in(&auth, alice()).await;
//! client.get("/keys").await.assert_status(200);
//!
//! // The store is down: that is a 503, and the cookie stays.
//! sessions.fail();
//! client.get("/keys").await.assert_status(503);
//! sessions.recover();
//! client.get("/keys").await.assert_status(200);
//!
//! // A login of an hour ago is too old for this page.
//! client.sign_in(&auth, alice().proven_ago(Duration::from_secs(3600))).await;
//! client.get("/keys").await.assert_status(303);
//!
//! client.post_form("/logout", &[]).await.assert_redirect("/");
//! assert_eq!(client.cookie("__Host-session"), None);
//! # Ok(())
//! # }
//! # main().unwrap();
//! # }
//! ```
//!
//! # Why nothing of it can be reached by a client
//!
//! * A release build does not contain the kit, as long as it stays among the `[dev-dependencies]`. The kit switches
//!   nothing on in the application: the adapters have no feature for tests, and no header and no environment variable
//!   is read.
//! * Only code that holds the application's `Auth` can call [`sign_in`]. It stands on
//!   [`Auth::dangerous_authenticated_with`](auth_core::Auth::dangerous_authenticated_with), and no request leads there.
//! * A layer of the kit signs in every request that passes it. That is its purpose, so keep it out of production
//!   code. Its `Auth` has fresh random keys and a separate store: another `Auth` does not accept its cookie.
//!
//! # Features
//!
//! | feature | what |
//! |---|---|
//! | `tower` | `.layer()`, `Client::new`, for `auth-tower` |
//! | `actix` | `.middleware()`, `Client::actix`, for `auth-actix` |
//!
//! The kit needs Rust 1.89.

mod anonymous;
mod client;
mod clock;
pub mod conformance;
mod failing;
mod jar;
#[cfg(feature = "actix")]
mod on_actix;
#[cfg(feature = "tower")]
mod on_tower;
mod passwords;
mod scripted;
mod sign_in;
mod signed_in;
#[cfg(any(feature = "actix", feature = "tower"))]
mod stage;
mod switch;
mod user;
mod view;

pub use anonymous::{Anonymous, anonymous};
pub use auth_core;
pub use client::{App, Client, Response};
pub use clock::TestClock;
pub use failing::Failing;
#[cfg(feature = "actix")]
pub use on_actix::{ActixApp, SignedInMiddleware, SignedInMiddlewareService};
#[cfg(feature = "tower")]
pub use on_tower::{SignedInLayer, SignedInService, TowerApp};
pub use passwords::dangerously_weak_passwords;
pub use scripted::{Scripted, ScriptedVerifier};
pub use sign_in::{Cookies, SignInError, SignInErrorKind, sign_in};
pub use signed_in::{SignedIn, signed_in_as};
pub use user::TestUser;
