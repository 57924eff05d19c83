//! Static files, compiled in.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::LazyLock;

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

/// All of them: the stylesheet and the icon.
pub static ASSETS: LazyLock<[Asset; 2]> = LazyLock::new(|| {
    [
        Asset { path: hashed("style", STYLE, "css"), content_type: "text/css; charset=utf-8", body: STYLE },
        Asset { path: hashed("icon", ICON, "svg"), content_type: "image/svg+xml", body: ICON },
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

/// A path that changes with the content, so that browsers may keep it for good.
fn hashed(name: &str, content: &str, extension: &str) -> String {
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    format!("/static/{name}-{:016x}.{extension}", hasher.finish())
}
