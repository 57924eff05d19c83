//! The pages about second factors.

use askama::Template;
use auth_core::Session;
use auth_core::http::{Audience, Refusal};
use auth_core::session::{SessionError, SessionErrorKind};
use auth_core::time::Timestamp;
use auth_sql::SqlUser;

use super::{Frame, LoginPage, render};
use crate::factors::{FactorView, LIST, NewApp};
use crate::second_step::PAGE;
use crate::{Failed, Site, Visitor};

/// So few recovery codes are worth a warning.
const FEW: usize = 3;

/// Who is asked for a code.
pub(crate) enum Asked {
    /// Somebody whose login waits for it, or for nothing any more.
    Waiting { username: String, is_complete: bool },
    /// Somebody who is signed in.
    SignedIn { visitor: Visitor, has_factor: bool },
}

/// How the code is asked for.
pub(crate) struct Ask<'a> {
    /// Where to go afterwards.
    next: &'a str,
    /// On a keyboard with letters.
    by_recovery_code: bool,
    notice: Option<&'a str>,
}

impl<'a> Ask<'a> {
    pub(crate) fn new(next: &'a str, way: Option<&str>, notice: Option<&'a str>) -> Self {
        Self { next, by_recovery_code: way == Some("recovery"), notice }
    }
}

impl Site {
    /// `/login/factor`: the code.
    pub(crate) fn code(&self, asked: &Asked, ask: &Ask<'_>) -> String {
        let (username, visitor, form) = match asked {
            Asked::Waiting { username, is_complete } => (username, None, !is_complete),
            Asked::SignedIn { visitor, has_factor } => {
                (&visitor.username, Some(visitor.clone()), *has_factor)
            }
        };
        render(&CodePage {
            is_login: visitor.is_none(),
            frame: self.frame(PAGE, visitor),
            username,
            form,
            ask,
        })
    }

    /// The login page, for whoever took too long for the second step.
    pub(crate) fn login_late(&self, next: &str) -> String {
        let notice = Some("That took too long, or you have signed out. Please sign in again.".into());
        render(&LoginPage { frame: self.frame("/login", None), next, notice })
    }

    pub(crate) fn factor_list(&self, visitor: Visitor, all: &[FactorView], now: Timestamp) -> String {
        let apps: Vec<_> = all.iter().filter(|factor| factor.left.is_none()).collect();
        render(&FactorsPage {
            has_factor: apps.iter().any(|factor| factor.confirmed),
            codes: all.iter().find_map(|factor| factor.left),
            codes_id: all.iter().find(|factor| factor.left.is_some()).map(|factor| &*factor.id),
            apps,
            frame: self.frame(LIST, Some(visitor)),
            now: now.as_millis() / 1_000,
        })
    }

    /// Asks for a name: of a new app, or of one that there is.
    pub(crate) fn factor_name(
        &self,
        visitor: Visitor,
        id: Option<&str>,
        name: &str,
        notice: Option<&str>,
    ) -> String {
        render(&NamePage { frame: self.frame(LIST, Some(visitor)), id, name, notice })
    }

    /// Asks for a code of a new app; shows its secret, if it was made just now.
    pub(crate) fn factor_code(
        &self,
        visitor: Visitor,
        id: &str,
        name: &str,
        app: Option<&NewApp<'_>>,
        notice: Option<&str>,
    ) -> String {
        render(&ConfirmPage { frame: self.frame(LIST, Some(visitor)), id, name, app, notice })
    }

    pub(crate) fn factor_removal(&self, visitor: Visitor, factor: &FactorView, is_last: bool) -> String {
        render(&RemovePage { frame: self.frame(LIST, Some(visitor)), factor, is_last })
    }

    /// Recovery codes that were made just now.
    pub(crate) fn codes(&self, visitor: Visitor, codes: &[&str]) -> String {
        let username = &visitor.username.clone();
        render(&CodesPage { frame: self.frame(LIST, Some(visitor)), username, codes })
    }

    /// What a browser shows of an error; a program reads a problem.
    pub fn page_of(&self, session: &Session<SqlUser>, failed: Failed) -> (SessionError, Option<String>) {
        let is_page = session.audience() == Audience::Page;
        let page = failed.page.or_else(|| is_page.then(|| self.failed_page(&failed.error)));
        (failed.error, page)
    }

    /// The same where a form was sent.
    pub(crate) fn failed(&self, error: SessionError) -> Failed {
        Failed { page: Some(self.failed_page(&error)), error }
    }

    fn failed_page(&self, error: &SessionError) -> String {
        match error.kind() {
            SessionErrorKind::NoSuchFactor => self.explained(
                404,
                "No such factor",
                "You have no second factor that this could be done with. Perhaps it was removed meanwhile.",
            ),
            SessionErrorKind::LastFactor => self.explained(
                409,
                "This one stays",
                "You need a second factor, and this is the last one that you have. Add another one first.",
            ),
            SessionErrorKind::TooManyFactors => self.explained(
                409,
                "That is enough",
                "You have as many second factors as one may have. Remove one that you do not need first.",
            ),
            _ => self.error(Refusal::from(error).status()),
        }
    }
}

#[derive(Template)]
#[template(path = "factor-code.html")]
struct CodePage<'a> {
    frame: Frame,
    /// Whether it is the second step of a login.
    is_login: bool,
    username: &'a str,
    /// Whether there is a code to be typed.
    form: bool,
    ask: &'a Ask<'a>,
}

#[derive(Template)]
#[template(path = "factors.html")]
struct FactorsPage<'a> {
    frame: Frame,
    apps: Vec<&'a FactorView>,
    has_factor: bool,
    codes: Option<usize>,
    codes_id: Option<&'a str>,
    now: u64,
}

