//! Test kit of the authentication library: signed-in requests, a client with cookies, scripted backends and failing stores.
//!
//! # Handlers and routers alone
//!
//! # Whole applications
//!
//! placeholder

mod anonymous;
mod client;
mod clock;
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
pub use auth_core::conformance;
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
