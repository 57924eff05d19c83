//! The page.

use askama::Template;
use auth_core::{BackendName, Denied, DeniedKind, User};
use auth_sql::SqlUser;
use demo_site::ASSETS;

use crate::chain::RIGHTS;

/// The page for this visitor, or the form for nobody; `denied` is why a login failed.
pub fn page(user: Option<&SqlUser>, backend: Option<BackendName>, denied: Option<&Denied>) -> String {
    let [style, icon] = [0, 1].map(|n| ASSETS[n].path.as_str());
    let visitor = user.zip(backend).map(|(user, backend)| Visitor::new(user, &backend));
    let page = Page { style, icon, visitor, notice: denied.map(notice) };
    // Rendering into memory cannot fail by itself.
    page.render().unwrap_or_else(|error| {
        tracing::error!(%error, "the page could not be rendered");
        String::new()
    })
}

#[derive(Template)]
#[template(path = "page.html")]
struct Page<'a> {
    style: &'a str,
    icon: &'a str,
    visitor: Option<Visitor>,
    notice: Option<&'static str>,
}

struct Visitor {
    username: String,
    backend: String,
    rights: Vec<&'static str>,
}

impl Visitor {
    fn new(user: &SqlUser, backend: &BackendName) -> Self {
        Self {
            username: user.username().to_owned(),
            backend: backend.to_string(),
            rights: RIGHTS.into_iter().filter(|right| user.has_permission(right)).collect(),
        }
    }
}

/// Says no more than the client may know.
fn notice(denied: &Denied) -> &'static str {
    match denied.kind() {
        DeniedKind::Unavailable => "Signing in is not possible at the moment. Please try again in a minute.",
        _ => "That did not work. Check your user name and your password.",
    }
}
