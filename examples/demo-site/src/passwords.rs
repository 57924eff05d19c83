//! A new password, for whoever was given theirs by somebody else.

use std::error::Error;

use auth_core::http::Login;
use auth_core::second_factor::Need;
use auth_core::session::{SessionError, SessionErrorKind, StoreError};
use auth_core::{Session, User as _};
use auth_sql::{SqlUser, UserError, UserErrorKind};
use serde_json::json;

use crate::second_step::{PAGE, with_next};
use crate::{Answer, Answered, Failed, Format, Heard, People};

impl People {
    /// `POST /login/password`: sets the password that somebody chose whose login waits for it, and goes on.
    ///
    /// # Errors
    /// [`Failed`] if nobody's login waits for it, or it cannot be a password.
    pub async fn choose_password(&self, session: &Session<SqlUser>, heard: &Heard<'_>) -> Answered {
        let read = heard.read().and_then(|sent| Ok((sent.password()?.clone(), sent)));
        let (password, sent) = match read {
            Ok(read) => read,
            Err(unreadable) => return Ok(unreadable),
        };
        let next = session.next_or(sent.next.as_deref(), "/");
        // What another site sends ends here, and so does what comes too late.
        let login = match session.finish_login().await {
            Ok(login) => login,
            Err(error) if sent.format == Format::Json => return Err(error.into()),
            Err(error) if error.kind() == SessionErrorKind::NoSession => {
                return Err(Failed::new(error, self.site.login_late(&next, heard.elsewhere)));
            }
            Err(error) => return Err(self.site.failed(session, error)),
        };
        let Login::Pending(waiting) = &login else {
            return Ok(self.site.signed_in(session, &login, sent.format, sent.next.as_deref()));
        };
        if waiting.needs().first() != Some(&Need::NewPassword) {
            // First comes first: a second factor, say.
            return Ok(match sent.format {
                Format::Json => self.site.signed_in(session, &login, sent.format, None),
                Format::Form => Answer::see_other(with_next(PAGE, &next)),
            });
        }
        let Some(pending) = session.pending().await? else { return Err(nobody().into()) };
        let user = pending.user();
        if let Err(error) = self.users.set_password(&user.id(), Some(&password)).await {
            return self.not_set(user.username(), &next, sent.format, error);
        }
        let changed = self.users.find(user.username()).await.map_err(unavailable)?;
        session.rebind(changed.ok_or_else(nobody)?).await?;
        let login = session.finish_login().await?;
        Ok(self.site.signed_in(session, &login, sent.format, sent.next.as_deref()))
    }

    /// The form once more, if another password would do.
    fn not_set(&self, username: &str, next: &str, format: Format, error: UserError) -> Answered {
        let notice = match error.kind() {
            UserErrorKind::SamePassword => "That is the password that you were given. Choose another one.",
            UserErrorKind::InvalidPassword => {
                "A password has at least one character, and at most 4096 bytes."
            }
            _ => return Err(unavailable(error).into()),
        };
        Ok(match format {
            Format::Form => Answer::page(400, self.site.new_password(username, next, Some(notice))),
            Format::Json => Answer::json(400, &json!({ "detail": notice })),
        })
    }
}

fn unavailable(error: impl Error + Send + Sync + 'static) -> SessionError {
    StoreError::unavailable(error).into()
}

fn nobody() -> SessionError {
    SessionErrorKind::NoSession.into()
}
