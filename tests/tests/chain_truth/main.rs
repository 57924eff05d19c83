//! What the chain answers, for every combination of what its backends say.
#![allow(missing_docs)]

mod breaker;
mod builder;
mod credentials;
mod events;
mod hash_runs;
mod interruptions;
mod odd;
mod scripted;
mod table;
