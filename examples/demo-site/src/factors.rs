//! What people do with their own second factors.

use auth_core::factors::{FactorId, FactorKind, StoredFactor};
use auth_core::http::{Audience, OwnFactors};
use auth_core::session::{SessionError, SessionErrorKind};
use auth_core::time::{Clock as _, SystemClock, Timestamp};
use auth_core::{Secret, Session};
use auth_sql::SqlUser;
use serde::Serialize;

use crate::auth::FRESH;
use crate::sent::Sent;
use crate::{Answer, Answered, Failed, Format, Heard, Site, Visitor, qr};

/// Where they are listed.
pub(crate) const LIST: &str = "/account/factors";

/// What is done with a factor, by the last part of the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Confirm,
    Rename,
    Remove,
}

impl Change {
    fn of(path: &str) -> Option<Self> {
        match path {
            "confirm" => Some(Self::Confirm),
            "rename" => Some(Self::Rename),
            "remove" => Some(Self::Remove),
            _ => None,
        }
    }
}

/// A factor as its owner sees it: never its secret. Times are in seconds since 1970.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct FactorView {
    pub(crate) id: String,
    pub(crate) kind: &'static str,
    pub(crate) name: String,
    pub(crate) created: u64,
    /// Whether it counts.
    pub(crate) confirmed: bool,
    pub(crate) last_used: Option<u64>,
    /// How many recovery codes are left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) left: Option<usize>,
}

impl FactorView {
    pub(crate) const APP: &str = "totp";
    pub(crate) const PASSKEY: &str = "passkey";

    fn new(factor: &StoredFactor) -> Self {
        let seconds = |time: Timestamp| time.as_millis() / 1_000;
        let is_codes = factor.kind == FactorKind::RecoveryCodes;
        Self {
            id: factor.id.to_string(),
            kind: match factor.kind {
                FactorKind::Totp => Self::APP,
                FactorKind::RecoveryCodes => "recovery_codes",
                FactorKind::Passkey => Self::PASSKEY,
                _ => "other",
            },
            name: factor.name.to_string(),
            created: seconds(factor.created),
            confirmed: factor.is_confirmed(),
            last_used: factor.last_used.map(seconds),
            left: is_codes.then_some(factor.codes.len()),
        }
    }

    /// Whether a code of it is asked for. Recovery codes stand in for a factor, and are none.
    fn counts(&self) -> bool {
        self.confirmed && self.left.is_none()
    }
}

/// An app that is to be confirmed, as it is shown once.
#[derive(Serialize)]
pub(crate) struct NewApp<'a> {
    pub(crate) id: String,
    pub(crate) secret: &'a str,
    pub(crate) uri: &'a str,
}

impl NewApp<'_> {
    /// The secret in groups of four, as people type it.
    pub(crate) fn grouped(&self) -> String {
        let characters: Vec<_> = self.secret.chars().collect();
        characters.chunks(4).map(String::from_iter).collect::<Vec<_>>().join(" ")
    }

    /// The QR code.
    pub(crate) fn svg(&self) -> String {
        qr::svg(self.uri).unwrap_or_default()
    }
}

/// A factor that somebody is about to change, and what is known of it.
pub(crate) struct Changed {
    pub(crate) visitor: Visitor,
    pub(crate) factor: FactorView,
    /// Whether no code is asked for any more without it.
    pub(crate) is_last: bool,
}

impl Site {
    /// How recently whoever sees or changes their factors must have signed in.
    pub const FACTORS_FRESH: std::time::Duration = FRESH;

    /// `GET /account/factors`: what somebody has.
    ///
    /// # Errors
    /// [`Failed`] if nobody is signed in by a session.
    pub async fn factors(&self, session: &Session<SqlUser>) -> Answered {
        let (visitor, own) = (visitor(session)?, session.factors().await?);
        let listed = listed(&own).await?;
        Ok(match session.audience() {
            Audience::Page => {
                let (trusted, now) = (own.trusted_browsers().await?.len(), SystemClock.now());
                Answer::page(200, self.factor_list(visitor, &listed, trusted, now))
            }
            _ => Answer::json(200, &listed),
        })
    }

    /// `GET /account/factors/new`: asks for the name of an app.
    ///
    /// # Errors
    /// [`Failed`] if nobody is signed in by a session.
    pub async fn new_factor(&self, session: &Session<SqlUser>) -> Answered {
        session.factors().await?;
        Ok(Answer::page(200, self.factor_name(visitor(session)?, None, "Authenticator app", None)))
    }

