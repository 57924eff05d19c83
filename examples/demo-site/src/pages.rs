//! The pages.

mod factors;

use std::borrow::Cow;
use std::time::Duration;

use askama::Template;
use auth_core::http::{Audience, Refusal};
use auth_core::{BackendName, Denied, DeniedKind, User};
use auth_sql::SqlUser;
use serde::Serialize;

use crate::ApiKeyView;
pub(crate) use factors::{AddPasskey, Ask, Asked};

/// The site as one framework serves it.
#[derive(Clone, Copy, Debug)]
pub struct Site {
    framework: &'static str,
}

/// Whoever is signed in, as pages and programs see them.
#[derive(Clone, Debug, Serialize)]
pub struct Visitor {
    /// The user's id.
    pub id: String,
    /// The user's name.
    pub username: String,
    /// The backend that vouched for the user.
    pub backend: String,
}

impl Visitor {
    /// This user, vouched for by this backend.
    pub fn new(user: &SqlUser, backend: Option<BackendName>) -> Self {
        Self {
            id: user.id().to_string(),
            username: user.username().to_owned(),
            backend: backend.map(|name| name.to_string()).unwrap_or_default(),
        }
    }

    fn initial(&self) -> String {
        self.username.chars().take(1).collect()
    }
}

impl Site {
    /// The site, served by this framework.
    pub const fn served_by(framework: &'static str) -> Self {
        Self { framework }
    }

    /// `/`: who you are, and what there is.
    pub fn home(&self, visitor: Option<Visitor>) -> String {
        render(&Home { frame: self.frame("/", visitor) })
    }

    /// `/login`. `next` is a checked target; `denied` is why the page is shown again; `elsewhere` is where the site has
    /// passkeys, if not where the browser looks at it.
    pub fn login(
        &self,
        visitor: Option<Visitor>,
        next: &str,
        denied: Option<&Denied>,
        elsewhere: Option<&str>,
    ) -> String {
        self.login_again(visitor, next, denied.map(notice), elsewhere)
    }

    pub(crate) fn login_again(
        &self,
        visitor: Option<Visitor>,
        next: &str,
        notice: Option<Cow<'static, str>>,
        elsewhere: Option<&str>,
    ) -> String {
        render(&LoginPage { frame: self.frame("/login", visitor), next, notice, elsewhere })
    }

    /// `/me`: for whoever is signed in.
    pub fn me(&self, visitor: Visitor) -> String {
        render(&Me { frame: self.frame("/me", Some(visitor.clone())), visitor })
    }

    /// `/members`: for members.
    pub fn members(&self, visitor: Visitor) -> String {
        render(&Members { frame: self.frame("/members", Some(visitor.clone())), visitor })
    }

    /// `/account/keys`: somebody's API keys, and the one that was made just now, which is shown this once.
    pub fn keys(&self, visitor: Visitor, keys: &[ApiKeyView], created: Option<&str>) -> String {
        render(&KeysPage { frame: self.frame("/account/keys", Some(visitor)), keys, created })
    }

    /// Anything that went wrong, by its HTTP status.
    pub fn error(&self, status: u16) -> String {
        let (heading, advice) = explain(status);
        self.explained(status, heading, advice)
    }

    fn explained(&self, status: u16, heading: &'static str, advice: &'static str) -> String {
        render(&ErrorPage { frame: self.frame("", None), status, heading, advice })
    }

    /// A layer's own answer: a page of this site for people, what the layer would say for programs.
    pub fn refused(&self, refusal: &Refusal) -> String {
        let is_page = refusal.audience() == Audience::Page && refusal.status() >= 400;
        if is_page { self.error(refusal.status()) } else { refusal.body_text().to_owned() }
    }

    fn frame(&self, here: &'static str, visitor: Option<Visitor>) -> Frame {
        Frame { framework: self.framework, here, visitor }
    }
}

/// What every page has around it.
struct Frame {
    framework: &'static str,
    here: &'static str,
    visitor: Option<Visitor>,
}

#[derive(Template)]
#[template(path = "home.html")]
struct Home {
    frame: Frame,
}

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage<'a> {
    frame: Frame,
    next: &'a str,
    notice: Option<Cow<'static, str>>,
    elsewhere: Option<&'a str>,
}

impl LoginPage<'_> {
    /// Who is signed in already, and came here on the way to somewhere that asks for a fresh proof.
    fn again(&self) -> Option<&str> {
        let visitor = self.frame.visitor.as_ref().filter(|_| self.next != "/");
        visitor.map(|visitor| &*visitor.username)
    }
}

#[derive(Template)]
#[template(path = "me.html")]
struct Me {
    frame: Frame,
    visitor: Visitor,
}

#[derive(Template)]
#[template(path = "members.html")]
struct Members {
    frame: Frame,
    visitor: Visitor,
}

#[derive(Template)]
#[template(path = "keys.html")]
struct KeysPage<'a> {
    frame: Frame,
    keys: &'a [ApiKeyView],
    created: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage {
    frame: Frame,
    status: u16,
    heading: &'static str,
    advice: &'static str,
}

