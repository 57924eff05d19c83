//! Users: create, change, show.

use std::io::{self, Write};

use auth_core::session::SessionStore;
use auth_core::{Secret, User};
use auth_sql::{NewUser, SqlUser, UserError, UserErrorKind, canonical};
use serde::Serialize;

use crate::failure::Failure;
use crate::shown::shown;
use crate::{Admin, NewPassword};

impl<S: SessionStore> Admin<S> {
    pub(crate) async fn create_user(
        &self,
        username: Option<String>,
        permissions: &[String],
        password: &NewPassword,
    ) -> Result<(), Failure> {
        let username = match username {
            Some(username) => username,
            None if self.terminal.is_interactive() => self.terminal.ask("User name: ").await?,
            None => {
                return Err(Failure::Usage("there is no terminal to ask for a name: use --username".into()));
            }
        };
        canonical(&username).map_err(|error| Failure::refused(error.to_string()))?;
        if self.users.find(&username).await?.is_some() {
            return Err(Failure::refused("the user name is taken"));
        }
        let (is_permanent, password) = (password.permanent, self.new_password(password, &username).await?);
        let user = self.create_with(&username, password.as_ref(), is_permanent).await?;
        let granted = self.grant_all(&user, permissions).await;
        granted.map_err(|failure| failure.after("the user was created"))?;
        let so = if user.must_change_password() { TEMPORARY } else { "" };
        say(&format!("created {}, id {}{so}", shown(user.username()), shown(user.id().as_str())))
    }

    async fn create_with(
        &self,
        username: &str,
        password: Option<&Secret>,
        is_permanent: bool,
    ) -> Result<SqlUser, Failure> {
        if let Some(password) = password.filter(|_| !is_permanent) {
            match self.users.create(NewUser::new(username).with_temporary_password(password.clone())).await {
                Err(error) if is_unknown_here(&error) => self.tell_nobody_asks(&error),
                made => return Ok(made?),
            }
        }
        Ok(self.users.create_user(username, password).await?)
    }

    pub(crate) async fn set_password(&self, username: &str, password: &NewPassword) -> Result<(), Failure> {
        let user = self.user(username).await?;
        let (is_permanent, password) =
            (password.permanent, self.new_password(password, user.username()).await?);
        let so = self.set_with(&user, password.as_ref(), is_permanent).await?;
        let ended = self.end_all(&user).await;
        let ended = ended.map_err(|failure| failure.after("the password was changed"))?;
        let done = if password.is_some() { "changed the password" } else { "removed the password" };
        say(&format!("{done} of {} and ended {ended} sessions{so}", shown(user.username())))
    }

    /// Sets the password, and reports what the operator should know about it.
    async fn set_with(
        &self,
        user: &SqlUser,
        password: Option<&Secret>,
        is_permanent: bool,
    ) -> Result<&'static str, Failure> {
        if let Some(password) = password.filter(|_| !is_permanent) {
            match self.users.set_temporary_password(&user.id(), password).await {
                Err(error) if is_unknown_here(&error) => self.tell_nobody_asks(&error),
                done => return Ok(done.map(|()| TEMPORARY)?),
            }
        }
        self.users.set_password(&user.id(), password).await?;
        Ok("")
    }

    fn tell_nobody_asks(&self, why: &UserError) {
        self.terminal
            .tell(&format!("note: the user is not asked to change the password at the next login: {why}"));
    }

    pub(crate) async fn disable(&self, username: &str) -> Result<(), Failure> {
        let user = self.user(username).await?;
        self.users.set_active(&user.id(), false).await?;
        let ended = self.end_all(&user).await;
        let ended = ended.map_err(|failure| failure.after("the user was disabled"))?;
        say(&format!("disabled {} and ended {ended} sessions", shown(user.username())))
    }

    pub(crate) async fn enable(&self, username: &str) -> Result<(), Failure> {
        let user = self.user(username).await?;
        self.users.set_active(&user.id(), true).await?;
        say(&format!("enabled {}", shown(user.username())))
    }

    pub(crate) async fn grant(&self, username: &str, permissions: &[String]) -> Result<(), Failure> {
        let user = self.user(username).await?;
        self.grant_all(&user, permissions).await?;
        self.say_permissions(&user).await
    }

    pub(crate) async fn revoke(&self, username: &str, permissions: &[String]) -> Result<(), Failure> {
        let user = self.user(username).await?;
        for permission in permissions {
            self.users.revoke(&user.id(), permission).await?;
        }
        self.say_permissions(&user).await
    }

    pub(crate) async fn show_user(&self, username: &str, json: bool) -> Result<(), Failure> {
        let user = self.user(username).await?;
        if json {
            let shown = Shown {
                id: user.id().as_str().to_owned(),
                username: user.username(),
                active: user.is_active(),
                must_change_password: user.must_change_password(),
                permissions: user.permissions().collect(),
            };
            return say_json(&shown);
        }
        let active = if user.is_active() { "yes" } else { "no" };
        let (id, name) = (user.id(), shown(user.username()));
        say(&format!("id           {}\nusername     {name}\nactive       {active}", shown(id.as_str())))?;
        if user.must_change_password() {
            say("password     temporary")?;
        }
        say(&format!("permissions  {}", listed(&user)))
    }

    async fn grant_all(&self, user: &SqlUser, permissions: &[String]) -> Result<(), Failure> {
        for permission in permissions {
            self.users.grant(&user.id(), permission).await?;
        }
        Ok(())
    }

    async fn say_permissions(&self, user: &SqlUser) -> Result<(), Failure> {
        let user = self.user(user.username()).await?;
        say(&format!("permissions of {}: {}", shown(user.username()), listed(&user)))
    }
}

/// Added if the user must change the password.
const TEMPORARY: &str = "; the password is temporary, to be changed at the next login";

/// Whether the table does not support temporary passwords.
fn is_unknown_here(error: &UserError) -> bool {
    error.kind() == UserErrorKind::NoTemporaryPasswords
}

/// A user in JSON.
#[derive(Serialize)]
struct Shown<'a> {
    id: String,
    username: &'a str,
    active: bool,
    must_change_password: bool,
    permissions: Vec<&'a str>,
}

fn listed(user: &SqlUser) -> String {
    let permissions: Vec<_> = user.permissions().map(shown).collect();
    if permissions.is_empty() { "none".into() } else { permissions.join(", ") }
}

/// Writes a line to standard output.
pub(crate) fn say(text: &str) -> Result<(), Failure> {
    Ok(writeln!(io::stdout(), "{text}")?)
}

/// Writes JSON to standard output.
pub(crate) fn say_json(found: &impl Serialize) -> Result<(), Failure> {
    say(&serde_json::to_string(found).map_err(io::Error::from)?)
}
