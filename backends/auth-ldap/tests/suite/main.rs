//! The tests of this crate: over real directories, and over one that says anything.

mod active_directory;
mod chain;
mod everybody;
mod groups;
mod guessing;
mod hostile;
mod limits;
mod load;
mod mock;
mod names;
mod odd;
mod outages;
mod paged;
mod ranges;
mod settings;
mod states;
mod support;
mod tls;
