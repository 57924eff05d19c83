//! Pluggable authentication as an actix-web middleware.
//!
//! [`AuthLayer`] resolves the caller of each request and lets handlers log users in and out; [`RequireLayer`] lets only
//! callers who meet a rule reach a route. Every decision is made in [`auth_core`]; the names are those of `auth-tower`.
//!
//! ```
//! use actix_web::{App, HttpResponse, Responder, get, http::header, post, web};
//! use auth_actix::auth_core::session::{KeyRing, MemorySessions, SessionConfig};
//! use auth_actix::auth_core::{Auth, MemoryBackend, Password, Passwords, Require, Secret, User, UserId};
//! use auth_actix::{AuthLayer, CurrentUser, Error, RequireLayer, Session};
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
//! #[post("/login")]
//! async fn login(session: Session<Member>, form: web::Form<Login>) -> Result<HttpResponse, Error> {
//!     let form = form.into_inner();
//!     let member = session.authenticate(Password::new(form.username, form.password)).await?;
//!     Ok(session.login(member).await?.answer(form.next.as_deref()))
//! }
//!
//! #[post("/logout")]
//! async fn logout(session: Session<Member>) -> Result<HttpResponse, Error> {
//!     session.logout().await?;
//!     Ok(HttpResponse::SeeOther().insert_header((header::LOCATION, "/")).finish())
//! }
//!
//! #[get("/me")]
//! async fn me(user: CurrentUser<Member>) -> impl Responder {
//!     format!("You are {}", user.name)
//! }
//!
//! # #[actix_web::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let users = MemoryBackend::new(Passwords::new()?);
//! users.insert("alice", &Secret::new("wonderland"), Member { id: 1, name: "Alice".into() }).await?;
//! let auth = Auth::builder()
//!     .backend::<Password>("local", users)
//!     .sessions(MemorySessions::new(10_000), SessionConfig::new(KeyRing::generate()?))
//!     .login_page("/login")
//!     .build()?;
//!
//! let app = move || {
//!     let members = web::resource("/members")
//!         .wrap(RequireLayer::new(Require::permission("members")))
//!         .to(|| async { "members only" });
//!     App::new().wrap(AuthLayer::new(auth.clone())).service(login).service(logout).service(me).service(members)
//! };
//! # let _ = app();
//! # Ok(())
//! # }
//! ```
//!
//! # Features
//!
//! None. Features of [`auth_core`], such as `bcrypt`, are switched on by a dependency on `auth-core`.
//!
//! The crate needs Rust 1.89, as actix-web's dependencies do. It brings along [`auth_core`] and actix-web without its default
//! features.
//!
//! # Where next
//! The [guide](https://auth-rs.github.io/auth) leads through a whole site. [`auth_core`] describes backends, sessions and rules;
//! [`AuthBuilder`](auth_core::AuthBuilder) lists the settings. The crates `auth-sql`, `auth-redis`, `auth-ldap`, `auth-http`,
//! `auth-jwt` and `auth-passkeys` are stores and backends; `auth-test` signs users in for tests of handlers.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod auth;
mod error;
mod extract;
mod require;
mod respond;
mod unix_socket;
mod view;

pub use auth::{AuthLayer, AuthService, ResponseFuture};
pub use auth_core;
pub use error::Error;
pub use extract::{CurrentUser, Extracting, FreshUser, Login, Session, VerifiedUser, dangerous_acts_as};
pub use require::{RequireFuture, RequireLayer, RequireService};
pub use respond::{ProblemBody, Respond};
pub use unix_socket::UnixSocket;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