    /// `POST /account/factors/new`: begins to enrol an app, and shows its secret.
    ///
    /// # Errors
    /// [`Failed`] if the name is none, or there are too many.
    pub async fn enrol(
        &self,
        session: &Session<SqlUser>,
        content_type: Option<&[u8]>,
        body: &[u8],
    ) -> Answered {
        let sent = Sent::read(content_type, body);
        let (sent, name) = match sent.as_ref().map_err(Clone::clone).and_then(|sent| Ok((sent, sent.name()?)))
        {
            Ok(read) => read,
            Err(unreadable) => return Ok(unreadable),
        };
        let (visitor, own) = (visitor(session)?, session.factors().await?);
        let enrolment = match own.enrol_totp(&visitor.username, name).await {
            Ok(enrolment) => enrolment,
            Err(error) => {
                let again = |notice: &str| self.factor_name(visitor, None, name, Some(notice));
                return Err(self.failed_form(session, sent.format, error, again));
            }
        };
        let (secret, uri) = (enrolment.secret.expose(), enrolment.uri.expose());
        let app = NewApp { id: enrolment.id.to_string(), secret, uri };
        Ok(match sent.format {
            Format::Form => Answer::page(201, self.factor_code(visitor, &app.id, name, Some(&app), None)),
            Format::Json => Answer::json(201, &app),
        })
    }

    /// `POST /account/factors/recovery-codes`: makes new ones, and shows them.
    ///
    /// # Errors
    /// [`Failed`] if there is no factor that they could stand in for.
    pub async fn recovery_codes(
        &self,
        session: &Session<SqlUser>,
        content_type: Option<&[u8]>,
        body: &[u8],
    ) -> Answered {
        #[derive(Serialize)]
        struct Codes<'a> {
            codes: &'a [&'a str],
        }
        let format = match Sent::read_any(content_type, body) {
            Ok(sent) => sent.format,
            Err(unreadable) => return Ok(unreadable),
        };
        let (visitor, own) = (visitor(session)?, session.factors().await?);
        let made = own.make_recovery_codes().await.map_err(|error| self.failed_as(session, format, error))?;
        let codes: Vec<_> = made.codes().iter().map(Secret::expose).collect();
        Ok(match format {
            Format::Form => Answer::page(201, self.codes(visitor, &codes)),
            Format::Json => Answer::json(201, &Codes { codes: &codes }),
        })
    }

    /// `POST /account/factors/forget-browsers`: asks for the second factor everywhere from then on.
    ///
    /// # Errors
    /// [`Failed`] if nobody is signed in by a session.
    pub async fn forget_browsers(&self, session: &Session<SqlUser>, heard: &Heard<'_>) -> Answered {
        let format = match Sent::read_any(heard.content_type, heard.body) {
            Ok(sent) => sent.format,
            Err(unreadable) => return Ok(unreadable),
        };
        let forgotten = session.factors().await?.distrust_browsers().await;
        forgotten.map_err(|error| self.failed_as(session, format, error))?;
        Ok(changed_as(format))
    }

    /// `GET /account/factors/{id}/…`: asks what is to be known before a factor is changed.
    ///
    /// # Errors
    /// [`Failed`] if somebody has no such factor.
    pub async fn ask_change(&self, session: &Session<SqlUser>, id: &str, change: &str) -> Answered {
        let own = session.factors().await?;
        let (change, id) = self.which(session, Format::Form, id, change)?;
        let Changed { visitor, factor, is_last } =
            changed(session, &own, id).await.map_err(|error| self.failed(session, error))?;
        Ok(match change {
            Change::Confirm if factor.confirmed => Answer::see_other(LIST),
            Change::Confirm => {
                Answer::page(200, self.factor_code(visitor, &factor.id, &factor.name, None, None))
            }
            Change::Rename => {
                Answer::page(200, self.factor_name(visitor, Some(&factor.id), &factor.name, None))
            }
            Change::Remove => Answer::page(200, self.factor_removal(visitor, &factor, is_last)),
        })
    }

    /// `POST /account/factors/{id}/…`: changes a factor.
    ///
    /// # Errors
    /// [`Failed`] if somebody has no such factor, or may not do this.
    pub async fn change(
        &self,
        session: &Session<SqlUser>,
        (id, change): (&str, &str),
        content_type: Option<&[u8]>,
        body: &[u8],
    ) -> Answered {
        let sent = match Sent::read_any(content_type, body) {
            Ok(sent) => sent,
            Err(unreadable) => return Ok(unreadable),
        };
        let own = session.factors().await?;
        let (change, id) = self.which(session, sent.format, id, change)?;
        let done = match change {
            Change::Confirm => return self.confirm(session, &own, id, &sent).await,
            Change::Rename => return self.rename(session, &own, id, &sent).await,
            Change::Remove => own.remove(id).await,
        };
        done.map_err(|error| self.failed_as(session, sent.format, error))?;
        Ok(changed_as(sent.format))
    }

    async fn confirm(
        &self,
        session: &Session<SqlUser>,
        own: &OwnFactors<'_, SqlUser>,
        id: FactorId,
        sent: &Sent,
    ) -> Answered {
        let code = match sent.code() {
            Ok(code) => code,
            Err(unreadable) => return Ok(unreadable),
        };
        match own.confirm_totp(id, code).await {
            Ok(login) => Ok(self.signed_in(session, &login, sent.format, Some(LIST))),
            Err(error) => {
                let named = changed(session, own, id).await.map_err(|error| self.failed(session, error))?;
                let (name, id) = (named.factor.name, id.to_string());
                let again = |notice: &str| self.factor_code(named.visitor, &id, &name, None, Some(notice));
                Err(self.failed_form(session, sent.format, error, again))
            }
        }
    }

    async fn rename(
        &self,
        session: &Session<SqlUser>,
        own: &OwnFactors<'_, SqlUser>,
        id: FactorId,
        sent: &Sent,
    ) -> Answered {
        let name = match sent.name() {
            Ok(name) => name,
            Err(unreadable) => return Ok(unreadable),
        };
        let (visitor, text) = (visitor(session)?, id.to_string());
        let again = |notice: &str| self.factor_name(visitor, Some(&text), name, Some(notice));
        own.rename(id, name).await.map_err(|error| self.failed_form(session, sent.format, error, again))?;
        Ok(changed_as(sent.format))
    }

    /// What is to be done, with which factor. A path that says neither is nobody's.
    fn which(
        &self,
        session: &Session<SqlUser>,
        format: Format,
        id: &str,
        change: &str,
    ) -> Result<(Change, FactorId), Failed> {
        let found = Change::of(change).zip(id.parse().ok());
        found.ok_or_else(|| self.failed_as(session, format, SessionErrorKind::NoSuchFactor.into()))
    }

    pub(crate) fn failed_as(
        &self,
        session: &Session<SqlUser>,
        format: Format,
        error: SessionError,
    ) -> Failed {
        if format == Format::Json { error.into() } else { self.failed(session, error) }
    }

    /// The form once more, if what was typed is at fault.
    fn failed_form(
        &self,
        session: &Session<SqlUser>,
        format: Format,
        error: SessionError,
        again: impl FnOnce(&str) -> String,
    ) -> Failed {
        let notice = match error.kind() {
            SessionErrorKind::InvalidName => "A name has at least one letter, and at most a hundred bytes.",
            SessionErrorKind::WrongCode => {
                "That code is wrong. Type the one that the app shows now; if that does not help, look at the clock of \
                 the device."
            }
            _ => return self.failed_as(session, format, error),
        };
        let page = (format == Format::Form).then(|| again(notice));
        Failed::new(error, page)
    }
}