impl FactorsPage<'_> {
    fn are_few(&self) -> bool {
        self.codes.is_some_and(|left| left <= FEW)
    }

    fn used(&self, factor: &FactorView) -> String {
        factor.last_used.map_or_else(|| "never".into(), |then| ago(self.now.saturating_sub(then)))
    }
}

#[derive(Template)]
#[template(path = "factor-name.html")]
struct NamePage<'a> {
    frame: Frame,
    id: Option<&'a str>,
    name: &'a str,
    notice: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "factor-confirm.html")]
struct ConfirmPage<'a> {
    frame: Frame,
    id: &'a str,
    name: &'a str,
    app: Option<&'a NewApp<'a>>,
    notice: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "factor-remove.html")]
struct RemovePage<'a> {
    frame: Frame,
    factor: &'a FactorView,
    is_last: bool,
}

#[derive(Template)]
#[template(path = "recovery-codes.html")]
struct CodesPage<'a> {
    frame: Frame,
    username: &'a str,
    codes: &'a [&'a str],
}

/// A time that is over, in words.
fn ago(seconds: u64) -> String {
    let (count, unit) = match seconds {
        0..60 => return "just now".into(),
        60..3_600 => (seconds / 60, "minute"),
        3_600..86_400 => (seconds / 3_600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    format!("{count} {unit}{} ago", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SITE: Site = Site::served_by("a test");

    fn visitor() -> Visitor {
        Visitor { id: "7".into(), username: "<dave>".into(), backend: "local".into() }
    }

    fn factor(left: Option<usize>) -> FactorView {
        FactorView {
            id: "00000000001".into(),
            kind: "totp",
            name: "<phone>".into(),
            created: 1_800_000_000,
            confirmed: true,
            last_used: Some(1_800_000_000),
            left,
        }
    }

    fn listed(left: usize) -> String {
        SITE.factor_list(visitor(), &[factor(None), factor(Some(left))], Timestamp::from_secs(1_800_000_090))
    }

    fn all() -> Vec<String> {
        let uri = "otpauth://totp/Auth%20demo:dave?secret=JBSWY3DPEHPK3PXP&issuer=Auth%20demo";
        let app = NewApp { id: "00000000001".into(), secret: "JBSWY3DPEHPK3PXP", uri };
        let waiting = |is_complete| Asked::Waiting { username: "<dave>".into(), is_complete };
        let signed_in = |has_factor| Asked::SignedIn { visitor: visitor(), has_factor };
        let code = |asked: &Asked, way, notice| SITE.code(asked, &Ask::new("/<me>", way, notice));
        vec![
            code(&waiting(false), None, None),
            code(&waiting(false), Some("recovery"), Some("<No>.")),
            code(&waiting(true), None, None),
            code(&signed_in(true), None, None),
            code(&signed_in(false), None, None),
            listed(10),
            listed(3),
            SITE.factor_list(visitor(), &[], Timestamp::from_secs(0)),
            SITE.factor_name(visitor(), None, "<phone>", None),
            SITE.factor_name(visitor(), Some("00000000001"), "<phone>", Some("<No>.")),
            SITE.factor_code(visitor(), &app.id, "<phone>", Some(&app), None),
            SITE.factor_code(visitor(), &app.id, "<phone>", None, Some("<No>.")),
            SITE.factor_removal(visitor(), &factor(None), true),
            SITE.factor_removal(visitor(), &factor(Some(5)), false),
            SITE.codes(visitor(), &["0000-0000-0000-0000"]),
            SITE.failed(SessionErrorKind::LastFactor.into()).page.unwrap(),
        ]
    }

    #[test]
    fn nothing_is_inline_and_names_are_escaped() {
        for page in all() {
            for bad in
                ["<script", "<style", " style=", " onclick=", "javascript:", "<dave>", "<phone>", "<No>"]
            {
                assert!(!page.contains(bad), "{bad}: {page}");
            }
            assert!(page.contains("lang=\"en\"") && page.contains("name=\"viewport\""), "{page}");
        }
    }

    #[test]
    fn a_code_is_typed_where_browsers_offer_it() {
        let page = &all()[0];
        for wanted in
            ["autocomplete=\"one-time-code\"", "inputmode=\"numeric\"", "autofocus", "recovery code"]
        {
            assert!(page.contains(wanted), "{wanted}: {page}");
        }
        assert!(!page.contains("type=\"number\""), "{page}");
    }

    #[test]
    fn few_codes_are_warned_of() {
        assert!(listed(3).contains("id=\"few\"") && listed(0).contains("id=\"few\""));
        assert!(!listed(4).contains("id=\"few\""));
    }

    #[test]
    fn errors_are_explained() {
        let table = [
            (SessionErrorKind::LastFactor, "409"),
            (SessionErrorKind::TooManyFactors, "409"),
            (SessionErrorKind::NoSuchFactor, "404"),
            (SessionErrorKind::NotFresh, "401"),
            (SessionErrorKind::Unavailable, "503"),
        ];
        for (kind, status) in table {
            let page = SITE.failed(kind.into()).page.unwrap();
            assert!(page.contains(&format!("<p class=\"eyebrow\">{status}</p>")), "{kind:?}: {page}");
        }
    }

    #[test]
    fn times_are_told_in_words() {
        let table = [
            (0, "just now"),
            (60, "1 minute ago"),
            (7_300, "2 hours ago"),
            (86_400, "1 day ago"),
            (864_000, "10 days ago"),
        ];
        for (seconds, expected) in table {
            assert_eq!(ago(seconds), expected);
        }
    }
}
