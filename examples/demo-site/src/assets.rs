//! Static files, compiled in.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::LazyLock;

use auth_passkeys::SCRIPT;

/// A file that never changes under its path.
#[derive(Clone, Debug)]
pub struct Asset {
    /// Where it is served.
    pub path: String,
    /// Its media type.
    pub content_type: &'static str,
    /// Its text.
    pub body: &'static str,
}

impl Asset {
    /// The header that lets browsers keep it: its path names the content by a hash.
    pub const KEPT: (&'static str, &'static str) = ("cache-control", "public, max-age=31536000, immutable");
}

const STYLE: &str = include_str!("../assets/style.css");
const ICON: &str = include_str!("../assets/icon.svg");

/// All of them: the stylesheet, the icon, and the script for passkeys.
pub static ASSETS: LazyLock<[Asset; 3]> = LazyLock::new(|| {
    [
        Asset { path: hashed("style", STYLE, "css"), content_type: "text/css; charset=utf-8", body: STYLE },
        Asset { path: hashed("icon", ICON, "svg"), content_type: "image/svg+xml", body: ICON },
        Asset {
            path: hashed("passkeys", SCRIPT, "js"),
            content_type: "text/javascript; charset=utf-8",
            body: SCRIPT,
        },
    ]
});

/// Where the stylesheet is served.
pub(crate) fn style_path() -> &'static str {
    &ASSETS[0].path
}

/// Where the icon is served.
pub(crate) fn icon_path() -> &'static str {
    &ASSETS[1].path
}

/// Where the script is served.
pub(crate) fn script_path() -> &'static str {
    &ASSETS[2].path
}

/// A path that changes with the content, so that browsers may keep it for good.
fn hashed(name: &str, content: &str, extension: &str) -> String {
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    format!("/static/{name}-{:016x}.{extension}", hasher.finish())
}
