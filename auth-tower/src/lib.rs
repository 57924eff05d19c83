//! Pluggable authentication as a Tower layer: for axum, tonic and hyper.
//!
//! [`AuthLayer`] resolves the caller of each request and lets handlers log users in and out; [`RequireLayer`] lets only
//! callers who meet a rule reach a route. Every decision is made in [`auth_core`].
//!
//! ```
//! use auth_tower::auth_core::session::{KeyRing, MemorySessions, SessionConfig};
//! use auth_tower::auth_core::{Auth, MemoryBackend, Password, Passwords, Require, Secret, User, UserId};
//! use auth_tower::{AuthLayer, CurrentUser, Error, RequireLayer, Session};
//! use axum::extract::Form;
//! use axum::response::{Redirect, Response};
//! use axum::routing::{get, post};
//! use axum::Router;
//!
//! #[derive(Clone)]
//! struct Member { id: i64, name: String }
//!
//! impl User for Member {
//!     fn id(&self) -> UserId { UserId::from(self.id) }
//!     fn security_stamp(&self) -> &[u8] { b"changes with the password" }
//!     fn is_active(&self) -> bool { true }
//! }
//!
//! #[derive(serde::Deserialize)]
//! struct Login { username: String, password: Secret, next: Option<String> }
//!
//! async fn login(session: Session<Member>, Form(form): Form<Login>) -> Result<Response, Error> {
//!     let member = session.authenticate(Password::new(form.username, form.password)).await?;
//!     Ok(session.login(member).await?.answer(form.next.as_deref()))
//! }
//!
//! async fn logout(session: Session<Member>) -> Result<Redirect, Error> {
//!     session.logout().await?;
//!     Ok(Redirect::to("/"))
//! }
//!
//! async fn me(user: CurrentUser<Member>) -> String {
//!     format!("You are {}", user.name)
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let users = MemoryBackend::new(Passwords::new()?);
//! users.insert("alice", &Secret::new("wonderland"), Member { id: 1, name: "Alice".into() }).await?;
//! let auth = Auth::builder()
//!     .backend::<Password>("local", users)
//!     .sessions(MemorySessions::new(10_000), SessionConfig::new(KeyRing::generate()?))
//!     .login_page("/login")
//!     .build()?;
//!
//! let app: Router = Router::new()
//!     .route("/me", get(me))
//!     .route("/members", get(|| async { "members only" }).layer(RequireLayer::new(Require::permission("members"))))
//!     .route("/login", post(login))
//!     .route("/logout", post(logout))
//!     .layer(AuthLayer::new(auth));
//! # drop(app);
//! # Ok(())
//! # }
//! ```
//!
//! # Features
//!
//! | feature | brings |
//! |---|---|
//! | `axum` (on by default) | reads axum's `OriginalUri` (the whole path of a request to a nested router) and `ConnectInfo` (the peer address) |
//!
//! The extractors need only axum-core, and work without it.
//!
//! The crate needs Rust 1.88. It brings along [`auth_core`], axum-core, tokio's timers, and the traits of Tower and of `http`.
//!
//! # Where next
//! The [guide](https://auth-rs.github.io/auth) leads through a whole site. [`auth_core`] describes backends, sessions and rules;
//! [`AuthBuilder`](auth_core::AuthBuilder) lists the settings. The crates `auth-sql`, `auth-redis`, `auth-ldap`, `auth-http`,
//! `auth-jwt` and `auth-passkeys` are stores and backends; `auth-test` signs users in for tests of handlers.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod auth;
mod encrypted;
mod error;
mod extract;
mod refused;
mod require;
mod respond;
mod unix_socket;
mod view;

pub use auth::{AuthLayer, AuthService, ResponseFuture};
pub use auth_core;
pub use encrypted::Encrypted;
pub use error::Error;
pub use extract::{CurrentUser, FreshUser, Login, Session, VerifiedUser, dangerous_acts_as};
pub use require::{RequireFuture, RequireLayer, RequireService};
pub use respond::{EmptyBody, ProblemBody, Respond};
pub use unix_socket::UnixSocket;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
