//! The tests of this crate, over real servers.

mod bounds;
mod check;
mod cluster;
mod last_build;
mod leaks;
mod once;
mod outages;
mod races;
mod sessions;
mod support;
mod throttle;
mod trips;
