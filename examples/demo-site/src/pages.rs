//! The pages.

mod factors;

use std::borrow::Cow;
use std::time::Duration;

use askama::Template;
use auth_core::http::{Audience, Refusal, RefusalReason};
use auth_core::{BackendName, Denied, DeniedKind, Session, User};
use auth_sql::SqlUser;
use serde::Serialize;

use crate::{Answer, ApiKeyView, json};
pub(crate) use factors::{AddPasskey, Ask, Asked};

/// The site as one framework serves it.
#[derive(Clone, Copy, Debug)]
pub struct Site {
    framework: &'static str,
}

/// What the login form holds when it is shown.
#[derive(Clone, Copy, Debug, Default)]
pub struct SignIn<'a> {
    /// Where to go afterwards: a checked target.
    pub next: &'a str,
    /// The user name that was typed before. There is no field for the password: pages never repeat it.
    pub username: &'a str,
    /// Where the site has passkeys, if not where the browser looks at it.
    pub elsewhere: Option<&'a str>,
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

    /// Whoever is signed in by this session.
    pub fn of(session: &Session<SqlUser>) -> Option<Self> {
        session.user().map(|user| Self::new(&user, session.backend()))
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

    /// `/login`; `denied` is why the page is shown again.
    pub fn login(&self, visitor: Option<Visitor>, form: SignIn<'_>, denied: Option<&Denied>) -> String {
        self.login_again(visitor, form, denied.map(notice))
    }

    pub(crate) fn login_again(
        &self,
        visitor: Option<Visitor>,
        form: SignIn<'_>,
        notice: Option<Cow<'static, str>>,
    ) -> String {
        render(&LoginPage { frame: self.frame("/login", visitor), form, notice })
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
    pub(crate) fn error(&self, visitor: Option<Visitor>, status: u16) -> String {
        error_page(self.frame("", visitor), status, explain(status))
    }

    /// What an error says that has no body yet: a page for people, a problem for programs. `None` if the answer is no
    /// error, or one that has nothing to add.
    pub fn bare_error(&self, session: &Session<SqlUser>, status: u16) -> Option<Answer> {
        (status >= 400).then(|| match session.audience() {
            Audience::Page => Answer::page(status, self.error(Visitor::of(session), status)),
            _ => json::status(status),
        })
    }

    /// The outer layer's own answer: a page of this site for people, what the layer would say for programs. It does not
    /// tell who is asking: the page says neither that somebody is signed in, nor that nobody is.
    pub fn refused(&self, refusal: &Refusal) -> String {
        if !is_error_page(refusal) {
            return refusal.body_text().to_owned();
        }
        let frame = Frame { knows_visitor: false, ..self.frame("", None) };
        let text = match refusal.reason() {
            Some(RefusalReason::CrossOrigin) => FROM_ANOTHER_SITE,
            _ => explain(refusal.status()),
        };
        error_page(frame, refusal.status(), text)
    }

    /// A rule's answer, which stands inside of that layer: nothing for people yet, so that
    /// [`bare_error`](Self::bare_error) makes the page, which knows them.
    pub fn forbidden(refusal: &Refusal) -> &'static str {
        if is_error_page(refusal) { "" } else { refusal.body_text() }
    }

    fn frame(&self, here: &'static str, visitor: Option<Visitor>) -> Frame {
        Frame { framework: self.framework, here, visitor, knows_visitor: true }
    }
}

/// What every page has around it.
struct Frame {
    framework: &'static str,
    here: &'static str,
    visitor: Option<Visitor>,
    /// Whether it is known who is asking.
    knows_visitor: bool,
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
    form: SignIn<'a>,
    notice: Option<Cow<'static, str>>,
}

impl LoginPage<'_> {
    /// Who is signed in already, and came here on the way to somewhere that asks for a fresh proof.
    fn again(&self) -> Option<&str> {
        self.signed_in().filter(|_| self.form.next != "/")
    }

    /// Who is signed in already, and is not asked for anything.
    fn already(&self) -> Option<&str> {
        self.signed_in().filter(|_| self.form.next == "/")
    }

    fn signed_in(&self) -> Option<&str> {
        self.frame.visitor.as_ref().map(|visitor| &*visitor.username)
    }

    /// What stands in the field: what was typed, or who has to confirm.
    fn username(&self) -> &str {
        match self.form.username {
            "" => self.again().unwrap_or_default(),
            typed => typed,
        }
    }

    /// Where typing goes on. Nowhere, if nothing has to be typed.
    fn focus(&self) -> Option<&'static str> {
        if self.already().is_some() && self.notice.is_none() {
            return None;
        }
        Some(if self.username().is_empty() { "username" } else { "password" })
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

/// A heading, and what to do.
type Explained = (&'static str, &'static str);

const FROM_ANOTHER_SITE: Explained =
    ("From another site", "This form was sent by another site. If you meant to send it, please do so here.");

fn is_error_page(refusal: &Refusal) -> bool {
    refusal.audience() == Audience::Page && refusal.status() >= 400
}

fn error_page(frame: Frame, status: u16, (heading, advice): Explained) -> String {
    render(&ErrorPage { frame, status, heading, advice })
}

fn explain(status: u16) -> Explained {
    match status {
        401 => ("Please sign in again", "You signed in too long ago for this."),
        403 => ("Not for you", "This needs a permission that you do not hold."),
        405 => ("Not this way", "This address does not accept that kind of request."),
        413 => ("Too much", "Your browser sent more than this site accepts."),
        429 => ("Too many attempts", "Please wait a moment, and try again."),
        404 => ("Nothing here", "There is no page at this address."),
        503 => (
            "Not at the moment",
            "Something that this page needs is unavailable. Please try again in a minute.",
        ),
        400..=499 => ("That does not work", "The server does not understand what your browser sent."),
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

    fn form(username: &str) -> SignIn<'_> {
        SignIn { next: "/", username, elsewhere: None }
    }

    fn login_again() -> String {
        SITE.login_again(None, form("alice"), Some("No.".into()))
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
        let written = "\"><script>";
        let form = SignIn { next: "/\"><script>", username: written, elsewhere: Some("<script>") };
        for visitor in [None, Some(visitor(written))] {
            let page = SITE.login_again(visitor, form, Some("No.".into()));
            assert!(
                !page.contains("<script>") && page.contains("value=\"&#34;&#62;&#60;script&#62;\""),
                "{page}"
            );
        }
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
            SITE.error(Some(visitor("alice")), 404),
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
        assert!(!SITE.login(None, form(""), None).contains("id=\"notice\""));
    }
}
