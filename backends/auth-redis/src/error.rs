//! What kept the server from its work, without anything secret.

use std::error::Error;
use std::fmt;
use std::io;

use auth_core::session::{StoreError, StoreErrorKind};
use redis::RedisError;

/// A failure of the server or of the way to it: a code, or a fixed text. It never holds the server's own words:
/// they may repeat what a command began with, a password among them.
#[derive(Debug)]
struct Failure(Box<str>);

/// A driver's error as a store's.
pub(crate) fn store_error(error: &RedisError) -> StoreError {
    if error.is_timeout() {
        return StoreError::new(StoreErrorKind::TimedOut);
    }
    match error.code() {
        Some("OOM") => StoreError::new(StoreErrorKind::Full),
        Some(code) => unavailable(code),
        None if error.is_io_error() => unavailable(&io_kind(error)),
        None => unavailable(error.category()),
    }
}

/// The server answers something else than the script does.
pub(crate) fn unreadable() -> StoreError {
    unavailable("the server's answer makes no sense")
}

pub(crate) fn unavailable(text: &str) -> StoreError {
    StoreError::unavailable(Failure(text.into()))
}

fn io_kind(error: &RedisError) -> String {
    let io = error.source().and_then(|source| source.downcast_ref::<io::Error>());
    io.map_or_else(|| "the connection failed".into(), |io| io.kind().to_string())
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Failure {}
