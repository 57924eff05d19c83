//! What the chain answers, for every combination of what its backends say. C01–C16, C21–C34, CH-1, CH-2.
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
