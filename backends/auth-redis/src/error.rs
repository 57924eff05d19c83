//! Why the server could not do its work, without secrets.

use std::error::Error;
use std::fmt;
use std::io;

use auth_core::session::{StoreError, StoreErrorKind};
use redis::RedisError;

/// A failure of the server or of the connection: a code, or a fixed text. It never contains the server's message,
/// which may repeat the beginning of a command, including a password.
#[derive(Debug)]
struct Failure(Box<str>);

/// Converts a driver's error to a store's.
pub(crate) fn store_error(error: &RedisError) -> StoreError {
    if error.is_timeout() {
        return StoreError::new(StoreErrorKind::TimedOut);
    }
    match error.code() {
        Some("OOM") => StoreError::because(StoreErrorKind::Full, Failure(OUT_OF_MEMORY.into())),
        Some(code) => unavailable(&describe(code, error.detail().unwrap_or_default())),
        None if error.is_io_error() => unavailable(&io_kind(error)),
        None => unavailable(error.category()),
    }
}

const OUT_OF_MEMORY: &str = "the server's memory is used up: raise `maxmemory`";

const NO_KEYS: &str =
    "the access list does not let this user at the keys: add `~{auth}:*`, or the prefix that was set";

/// The code, and what to do about it if that is known. Of the server's message it repeats at most the name of a
/// command.
fn describe(code: &str, words: &str) -> String {
    let remedy = match (code, command_in(words)) {
        ("NOPERM", Some(command)) => {
            format!("the access list does not let this user run `{command}`: add `+{command}`")
        }
        ("NOPERM", None) => NO_KEYS.into(),
        // In a script, before Redis 7.2.
        ("ERR", _) if words.contains("can't access at least one of the keys") => NO_KEYS.into(),
        ("ERR", _) if words.contains("can't run this command") => {
            "the access list does not let this user run a command of the scripts: `check()` tells which"
                .into()
        }
        ("READONLY", _) => "the server is a replica: connect to the primary".into(),
        ("MISCONF", _) => "the server refuses writes, because it cannot write to its disk".into(),
        ("NOAUTH", _) => "the server requires a password, and the URL has none".into(),
        ("ERR", Some(command)) if words.starts_with("unknown command") => {
            format!("the server has no command `{command}`: sessions need it")
        }
        _ => return code.into(),
    };
    format!("{code}: {remedy}")
}

/// The first name in quotes, if it can be a command: anything else may be an argument.
fn command_in(words: &str) -> Option<String> {
    let name = words.split('\'').nth(1)?;
    let is_one =
        (1..=24).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'|');
    is_one.then(|| name.to_ascii_lowercase())
}

/// The answer of the server is not what the script returns.
pub(crate) fn unreadable() -> StoreError {
    unavailable("the server's answer is malformed")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_the_servers_words_only_a_command_is_told() {
        let table = [
            ("NOPERM", "this user has no permissions to run the 'getex' command", "add `+getex`"),
            (
                "NOPERM",
                "this user has no permissions to access one of the keys used as arguments",
                "add `~{auth}:*`",
            ),
            ("ERR", "unknown command 'EVALSHA', with args beginning with: 'canary'", "no command `evalsha`"),
            ("ERR", "unknown command 'canary 7', with args beginning with: ", "ERR"),
            ("ERR", "value 'canary' is not an integer", "ERR"),
            ("WRONGPASS", "invalid username-password pair 'canary'", "WRONGPASS"),
        ];
        for (code, words, says) in table {
            let told = describe(code, words);
            assert!(told.contains(says) && !told.contains("canary"), "{code} {words}: {told}");
        }
    }
}
