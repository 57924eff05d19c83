//! The program, as a process: what it does, says and answers.

mod embedded;
mod factors;
mod import;
mod keys;
mod plan;
mod servers;
mod sessions;
mod site;
mod terminal;
mod throttled;
mod users;
