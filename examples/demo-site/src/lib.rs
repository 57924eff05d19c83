//! Everything that the two demo servers share and that no web framework is needed for: the pages and their
//! stylesheet, the command line, the accounts, and the [`Auth`](auth_core::Auth) that knows them.
//!
//! `axum-demo` and `actix-demo` are the same site on top of it. What differs between them is what differs
//! between their frameworks, and nothing else; read their `main.rs` side by side.

mod accounts;
mod answer;
mod assets;
mod auth;
mod database;
mod factors;
mod headers;
mod json;
mod keys;
mod login;
mod options;
mod pages;
mod passkeys;
mod passwords;
mod people;
mod process;
mod qr;
mod second_step;
mod secret;
mod seed;
mod sent;
#[cfg(feature = "redis")]
mod sessions;

pub use accounts::{ACCOUNTS, Account, MEMBERS};
pub use answer::{Answer, Answered, Failed, Refused};
pub use assets::{ASSETS, Asset};
pub use auth::{Demo, demo};
pub use headers::SECURITY_HEADERS;
pub use keys::{ApiKeyView, Keys, NewKey, UnreadableKey};
pub use login::{Format, Login, MAX_BODY_LEN, next_of};
pub use options::Options;
pub use pages::{SignIn, Site, Visitor};
pub use people::{Heard, People};
pub use process::{announce, bind, log_to_stderr, shutdown};
