//! The pages about second factors.

use askama::Template;
use auth_core::Session;
use auth_core::factors::FactorKind;
use auth_core::http::{Audience, Refusal};
use auth_core::second_factor::{Enrolled, Need};
use auth_core::session::{SessionError, SessionErrorKind};
use auth_core::time::Timestamp;
use auth_sql::SqlUser;

use super::{Explained, Frame, LoginPage, SignIn, error_page, render};
use crate::factors::{FactorView, LIST, NewApp};
use crate::second_step::PAGE;
use crate::{Failed, Refused, Site, Visitor};

/// So few recovery codes are worth a warning.
const FEW: usize = 3;

const NO_SUCH_FACTOR: Explained = (
    "No such factor",
    "You have no second factor that this could be done with. Perhaps it was removed meanwhile.",
);
const LAST_FACTOR: Explained = (
    "This one stays",
    "You need a second factor, and this is the last one that you have. Add another one first.",
);
const TOO_MANY_FACTORS: Explained = (
    "That is enough",
    "You have as many second factors as one may have. Remove one that you do not need first.",
);

/// Who is asked for what is missing.
pub(crate) struct Asked {
    pub(crate) username: String,
    /// What they have, any of which would do.
    pub(crate) enrolled: Enrolled,
    /// Whoever is signed in; nobody, while a login waits.
    pub(crate) visitor: Option<Visitor>,
    /// What is asked for first, if anything is.
    pub(crate) need: Option<Need>,
}

impl Asked {
    pub(crate) fn lacks_password(&self) -> bool {
        self.need == Some(Need::NewPassword)
    }
}

/// By what the second step may be done.
#[derive(Clone, Copy)]
struct Ways {
    app: bool,
    codes: bool,
    passkey: bool,
}

impl Ways {
    fn of(asked: &Asked) -> Self {
        let may_give = |kind| asked.need == Some(Need::SecondFactor) && asked.enrolled.has(kind);
        Self {
            app: may_give(FactorKind::Totp),
            codes: may_give(FactorKind::RecoveryCodes),
            passkey: may_give(FactorKind::Passkey),
        }
    }

    /// By a code that is typed.
    fn code(self) -> bool {
        self.app || self.codes
    }
}

/// How the code is asked for.
pub(crate) struct Ask<'a> {
    /// Where to go afterwards.
    next: &'a str,
    /// On a keyboard with letters.
    by_recovery_code: bool,
    notice: Option<&'a str>,
    /// Where the site has passkeys, if not here.
    elsewhere: Option<&'a str>,
}

impl<'a> Ask<'a> {
    pub(crate) fn new(next: &'a str, way: Option<&str>, notice: Option<&'a str>) -> Self {
        Self { next, by_recovery_code: way == Some("recovery"), notice, elsewhere: None }
    }

    pub(crate) fn at(self, elsewhere: Option<&'a str>) -> Self {
        Self { elsewhere, ..self }
    }
}

impl Site {
    /// `/login/factor`: the code.
    pub(crate) fn code(&self, asked: &Asked, ask: &Ask<'_>) -> String {
        let ways = Ways::of(asked);
        render(&CodePage {
            is_login: asked.visitor.is_none(),
            frame: self.frame(PAGE, asked.visitor.clone()),
            username: &asked.username,
            by_recovery_code: ask.by_recovery_code || !ways.app,
            ways,
            ask,
        })
    }

    /// `/login/factor` for somebody whose password was chosen by somebody else: asks for one of their own.
    pub(crate) fn new_password(&self, username: &str, next: &str, notice: Option<&str>) -> String {
        render(&PasswordPage { frame: self.frame(PAGE, None), username, next, notice })
    }

    /// Asks for the name of a new passkey, and the browser for the passkey.
    pub(crate) fn passkey(&self, visitor: Visitor, name: &str, add: &AddPasskey<'_>) -> String {
        render(&PasskeyPage { frame: self.frame(LIST, Some(visitor)), name, add })
    }

    /// The login page, for whoever took too long for the second step.
    pub(crate) fn login_late(&self, next: &str, elsewhere: Option<&str>) -> String {
        let form = SignIn { next, elsewhere, ..SignIn::default() };
        let notice = Some("That took too long, or you have signed out. Please sign in again.".into());
        render(&LoginPage { frame: self.frame("/login", None), form, notice })
    }

