//! Passkeys: signing in by one alone, as the second step, and new ones.

use auth_core::Session;
use auth_core::session::{SessionError, SessionErrorKind};
use auth_sql::SqlUser;

use crate::factors::{LIST, visitor};
use crate::pages::AddPasskey;
use crate::second_step::not_accepted;
use crate::{Answer, Answered, Failed, Format, Heard, People, Refused, SignIn, Visitor};

/// What a new passkey is called, unless its owner says something else.
const NAME: &str = "This device";

impl People {
    /// `POST /login/passkey/options`: asks the browser for a passkey of whoever sits before it.
    ///
    /// # Errors
    /// [`Failed`] if there are no random numbers.
    pub fn ask_anybody(&self, heard: &Heard<'_>) -> Answered {
        let begun = self.passkeys.begin_login(heard.cookies.iter().copied()).map_err(SessionError::from)?;
        Ok(Answer::challenge(begun))
    }

    /// `POST /login/passkey`: signs in by a passkey and nothing else.
    ///
    /// # Errors
    /// [`Failed`] if it is not accepted.
    pub async fn log_in(&self, session: &Session<SqlUser>, heard: &Heard<'_>) -> Answered {
        let read = heard.read().and_then(|sent| Ok((sent.response()?.to_owned(), sent)));
        let (response, sent) = match read {
            Ok(read) => read,
            Err(unreadable) => return Ok(unreadable),
        };
        let assertion = self.passkeys.assertion(heard.cookies.iter().copied(), &response);
        let authenticated = match session.authenticate(assertion).await {
            Ok(authenticated) => authenticated,
            Err(denied) if sent.format == Format::Json => return Err(denied.into()),
            Err(denied) => {
                let next = session.next_or(sent.next.as_deref(), "/");
                let notice = Some(not_accepted(&denied).into());
                let form = SignIn { next: &next, elsewhere: heard.elsewhere, ..SignIn::default() };
                let page = self.site.login_again(Visitor::of(session), form, notice);
                return Err(Failed::new(denied, page));
            }
        };
        let login = session.login(authenticated).await?;
        Ok(self.site.signed_in(session, &login, sent.format, sent.next.as_deref()))
    }

    /// `POST /login/factor/passkey/options`: asks the browser for a passkey of whoever has begun to sign in, or has.
    ///
    /// # Errors
    /// [`Failed`] if there is nobody, or they have none.
    pub async fn ask_owner(&self, session: &Session<SqlUser>, heard: &Heard<'_>) -> Answered {
        let owner = session.factor_owner().await?;
        let begun = self.passkeys.begin_second_factor(heard.cookies.iter().copied(), &owner).await;
        Ok(Answer::challenge(begun.map_err(SessionError::from)?))
    }

    /// `POST /login/factor/passkey`: takes a passkey as the second step of a login, or as a fresh proof.
    ///
    /// # Errors
    /// [`Failed`] if it is not accepted, or is somebody else's.
    pub async fn take_passkey(&self, session: &Session<SqlUser>, heard: &Heard<'_>) -> Answered {
        let read = heard.read().and_then(|sent| Ok((sent.response()?.to_owned(), sent)));
        let (response, sent) = match read {
            Ok(read) => read,
            Err(unreadable) => return Ok(unreadable),
        };
        let assertion = self.passkeys.assertion(heard.cookies.iter().copied(), &response);
        let added = match session.authenticate(assertion).await {
            Ok(authenticated) => session.add(authenticated).await.map_err(Refused::from),
            Err(denied) => Err(denied.into()),
        };
        match added {
            Ok(login) => Ok(self.site.added(session, &login, &sent).await),
            Err(error) => Err(self.site.ask_again(session, &sent, heard.elsewhere, error).await),
        }
    }

    /// `GET /account/factors/passkey`: asks for the name of a new passkey.
    ///
    /// # Errors
    /// [`Failed`] if nobody is signed in by a session.
    pub async fn new_passkey(&self, session: &Session<SqlUser>, heard: &Heard<'_>) -> Answered {
        session.factors().await?;
        let add = AddPasskey { elsewhere: heard.elsewhere, ..AddPasskey::default() };
        Ok(Answer::page(200, self.site.passkey(visitor(session)?, NAME, &add)))
    }

    /// `POST /account/factors/passkey/options`: asks the browser for a new passkey.
    ///
    /// # Errors
    /// [`Failed`] if nobody is signed in by a session that is fresh.
    pub async fn ask_for_new(&self, session: &Session<SqlUser>, heard: &Heard<'_>) -> Answered {
        let (username, own) = (visitor(session)?.username, session.factors().await?);
        let cookies = heard.cookies.iter().copied();
        Ok(Answer::challenge(self.passkeys.begin_enrolment(cookies, &own, &username, &username).await?))
    }

    /// `POST /account/factors/passkey`: keeps the passkey that the browser made.
    ///
    /// # Errors
    /// [`Failed`] if it is no answer to what was asked, is there already, or the name is none.
    pub async fn enrol(&self, session: &Session<SqlUser>, heard: &Heard<'_>) -> Answered {
        let read = heard.read();
        let read = read.as_ref().map_err(Clone::clone);
        let read = read.and_then(|sent| Ok((sent.format, sent.name()?, sent.response()?)));
        let (format, name, response) = match read {
            Ok(read) => read,
            Err(unreadable) => return Ok(unreadable),
        };
        let own = session.factors().await?;
        let cookies = heard.cookies.iter().copied();
        match self.passkeys.finish_enrolment(cookies, &own, name, response).await {
            Ok(login) => Ok(self.site.signed_in(session, &login, format, Some(LIST))),
            Err(error) => Err(self.not_enrolled(session, heard, (format, name), error)),
        }
    }

    /// The form once more, if that would help.
    fn not_enrolled(
        &self,
        session: &Session<SqlUser>,
        heard: &Heard<'_>,
        (format, name): (Format, &str),
        error: SessionError,
    ) -> Failed {
        let is_there = error.kind() == SessionErrorKind::AlreadyEnrolled;
        let notice = match error.kind() {
            SessionErrorKind::AlreadyEnrolled => "You can sign in with this passkey already.",
            SessionErrorKind::WrongCode => "That took too long, or was no passkey for this page. Try again.",
            SessionErrorKind::InvalidName => "A name has at least one letter, and at most a hundred bytes.",
            _ => return self.site.failed_as(session, format, error),
        };
        let add = AddPasskey { notice: Some(notice), is_there, elsewhere: heard.elsewhere };
        let visitor = Visitor::of(session).filter(|_| format == Format::Form);
        let page = visitor.map(|visitor| self.site.passkey(visitor, name, &add));
        Failed::new(error, page)
    }
}