/// Says no more than the client may know: not which of the two was wrong, nor whether there is such a user.
fn notice(denied: &Denied) -> Cow<'static, str> {
    match denied.kind() {
        DeniedKind::Unavailable => {
            "Signing in is not possible at the moment. Please try again in a minute.".into()
        }
        DeniedKind::Throttled => {
            let wait = too_many("attempts to sign in", denied.retry_after().unwrap_or_default());
            format!("{wait} {KNOWN_HERE}").into()
        }
        DeniedKind::CrossOrigin => "This form was sent from another site. Please sign in here.".into(),
        _ => "That did not work. Check your user name and your password.".into(),
    }
}

/// What helps whoever is kept out by somebody else.
const KNOWN_HERE: &str = "If somebody else is trying this user name, sign in where you have signed in before: there you do not \
                          wait for them.";

/// The same for names that exist and others.
pub(crate) fn too_many(what: &str, wait: Duration) -> String {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    let wait = match seconds.max(1) {
        1 => "a second".to_owned(),
        seconds @ 2..120 => format!("{seconds} seconds"),
        seconds => format!("{} minutes", seconds.div_ceil(60)),
    };
    format!("There were too many {what}. Please try again in {wait}.")
}

fn explain(status: u16) -> (&'static str, &'static str) {
    match status {
        401 => ("Please sign in again", "This needs somebody who signed in a short while ago."),
        403 => ("Not for you", "This needs a permission that you do not hold."),
        429 => ("Too many attempts", "Please wait a moment, and try again."),
        404 => ("Nothing here", "There is no page at this address."),
        503 => (
            "Not at the moment",
            "Something that this page needs is not available. Please try again in a minute.",
        ),
        400..=499 => ("That does not work", "The server does not understand what your browser asked for."),
        _ => ("Something went wrong", "It is not your fault. Please try again in a minute."),
    }
}

/// Rendering into memory cannot fail by itself; should a template ever return an error, the page is empty and
/// the log says why.
fn render(page: &impl Template) -> String {
    page.render().unwrap_or_else(|error| {
        tracing::error!(%error, "a page could not be rendered");
        String::new()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SITE: Site = Site::served_by("a test");

    fn login_again() -> String {
        SITE.login_again(None, "/", Some("No.".into()), None)
    }

    fn visitor(username: &str) -> Visitor {
        Visitor { id: "7".into(), username: username.into(), backend: "directory".into() }
    }

    fn key() -> ApiKeyView {
        ApiKeyView {
            id: "00000000001".into(),
            name: "<script>".into(),
            scopes: vec!["members".into()],
            ends_with: "wxyz".into(),
            created: 1_800_000_000,
            expires: None,
            last_used: None,
            live: true,
        }
    }

    #[test]
    fn names_are_escaped() {
        let page = SITE.keys(visitor("alice"), &[key()], None);
        assert!(!page.contains("<script") && page.contains("&#60;script"), "{page}");
        let page = SITE.me(visitor("<script>alert(1)</script>"));
        assert!(!page.contains("<script") && page.contains("&#60;script"), "{page}");
        let page = SITE.login(None, "/\"><script>", None, Some("<script>"));
        assert!(!page.contains("<script>"), "{page}");
    }

    /// The policy forbids them; a page that had one would be broken, not unsafe.
    #[test]
    fn nothing_is_inline() {
        let pages = [
            SITE.home(None),
            SITE.home(Some(visitor("alice"))),
            login_again(),
            SITE.me(visitor("alice")),
            SITE.members(visitor("alice")),
            SITE.keys(visitor("alice"), &[key()], Some("demo_once")),
            SITE.error(404),
        ];
        for page in pages {
            let page = page.replace("<script type=\"module\" src=\"/static/", "");
            for inline in ["<script", "<style", " style=", " onclick=", "javascript:"] {
                assert!(!page.contains(inline), "{inline}: {page}");
            }
            assert!(page.contains("lang=\"en\"") && page.contains("name=\"viewport\""), "{page}");
        }
    }

    #[test]
    fn who_must_wait_is_told_for_how_long() {
        let table = [
            (0, "in a second."),
            (1, "in a second."),
            (2, "in 2 seconds."),
            (119, "119 seconds."),
            (900, "15 minutes."),
        ];
        for (seconds, expected) in table {
            let told = too_many("attempts", Duration::from_secs(seconds));
            assert!(told.contains(expected), "{told}");
        }
        assert!(too_many("attempts", Duration::from_millis(1_001)).contains("2 seconds"));
    }

    #[test]
    fn the_notice_is_announced_and_tied_to_the_fields() {
        let page = login_again();
        assert!(page.contains("role=\"alert\"") && page.contains("aria-describedby=\"notice\""), "{page}");
        assert!(!SITE.login(None, "/", None, None).contains("id=\"notice\""));
    }
}
