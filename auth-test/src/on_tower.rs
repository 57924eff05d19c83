//! axum, and whatever else is a `tower::Service`.

mod app;
mod layer;

pub use app::TowerApp;
pub use layer::{SignedInLayer, SignedInService};
