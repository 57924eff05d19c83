//! Passkeys as a site uses them, with devices that sign whatever they are told.

mod answers;
mod counters;
mod device;
mod endings;
mod login;
mod owners;
mod registration;
mod replays;
mod sessions;
mod store;
mod support;
