//! The tests of this crate, over real database files.

mod leaks;
mod names;
mod outages;
mod provisioning;
mod rehash;
mod sessions;
mod support;
mod tables;
mod users;
