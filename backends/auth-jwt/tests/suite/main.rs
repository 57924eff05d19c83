//! Tokens over a chain, with issuers on the loopback interface.
#![allow(missing_docs)]

mod chains;
mod claims;
mod configuration;
mod identity;
mod keys;
mod revocation;
mod secrets;
mod start;
mod support;
