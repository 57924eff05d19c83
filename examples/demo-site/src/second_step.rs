//! The second step of a login: the code that is asked for after the password, or once more later.

use auth_core::factors::FactorKind;
use auth_core::http::{Login, Refusal};
use auth_core::second_factor::{Enrolled, Need};
use auth_core::session::{SessionError, SessionErrorKind};
use auth_core::{Denied, DeniedKind, Session};
use auth_sql::SqlUser;
use serde::Serialize;
use url::form_urlencoded;

use crate::login::only;
use crate::pages::{Ask, Asked, too_many};
use crate::sent::Sent;
use crate::{Answer, Answered, Failed, Format, Heard, Refused, Site, Visitor, next_of};

/// Where the code is asked for.
pub(crate) const PAGE: &str = "/login/factor";

impl Site {
    /// What a login is answered: where to go, or who it is; and while something is missing, where that is asked for, or what it is.
    pub fn signed_in(
        &self,
        session: &Session<SqlUser>,
        login: &Login<SqlUser>,
        format: Format,
        next: Option<&str>,
    ) -> Answer {
        let to = session.next_or(next, "/");
        match (login, format) {
            (Login::Pending(waiting), Format::Json) => {
                Answer::json(401, &Missing::of(waiting.needs(), waiting.enrolled()))
            }
            (Login::Pending(_), Format::Form) => Answer::see_other(with_next(PAGE, &to)),
            (_, Format::Form) => Answer::see_other(to),
            (_, Format::Json) => match login.user() {
                Some(user) => Answer::json(200, &Visitor::new(user, session.backend())),
                None => Answer::bare(204),
            },
        }
    }

    /// `GET /login/factor`: asks for the code of a login that waits for it, or of somebody who is signed in.
    ///
    /// # Errors
    /// [`Failed`] if it cannot be found out whose that is.
    pub async fn ask_for_code(
        &self,
        session: &Session<SqlUser>,
        query: &str,
        elsewhere: Option<&str>,
    ) -> Answered {
        let (next, way) = (next_of(query), only(query.as_bytes(), "way"));
        let to = session.next_or(next.as_deref(), "/");
        Ok(match whom(session).await? {
            Some(asked) if asked.lacks_password() => {
                Answer::page(200, self.new_password(&asked.username, &to, None))
            }
            Some(asked) => {
                Answer::page(200, self.code(&asked, &Ask::new(&to, way.as_deref(), None).at(elsewhere)))
            }
            None if next.is_some() => Answer::see_other(with_next("/login", &to)),
            None => Answer::see_other("/login"),
        })
    }

    /// `POST /login/factor`: takes the code.
    ///
    /// # Errors
    /// [`Failed`] if it is wrong, or nobody waits for it.
    pub async fn take_code(&self, session: &Session<SqlUser>, heard: &Heard<'_>) -> Answered {
        let read = heard.read().and_then(|sent| Ok((sent.code()?, sent)));
        let (code, sent) = match read {
            Ok(read) => read,
            Err(unreadable) => return Ok(unreadable),
        };
        // The app may have been removed meanwhile, in another browser.
        let is_complete = session.pending().await?.is_some_and(|login| login.needs().is_empty());
        let added = if is_complete { session.finish_login().await } else { session.add_code(code).await };
        match added {
            Ok(login) => Ok(self.added(session, &login, &sent).await),
            Err(error) => Err(self.ask_again(session, &sent, heard.elsewhere, error).await),
        }
    }

    /// What follows on a second factor.
    pub(crate) async fn added(
        &self,
        session: &Session<SqlUser>,
        login: &Login<SqlUser>,
        sent: &Sent,
    ) -> Answer {
        if sent.trusts() && matches!(login, Login::Done(_)) {
            // Whoever is signed in by now is not kept out: they are asked again next time.
            if let Err(error) = session.trust_browser("browser").await {
                tracing::warn!(%error, "a browser could not be trusted");
            }
        }
        self.signed_in(session, login, sent.format, sent.next.as_deref())
    }

    /// The page once more, with what is wrong.
    pub(crate) async fn ask_again(
        &self,
        session: &Session<SqlUser>,
        sent: &Sent,
        elsewhere: Option<&str>,
        error: impl Into<Refused>,
    ) -> Failed {
        let error = error.into();
        if sent.format == Format::Json {
            return error.into();
        }
        let next = session.next_or(sent.next.as_deref(), "/");
        let notice = notice(&error);
        let page = match (whom(session).await, error) {
            (Ok(Some(asked)), error) if notice.is_some() => {
                let ask = Ask::new(&next, sent.way(), notice.as_deref()).at(elsewhere);
                return Failed::new(error, self.code(&asked, &ask));
            }
            (Ok(None), error) => return Failed::new(error, self.login_late(&next, elsewhere)),
            (_, Refused::Session(error)) => return self.failed(session, error),
            (_, Refused::Denied(denied)) => {
                (self.error(Visitor::of(session), Refusal::from(&denied).status()), denied)
            }
        };
        Failed::new(page.1, page.0)
    }
}

