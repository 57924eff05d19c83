//! Public test suites: what every implementation of a trait has to do.
//!
//! An implementation is finished when it passes its trait's suite, also behind an `Arc`.

pub mod api_keys;
pub mod backend;
pub mod client;
pub mod factors;
pub mod gate;
pub mod once;
pub mod provisioning;
pub mod store;
pub mod throttle;

mod together;