pub(crate) fn changed_as(format: Format) -> Answer {
    if format == Format::Json { Answer::bare(204) } else { Answer::see_other(LIST) }
}

pub(crate) fn visitor(session: &Session<SqlUser>) -> Result<Visitor, SessionError> {
    let user = session.user().ok_or(SessionErrorKind::NoSession)?;
    Ok(Visitor::new(&user, session.backend()))
}

async fn listed(own: &OwnFactors<'_, SqlUser>) -> Result<Vec<FactorView>, SessionError> {
    Ok(own.list().await?.iter().map(FactorView::new).collect())
}

async fn changed(
    session: &Session<SqlUser>,
    own: &OwnFactors<'_, SqlUser>,
    id: FactorId,
) -> Result<Changed, SessionError> {
    let (mut all, id) = (listed(own).await?, id.to_string());
    let place = all.iter().position(|factor| factor.id == id).ok_or(SessionErrorKind::NoSuchFactor)?;
    let factor = all.swap_remove(place);
    let is_last = factor.counts() && !all.iter().any(FactorView::counts);
    Ok(Changed { visitor: visitor(session)?, factor, is_last })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_shown_in_groups() {
        let grouped = |secret| NewApp { id: String::new(), secret, uri: "" }.grouped();
        assert_eq!(grouped("JBSWY3DPEHPK3PXP"), "JBSW Y3DP EHPK 3PXP");
        assert_eq!(grouped("JBSWY"), "JBSW Y");
    }

    #[test]
    fn paths_say_what_is_done() {
        assert_eq!(Change::of("rename"), Some(Change::Rename));
        assert_eq!((Change::of("Rename"), Change::of("")), (None, None));
    }
}
