//! What the tests of the whole workspace share.
// Helpers panic where the test that calls them fails.
#![allow(clippy::missing_panics_doc)]

pub mod accounts;
pub mod actix;
pub mod authority;
pub mod bare;
pub mod browser;
pub mod client;
pub mod expected;
pub mod faults;
pub mod gate;
pub mod issuer;
pub mod logs;
pub mod pages;
pub mod process;
pub mod raw;
pub mod remote;
pub mod site;
pub mod tower;
pub mod world;
