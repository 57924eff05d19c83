//! actix-web.

mod app;
mod middleware;

pub use app::ActixApp;
pub use middleware::{SignedInMiddleware, SignedInMiddlewareService};
