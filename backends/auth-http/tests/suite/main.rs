//! The verifiers against real servers on the loopback interface, over a chain.
#![allow(missing_docs)]

mod breaker;
mod cache;
mod configuration;
mod confirm;
mod document;
mod introspection;
mod odd;
mod passwords;
mod secrets;
mod support;
mod tls;
mod transport;
