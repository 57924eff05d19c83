//! New passwords: where they come from, and which ones are refused.

use auth_core::password::WeakPassword;
use auth_core::session::SessionStore;
use auth_core::{Password, Secret};

use crate::failure::Failure;
use crate::terminal::password_from_stdin;
use crate::{Admin, NewPassword};

/// How often the command asks for a password, as in Django.
const TRIES: u32 = 3;

impl<S: SessionStore> Admin<S> {
    /// The new password of this user. If it comes neither from the terminal nor from standard input, the command is
    /// refused before anything is done.
    pub(crate) async fn new_password(
        &self,
        source: &NewPassword,
        username: &str,
    ) -> Result<Option<Secret>, Failure> {
        if source.no_password {
            Ok(None)
        } else if source.password_stdin {
            let password = password_from_stdin().await?;
            self.policy.check(&password, &[username]).map_err(|weak| Failure::Refused(describe(&weak)))?;
            Ok(Some(password))
        } else if self.terminal.is_interactive() {
            self.typed_password(username).await.map(Some)
        } else {
            Err(Failure::Usage(
                "there is no terminal to ask for a password: use --password-stdin or --no-password".into(),
            ))
        }
    }

    async fn typed_password(&self, username: &str) -> Result<Secret, Failure> {
        for _ in 0..TRIES {
            let password = self.terminal.ask_hidden("Password: ").await?;
            let again = self.terminal.ask_hidden("Password (again): ").await?;
            if password.expose() != again.expose() {
                self.terminal.tell("The two passwords differ.");
            } else if self.is_accepted(&password, username).await? {
                return Ok(password);
            }
        }
        Err(Failure::Refused(format!("no password after {TRIES} tries: nothing was changed")))
    }

    /// Whether the password is strong enough, or the operator insists. They cannot insist on an invalid one.
    async fn is_accepted(&self, password: &Secret, username: &str) -> Result<bool, Failure> {
        let Err(weak) = self.policy.check(password, &[username]) else { return Ok(true) };
        self.terminal.tell(&describe(&weak));
        if !(1..=Password::MAX_PASSWORD_LEN).contains(&password.len()) {
            return Ok(false);
        }
        self.terminal.agrees("Use it anyway?").await
    }
}

/// All reasons, one per line.
fn describe(weak: &WeakPassword) -> String {
    let reasons = weak.reasons().iter();
    reasons.fold("the password is too weak:".into(), |text, reason| format!("{text}\n  - {reason}"))
}
