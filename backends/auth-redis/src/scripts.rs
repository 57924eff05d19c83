//! The scripts: each performs one operation in one step, in one round trip.

use redis::Cmd;

/// A script, which the server knows by its hash.
#[derive(Debug)]
pub(crate) struct Script {
    text: String,
    hash: String,
    /// Whether running it twice has the same effect as once.
    pub(crate) repeatable: bool,
}

/// All scripts, built once.
#[derive(Debug)]
pub(crate) struct Scripts {
    pub(crate) create: Script,
    pub(crate) load: Script,
    pub(crate) update: Script,
    pub(crate) touch: Script,
    pub(crate) rotate: Script,
    pub(crate) delete: Script,
    pub(crate) delete_user: Script,
    pub(crate) trim_user: Script,
    pub(crate) list_user: Script,
    pub(crate) purge_expired: Script,
}

/// A server without memory refuses such a script before it starts, so it is never half done.
const GROWS: &str = "#!lua";
/// Such a script also runs when memory is used up: that must log nobody out, and a logout makes room. A replica
/// refuses it even if it only reads, because the replica may not have received a logout yet.
const FITS: &str = "#!lua flags=allow-oom";

const PRELUDE: &str = include_str!("lua/prelude.lua");

impl Scripts {
    pub(crate) fn new() -> Self {
        let once = |flags, body| Script::new(flags, &[PRELUDE, body], false);
        let repeatable = |body| Script::new(FITS, &[PRELUDE, body], true);
        Self {
            create: once(GROWS, include_str!("lua/create.lua")),
            load: repeatable(include_str!("lua/load.lua")),
            update: once(GROWS, include_str!("lua/update.lua")),
            touch: repeatable(include_str!("lua/touch.lua")),
            rotate: once(GROWS, include_str!("lua/rotate.lua")),
            delete: repeatable(include_str!("lua/delete.lua")),
            delete_user: repeatable(include_str!("lua/delete_user.lua")),
            trim_user: repeatable(include_str!("lua/trim_user.lua")),
            list_user: repeatable(include_str!("lua/list_user.lua")),
            purge_expired: repeatable(include_str!("lua/purge_expired.lua")),
        }
    }
}

/// The script of [`RedisThrottle`](crate::RedisThrottle). When repeated, it recognises what it did, except what it
/// removed: the caller takes that for another's change and reads again, which is just as good.
pub(crate) fn replace_buckets() -> Script {
    Script::new(GROWS, &[include_str!("lua/replace_buckets.lua")], true)
}

impl Script {
    fn new(flags: &str, parts: &[&str], repeatable: bool) -> Self {
        let text = format!("{flags}\n{}", parts.concat());
        let hash = redis::Script::new(&text).get_hash().to_owned();
        Self { text, hash, repeatable }
    }

    /// The command that runs the script on a server that knows it.
    pub(crate) fn by_hash(&self, key: &[u8], arguments: &[Argument<'_>]) -> Cmd {
        command("EVALSHA", &self.hash, key, arguments)
    }

    /// The command that runs the script on any server, which knows it from then on.
    pub(crate) fn by_text(&self, key: &[u8], arguments: &[Argument<'_>]) -> Cmd {
        command("EVAL", &self.text, key, arguments)
    }
}

/// An argument of a script.
#[derive(Clone, Copy)]
pub(crate) enum Argument<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

impl From<u64> for Argument<'_> {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl<'a> From<&'a [u8]> for Argument<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Bytes(bytes)
    }
}

impl<'a> From<&'a str> for Argument<'a> {
    fn from(text: &'a str) -> Self {
        Self::Bytes(text.as_bytes())
    }
}

/// The key determines which node of a cluster runs the script; all others are in the same slot.
fn command(name: &str, script: &str, key: &[u8], arguments: &[Argument<'_>]) -> Cmd {
    let size = arguments.iter().map(|argument| match argument {
        Argument::Number(_) => 20,
        Argument::Bytes(bytes) => bytes.len(),
    });
    let mut command =
        Cmd::with_capacity(4 + arguments.len(), 8 + script.len() + key.len() + size.sum::<usize>());
    command.arg(name).arg(script).arg(1).arg(key);
    for argument in arguments {
        match *argument {
            Argument::Number(number) => command.arg(number),
            Argument::Bytes(bytes) => command.arg(bytes),
        };
    }
    command
}
