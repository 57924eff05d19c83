//! The tests of this crate, over real servers.

mod bounds;
mod cluster;
mod leaks;
mod outages;
mod races;
mod sessions;
mod support;
mod trips;