/// Who is asked for a code: whoever's login waits for it, or is signed in by a session.
pub(crate) async fn whom(session: &Session<SqlUser>) -> Result<Option<Asked>, SessionError> {
    if let Some(login) = session.pending().await? {
        let (username, enrolled) = (login.user().username().to_owned(), login.enrolled());
        return Ok(Some(Asked { username, enrolled, visitor: None, need: login.needs().first().copied() }));
    }
    let Some(user) = session.user() else { return Ok(None) };
    let all = session.factors().await?.list().await?;
    let confirmed = all.iter().filter(|factor| factor.is_confirmed());
    let enrolled = confirmed.fold(Enrolled::NONE, |enrolled, factor| enrolled.with(factor.kind));
    let visitor = Visitor::new(&user, session.backend());
    let need = enrolled.is_any().then_some(Need::SecondFactor);
    Ok(Some(Asked { username: visitor.username.clone(), enrolled, visitor: Some(visitor), need }))
}

/// What is wrong with what was typed.
fn notice(error: &Refused) -> Option<String> {
    let error = match error {
        Refused::Session(error) => error,
        Refused::Denied(denied) => return Some(not_accepted(denied)),
    };
    match error.kind() {
        SessionErrorKind::OtherUser => {
            Some("That passkey is of another account. Use one of this account, or another way.".into())
        }
        SessionErrorKind::WrongCode => {
            Some("That code is wrong, or was used before. Wait for the next one, and try again.".into())
        }
        SessionErrorKind::Throttled => Some(too_many("wrong codes", error.retry_after().unwrap_or_default())),
        SessionErrorKind::CrossOrigin => {
            Some("This form was sent from another site. Please type it here.".into())
        }
        _ => None,
    }
}

/// Why a passkey signs nobody in. What exactly is wrong with it is nobody's business.
pub(crate) fn not_accepted(denied: &Denied) -> String {
    match denied.kind() {
        DeniedKind::Unavailable => {
            "Passkeys cannot be used at the moment. Please try again in a minute.".into()
        }
        DeniedKind::Throttled => {
            too_many("passkeys that were wrong", denied.retry_after().unwrap_or_default())
        }
        DeniedKind::CrossOrigin => {
            "This form was sent from another site. Please use your passkey here.".into()
        }
        _ => "That passkey was not accepted. Perhaps it was removed, or it took too long. Try again, or use \
              another way."
            .into(),
    }
}

/// A page, with where to go afterwards.
pub(crate) fn with_next(page: &str, next: &str) -> String {
    let next: String = form_urlencoded::byte_serialize(next.as_bytes()).collect();
    format!("{page}?next={}", next.replace("%2F", "/"))
}

/// What a program is told that signed in, and lacks something.
#[derive(Serialize)]
struct Missing {
    needs: Vec<&'static str>,
}

impl Missing {
    /// The first thing that is missing, by name; of factors, each that would do.
    fn of(needs: &[Need], enrolled: Enrolled) -> Self {
        let needs = match needs.first() {
            Some(Need::SecondFactor) => enrolled.kinds().map(FactorKind::name).collect(),
            Some(Need::NewPassword) => vec!["new_password"],
            Some(Need::Enrolment) => vec!["enrolment"],
            Some(Need::Action(name)) => vec![*name],
            _ => Vec::new(),
        };
        Self { needs }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_told_what_is_missing() {
        let app = Enrolled::NONE.with(FactorKind::Totp);
        let told = |needs: &[Need], enrolled| serde_json::to_string(&Missing::of(needs, enrolled)).unwrap();
        assert_eq!(told(&[Need::SecondFactor], app), r#"{"needs":["totp"]}"#);
        let both = app.with(FactorKind::RecoveryCodes);
        assert_eq!(told(&[Need::SecondFactor], both), r#"{"needs":["totp","recovery_code"]}"#);
        assert_eq!(told(&[Need::Action("terms")], app), r#"{"needs":["terms"]}"#);
    }

    #[test]
    fn where_to_go_is_one_value() {
        assert_eq!(with_next(PAGE, "/me?tab=1&x=%2F"), "/login/factor?next=/me%3Ftab%3D1%26x%3D%252F");
    }
}