    pub(crate) fn factor_list(
        &self,
        visitor: Visitor,
        all: &[FactorView],
        trusted: usize,
        now: Timestamp,
    ) -> String {
        let apps: Vec<_> = all.iter().filter(|factor| factor.left.is_none()).collect();
        render(&FactorsPage {
            has_factor: apps.iter().any(|factor| factor.confirmed),
            codes: all.iter().find_map(|factor| factor.left),
            codes_id: all.iter().find(|factor| factor.left.is_some()).map(|factor| &*factor.id),
            apps,
            trusted,
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
    pub fn page_of(&self, session: &Session<SqlUser>, failed: Failed) -> (Refused, Option<String>) {
        let is_page = session.audience() == Audience::Page;
        let made = || match &failed.error {
            Refused::Denied(denied) => self.error(Visitor::of(session), Refusal::from(denied).status()),
            Refused::Session(error) => self.failed_page(Visitor::of(session), error),
        };
        let page = failed.page.or_else(|| is_page.then(made));
        (failed.error, page)
    }

    /// The same where a form was sent.
    pub(crate) fn failed(&self, session: &Session<SqlUser>, error: SessionError) -> Failed {
        let page = self.failed_page(Visitor::of(session), &error);
        Failed::new(error, page)
    }

    fn failed_page(&self, visitor: Option<Visitor>, error: &SessionError) -> String {
        let (status, text) = match error.kind() {
            SessionErrorKind::NoSuchFactor => (404, NO_SUCH_FACTOR),
            SessionErrorKind::LastFactor => (409, LAST_FACTOR),
            SessionErrorKind::TooManyFactors => (409, TOO_MANY_FACTORS),
            _ => return self.error(visitor, Refusal::from(error).status()),
        };
        error_page(self.frame("", visitor), status, text)
    }
}

#[derive(Template)]
#[template(path = "factor-code.html")]
struct CodePage<'a> {
    frame: Frame,
    /// Whether it is the second step of a login.
    is_login: bool,
    username: &'a str,
    ways: Ways,
    /// Whether the code is one of paper.
    by_recovery_code: bool,
    ask: &'a Ask<'a>,
}

#[derive(Template)]
#[template(path = "new-password.html")]
struct PasswordPage<'a> {
    frame: Frame,
    username: &'a str,
    next: &'a str,
    notice: Option<&'a str>,
}

/// What the page for a new passkey says.
#[derive(Default)]
pub(crate) struct AddPasskey<'a> {
    pub(crate) notice: Option<&'a str>,
    /// Whether that is no error: the passkey is there.
    pub(crate) is_there: bool,
    /// Where the site has passkeys, if not here.
    pub(crate) elsewhere: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "factor-passkey.html")]
struct PasskeyPage<'a> {
    frame: Frame,
    name: &'a str,
    add: &'a AddPasskey<'a>,
}

#[derive(Template)]
#[template(path = "factors.html")]
struct FactorsPage<'a> {
    frame: Frame,
    apps: Vec<&'a FactorView>,
    has_factor: bool,
    codes: Option<usize>,
    codes_id: Option<&'a str>,
    /// In how many browsers no second factor is asked for.
    trusted: usize,
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
        SITE.factor_list(
            visitor(),
            &[factor(None), factor(Some(left))],
            left,
            Timestamp::from_secs(1_800_000_090),
        )
    }

    fn all() -> Vec<String> {
        let uri = "otpauth://totp/Auth%20demo:dave?secret=JBSWY3DPEHPK3PXP&issuer=Auth%20demo";
        let app = NewApp { id: "00000000001".into(), secret: "JBSWY3DPEHPK3PXP", uri };
        let app_and_key = Enrolled::NONE.with(FactorKind::Totp).with(FactorKind::Passkey);
        let asked = |visitor, need| Asked { username: "<dave>".into(), enrolled: app_and_key, visitor, need };
        let waiting = |is_complete: bool| asked(None, (!is_complete).then_some(Need::SecondFactor));
        let signed_in = |has_factor: bool| asked(Some(visitor()), has_factor.then_some(Need::SecondFactor));
        let there = AddPasskey { notice: Some("<No>."), is_there: true, elsewhere: None };
        let there_and_elsewhere = AddPasskey { elsewhere: Some("http://<dave>"), ..there };
        let code = |asked: &Asked, way, notice| SITE.code(asked, &Ask::new("/<me>", way, notice));
        let by_app = Asked { enrolled: Enrolled::NONE.with(FactorKind::Totp), ..waiting(false) };
        vec![
            code(&by_app, None, None),
            code(&waiting(false), None, None),
            code(&waiting(false), Some("recovery"), Some("<No>.")),
            code(&waiting(true), None, None),
            code(&signed_in(true), None, None),
            code(&signed_in(false), None, None),
            listed(10),
            listed(3),
            SITE.factor_list(visitor(), &[], 0, Timestamp::from_secs(0)),
            SITE.new_password("<dave>", "/<me>", Some("<No>.")),
            SITE.passkey(visitor(), "<phone>", &AddPasskey::default()),
            SITE.passkey(visitor(), "<phone>", &there),
            SITE.passkey(visitor(), "<phone>", &there_and_elsewhere),
            SITE.factor_name(visitor(), None, "<phone>", None),
            SITE.factor_name(visitor(), Some("00000000001"), "<phone>", Some("<No>.")),
            SITE.factor_code(visitor(), &app.id, "<phone>", Some(&app), None),
            SITE.factor_code(visitor(), &app.id, "<phone>", None, Some("<No>.")),
            SITE.factor_removal(visitor(), &factor(None), true),
            SITE.factor_removal(visitor(), &factor(Some(5)), false),
            SITE.codes(visitor(), &["0000-0000-0000-0000"]),
            SITE.failed_page(Some(visitor()), &SessionErrorKind::LastFactor.into()),
        ]
    }

    #[test]
    fn nothing_is_inline_and_names_are_escaped() {
        for page in all() {
            let page = page.replace("<script type=\"module\" src=\"/static/", "");
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
    fn a_passkey_comes_first_where_there_is_one() {
        let page = &all()[1];
        let (passkey, code) = (page.find("data-passkey=\"login\""), page.find("id=\"code\""));
        assert!(passkey.is_some() && passkey < code, "{page}");
        assert!(!page.contains(" autofocus"), "{page}");
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
            let page = SITE.failed_page(Some(visitor()), &kind.into());
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
